//! Sets of the kinds that a JSON value may be of.

use std::fmt;

use serde_json::Value;

/// A set of kinds. Whole numbers and others are told apart, so that a number may be either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Kinds(u8);

impl Kinds {
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(1 << 1);
    pub(super) const INTEGER: Self = Self(1 << 2);
    const FRACTION: Self = Self(1 << 3);
    pub(super) const NUMBER: Self = Self(Self::INTEGER.0 | Self::FRACTION.0);
    pub(super) const STRING: Self = Self(1 << 4);
    pub(super) const ARRAY: Self = Self(1 << 5);
    pub(super) const OBJECT: Self = Self(1 << 6);
    pub(super) const NONE: Self = Self(0);
    pub(super) const ALL: Self = Self(0x7f);

    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => return None,
        })
    }

    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(number) if number.as_f64().is_some_and(|n| n.fract() == 0.0) => {
                Self::INTEGER
            }
            Value::Number(_) => Self::FRACTION,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.and(other) != Self::NONE
    }

    pub(super) fn is_within(self, other: Self) -> bool {
        self.and(other) == self
    }

    /// Returns all but numbers that are not whole.
    pub(super) fn without_fractions(self) -> Self {
        Self(self.0 & !Self::FRACTION.0)
    }

    /// Returns each kind by itself, numbers as one where they may be both.
    pub(super) fn each(self) -> impl Iterator<Item = Self> {
        let all =
            [Self::NULL, Self::BOOLEAN, Self::NUMBER, Self::STRING, Self::ARRAY, Self::OBJECT];
        all.into_iter().map(move |kind| self.and(kind)).filter(|kind| *kind != Self::NONE)
    }
}

impl fmt::Display for Kinds {
    /// Writes "string or null".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ALL => return f.write_str("anything"),
            Self::NONE => return f.write_str("nothing"),
            _ => {}
        }
        for (at, kind) in self.each().enumerate() {
            let name = match kind {
                Self::NULL => "null",
                Self::BOOLEAN => "boolean",
                Self::INTEGER => "integer",
                Self::STRING => "string",
                Self::ARRAY => "array",
                Self::OBJECT => "object",
                _ => "number",
            };
            let between = if at == 0 { "" } else { " or " };
            write!(f, "{between}{name}")?;
        }
        Ok(())
    }
}
