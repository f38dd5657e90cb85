//! Windows of time, and keys within them.

use std::fmt;
use std::time::Duration;

use crate::time::{Timestamp, millis};

/// A span of time, start included, end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Window {
    /// The first moment in the window.
    pub start: Timestamp,
    /// The first moment after the window.
    pub end: Timestamp,
}

impl Window {
    /// Returns the window of a size that begins at a moment.
    pub(crate) fn starting_at(start_ms: i64, size_ms: i64) -> Self {
        let end_ms = start_ms.saturating_add(size_ms);
        Self { start: Timestamp::from_millis(start_ms), end: Timestamp::from_millis(end_ms) }
    }
}

/// A key within a window: what a windowed aggregation is keyed by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Windowed<K> {
    /// The key.
    pub key: K,
    /// The window.
    pub window: Window,
}

impl<K: fmt::Display> fmt::Display for Windowed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}..{}", self.key, self.window.start, self.window.end)
    }
}

/// How records are put into windows of a fixed size, aligned to the epoch (row W1).
///
/// A window stays open for late records until stream time passes its end by the grace period
/// (row W2); the default is none.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use kappa::TimeWindows;
///
/// let hourly = TimeWindows::tumbling(Duration::from_secs(3600)).grace(Duration::from_secs(86_400));
/// assert_eq!(hourly.size(), Duration::from_secs(3600));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeWindows {
    size_ms: i64,
    grace_ms: i64,
}

impl TimeWindows {
    /// Makes windows that follow one another without a gap.
    ///
    /// # Panics
    ///
    /// Panics if the size is below one millisecond.
    #[must_use]
    pub fn tumbling(size: Duration) -> Self {
        let size_ms = millis(size);
        assert!(size_ms > 0, "a window is at least one millisecond long");
        Self { size_ms, grace_ms: 0 }
    }

    /// Accepts late records this long after a window's end.
    #[must_use]
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace_ms: millis(grace), ..self }
    }

    /// Returns how long a window is.
    #[must_use]
    pub fn size(self) -> Duration {
        Duration::from_millis(self.size_ms.unsigned_abs())
    }

    /// Returns how long a store must keep rows so that none is missed: size and grace.
    pub(crate) fn retention(self) -> Duration {
        self.size() + Duration::from_millis(self.grace_ms.unsigned_abs())
    }

    pub(crate) fn grace_ms(self) -> i64 {
        self.grace_ms
    }

    pub(crate) fn size_ms(self) -> i64 {
        self.size_ms
    }

    /// Returns when the window begins that a moment falls into; the first one begins at the epoch.
    pub(crate) fn start_of(self, at_ms: i64) -> i64 {
        let at_ms = at_ms.max(0);
        at_ms - at_ms % self.size_ms
    }

    /// Returns the windows a moment falls into, earliest first.
    pub(crate) fn of(self, timestamp: Timestamp) -> impl Iterator<Item = Window> {
        // Tumbling windows are hopping windows that advance by their size; windows that would begin
        // before the epoch are left out (row W1).
        let start = self.start_of(timestamp.as_millis());
        std::iter::once(Window::starting_at(start, self.size_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tumbling_windows_are_aligned_to_the_epoch_and_exclude_their_end() {
        let windows = TimeWindows::tumbling(Duration::from_millis(10));
        let start_of = |at| {
            let found: Vec<_> = windows.of(Timestamp::from_millis(at)).collect();
            assert_eq!(found.len(), 1);
            found[0].start.as_millis()
        };
        assert_eq!([0, 9, 10, 11, 29].map(start_of), [0, 0, 10, 10, 20]);
    }

    #[test]
    fn retention_is_size_and_grace() {
        let windows = TimeWindows::tumbling(Duration::from_secs(60)).grace(Duration::from_secs(5));
        assert_eq!(windows.retention(), Duration::from_secs(65));
    }
}
