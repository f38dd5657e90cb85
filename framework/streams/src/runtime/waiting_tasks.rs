//! Tasks whose next record lacks something that was asked for: they wait, the others go on.

use std::collections::BTreeMap;
use std::time::Duration;

use super::health::WaitingTask;
use super::waiting::Waiting;
use crate::error::{Error, Result};
use crate::ids::TaskId;
use crate::task::Task;

/// How long each of a thread's waiting tasks has waited.
#[derive(Debug, Default)]
pub(crate) struct WaitingTasks {
    tasks: BTreeMap<TaskId, Waiting>,
    /// Whether there is something else to tell than before.
    is_changed: bool,
}

impl WaitingTasks {
    /// Takes note of what a task waits for, if it does; says so once, if it is long.
    ///
    /// # Errors
    ///
    /// Retriable, where it has waited for longer than `limit`.
    pub(super) fn note(
        &mut self,
        task: TaskId,
        reason: Option<&Error>,
        now: Duration,
        limit: Duration,
    ) -> Result<()> {
        let who = || format!("task {task}");
        let Some(reason) = reason else {
            let ended = self.tasks.remove(&task);
            self.is_changed |= ended.is_some_and(|waiting| waiting.ends(who));
            return Ok(());
        };
        let waiting = self.tasks.entry(task).or_insert_with(|| Waiting::new(now));
        self.is_changed |= waiting.note(who, reason, now, limit)?;
        Ok(())
    }

    /// Returns how long a task has waited; no time where it does not wait.
    pub(super) fn waited(&self, task: TaskId, now: Duration) -> Duration {
        self.tasks.get(&task).map_or(Duration::ZERO, |waiting| waiting.waited(now))
    }

    /// Returns the tasks that have waited for long, if they or their reasons are others than when this was
    /// asked last.
    pub(super) fn changed(&mut self, now: Duration) -> Option<Vec<WaitingTask>> {
        if !std::mem::take(&mut self.is_changed) {
            return None;
        }
        let told = self.tasks.iter().filter_map(|(&task, waiting)| {
            let (reason, waited) = (waiting.told()?.to_owned(), waiting.waited(now));
            Some(WaitingTask { task, reason, waited })
        });
        Some(told.collect())
    }

    /// Forgets tasks that the thread no longer has.
    pub(super) fn retain(&mut self, is_mine: impl Fn(&TaskId) -> bool) {
        let before = self.tasks.len();
        self.tasks.retain(|task, _| is_mine(task));
        self.is_changed |= self.tasks.len() != before;
    }
}

/// Returns what tasks wait for, to be told to people.
pub(super) fn reasons<'a>(tasks: impl Iterator<Item = &'a Task>) -> Vec<String> {
    tasks.filter_map(Task::waiting).map(Error::report).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::ids::SubtopologyId;

    const LIMIT: Duration = Duration::from_secs(300);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_takes_long_is_told_with_its_reason_until_it_is_over() {
        let (mut waiting, task) = (WaitingTasks::default(), TaskId::new(SubtopologyId(0), 1));
        let asked = Error::new(ErrorKind::Unavailable, "schema 7 is asked for");
        waiting.note(task, Some(&asked), at(10), LIMIT).unwrap();
        assert_eq!(waiting.changed(at(10)), None, "a moment is nobody's worry");
        assert_eq!(waiting.waited(task, at(11)), at(1));
        waiting.note(task, Some(&asked), at(12), LIMIT).unwrap();
        let told = |reason: &str, waited| {
            Some(vec![WaitingTask { task, reason: reason.to_owned(), waited }])
        };
        assert_eq!(waiting.changed(at(13)), told("schema 7 is asked for", at(3)));
        assert_eq!(waiting.changed(at(13)), None, "nothing else than before");

        let down = Error::new(ErrorKind::Unavailable, "the registry is down");
        waiting.note(task, Some(&down), at(14), LIMIT).unwrap();
        assert_eq!(waiting.changed(at(14)), told("the registry is down", at(4)));
        waiting.note(task, None, at(15), LIMIT).unwrap();
        assert_eq!(waiting.changed(at(15)), Some(Vec::new()));
        assert_eq!(waiting.waited(task, at(15)), Duration::ZERO);
    }

    #[test]
    fn who_has_lost_the_task_has_nothing_to_tell_of_it() {
        let (mut waiting, task) = (WaitingTasks::default(), TaskId::new(SubtopologyId(0), 1));
        let asked = Error::new(ErrorKind::Unavailable, "schema 7 is asked for");
        for now in [at(0), at(2)] {
            waiting.note(task, Some(&asked), now, LIMIT).unwrap();
        }
        assert!(waiting.changed(at(2)).is_some());
        waiting.retain(|_| false);
        assert_eq!(waiting.changed(at(3)), Some(Vec::new()));
    }

    #[test]
    fn what_never_comes_is_given_up_with_the_reason() {
        let (mut waiting, task) = (WaitingTasks::default(), TaskId::new(SubtopologyId(0), 1));
        let asked = Error::new(ErrorKind::Unavailable, "schema 7 is asked for");
        waiting.note(task, Some(&asked), at(0), LIMIT).unwrap();
        waiting.note(task, Some(&asked), LIMIT, LIMIT).unwrap();
        let error = waiting.note(task, Some(&asked), LIMIT + at(1), LIMIT).unwrap_err();
        let text = error.to_string();
        assert!(error.is_retriable() && text.contains("schema 7"), "{text}");
    }
}
