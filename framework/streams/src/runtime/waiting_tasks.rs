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

#[derive(Debug)]
struct Waiting {
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
        let Some(reason) = task.waiting() else {
            if self.0.remove(&task.id()).is_some_and(|waiting| waiting.is_told) {
                tracing::info!(task = %task.id(), "goes on");
            }
            return Ok(());
        };
        let begun = || Waiting { stall: Stall::new(limit), is_told: false };
        let waiting = self.0.entry(task.id()).or_insert_with(begun);
        if !waiting.is_told && waiting.stall.waited() > TELL_AFTER {
            waiting.is_told = true;
            tracing::warn!(task = %task.id(), "waits: {}", reason.report());
        }
        waiting.stall.note(false, || reason.report())
    }

    /// Forgets tasks that the thread no longer has.
    pub(super) fn retain(&mut self, is_mine: impl Fn(&TaskId) -> bool) {
        self.0.retain(|task, _| is_mine(task));
    }
}

/// Returns what tasks wait for, to be told to people.
pub(super) fn reasons<'a>(tasks: impl Iterator<Item = &'a Task>) -> Vec<String> {
    tasks.filter_map(Task::waiting).map(Error::report).collect()
}
