//! Which tasks are open in this process, and the rows of those that wait for their next thread.
//!
//! A task that moves from one thread of a process to another takes its rows along: its database stays
//! open, rows in memory are not restored again. And a database that one thread has not closed yet, since
//! it was slow to hear that it lost the task, is waited for by the next.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::ids::TaskId;
use crate::state::Rows;

/// See the module; shared by all threads of a client.
#[derive(Debug, Default)]
pub(super) struct TaskRegistry(Mutex<BTreeMap<TaskId, Place>>);

#[derive(Debug)]
enum Place {
    /// A thread has it.
    Open,
    /// A thread gave it up, all committed, at this time.
    Left(Rows, Duration),
}

/// What a thread that wants a task gets.
#[derive(Debug)]
pub(super) enum Claim {
    /// Nobody has it here: its rows, if any, are on disk.
    Unknown,
    /// The rows that another thread has left.
    Rows(Rows),
    /// Another thread has not given it up yet.
    Busy,
}

/// How long rows wait for another thread of the process: a few rebalances. If the task has gone to
/// another instance they are of no use here.
const WAIT_MAX: Duration = Duration::from_secs(30);

impl TaskRegistry {
    /// Takes a task, unless another thread still has it.
    pub(super) fn claim(&self, task: TaskId) -> Claim {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match places.remove(&task) {
            Some(Place::Open) => {
                places.insert(task, Place::Open);
                Claim::Busy
            }
            left => {
                places.insert(task, Place::Open);
                match left {
                    Some(Place::Left(rows, _)) => Claim::Rows(rows),
                    _ => Claim::Unknown,
                }
            }
        }
    }

    /// Notes that a task's rows are closed.
    pub(super) fn closed(&self, task: TaskId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&task);
    }

    /// Leaves a task's rows, all committed and written to disk, to whoever claims it next.
    pub(super) fn leave(&self, task: TaskId, rows: Rows, now: Duration) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.insert(task, Place::Left(rows, now));
    }

    /// Closes rows that nobody has claimed for long.
    pub(super) fn sweep(&self, now: Duration) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|task, place| match place {
            Place::Left(_, since) if now.saturating_sub(*since) > WAIT_MAX => {
                tracing::debug!(%task, "no thread has taken the task's state up; closing it");
                false
            }
            Place::Left(..) | Place::Open => true,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SubtopologyId;

    #[test]
    fn a_task_has_one_owner_and_its_rows_wait_for_the_next_for_a_while() {
        let registry = TaskRegistry::default();
        let task = TaskId::new(SubtopologyId(0), 1);
        let at = Duration::from_secs;
        assert!(matches!(registry.claim(task), Claim::Unknown));
        assert!(matches!(registry.claim(task), Claim::Busy));
        registry.leave(task, Rows::default(), at(100));
        registry.sweep(at(130));
        assert!(matches!(registry.claim(task), Claim::Rows(_)));
        assert!(matches!(registry.claim(task), Claim::Busy));
        registry.leave(task, Rows::default(), at(200));
        registry.sweep(at(231));
        assert!(matches!(registry.claim(task), Claim::Unknown), "they were closed");
        registry.closed(task);
        assert!(matches!(registry.claim(task), Claim::Unknown));
    }
}
