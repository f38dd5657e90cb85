//! Two topics, key by key.
//!
//! One partition at a time, with 32 bytes per key in memory: a digest of the key and one of its last
//! value. Keys that differ are few, so their values are fetched by a second pass.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128;

use crate::error::{Error, Result};
use crate::ids::{Offset, TopicPartition};
use crate::kafka::{Admin, Clients, Consumer, ConsumerRole, Leave, Offsets};
use crate::runtime::topic_reader::{self, Reading};

/// What the comparison of one output topic found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopicComparison {
    /// The live topic.
    pub topic: String,
    /// The rerun's.
    pub rerun: String,
    /// Keys in both with the same last value.
    pub equal_keys: u64,
    /// Keys that differ, or are on one side only.
    pub different_keys: u64,
    /// All records, live and rerun. They need not be as many: what is folded between two commits is sent
    /// once.
    pub records: (u64, u64),
    /// Records without a key, live and rerun: they are compared as a set.
    pub keyless_records: (u64, u64),
    /// Whether the sets of records without a key differ.
    pub keyless_differ: bool,
    /// The first keys that differ, in order of their bytes.
    pub first: Vec<Difference>,
}

/// A key that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The key, as text.
    pub key: String,
    /// Its last live value, as text.
    pub live: Option<String>,
    /// Its last value in the rerun, as text.
    pub rerun: Option<String>,
}

/// How many keys that differ are shown.
const SHOWN: usize = 10;
/// How much of a key or value is shown, in characters.
const SHOWN_CHARS: usize = 200;

impl TopicComparison {
    /// Returns whether nothing differs.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.different_keys == 0 && !self.keyless_differ
    }
}

impl fmt::Display for TopicComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, rerun, equal_keys, different_keys, .. } = self;
        write!(f, "{topic} = {rerun}: {equal_keys} keys equal, {different_keys} different")?;
        let (live, reran) = self.records;
        write!(f, " (of {live} and {reran} records)")?;
        let (live, reran) = self.keyless_records;
        if live + reran > 0 {
            let verdict = if self.keyless_differ { "different" } else { "equal" };
            write!(f, "; records without a key: {live} and {reran}, {verdict}")?;
        }
        for Difference { key, live, rerun } in &self.first {
            let shown = |value: &Option<String>| value.clone().unwrap_or("nothing".to_owned());
            write!(f, "\n  {key}\n    live  {}\n    rerun {}", shown(live), shown(rerun))?;
        }
        Ok(())
    }
}

/// Compares a live topic with a rerun's.
pub(super) fn compare(
    clients: &dyn Clients,
    admin: &dyn Admin,
    (live, rerun): (Arc<str>, Arc<str>),
    reading: Reading<'_>,
    show: &dyn Fn(&[u8]) -> String,
) -> Result<TopicComparison> {
    let partitions = partition_count(admin, &live, &rerun)?;
    let mut consumer = clients.consumer(ConsumerRole::Bounded, 1)?;
    reading.stop.wakes(consumer.waker());
    let mut comparison = TopicComparison {
        topic: live.as_ref().to_owned(),
        rerun: rerun.as_ref().to_owned(),
        equal_keys: 0,
        different_keys: 0,
        records: (0, 0),
        keyless_records: (0, 0),
        keyless_differ: false,
        first: Vec::new(),
    };
    let mut keyless_sums = [0_u128; 2];
    for partition in 0..partitions {
        let pair = [&live, &rerun].map(|topic| TopicPartition::new(topic.clone(), partition));
        let ends = admin.end_offsets(&pair)?;
        let mut sides = Vec::new();
        for at in &pair {
            sides.push(Digests::read(&mut *consumer, at, &ends, reading)?);
        }
        for (sum, side) in keyless_sums.iter_mut().zip(&sides) {
            *sum = sum.wrapping_add(side.keyless_sum);
        }
        let different = comparison.add(&sides);
        if !different.is_empty() {
            let values = Values { consumer: &mut *consumer, ends: &ends, reading, show };
            comparison.first.extend(values.of(&pair, &different)?);
        }
    }
    let (live, rerun) = comparison.keyless_records;
    let [live_sum, rerun_sum] = keyless_sums;
    comparison.keyless_differ = (live, live_sum) != (rerun, rerun_sum);
    comparison.first.sort_by(|a, b| a.key.cmp(&b.key));
    comparison.first.truncate(SHOWN);
    consumer.close(Leave::default());
    Ok(comparison)
}

