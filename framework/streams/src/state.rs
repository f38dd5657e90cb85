//! State stores: typed rows over bytes, cached, overlaid and logged.
//!
//! A typed store ([`KeyValueStore`], [`WindowStore`]) is the write-back cache, then the uncommitted
//! overlay, then the committed rows of a [`Backend`]: one of them per task, holding one family of rows
//! per store. Rows have the bytes the JVM library gives them (row ST7): 8 bytes of timestamp, then the
//! value; changelogs carry the plain value with the timestamp as the record's.

mod cache;
mod changelog;
mod directory;
mod global;
mod key_schema;
mod key_value;
mod memory;
mod metered;
#[cfg(feature = "rocksdb")]
pub mod rocksdb;
mod row;
mod seen_partitions;
mod slots;
mod uncommitted;
mod window;

use std::any::Any;
use std::ops::ControlFlow;
use std::sync::Arc;

pub use cache::CacheBudget;
pub use changelog::Changelog;
pub use directory::StateDirectory;
pub(crate) use directory::TaskDirectory;
pub use global::{GlobalReader, GlobalStore};
pub(crate) use global::{GlobalRows, MakeRow};
pub(crate) use key_schema::{KeyLayout, PlainKeys, WindowKeys};
pub use key_value::{Flushed, KeyValueStore, StoreEnvironment};
pub use memory::MemoryBackend;
pub use metered::MeteredBackend;
pub(crate) use seen_partitions::SeenPartitions;
pub use slots::{LoggedStore, Rows, StoreAccess, StoreRef, StoreSet};
pub use uncommitted::Uncommitted;
pub use window::WindowStore;
pub(crate) use window::{WindowLayout, WindowOrder};

pub use crate::config::StoreType;
use crate::error::Result;
use crate::ids::Offset;
use crate::kafka::Outbox;
use crate::metrics::{Metric, Value};
use crate::record::{Headers, RawRecord};
use crate::serde::Data;
use crate::time::Timestamp;

/// A value with the timestamp of the update that made it (row ST7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped<V> {
    /// The value.
    pub value: V,
    /// The timestamp.
    pub timestamp: Timestamp,
}

impl<V> Stamped<V> {
    /// Returns the same with a borrowed value.
    pub fn as_ref(&self) -> Stamped<&V> {
        Stamped { value: &self.value, timestamp: self.timestamp }
    }
}

/// The rows of one store within its task's backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Family(pub usize);

/// Called with each row of a scan; breaking ends it.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>> + 'a;

/// What one store adds to a commit.
#[derive(Debug)]
pub struct FamilyChanges<'a> {
    /// Whose rows.
    pub family: Family,
    /// Rows and deletions, in key order.
    pub rows: &'a Uncommitted,
    /// All rows with smaller keys are expired.
    pub expired_before: Option<[u8; 8]>,
    /// The changelog offset that these rows stand for: where a restore goes on.
    pub offset: Option<Offset>,
}

impl FamilyChanges<'_> {
    /// Returns whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.expired_before.is_none() && self.offset.is_none()
    }
}

