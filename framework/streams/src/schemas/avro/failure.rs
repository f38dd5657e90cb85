//! Why a value cannot be read or written, and where in it.

use std::fmt;

/// An error with the way to the value it is about.
#[derive(Debug)]
pub(super) struct Failure(Box<Inner>);

#[derive(Debug)]
struct Inner {
    message: String,
    /// From the inside out.
    way: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Field(String),
    Item(usize),
}

impl Failure {
    #[cold]
    pub(crate) fn new(message: String) -> Self {
        Self(Box::new(Inner { message, way: Vec::new() }))
    }

    /// Notes the field, or the key of the map, that it happened in.
    #[cold]
    pub(crate) fn in_field(mut self, name: &str) -> Self {
        self.0.way.push(Step::Field(name.to_owned()));
        self
    }

    /// Notes the item of the array that it happened in.
    #[cold]
    pub(crate) fn in_item(mut self, at: usize) -> Self {
        self.0.way.push(Step::Item(at));
        self
    }
}

impl fmt::Display for Failure {
    /// Writes "field `legs[2].gate`: ...".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.way.iter().rev().enumerate() {
            match (at, step) {
                (0, Step::Field(name)) => write!(f, "field `{name}")?,
                (_, Step::Field(name)) => write!(f, ".{name}")?,
                (0, Step::Item(item)) => write!(f, "item `[{item}]")?,
                (_, Step::Item(item)) => write!(f, "[{item}]")?,
            }
        }
        if !self.0.way.is_empty() {
            f.write_str("`: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Failure {}

impl serde::de::Error for Failure {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    #[cold]
    fn missing_field(name: &'static str) -> Self {
        Self::new(format!("the Rust type has a field `{name}`, and the schema has none"))
    }

    #[cold]
    fn unknown_field(name: &str, _: &'static [&'static str]) -> Self {
        Self::new(format!("the schema has a field `{name}`, and the Rust type has none"))
    }
}

impl serde::ser::Error for Failure {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}
