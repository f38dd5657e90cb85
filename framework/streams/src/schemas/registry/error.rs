//! What the registry answered, where it was not what was asked for.

use std::fmt;

/// Why the registry gave no schema, and with that what can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RegistryErrorKind {
    /// It cannot be reached, is slow or in trouble; asking again may help.
    Unavailable,
    /// It does not accept who asks.
    Denied,
    /// It has no such id, subject or version.
    NotFound,
    /// The schema breaks the compatibility of its subject.
    Incompatible,
    /// What was asked, or the schema itself, makes no sense.
    Invalid,
    /// The schema, with all it uses, is larger than is read.
    TooLarge,
    /// What answers does not seem to be a registry.
    Unexpected,
}

/// An error of the registry, or on the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryError {
    kind: RegistryErrorKind,
    message: String,
}

impl RegistryError {
    /// Makes an error: lower case, no full stop.
    #[must_use]
    pub fn new(kind: RegistryErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(RegistryErrorKind::Invalid, message)
    }

    /// Puts what was asked for before the message.
    #[must_use]
    pub fn context(self, context: impl fmt::Display) -> Self {
        Self { message: format!("{context}: {}", self.message), ..self }
    }

    /// Returns what the error is about.
    #[must_use]
    pub fn kind(&self) -> RegistryErrorKind {
        self.kind
    }

    /// Returns whether asking again may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.kind == RegistryErrorKind::Unavailable
    }

    /// Returns whether the bytes that named the schema are to blame, and not the registry or the way to it.
    pub(super) fn is_final(&self) -> bool {
        use RegistryErrorKind::{Incompatible, Invalid, NotFound, TooLarge};
        matches!(self.kind, NotFound | Incompatible | Invalid | TooLarge)
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RegistryError {}
