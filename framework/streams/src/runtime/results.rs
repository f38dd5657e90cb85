//! Looking at result topics: the last value of each key.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::stop::Stop;
use super::topic_reader::{self, Reading};
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::ids::TopicPartition;
use crate::kafka::{Clients, ConsumerRole, Leave};

/// The last value of each key of a topic, in order of the keys' bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LatestValues {
    /// Keys and values.
    pub rows: BTreeMap<Vec<u8>, Vec<u8>>,
    /// All records of the topic, deletes and records without a key included.
    pub records: u64,
}

/// Reads a topic to its end and returns the last value of each key; a null value deletes the key.
///
/// All keys and their last values are held in memory.
///
/// # Errors
///
/// Where the topic does not exist or cannot be read, or a stop is asked for.
pub fn latest_values(
    clients: &dyn Clients,
    settings: &Settings,
    topic: &str,
    stop: &Stop,
) -> Result<LatestValues> {
    let admin = clients.admin()?;
    let topic: Arc<str> = topic.into();
    let counts = admin.partition_counts(std::slice::from_ref(&topic))?;
    let Some(&count) = counts.get(&topic) else {
        return Err(Error::topology(format!("the topic {topic} does not exist")));
    };
    let partitions: Vec<TopicPartition> = (0..i32::try_from(count).unwrap_or(i32::MAX))
        .map(|partition| TopicPartition::new(topic.clone(), partition))
        .collect();
    let ends = admin.end_offsets(&partitions)?;
    let mut consumer = clients.consumer(ConsumerRole::Bounded, count)?;
    stop.wakes(consumer.waker());
    let mut latest = LatestValues::default();
    let reading = Reading::new(settings, stop);
    topic_reader::read(&mut *consumer, &ends, reading, &mut |_, record| {
        latest.records += 1;
        if let Some(key) = record.key {
            match record.value {
                Some(value) => latest.rows.insert(key.to_vec(), value.to_vec()),
                None => latest.rows.remove(key),
            };
        }
        Ok(())
    })?;
    consumer.close(Leave::default());
    Ok(latest)
}
