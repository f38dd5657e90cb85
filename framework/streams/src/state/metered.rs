//! Measures what the rows on disk are asked for; around a backend only where metrics are recorded so
//! closely (`metrics.recording.level=debug`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Backend, Family, FamilyChanges, Visit};
use crate::error::Result;
use crate::ids::Offset;
use crate::metrics::{Histogram, Metric, Value};
use crate::time::Clock;

/// A backend, with a watch.
#[derive(Debug)]
pub struct MeteredBackend {
    inner: Box<dyn Backend>,
    clock: Arc<dyn Clock>,
    /// Written by the thread that owns the task; the lock is for the compiler.
    timings: Mutex<Timings>,
}

#[derive(Debug, Default)]
struct Timings {
    /// By family.
    reads: Vec<Histogram>,
    scans: Vec<Histogram>,
    commits: Histogram,
    flushes: Histogram,
}

impl MeteredBackend {
    /// Measures a backend with so many families.
    #[must_use]
    pub fn new(inner: Box<dyn Backend>, families: usize, clock: Arc<dyn Clock>) -> Self {
        let none = vec![Histogram::default(); families];
        let timings = Timings { reads: none.clone(), scans: none, ..Timings::default() };
        Self { inner, clock, timings: Mutex::new(timings) }
    }

    fn timings(&self) -> MutexGuard<'_, Timings> {
        self.timings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for MeteredBackend {
    fn read(
        &self,
        family: Family,
        key: &[u8],
        read: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<bool> {
        let began = self.clock.monotonic();
        let found = self.inner.read(family, key, read);
        let took = self.clock.monotonic().saturating_sub(began);
        if let Some(reads) = self.timings().reads.get_mut(family.0) {
            reads.record(took);
        }
        found
    }

    fn scan(&self, family: Family, from: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let began = self.clock.monotonic();
        let scanned = self.inner.scan(family, from, visit);
        let took = self.clock.monotonic().saturating_sub(began);
        if let Some(scans) = self.timings().scans.get_mut(family.0) {
            scans.record(took);
        }
        scanned
    }

    fn commit(&mut self, changes: &[FamilyChanges<'_>]) -> Result<()> {
        let began = self.clock.monotonic();
        let committed = self.inner.commit(changes);
        let took = self.clock.monotonic().saturating_sub(began);
        self.timings().commits.record(took);
        committed
    }

    fn offset(&self, family: Family) -> Result<Option<Offset>> {
        self.inner.offset(family)
    }

    fn flush(&mut self) -> Result<()> {
        let began = self.clock.monotonic();
        let flushed = self.inner.flush();
        let took = self.clock.monotonic().saturating_sub(began);
        self.timings().flushes.record(took);
        flushed
    }

    fn figures(&self, visit: &mut dyn FnMut(Option<Family>, Metric, Value)) {
        self.inner.figures(visit);
        let timings = self.timings();
        let durations = |durations: &Histogram| Value::Histogram(Box::new(*durations));
        for (at, (reads, scans)) in timings.reads.iter().zip(&timings.scans).enumerate() {
            visit(Some(Family(at)), Metric::StoreReadDuration, durations(reads));
            visit(Some(Family(at)), Metric::StoreScanDuration, durations(scans));
        }
        visit(None, Metric::StoreCommitDuration, durations(&timings.commits));
        visit(None, Metric::StoreFlushDuration, durations(&timings.flushes));
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::state::{MemoryBackend, Uncommitted};
    use crate::time::SystemClock;

    #[test]
    fn what_is_asked_is_answered_and_counted_by_family() {
        let memory = Box::new(MemoryBackend::default());
        let clock = Arc::new(SystemClock::start());
        let mut backend = MeteredBackend::new(memory, 2, clock);
        let mut rows = Uncommitted::default();
        rows.put(b"key", Some(b"row"[..].into()));
        let family = Family(1);
        let change = FamilyChanges { family, rows: &rows, expired_before: None, offset: None };
        backend.commit(&[change]).unwrap();
        assert!(backend.read(family, b"key", &mut |_| Ok(())).unwrap());
        assert!(!backend.read(family, b"other", &mut |_| Ok(())).unwrap());
        backend.scan(family, b"", &mut |_, _| Ok(ControlFlow::Continue(()))).unwrap();
        backend.flush().unwrap();
        let mut told = Vec::new();
        backend.figures(&mut |family, metric, value| {
            told.push((family.map(|family| family.0), metric, value.number()));
        });
        let expected = [
            (Some(0), Metric::StoreReadDuration, 0.0),
            (Some(0), Metric::StoreScanDuration, 0.0),
            (Some(1), Metric::StoreReadDuration, 2.0),
            (Some(1), Metric::StoreScanDuration, 1.0),
            (None, Metric::StoreCommitDuration, 1.0),
            (None, Metric::StoreFlushDuration, 1.0),
        ];
        assert_eq!(told, expected);
    }
}
