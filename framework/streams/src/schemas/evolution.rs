//! Whether a new version of a schema can stand beside the released ones, in words.
//!
//! Avro is compared as records are resolved; Protobuf and JSON Schema by `kappa-evolution`, whose
//! rules the embedded registry has too.

mod any_schema;
mod avro;
mod compatibility;

use std::fmt;

pub use self::any_schema::AnySchema;
pub use self::compatibility::Compatibility;

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

/// Checks a new version of a schema against the released ones, given in their order. Without findings
/// it is compatible.
///
/// # Examples
///
/// ```
/// use kappa::schemas::evolution::{AnySchema, Compatibility, check};
/// use kappa::serde::SchemaFormat;
///
/// let parse = |fields: &str| {
///     let text = format!(r#"{{"type": "record", "name": "Departure", "fields": [{fields}]}}"#);
///     AnySchema::parse(SchemaFormat::Avro, &text, &[])
/// };
/// let old = parse(r#"{"name": "flight", "type": "string"}"#)?;
/// let new = parse(r#"{"name": "flight", "type": "string"}, {"name": "gate", "type": "string"}"#)?;
/// let findings = check(Compatibility::BackwardTransitive, &[(1, old)], (2, &new));
/// assert_eq!(
///     findings[0].to_string(),
///     "version 2 cannot read version 1: field `gate`: \
///      records of version 1 have no such field, and version 2 gives it no default",
/// );
/// # Ok::<(), kappa::Error>(())
/// ```
#[must_use]
pub fn check(
    mode: Compatibility,
    released: &[(u32, AnySchema)],
    new: (u32, &AnySchema),
) -> Vec<Finding> {
    let from = if mode.is_transitive() { 0 } else { released.len().saturating_sub(1) };
    let mut findings = Vec::new();
    for (version, old) in released.iter().skip(from) {
        let old = (*version, old);
        if mode.reads_old() {
            findings.extend(any_schema::unreadable(old, new));
        }
        if mode.is_read_by_old() {
            findings.extend(any_schema::unreadable(new, old));
        }
    }
    findings
}
