//! Giving up on a bounded read that gets nowhere.

use std::fmt::Display;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::time::{Clock, SystemClock};

/// Watches a read that must come to an end, and fails it once nothing has come for `task.timeout.ms`.
#[derive(Debug)]
pub(crate) struct Stall {
    clock: SystemClock,
    limit: Duration,
    since: Duration,
}

impl Stall {
    /// Starts to watch.
    pub(crate) fn new(limit: Duration) -> Self {
        let clock = SystemClock::start();
        Self { since: clock.monotonic(), clock, limit }
    }

    /// Returns how long nothing has come.
    fn waited(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.since)
    }

    /// Takes note of whether something has come.
    ///
    /// # Errors
    ///
    /// Retriable, where nothing has for too long; `what` says what was waited for.
    pub(crate) fn note<D: Display>(&mut self, came: bool, what: impl FnOnce() -> D) -> Result<()> {
        if came {
            self.since = self.clock.monotonic();
            return Ok(());
        }
        if self.waited() <= self.limit {
            return Ok(());
        }
        Err(nothing_came(self.limit, &what()))
    }
}

/// Returns the error of something that was waited for this long, and never came.
pub(super) fn nothing_came(limit: Duration, what: &dyn Display) -> Error {
    let message = format!("nothing came of {what} for {limit:?} (task.timeout.ms)");
    Error::new(ErrorKind::Unavailable, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gets_nowhere_is_given_up_with_a_name() {
        let mut patient = Stall::new(Duration::from_secs(3600));
        patient.note(false, || "orders-0").unwrap();
        let mut impatient = Stall { limit: Duration::ZERO, ..Stall::new(Duration::ZERO) };
        impatient.since = Duration::ZERO;
        let error = loop {
            // The clock's next tick is all that is waited for.
            if let Err(error) = impatient.note(false, || "orders-0") {
                break error;
            }
        };
        assert!(error.is_retriable() && error.to_string().contains("orders-0"), "{error}");
        impatient.note(true, || "orders-0").unwrap();
    }
}
