//! The typed store over memory and, by the same suite, over RocksDB.

use std::collections::BTreeMap;

use super::*;
use crate::ids::StoreId;
use crate::kafka::OutTopic;
use crate::record::Header;
use crate::serde::DefaultSerde;
use crate::state::{MemoryBackend, PlainKeys};

/// A store with everything around it, as a task has it.
struct Bench {
    store: KeyValueStore<String, i64>,
    backend: Box<dyn Backend>,
    outbox: Outbox,
    forwarded: Vec<Flushed<String, i64>>,
}

const BIG: usize = 1 << 20;

fn bench_over(backend: Box<dyn Backend>, cache_bytes: usize, old_values: bool) -> Bench {
    let mut outbox = Outbox::new(3);
    let topic = outbox.register(OutTopic::new("app-s-changelog", 1));
    let env = StoreEnvironment {
        name: "s".into(),
        serde_topic: "app-s-changelog".into(),
        family: Family(0),
        cache: CacheBudget::new(cache_bytes),
        changelog: Some(Changelog { topic, store: StoreId(0) }),
        old_values,
    };
    let keys = Box::new(PlainKeys(String::default_serde()));
    let store = KeyValueStore::new(env, keys, i64::default_serde());
    Bench { store, backend, outbox, forwarded: Vec::new() }
}

