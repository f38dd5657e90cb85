//! Reads, commit batches and flushes of one task's database.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocksdb::{
    ColumnFamily, ColumnFamilyDescriptor, DB, Direction, IteratorMode, Options, WriteBatch,
};

use super::options::{self, RocksDbMemory, Statistics};
use super::statistics;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::Offset;
use crate::metrics::{Metric, Value};
use crate::state::{Backend, Family, FamilyChanges, Visit};

/// What the database tells of itself, by RocksDB's names.
const PROPERTIES: &[(Metric, &str)] = &[
    (Metric::RocksDbKeys, "rocksdb.estimate-num-keys"),
    (Metric::RocksDbMemtables, "rocksdb.size-all-mem-tables"),
    (Metric::RocksDbActiveMemtable, "rocksdb.cur-size-active-mem-table"),
    (Metric::RocksDbImmutableMemtables, "rocksdb.num-immutable-mem-table"),
    (Metric::RocksDbFlushPending, "rocksdb.mem-table-flush-pending"),
    (Metric::RocksDbRunningFlushes, "rocksdb.num-running-flushes"),
    (Metric::RocksDbCompactionPending, "rocksdb.compaction-pending"),
    (Metric::RocksDbRunningCompactions, "rocksdb.num-running-compactions"),
    (Metric::RocksDbPendingCompactionBytes, "rocksdb.estimate-pending-compaction-bytes"),
    (Metric::RocksDbWriteStopped, "rocksdb.is-write-stopped"),
    (Metric::RocksDbDelayedWriteRate, "rocksdb.actual-delayed-write-rate"),
    (Metric::RocksDbLiveSst, "rocksdb.live-sst-files-size"),
    (Metric::RocksDbTotalSst, "rocksdb.total-sst-files-size"),
    (Metric::RocksDbTableReaders, "rocksdb.estimate-table-readers-mem"),
    (Metric::RocksDbBackgroundErrors, "rocksdb.background-errors"),
    (Metric::RocksDbBlockCache, "rocksdb.block-cache-usage"),
    (Metric::RocksDbBlockCachePinned, "rocksdb.block-cache-pinned-usage"),
    (Metric::RocksDbBlockCacheCapacity, "rocksdb.block-cache-capacity"),
];

/// The family with the changelog offset of each store, by the store's name.
const OFFSETS: &str = "kappa.offsets";

/// A task's database.
pub struct RocksDbBackend {
    db: DB,
    path: PathBuf,
    /// What the database was opened with, if it counts what it does.
    counting: Option<Options>,
    /// Store names by family number; absent where a store of the task is not kept here.
    families: Vec<Option<Arc<str>>>,
}

impl RocksDbBackend {
    /// Opens or creates the database of a task, with a family for each of its stores.
    ///
    /// Families of stores that the topology no longer has are kept: removing them is the user's
    /// decision.
    ///
    /// # Errors
    ///
    /// Where the directory cannot be written, is in use, or its files are damaged.
    pub fn open(
        path: &Path,
        families: Vec<Option<Arc<str>>>,
        memory: &RocksDbMemory,
        statistics: Statistics,
    ) -> Result<Self> {
        let failed = |cause| open_error(path, cause);
        std::fs::create_dir_all(path).map_err(|cause| {
            let message = format!("cannot create the state directory {}", path.display());
            Error::state(message).with_source(cause)
        })?;
        let database = options::database(memory, statistics);
        let mut names: Vec<String> =
            families.iter().flatten().map(|name| name.as_ref().to_owned()).collect();
        names.push(OFFSETS.to_owned());
        if path.join("CURRENT").exists() {
            let known = DB::list_cf(&database, path).map_err(failed)?;
            names.extend(known.into_iter().filter(|name| name != "default"));
        }
        names.sort_unstable();
        names.dedup();
        let rows = options::rows(memory);
        let descriptors =
            names.into_iter().map(|name| ColumnFamilyDescriptor::new(name, rows.clone()));
        let db = DB::open_cf_descriptors(&database, path, descriptors).map_err(failed)?;
        let counting = (statistics == Statistics::On).then_some(database);
        Ok(Self { db, path: path.to_owned(), counting, families })
    }

    fn family(&self, family: Family) -> Result<(&ColumnFamily, &Arc<str>)> {
        let name = self.families.get(family.0).and_then(Option::as_ref);
        name.and_then(|name| Some((self.db.cf_handle(name)?, name))).ok_or_else(|| {
            let path = self.path.display();
            Error::state(format!("the database {path} has no store with number {}", family.0))
        })
    }

