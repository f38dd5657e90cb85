//! The topics: their names, settings and partitions.

pub(crate) mod admin;
pub(crate) mod configs;
pub(crate) mod name;
pub(crate) mod room;
pub(crate) mod settings;
pub(crate) mod upkeep;
pub(crate) mod uuids;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kafka_protocol::ResponseError;
use uuid::Uuid;

use crate::changes::facts::{Fact, Key};
use crate::changes::{Changes, LogId, Step};
use crate::error::Refusal;
use crate::log::PartitionLog;
use crate::log::producers::ProducersConfig;
use crate::log::transactions::Marker;
use crate::time::{Millis, Moment};
use crate::topics::room::Room;
use crate::topics::settings::TopicConfig;
use crate::topics::uuids::Uuids;

/// All topics, in order of name.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    by_name: BTreeMap<String, Topic>,
    /// The names again, by what they would collide in.
    by_folded: BTreeMap<String, String>,
    pub(crate) uuids: Uuids,
    partitions: usize,
    partitions_max: usize,
    room: Room,
    next_id: u64,
    pub(crate) changes: Changes,
    /// The logs that may have changed since changes were last collected.
    touched: BTreeSet<(String, i32)>,
    /// Whether there may be more to clean or to let go than when this was last asked.
    is_disturbed: bool,
}

/// One topic.
#[derive(Debug)]
pub(crate) struct Topic {
    /// No other topic has had it, whatever its name.
    id: u64,
    /// The same as clients know it.
    pub(crate) uuid: Uuid,
    pub(crate) config: TopicConfig,
    pub(crate) partitions: Vec<PartitionLog>,
}

impl Topic {
    /// Returns what tells it from every other topic, of the same name too.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }
}

