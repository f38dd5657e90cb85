//! What the registry holds: schemas, their references, and settings.

use std::fmt::{self, Display, Formatter, Write};

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The language of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum SchemaType {
    /// Apache Avro, which is meant where nothing is said.
    #[default]
    Avro,
    /// JSON Schema.
    Json,
    /// Protocol Buffers.
    Protobuf,
}

/// What a schema takes from another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Reference {
    /// How the schema calls it: a full name (Avro), an import (Protobuf), a `$ref` (JSON).
    pub(crate) name: String,
    pub(crate) subject: String,
    /// Below zero in a request: the latest.
    pub(crate) version: i64,
}

/// A schema, in the form in which it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Schema {
    pub(crate) schema_type: SchemaType,
    pub(crate) schema: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) references: Vec<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rule_set: Option<Value>,
}

/// What tells schemas apart: equal schemas have equal ids.
pub(crate) type Identity = (SchemaType, String);

impl Schema {
    /// Returns the MD5 of what it says, in the form of a UUID. Without metadata and rules it is
    /// the one of Confluent's registry.
    pub(crate) fn guid(&self) -> String {
        let mut digest = Md5::new();
        digest.update(&self.schema);
        for reference in &self.references {
            digest.update(&reference.name);
            digest.update(&reference.subject);
            digest.update(i32::try_from(reference.version).unwrap_or(i32::MAX).to_be_bytes());
        }
        for more in [&self.metadata, &self.rule_set].into_iter().flatten() {
            digest.update([1]);
            digest.update(more.to_string());
        }
        let mut guid = String::with_capacity(36);
        for (i, byte) in digest.finalize().iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                guid.push('-');
            }
            // Writing to a string cannot fail.
            let _ = write!(guid, "{byte:02x}");
        }
        guid
    }

    pub(crate) fn identity(&self) -> Identity {
        (self.schema_type, self.guid())
    }
}

/// What a new version must keep to; who reads whom is told by the older schema's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Level {
    /// Nothing is checked.
    None,
    /// The new version reads what the latest has written.
    Backward,
    /// The new version reads what any earlier one has written.
    BackwardTransitive,
    /// The latest version reads what the new one writes.
    Forward,
    /// Every earlier version reads what the new one writes.
    ForwardTransitive,
    /// Both ways with the latest version.
    Full,
    /// Both ways with every earlier version.
    FullTransitive,
}

impl Level {
    const ALL: [Self; 7] = [
        Self::None,
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(name))
    }

    /// Returns its name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }

    pub(crate) fn is_transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }

    pub(crate) fn is_backward(self) -> bool {
        let full = matches!(self, Self::Full | Self::FullTransitive);
        full || matches!(self, Self::Backward | Self::BackwardTransitive)
    }

    pub(crate) fn is_forward(self) -> bool {
        let full = matches!(self, Self::Full | Self::FullTransitive);
        full || matches!(self, Self::Forward | Self::ForwardTransitive)
    }
}

impl Display for Level {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a subject, or all, may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Mode {
    ReadWrite,
    ReadOnly,
    /// For all it also overrules the subjects' own modes.
    #[serde(rename = "READONLY_OVERRIDE")]
    ReadOnlyOverride,
    /// Versions and ids are given, and nothing is checked.
    Import,
}

impl Mode {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let all = [Self::ReadWrite, Self::ReadOnly, Self::ReadOnlyOverride, Self::Import];
        all.into_iter().find(|mode| mode.name().eq_ignore_ascii_case(name))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ReadWrite => "READWRITE",
            Self::ReadOnly => "READONLY",
            Self::ReadOnlyOverride => "READONLY_OVERRIDE",
            Self::Import => "IMPORT",
        }
    }

    pub(crate) fn is_read_only(self) -> bool {
        matches!(self, Self::ReadOnly | Self::ReadOnlyOverride)
    }
}

/// What is configured for a subject, or for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Settings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) compatibility: Option<Level>,
    /// Whether schemas are always normalized before they are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) normalize: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_are_those_of_confluent() {
        let schema = Schema {
            schema_type: SchemaType::Avro,
            schema: "\"string\"".to_owned(),
            references: Vec::new(),
            metadata: None,
            rule_set: None,
        };
        // The MD5 of the eight bytes `"string"`, as `md5sum` says it.
        assert_eq!(schema.guid(), "095d71cf-1255-6b9d-5e33-0ad575b3df5d");
    }
}