/// The committed rows of a task's stores.
pub trait Backend: Send + Sync {
    /// Calls `read` with a row's bytes, if the row exists; returns whether it does.
    ///
    /// # Errors
    ///
    /// Where the rows cannot be read, and what `read` returns.
    fn read(
        &self,
        family: Family,
        key: &[u8],
        read: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<bool>;

    /// Visits the rows from a key on, in unsigned byte order.
    ///
    /// # Errors
    ///
    /// Where the rows cannot be read, and what `visit` returns.
    fn scan(&self, family: Family, from: &[u8], visit: &mut Visit<'_>) -> Result<()>;

    /// Writes the changes of all stores and their offsets as one: all or nothing.
    ///
    /// # Errors
    ///
    /// Where they cannot be written; then nothing was.
    fn commit(&mut self, changes: &[FamilyChanges<'_>]) -> Result<()>;

    /// Returns the changelog offset that the rows of a store stand for, if they survive a restart.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    fn offset(&self, family: Family) -> Result<Option<Offset>>;

    /// Makes what was committed survive a kill.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    fn flush(&mut self) -> Result<()>;

    /// Visits what there is to tell for metrics, of a family or of all together; nothing where there is
    /// no database.
    fn figures(&self, _: &mut dyn FnMut(Option<Family>, Metric, Value)) {}
}

/// What the engine needs of a store without knowing its types.
pub trait StateStore: Any + Send {
    /// Returns the store's name.
    fn name(&self) -> &Arc<str>;

    /// Returns what the next commit must write; empty where nothing changed.
    fn pending(&self) -> FamilyChanges<'_>;

    /// Notes up to where the changelog holds what the next commit writes.
    fn set_offset(&mut self, offset: Offset);

    /// Notes that what was pending is committed.
    fn committed(&mut self);

    /// Returns the bytes that wait for a commit.
    fn uncommitted_bytes(&self) -> usize;

    /// Returns how many reads found their row in the cache, and how many did not.
    fn cache_reads(&self) -> (u64, u64) {
        (0, 0)
    }

    /// Takes in one record of the changelog, to be committed like any other write.
    ///
    /// # Errors
    ///
    /// Where the record is not one of this store's changelog.
    fn restore(&mut self, record: RawRecord<'_>) -> Result<()>;

    /// Visits all rows, committed or not, as (changelog key, value, timestamp), in key order.
    ///
    /// # Errors
    ///
    /// Where the rows cannot be read, and what `visit` returns.
    fn visit_rows(
        &self,
        backend: &dyn Backend,
        visit: &mut dyn FnMut(&[u8], &[u8], Timestamp) -> Result<()>,
    ) -> Result<()>;
}

/// A store that a table operator folds records into and forwards from.
pub(crate) trait TableStore: StateStore {
    /// The table's key.
    type Key: Data;
    /// The table's value.
    type Value: Data;

    /// Replaces a row's value by what a function makes of it.
    fn update(
        &mut self,
        backend: &dyn Backend,
        key: Self::Key,
        written_by: (Timestamp, Headers),
        fold: impl FnOnce(&Self::Key, Option<Self::Value>) -> Option<Self::Value>,
    ) -> Result<()>;

    /// Returns whether writes wait in a cache.
    fn is_cached(&self) -> bool;

    /// Returns whether something must be flushed now: all of it without a cache, or to make room.
    fn wants_flush(&mut self) -> bool;

    /// Encodes every dirty row into the overlay and the changelog, in the order of their last
    /// writes, and appends what is to be forwarded.
    fn flush(
        &mut self,
        backend: &dyn Backend,
        outbox: &mut Outbox,
        flushed: &mut Vec<Flushed<Self::Key, Self::Value>>,
    ) -> Result<()>;
}

/// Visits the overlay's rows over the backend's, in key order, from a key on.
pub(crate) fn scan_merged(
    backend: &dyn Backend,
    family: Family,
    overlay: &Uncommitted,
    from: &[u8],
    visit: &mut Visit<'_>,
) -> Result<()> {
    let mut written = overlay.range_from(from).peekable();
    let mut stopped = false;
    backend.scan(family, from, &mut |key, row| {
        while let Some((above, new)) = written.next_if(|(above, _)| *above < key) {
            if let Some(new) = new
                && visit(above, new)?.is_break()
            {
                stopped = true;
                return Ok(ControlFlow::Break(()));
            }
        }
        let row = match written.next_if(|(above, _)| *above == key) {
            Some((_, new)) => new,
            None => Some(row),
        };
        let flow = row.map_or(Ok(ControlFlow::Continue(())), |row| visit(key, row))?;
        stopped = flow.is_break();
        Ok(flow)
    })?;
    for (key, new) in written {
        if stopped {
            break;
        }
        if let Some(new) = new {
            stopped = visit(key, new)?.is_break();
        }
    }
    Ok(())
}
