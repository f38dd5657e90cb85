//! What state a stream thread is in, and what the client's state follows from.
//!
//! ```text
//!  STARTING ──> PARTITIONS_REVOKED <──> PARTITIONS_ASSIGNED <──> RUNNING
//!     │                 └───────────────────┬────────────────────┘
//!     └─────────────────────────────────────┴──> PENDING_SHUTDOWN ──> DEAD
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::client_state::{ClientState, StateCell};
use super::health::{ThreadVitals, WaitingTask};
use super::heartbeat::Heartbeat;
use crate::ids::TaskId;
use crate::time::Clock;

/// The state of a stream thread, with the JVM library's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThreadState {
    /// Joining the group for the first time.
    Starting,
    /// Has no partitions; some will come.
    PartitionsRevoked,
    /// Has partitions; state is being restored.
    PartitionsAssigned,
    /// Processes all its tasks.
    Running,
    /// Closing.
    PendingShutdown,
    /// Ended.
    Dead,
}

impl ThreadState {
    /// All states.
    pub const ALL: [Self; 6] = [
        Self::Starting,
        Self::PartitionsRevoked,
        Self::PartitionsAssigned,
        Self::Running,
        Self::PendingShutdown,
        Self::Dead,
    ];

    fn can_become(self, next: Self) -> bool {
        use ThreadState::{
            Dead, PartitionsAssigned, PartitionsRevoked, PendingShutdown, Running, Starting,
        };
        match self {
            Starting => {
                matches!(next, PartitionsRevoked | PartitionsAssigned | PendingShutdown)
            }
            PartitionsRevoked => matches!(next, PartitionsAssigned | PendingShutdown),
            PartitionsAssigned => {
                matches!(next, PartitionsRevoked | Running | PendingShutdown)
            }
            Running => matches!(next, PartitionsRevoked | PartitionsAssigned | PendingShutdown),
            PendingShutdown => next == Dead,
            Dead => false,
        }
    }
}

impl fmt::Display for ThreadState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "STARTING",
            Self::PartitionsRevoked => "PARTITIONS_REVOKED",
            Self::PartitionsAssigned => "PARTITIONS_ASSIGNED",
            Self::Running => "RUNNING",
            Self::PendingShutdown => "PENDING_SHUTDOWN",
            Self::Dead => "DEAD",
        })
    }
}

/// A stream thread as seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadMetadata {
    /// The number in its name, from one.
    pub number: usize,
    /// Its state.
    pub state: ThreadState,
    /// The tasks it runs; those whose state is being restored are not among them yet.
    pub tasks: BTreeSet<TaskId>,
}

/// All threads' states by their number, and the client's that follows.
#[derive(Debug)]
pub(super) struct ThreadStates {
    threads: Mutex<Threads>,
    changed: Condvar,
    client: Arc<StateCell>,
    clock: Arc<dyn Clock>,
}

/// How often is looked whether a thread is still worth waiting for.
const LOOK: Duration = Duration::from_millis(100);

type Threads = BTreeMap<usize, Entry>;

#[derive(Debug)]
struct Entry {
    state: ThreadState,
    /// When it came into that state.
    since: Duration,
    tasks: BTreeSet<TaskId>,
    /// The tasks that wait, as of this time.
    waiting: (Duration, Vec<WaitingTask>),
    heartbeat: Arc<Heartbeat>,
}

impl Entry {
    fn waiting(&self, now: Duration) -> Vec<WaitingTask> {
        let (noted, waiting) = &self.waiting;
        let since = now.saturating_sub(*noted);
        let waiting = waiting.iter().cloned();
        waiting.map(|it| WaitingTask { waited: it.waited + since, ..it }).collect()
    }
}

impl ThreadStates {
    pub(super) fn new(client: Arc<StateCell>, clock: Arc<dyn Clock>) -> Self {
        Self { threads: Mutex::default(), changed: Condvar::new(), client, clock }
    }

    /// Takes note of a new thread; returns its number, the smallest that no thread has.
    pub(super) fn add(&self) -> usize {
        let mut threads = self.lock();
        let free = (0..).find(|index| !threads.contains_key(index)).unwrap_or(threads.len());
        let since = self.clock.monotonic();
        let heartbeat = Arc::new(Heartbeat::new(since));
        let (state, tasks, waiting) = (ThreadState::Starting, BTreeSet::new(), (since, Vec::new()));
        threads.insert(free, Entry { state, since, tasks, waiting, heartbeat });
        self.follow(&threads);
        free
    }

    /// Changes a thread's state, and the client's with it.
    pub(super) fn set(&self, thread: usize, next: ThreadState) {
        let mut threads = self.lock();
        let Some(entry) = threads.get_mut(&thread) else { return };
        let state = entry.state;
        if state == next {
            return;
        }
        assert!(state.can_become(next), "thread {thread} cannot go from {state} to {next}");
        tracing::info!("thread state {state} -> {next}");
        entry.state = next;
        entry.since = self.clock.monotonic();
        entry.heartbeat.beat(entry.since);
        self.changed.notify_all();
        self.follow(&threads);
    }

    /// Notes which tasks a thread runs.
    pub(super) fn set_tasks(&self, thread: usize, tasks: BTreeSet<TaskId>) {
        if let Some(entry) = self.lock().get_mut(&thread) {
            entry.tasks = tasks;
        }
    }

