//! Who must be able to read what.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

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

    pub(super) fn is_transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }

    pub(super) fn reads_old(self) -> bool {
        !matches!(self, Self::Forward | Self::ForwardTransitive | Self::None)
    }

    pub(super) fn is_read_by_old(self) -> bool {
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
