//! The topics: their names, settings and partitions.

pub(crate) mod admin;
pub(crate) mod configs;
pub(crate) mod name;
pub(crate) mod room;
pub(crate) mod settings;

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;

use crate::error::Refusal;
use crate::log::PartitionLog;
use crate::topics::room::Room;
use crate::topics::settings::TopicConfig;

/// All topics, in order of name.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    by_name: BTreeMap<String, Topic>,
    /// The names again, by what they would collide in.
    by_folded: BTreeMap<String, String>,
    partitions: usize,
    partitions_max: usize,
    room: Room,
}

/// One topic.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) config: TopicConfig,
    pub(crate) partitions: Vec<PartitionLog>,
}

impl Topics {
    /// Makes an empty set that may hold so many partitions and bytes.
    pub(crate) fn new(partitions_max: usize, log_bytes_max: u64) -> Self {
        Self { partitions_max, room: Room::new(log_bytes_max), ..Self::default() }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Topic> {
        self.by_name.get(name)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Topic> {
        self.by_name.get_mut(name)
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

    /// Returns one partition's log, to append to it.
    pub(crate) fn partition_mut(
        &mut self,
        name: &str,
        index: i32,
    ) -> Result<&mut PartitionLog, Refusal> {
        let topic = self.get_mut(name).ok_or_else(Refusal::unknown_partition)?;
        let index = usize::try_from(index).map_err(|_negative| Refusal::unknown_partition())?;
        topic.partitions.get_mut(index).ok_or_else(Refusal::unknown_partition)
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
        let topic = Topic { config, partitions: Vec::new() };
        self.by_name.insert(name.to_owned(), topic);
        self.by_folded.insert(name::fold(name), name.to_owned());
        self.grow(name, partitions);
    }

    /// Gives a topic so many partitions, which are not fewer than it has.
    pub(crate) fn grow(&mut self, name: &str, partitions: usize) {
        let Some(topic) = self.by_name.get_mut(name) else { return };
        self.partitions += partitions.saturating_sub(topic.partitions.len());
        topic.partitions.resize_with(partitions, PartitionLog::default);
    }

    /// Removes a topic with all its records; returns whether it was there.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let Some(topic) = self.by_name.remove(name) else { return false };
        self.by_folded.remove(&name::fold(name));
        self.partitions -= topic.partitions.len();
        self.release(topic.partitions.iter().map(PartitionLog::charged).sum());
        true
    }

    /// Takes note of memory about to be used, if there is room for it.
    pub(crate) fn reserve(&mut self, bytes: u64) -> Result<(), Refusal> {
        self.room.reserve(bytes)
    }

    /// Takes note of memory that is free again.
    pub(crate) fn release(&mut self, bytes: u64) {
        self.room.release(bytes);
    }
}