    /// Notes which tasks of a thread wait, and for how long they have by now.
    pub(super) fn set_waiting(&self, thread: usize, now: Duration, waiting: Vec<WaitingTask>) {
        if let Some(entry) = self.lock().get_mut(&thread) {
            entry.waiting = (now, waiting);
        }
    }

    /// Returns where a thread shows that it goes on; of its own where it is not known.
    pub(super) fn heartbeat(&self, thread: usize) -> Arc<Heartbeat> {
        let known = self.lock().get(&thread).map(|entry| entry.heartbeat.clone());
        known.unwrap_or_else(|| Arc::new(Heartbeat::new(self.clock.monotonic())))
    }

    pub(super) fn vitals(&self) -> Vec<ThreadVitals> {
        let (threads, now) = (self.lock(), self.clock.monotonic());
        let vitals = threads.iter().map(|(index, entry)| ThreadVitals {
            number: index + 1,
            state: entry.state,
            state_for: now.saturating_sub(entry.since),
            tasks: entry.tasks.clone(),
            silent_for: entry.heartbeat.silent_for(now),
            to_restore: entry.heartbeat.to_restore(),
            waiting: entry.waiting(now),
        });
        vitals.collect()
    }

    pub(super) fn metadata(&self) -> Vec<ThreadMetadata> {
        let threads = self.lock();
        let threads = threads.iter().map(|(index, entry)| ThreadMetadata {
            number: index + 1,
            state: entry.state,
            tasks: entry.tasks.clone(),
        });
        threads.collect()
    }

    /// Waits until a thread has ended, as long as the other question is answered with yes.
    pub(super) fn wait_for_end(&self, thread: usize, go_on: impl Fn() -> bool) {
        let mut threads = self.lock();
        while threads.get(&thread).is_some_and(|entry| entry.state != ThreadState::Dead) && go_on()
        {
            let waited = self.changed.wait_timeout(threads, LOOK);
            threads = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Forgets a thread that was removed or never came to run: its number is free again.
    pub(super) fn remove(&self, thread: usize) {
        let mut threads = self.lock();
        threads.remove(&thread);
        self.follow(&threads);
    }

    /// Returns how many threads there are, dead ones left out.
    pub(super) fn count(&self) -> usize {
        self.lock().values().filter(|entry| entry.state != ThreadState::Dead).count()
    }

    /// Returns whether every thread has ended.
    pub(super) fn all_dead(&self) -> bool {
        self.lock().values().all(|entry| entry.state == ThreadState::Dead)
    }

    /// The client runs only when all threads do; threads that end do not stop it.
    fn follow(&self, threads: &Threads) {
        let ending =
            |state: &ThreadState| matches!(state, ThreadState::PendingShutdown | ThreadState::Dead);
        let states = threads.values().map(|entry| &entry.state);
        let mut open = states.filter(|state| !ending(state)).peekable();
        if open.peek().is_none() {
            return;
        }
        if open.all(|state| *state == ThreadState::Running) {
            self.client.set(ClientState::Running);
        } else if self.client.get() == ClientState::Running {
            self.client.set(ClientState::Rebalancing);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Threads> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SubtopologyId;
    use crate::time::{ManualClock, Timestamp};

    #[test]
    fn the_client_runs_when_all_its_threads_do_and_numbers_are_used_again() {
        let client = Arc::new(StateCell::new());
        client.set(ClientState::Rebalancing);
        let clock = ManualClock::at(Timestamp::from_millis(0));
        let threads = ThreadStates::new(client.clone(), Arc::new(clock.clone()));
        let (first, second) = (threads.add(), threads.add());
        let start = |thread| {
            threads.set(thread, ThreadState::PartitionsAssigned);
            threads.set(thread, ThreadState::Running);
        };
        start(first);
        assert_eq!(client.get(), ClientState::Rebalancing, "the second has yet to start");
        start(second);
        assert_eq!(client.get(), ClientState::Running);
        clock.advance(Duration::from_secs(3));
        threads.heartbeat(first).beat(clock.monotonic());
        let silent = threads.vitals().into_iter().map(|thread| thread.silent_for.as_secs());
        assert_eq!(silent.collect::<Vec<_>>(), [0, 3]);
        let (task, reason) = (TaskId::new(SubtopologyId(0), 0), "schema 7".to_owned());
        let waiting = WaitingTask { task, reason, waited: Duration::from_secs(2) };
        threads.set_waiting(second, clock.monotonic(), vec![waiting]);
        clock.advance(Duration::from_secs(5));
        let waited = threads.vitals().into_iter().flat_map(|thread| thread.waiting);
        assert_eq!(waited.map(|it| it.waited.as_secs()).collect::<Vec<_>>(), [7]);

        threads.set(first, ThreadState::PendingShutdown);
        threads.set(first, ThreadState::Dead);
        assert_eq!(threads.count(), 1);
        threads.remove(first);
        assert_eq!(client.get(), ClientState::Running, "a thread that was removed stops nobody");
        assert_eq!(threads.add(), first);
        assert_eq!(client.get(), ClientState::Rebalancing, "its tasks come from the others");
        start(first);
        assert_eq!(client.get(), ClientState::Running);
        assert!(!threads.all_dead());
    }
}
