//! Encoded records waiting to be sent, in one byte arena per task.
//!
//! Operators encode straight into it and never see a producer; the thread drains it after each run.
//! So the test driver and the simulation need no mock.
//!
//! Nor do operators ask how many partitions a topic has that a record chose: what is written to a topic
//! for the first time waits in the outbox until the thread has asked, which it does before it drains.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::partitioner::{Placement, default_partition};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::StoreId;
use crate::record::Headers;
use crate::time::Timestamp;

/// A topic a task writes to, as found at start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutTopic {
    /// The topic's real name.
    pub name: Arc<str>,
    /// Its number of partitions.
    pub partitions: usize,
    /// The name that serdes are told; in a rerun that of the live topic.
    pub serde_topic: Arc<str>,
}

impl OutTopic {
    /// Makes a topic whose serdes are told its real name.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, partitions: usize) -> Self {
        let name = name.into();
        Self { serde_topic: name.clone(), name, partitions }
    }

    /// Returns the topic with the name that its serdes are told.
    #[must_use]
    pub fn told(self, serde_topic: Arc<str>) -> Self {
        Self { serde_topic, ..self }
    }
}

/// The index of a topic in the outbox's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutTopicId(usize);

/// Where a record goes.
#[derive(Debug, Clone, Copy)]
pub enum Destination {
    /// A topic of the topology: the partition follows from this part of the encoded key.
    Sink(OutTopicId),
    /// A store's changelog: the task's own partition.
    Changelog(OutTopicId, StoreId),
}

/// A record in the outbox.
#[derive(Debug, Clone, Copy)]
pub struct OutboxRecord<'a> {
    /// The topic.
    pub topic: &'a Arc<str>,
    /// The partition, unless the client chooses.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value.
    pub value: Option<&'a [u8]>,
    /// The timestamp.
    pub timestamp: Timestamp,
    /// The headers.
    pub headers: &'a Headers,
    /// The store whose changelog it is.
    pub changelog: Option<StoreId>,
}

/// Chooses a record's partitions once it is known how many there are.
pub(crate) type Choose = Box<dyn FnOnce(usize) -> Placement + Send>;

/// The arena; see the module.
#[derive(Debug)]
pub struct Outbox {
    topics: Vec<Known>,
    /// Topics that records chose, by name; in the table they are behind those that were registered.
    dynamic: HashMap<Arc<str>, OutTopicId>,
    registered: usize,
    /// Records and bytes sent to topics that records chose and that are forgotten.
    sent_dynamic: (u64, u64),
    task_partition: i32,
    /// Whether records without a key go by their task's partition, instead of where the client wants.
    places_keyless: bool,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// What decides on entries' partitions once the counts are known, by the entries' indices.
    awaiting: Vec<(usize, Awaiting)>,
}

/// A topic, and its partitions if they are known by now.
#[derive(Debug)]
struct Known {
    name: Arc<str>,
    serde_topic: Arc<str>,
    partitions: Option<usize>,
    /// Records and bytes sent.
    sent: (u64, u64),
}

impl Known {
    fn new(name: Arc<str>, serde_topic: Arc<str>, partitions: Option<usize>) -> Self {
        Self { name, serde_topic, partitions, sent: (0, 0) }
    }
}

#[derive(Debug, Clone)]
struct Entry {
    topic: usize,
    partition: Option<i32>,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    timestamp: Timestamp,
    headers: Headers,
    changelog: Option<StoreId>,
}

/// What decides on a record's partition.
enum Awaiting {
    /// A part of its key.
    Key(Option<Range<usize>>),
    /// A partitioner of the user's.
    Partitioner(Choose),
}

impl fmt::Debug for Awaiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key",
            Self::Partitioner(_) => "Partitioner",
        })
    }
}

/// What topics that records choose are called together.
const CHOSEN: &str = "(chosen)";
/// How many topics that records chose are remembered from one drain to the next.
const DYNAMIC_TOPICS_MAX: usize = 1_000;

impl Outbox {
    /// Makes the outbox of a task for a partition.
    #[must_use]
    pub fn new(task_partition: i32) -> Self {
        Self {
            topics: Vec::new(),
            dynamic: HashMap::new(),
            registered: 0,
            sent_dynamic: (0, 0),
            task_partition,
            places_keyless: false,
            bytes: Vec::new(),
            entries: Vec::new(),
            awaiting: Vec::new(),
        }
    }

    /// Gives records without a key a partition that follows from their task: what a client would choose
    /// by chance is then the same in every rerun.
    #[must_use]
    pub fn placing_keyless(self) -> Self {
        Self { places_keyless: true, ..self }
    }

    /// Adds a topic to the table, once.
    pub fn register(&mut self, topic: OutTopic) -> OutTopicId {
        debug_assert!(
            self.dynamic.is_empty(),
            "topics are registered before records choose others"
        );
        let known = self.topics.iter().position(|known| known.name == topic.name);
        OutTopicId(known.unwrap_or_else(|| {
            let OutTopic { name, partitions, serde_topic } = topic;
            self.topics.push(Known::new(name, serde_topic, Some(partitions)));
            self.registered = self.topics.len();
            self.topics.len() - 1
        }))
    }

