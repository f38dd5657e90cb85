//! The records that contestants read.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use integration_tests::admin::{self, FOREVER};
use integration_tests::{clients, unique};
use rdkafka::producer::BaseRecord;

/// How many partitions the input has, and whatever is written.
pub(crate) const PARTITIONS: i32 = 4;

/// How long a value is, in bytes; with its key a record has a hundred.
const VALUE_BYTES: usize = 88;
/// When the first record happened, in milliseconds; one follows every millisecond.
const FIRST_MS: i64 = 1_700_000_000_000;

/// The input topics of this run, filled when they are first asked for.
#[derive(Debug)]
pub(crate) struct Inputs {
    bootstrap: String,
    /// Topics by their number of records and of keys.
    topics: BTreeMap<(u64, u64), String>,
}

impl Inputs {
    pub(crate) fn new(bootstrap: &str) -> Self {
        Self { bootstrap: bootstrap.to_owned(), topics: BTreeMap::new() }
    }

    /// Returns a topic of this run's own; the order of the keys is the same in every run.
    pub(crate) fn topic(&mut self, records: u64, keys: u64) -> String {
        let bootstrap = &self.bootstrap;
        let topic = self.topics.entry((records, keys)).or_insert_with(|| {
            let topic = unique("bench-input");
            admin::create_topic(bootstrap, &topic, PARTITIONS, &[FOREVER]);
            fill(bootstrap, &topic, records, keys, &[b'x'; VALUE_BYTES]);
            topic
        });
        topic.clone()
    }
}

/// Writes records with keys in an order that looks random.
pub(crate) fn fill(bootstrap: &str, topic: &str, records: u64, keys: u64, value: &[u8]) {
    let settings = [("partitioner", "murmur2_random"), ("linger.ms", "50")];
    let producer = clients::producer(bootstrap, &settings);
    let mut key = String::new();
    for (timestamp, number) in (FIRST_MS..).zip(0..records) {
        key.clear();
        // Writing to a string cannot fail.
        let _ = write!(key, "key-{:08}", scattered(number) % keys.max(1));
        let record = BaseRecord::to(topic).key(&key).payload(value).timestamp(timestamp);
        clients::send(&producer, record);
    }
    clients::drain(&producer);
}

/// Returns a number that looks random and follows from another (the finalizer of splitmix64).
fn scattered(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
