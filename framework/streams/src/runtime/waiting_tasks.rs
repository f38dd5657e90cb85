//! Tasks whose next record lacks something that was asked for: they wait, the others go on.

use std::collections::BTreeMap;
use std::time::Duration;

use super::stall::Stall;
use crate::error::{Error, Result};
use crate::ids::TaskId;
use crate::task::Task;

/// How long each of a thread's waiting tasks has waited.
#[derive(Debug, Default)]
pub(super) struct WaitingTasks(BTreeMap<TaskId, Waiting>);

/// Something that waits, and how long it has.
#[derive(Debug)]
pub(super) struct Waiting {
    stall: Stall,
    is_told: bool,
}

/// What takes no longer than this is nobody's worry.
const TELL_AFTER: Duration = Duration::from_secs(1);

impl WaitingTasks {
    /// Takes note of whether a task waits; says so once, if it is long.
    ///
    /// # Errors
    ///
    /// Retriable, where it has waited for longer than `limit`.
    pub(super) fn note(&mut self, task: &Task, limit: Duration) -> Result<()> {
        let who = || format!("task {}", task.id());
        let Some(reason) = task.waiting() else {
            if let Some(waiting) = self.0.remove(&task.id()) {
                waiting.ends(who);
            }
            return Ok(());
        };
        let waiting = self.0.entry(task.id()).or_insert_with(|| Waiting::new(limit));
        waiting.note(who, reason)
    }

    /// Forgets tasks that the thread no longer has.
    pub(super) fn retain(&mut self, is_mine: impl Fn(&TaskId) -> bool) {
        self.0.retain(|task, _| is_mine(task));
    }
}

impl Waiting {
    /// Begins to wait, for `limit` at most.
    pub(super) fn new(limit: Duration) -> Self {
        Self { stall: Stall::new(limit), is_told: false }
    }

    /// Takes note that it waits still; says so once, if it is long.
    ///
    /// # Errors
    ///
    /// Retriable, where it has waited for longer than its limit.
    pub(super) fn note(&mut self, who: impl FnOnce() -> String, reason: &Error) -> Result<()> {
        if !self.is_told && self.stall.waited() > TELL_AFTER {
            self.is_told = true;
            tracing::warn!("{} waits: {}", who(), reason.report());
        }
        self.stall.note(false, || reason.report())
    }

    /// Ends; says so, if it was said that it waits.
    pub(super) fn ends(self, who: impl FnOnce() -> String) {
        if self.is_told {
            tracing::info!("{} goes on", who());
        }
    }
}

/// Returns what tasks wait for, to be told to people.
pub(super) fn reasons<'a>(tasks: impl Iterator<Item = &'a Task>) -> Vec<String> {
    tasks.filter_map(Task::waiting).map(Error::report).collect()
}
