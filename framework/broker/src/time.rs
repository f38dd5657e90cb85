//! Time as the core sees it: whoever drives the broker hands it in.

use std::time::Duration;

/// A point in time, in milliseconds since the Unix epoch.
///
/// The core never reads a clock. It asks only that time does not run backwards between two calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(i64);

impl Millis {
    /// Makes a point in time.
    #[must_use]
    pub const fn new(since_epoch: i64) -> Self {
        Self(since_epoch)
    }

    /// Returns the milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_i64(self) -> i64 {
        self.0
    }

    /// Returns the point so many milliseconds later; a negative number counts as none.
    #[must_use]
    pub const fn after(self, millis: i64) -> Self {
        Self(if millis > 0 { self.0.saturating_add(millis) } else { self.0 })
    }

    /// Returns how long it is from `earlier` until this point, or zero if it came before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        let millis = self.0.saturating_sub(earlier.0);
        Duration::from_millis(if millis > 0 { millis.unsigned_abs() } else { 0 })
    }
}

/// Now, twice: as timers count it, and as records are stamped with it. The two are one until the
/// wall clock is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) now: Millis,
    pub(crate) stamp: Millis,
}
