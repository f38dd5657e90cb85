//! What is measured.

use clap::ValueEnum;

use crate::engine::Cache;
use crate::{bare, engine};

/// A measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Case {
    /// Bare clients: read a record, write it
    BareCopy,
    /// The engine: filter, map_values, write
    Copy,
    /// Bare clients: count in a hash map, a changelog record and a result for each record
    BareCount,
    /// The engine: count by key without cache, a result for each record
    CountUncached,
    /// The engine: count by key with the default cache, results at each commit
    Count,
    /// The engine: the same count, rerun from offset zero as a bounded job
    CountReplay,
}

/// What a measurement works on.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    /// Where Kafka is.
    pub(crate) bootstrap: String,
    /// The topic that is read.
    pub(crate) input: String,
    /// What all other topics begin with.
    pub(crate) prefix: String,
    /// How many records the input has.
    pub(crate) records: u64,
}

impl Case {
    /// Returns the cases in the order of the report: all, or those asked for.
    pub(crate) fn chosen(only: &[Self]) -> Vec<Self> {
        let all = Self::value_variants().iter().copied();
        all.filter(|case| only.is_empty() || only.contains(case)).collect()
    }

    /// Returns the name by which it is asked for.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Returns what it does, in words.
    pub(crate) fn help(self) -> String {
        let help = self.to_possible_value().and_then(|value| value.get_help().cloned());
        help.map(|help| help.to_string()).unwrap_or_default()
    }

    /// Returns the bare clients that do the same.
    pub(crate) fn bare(self) -> Self {
        match self {
            Self::BareCopy | Self::Copy => Self::BareCopy,
            Self::BareCount | Self::CountUncached | Self::Count | Self::CountReplay => {
                Self::BareCount
            }
        }
    }

    /// Does it.
    pub(crate) fn run(self, work: &Work) {
        match self {
            Self::BareCopy => bare::copy(work),
            Self::BareCount => bare::count(work),
            Self::Copy => engine::live(work, engine::copy(work), Cache::Default),
            Self::CountUncached => engine::live(work, engine::count(work), Cache::Off),
            Self::Count => engine::live(work, engine::count(work), Cache::Default),
            Self::CountReplay => engine::replay(work, engine::count(work)),
        }
    }
}
