//! The typed store of windows: rows by key and window start, expired by time segment (row ST5).

use std::fmt;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Arc;
use std::time::Duration;

use super::key_schema::split_start;
use super::{
    Backend, FamilyChanges, Flushed, KeyValueStore, Stamped, StateStore, StoreEnvironment,
    TableStore, WindowKeys,
};
use crate::error::Result;
use crate::ids::Offset;
use crate::kafka::Outbox;
use crate::record::{Headers, RawRecord};
use crate::serde::{Data, SerdeRef};
use crate::time::{Timestamp, millis};
use crate::windows::Windowed;

/// A store of windowed rows that forgets what is older than its retention.
pub struct WindowStore<K, V> {
    rows: KeyValueStore<Windowed<K>, V>,
    retention_ms: i64,
    segment_ms: i64,
    /// The largest window start written so far; not persisted, raised again by a restore.
    observed_ms: i64,
    /// How much longer than their retention rows can be scanned, in milliseconds.
    leeway_ms: i64,
    /// The first segment that is not expired, as of the last commit.
    expired_before: i64,
}

/// How the rows of a window store lie, and how long they are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WindowLayout {
    pub(crate) size: Duration,
    pub(crate) retention: Duration,
    pub(crate) order: WindowOrder,
}

/// The order of a window store's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WindowOrder {
    /// By segment of time, then key: what looks windows up by key.
    ByKey,
    /// By window, then key: what forwards all rows of a window reads nothing else.
    ByTime {
        /// Whether rows can be scanned for one more millisecond, as those of the JVM library's store on
        /// disk, and unlike those of its store in memory.
        on_disk: bool,
    },
}

/// Some rows of a scan.
pub(crate) struct WindowScan<K, V> {
    pub(crate) rows: Vec<(Windowed<K>, Stamped<V>)>,
    /// Where the scan goes on, if it is not at its end: to be handed in again.
    pub(crate) go_on: Option<Box<[u8]>>,
}

/// The shortest time segment, in milliseconds, as in the JVM library (row ST5).
const SEGMENT_MS_MIN: i64 = 60_000;

impl<K: Data, V: Data> WindowStore<K, V> {
    /// Makes an empty view of the store's rows.
    pub(crate) fn new(
        env: StoreEnvironment,
        keys: SerdeRef<K>,
        values: SerdeRef<V>,
        layout: WindowLayout,
    ) -> Self {
        let (retention_ms, size_ms) = (millis(layout.retention), millis(layout.size));
        let (segment_ms, leeway_ms) = match layout.order {
            WindowOrder::ByKey => ((retention_ms / 2).max(SEGMENT_MS_MIN), 0),
            WindowOrder::ByTime { on_disk } => (size_ms, i64::from(on_disk)),
        };
        let keys = WindowKeys { inner: keys, size_ms, segment_ms };
        Self {
            rows: KeyValueStore::new(env, Box::new(keys), values),
            retention_ms,
            segment_ms,
            observed_ms: -1,
            leeway_ms,
            expired_before: 0,
        }
    }

    /// Returns the value of a key's window, unless it is expired.
    ///
    /// # Errors
    ///
    /// Where the row cannot be read or decoded.
    pub fn get(&mut self, backend: &dyn Backend, key: &Windowed<K>) -> Result<Option<&Stamped<V>>> {
        if self.is_expired(key.window.start) {
            return Ok(None);
        }
        self.rows.get(backend, key)
    }

    /// Returns all rows that were flushed and are not expired, in order of their row keys.
    ///
    /// # Errors
    ///
    /// Where rows cannot be read or decoded.
    pub fn rows(&self, backend: &dyn Backend) -> Result<Vec<(Windowed<K>, Stamped<V>)>> {
        let mut rows = self.rows.rows(backend)?;
        rows.retain(|(key, _)| !self.is_expired(key.window.start));
        Ok(rows)
    }

