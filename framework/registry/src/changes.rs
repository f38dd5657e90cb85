//! What happens to a registry, as values: a log of them is the registry.

use serde::{Deserialize, Serialize};

use crate::model::{Mode, Schema, Settings};

/// One thing that has happened; whoever keeps them all, in order, can [restore] the registry.
///
/// It is written and read as JSON, by `serde`; what it says is the registry's own affair.
///
/// [restore]: crate::Registry::restore
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Change(pub(crate) Fact);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "kebab-case")]
pub(crate) enum Fact {
    /// A version of a subject is there.
    Version {
        subject: String,
        version: u32,
        id: u32,
        #[serde(flatten)]
        schema: Schema,
        #[serde(default)]
        deleted: bool,
    },
    /// A version is hidden, and may come back.
    Hidden {
        subject: String,
        version: u32,
    },
    /// A version is gone for ever.
    Removed {
        subject: String,
        version: u32,
    },
    /// This holds for a subject, or for all; nothing takes it away.
    Settings {
        subject: Option<String>,
        settings: Option<Settings>,
    },
    Mode {
        subject: Option<String>,
        mode: Option<Mode>,
    },
    /// No id below this one is handed out, though its schema be gone.
    NextId {
        id: u32,
    },
}
