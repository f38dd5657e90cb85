//! A map that is read for every record and written once per schema.
//!
//! What comes first has a place for ever and is read without a lock or a shared counter; what comes later
//! shares a limited map behind a lock.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::registry::Lru;

/// How many keys are read without a lock: topics have one writer's schema at a time, and few over their life.
const PLACES: usize = 16;

pub(super) struct ReadMostly<K, V> {
    places: [OnceLock<(K, V)>; PLACES],
    rest: Mutex<Lru<K, Arc<V>>>,
}

impl<K: Hash + Eq + Clone, V> ReadMostly<K, V> {
    /// Makes a map that keeps at most so many keys beside the first ones.
    pub(super) fn new(rest_max: usize) -> Self {
        let rest = Mutex::new(Lru::new(rest_max));
        Self { places: [const { OnceLock::new() }; PLACES], rest }
    }

    /// Does something with the value of a key, if it has one.
    pub(super) fn with<Q, R>(&self, key: &Q, f: impl FnOnce(&V) -> R) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        for place in &self.places {
            match place.get() {
                Some((own, value)) if own.borrow() == key => return Some(f(value)),
                Some(_) => {}
                // Places are taken in order, and the rest is used when all are.
                None => return None,
            }
        }
        let value = self.rest.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        value.map(|value| f(&value))
    }

    /// Adds a value; one that is there already stays.
    pub(super) fn insert(&self, key: K, value: V) {
        // Held all the while, so that places are taken one after the other.
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        let mut row = (key, value);
        for place in &self.places {
            if place.get().is_some_and(|(own, _)| *own == row.0) {
                return;
            }
            match place.set(row) {
                Ok(()) => return,
                Err(back) => row = back,
            }
        }
        rest.insert(row.0, Arc::new(row.1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_first_for_ever_and_of_the_others_the_latest() {
        let map = ReadMostly::new(4);
        assert_eq!(map.with(&0, |value| *value), None);
        for key in 0..100_u32 {
            map.insert(key, key * 2);
            map.insert(key, 7);
            assert_eq!(map.with(&key, |value| *value), Some(if key < 16 { key * 2 } else { 7 }));
        }
        assert_eq!(map.with(&3, |value| *value), Some(6));
        assert_eq!(map.with(&50, |value| *value), None);
        assert_eq!(map.with(&99, |value| *value), Some(7));
    }

    #[test]
    fn threads_that_insert_at_once_find_all() {
        let map: ReadMostly<u32, u32> = ReadMostly::new(64);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for key in 0..40 {
                        map.insert(key, key);
                        assert_eq!(map.with(&key, |value| *value), Some(key));
                    }
                });
            }
        });
        assert!((0..40).all(|key| map.with(&key, |value| *value) == Some(key)));
    }
}
