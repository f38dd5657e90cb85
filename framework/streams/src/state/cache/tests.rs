//! The cache against a naive model, and its rules one by one.

use super::*;

type Cache = WriteBackCache<String, u32>;

fn stamped(value: u32) -> Option<Stamped<u32>> {
    Some(Stamped { value, timestamp: Timestamp::from_millis(i64::from(value)) })
}

fn by(at: i64) -> (Timestamp, Headers) {
    (Timestamp::from_millis(at), Headers::default())
}

/// Writes a row as a store does: found or inserted, and remembered by its key's text.
fn write(cache: &mut Cache, key: &str, value: u32) {
    let id = match cache.find(key.as_bytes()) {
        Some(id) => id,
        None => cache.insert(key.as_bytes(), None, 10),
    };
    let written_by = by(i64::from(value));
    cache.write(id, stamped(value), written_by, || (key.to_owned(), None, None));
}

fn flush(cache: &mut Cache) -> Vec<String> {
    std::iter::from_fn(|| cache.next_dirty().map(|(_, dirty)| dirty.key)).collect()
}

#[test]
fn dirty_rows_come_in_the_order_of_their_last_writes() {
    let mut cache = Cache::new(CacheBudget::new(1_000));
    for (key, value) in [("a", 1), ("b", 2), ("c", 3), ("a", 4), ("b", 5)] {
        write(&mut cache, key, value);
    }
    assert_eq!(cache.dirty_len(), 3);
    assert_eq!(flush(&mut cache), ["c", "a", "b"]);
    assert_eq!((cache.dirty_len(), cache.len()), (0, 3));
}

#[test]
fn what_was_before_is_remembered_by_the_first_write_and_who_wrote_by_the_last() {
    let mut cache = Cache::new(CacheBudget::new(1_000));
    let id = cache.insert(b"k", stamped(1), 10);
    let headers: Headers = [crate::record::Header::new("h", *b"2")].into_iter().collect();
    cache.write(id, stamped(2), by(20), || ("k".to_owned(), Some(true), Some(1)));
    cache.write(id, None, (Timestamp::from_millis(5), headers.clone()), || {
        panic!("only the first write since a flush is asked")
    });
    let (flushed, dirty) = cache.next_dirty().unwrap();
    assert_eq!((dirty.existed, dirty.old), (Some(true), Some(1)));
    assert_eq!((dirty.written_at, dirty.headers), (Timestamp::from_millis(5), headers));
    assert_eq!(cache.value(flushed), None);
    assert!(cache.dirty(flushed).is_none());
}

#[test]
fn the_least_recently_used_clean_row_goes_first_and_a_dirty_one_stops_it() {
    let budget = CacheBudget::new(30);
    let mut cache = Cache::new(budget.clone());
    for key in ["a", "b", "c"] {
        cache.insert(key.as_bytes(), stamped(1), 10);
    }
    assert!(cache.find(b"a").is_some(), "used: now `b` is the oldest");
    cache.insert(b"d", stamped(1), 10);
    assert!(budget.is_exceeded());
    assert!(!cache.shrink());
    assert!(cache.find(b"b").is_none());
    write(&mut cache, "c", 2);
    for key in ["a", "d"] {
        cache.find(key.as_bytes());
    }
    cache.insert(b"e", stamped(1), 10);
    assert!(cache.shrink(), "`c` is the oldest, and dirty");
    assert_eq!(cache.len(), 4);
    flush(&mut cache);
    assert!(!cache.shrink());
    assert!(cache.find(b"c").is_none());
    assert_eq!(budget.used(), 30);
}

#[test]
fn reading_makes_room_without_touching_what_is_dirty() {
    let budget = CacheBudget::new(25);
    let mut cache = Cache::new(budget.clone());
    write(&mut cache, "old and dirty", 1);
    cache.insert(b"clean", stamped(1), 10);
    write(&mut cache, "dirty", 2);
    cache.shrink_clean();
    assert!(cache.find(b"clean").is_none());
    assert_eq!((cache.len(), budget.used()), (2, 20));
    write(&mut cache, "more", 3);
    cache.shrink_clean();
    assert_eq!(cache.len(), 3, "dirty rows stay, over the budget or not");
}

#[test]
fn a_budget_is_shared_and_given_back() {
    let budget = CacheBudget::new(30);
    let mut one = Cache::new(budget.clone());
    let mut other = Cache::new(budget.clone());
    one.insert(b"a", stamped(1), 20);
    let id = other.insert(b"a", stamped(1), 20);
    assert!(budget.is_exceeded(), "one cache is over the budget because of the other");
    other.reweigh(id, 5);
    assert_eq!(budget.used(), 25);
    drop(one);
    assert_eq!(budget.used(), 5);
    drop(other);
    assert_eq!(budget.used(), 0);
    assert!(!CacheBudget::new(0).is_enabled());
}

/// What the cache must equal: rows by last use, and keys of dirty rows by last write.
#[derive(Default)]
struct Model {
    rows: Vec<ModelRow>,
    dirty: Vec<String>,
}

