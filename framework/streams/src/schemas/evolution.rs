//! Whether a new version of a schema can stand beside the released ones, in words.
//!
//! Avro is checked whole. JSON Schema and Protobuf are not checked yet, and say so ([`Checked::Not`]).

mod avro;

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::schemas::avro::AvroSchema;
use crate::serde::SchemaFormat;

/// Who must be able to read what; the names are those of schema registries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compatibility {
    /// The new version reads what the last one wrote.
    Backward,
    /// The new version reads what any released one wrote.
    BackwardTransitive,
    /// The last version reads what the new one writes.
    Forward,
    /// Every released version reads what the new one writes.
    ForwardTransitive,
    /// Both, with the last version.
    Full,
    /// Both, with every released version.
    FullTransitive,
    /// Whatever comes.
    None,
}

impl Compatibility {
    /// All modes.
    pub const ALL: [Self; 7] = [
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
        Self::None,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
            Self::None => "NONE",
        }
    }

    fn is_transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }

    fn reads_old(self) -> bool {
        !matches!(self, Self::Forward | Self::ForwardTransitive | Self::None)
    }

    fn is_read_by_old(self) -> bool {
        !matches!(self, Self::Backward | Self::BackwardTransitive | Self::None)
    }
}

impl fmt::Display for Compatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Compatibility {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::config(format!("unknown compatibility `{name}`; there are {names}"))
        })
    }
}

/// What the check of a version came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// It was checked; without findings, it is compatible.
    Whole(Vec<Finding>),
    /// Its language is not checked.
    Not(SchemaFormat),
}

/// Something that one version cannot read of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The version that reads.
    pub reader: u32,
    /// The version that wrote.
    pub writer: u32,
    /// The way to the field: `legs[].gate`; empty for the schema itself.
    pub path: String,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Finding {
    /// Writes "version 2 cannot read version 1: field `gate`: ...".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {} cannot read version {}: ", self.reader, self.writer)?;
        if !self.path.is_empty() {
            write!(f, "field `{}`: ", self.path)?;
        }
        f.write_str(&self.why)
    }
}

/// Checks a new version of an Avro schema against the released ones, given in their order.
///
/// # Examples
///
/// ```
/// use kappa::schemas::avro::AvroSchema;
/// use kappa::schemas::evolution::{Checked, Compatibility, check_avro};
///
/// let parse = |fields: &str| {
///     AvroSchema::parse(&format!(
///         r#"{{"type": "record", "name": "flights.Departure", "fields": [{fields}]}}"#
///     ))
/// };
/// let old = parse(r#"{"name": "flight", "type": "string"}"#)?;
/// let new = parse(r#"{"name": "flight", "type": "string"}, {"name": "gate", "type": "string"}"#)?;
/// let released = [(1, old)];
/// let checked = check_avro(Compatibility::BackwardTransitive, &released, (2, &new));
/// let Checked::Whole(findings) = checked else { panic!("Avro is checked") };
/// assert_eq!(
///     findings[0].to_string(),
///     "version 2 cannot read version 1: field `gate`: \
///      records of version 1 have no such field, and version 2 gives it no default",
/// );
/// # Ok::<(), kappa::Error>(())
/// ```
#[must_use]
pub fn check_avro(
    mode: Compatibility,
    released: &[(u32, AvroSchema)],
    new: (u32, &AvroSchema),
) -> Checked {
    let from = if mode.is_transitive() { 0 } else { released.len().saturating_sub(1) };
    let mut findings = Vec::new();
    for (version, old) in released.iter().skip(from) {
        let old = (*version, old);
        if mode.reads_old() {
            findings.extend(avro::unreadable(old, new));
        }
        if mode.is_read_by_old() {
            findings.extend(avro::unreadable(new, old));
        }
    }
    Checked::Whole(findings)
}
