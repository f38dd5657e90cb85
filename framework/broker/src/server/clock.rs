//! The real clock: the one place where the broker learns what time it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::time::Millis;

/// Wall-clock time that never runs backwards.
///
/// It is read once and counted on, so that a clock set back does not stretch every wait. Where the
/// real one is ahead (after a laptop slept, say) it follows: records are stamped with today's time.
#[derive(Debug)]
pub(super) struct Clock {
    started: Instant,
    started_at: Duration,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), started_at: wall() }
    }

    pub(super) fn now(&mut self) -> Millis {
        let counted = self.started_at + self.started.elapsed();
        let ahead = wall().saturating_sub(counted);
        self.started_at += ahead;
        Millis::new(i64::try_from((counted + ahead).as_millis()).unwrap_or(i64::MAX))
    }

    /// Returns how long it is until then.
    pub(super) fn until(&mut self, then: Option<Millis>) -> Option<Duration> {
        then.map(|then| then.since(self.now()))
    }

    /// Returns a number that two brokers do not share, started one after the other or side by side.
    pub(super) fn seed(&self, port: u16) -> u64 {
        let nanos = u64::try_from(self.started_at.as_nanos()).unwrap_or(u64::MAX);
        (nanos << 16) ^ u64::from(port)
    }
}

#[expect(clippy::disallowed_methods, reason = "the shell is where real time comes in")]
fn wall() -> Duration {
    // Before 1970 there were no brokers: a clock that far off counts from zero.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_follows_a_clock_that_is_ahead_and_ignores_one_that_is_behind() {
        let hour = Duration::from_secs(3_600);
        let mut behind = Clock { started: Instant::now(), started_at: wall() - hour };
        let now = behind.now().as_i64();
        assert!(i64::try_from(wall().as_millis()).unwrap() - now < 60_000);
        let mut ahead = Clock { started: Instant::now(), started_at: wall() + hour };
        let now = ahead.now().as_i64();
        assert!(now - i64::try_from(wall().as_millis()).unwrap() > 3_540_000);
        assert!(ahead.now().as_i64() >= now);
    }
}
