//! The typed store: cache, then uncommitted overlay, then committed rows.
//!
//! Writes stay in the cache until a flush; each dirty row is then encoded once, into the overlay and
//! the changelog, and handed back to the operator to forward (row SF10). Without a cache every write is
//! flushed at once, by the same path.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::cache::{Dirty, EntryId, WriteBackCache};
use super::{
    Backend, CacheBudget, Changelog, Family, FamilyChanges, KeyLayout, Stamped, StateStore,
    TableStore, Uncommitted, row, scan_merged,
};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::Offset;
use crate::kafka::Outbox;
use crate::record::{Change, Headers, RawRecord, Record};
use crate::serde::{Data, SerdeError, SerdeRef};
use crate::time::Timestamp;

/// What a store is told about its task when it is made.
#[derive(Debug)]
pub struct StoreEnvironment {
    /// The store's name.
    pub name: Arc<str>,
    /// The name serdes are told: the changelog topic's, logged or not (row SD3).
    pub serde_topic: Arc<str>,
    /// The store's rows in the task's backend.
    pub family: Family,
    /// The thread's cache budget, disabled where the store is not cached.
    pub cache: CacheBudget,
    /// Where updates are logged, if they are.
    pub changelog: Option<Changelog>,
    /// Whether some operator downstream wants the value before an update (row SF7).
    pub old_values: bool,
}

/// A row that was flushed: to be forwarded with the timestamp and headers of its last writer.
pub type Flushed<K, V> = Record<K, Change<V>>;

/// A store of rows by key.
pub struct KeyValueStore<K, V> {
    env: StoreEnvironment,
    keys: Box<dyn KeyLayout<K>>,
    values: SerdeRef<V>,
    cache: WriteBackCache<K, V>,
    overlay: Uncommitted,
    offset: Option<Offset>,
    row_key: Vec<u8>,
    average_row: usize,
    /// Reads that found their row in the cache, and others.
    reads: (u64, u64),
}

/// The memory of a cached row beside its key and value, in bytes: index slot, links, allocation.
const CACHED_ROW_OVERHEAD: usize = 32;
/// How much of the assumed size of an unflushed row the newest one decides: one part in this many.
const AVERAGE_OVER: usize = 16;

impl<K: Data, V: Data> KeyValueStore<K, V> {
    /// Makes an empty view of the store's rows.
    pub(crate) fn new(
        env: StoreEnvironment,
        keys: Box<dyn KeyLayout<K>>,
        values: SerdeRef<V>,
    ) -> Self {
        let cache = WriteBackCache::new(env.cache.clone());
        Self {
            env,
            keys,
            values,
            cache,
            overlay: Uncommitted::default(),
            offset: None,
            row_key: Vec::new(),
            average_row: size_of::<V>(),
            reads: (0, 0),
        }
    }

    /// Returns a row's value, from wherever it is.
    ///
    /// # Errors
    ///
    /// Where the row cannot be read or decoded.
    pub fn get(&mut self, backend: &dyn Backend, key: &K) -> Result<Option<&Stamped<V>>> {
        self.cache.shrink_clean();
        let id = self.load(backend, key)?;
        Ok(self.cache.value(id))
    }

    /// Brings a row into the cache, absent or not.
    fn load(&mut self, backend: &dyn Backend, key: &K) -> Result<EntryId> {
        self.encode_key(key)?;
        if let Some(id) = self.cache.find(&self.row_key) {
            self.reads.0 += 1;
            return Ok(id);
        }
        self.reads.1 += 1;
        let (value, encoded) = self.read_below(backend)?;
        let weight = weight::<K, V>(self.row_key.len(), encoded);
        Ok(self.cache.insert(&self.row_key, value, weight))
    }

