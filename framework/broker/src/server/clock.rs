//! The real clock: the one place where the broker learns what time it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::time::Millis;

/// Time counted from the wall clock's at the start.
///
/// It is not moved when that one is set, nor by a laptop's sleep: no member of a group expires for
/// that. How far the wall clock is ahead by now is told besides, for stamping records.
#[derive(Debug)]
pub(super) struct Clock {
    started: Instant,
    started_at: Duration,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), started_at: wall() }
    }

    pub(super) fn now(&self) -> Millis {
        Millis::new(millis(self.started_at + self.started.elapsed()))
    }

    /// Returns by how many milliseconds the wall clock is ahead; fewer than none if it is behind.
    pub(super) fn wall_ahead_ms(&self) -> i64 {
        millis(wall()) - self.now().as_i64()
    }

    /// Returns how long it is until then.
    pub(super) fn until(&self, then: Option<Millis>) -> Option<Duration> {
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

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_counted_whatever_the_wall_clock_does() {
        let hour = Duration::from_secs(3_600);
        for (started_at, ahead) in [(wall() - hour, 3_600_000), (wall() + hour, -3_600_000)] {
            let clock = Clock { started: Instant::now(), started_at };
            let passed = clock.now().as_i64() - millis(started_at);
            assert!((0..60_000).contains(&passed), "{passed} ms");
            let off = clock.wall_ahead_ms() - ahead;
            assert!((-1_000..=1_000).contains(&off), "{off} ms");
        }
        let clock = Clock::new();
        let then = Millis::new(clock.now().as_i64() + 60_000);
        let until = clock.until(Some(then)).unwrap();
        assert!(until <= Duration::from_secs(60) && until > Duration::from_secs(50));
        assert_eq!(clock.until(None), None);
    }
}
