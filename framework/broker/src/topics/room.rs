//! The memory that records may take: how much of it is used, and saying so before it is gone.

use kafka_protocol::ResponseError;
use tracing::{error, warn};

use crate::error::Refusal;

/// How much is used and how much there is, in bytes.
#[derive(Debug, Default)]
pub(crate) struct Room {
    used: u64,
    max: u64,
    level: Level,
}

/// What was last said about it: each level is told of once, until there is room again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Level {
    #[default]
    Ample,
    Scarce,
    Full,
}

impl Room {
    pub(crate) fn new(max: u64) -> Self {
        Self { max, ..Self::default() }
    }

    /// Takes note of bytes about to be appended, if there is room for them.
    pub(crate) fn reserve(&mut self, bytes: u64) -> Result<(), Refusal> {
        let (total, max) = (self.used.saturating_add(bytes), self.max);
        if total > max {
            self.tell(Level::Full);
            let message = format!("the logs of this in-memory broker are full: {max} bytes");
            return Err(Refusal::new(ResponseError::KafkaStorageError, message));
        }
        self.used = total;
        if self.is_scarce() {
            self.tell(Level::Scarce);
        }
        Ok(())
    }

    /// Takes note of bytes that have become others. They may be a few more: a tombstone whose time
    /// has begun takes more than before.
    pub(crate) fn exchange(&mut self, before: u64, after: u64) {
        self.used = self.used.saturating_add(after);
        self.release(before);
    }

    /// Takes note of bytes that are gone.
    pub(crate) fn release(&mut self, bytes: u64) {
        self.used = self.used.saturating_sub(bytes);
        if !self.is_scarce() {
            self.level = Level::Ample;
        }
    }

    #[cfg(test)]
    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    fn is_scarce(&self) -> bool {
        self.used >= self.max / 5 * 4
    }

    /// Producers try again what is refused here, so a full log looks to them like a broker that
    /// hangs: it is said where somebody may look.
    fn tell(&mut self, level: Level) {
        if level <= self.level {
            return;
        }
        self.level = level;
        let (used, max) = (self.used, self.max);
        match level {
            Level::Ample => {}
            Level::Scarce => {
                warn!("the logs hold {used} bytes, four fifths of log_bytes_max ({max})");
            }
            Level::Full => error!(
                "the logs are full: {used} of log_bytes_max = {max} bytes; records are refused \
                 until topics or records are deleted"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::logged;

    #[test]
    fn a_full_log_is_told_of_once_and_by_the_settings_name() {
        let mut room = Room::new(100);
        let mut reserve = |bytes| logged(|| _ = room.reserve(bytes));
        assert_eq!(reserve(79), "");
        assert!(reserve(1).contains("WARN the logs hold 80 bytes, four fifths of log_bytes_max"));
        assert_eq!(reserve(20), "");
        let full = reserve(1);
        assert!(full.contains("ERROR the logs are full: 100 of log_bytes_max = 100"), "{full}");
        assert_eq!(reserve(1), "");
        // Once there was room again, so is the next time.
        room.release(21);
        assert!(logged(|| _ = room.reserve(10)).contains("WARN"));
        assert!(logged(|| _ = room.reserve(20)).contains("ERROR"));
    }

    #[test]
    fn what_is_refused_takes_no_room() {
        let mut room = Room::new(10);
        assert_eq!(room.reserve(11).unwrap_err().error, ResponseError::KafkaStorageError);
        assert_eq!(room.reserve(u64::MAX).unwrap_err().error, ResponseError::KafkaStorageError);
        assert!(room.reserve(10).is_ok() && room.reserve(1).is_err());
        room.release(1);
        assert!(room.reserve(1).is_ok());
    }
}
