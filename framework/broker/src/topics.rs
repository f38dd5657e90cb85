//! The topics: their names, settings and partitions.

pub(crate) mod admin;
pub(crate) mod configs;
pub(crate) mod name;
pub(crate) mod settings;

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;

use crate::error::Refusal;
use crate::log::PartitionLog;
use crate::topics::settings::TopicConfig;

/// All topics, in order of name.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    by_name: BTreeMap<String, Topic>,
    partitions_max: usize,
    log_bytes_max: u64,
    log_bytes: u64,
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
        Self { partitions_max, log_bytes_max, ..Self::default() }
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
        if let Some(other) = self.by_name.keys().find(|other| name::collide(name, other)) {
            let message = format!("Topic '{name}' collides with existing topic: {other}");
            return Err(Refusal::new(ResponseError::InvalidTopicException, message));
        }
        self.check_room(partitions)
    }

    /// Checks that so many partitions more are allowed.
    pub(crate) fn check_room(&self, partitions: usize) -> Result<(), Refusal> {
        let there: usize = self.by_name.values().map(|topic| topic.partitions.len()).sum();
        let max = self.partitions_max;
        if partitions <= max.saturating_sub(there) {
            return Ok(());
        }
        let message = format!("{partitions} partitions beside {there} are more than {max}");
        Err(Refusal::new(ResponseError::PolicyViolation, message))
    }

    /// Adds a checked topic.
    pub(crate) fn create(&mut self, name: &str, partitions: usize, config: TopicConfig) {
        let partitions = std::iter::repeat_with(PartitionLog::default).take(partitions).collect();
        self.by_name.insert(name.to_owned(), Topic { config, partitions });
    }

    /// Removes a topic with all its records; returns whether it was there.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let Some(topic) = self.by_name.remove(name) else { return false };
        self.log_bytes -= topic.partitions.iter().map(PartitionLog::bytes).sum::<u64>();
        true
    }

    /// Takes note of bytes about to be appended, if there is room for them.
    pub(crate) fn reserve(&mut self, bytes: u64) -> Result<(), Refusal> {
        let total = self.log_bytes + bytes;
        if total > self.log_bytes_max {
            let max = self.log_bytes_max;
            let message = format!("the logs of this in-memory broker are full: {max} bytes");
            return Err(Refusal::new(ResponseError::KafkaStorageError, message));
        }
        self.log_bytes = total;
        Ok(())
    }

    /// Takes note of bytes that are gone, or were not appended after all.
    pub(crate) fn release(&mut self, bytes: u64) {
        self.log_bytes -= bytes;
    }
}
