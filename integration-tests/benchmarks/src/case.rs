//! What is measured, and who does it.

use clap::ValueEnum;
use serde::Serialize;

use crate::engine::{self, Cache};
use crate::{bare, startup};

/// A measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Case {
    /// BM1: filter, map values, write
    Copy,
    /// BM2: count by key, 100 k keys, default cache
    Count,
    /// BM2: count by key, 100 k keys, no cache
    CountUncached,
    /// BM2: count by key, 1 M keys, default cache
    CountWide,
    /// BM2: count by key, 1 M keys, no cache
    CountWideUncached,
    /// BM8: restore a changelog, 1 M keys
    Restore,
    /// BM9: process start to first result, then idle
    Start,
    /// BM11: the count of 100 k keys once more from offset zero
    Rerun,
}

/// Who does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Contestant {
    /// Nothing but a consumer, a producer and a hash map
    Bare,
    /// This library
    Kappa,
    /// Kafka Streams, on a JVM
    Jvm,
}

/// What a contestant works on.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    /// Where Kafka is.
    pub(crate) bootstrap: String,
    /// The topic that is read.
    pub(crate) input: String,
    /// The application's id, and what its own topics begin with.
    pub(crate) application: String,
    /// How many records there are to process, or to restore.
    pub(crate) records: u64,
}

/// The keys of most cases; their counts fit into the default cache.
const KEYS: u64 = 100_000;
/// More keys than the default cache holds.
const WIDE: u64 = 1_000_000;
/// A key for each partition, about.
const START: u64 = 4;

impl Case {
    /// Returns how many different keys its input has.
    pub(crate) fn keys(self) -> u64 {
        match self {
            Self::Copy | Self::Count | Self::CountUncached | Self::Rerun => KEYS,
            Self::CountWide | Self::CountWideUncached | Self::Restore => WIDE,
            Self::Start => START,
        }
    }

    /// Returns how many records it takes, if the others take so many.
    pub(crate) fn records(self, asked: u64) -> u64 {
        if self == Self::Start { START } else { asked }
    }

    /// Returns whether stores fold updates until a commit.
    pub(crate) fn cache(self) -> Cache {
        match self {
            Self::CountUncached | Self::CountWideUncached | Self::Start => Cache::Off,
            _ => Cache::Default,
        }
    }

    /// Does it in this process.
    pub(crate) fn run(self, contestant: Contestant, work: &Work) {
        let cache = self.cache();
        match (contestant, self) {
            (Contestant::Bare, Self::Copy) => bare::copy(work),
            (Contestant::Bare, Self::Restore) => bare::restore(work),
            (Contestant::Bare, Self::Start) => bare::count(work, startup::until_told),
            (Contestant::Bare, _) => bare::count(work, || {}),
            (_, Self::Copy) => engine::live(work, engine::copy(work), cache),
            (_, Self::Restore) => engine::restore(work, engine::count(work)),
            (_, Self::Start) => engine::idle(work, engine::count(work), cache),
            (_, Self::Rerun) => engine::rerun(work, engine::count(work)),
            (_, _) => engine::live(work, engine::count(work), cache),
        }
    }
}

impl Work {
    /// Returns the topic with the results.
    pub(crate) fn output(&self) -> String {
        format!("{}-out", self.application)
    }

    /// Returns the topic behind the store of a count: both libraries give it this name.
    pub(crate) fn changelog(&self) -> String {
        format!("{}-counts-changelog", self.application)
    }
}

/// Returns the name by which something is asked for.
pub(crate) fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Returns what something is, in words.
pub(crate) fn help(value: &impl ValueEnum) -> String {
    let help = value.to_possible_value().and_then(|value| value.get_help().cloned());
    help.map(|help| help.to_string()).unwrap_or_default()
}
