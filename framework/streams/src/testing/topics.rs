//! The ends of topics under test (row TT2).

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::time::Duration;

use super::driver::{OutputRecord, TopologyTestDriver};
use crate::dsl::Topic;
use crate::error::{Error, ErrorKind, Result};
use crate::record::Record;
use crate::serde::{Data, encode_into};
use crate::time::Timestamp;

/// Writes typed records into a topology under test.
pub struct TestInputTopic<K, V> {
    driver: TopologyTestDriver,
    topic: Topic<K, V>,
    now: Timestamp,
    step: Duration,
}

impl<K: Data, V: Data> TestInputTopic<K, V> {
    pub(super) fn new(driver: TopologyTestDriver, topic: Topic<K, V>) -> Self {
        let (now, step) = (Timestamp::from_millis(0), Duration::ZERO);
        Self { driver, topic, now, step }
    }

    /// Gives records without a timestamp this one, and each further one a step more.
    #[must_use]
    pub fn from(mut self, start: Timestamp, step: Duration) -> Self {
        (self.now, self.step) = (start, step);
        self
    }

    /// Pipes a record with the next timestamp.
    ///
    /// # Panics
    ///
    /// Panics with the error that would stop the task in production.
    pub fn pipe(&mut self, key: K, value: V) {
        let now = self.now;
        self.now = now.saturating_add(self.step);
        self.pipe_at(key, value, now.as_millis());
    }

    /// Pipes a record with a timestamp in milliseconds.
    ///
    /// # Panics
    ///
    /// As [`pipe`](Self::pipe).
    pub fn pipe_at(&self, key: K, value: V, timestamp_ms: i64) {
        let record = Record::new(key, value, Timestamp::from_millis(timestamp_ms));
        if let Err(error) = self.try_pipe(record) {
            panic!("{}", error.report());
        }
    }

    /// Pipes a record with its headers.
    ///
    /// # Errors
    ///
    /// What would stop the task in production.
    pub fn try_pipe(&self, record: Record<K, V>) -> Result<()> {
        let name = self.topic.name();
        let encode = |error| {
            Error::new(ErrorKind::Serialization, format!("cannot encode a record for {name}"))
                .with_source(error)
        };
        let mut bytes = Vec::new();
        let key = encode_into(&**self.topic.keys(), name, &record.key, &mut bytes);
        let key = key.map_err(encode)?;
        let value = encode_into(&**self.topic.values(), name, &record.value, &mut bytes);
        let value = value.map_err(encode)?;
        let key = key.and_then(|range| bytes.get(range));
        let value = value.and_then(|range| bytes.get(range));
        // As a sink does: a null is of no schema.
        let key_header = key.and_then(|_| self.topic.keys().header(name));
        let value_header = value.and_then(|_| self.topic.values().header(name));
        let headers = match (key_header, value_header) {
            (None, None) => record.headers,
            (key, value) => record.headers.with(key.into_iter().chain(value)),
        };
        self.driver.pipe_raw(name, key, value, record.timestamp, &headers)
    }
}

/// Reads typed records that a topology under test wrote.
pub struct TestOutputTopic<K, V> {
    driver: TopologyTestDriver,
    topic: Topic<K, V>,
}

impl<K: Data, V: Data> TestOutputTopic<K, V> {
    pub(super) fn new(driver: TopologyTestDriver, topic: Topic<K, V>) -> Self {
        Self { driver, topic }
    }

    /// Returns the next record, if there is one.
    ///
    /// # Panics
    ///
    /// Panics if the topology wrote what the topic's serdes cannot read.
    #[must_use]
    pub fn read(&self) -> Option<Record<K, V>> {
        let mut driven = self.driver.0.borrow_mut();
        let record = driven.outputs.get_mut(self.topic.name())?.pop_front()?;
        match self.decode(record) {
            Ok(record) => Some(record),
            Err(error) => panic!("{}", error.report()),
        }
    }

    /// Returns all further records.
    #[must_use]
    pub fn read_all(&self) -> Vec<Record<K, V>> {
        std::iter::from_fn(|| self.read()).collect()
    }

    /// Returns the keys and values of all further records.
    #[must_use]
    pub fn read_key_values(&self) -> Vec<(K, V)> {
        self.read_all().into_iter().map(|record| (record.key, record.value)).collect()
    }

    /// Returns the last value of each key of all further records.
    #[must_use]
    pub fn read_map(&self) -> HashMap<K, V>
    where
        K: Eq + Hash,
    {
        self.read_key_values().into_iter().collect()
    }

    fn decode(&self, record: OutputRecord) -> Result<Record<K, V>> {
        let name = self.topic.name();
        let decode = |error| {
            Error::new(ErrorKind::Deserialization, format!("cannot decode a record of {name}"))
                .with_source(error)
        };
        let headers = &record.headers;
        let key = self.topic.keys().decode_record(name, headers, record.key.as_deref());
        let value = self.topic.values().decode_record(name, headers, record.value.as_deref());
        Ok(Record {
            key: key.map_err(decode)?,
            value: value.map_err(decode)?,
            timestamp: record.timestamp,
            headers: record.headers,
        })
    }
}

impl<K, V> fmt::Debug for TestInputTopic<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.topic, f)
    }
}

impl<K, V> fmt::Debug for TestOutputTopic<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.topic, f)
    }
}