    /// Returns the topic that a record chose; allocates only if it is new.
    pub(crate) fn dynamic(&mut self, name: &str) -> OutTopicId {
        if let Some(&known) = self.dynamic.get(name) {
            return known;
        }
        let registered = self.topics.iter().position(|known| *known.name == *name);
        let id = OutTopicId(registered.unwrap_or(self.topics.len()));
        if registered.is_none() {
            let name: Arc<str> = name.into();
            self.topics.push(Known::new(name.clone(), name, None));
        }
        self.dynamic.insert(self.topic(id).clone(), id);
        id
    }

    /// Returns a registered topic's name.
    #[must_use]
    pub fn topic(&self, id: OutTopicId) -> &Arc<str> {
        &self.out_topic(id).name
    }

    /// Returns the name of a topic that serdes are told.
    #[must_use]
    pub fn serde_topic(&self, id: OutTopicId) -> &Arc<str> {
        &self.out_topic(id).serde_topic
    }

    /// Returns a topic's number of partitions, if it is known by now.
    pub(crate) fn partitions(&self, id: OutTopicId) -> Option<usize> {
        self.out_topic(id).partitions
    }

    /// Returns the arena, for encoding a key or value at its end.
    pub fn arena(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Adds a record whose key and value were encoded into the arena.
    ///
    /// `partitioned_by` is the part of the key that chooses the partition.
    pub fn push(
        &mut self,
        destination: Destination,
        key: Option<Range<usize>>,
        value: Option<Range<usize>>,
        partitioned_by: Option<Range<usize>>,
        (timestamp, headers): (Timestamp, Headers),
    ) {
        let (OutTopicId(topic), changelog) = match destination {
            Destination::Changelog(topic, store) => (topic, Some(store)),
            Destination::Sink(topic) => (topic, None),
        };
        let partition = match destination {
            Destination::Changelog(..) => Some(self.task_partition),
            Destination::Sink(id) => match self.partitions(id) {
                Some(count) => self.by_key(partitioned_by, count),
                None => {
                    self.awaiting.push((self.entries.len(), Awaiting::Key(partitioned_by)));
                    None
                }
            },
        };
        self.entries.push(Entry { topic, partition, key, value, timestamp, headers, changelog });
    }

    /// Adds a record for each partition of its placement, and returns how many those are.
    pub(crate) fn push_placed(
        &mut self,
        topic: OutTopicId,
        (key, value): (Option<Range<usize>>, Option<Range<usize>>),
        (timestamp, headers): (Timestamp, Headers),
        placement: Placement,
    ) -> Result<usize> {
        let (OutTopicId(topic), partition, changelog) = (topic, None, None);
        let entry = Entry { topic, partition, key, value, timestamp, headers, changelog };
        self.place(entry, placement)
    }

    /// Adds a record for a topic whose partitions are not known yet.
    pub(crate) fn push_awaiting(
        &mut self,
        topic: OutTopicId,
        (key, value): (Option<Range<usize>>, Option<Range<usize>>),
        (timestamp, headers): (Timestamp, Headers),
        choose: Choose,
    ) {
        self.awaiting.push((self.entries.len(), Awaiting::Partitioner(choose)));
        let (OutTopicId(topic), partition, changelog) = (topic, None, None);
        self.entries.push(Entry { topic, partition, key, value, timestamp, headers, changelog });
    }

    /// Returns the topics that records chose and of which nothing is known.
    pub(crate) fn unknown_topics(&self) -> Vec<Arc<str>> {
        if self.awaiting.is_empty() {
            return Vec::new();
        }
        let unknown = self.topics.iter().filter(|topic| topic.partitions.is_none());
        unknown.map(|topic| topic.name.clone()).collect()
    }

    /// Takes the partition counts of topics that were not known, decides where the records go that wait
    /// for them, and returns how many go nowhere.
    ///
    /// # Errors
    ///
    /// Where a topic is not among them, or a partitioner chooses a partition that is not there.
    pub(crate) fn learn(&mut self, counts: &BTreeMap<Arc<str>, usize>) -> Result<u64> {
        for topic in self.topics.iter_mut().filter(|topic| topic.partitions.is_none()) {
            let found = counts.get(&topic.name).copied();
            topic.partitions = Some(found.ok_or_else(|| missing(&topic.name))?);
        }
        let mut awaiting = std::mem::take(&mut self.awaiting).into_iter().peekable();
        let entries = std::mem::take(&mut self.entries);
        let mut dropped = 0;
        for (at, mut entry) in entries.into_iter().enumerate() {
            let count = self.partitions(OutTopicId(entry.topic)).unwrap_or(1);
            match awaiting.next_if(|(entry, _)| *entry == at) {
                None => self.entries.push(entry),
                Some((_, Awaiting::Key(part))) => {
                    entry.partition = self.by_key(part, count);
                    self.entries.push(entry);
                }
                Some((_, Awaiting::Partitioner(choose))) => {
                    dropped += u64::from(self.place(entry, choose(count))? == 0);
                }
            }
        }
        Ok(dropped)
    }

    /// Returns the partition that follows from a part of the key; none where the client chooses.
    fn by_key(&self, part: Option<Range<usize>>, count: usize) -> Option<i32> {
        let part = part.and_then(|range| self.bytes.get(range));
        let by_key = part.map(|bytes| default_partition(bytes, count));
        let count = i32::try_from(count.max(1)).unwrap_or(i32::MAX);
        by_key.or_else(|| self.places_keyless.then_some(self.task_partition % count))
    }

    /// Adds an entry for each of its partitions, and returns how many those are.
    fn place(&mut self, mut entry: Entry, placement: Placement) -> Result<usize> {
        let topic = self.topic(OutTopicId(entry.topic)).clone();
        let count = self.partitions(OutTopicId(entry.topic)).unwrap_or(1);
        let existing = |partition: usize| {
            let number = i32::try_from(partition).ok().filter(|_| partition < count);
            number.ok_or_else(|| no_partition(&topic, partition, count))
        };
        match placement {
            Placement::Drop => return Ok(0),
            // As a producer would choose, which knows no parts of keys.
            Placement::Default => entry.partition = self.by_key(entry.key.clone(), count),
            Placement::Partition(partition) => entry.partition = Some(existing(partition)?),
            Placement::Partitions(partitions) => {
                let before = self.entries.len();
                for partition in partitions {
                    let partition = Some(existing(partition)?);
                    let mut placed = self.entries.iter().skip(before);
                    if placed.all(|earlier| earlier.partition != partition) {
                        self.entries.push(Entry { partition, ..entry.clone() });
                    }
                }
                return Ok(self.entries.len() - before);
            }
        }
        self.entries.push(entry);
        Ok(1)
    }

    /// Returns the number of records waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the bytes of keys and values waiting.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Visits the records in order.
    pub fn iter(&self) -> impl Iterator<Item = OutboxRecord<'_>> {
        self.entries.iter().map(|entry| OutboxRecord {
            topic: self.topic(OutTopicId(entry.topic)),
            partition: entry.partition,
            key: entry.key.clone().and_then(|range| self.bytes.get(range)),
            value: entry.value.clone().and_then(|range| self.bytes.get(range)),
            timestamp: entry.timestamp,
            headers: &entry.headers,
            changelog: entry.changelog,
        })
    }