    /// Returns rows of windows that start within a span of time and are not expired, in order of start
    /// and key, where rows lie by time; at most so many, from the beginning or from where an earlier
    /// scan stopped.
    pub(crate) fn scan(
        &self,
        backend: &dyn Backend,
        span: RangeInclusive<i64>,
        go_on: Option<Box<[u8]>>,
        rows_max: usize,
    ) -> Result<WindowScan<K, V>> {
        let live_from = self.observed_ms - self.retention_ms - self.leeway_ms + 1;
        let first = live_from.max(*span.start());
        let first_segment = || (first.max(0) / self.segment_ms).to_be_bytes().into();
        let from: Box<[u8]> = go_on.unwrap_or_else(first_segment);
        let mut scan = WindowScan { rows: Vec::new(), go_on: None };
        self.rows.scan_from(backend, &from, &mut |row_key, key, row| {
            let start = key.window.start.as_millis();
            if start > *span.end() {
                return Ok(ControlFlow::Break(()));
            }
            if scan.rows.len() == rows_max {
                scan.go_on = Some(row_key.into());
                return Ok(ControlFlow::Break(()));
            }
            if start >= first {
                scan.rows.push((key, row));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(scan)
    }

    /// Returns whether rows of windows that start then are no longer kept.
    pub(crate) fn is_expired(&self, start: Timestamp) -> bool {
        start.as_millis() <= self.observed_ms - self.retention_ms
    }

    /// Returns the first segment that still holds a row that may be read.
    fn first_live_segment(&self) -> i64 {
        (self.observed_ms - self.retention_ms).max(0) / self.segment_ms
    }
}

impl<K: Data, V: Data> TableStore for WindowStore<K, V> {
    type Key = Windowed<K>;
    type Value = V;

    fn update(
        &mut self,
        backend: &dyn Backend,
        key: Windowed<K>,
        written_by: (Timestamp, Headers),
        fold: impl FnOnce(&Windowed<K>, Option<V>) -> Option<V>,
    ) -> Result<()> {
        let start = key.window.start;
        // With a cache, the deletion of a row that never was is no write, and moves no time either.
        let mut is_write = !self.rows.is_cached();
        let fold = |key: &Windowed<K>, old: Option<V>| {
            is_write |= old.is_some();
            let new = fold(key, old);
            is_write |= new.is_some();
            new
        };
        if self.is_expired(start) {
            // What reads do not show is not folded into, either.
            self.rows.update_anew(backend, key, written_by, fold)?;
        } else {
            self.rows.update(backend, key, written_by, fold)?;
        }
        if is_write {
            self.observed_ms = self.observed_ms.max(start.as_millis());
        }
        Ok(())
    }

    fn is_cached(&self) -> bool {
        self.rows.is_cached()
    }

    fn wants_flush(&mut self) -> bool {
        self.rows.wants_flush()
    }

    fn flush(
        &mut self,
        backend: &dyn Backend,
        outbox: &mut Outbox,
        flushed: &mut Vec<Flushed<Windowed<K>, V>>,
    ) -> Result<()> {
        self.rows.flush(backend, outbox, flushed)
    }
}

impl<K: Data, V: Data> StateStore for WindowStore<K, V> {
    fn name(&self) -> &Arc<str> {
        self.rows.name()
    }

    fn pending(&self) -> FamilyChanges<'_> {
        let live = self.first_live_segment();
        let expired_before = (live > self.expired_before).then(|| live.to_be_bytes());
        FamilyChanges { expired_before, ..self.rows.pending() }
    }

    fn committed(&mut self) {
        self.expired_before = self.first_live_segment();
        self.rows.committed();
    }

    fn set_offset(&mut self, offset: Offset) {
        self.rows.set_offset(offset);
    }

    fn uncommitted_bytes(&self) -> usize {
        self.rows.uncommitted_bytes()
    }

    fn cache_reads(&self) -> (u64, u64) {
        self.rows.cache_reads()
    }

    fn restore(&mut self, record: RawRecord<'_>) -> Result<()> {
        if let Some(Ok((_, start))) = record.key.map(split_start) {
            self.observed_ms = self.observed_ms.max(start);
            if self.is_expired(Timestamp::from_millis(start)) {
                return Ok(());
            }
        }
        self.rows.restore(record)
    }

    fn visit_rows(
        &self,
        backend: &dyn Backend,
        visit: &mut dyn FnMut(&[u8], &[u8], Timestamp) -> Result<()>,
    ) -> Result<()> {
        self.rows.visit_rows(backend, &mut |key, value, timestamp| {
            let start = split_start(key).map_or(i64::MAX, |(_, start)| start);
            if self.is_expired(Timestamp::from_millis(start)) {
                return Ok(());
            }
            visit(key, value, timestamp)
        })
    }
}

impl<K, V> fmt::Debug for WindowStore<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WindowStore").field("rows", &self.rows).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
