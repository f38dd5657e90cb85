//! What is processed.

use std::ops::Range;

use kappa::config::{Settings, StreamsConfig};
use kappa::kafka::FetchedBatch;
use kappa::time::Timestamp;
use kappa::{Headers, Offset, RawRecord};

/// How many records one fetch brings.
pub(crate) const BATCH: usize = 10_000;
/// With its key a record has a hundred bytes.
const VALUE: [u8; 88] = [b'x'; 88];

/// Returns a key by its number.
pub(crate) fn key(number: usize) -> String {
    format!("key-{number:08}")
}

/// Returns a number that looks random and follows from another (the finalizer of splitmix64).
pub(crate) fn scattered(number: usize) -> usize {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Returns a batch of input, its keys scattered over so many.
pub(crate) fn batch(first: usize, keys: usize) -> FetchedBatch {
    numbered(first, BATCH, keys, &VALUE)
}

/// Returns a batch of input whose records have these headers.
pub(crate) fn with_headers(keys: usize, headers: &Headers) -> FetchedBatch {
    filled(0..BATCH, keys, &VALUE, headers)
}

/// Returns records with consecutive offsets from `first` on.
pub(crate) fn numbered(first: usize, count: usize, keys: usize, value: &[u8]) -> FetchedBatch {
    filled(first..first + count, keys, value, &Headers::default())
}

fn filled(numbers: Range<usize>, keys: usize, value: &[u8], headers: &Headers) -> FetchedBatch {
    let mut batch = FetchedBatch::default();
    for number in numbers {
        let offset = i64::try_from(number).unwrap();
        batch.push(RawRecord {
            key: Some(key(scattered(number) % keys).as_bytes()),
            value: Some(value),
            timestamp: Timestamp::from_millis(offset),
            offset: Offset(offset),
            headers,
        });
    }
    batch
}

/// Returns settings for tasks, with these changed.
pub(crate) fn settings(changes: &[(&str, &str)]) -> Settings {
    let config = changes.iter().fold(StreamsConfig::new("bench"), |config, (name, value)| {
        config.with_argument(name, value).unwrap()
    });
    config.resolve().unwrap()
}