impl Topics {
    /// Makes an empty set that may hold so many partitions and bytes.
    pub(crate) fn new(partitions_max: usize, log_bytes_max: u64) -> Self {
        Self { partitions_max, room: Room::new(log_bytes_max), ..Self::default() }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Topic> {
        self.by_name.get(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Topic)> {
        self.by_name.iter()
    }

    /// Returns one partition's log.
    pub(crate) fn partition(&self, name: &str, index: i32) -> Result<&PartitionLog, Refusal> {
        let topic = self.get(name).ok_or_else(Refusal::unknown_partition)?;
        let index = usize::try_from(index).map_err(|_negative| Refusal::unknown_partition())?;
        topic.partitions.get(index).ok_or_else(Refusal::unknown_partition)
    }

    /// Returns one partition's log, to append to it or to let its beginning go.
    pub(crate) fn partition_mut(
        &mut self,
        name: &str,
        index: i32,
    ) -> Result<&mut PartitionLog, Refusal> {
        let topic = self.by_name.get_mut(name).ok_or_else(Refusal::unknown_partition)?;
        let place = usize::try_from(index).map_err(|_negative| Refusal::unknown_partition())?;
        let log = topic.partitions.get_mut(place).ok_or_else(Refusal::unknown_partition)?;
        self.is_disturbed = true;
        if self.changes.are_wanted {
            self.touched.insert((name.to_owned(), index));
        }
        Ok(log)
    }

    /// Checks that a topic of this name could be created.
    pub(crate) fn check_new(&self, name: &str, partitions: usize) -> Result<(), Refusal> {
        if self.by_name.contains_key(name) {
            let message = format!("Topic '{name}' already exists.");
            return Err(Refusal::new(ResponseError::TopicAlreadyExists, message));
        }
        name::check(name)?;
        if let Some(other) = self.by_folded.get(&name::fold(name)) {
            let message = format!("Topic '{name}' collides with existing topic: {other}");
            return Err(Refusal::new(ResponseError::InvalidTopicException, message));
        }
        self.check_room(partitions)
    }

    /// Checks that so many partitions more are allowed.
    pub(crate) fn check_room(&self, partitions: usize) -> Result<(), Refusal> {
        let (there, max) = (self.partitions, self.partitions_max);
        if partitions <= max.saturating_sub(there) {
            return Ok(());
        }
        let message = format!("{partitions} partitions beside {there} are more than {max}");
        Err(Refusal::new(ResponseError::PolicyViolation, message))
    }

    /// Adds a checked topic.
    pub(crate) fn create(&mut self, name: &str, partitions: usize, config: TopicConfig) {
        let id = self.next_id;
        self.create_as(id, name, config);
        self.grow(name, partitions);
    }

    /// Adds a checked topic without partitions.
    pub(crate) fn create_as(&mut self, id: u64, name: &str, config: TopicConfig) {
        self.next_id = self.next_id.max(id + 1);
        let uuid = self.uuids.give(id, name);
        self.by_name.insert(name.to_owned(), Topic { id, uuid, config, partitions: Vec::new() });
        self.by_folded.insert(name::fold(name), name.to_owned());
    }

    /// Gives a topic so many partitions, which are not fewer than it has.
    pub(crate) fn grow(&mut self, name: &str, partitions: usize) {
        let Some(topic) = self.by_name.get_mut(name) else { return };
        self.partitions += partitions.saturating_sub(topic.partitions.len());
        topic.partitions.resize_with(partitions, PartitionLog::default);
        self.note(name);
    }

    /// Gives a topic other settings.
    pub(crate) fn configure(&mut self, name: &str, config: TopicConfig) {
        let Some(topic) = self.by_name.get_mut(name) else { return };
        topic.config = config;
        self.is_disturbed = true;
        self.note(name);
    }

    /// Ends the transaction of a producer in a partition, if that is there still.
    pub(crate) fn append_marker(
        &mut self,
        at: Moment,
        producers: &ProducersConfig,
        (name, index): (&str, i32),
        marker: Marker,
    ) {
        let Ok(log) = self.partition_mut(name, index) else { return };
        let charged = log.append_marker(at, producers, marker);
        // It is appended even if the logs are full: without it nobody could read on.
        self.exchange(0, charged);
    }

    /// Forgets the records of a partition before an offset; -1 means all. Returns where it begins
    /// now.
    pub(crate) fn delete_before(
        &mut self,
        name: &str,
        index: i32,
        offset: i64,
    ) -> Result<i64, Refusal> {
        let (start, freed) = self.partition_mut(name, index)?.delete_before(offset)?;
        self.release(freed);
        Ok(start)
    }

    /// Removes a topic with all its records; returns whether it was there.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let Some(topic) = self.by_name.remove(name) else { return false };
        self.by_folded.remove(&name::fold(name));
        self.uuids.forget(&topic.uuid);
        self.partitions -= topic.partitions.len();
        self.release(topic.partitions.iter().map(PartitionLog::charged).sum());
        self.changes.push(|| Step::Unset(Key::Topic(name.to_owned())));
        true
    }

    /// Takes in the batches of a log that were kept; says what is wrong with them.
    pub(crate) fn restore_log(
        &mut self,
        now: Millis,
        producers: &ProducersConfig,
        name: &str,
        id: LogId,
        batches: Vec<Bytes>,
    ) -> Result<(), String> {
        let log = self.partition_mut(name, id.partition).map_err(|e| e.message)?;
        log.restore(now, producers, batches)?;
        let charged = log.charged();
        self.reserve(charged).map_err(|e| format!("{}, which is log_bytes_max", e.message))
    }

    /// Notes what has happened to the logs that were touched.
    pub(crate) fn collect_changes(&mut self) {
        for (name, partition) in std::mem::take(&mut self.touched) {
            // It may have been deleted since.
            let Some(topic) = self.by_name.get_mut(&name) else { continue };
            let place = usize::try_from(partition).ok();
            let log = place.and_then(|place| topic.partitions.get_mut(place));
            let Some(unsaved) = log.map(PartitionLog::take_unsaved) else { continue };
            if let Some(offset) = unsaved.start {
                let topic = name.clone();
                self.changes.push(|| Step::Set(Fact::LogStart { topic, partition, offset }));
            }
            let log = LogId { topic: topic.id, partition };
            if let Some(batches) = unsaved.rewritten {
                self.changes.push(|| Step::Rewrite { log, batches });
            }
            for batch in unsaved.appended {
                self.changes.push(|| Step::Append { log, batch });
            }
        }
    }

    fn note(&mut self, name: &str) {
        let Some(topic) = self.by_name.get(name) else { return };
        self.changes.push(|| {
            let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
            let (name, overrides) = (name.to_owned(), topic.config.overrides().clone());
            Step::Set(Fact::Topic { name, id: topic.id, partitions, overrides })
        });
    }

    /// Takes note of memory about to be used, if there is room for it.
    pub(crate) fn reserve(&mut self, bytes: u64) -> Result<(), Refusal> {
        self.room.reserve(bytes)
    }

    /// Returns how much memory is taken note of.
    #[cfg(test)]
    pub(crate) fn room_used(&self) -> u64 {
        self.room.used()
    }

    /// Takes note of memory that is free again.
    pub(crate) fn release(&mut self, bytes: u64) {
        self.room.release(bytes);
    }
}