    /// Counts all records as sent, forgets them and keeps the memory.
    pub fn clear(&mut self) {
        for entry in &self.entries {
            let part = |range: &Option<Range<usize>>| range.as_ref().map_or(0, |part| part.len());
            if let Some(topic) = self.topics.get_mut(entry.topic) {
                topic.sent.0 += 1;
                topic.sent.1 += u64::try_from(part(&entry.key) + part(&entry.value)).unwrap_or(0);
            }
        }
        self.bytes.clear();
        self.entries.clear();
        self.awaiting.clear();
        if self.dynamic.len() > DYNAMIC_TOPICS_MAX {
            self.sent_dynamic = self.sent_to_chosen();
            self.dynamic.clear();
            self.topics.truncate(self.registered);
        }
    }

    /// Returns how many records were sent, and how many bytes of keys and values, by topic; topics that
    /// records chose are told as one, named `(chosen)`.
    pub(crate) fn produced(&self) -> impl Iterator<Item = (Arc<str>, u64, u64)> {
        let registered = self.topics.iter().take(self.registered);
        let registered = registered.map(|topic| (topic.name.clone(), topic.sent));
        let chosen = (Arc::from(CHOSEN), self.sent_to_chosen());
        let chosen = Some(chosen).filter(|(_, (records, _))| *records > 0);
        registered.chain(chosen).map(|(name, (records, bytes))| (name, records, bytes))
    }

    fn sent_to_chosen(&self) -> (u64, u64) {
        let chosen = self.topics.iter().skip(self.registered);
        chosen.fold(self.sent_dynamic, |sum, topic| (sum.0 + topic.sent.0, sum.1 + topic.sent.1))
    }

    #[expect(clippy::indexing_slicing, reason = "an OutTopicId is of a topic in the table")]
    fn out_topic(&self, id: OutTopicId) -> &Known {
        &self.topics[id.0]
    }
}

#[cold]
fn missing(topic: &str) -> Error {
    Error::new(
        ErrorKind::Topology,
        format!(
            "a record was written to the topic {topic}, which does not exist: create it, since topics \
             that records choose are never created by the application"
        ),
    )
}

#[cold]
fn no_partition(topic: &str, partition: usize, count: usize) -> Error {
    let message = format!(
        "the partitioner of {topic} chose partition {partition}, but the topic has {count} \
         partitions, numbered from 0"
    );
    Error::new(ErrorKind::Processing, message)
}

#[cfg(test)]
mod tests;
