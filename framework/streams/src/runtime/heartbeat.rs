//! What a stream thread shows of itself without being asked: that it goes on, and what it has to restore.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Written by a thread, once per turn of its loop, and by its updater; read by whoever wants to know.
#[derive(Debug)]
pub(super) struct Heartbeat {
    /// When the thread was last seen, in milliseconds of the clock.
    seen: AtomicU64,
    /// How many changelog records are to be read, or [`UNKNOWN`].
    to_restore: AtomicU64,
}

const UNKNOWN: u64 = u64::MAX;

impl Heartbeat {
    pub(super) fn new(now: Duration) -> Self {
        Self { seen: AtomicU64::new(to_millis(now)), to_restore: AtomicU64::new(UNKNOWN) }
    }

    /// Notes that the thread goes on.
    pub(super) fn beat(&self, now: Duration) {
        self.seen.store(to_millis(now), Ordering::Relaxed);
    }

    /// Returns how long nothing was seen of the thread.
    pub(super) fn silent_for(&self, now: Duration) -> Duration {
        Duration::from_millis(to_millis(now).saturating_sub(self.seen.load(Ordering::Relaxed)))
    }

    /// Notes how much is to be restored, or that nobody knows yet.
    pub(super) fn set_to_restore(&self, records: Option<u64>) {
        self.to_restore.store(records.unwrap_or(UNKNOWN), Ordering::Relaxed);
    }

    /// Returns how much is to be restored, if that is known.
    pub(super) fn to_restore(&self) -> Option<u64> {
        Some(self.to_restore.load(Ordering::Relaxed)).filter(|records| *records != UNKNOWN)
    }
}

fn to_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_measured_from_the_last_beat() {
        let at = Duration::from_secs;
        let heartbeat = Heartbeat::new(at(10));
        assert_eq!(heartbeat.silent_for(at(12)), at(2));
        heartbeat.beat(at(13));
        assert_eq!(heartbeat.silent_for(at(13)), Duration::ZERO);
        assert_eq!(
            heartbeat.silent_for(at(1)),
            Duration::ZERO,
            "clocks are read one after another"
        );
        assert_eq!(heartbeat.to_restore(), None);
        heartbeat.set_to_restore(Some(7));
        assert_eq!(heartbeat.to_restore(), Some(7));
        heartbeat.set_to_restore(None);
        assert_eq!(heartbeat.to_restore(), None);
    }
}
