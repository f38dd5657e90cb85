//! Asking a run to stop, from any thread.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::logged::Repeated;
use crate::error::{Error, ErrorKind, Result};
use crate::kafka::{Patience, Waker};
use crate::time::{Clock, SystemClock};

/// A request to stop, shared by everything that should heed it.
#[derive(Clone, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    asked: bool,
    wakers: Vec<Waker>,
}

impl Stop {
    /// Makes a request that nobody has made yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks to stop, and wakes whoever waits.
    pub fn ask(&self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.asked = true;
        for waker in &state.wakers {
            waker.wake();
        }
        self.0.changed.notify_all();
    }

    /// Returns whether a stop was asked for.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).asked
    }

    /// Fails if a stop was asked for.
    ///
    /// # Errors
    ///
    /// An interruption.
    pub fn check(&self) -> Result<()> {
        if self.is_asked() {
            return Err(Error::new(ErrorKind::Interrupted, "stopped before it was done"));
        }
        Ok(())
    }

    /// Waits until a stop is asked for or the time is over; returns whether it was.
    pub fn wait(&self, timeout: Duration) -> bool {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.changed.wait_timeout_while(state, timeout, |state| !state.asked);
        waited.unwrap_or_else(PoisonError::into_inner).0.asked
    }

    /// Returns how long a producer waits: this long, or hardly any longer once a stop is asked for.
    pub(crate) fn patience(&self, timeout: Duration) -> Patience {
        let stop = self.clone();
        Patience::new(timeout, move || stop.is_asked())
    }

    /// Has a waker called when a stop is asked for.
    pub(crate) fn wakes(&self, waker: Waker) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).wakers.push(waker);
    }
}

/// How long it takes between two tries of something that Kafka cannot answer now.
const RETRY_STEP: Duration = Duration::from_millis(100);

/// Asks again while Kafka cannot answer, for at most this long, or until a stop is asked for.
///
/// # Errors
///
/// What the last try failed with.
pub(super) fn patiently<T>(
    stop: &Stop,
    limit: Duration,
    mut ask: impl FnMut() -> Result<T>,
) -> Result<T> {
    let (clock, mut repeated) = (SystemClock::start(), Repeated::default());
    loop {
        match ask() {
            Err(error) if error.is_retriable() && clock.monotonic() <= limit => {
                repeated.warning(clock.monotonic(), &error, "trying again");
                if stop.wait(RETRY_STEP) {
                    return Err(error);
                }
            }
            answered => return answered,
        }
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stop({})", self.is_asked())
    }
}
