//! The store of windows over memory and, by the same suite, over RocksDB.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::*;
use crate::ids::StoreId;
use crate::kafka::OutTopic;
use crate::serde::DefaultSerde;
use crate::state::{CacheBudget, Changelog, Family, MemoryBackend};
use crate::windows::Window;

const SIZE_MS: i64 = 10_000;
const RETENTION_MS: i64 = 150_000;
/// Half the retention, since that is more than a minute.
const SEGMENT_MS: i64 = 75_000;
const BIG: usize = 1 << 20;

/// A store with everything around it, as a task has it.
struct Bench {
    store: WindowStore<String, i64>,
    backend: Box<dyn Backend>,
    outbox: Outbox,
    forwarded: Vec<Flushed<Windowed<String>, i64>>,
}

fn bench_over(backend: Box<dyn Backend>, cache_bytes: usize, order: WindowOrder) -> Bench {
    let mut outbox = Outbox::new(0);
    let topic = outbox.register(OutTopic::new("app-w-changelog", 1));
    let env = StoreEnvironment {
        name: "w".into(),
        serde_topic: "app-w-changelog".into(),
        family: Family(0),
        cache: CacheBudget::new(cache_bytes),
        changelog: Some(Changelog { topic, store: StoreId(0) }),
        old_values: false,
    };
    let (size, retention) = (SIZE_MS.unsigned_abs(), RETENTION_MS.unsigned_abs());
    let (size, retention) = (Duration::from_millis(size), Duration::from_millis(retention));
    let (keys, values) = (String::default_serde(), i64::default_serde());
    let store = WindowStore::new(env, keys, values, WindowLayout { size, retention, order });
    Bench { store, backend, outbox, forwarded: Vec::new() }
}

fn bench(cache_bytes: usize) -> Bench {
    bench_over(Box::new(MemoryBackend::default()), cache_bytes, WindowOrder::ByKey)
}

/// Rows in the order of time, as final results are read.
fn timely(on_disk: bool) -> Bench {
    bench_over(Box::new(MemoryBackend::default()), 0, WindowOrder::ByTime { on_disk })
}

fn windowed(key: &str, start_ms: i64) -> Windowed<String> {
    Windowed { key: key.to_owned(), window: Window::starting_at(start_ms, SIZE_MS) }
}

