//! What a serde says about its encoding, for registries and tools.

use std::fmt;
use std::sync::Arc;

use super::SerdeError;

/// The language a schema is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SchemaFormat {
    /// Apache Avro.
    Avro,
    /// Protocol buffers.
    Protobuf,
    /// JSON Schema.
    Json,
}

impl fmt::Display for SchemaFormat {
    /// Writes the name that registries know it by.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Avro => "AVRO",
            Self::Protobuf => "PROTOBUF",
            Self::Json => "JSON",
        })
    }
}

/// A half of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The key.
    Key,
    /// The value.
    Value,
}

impl Part {
    /// Returns the name of the header that names the schema of this half.
    #[must_use]
    pub const fn schema_header(self) -> &'static str {
        match self {
            Self::Key => "__key_schema_id",
            Self::Value => "__value_schema_id",
        }
    }
}

/// A schema as a registry has it: its text, and the schemas of other subjects that it uses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Schema {
    /// Its language.
    pub format: SchemaFormat,
    /// The full name of the record it describes, if it has one.
    pub name: Option<Arc<str>>,
    /// Its text.
    pub text: Arc<str>,
    /// What it uses of other subjects.
    pub references: Vec<SchemaReference>,
}

/// A schema of another subject, by the name that it is used under.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SchemaReference {
    /// The name it is used under.
    pub name: String,
    /// The subject.
    pub subject: String,
    /// The subject's version.
    pub version: i32,
}

/// An error that passes by itself: what is lacking has been asked for, and may be there at the next try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unready(pub String);

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unready {}

/// Whether a serde lacks something that was asked for.
pub(crate) fn is_unready(cause: &SerdeError) -> bool {
    cause.downcast_ref::<Unready>().is_some()
}