fn bench(cache_bytes: usize, old_values: bool) -> Bench {
    bench_over(Box::new(MemoryBackend::default()), cache_bytes, old_values)
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

impl Bench {
    /// Adds to a row's value, as an aggregation does; without a cache it is flushed at once.
    fn add(&mut self, key: &str, value: i64, millis: i64) {
        let by = (at(millis), Headers::default());
        let add = |_: &String, old: Option<i64>| Some(old.unwrap_or(0) + value);
        self.store.update(&*self.backend, key.to_owned(), by, add).unwrap();
        self.settle();
    }

    fn delete(&mut self, key: &str, millis: i64) {
        let by = (at(millis), Headers::default());
        self.store.update(&*self.backend, key.to_owned(), by, |_, _| None).unwrap();
        self.settle();
    }

    /// Replaces a row, as a table's source does.
    fn put(&mut self, key: &str, value: Option<i64>, millis: i64) {
        let stamped = value.map(|value| Stamped { value, timestamp: at(millis) });
        let by = (at(millis), Headers::default());
        self.store.upsert(&*self.backend, key.to_owned(), stamped, by).unwrap();
        self.settle();
    }

    fn settle(&mut self) {
        while self.store.wants_flush() {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.store.flush(&*self.backend, &mut self.outbox, &mut self.forwarded).unwrap();
    }

    fn commit(&mut self) {
        self.flush();
        self.backend.commit(&[self.store.pending()]).unwrap();
        self.store.committed();
    }

    fn get(&mut self, key: &str) -> Option<(i64, i64)> {
        let row = self.store.get(&*self.backend, &key.to_owned()).unwrap();
        row.map(|row| (row.value, row.timestamp.as_millis()))
    }

    /// What was forwarded since the last call: `key old->new@timestamp`.
    fn forwarded(&mut self) -> Vec<String> {
        let show = |value: Option<i64>| value.map_or("none".to_owned(), |value| value.to_string());
        let changes = self.forwarded.drain(..).map(|flushed| {
            let Record { key, value: Change { new, old }, timestamp, .. } = flushed;
            format!("{key} {}->{}@{timestamp}", show(old), show(new))
        });
        changes.collect()
    }

    /// What was logged since the last call: key, value and timestamp as in the topic.
    fn logged(&mut self) -> Vec<(Vec<u8>, Option<Vec<u8>>, i64)> {
        let records = self.outbox.iter().map(|record| {
            assert_eq!((&**record.topic, record.partition), ("app-s-changelog", Some(3)));
            assert_eq!(record.changelog, Some(StoreId(0)));
            assert!(record.headers.is_empty());
            let key = record.key.expect("a changelog record has a key").to_vec();
            (key, record.value.map(<[u8]>::to_vec), record.timestamp.as_millis())
        });
        let logged = records.collect();
        self.outbox.clear();
        logged
    }

    fn rows(&self) -> Vec<(String, i64, i64)> {
        let rows = self.store.rows(&*self.backend).unwrap().into_iter();
        rows.map(|(key, row)| (key, row.value, row.timestamp.as_millis())).collect()
    }

    fn stored(&self, key: &str) -> Option<Vec<u8>> {
        let mut row = None;
        let read = &mut |bytes: &[u8]| {
            row = Some(bytes.to_vec());
            Ok(())
        };
        self.backend.read(Family(0), key.as_bytes(), read).unwrap();
        row
    }
}

#[test]
fn with_a_cache_a_flush_forwards_the_last_value_and_what_was_at_the_flush_before() {
    let mut bench = bench(BIG, true);
    for (value, millis) in [(1, 10), (2, 20), (4, 15)] {
        bench.add("a", value, millis);
    }
    bench.add("b", 8, 30);
    assert!(bench.forwarded().is_empty());
    bench.flush();
    assert_eq!(bench.forwarded(), ["a none->7@20", "b none->8@30"]);
    bench.add("a", 1, 40);
    bench.add("a", 1, 41);
    bench.flush();
    assert_eq!(bench.forwarded(), ["a 7->9@41"]);
    bench.flush();
    assert!(bench.forwarded().is_empty());
}

#[test]
fn without_a_cache_every_write_is_forwarded() {
    let mut bench = bench(0, true);
    bench.add("a", 1, 10);
    bench.add("a", 2, 20);
    bench.delete("a", 30);
    bench.add("a", 4, 5);
    let expected = ["a none->1@10", "a 1->3@20", "a 3->none@30", "a none->4@5"];
    assert_eq!(bench.forwarded(), expected);
    assert_eq!(bench.store.cached_len(), 0);
}

#[test]
fn old_values_are_only_looked_up_where_they_are_wanted() {
    let mut bench = bench(BIG, false);
    bench.add("a", 1, 10);
    bench.flush();
    bench.add("a", 2, 20);
    bench.flush();
    assert_eq!(bench.forwarded(), ["a none->1@10", "a none->3@20"]);
}

#[test]
fn the_delete_of_a_row_that_never_was_vanishes_with_a_cache() {
    for old_values in [false, true] {
        let mut bench = bench(BIG, old_values);
        bench.put("a", None, 10);
        bench.delete("b", 10);
        bench.put("c", Some(1), 10);
        bench.put("c", None, 11);
        bench.flush();
        assert!(bench.forwarded().is_empty(), "old values {old_values}");
        assert!(bench.logged().is_empty());
    }
}

#[test]
fn the_delete_of_a_row_that_never_was_is_forwarded_without_a_cache() {
    let mut bench = bench(0, false);
    bench.put("a", None, 10);
    bench.delete("b", 11);
    assert_eq!(bench.forwarded(), ["a none->none@10", "b none->none@11"]);
    assert_eq!(bench.logged(), [(b"a".to_vec(), None, 10), (b"b".to_vec(), None, 11)]);
}

#[test]
fn the_delete_of_a_row_is_noticed_wherever_the_row_is() {
    for committed in [false, true] {
        let mut bench = bench(BIG, false);
        bench.put("a", Some(1), 10);
        bench.flush();
        if committed {
            bench.commit();
        }
        // Another view of the same rows, whose cache has not seen them.
        let mut fresh = bench_over(bench.backend, BIG, false);
        if !committed {
            fresh.put("a", Some(1), 10);
            fresh.flush();
        }
        fresh.forwarded();
        fresh.put("a", None, 20);
        fresh.flush();
        assert_eq!(fresh.forwarded(), ["a none->none@20"], "committed {committed}");
    }
}

#[test]
fn rows_carry_their_timestamp_and_changelogs_the_plain_value() {
    let mut bench = bench(BIG, false);
    bench.put("key", Some(258), 7);
    bench.put("gone", Some(1), 8);
    bench.flush();
    bench.put("gone", None, 9);
    bench.commit();
    let row = [0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 1, 2];
    assert_eq!(bench.stored("key").as_deref(), Some(&row[..]));
    assert_eq!(bench.stored("gone"), None);
    let expected = [
        (b"key".to_vec(), Some(vec![0, 0, 0, 0, 0, 0, 1, 2]), 7),
        (b"gone".to_vec(), Some(vec![0, 0, 0, 0, 0, 0, 0, 1]), 8),
        (b"gone".to_vec(), None, 9),
    ];
    assert_eq!(bench.logged(), expected);
}

#[test]
fn an_aggregates_timestamp_never_goes_back_unless_the_row_was_not_there() {
    let mut bench = bench(0, false);
    bench.add("a", 1, 20);
    bench.add("a", 1, 10);
    assert_eq!(bench.get("a"), Some((2, 20)));
    bench.delete("a", 5);
    assert_eq!(bench.logged().last().unwrap().2, 5, "a tombstone is of the record that made it");
    bench.add("a", 1, 3);
    assert_eq!(bench.get("a"), Some((1, 3)));
}

#[test]
fn a_table_applies_updates_that_are_out_of_order() {
    let mut bench = bench(BIG, true);
    bench.put("a", Some(1), 20);
    bench.flush();
    bench.put("a", Some(2), 10);
    bench.flush();
    assert_eq!(bench.forwarded(), ["a none->1@20", "a 1->2@10"]);
    assert_eq!(bench.get("a"), Some((2, 10)));
}

#[test]
fn a_flush_goes_out_with_the_headers_of_the_last_writer() {
    let mut bench = bench(BIG, false);
    for name in ["first", "last"] {
        let headers: Headers = [Header::new(name, *b"x")].into_iter().collect();
        let add = |_: &String, old: Option<i64>| Some(old.unwrap_or(0) + 1);
        bench.store.update(&*bench.backend, "a".into(), (at(1), headers), add).unwrap();
    }
    bench.flush();
    let flushed = bench.forwarded.pop().unwrap();
    assert!(flushed.headers.last("last").is_some() && flushed.headers.last("first").is_none());
}

#[test]
fn what_is_flushed_is_read_before_and_after_its_commit() {
    let mut bench = bench(0, false);
    bench.add("a", 1, 10);
    assert_eq!(bench.stored("a"), None);
    assert_eq!(bench.get("a"), Some((1, 10)));
    assert!(bench.store.uncommitted_bytes() > 0);
    bench.commit();
    assert!(bench.stored("a").is_some());
    assert_eq!((bench.get("a"), bench.store.uncommitted_bytes()), (Some((1, 10)), 0));
    bench.delete("a", 20);
    assert!(bench.stored("a").is_some(), "the committed row is only hidden");
    assert_eq!(bench.get("a"), None);
    assert!(bench.rows().is_empty());
    bench.commit();
    assert_eq!(bench.stored("a"), None);
}

#[test]
fn a_full_cache_flushes_all_of_its_dirty_rows() {
    let mut bench = bench(300, false);
    let mut key = 0;
    while bench.forwarded.is_empty() {
        bench.add(&format!("{key:02}"), key, key);
        key += 1;
        assert!(key < 10, "300 bytes hold fewer than ten rows");
    }
    assert_eq!(bench.forwarded.len(), usize::try_from(key).unwrap());
    for at in 0..key {
        assert_eq!(bench.get(&format!("{at:02}")), Some((at, at)));
    }
}

#[test]
fn a_restored_store_has_the_rows_of_the_one_that_wrote_the_changelog() {
    let mut writer = bench(0, false);
    for (key, value) in [("a", 1), ("b", 2), ("a", 3), ("c", 4)] {
        writer.add(key, value, value);
    }
    writer.delete("b", 9);
    let changelog = writer.logged();

    let mut restored = bench(BIG, false);
    let headers = Headers::default();
    for (offset, (key, value, timestamp)) in changelog.iter().enumerate() {
        let offset = Offset(i64::try_from(offset).unwrap());
        let (key, value, timestamp) = (Some(&**key), value.as_deref(), at(*timestamp));
        let record = RawRecord { key, value, timestamp, offset, headers: &headers };
        restored.store.restore(record).unwrap();
        restored.store.set_offset(offset.next());
    }
    assert_eq!(restored.store.pending().offset, Some(Offset(5)));
    restored.commit();
    assert_eq!(restored.rows(), writer.rows());
    assert_eq!(restored.get("a"), Some((4, 3)));
    assert_eq!(restored.get("b"), None);
    assert!(restored.logged().is_empty(), "a restore logs nothing");
    assert_eq!(restored.store.pending().offset, None);
}

#[test]
fn a_changelog_record_without_a_key_is_corruption() {
    let headers = Headers::default();
    let (timestamp, offset) = (at(0), Offset(0));
    let record = RawRecord { key: None, value: None, timestamp, offset, headers: &headers };
    let error = bench(0, false).store.restore(record).unwrap_err();
    assert!(error.is_corrupted());
    assert_eq!(error.to_string(), "the changelog of store s has a null key");
}

#[test]
fn rows_that_are_none_are_clear_errors() {
    let mut short = bench(0, false);
    short.store.overlay.put(b"short", Some([1, 2, 3][..].into()));
    short.store.overlay.put(b"wrong", Some([0; 11][..].into()));
    let error = short.store.get(&*short.backend, &"short".to_owned()).unwrap_err();
    assert!(error.is_corrupted());
    assert_eq!(error.to_string(), "store s has a row of only 3 bytes");
    let error = short.store.get(&*short.backend, &"wrong".to_owned()).unwrap_err();
    let expected = "cannot decode a value of store s: expected 8 bytes, found 3";
    assert_eq!(error.report(), expected);
    assert!(short.store.rows(&*short.backend).is_err());
}

/// SplitMix64: enough for tests, and the same everywhere.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

type Model = BTreeMap<String, (i64, i64)>;

/// One random call on store and model.
fn step(rng: &mut u64, bench: &mut Bench, model: &mut Model) {
    let key = format!("k{}", random(rng) % 20);
    let millis = i64::try_from(random(rng) % 1_000).unwrap();
    let value = i64::try_from(random(rng) % 100).unwrap();
    match random(rng) % 12 {
        0..=4 => {
            bench.add(&key, value, millis);
            let (old, before) = model.get(&key).copied().unwrap_or((0, millis));
            model.insert(key, (old + value, millis.max(before)));
        }
        5..=6 => {
            bench.put(&key, Some(value), millis);
            model.insert(key, (value, millis));
        }
        7 => {
            bench.put(&key, None, millis);
            model.remove(&key);
        }
        8 => {
            bench.delete(&key, millis);
            model.remove(&key);
        }
        9 => bench.flush(),
        10 => bench.commit(),
        _ => assert_eq!(bench.get(&key), model.get(&key).copied(), "{key}"),
    }
}

fn agree(bench: &mut Bench, model: &Model) {
    bench.flush();
    let expected: Vec<_> =
        model.iter().map(|(key, &(value, millis))| (key.clone(), value, millis)).collect();
    assert_eq!(bench.rows(), expected);
    for key in (0..20).map(|n| format!("k{n}")) {
        assert_eq!(bench.get(&key), model.get(&key).copied(), "{key}");
    }
}

/// Random calls: reads, rows, what is forwarded and what is logged all end as in the model.
fn attack(
    seed: u64,
    cache_bytes: usize,
    mut reopen: impl FnMut(Option<Bench>) -> Box<dyn Backend>,
) {
    println!("seed {seed}, cache {cache_bytes}");
    let mut rng = seed;
    let mut bench = bench_over(reopen(None), cache_bytes, seed.is_multiple_of(2));
    let mut model = Model::new();
    let (mut forwarded, mut logged) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        for _ in 0..120 {
            step(&mut rng, &mut bench, &mut model);
        }
        agree(&mut bench, &model);
        bench.commit();
        forwarded.append(&mut bench.forwarded);
        logged.append(&mut bench.logged());
        bench = bench_over(reopen(Some(bench)), cache_bytes, seed.is_multiple_of(2));
        agree(&mut bench, &model);
    }
    let mut downstream = BTreeMap::new();
    for flushed in forwarded {
        match flushed.value.new {
            Some(value) => downstream.insert(flushed.key, value),
            None => downstream.remove(&flushed.key),
        };
    }
    let expected = model.iter().map(|(key, &(value, _))| (key.clone(), value)).collect();
    assert_eq!(downstream, expected);
    let mut restored = BTreeMap::new();
    for (key, value, timestamp) in logged {
        match value {
            Some(value) => restored.insert(key, (value, timestamp)),
            None => restored.remove(&key),
        };
    }
    let expected = model
        .into_iter()
        .map(|(key, (value, millis))| (key.into_bytes(), (value.to_be_bytes().to_vec(), millis)));
    assert_eq!(restored, expected.collect());
}

const CACHES: [usize; 3] = [0, 500, BIG];

#[test]
fn any_sequence_of_calls_equals_a_map() {
    for seed in 0..60 {
        for cache_bytes in CACHES {
            attack(seed, cache_bytes, |bench| match bench {
                Some(bench) => bench.backend,
                None => Box::new(MemoryBackend::default()),
            });
        }
    }
}

#[cfg(feature = "rocksdb")]
#[test]
fn any_sequence_of_calls_equals_a_map_on_rocksdb_reopened_now_and_then() {
    use crate::state::rocksdb::{RocksDbBackend, RocksDbMemory, Statistics};

    let memory = RocksDbMemory::new(1 << 20, 1 << 20);
    for seed in 100..104 {
        for cache_bytes in CACHES {
            let dir = tempfile::tempdir().unwrap();
            attack(seed, cache_bytes, |bench| {
                // The database is closed before it is opened again.
                drop(bench);
                let families = vec![Some("s".into())];
                Box::new(
                    RocksDbBackend::open(dir.path(), families, &memory, Statistics::Off).unwrap(),
                )
            });
        }
    }
}
