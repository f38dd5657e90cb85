//! An application under test: a topology with names of its own, its settings, its state directory.

use std::collections::BTreeMap;
use std::sync::Arc;

use integration_tests::clients;
use kappa::config::{Settings, StreamsConfig};
use kappa::kafka::rdkafka::RdKafka;
use kappa::prelude::*;
use kappa::runtime::replay::{Replay, ReplayReport};
use kappa::runtime::results::latest_values;
use kappa::runtime::verify::{Verdict, Verify};
use kappa::runtime::{ClientState, KafkaStreams, Stop};
use rdkafka::producer::BaseRecord;
use tempfile::TempDir;

/// An application that can be run, run again and looked at.
pub(crate) struct App {
    pub(crate) id: String,
    pub(crate) bootstrap: String,
    pub(crate) topology: Topology,
    pub(crate) state: TempDir,
    settings: Vec<(&'static str, String)>,
}

impl App {
    pub(crate) fn new(bootstrap: &str, id: &str, topology: Topology) -> Self {
        let state = tempfile::tempdir().expect("a directory for state");
        let (id, bootstrap) = (id.to_owned(), bootstrap.to_owned());
        let settings = vec![("commit.interval.ms", "50".to_owned())];
        Self { id, bootstrap, topology, state, settings }
    }

    /// Returns another instance of the application, with a state directory of its own.
    pub(crate) fn sibling(&self) -> Self {
        let state = tempfile::tempdir().expect("a directory for state");
        let (id, bootstrap) = (self.id.clone(), self.bootstrap.clone());
        let (topology, settings) = (self.topology.clone(), self.settings.clone());
        Self { id, bootstrap, topology, state, settings }
    }

    pub(crate) fn set(mut self, name: &'static str, value: &str) -> Self {
        self.settings.push((name, value.to_owned()));
        self
    }

    pub(crate) fn settings(&self) -> Settings {
        let mut config = StreamsConfig::new(&self.id)
            .with_argument("bootstrap.servers", &self.bootstrap)
            .and_then(|config| {
                config.with_argument("state.dir", &self.state.path().to_string_lossy())
            })
            .expect("known settings");
        for (name, value) in &self.settings {
            config = config.with_argument(name, value).expect("a known setting");
        }
        config.resolve().expect("settings within their ranges")
    }

    pub(crate) fn streams(&self) -> KafkaStreams {
        KafkaStreams::new(self.topology.clone(), self.settings())
    }

    /// Runs live until everything is read and committed, and closes.
    pub(crate) fn catch_up(&self) -> kappa::runtime::Progress {
        let streams = self.streams();
        streams.start().expect("the application starts");
        streams.wait_until_caught_up(|_| {}).expect("the application catches up");
        streams.close().expect("the application closes");
        assert_eq!(streams.state(), ClientState::NotRunning);
        streams.progress()
    }

    /// Runs live until it fails, and returns what with.
    pub(crate) fn fail(&self) -> kappa::Error {
        let streams = self.streams();
        let error = match streams.start() {
            Err(error) => error,
            Ok(()) => streams.wait().expect_err("the application fails"),
        };
        assert_eq!(streams.state(), ClientState::Error);
        error
    }

    pub(crate) fn replay(&self, version: &str) -> ReplayReport {
        self.try_replay(version).expect("the replay ends")
    }

    pub(crate) fn try_replay(&self, version: &str) -> kappa::Result<ReplayReport> {
        Replay::new(self.topology.clone(), self.settings(), version)?.run(&Stop::new(), |_| {})
    }

    pub(crate) fn verify(&self, version: &str) -> Verdict {
        let verify = Verify::new(self.topology.clone(), self.settings(), version);
        verify.run(&Stop::new()).expect("the comparison is made")
    }

    /// Returns the last value of each key of a topic, as text.
    pub(crate) fn latest(&self, topic: &str) -> BTreeMap<String, String> {
        let settings = self.settings();
        let clients = RdKafka::new(&settings, &self.id);
        let latest = latest_values(&clients, &settings, topic, &Stop::new());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("results are text");
        let rows = latest.expect("the topic can be read").rows.into_iter();
        rows.map(|(key, value)| (text(key), text(value))).collect()
    }
}

/// A record to be fed: key, value and timestamp in milliseconds, above 0: librdkafka sends 0 as now.
pub(crate) type Fed<'a> = (&'a str, &'a str, i64);

/// Writes records to a topic, partitioned by key as the Java client does.
pub(crate) fn feed(bootstrap: &str, topic: &str, records: &[Fed<'_>]) {
    let producer = clients::producer(bootstrap, &[("partitioner", "murmur2_random")]);
    for (key, value, timestamp) in records {
        let record = BaseRecord::to(topic).key(*key).payload(*value).timestamp(*timestamp);
        clients::send(&producer, record);
    }
    clients::drain(&producer);
}

/// Writes records to one partition of a topic.
pub(crate) fn feed_partition(bootstrap: &str, topic: &str, partition: i32, records: &[Fed<'_>]) {
    let producer = clients::producer(bootstrap, &[]);
    for (key, value, timestamp) in records {
        let record = BaseRecord::to(topic).key(*key).payload(*value).timestamp(*timestamp);
        clients::send(&producer, record.partition(partition));
    }
    clients::drain(&producer);
}

/// Returns rows as pairs that compare well.
pub(crate) fn rows(expected: &[(&str, &str)]) -> BTreeMap<String, String> {
    expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A topic of texts.
pub(crate) fn texts(name: &str) -> Topic<String, String> {
    Topic::new(name, Utf8, Utf8)
}

/// A topic of results, created with one partition; kept, since the records' time is long ago.
pub(crate) fn result_texts(name: &str) -> Topic<String, String> {
    texts(name).create(1).setting("retention.ms", "-1")
}

/// A topic of texts that may be deleted, created with so many partitions.
pub(crate) fn text_table(name: &str, partitions: usize) -> Topic<String, Option<String>> {
    let topic = Topic::new(name, Utf8, Nullable::of(Utf8));
    topic.create(partitions).setting("retention.ms", "-1")
}

/// Numbers as text, so that results are easily read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decimal;

impl kappa::serde::Serde<i64> for Decimal {
    fn encode(
        &self,
        _topic: &str,
        value: &i64,
        out: &mut Vec<u8>,
    ) -> Result<(), kappa::serde::SerdeError> {
        out.extend_from_slice(value.to_string().as_bytes());
        Ok(())
    }

    fn decode(&self, _topic: &str, bytes: &[u8]) -> Result<i64, kappa::serde::SerdeError> {
        Ok(std::str::from_utf8(bytes)?.parse()?)
    }
}

/// A table of numbers, created with so many partitions.
pub(crate) fn number_table(name: &str, partitions: usize) -> Topic<String, Option<i64>> {
    let topic = Topic::new(name, Utf8, Nullable::of(Decimal));
    topic.create(partitions).setting("retention.ms", "-1")
}

/// Collects what closures saw, from whichever thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Arc<std::sync::Mutex<Vec<String>>>);

impl Seen {
    pub(crate) fn add(&self, text: String) {
        self.0.lock().expect("no test panics while adding").push(text);
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().expect("no test panics while adding").clone()
    }
}
