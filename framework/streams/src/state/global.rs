//! Global tables' rows: written by one thread, read by all.
//!
//! Readers keep decoded rows of their own and only look at a version counter, so that the lock is
//! taken for rows they have not seen yet and never on the hot path.

mod rows;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

pub(crate) use self::rows::{GlobalRows, MakeRow};
use super::cache::WriteBackCache;
use super::{Backend, CacheBudget, Family, FamilyChanges, Stamped, Uncommitted, row};
use crate::error::{Error, Result};
use crate::serde::{Data, SerdeError, SerdeRef};

/// The rows of all global tables of a process.
pub struct GlobalStore {
    backend: RwLock<Box<dyn Backend>>,
    version: AtomicU64,
}

impl GlobalStore {
    /// Makes the store over a backend.
    #[must_use]
    pub fn new(backend: Box<dyn Backend>) -> Arc<Self> {
        Arc::new(Self { backend: RwLock::new(backend), version: AtomicU64::new(0) })
    }

    /// Writes rows of one table.
    ///
    /// # Errors
    ///
    /// Where they cannot be written.
    pub fn write(&self, family: Family, rows: &Uncommitted) -> Result<()> {
        let mut backend = self.backend.write().unwrap_or_else(PoisonError::into_inner);
        backend.commit(&[FamilyChanges { family, rows, expired_before: None, offset: None }])?;
        self.version.fetch_add(1, Ordering::Release);
        Ok(())
    }
}

impl fmt::Debug for GlobalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GlobalStore").field("version", &self.version).finish_non_exhaustive()
    }
}

/// One task's view of a global table.
pub struct GlobalReader<K, V> {
    store: Arc<GlobalStore>,
    family: Family,
    topic: Arc<str>,
    keys: SerdeRef<K>,
    keys_name_schemas: bool,
    values: SerdeRef<V>,
    seen: WriteBackCache<K, V>,
    seen_version: u64,
    budget: CacheBudget,
    row_key: Vec<u8>,
}

impl<K: Data, V: Data> GlobalReader<K, V> {
    /// Makes a view of a table whose rows stand in a family of the store.
    pub(crate) fn new(
        store: Arc<GlobalStore>,
        family: Family,
        topic: Arc<str>,
        (keys, values): (SerdeRef<K>, SerdeRef<V>),
        budget: CacheBudget,
    ) -> Self {
        Self {
            store,
            family,
            topic,
            keys_name_schemas: keys.schema().is_some(),
            keys,
            values,
            seen: WriteBackCache::new(budget.clone()),
            seen_version: 0,
            budget,
            row_key: Vec::new(),
        }
    }

    /// Returns a row's value as of the last update that was applied.
    ///
    /// # Errors
    ///
    /// Where the row cannot be read or decoded.
    pub fn get(&mut self, key: &K) -> Result<Option<&V>> {
        self.write_row_key(key).map_err(|cause| {
            Error::state(format!("cannot encode a key of the global table of {}", self.topic))
                .with_source(cause)
        })?;
        // The version is read before the row: a row that is newer than it is only read once more.
        let version = self.store.version.load(Ordering::Acquire);
        if version != self.seen_version {
            self.seen = WriteBackCache::new(self.budget.clone());
            self.seen_version = version;
        }
        let id = match self.seen.find(&self.row_key) {
            Some(id) => id,
            None => {
                self.seen.shrink_clean();
                let (value, bytes) = self.read()?;
                let weight = self.row_key.len() + bytes.max(size_of::<V>());
                self.seen.insert(&self.row_key, value, weight)
            }
        };
        Ok(self.seen.value(id).map(|stamped| &stamped.value))
    }

    /// Writes a key as its row has it: as its record would, behind the header that names its schema.
    fn write_row_key(&mut self, key: &K) -> std::result::Result<(), SerdeError> {
        self.row_key.clear();
        let schema = self.keys_name_schemas.then(|| self.keys.header(&self.topic)).flatten();
        if let Some(schema) = schema.and_then(|header| header.value) {
            self.row_key.extend_from_slice(&schema);
        }
        self.keys.encode_record(&self.topic, key, &mut self.row_key).map(drop)
    }

    fn read(&self) -> Result<(Option<Stamped<V>>, usize)> {
        let mut found = (None, 0);
        let backend = self.store.backend.read().unwrap_or_else(PoisonError::into_inner);
        backend.read(self.family, &self.row_key, &mut |row| {
            let (timestamp, bytes) = row::split(row).ok_or_else(|| {
                Error::state(format!("the global table of {} is damaged", self.topic))
            })?;
            let value = self.values.decode(&self.topic, bytes).map_err(|cause| {
                Error::state(format!("cannot decode a value of the global table of {}", self.topic))
                    .with_source(cause)
            })?;
            found = (Some(Stamped { value, timestamp }), row.len());
            Ok(())
        })?;
        Ok(found)
    }
}

impl<K, V> fmt::Debug for GlobalReader<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GlobalReader").field("topic", &self.topic).finish_non_exhaustive()
    }
}