fn partition_count(admin: &dyn Admin, live: &Arc<str>, rerun: &Arc<str>) -> Result<i32> {
    let counts = admin.partition_counts(&[live.clone(), rerun.clone()])?;
    let of = |topic: &Arc<str>| {
        let count = counts.get(topic).copied();
        count.ok_or_else(|| Error::topology(format!("the topic {topic} does not exist")))
    };
    let (one, other) = (of(live)?, of(rerun)?);
    if one != other {
        return Err(Error::topology(format!(
            "the topics {live} and {rerun} have {one} and {other} partitions: replay again"
        )));
    }
    Ok(i32::try_from(one).unwrap_or(i32::MAX))
}

impl TopicComparison {
    /// Adds one partition's digests; returns those of the keys that differ.
    fn add(&mut self, sides: &[Digests]) -> HashSet<u128> {
        let [live, rerun] = sides else { return HashSet::new() };
        let mut different = HashSet::new();
        for (key, value) in &live.keys {
            if rerun.keys.get(key) == Some(value) {
                self.equal_keys += 1;
            } else {
                different.insert(*key);
            }
        }
        let absent = rerun.keys.keys().filter(|key| !live.keys.contains_key(*key));
        different.extend(absent);
        self.different_keys += u64::try_from(different.len()).unwrap_or(u64::MAX);
        self.keyless_records.0 += live.keyless;
        self.keyless_records.1 += rerun.keyless;
        self.records.0 += live.records;
        self.records.1 += rerun.records;
        different
    }
}

/// The last values of one partition, by digest.
#[derive(Debug, Default)]
struct Digests {
    keys: HashMap<u128, u128>,
    records: u64,
    keyless: u64,
    /// The sum of the digests of records without a key: the same for every order, over all partitions,
    /// since it is chance which of them such a record is in.
    keyless_sum: u128,
}

impl Digests {
    fn read(
        consumer: &mut dyn Consumer,
        partition: &TopicPartition,
        ends: &Offsets,
        reading: Reading<'_>,
    ) -> Result<Self> {
        let mut digests = Self::default();
        topic_reader::read(consumer, &only(partition, ends), reading, &mut |_, record| {
            digests.records += 1;
            match (record.key, record.value) {
                (Some(key), Some(value)) => {
                    digests.keys.insert(xxh3_128(key), xxh3_128(value));
                }
                (Some(key), None) => {
                    digests.keys.remove(&xxh3_128(key));
                }
                (None, value) => {
                    let digest = value.map_or(1, xxh3_128);
                    digests.keyless += 1;
                    digests.keyless_sum = digests.keyless_sum.wrapping_add(digest);
                }
            }
            Ok(())
        })?;
        Ok(digests)
    }
}

/// Fetches the values of keys that differ.
struct Values<'a> {
    consumer: &'a mut dyn Consumer,
    ends: &'a Offsets,
    reading: Reading<'a>,
    show: &'a dyn Fn(&[u8]) -> String,
}

impl Values<'_> {
    fn of(self, pair: &[TopicPartition; 2], different: &HashSet<u128>) -> Result<Vec<Difference>> {
        let mut rows: BTreeMap<Vec<u8>, [Option<String>; 2]> = BTreeMap::new();
        for (side, partition) in pair.iter().enumerate() {
            let ends = only(partition, self.ends);
            topic_reader::read(self.consumer, &ends, self.reading, &mut |_, record| {
                let Some(key) = record.key.filter(|key| different.contains(&xxh3_128(key))) else {
                    return Ok(());
                };
                if let Some(slot) = rows.entry(key.to_vec()).or_default().get_mut(side) {
                    *slot = record.value.map(|value| shortened(&(self.show)(value)));
                }
                // Only the smallest keys stay; one that went is larger than all that will be shown.
                if rows.len() > SHOWN {
                    rows.pop_last();
                }
                Ok(())
            })?;
        }
        let rows = rows.into_iter();
        let rows = rows.map(|(key, [live, rerun])| Difference {
            key: shortened(&String::from_utf8_lossy(&key)),
            live,
            rerun,
        });
        Ok(rows.collect())
    }
}

fn only(partition: &TopicPartition, ends: &Offsets) -> Offsets {
    let end = ends.get(partition).copied().unwrap_or(Offset::ZERO);
    std::iter::once((partition.clone(), end)).collect()
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((cut, _)) => format!("{}...", text.get(..cut).unwrap_or_default()),
        None => text.to_owned(),
    }
}
