//! Event time, and the only clock of the library.
//!
//! Nothing else asks the operating system for the time (clippy holds that): the data plane works on
//! record timestamps alone, and the runtime takes a [`Clock`], which tests turn by hand.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment in milliseconds since 1970-01-01T00:00:00Z, as Kafka's records carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The smallest timestamp: what stream time is before the first record.
    pub const UNKNOWN: Self = Self(-1);
    /// The largest timestamp.
    pub const MAX: Self = Self(i64::MAX);

    /// Makes a timestamp of milliseconds since the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Returns the timestamp a while later, or the largest one.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// Returns the timestamp a while earlier, or the smallest number.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Returns a duration in whole milliseconds, or the largest number.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Where the runtime reads the time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Returns the wall-clock time, which may jump.
    fn wall_clock(&self) -> Timestamp;

    /// Returns the wall-clock time since 1970-01-01T00:00:00Z, as finely as it is known: for spans.
    fn since_epoch(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.wall_clock().as_millis()).unwrap_or(0))
    }

    /// Returns the time since some fixed moment, which never goes back: for intervals and deadlines.
    fn monotonic(&self) -> Duration;

    /// Lets time pass, between two looks at something that gives no sign when it changes.
    fn pause(&self, duration: Duration);
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Starts a clock whose monotonic time begins now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn wall_clock(&self) -> Timestamp {
        Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn since_epoch(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that sleeps")]
    fn pause(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// A clock that moves only when told to; clones show the same time.
#[derive(Debug, Clone, Default)]
pub struct ManualClock {
    millis: Arc<AtomicI64>,
}

impl ManualClock {
    /// Makes a clock that stands at a moment.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self { millis: Arc::new(AtomicI64::new(start.0)) }
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        self.millis.fetch_add(millis(duration), Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn wall_clock(&self) -> Timestamp {
        Timestamp(self.millis.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.millis.load(Ordering::Relaxed)).unwrap_or(0))
    }

    fn pause(&self, duration: Duration) {
        self.advance(duration);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let hour = Duration::from_secs(3600);
        assert_eq!(Timestamp::from_millis(0).saturating_sub(hour).as_millis(), -3_600_000);
        assert_eq!(Timestamp::MAX.saturating_add(hour), Timestamp::MAX);
        assert_eq!(Timestamp::from_millis(5).saturating_add(Duration::MAX), Timestamp::MAX);
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::at(Timestamp::from_millis(1_000));
        let shown = clock.clone();
        clock.advance(Duration::from_millis(20));
        assert_eq!(shown.wall_clock().as_millis(), 1_020);
        assert_eq!(shown.monotonic(), Duration::from_millis(1_020));
    }
}