    fn offsets(&self) -> Result<&ColumnFamily> {
        self.db.cf_handle(OFFSETS).ok_or_else(|| {
            Error::state(format!("the database {} has lost its offsets", self.path.display()))
        })
    }

    #[cold]
    fn failed(&self, doing: &str, store: &str, cause: rocksdb::Error) -> Error {
        let kind = match cause.kind() {
            rocksdb::ErrorKind::Corruption => ErrorKind::Corrupted,
            _ => ErrorKind::State,
        };
        let message = format!("cannot {doing} store {store} in {}", self.path.display());
        Error::new(kind, message).with_source(cause)
    }
}

impl Backend for RocksDbBackend {
    fn read(
        &self,
        family: Family,
        key: &[u8],
        read: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<bool> {
        let (handle, name) = self.family(family)?;
        let row = self.db.get_pinned_cf(handle, key);
        match row.map_err(|cause| self.failed("read", name, cause))? {
            Some(row) => read(&row).map(|()| true),
            None => Ok(false),
        }
    }

    fn scan(&self, family: Family, from: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let (handle, name) = self.family(family)?;
        let rows = self.db.iterator_cf(handle, IteratorMode::From(from, Direction::Forward));
        for row in rows {
            let (key, row) = row.map_err(|cause| self.failed("scan", name, cause))?;
            if visit(&key, &row)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn commit(&mut self, changes: &[FamilyChanges<'_>]) -> Result<()> {
        let mut batch = WriteBatch::default();
        let offsets = self.offsets()?;
        for change in changes {
            let (handle, name) = self.family(change.family)?;
            for (key, row) in change.rows.iter() {
                match row {
                    Some(row) => batch.put_cf(handle, key, row),
                    None => batch.delete_cf(handle, key),
                }
            }
            if let Some(first_live) = change.expired_before {
                // Whole files first, without reading them; the range delete covers the rest. Expired
                // rows are never read again, so that this is not part of the batch does no harm.
                let dropped = self.db.delete_file_in_range_cf(handle, [0; 8], first_live);
                dropped.map_err(|cause| self.failed("expire rows of", name, cause))?;
                batch.delete_range_cf(handle, [0; 8], first_live);
            }
            if let Some(offset) = change.offset {
                batch.put_cf(offsets, name.as_bytes(), offset.0.to_be_bytes());
            }
        }
        let written = self.db.write_opt(batch, &options::write());
        written.map_err(|cause| self.failed("write to", "all stores", cause))
    }

    fn offset(&self, family: Family) -> Result<Option<Offset>> {
        let (_, name) = self.family(family)?;
        let stored = self.db.get_pinned_cf(self.offsets()?, name.as_bytes());
        let stored = stored.map_err(|cause| self.failed("read the offset of", name, cause))?;
        let Some(bytes) = stored else { return Ok(None) };
        let offset = <[u8; 8]>::try_from(&*bytes).map_err(|_| {
            let message =
                format!("the offset of store {name} in {} is not one", self.path.display());
            Error::new(ErrorKind::Corrupted, message)
        })?;
        Ok(Some(Offset(i64::from_be_bytes(offset))))
    }

    fn flush(&mut self) -> Result<()> {
        let names = self.families.iter().flatten();
        let mut handles: Vec<&ColumnFamily> =
            names.filter_map(|name| self.db.cf_handle(name)).collect();
        handles.push(self.offsets()?);
        let flushed = self.db.flush_cfs_opt(&handles, &options::flush());
        flushed.map_err(|cause| self.failed("flush", "all stores", cause))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a value of a metric needs no more than 52 bits"
    )]
    fn figures(&self, visit: &mut dyn FnMut(Option<Family>, Metric, Value)) {
        for (at, name) in self.families.iter().enumerate() {
            let Some(handle) = name.as_ref().and_then(|name| self.db.cf_handle(name)) else {
                continue;
            };
            for (metric, property) in PROPERTIES {
                // A property that cannot be had is left out.
                if let Ok(Some(value)) = self.db.property_int_value_cf(handle, *property) {
                    visit(Some(Family(at)), *metric, Value::Gauge(value as f64));
                }
            }
        }
        if let Some(options) = &self.counting {
            statistics::figures(options, &mut |metric, value| visit(None, metric, value));
        }
    }
}

impl fmt::Debug for RocksDbBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RocksDbBackend").field("path", &self.path).finish_non_exhaustive()
    }
}

fn open_error(path: &Path, cause: rocksdb::Error) -> Error {
    let kind = match cause.kind() {
        rocksdb::ErrorKind::Corruption => ErrorKind::Corrupted,
        _ => ErrorKind::State,
    };
    Error::new(kind, format!("cannot open the state in {}", path.display())).with_source(cause)
}

#[cfg(test)]
mod tests;