impl Bench {
    /// Adds to a window's value, as an aggregation does; without a cache it is flushed at once.
    fn add(&mut self, key: &str, start_ms: i64, value: i64, millis: i64) {
        let by = (Timestamp::from_millis(millis), Headers::default());
        let add = |_: &Windowed<String>, old: Option<i64>| Some(old.unwrap_or(0) + value);
        self.store.update(&*self.backend, windowed(key, start_ms), by, add).unwrap();
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

    fn get(&mut self, key: &str, start_ms: i64) -> Option<(i64, i64)> {
        let row = self.store.get(&*self.backend, &windowed(key, start_ms)).unwrap();
        row.map(|row| (row.value, row.timestamp.as_millis()))
    }

    /// Rows as `key@start value@timestamp`, by start and key.
    fn rows(&self) -> Vec<String> {
        let mut rows = self.store.rows(&*self.backend).unwrap();
        rows.sort_by(|(a, _), (b, _)| (a.window, &a.key).cmp(&(b.window, &b.key)));
        let rows = rows.into_iter().map(|(key, row)| {
            format!("{}@{} {}@{}", key.key, key.window.start, row.value, row.timestamp)
        });
        rows.collect()
    }

    /// The segments that committed rows stand in.
    fn segments(&self) -> Vec<i64> {
        let mut segments = Vec::new();
        let visit = &mut |key: &[u8], _: &[u8]| {
            segments.push(i64::from_be_bytes(*key.first_chunk().unwrap()));
            Ok(ControlFlow::Continue(()))
        };
        self.backend.scan(Family(0), &[], visit).unwrap();
        segments.dedup();
        segments
    }
}

#[test]
fn a_row_is_of_its_key_and_window() {
    let mut bench = bench(BIG);
    bench.add("a", 0, 1, 5_000);
    bench.add("a", 0, 2, 1_000);
    bench.add("a", 10_000, 4, 10_000);
    bench.add("b", 0, 8, 9_999);
    bench.flush();
    assert_eq!(bench.rows(), ["a@0 3@5000", "b@0 8@9999", "a@10000 4@10000"]);
    assert_eq!(bench.get("a", 0), Some((3, 5_000)));
    assert_eq!(bench.get("a", 20_000), None);
}

#[test]
fn the_changelog_has_key_start_and_sequence_and_the_plain_value() {
    let mut bench = bench(0);
    bench.add("ab", SEGMENT_MS + 5_000, 258, 81_000);
    bench.commit();
    let record = bench.outbox.iter().next().unwrap();
    let key = [b'a', b'b', 0, 0, 0, 0, 0, 1, 0x38, 0x80, 0, 0, 0, 0];
    assert_eq!(record.key, Some(&key[..]));
    assert_eq!(record.value, Some(&[0, 0, 0, 0, 0, 0, 1, 2][..]));
    assert_eq!(record.timestamp.as_millis(), 81_000);
    assert_eq!(bench.segments(), [1], "rows are kept by segment, in front of the key");
}

#[test]
fn rows_are_hidden_from_the_millisecond_on_that_they_expire() {
    let mut bench = bench(0);
    bench.add("a", 0, 1, 0);
    bench.add("b", RETENTION_MS - 1, 1, 0);
    assert_eq!(bench.get("a", 0), Some((1, 0)));
    bench.add("b", RETENTION_MS, 1, 0);
    assert_eq!(bench.get("a", 0), None);
    bench.commit();
    assert_eq!(bench.rows().len(), 2);
    assert_eq!(bench.segments(), [0, 1, 2], "the segment is live, the row only hidden");
}

#[test]
fn expired_segments_are_dropped_whole_by_the_next_commit() {
    let mut bench = bench(0);
    for start in [0, 10_000, SEGMENT_MS, 2 * SEGMENT_MS] {
        bench.add("a", start, 1, start);
    }
    bench.commit();
    assert_eq!(bench.segments(), [0, 1, 2]);
    bench.add("a", RETENTION_MS + SEGMENT_MS - 1, 1, 0);
    bench.commit();
    assert_eq!(bench.segments(), [0, 1, 2]);
    bench.add("a", RETENTION_MS + SEGMENT_MS, 1, 0);
    bench.commit();
    assert_eq!(bench.segments(), [1, 2, 3]);
    bench.add("a", 100 * SEGMENT_MS, 1, 0);
    bench.commit();
    assert_eq!(bench.segments(), [100]);
}

#[test]
fn a_cached_row_that_expires_is_hidden_too() {
    let mut bench = bench(BIG);
    bench.add("a", 0, 1, 0);
    bench.add("a", RETENTION_MS, 2, 0);
    assert_eq!(bench.get("a", 0), None);
    bench.commit();
    assert_eq!(bench.rows(), ["a@150000 2@0"]);
}

#[test]
fn a_row_that_expired_is_not_folded_into_any_more() {
    let mut bench = bench(0);
    bench.add("a", 0, 1, 0);
    bench.add("b", RETENTION_MS, 1, 0);
    // After a restart the operator does not know yet that the window is closed (row W2); the store
    // does, and reads of an update are reads (row ST5).
    bench.forwarded.clear();
    bench.add("a", 0, 1, 0);
    let seen: Vec<_> = bench.forwarded.iter().map(|flushed| flushed.value.new).collect();
    assert_eq!(seen, [Some(1)], "the row is gone, so the window begins anew");
}

#[test]
fn a_restore_brings_rows_back_and_forgets_expired_ones() {
    let mut writer = bench(0);
    for (key, start) in [("old", 0), ("a", RETENTION_MS), ("b", RETENTION_MS + 40_000)] {
        writer.add(key, start, start + 1, start + 2);
    }
    let mut restored = bench(BIG);
    for record in writer.outbox.iter() {
        let (key, value, timestamp) = (record.key, record.value, record.timestamp);
        let (offset, headers) = (Offset(0), record.headers);
        let record = RawRecord { key, value, timestamp, offset, headers };
        restored.store.restore(record).unwrap();
    }
    restored.commit();
    assert_eq!(restored.rows(), ["a@150000 150001@150002", "b@190000 190001@190002"]);
    assert_eq!(restored.rows(), writer.rows());
    assert_eq!(restored.get("old", 0), None);
    let headers = Headers::default();
    let (timestamp, offset) = (Timestamp::from_millis(0), Offset(7));
    let record =
        RawRecord { key: Some(b"short"), value: None, timestamp, offset, headers: &headers };
    let error = restored.store.restore(record).unwrap_err();
    assert!(error.is_corrupted(), "{error}");
    assert_eq!(error.to_string(), "the changelog of store w has a strange key");
}

/// SplitMix64: enough for tests, and the same everywhere.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn below(state: &mut u64, n: i64) -> i64 {
    i64::try_from(random(state) % n.unsigned_abs()).unwrap()
}

/// What the store must equal: rows by start and key, and the newest start it has seen.
struct Model {
    rows: BTreeMap<(i64, String), (i64, i64)>,
    observed_ms: i64,
}

impl Model {
    fn is_live(&self, start: i64) -> bool {
        start > self.observed_ms - RETENTION_MS
    }

