//! A map of limited size that lets go of what was not used for longest.

use std::collections::HashMap;
use std::hash::Hash;

/// Keys and values, at most so many.
#[derive(Debug)]
pub(crate) struct Lru<K, V> {
    rows: HashMap<K, (V, u64)>,
    max: usize,
    uses: u64,
}

impl<K: Hash + Eq + Clone, V> Lru<K, V> {
    pub(crate) fn new(max: usize) -> Self {
        Self { rows: HashMap::new(), max: max.max(1), uses: 0 }
    }

    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.uses += 1;
        let (value, used) = self.rows.get_mut(key)?;
        *used = self.uses;
        Some(value)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.uses += 1;
        if self.rows.len() >= self.max && !self.rows.contains_key(&key) {
            self.shrink();
        }
        self.rows.insert(key, (value, self.uses));
    }

    pub(crate) fn remove(&mut self, key: &K) {
        self.rows.remove(key);
    }

    /// Lets go of an eighth, so that a full map is not searched for every new key.
    fn shrink(&mut self) {
        let mut uses: Vec<u64> = self.rows.values().map(|(_, used)| *used).collect();
        let count = (self.max / 8).clamp(1, uses.len());
        let (_, limit, _) = uses.select_nth_unstable(count - 1);
        let limit = *limit;
        self.rows.retain(|_, (_, used)| *used > limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_go_first_and_the_limit_holds() {
        let mut cache = Lru::new(8);
        for key in 0..8 {
            cache.insert(key, key);
        }
        assert_eq!(cache.get(&0), Some(&0));
        cache.insert(8, 8);
        assert_eq!(cache.rows.len(), 8);
        assert_eq!(cache.get(&1), None);
        assert_eq!(cache.get(&0), Some(&0));
        for key in 0..1000 {
            cache.insert(key, key);
            assert!(cache.rows.len() <= 8);
        }
        assert_eq!(cache.get(&999), Some(&999));
        let mut one = Lru::new(0);
        one.insert(1, ());
        one.insert(2, ());
        assert_eq!(one.get(&1), None);
        assert_eq!(one.get(&2), Some(&()));
    }
}
