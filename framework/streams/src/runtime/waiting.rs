//! Waiting for what was asked for: told once it is long, given up once it is too long.

use std::time::Duration;

use super::logged;
use super::stall::nothing_came;
use crate::error::{Error, Result};

/// Something that waits, and how long it has.
#[derive(Debug)]
pub(super) struct Waiting {
    since: Duration,
    /// What people were told that it waits for, once that is long.
    told: Option<String>,
}

/// What takes no longer than this is nobody's worry.
const TELL_AFTER: Duration = Duration::from_secs(1);

impl Waiting {
    /// Begins to wait.
    pub(super) fn new(now: Duration) -> Self {
        Self { since: now, told: None }
    }

    /// Takes note of what it waits for; says so once, if it is long. Returns whether there is something else
    /// to tell than before.
    ///
    /// # Errors
    ///
    /// Retriable, where it has waited for longer than `limit`.
    pub(super) fn note(
        &mut self,
        who: impl FnOnce() -> String,
        reason: &Error,
        now: Duration,
        limit: Duration,
    ) -> Result<bool> {
        let waited = self.waited(now);
        if waited > limit {
            return Err(nothing_came(limit, &reason.report()));
        }
        if waited <= TELL_AFTER {
            return Ok(false);
        }
        if self.told.is_none() {
            logged::waits(&who(), reason);
        }
        let reason = Some(reason.report());
        let is_other = self.told != reason;
        self.told = reason;
        Ok(is_other)
    }

    /// Ends; says so, and returns true, if it was said that it waits.
    pub(super) fn ends(self, who: impl FnOnce() -> String) -> bool {
        let was_told = self.told.is_some();
        if was_told {
            tracing::info!("{} goes on", who());
        }
        was_told
    }

    /// Returns how long it has waited.
    pub(super) fn waited(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since)
    }

    /// Returns what people were told that it waits for.
    pub(super) fn told(&self) -> Option<&str> {
        self.told.as_deref()
    }
}
