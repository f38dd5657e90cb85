//! What state a stream thread is in, and what the client's state follows from.
//!
//! ```text
//!  STARTING ──> PARTITIONS_REVOKED <──> PARTITIONS_ASSIGNED <──> RUNNING
//!     │                 └───────────────────┬────────────────────┘
//!     └─────────────────────────────────────┴──> PENDING_SHUTDOWN ──> DEAD
//! ```

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::client_state::{ClientState, StateCell};

/// The state of a stream thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThreadState {
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

/// All threads' states, and the client's that follows.
#[derive(Debug)]
pub(super) struct ThreadStates {
    threads: Mutex<Vec<ThreadState>>,
    client: Arc<StateCell>,
}

impl ThreadStates {
    pub(super) fn new(threads: usize, client: Arc<StateCell>) -> Self {
        Self { threads: Mutex::new(vec![ThreadState::Starting; threads]), client }
    }

    /// Changes a thread's state, and the client's with it: it runs only when all threads do.
    pub(super) fn set(&self, thread: usize, next: ThreadState) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(state) = threads.get_mut(thread) else { return };
        if *state == next {
            return;
        }
        assert!(state.can_become(next), "thread {thread} cannot go from {state} to {next}");
        tracing::info!(thread, "thread state {state} -> {next}");
        *state = next;
        if threads.iter().all(|state| *state == ThreadState::Running) {
            self.client.set(ClientState::Running);
        } else if self.client.get() == ClientState::Running
            && !matches!(next, ThreadState::PendingShutdown | ThreadState::Dead)
        {
            self.client.set(ClientState::Rebalancing);
        }
    }

    /// Returns whether every thread has ended.
    pub(super) fn all_dead(&self) -> bool {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.iter().all(|state| *state == ThreadState::Dead)
    }
}
