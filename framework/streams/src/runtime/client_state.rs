//! What state the whole client is in (row L1).
//!
//! ```text
//!  CREATED ──> REBALANCING <──> RUNNING
//!     │            │  │           │ │
//!     │            │  └───────────│─┴──> PENDING_ERROR ──> ERROR
//!     └────────────┴──────────────┴────> PENDING_SHUTDOWN ──> NOT_RUNNING
//! ```

use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

/// The state of a client, with the JVM library's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientState {
    /// Made, not started.
    Created,
    /// Partitions are being handed out, or state is being restored.
    Rebalancing,
    /// All threads process.
    Running,
    /// Closing on request.
    PendingShutdown,
    /// Closed; final.
    NotRunning,
    /// Closing because a thread died.
    PendingError,
    /// Closed because a thread died; final.
    Error,
}

impl ClientState {
    /// All states.
    pub const ALL: [Self; 7] = [
        Self::Created,
        Self::Rebalancing,
        Self::Running,
        Self::PendingShutdown,
        Self::NotRunning,
        Self::PendingError,
        Self::Error,
    ];

    /// Returns whether the state may follow this one.
    #[must_use]
    pub fn can_become(self, next: Self) -> bool {
        use ClientState::{
            Created, Error, NotRunning, PendingError, PendingShutdown, Rebalancing, Running,
        };
        match self {
            Created => matches!(next, Rebalancing | PendingShutdown | PendingError),
            Rebalancing => matches!(next, Running | PendingShutdown | PendingError),
            Running => matches!(next, Rebalancing | PendingShutdown | PendingError),
            PendingShutdown => next == NotRunning,
            PendingError => next == Error,
            NotRunning | Error => false,
        }
    }

    /// Returns whether the client processes or is about to.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Rebalancing | Self::Running)
    }

    /// Returns whether no other state follows.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::NotRunning | Self::Error)
    }
}

impl fmt::Display for ClientState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "CREATED",
            Self::Rebalancing => "REBALANCING",
            Self::Running => "RUNNING",
            Self::PendingShutdown => "PENDING_SHUTDOWN",
            Self::NotRunning => "NOT_RUNNING",
            Self::PendingError => "PENDING_ERROR",
            Self::Error => "ERROR",
        })
    }
}

/// The one place where the state changes; listeners hear every change, in order.
#[derive(Debug)]
pub(super) struct StateCell {
    inner: Mutex<(ClientState, Vec<Sender<ClientState>>)>,
}

impl StateCell {
    pub(super) fn new() -> Self {
        Self { inner: Mutex::new((ClientState::Created, Vec::new())) }
    }

    pub(super) fn get(&self) -> ClientState {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Changes the state where that is allowed; returns whether it did.
    pub(super) fn set(&self, next: ClientState) -> bool {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if !inner.0.can_become(next) {
            return false;
        }
        tracing::info!("state {} -> {next}", inner.0);
        inner.0 = next;
        inner.1.retain(|listener| listener.send(next).is_ok());
        true
    }

    pub(super) fn listen(&self) -> Receiver<ClientState> {
        let (sender, receiver) = channel();
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).1.push(sender);
        receiver
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_drawn_transitions_happen_and_listeners_hear_them_in_order() {
        let cell = StateCell::new();
        let listener = cell.listen();
        assert!(!cell.set(ClientState::Running), "a client is assigned partitions first");
        assert!(cell.set(ClientState::Rebalancing));
        assert!(cell.set(ClientState::Running));
        assert!(cell.set(ClientState::PendingShutdown));
        assert!(!cell.set(ClientState::PendingError), "a close under way is not an error");
        assert!(cell.set(ClientState::NotRunning));
        assert!(!cell.set(ClientState::Rebalancing));
        assert_eq!(cell.get(), ClientState::NotRunning);
        let heard: Vec<_> = listener.try_iter().map(|state| state.to_string()).collect();
        assert_eq!(heard, ["REBALANCING", "RUNNING", "PENDING_SHUTDOWN", "NOT_RUNNING"]);
    }
}