    /// Writes a row without reading it first, unless an operator wants its old value.
    pub(crate) fn upsert(
        &mut self,
        backend: &dyn Backend,
        key: K,
        value: Option<Stamped<V>>,
        written_by: (Timestamp, Headers),
    ) -> Result<()> {
        if self.env.old_values {
            let id = self.load(backend, &key)?;
            let (current, old) = self.take(id);
            let existed = current.is_some();
            self.cache.write(id, value, written_by, || (key, Some(existed), old));
            return Ok(());
        }
        self.encode_key(&key)?;
        let (id, existed) = match self.cache.find(&self.row_key) {
            Some(id) => (id, Some(self.cache.value(id).is_some())),
            None => {
                let weight = weight::<K, V>(self.row_key.len(), self.average_row);
                (self.cache.insert(&self.row_key, None, weight), None)
            }
        };
        self.cache.write(id, value, written_by, || (key, existed, None));
        Ok(())
    }

    /// Writes what a function makes of nothing, whatever the row was.
    pub(super) fn update_anew(
        &mut self,
        backend: &dyn Backend,
        key: K,
        written_by: (Timestamp, Headers),
        fold: impl FnOnce(&K, Option<V>) -> Option<V>,
    ) -> Result<()> {
        let id = self.load(backend, &key)?;
        let existed = self.take(id).0.is_some();
        let timestamp = written_by.0;
        let value = fold(&key, None).map(|value| Stamped { value, timestamp });
        self.cache.write(id, value, written_by, || (key, Some(existed), None));
        Ok(())
    }

    /// Takes a loaded row's value out, to be written again; also the value at the last flush, where
    /// old values are wanted and this is the first write since.
    fn take(&mut self, id: EntryId) -> (Option<Stamped<V>>, Option<V>) {
        let first = self.cache.dirty(id).is_none();
        let current = self.cache.take(id);
        let old = current.as_ref().filter(|_| first && self.env.old_values);
        let old = old.map(|stamped| stamped.value.clone());
        (current, old)
    }

    fn flush_row(
        &mut self,
        outbox: &mut Outbox,
        id: EntryId,
        dirty: Dirty<K, V>,
    ) -> Result<Flushed<K, V>> {
        let row_key = self.cache.row_key(id);
        let value = self.cache.value(id);
        let logged_at = value.map_or(dirty.written_at, |stamped| stamped.timestamp);
        let timestamp = value.map_or(dirty.deleted_at, |stamped| stamped.timestamp);
        let arena = outbox.arena();
        let start = arena.len();
        let mut range = None;
        let mut joined = None;
        if let Some(stamped) = value {
            let encoded = self.values.encode(&self.env.serde_topic, &stamped.value, arena);
            encoded.map_err(|cause| self.encode_error("value", cause))?;
            let bytes = arena.get(start..).unwrap_or_default();
            joined = Some(row::join(stamped.timestamp, bytes));
            range = Some(start..arena.len());
        }
        if let Some(changelog) = self.env.changelog {
            let key = row_key.get(self.keys.prefix_len()..).unwrap_or_default();
            changelog.append(outbox, key, range, logged_at);
        } else {
            arena.truncate(start);
        }
        let encoded = joined.as_deref().map_or(0, <[u8]>::len);
        self.overlay.put(row_key, joined);

        let change = Change { new: value.map(|stamped| stamped.value.clone()), old: dirty.old };
        self.average_row = (self.average_row * (AVERAGE_OVER - 1) + encoded).div_ceil(AVERAGE_OVER);
        let weight = weight::<K, V>(self.cache.row_key(id).len(), encoded);
        self.cache.reweigh(id, weight);
        Ok(Record { key: dirty.key, value: change, timestamp, headers: dirty.headers })
    }

