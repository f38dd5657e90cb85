//! The write-back cache of a store: decoded rows by encoded key, within a budget of bytes.
//!
//! Reads of hot keys skip both the backend and the serde; writes of a key between two flushes fold
//! into one. A row is found by its key's bytes, so key equality is what Kafka sees (as in the JVM
//! library) and the key type needs no `Hash`. Two intrusive lists run through the entries: all of them
//! by last use, the dirty ones by last write, which is the order they are flushed in (row ST9).

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::record::Headers;
use crate::state::Stamped;
use crate::time::Timestamp;

/// The bytes all caches of one stream thread may hold together.
///
/// Zero means that there is no caching at all: every write is flushed and forwarded at once.
#[derive(Debug, Clone)]
pub struct CacheBudget(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    max: AtomicUsize,
    used: AtomicUsize,
}

impl CacheBudget {
    /// Makes a budget of bytes, shared by its clones.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Budget { max: AtomicUsize::new(bytes_max), used: AtomicUsize::new(0) }))
    }

    /// Changes the budget, but not whether there is caching at all; caches follow with their next write.
    pub fn resize(&self, bytes_max: usize) {
        if self.is_enabled() {
            self.0.max.store(bytes_max.max(1), Ordering::Relaxed);
        }
    }

    /// Returns whether there is caching at all.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.0.max.load(Ordering::Relaxed) > 0
    }

    /// Returns whether the caches hold more than they may.
    #[must_use]
    pub fn is_exceeded(&self) -> bool {
        self.used() > self.0.max.load(Ordering::Relaxed)
    }

    /// Returns the bytes held now.
    #[must_use]
    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) {
        self.0.used.fetch_add(bytes, Ordering::Relaxed);
    }

    fn subtract(&self, bytes: usize) {
        self.0.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The place of a row in the cache, valid until a row is inserted or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EntryId(u32);

/// What is remembered of a row's first write since its last flush.
#[derive(Debug)]
pub(super) struct Dirty<K, V> {
    /// The key, for forwarding.
    pub(super) key: K,
    /// Whether the row existed at the last flush, if that is known.
    pub(super) existed: Option<bool>,
    /// Its value at the last flush, where old values are wanted.
    pub(super) old: Option<V>,
    /// The headers of the record that wrote last.
    pub(super) headers: Headers,
    /// The timestamp of the record that wrote last.
    pub(super) written_at: Timestamp,
    /// The timestamp that a deletion is forwarded with.
    pub(super) deleted_at: Timestamp,
}

/// One cached row.
#[derive(Debug)]
struct Entry<K, V> {
    row_key: Box<[u8]>,
    hash: u64,
    value: Option<Stamped<V>>,
    dirty: Option<Dirty<K, V>>,
    weight: usize,
    by_use: Link,
    by_write: Link,
}

#[derive(Debug, Clone, Copy)]
struct Link {
    previous: u32,
    next: u32,
}

const NONE: u32 = u32::MAX;
const UNLINKED: Link = Link { previous: NONE, next: NONE };

/// One of the two lists through the entries.
#[derive(Debug, Clone, Copy)]
enum Order {
    /// All entries, by last use.
    Use,
    /// The dirty ones, by last write.
    Write,
}

#[derive(Debug, Clone, Copy)]
struct List {
    first: u32,
    last: u32,
}

const EMPTY: List = List { first: NONE, last: NONE };

/// The cache; see the module.
#[derive(Debug)]
pub(super) struct WriteBackCache<K, V> {
    budget: CacheBudget,
    hasher: DefaultHashBuilder,
    index: HashTable<u32>,
    entries: Vec<Entry<K, V>>,
    by_use: List,
    by_write: List,
    dirty: usize,
}

impl<K, V> WriteBackCache<K, V> {
    /// Makes an empty cache within a budget.
    #[must_use]
    pub(super) fn new(budget: CacheBudget) -> Self {
        Self {
            budget,
            hasher: DefaultHashBuilder::default(),
            index: HashTable::new(),
            entries: Vec::new(),
            by_use: EMPTY,
            by_write: EMPTY,
            dirty: 0,
        }
    }

    /// Returns the number of rows that were written since their last flush.
    #[must_use]
    pub(super) fn dirty_len(&self) -> usize {
        self.dirty
    }

    /// Returns the number of rows held.
    #[cfg(test)]
    #[must_use]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Finds a row and makes it the most recently used.
    pub(super) fn find(&mut self, row_key: &[u8]) -> Option<EntryId> {
        let hash = self.hasher.hash_one(row_key);
        let entries = &self.entries;
        let found = self.index.find(hash, |&at| {
            entries.get(at as usize).is_some_and(|entry| &*entry.row_key == row_key)
        });
        let at = *found?;
        if self.by_use.last != at {
            self.unlink(Order::Use, at);
            self.append(Order::Use, at);
        }
        Some(EntryId(at))
    }

    /// Adds a row that is not there, as the most recently used; `weight` is its memory in bytes.
    pub(super) fn insert(
        &mut self,
        row_key: &[u8],
        value: Option<Stamped<V>>,
        weight: usize,
    ) -> EntryId {
        let hash = self.hasher.hash_one(row_key);
        let at = u32::try_from(self.entries.len()).unwrap_or(NONE);
        assert!(at < NONE, "a cache holds fewer than 2^32 - 1 rows");
        let row_key = row_key.into();
        let (by_use, by_write) = (UNLINKED, UNLINKED);
        self.entries.push(Entry { row_key, hash, value, dirty: None, weight, by_use, by_write });
        let entries = &self.entries;
        self.index.insert_unique(hash, at, |&at| entries.get(at as usize).map_or(0, |e| e.hash));
        self.append(Order::Use, at);
        self.budget.add(weight);
        EntryId(at)
    }

    /// Returns a row's key as stored.
    #[must_use]
    pub(super) fn row_key(&self, id: EntryId) -> &[u8] {
        &self.entry(id.0).row_key
    }

    /// Returns a row's value, absent if it is deleted or does not exist.
    #[must_use]
    pub(super) fn value(&self, id: EntryId) -> Option<&Stamped<V>> {
        self.entry(id.0).value.as_ref()
    }

    /// Takes a row's value out, to be folded and put back with [`write`](Self::write).
    pub(super) fn take(&mut self, id: EntryId) -> Option<Stamped<V>> {
        self.entry_mut(id.0).value.take()
    }

    /// Returns what is remembered of the row's writes, if it is dirty.
    #[must_use]
    pub(super) fn dirty(&self, id: EntryId) -> Option<&Dirty<K, V>> {
        self.entry(id.0).dirty.as_ref()
    }

    /// Writes a row. `first` says what to remember if this is its first write since its last flush.
    pub(super) fn write(
        &mut self,
        id: EntryId,
        value: Option<Stamped<V>>,
        (written_at, headers): (Timestamp, Headers),
        first: impl FnOnce() -> (K, Option<bool>, Option<V>),
    ) {
        let entry = self.entry_mut(id.0);
        entry.value = value;
        if let Some(dirty) = &mut entry.dirty {
            dirty.headers = headers;
            dirty.written_at = written_at;
            dirty.deleted_at = written_at;
            self.unlink(Order::Write, id.0);
        } else {
            let (key, existed, old) = first();
            let deleted_at = written_at;
            entry.dirty = Some(Dirty { key, existed, old, headers, written_at, deleted_at });
            self.dirty += 1;
        }
        self.append(Order::Write, id.0);
    }

    /// Forwards a deletion that was just written with another timestamp than the writer's.
    pub(super) fn delete_at(&mut self, id: EntryId, timestamp: Timestamp) {
        if let Some(dirty) = &mut self.entry_mut(id.0).dirty {
            dirty.deleted_at = timestamp;
        }
    }

    /// Makes the longest-dirty row clean and returns what was remembered of it.
    pub(super) fn next_dirty(&mut self) -> Option<(EntryId, Dirty<K, V>)> {
        let at = self.by_write.first;
        if at == NONE {
            return None;
        }
        self.unlink(Order::Write, at);
        self.dirty -= 1;
        let dirty = self.entry_mut(at).dirty.take();
        dirty.map(|dirty| (EntryId(at), dirty))
    }

    /// Notes the real weight of a row, in bytes, once its encoding is known.
    pub(super) fn reweigh(&mut self, id: EntryId, weight: usize) {
        let entry = self.entry_mut(id.0);
        let before = std::mem::replace(&mut entry.weight, weight);
        self.budget.add(weight);
        self.budget.subtract(before);
    }

    /// Drops the least recently used rows while the budget is exceeded; stops at a dirty one and
    /// returns whether it met one: then the owner flushes and calls again.
    pub(super) fn shrink(&mut self) -> bool {
        while self.budget.is_exceeded() {
            let oldest = self.by_use.first;
            if oldest == NONE {
                return false;
            }
            if self.entry(oldest).dirty.is_some() {
                return true;
            }
            self.remove(EntryId(oldest));
        }
        false
    }

    /// Drops clean rows, least recently used first, while the budget is exceeded; dirty ones stay.
    pub(super) fn shrink_clean(&mut self) {
        let mut at = self.by_use.first;
        while at != NONE && self.budget.is_exceeded() {
            let last = self.entries.len() - 1;
            let next = self.entry(at).by_use.next;
            if self.entry(at).dirty.is_some() {
                at = next;
                continue;
            }
            self.remove(EntryId(at));
            // The removal moved the last entry into the gap.
            at = if next as usize == last { at } else { next };
        }
    }

    /// Removes a clean row.
    pub(super) fn remove(&mut self, id: EntryId) {
        let at = id.0;
        debug_assert!(self.entry(at).dirty.is_none(), "a dirty row must be flushed first");
        self.unlink(Order::Use, at);
        let hash = self.entry(at).hash;
        if let Ok(found) = self.index.find_entry(hash, |&slot| slot == at) {
            found.remove();
        }
        let removed = self.entries.swap_remove(at as usize);
        self.budget.subtract(removed.weight);
        if (at as usize) < self.entries.len() {
            self.moved(u32::try_from(self.entries.len()).unwrap_or(NONE), at);
        }
    }

    /// Repairs the index and the lists after an entry moved from one place to another.
    fn moved(&mut self, from: u32, to: u32) {
        let hash = self.entry(to).hash;
        if let Some(slot) = self.index.find_mut(hash, |&slot| slot == from) {
            *slot = to;
        }
        for order in [Order::Use, Order::Write] {
            let Link { previous, next } = *self.link(order, to);
            if previous != NONE {
                self.link(order, previous).next = to;
            } else if self.list(order).first == from {
                self.list(order).first = to;
            }
            if next != NONE {
                self.link(order, next).previous = to;
            } else if self.list(order).last == from {
                self.list(order).last = to;
            }
        }
    }

    fn append(&mut self, order: Order, at: u32) {
        let last = std::mem::replace(&mut self.list(order).last, at);
        *self.link(order, at) = Link { previous: last, next: NONE };
        if last == NONE {
            self.list(order).first = at;
        } else {
            self.link(order, last).next = at;
        }
    }

    fn unlink(&mut self, order: Order, at: u32) {
        let Link { previous, next } = std::mem::replace(self.link(order, at), UNLINKED);
        if previous == NONE {
            self.list(order).first = next;
        } else {
            self.link(order, previous).next = next;
        }
        if next == NONE {
            self.list(order).last = previous;
        } else {
            self.link(order, next).previous = previous;
        }
    }

    fn list(&mut self, order: Order) -> &mut List {
        match order {
            Order::Use => &mut self.by_use,
            Order::Write => &mut self.by_write,
        }
    }

    fn link(&mut self, order: Order, at: u32) -> &mut Link {
        let entry = self.entry_mut(at);
        match order {
            Order::Use => &mut entry.by_use,
            Order::Write => &mut entry.by_write,
        }
    }

    #[expect(clippy::indexing_slicing, reason = "links and ids point at live entries only")]
    fn entry(&self, at: u32) -> &Entry<K, V> {
        &self.entries[at as usize]
    }

    #[expect(clippy::indexing_slicing, reason = "links and ids point at live entries only")]
    fn entry_mut(&mut self, at: u32) -> &mut Entry<K, V> {
        &mut self.entries[at as usize]
    }
}

impl<K, V> Drop for WriteBackCache<K, V> {
    fn drop(&mut self) {
        self.budget.subtract(self.entries.iter().map(|entry| entry.weight).sum());
    }
}

#[cfg(test)]
mod tests;