    fn live(&self) -> Vec<String> {
        let rows = self.rows.iter().filter(|((start, _), _)| self.is_live(*start));
        rows.map(|((start, key), (value, millis))| format!("{key}@{start} {value}@{millis}"))
            .collect()
    }

    /// What a commit drops.
    fn expire(&mut self) {
        let first = (self.observed_ms - RETENTION_MS).max(0) / SEGMENT_MS;
        self.rows.retain(|(start, _), _| start / SEGMENT_MS >= first);
    }
}

fn step(rng: &mut u64, bench: &mut Bench, model: &mut Model, now_ms: &mut i64) {
    *now_ms +=
        [0, 3_000, 9_000, 80_000][usize::try_from(below(rng, 16)).unwrap().saturating_sub(12)];
    let start = (*now_ms - below(rng, RETENTION_MS + 20_000)).max(0) / SIZE_MS * SIZE_MS;
    let key = format!("k{}", below(rng, 4));
    match below(rng, 8) {
        0..=4 if start.max(model.observed_ms) - RETENTION_MS < start => {
            let (value, millis) = (below(rng, 9), start + below(rng, SIZE_MS));
            bench.add(&key, start, value, millis);
            model.observed_ms = model.observed_ms.max(start);
            let row = model.rows.entry((start, key)).or_insert((0, millis));
            *row = (row.0 + value, row.1.max(millis));
        }
        5 => bench.flush(),
        6 => {
            bench.commit();
            model.expire();
        }
        _ => {
            let row = model.rows.get(&(start, key.clone())).filter(|_| model.is_live(start));
            assert_eq!(bench.get(&key, start), row.copied(), "{key}@{start}");
        }
    }
}

/// Random calls; after a commit the store is opened anew and has forgotten how new its newest row was.
fn attack(
    seed: u64,
    cache_bytes: usize,
    mut reopen: impl FnMut(Option<Bench>) -> Box<dyn Backend>,
) {
    println!("seed {seed}, cache {cache_bytes}");
    let mut rng = seed;
    let mut bench = bench_over(reopen(None), cache_bytes, WindowOrder::ByKey);
    let mut model = Model { rows: BTreeMap::new(), observed_ms: -1 };
    let mut now_ms = below(&mut rng, 2) * 1_000_000;
    for _ in 0..3 {
        for _ in 0..150 {
            step(&mut rng, &mut bench, &mut model, &mut now_ms);
        }
        bench.commit();
        model.expire();
        assert_eq!(bench.rows(), model.live());
        let first = model.rows.keys().next().map(|(start, _)| start / SEGMENT_MS);
        assert_eq!(bench.segments().first().copied(), first);
        bench = bench_over(reopen(Some(bench)), cache_bytes, WindowOrder::ByKey);
        model.observed_ms = -1;
        assert_eq!(bench.rows(), model.live());
    }
}

const CACHES: [usize; 3] = [0, 600, BIG];

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
                let families = vec![Some("w".into())];
                Box::new(
                    RocksDbBackend::open(dir.path(), families, &memory, Statistics::Off).unwrap(),
                )
            });
        }
    }
}

#[test]
fn rows_by_time_are_scanned_window_by_window_in_batches() {
    let mut bench = timely(true);
    for (key, number) in [("b", 2), ("a", 3), ("a", 2), ("c", 4), ("b", 1), ("a", 1)] {
        bench.add(key, number * SIZE_MS, number, number * SIZE_MS);
        if number == 3 {
            // What is committed and what is not are scanned as one.
            bench.commit();
        }
    }
    let mut found = Vec::new();
    let mut go_on = None;
    loop {
        let span = SIZE_MS + 1..=3 * SIZE_MS;
        let scan = bench.store.scan(&*bench.backend, span, go_on, 2).unwrap();
        assert!(scan.rows.len() <= 2);
        let rows = scan.rows.into_iter();
        found.extend(rows.map(|(key, row)| (key.key, row.value)));
        go_on = scan.go_on;
        if go_on.is_none() {
            break;
        }
    }
    let row = |key: &str, number: i64| (key.to_owned(), number);
    assert_eq!(found, [row("a", 2), row("b", 2), row("a", 3)]);
}

#[test]
fn a_scan_shows_what_retention_keeps_and_on_disk_one_millisecond_more() {
    for (on_disk, shown) in [(true, 1), (false, 0)] {
        let mut bench = timely(on_disk);
        bench.add("a", 0, 1, 0);
        bench.add("a", RETENTION_MS, 1, RETENTION_MS);
        let scan = bench.store.scan(&*bench.backend, 0..=0, None, 10).unwrap();
        assert_eq!(scan.rows.len(), shown, "on disk: {on_disk}");
    }
}
