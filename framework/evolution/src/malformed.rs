//! Why a text is no schema.

use std::fmt;

/// Why a text is no schema, and where, as far as that can be said.
///
/// # Examples
///
/// ```
/// use kappa_evolution::protobuf::ProtobufFile;
///
/// let error = ProtobufFile::parse("syntax = \"proto3\";\nmassage Departed {}", &[]).unwrap_err();
/// assert!(error.to_string().starts_with("line 2, column 1: "), "{error}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Line and column, from 1.
    place: Option<(usize, usize)>,
    why: String,
    /// Whether it may be a schema all the same.
    is_beyond: bool,
}

impl Malformed {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self { place: None, why: why.into(), is_beyond: false }
    }

    pub(crate) fn at(line: usize, column: usize, why: impl Into<String>) -> Self {
        Self { place: Some((line, column)), ..Self::new(why) }
    }

    /// Of what may well be right, and is not known here.
    pub(crate) fn beyond(self) -> Self {
        Self { is_beyond: true, ..self }
    }

    /// Returns whether it may be a schema all the same, in words that are not known here.
    #[must_use]
    pub fn is_beyond(&self) -> bool {
        self.is_beyond
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.place {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.why)
    }
}

impl std::error::Error for Malformed {}
