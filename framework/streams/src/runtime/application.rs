//! What all threads of one client share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::stop::Stop;
use super::task_registry::TaskRegistry;
use super::thread_state::ThreadStates;
use crate::config::Settings;
use crate::kafka::{Clients, Leave, Offsets};
use crate::metrics::{DroppedRecords, Metrics};
use crate::processor::GlobalTables;
use crate::state::SeenPartitions;
use crate::task::{Deployment, Storage};
use crate::time::Clock;
use crate::trace::Tracing;

/// A started application: its topology on its topics, its settings, its state, its clock.
#[derive(Debug)]
pub(super) struct Application {
    pub(super) deployment: Deployment,
    pub(super) settings: Settings,
    /// Which tasks are open in this process. Before the storage, whose lock outlives open databases.
    pub(super) tasks: TaskRegistry,
    pub(super) storage: Storage,
    pub(super) globals: Option<GlobalTables>,
    pub(super) clients: Arc<dyn Clients>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stop: Stop,
    /// Whether static members leave the group at the end, too.
    pub(super) leave: AtomicBool,
    pub(super) threads: ThreadStates,
    pub(super) stats: Arc<Stats>,
    pub(super) metrics: Metrics,
    /// The topics that others write and tasks read, with their partition counts at the start.
    pub(super) external: BTreeMap<Arc<str>, usize>,
    /// Which of their partitions were ever committed.
    pub(super) seen: SeenPartitions,
    /// Committed offsets of repartition topics: what lies before them may be deleted.
    pub(super) purgeable: Mutex<Offsets>,
    /// How records are traced, unless they are not.
    pub(super) tracing: Option<Tracing>,
}

impl Application {
    /// Returns what the members do at the end.
    pub(super) fn leave(&self) -> Leave {
        if self.leave.load(Ordering::Acquire) { Leave::Always } else { Leave::IfDynamic }
    }

    /// Returns a thread's share of something that all threads have together.
    pub(super) fn share(&self, of: usize) -> usize {
        of / self.threads.count().max(1)
    }
}

/// What the threads have done so far.
#[derive(Debug, Default)]
pub(super) struct Stats {
    processed: AtomicU64,
    restored: AtomicU64,
    dropped: Mutex<DroppedRecords>,
    failed_threads: AtomicU64,
    commits: Mutex<u64>,
    committed: Condvar,
}

impl Stats {
    pub(super) fn processed(&self, records: usize) {
        self.processed.fetch_add(u64::try_from(records).unwrap_or(0), Ordering::Relaxed);
    }

    pub(super) fn restored(&self, records: usize) {
        self.restored.fetch_add(u64::try_from(records).unwrap_or(0), Ordering::Relaxed);
    }

    pub(super) fn thread_failed(&self) {
        self.failed_threads.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds what a task has dropped since the last time.
    pub(super) fn dropped(&self, dropped: DroppedRecords) {
        if dropped.total() > 0 {
            self.dropped.lock().unwrap_or_else(PoisonError::into_inner).add(dropped);
        }
    }

    /// Notes a commit, and wakes whoever waits for one.
    pub(super) fn committed(&self) {
        *self.commits.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.committed.notify_all();
    }

    /// Waits for the next commit, but no longer than this.
    pub(super) fn wait_for_commit(&self, timeout: Duration) {
        let commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *commits;
        let waited =
            self.committed.wait_timeout_while(commits, timeout, |commits| *commits == before);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn processed_total(&self) -> u64 {
        self.processed.load(Ordering::Relaxed)
    }

    pub(super) fn restored_total(&self) -> u64 {
        self.restored.load(Ordering::Relaxed)
    }

    pub(super) fn failed_threads(&self) -> u64 {
        self.failed_threads.load(Ordering::Relaxed)
    }

    pub(super) fn dropped_total(&self) -> DroppedRecords {
        *self.dropped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