struct ModelRow {
    key: String,
    value: Option<u32>,
    old: Option<u32>,
    weight: usize,
}

impl Model {
    fn use_row(&mut self, key: &str) -> bool {
        let Some(at) = self.rows.iter().position(|row| row.key == key) else { return false };
        let row = self.rows.remove(at);
        self.rows.push(row);
        true
    }

    fn is_dirty(&self, key: &str) -> bool {
        self.dirty.iter().any(|dirty| dirty == key)
    }

    fn used(&self) -> usize {
        self.rows.iter().map(|row| row.weight).sum()
    }

    fn write(&mut self, key: &str, value: Option<u32>, before: Option<u32>) {
        let first = !self.is_dirty(key);
        let row = self.rows.iter_mut().find(|row| row.key == key).unwrap();
        row.value = value;
        if first {
            row.old = before;
        }
        self.dirty.retain(|dirty| dirty != key);
        self.dirty.push(key.to_owned());
    }

    /// Drops the oldest rows over a budget; with `skip` dirty ones are passed over.
    fn shrink(&mut self, max: usize, skip: bool) -> bool {
        let mut at = 0;
        while self.used() > max && at < self.rows.len() {
            match (self.is_dirty(&self.rows[at].key), skip) {
                (false, _) => drop(self.rows.remove(at)),
                (true, true) => at += 1,
                (true, false) => return true,
            }
        }
        false
    }
}

/// SplitMix64: enough for tests, and the same everywhere.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn below(state: &mut u64, n: u64) -> u64 {
    random(state) % n
}

const BUDGET: usize = 150;

fn step(rng: &mut u64, cache: &mut Cache, model: &mut Model) {
    let key = format!("k{}", below(rng, 12));
    let value = u32::try_from(below(rng, 1_000)).unwrap();
    let found = cache.find(key.as_bytes());
    assert_eq!(found.is_some(), model.use_row(&key));
    match below(rng, 10) {
        0..=2 => {
            let id = found.unwrap_or_else(|| {
                let weight = usize::try_from(below(rng, 30)).unwrap();
                let read = (value % 2 == 0).then_some(value);
                model.rows.push(ModelRow { key: key.clone(), value: read, old: None, weight });
                cache.insert(key.as_bytes(), read.and_then(stamped), weight)
            });
            let new = (value % 5 != 0).then_some(value + 1);
            let first = cache.dirty(id).is_none();
            let before = cache.take(id).map(|stamped| stamped.value);
            model.write(&key, new, before);
            cache.write(id, new.and_then(stamped), by(1), || {
                assert!(first);
                (key.clone(), None, before)
            });
        }
        3..=4 if found.is_none() => {
            model.rows.push(ModelRow {
                key: key.clone(),
                value: Some(value),
                old: None,
                weight: 9,
            });
            cache.insert(key.as_bytes(), stamped(value), 9);
        }
        5 => {
            let expected = (!model.dirty.is_empty()).then(|| model.dirty.remove(0));
            let flushed = cache.next_dirty();
            assert_eq!(flushed.as_ref().map(|(_, dirty)| &dirty.key), expected.as_ref());
            if let Some((id, dirty)) = flushed {
                let row = model.rows.iter_mut().find(|row| row.key == dirty.key).unwrap();
                assert_eq!(cache.value(id).map(|stamped| stamped.value), row.value);
                assert_eq!(dirty.old, row.old.take());
                row.weight = usize::try_from(below(rng, 30)).unwrap();
                cache.reweigh(id, row.weight);
            }
        }
        6 => assert_eq!(cache.shrink(), model.shrink(BUDGET, false)),
        7 => {
            cache.shrink_clean();
            model.shrink(BUDGET, true);
        }
        8 if !model.is_dirty(&key) => {
            if let Some(id) = found {
                cache.remove(id);
                model.rows.retain(|row| row.key != key);
            }
        }
        _ => {
            if let Some(id) = found {
                let row = model.rows.last().unwrap();
                assert_eq!(cache.value(id).map(|stamped| stamped.value), row.value);
                assert_eq!(cache.row_key(id), key.as_bytes());
                assert_eq!(cache.dirty(id).is_some(), model.is_dirty(&key));
            }
        }
    }
}

#[test]
fn any_sequence_of_calls_equals_the_model() {
    for seed in 0..200 {
        println!("seed {seed}");
        let mut rng = seed;
        let budget = CacheBudget::new(BUDGET);
        let mut cache = Cache::new(budget.clone());
        let mut model = Model::default();
        for _ in 0..300 {
            step(&mut rng, &mut cache, &mut model);
            assert_eq!(cache.len(), model.rows.len());
            assert_eq!(cache.dirty_len(), model.dirty.len());
            assert_eq!(budget.used(), model.used());
        }
        assert_eq!(flush(&mut cache), model.dirty);
        drop(cache);
        assert_eq!(budget.used(), 0);
    }
}