    /// Returns all rows that were flushed, in order of their row keys.
    ///
    /// # Errors
    ///
    /// Where rows cannot be read or decoded.
    pub fn rows(&self, backend: &dyn Backend) -> Result<Vec<(K, Stamped<V>)>> {
        let mut rows = Vec::new();
        self.scan_from(backend, &[], &mut |_, key, row| {
            rows.push((key, row));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(rows)
    }

    /// Visits rows that were flushed as (row key, key, row), in order of their row keys, from one on.
    pub(super) fn scan_from(
        &self,
        backend: &dyn Backend,
        from: &[u8],
        visit: &mut dyn FnMut(&[u8], K, Stamped<V>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let topic = &self.env.serde_topic;
        let undecodable = |cause: SerdeError| {
            let message = format!("cannot decode a row of store {}", self.env.name);
            Error::state(message).with_source(cause)
        };
        scan_merged(backend, self.env.family, &self.overlay, from, &mut |row_key, row| {
            let key = row_key.get(self.keys.prefix_len()..).unwrap_or_default();
            let key = self.keys.decode(topic, key).map_err(undecodable)?;
            visit(row_key, key, self.decode_row(row)?)
        })
    }

    /// Returns the number of rows held in the cache.
    #[cfg(test)]
    pub(crate) fn cached_len(&self) -> usize {
        self.cache.len()
    }

    /// Looks up the row of `row_key` below the cache; returns it and the bytes it was decoded from.
    fn read_below(&self, backend: &dyn Backend) -> Result<(Option<Stamped<V>>, usize)> {
        if let Some(row) = self.overlay.get(&self.row_key) {
            let value = row.map(|row| self.decode_row(row)).transpose()?;
            return Ok((value, row.map_or(0, <[u8]>::len)));
        }
        let mut found = (None, 0);
        backend.read(self.env.family, &self.row_key, &mut |row| {
            found = (Some(self.decode_row(row)?), row.len());
            Ok(())
        })?;
        Ok(found)
    }

    fn exists_below(&self, backend: &dyn Backend, row_key: &[u8]) -> Result<bool> {
        match self.overlay.get(row_key) {
            Some(row) => Ok(row.is_some()),
            None => backend.read(self.env.family, row_key, &mut |_| Ok(())),
        }
    }

    fn decode_row(&self, row: &[u8]) -> Result<Stamped<V>> {
        let (timestamp, value) = row::split(row).ok_or_else(|| self.short_row(row.len()))?;
        let value = self.values.decode(&self.env.serde_topic, value).map_err(|cause| {
            let message = format!("cannot decode a value of store {}", self.env.name);
            Error::state(message).with_source(cause)
        })?;
        Ok(Stamped { value, timestamp })
    }

    fn encode_key(&mut self, key: &K) -> Result<()> {
        self.row_key.clear();
        let encoded = self.keys.encode(&self.env.serde_topic, key, &mut self.row_key);
        encoded.map_err(|cause| self.encode_error("key", cause))
    }

    #[cold]
    fn encode_error(&self, part: &str, cause: SerdeError) -> Error {
        let message = format!("cannot encode a {part} of store {}", self.env.name);
        Error::new(ErrorKind::Serialization, message).with_source(cause)
    }

    #[cold]
    fn short_row(&self, len: usize) -> Error {
        let name = &self.env.name;
        Error::new(ErrorKind::Corrupted, format!("store {name} has a row of only {len} bytes"))
    }
}

impl<K: Data, V: Data> TableStore for KeyValueStore<K, V> {
    type Key = K;
    type Value = V;

    fn update(
        &mut self,
        backend: &dyn Backend,
        key: K,
        (written_at, headers): (Timestamp, Headers),
        fold: impl FnOnce(&K, Option<V>) -> Option<V>,
    ) -> Result<()> {
        let id = self.load(backend, &key)?;
        let (current, old) = self.take(id);
        let existed = current.is_some();
        // A row's timestamp never goes back, unless the row was not there (row SF1).
        let before = current.as_ref().map_or(written_at, |stamped| stamped.timestamp);
        let timestamp = written_at.max(before);
        let value = fold(&key, current.map(|stamped| stamped.value));
        let value = value.map(|value| Stamped { value, timestamp });
        let written_by = (written_at, headers);
        self.cache.write(id, value, written_by, || (key, Some(existed), old));
        if !self.is_cached() {
            // A cache forgets the timestamp of the row it deletes, and the changelog never knew it; but
            // what goes downstream at once does not go back in time, as in the JVM library (row SF1).
            self.cache.delete_at(id, timestamp);
        }
        Ok(())
    }

    fn is_cached(&self) -> bool {
        self.env.cache.is_enabled()
    }

    fn wants_flush(&mut self) -> bool {
        if self.is_cached() { self.cache.shrink() } else { self.cache.dirty_len() > 0 }
    }

    fn flush(
        &mut self,
        backend: &dyn Backend,
        outbox: &mut Outbox,
        flushed: &mut Vec<Flushed<K, V>>,
    ) -> Result<()> {
        let cached = self.is_cached();
        flushed.reserve(self.cache.dirty_len());
        while let Some((id, dirty)) = self.cache.next_dirty() {
            // With a cache, the deletion of a row that never was is nobody's business (row SF10);
            // without one the JVM library passes it on.
            let noticed = !cached || self.cache.value(id).is_some() || {
                match dirty.existed {
                    Some(existed) => existed,
                    None => self.exists_below(backend, self.cache.row_key(id))?,
                }
            };
            if noticed {
                flushed.push(self.flush_row(outbox, id, dirty)?);
            }
            if !cached {
                self.cache.remove(id);
            }
        }
        Ok(())
    }
}

impl<K: Data, V: Data> StateStore for KeyValueStore<K, V> {
    fn name(&self) -> &Arc<str> {
        &self.env.name
    }

    fn pending(&self) -> FamilyChanges<'_> {
        FamilyChanges {
            family: self.env.family,
            rows: &self.overlay,
            expired_before: None,
            offset: self.offset,
        }
    }

    fn committed(&mut self) {
        self.overlay.clear();
        self.offset = None;
    }

    fn set_offset(&mut self, offset: Offset) {
        self.offset = Some(offset);
    }

    fn uncommitted_bytes(&self) -> usize {
        self.overlay.bytes()
    }

    fn cache_reads(&self) -> (u64, u64) {
        self.reads
    }

    fn restore(&mut self, record: RawRecord<'_>) -> Result<()> {
        // Kafka compacts by key, so a changelog record without one cannot be ours.
        let Some(key) = record.key else {
            let message = format!("the changelog of store {} has a null key", self.env.name);
            return Err(Error::new(ErrorKind::Corrupted, message));
        };
        self.row_key.clear();
        self.keys.row_key(key, &mut self.row_key).map_err(|cause| {
            let message = format!("the changelog of store {} has a strange key", self.env.name);
            Error::new(ErrorKind::Corrupted, message).with_source(cause)
        })?;
        let row = record.value.map(|value| row::join(record.timestamp, value));
        self.overlay.put(&self.row_key, row);
        Ok(())
    }

    fn visit_rows(
        &self,
        backend: &dyn Backend,
        visit: &mut dyn FnMut(&[u8], &[u8], Timestamp) -> Result<()>,
    ) -> Result<()> {
        scan_merged(backend, self.env.family, &self.overlay, &[], &mut |key, row| {
            let (timestamp, value) = row::split(row).ok_or_else(|| self.short_row(row.len()))?;
            let key = key.get(self.keys.prefix_len()..).unwrap_or_default();
            visit(key, value, timestamp)?;
            Ok(ControlFlow::Continue(()))
        })
    }
}

impl<K, V> fmt::Debug for KeyValueStore<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyValueStore").field("name", &self.env.name).finish_non_exhaustive()
    }
}

/// Returns the memory of a cached row: key, value as encoded or decoded, whichever is more.
fn weight<K, V>(row_key: usize, encoded: usize) -> usize {
    row_key + encoded.max(size_of::<V>()) + size_of::<K>() + CACHED_ROW_OVERHEAD
}

#[cfg(test)]
mod tests;
