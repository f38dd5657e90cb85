//! What must survive the end of a broker: the core says it in changes, in order.
//!
//! A change sets or unsets a fact, of which the last one under a key counts (as in a compacted
//! topic), or concerns the batches of one partition. Whoever drives the broker writes the changes
//! of a call down before it hands out the call's answers; see [`Image`] for the way back.

pub(crate) mod codec;
pub(crate) mod facts;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;

use crate::changes::facts::{Fact, Key};

/// One change of what survives a restart. See [`Replies::drain_changes`].
///
/// [`Replies::drain_changes`]: crate::Replies::drain_changes
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change(pub(crate) Step);

/// What a change does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// This holds from now on, whatever was said under the same key.
    Set(Fact),
    /// Nothing holds under this key, nor under those that depend on it.
    Unset(Key),
    /// A batch was appended to a log.
    Append { log: LogId, batch: Bytes },
    /// These are the batches of a log: it was cleaned.
    Rewrite { log: LogId, batches: Vec<Bytes> },
}

/// One partition's log. The number is that of one life of a topic: one that is created again under
/// its name has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LogId {
    pub(crate) topic: u64,
    pub(crate) partition: i32,
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// The changes that have not been handed out yet, of a broker that keeps any.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Whether somebody writes them down; if not, none are kept.
    pub(crate) are_wanted: bool,
    steps: Vec<Change>,
}

impl Changes {
    /// Notes a change, which is only built if it is wanted.
    pub(crate) fn push(&mut self, step: impl FnOnce() -> Step) {
        if self.are_wanted {
            self.steps.push(Change(step()));
        }
    }

    /// Moves them behind others.
    pub(crate) fn move_to(&mut self, others: &mut Vec<Change>) {
        others.append(&mut self.steps);
    }
}

/// What a broker finds when it comes back: the outcome of all changes so far.
///
/// ```
/// use kappa_broker::{Broker, BrokerConfig, Image, Millis, Replies};
///
/// let now = Millis::new(0);
/// let mut broker = Broker::restore(BrokerConfig::default(), now, Image::default())?;
/// let mut replies = Replies::new();
/// broker.tick(now, &mut replies);
///
/// // A simulation keeps what a disk would, and lets the broker start anew from that.
/// let mut image = Image::default();
/// replies.drain_changes().for_each(|change| image.apply(change));
/// let again = Broker::restore(BrokerConfig::default(), now, image)?;
/// # let _ = again;
/// # Ok::<(), kappa_broker::RestoreError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Image {
    facts: BTreeMap<Key, Fact>,
    logs: BTreeMap<LogId, Vec<Bytes>>,
}

impl Image {
    /// Lets one more change happen.
    pub fn apply(&mut self, change: Change) {
        match change.0 {
            Step::Set(fact) => _ = self.facts.insert(fact.key(), fact),
            Step::Unset(key) => {
                for log in self.logs_of(&key) {
                    self.logs.remove(&log);
                }
                self.facts.retain(|other, _| !other.depends_on(&key));
            }
            Step::Append { log, batch } => self.logs.entry(log).or_default().push(batch),
            Step::Rewrite { log, batches } => _ = self.logs.insert(log, batches),
        }
    }

    /// Returns what holds, so that what something depends on comes before it.
    pub(crate) fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.facts.values()
    }

    /// Puts in the batches of a log.
    pub(crate) fn set_log(&mut self, log: LogId, batches: Vec<Bytes>) {
        self.logs.insert(log, batches);
    }

    /// Takes out the batches of a log.
    pub(crate) fn take_log(&mut self, log: LogId) -> Vec<Bytes> {
        self.logs.remove(&log).unwrap_or_default()
    }

    /// Returns all logs that there may be.
    pub(crate) fn logs(&self) -> BTreeSet<LogId> {
        self.facts.keys().flat_map(|key| self.logs_of(key)).collect()
    }

    /// Returns the logs of the topic under this key, if it is a topic's.
    pub(crate) fn logs_of(&self, key: &Key) -> Vec<LogId> {
        match self.facts.get(key) {
            Some(Fact::Topic { id, partitions, .. }) => {
                (0..*partitions).map(|partition| LogId { topic: *id, partition }).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Why a broker cannot start from what was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreError(String);

impl RestoreError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RestoreError {}
