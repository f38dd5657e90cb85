//! Keeping to the speed of the real year, or a multiple of it.

use std::time::Duration;

use kappa::runtime::Stop;
use kappa::time::{Clock, SystemClock};

use crate::arguments::Speed;

/// Holds events back until their time has come.
#[derive(Debug)]
pub(crate) struct Pace {
    speed: Speed,
    clock: SystemClock,
    first_ms: Option<i64>,
}

impl Pace {
    pub(crate) fn start(speed: Speed) -> Self {
        Self { speed, clock: SystemClock::start(), first_ms: None }
    }

    /// Returns how long an event of this time is still to be held back.
    pub(crate) fn ahead(&mut self, at_ms: i64) -> Duration {
        let Speed::Times(times) = self.speed else { return Duration::ZERO };
        let first = *self.first_ms.get_or_insert(at_ms);
        #[expect(clippy::cast_precision_loss, reason = "event time in a year fits 52 bits")]
        let due = Duration::from_secs_f64((at_ms - first).max(0) as f64 / 1_000.0 / times);
        due.saturating_sub(self.clock.monotonic())
    }

    /// Waits; a stop ends the wait.
    pub(crate) fn wait(wait: Duration, stop: &Stop) {
        stop.wait(wait);
    }
}
