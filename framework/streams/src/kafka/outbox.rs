//! Encoded records waiting to be sent, in one byte arena per task.
//!
//! Operators encode straight into it and never see a producer; the thread drains it after each run.
//! So the test driver and the simulation need no mock.

use std::ops::Range;
use std::sync::Arc;

use super::partitioner::default_partition;
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
}

/// The index of a topic in the outbox's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutTopicId(usize);

/// Where a record goes.
#[derive(Debug, Clone, Copy)]
pub enum Destination {
    /// A topic of the topology: the partition follows from this part of the encoded key.
    Sink(OutTopicId),
    /// A topic of the topology, and the partition that was chosen.
    Partition(OutTopicId, i32),
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

/// The arena; see the module.
#[derive(Debug)]
pub struct Outbox {
    topics: Vec<OutTopic>,
    task_partition: i32,
    /// Whether records without a key go by their task's partition, instead of where the client wants.
    places_keyless: bool,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    topic: usize,
    partition: Option<i32>,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    timestamp: Timestamp,
    headers: Headers,
    changelog: Option<StoreId>,
}

impl Outbox {
    /// Makes the outbox of a task for a partition.
    #[must_use]
    pub fn new(task_partition: i32) -> Self {
        Self {
            topics: Vec::new(),
            task_partition,
            places_keyless: false,
            bytes: Vec::new(),
            entries: Vec::new(),
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
        let known = self.topics.iter().position(|known| known.name == topic.name);
        OutTopicId(known.unwrap_or_else(|| {
            self.topics.push(topic);
            self.topics.len() - 1
        }))
    }

    /// Returns a registered topic's name.
    #[must_use]
    pub fn topic(&self, id: OutTopicId) -> &Arc<str> {
        &self.out_topic(id).name
    }

    /// Returns a registered topic's number of partitions.
    #[must_use]
    pub fn partitions(&self, id: OutTopicId) -> usize {
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
        let (topic, partition, changelog) = match destination {
            Destination::Changelog(topic, store) => (topic, Some(self.task_partition), Some(store)),
            Destination::Partition(topic, partition) => (topic, Some(partition), None),
            Destination::Sink(topic) => {
                let count = self.out_topic(topic).partitions;
                let by = partitioned_by.and_then(|range| self.bytes.get(range));
                let by_key = by.map(|bytes| default_partition(bytes, count));
                let count = i32::try_from(count.max(1)).unwrap_or(i32::MAX);
                let by_task = self.places_keyless.then_some(self.task_partition % count);
                (topic, by_key.or(by_task), None)
            }
        };
        let topic = topic.0;
        self.entries.push(Entry { topic, partition, key, value, timestamp, headers, changelog });
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
            topic: &self.out_topic(OutTopicId(entry.topic)).name,
            partition: entry.partition,
            key: entry.key.clone().and_then(|range| self.bytes.get(range)),
            value: entry.value.clone().and_then(|range| self.bytes.get(range)),
            timestamp: entry.timestamp,
            headers: &entry.headers,
            changelog: entry.changelog,
        })
    }

    /// Forgets all records and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    #[expect(clippy::indexing_slicing, reason = "an OutTopicId is made by `register` only")]
    fn out_topic(&self, id: OutTopicId) -> &OutTopic {
        &self.topics[id.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sinks_partition_by_key_and_changelogs_by_task() {
        let mut outbox = Outbox::new(3);
        let sink = outbox.register(OutTopic { name: "out".into(), partitions: 4 });
        let log = outbox.register(OutTopic { name: "log".into(), partitions: 4 });
        assert_eq!(outbox.register(OutTopic { name: "out".into(), partitions: 4 }), sink);

        outbox.arena().extend_from_slice(b"keyvalue");
        let at = (Timestamp::from_millis(9), Headers::default());
        outbox.push(Destination::Sink(sink), Some(0..3), Some(3..8), Some(0..3), at.clone());
        outbox.push(Destination::Changelog(log, StoreId(1)), Some(0..3), None, None, at.clone());
        outbox.push(Destination::Sink(sink), None, Some(3..8), None, at);

        let records: Vec<_> = outbox.iter().collect();
        assert_eq!(records[0].partition, Some(default_partition(b"key", 4)));
        assert_eq!((records[0].key, records[0].value), (Some(&b"key"[..]), Some(&b"value"[..])));
        assert_eq!((records[1].partition, records[1].changelog), (Some(3), Some(StoreId(1))));
        assert_eq!((&**records[1].topic, records[1].value), ("log", None));
        assert_eq!(records[2].partition, None);
        outbox.clear();
        assert!(outbox.is_empty());
    }

    #[test]
    fn in_a_rerun_records_without_a_key_go_by_their_task() {
        let mut outbox = Outbox::new(7).placing_keyless();
        let sink = outbox.register(OutTopic { name: "out".into(), partitions: 4 });
        let at = (Timestamp::from_millis(9), Headers::default());
        outbox.push(Destination::Sink(sink), None, None, None, at);
        assert_eq!(outbox.iter().next().and_then(|record| record.partition), Some(3));
    }
}
