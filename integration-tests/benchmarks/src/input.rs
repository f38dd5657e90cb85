//! The records that every case reads.

use std::fmt::Write as _;

use integration_tests::admin::{self, FOREVER};
use integration_tests::{clients, unique};
use rdkafka::producer::BaseRecord;

/// How many partitions the input has, and whatever is written.
pub(crate) const PARTITIONS: i32 = 4;

/// How long a value is, in bytes.
const VALUE_BYTES: usize = 88;
/// When the first record happened, in milliseconds; one follows every millisecond.
const FIRST_MS: i64 = 1_700_000_000_000;

/// An input topic that is filled.
#[derive(Debug)]
pub(crate) struct Input {
    topic: String,
    prefix: String,
}

impl Input {
    /// Creates a topic of this run's own and fills it; the order of the keys is the same in every run.
    pub(crate) fn load(bootstrap: &str, records: u64, keys: u64) -> Self {
        let prefix = unique("bench");
        let topic = format!("{prefix}-input");
        admin::create_topic(bootstrap, &topic, PARTITIONS, &[FOREVER]);
        let settings = [("partitioner", "murmur2_random"), ("linger.ms", "50")];
        let producer = clients::producer(bootstrap, &settings);
        let value = "x".repeat(VALUE_BYTES);
        let mut key = String::new();
        for (timestamp, number) in (FIRST_MS..).zip(0..records) {
            key.clear();
            // Writing to a string cannot fail.
            let _ = write!(key, "key-{:08}", scattered(number) % keys.max(1));
            let record = BaseRecord::to(&topic).key(&key).payload(&value).timestamp(timestamp);
            clients::send(&producer, record);
        }
        clients::drain(&producer);
        Self { topic, prefix }
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// Returns what all topics of this run begin with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }
}

/// Returns a number that looks random and follows from another (the finalizer of splitmix64).
fn scattered(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
