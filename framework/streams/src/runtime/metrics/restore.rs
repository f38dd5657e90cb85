//! How far tasks' state is restored.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Published, of_task, of_thread};
use crate::ids::TaskId;
use crate::metrics::{Attributes, Collect, Collection, Metric, Metrics};
use crate::time::Timestamp;

/// Notes how far restores are, for the thread that makes them.
#[derive(Debug)]
pub(crate) struct RestoreRecorder {
    metrics: Metrics,
    name: String,
    published: Arc<Restores>,
}

#[derive(Debug)]
struct Restores {
    thread: Attributes,
    tasks: Published<BTreeMap<TaskId, Restore>>,
}

#[derive(Debug, Clone, Copy)]
struct Restore {
    since: Timestamp,
    began: Duration,
    at_first: u64,
    restored: u64,
    remaining: u64,
}

impl RestoreRecorder {
    /// Begins to record for a stream thread of this name.
    pub(crate) fn start(metrics: &Metrics, thread: &str) -> Self {
        let name = format!("{thread}/restore");
        let thread = of_thread(&thread.into());
        let published = Arc::new(Restores { thread, tasks: Published::default() });
        metrics.add(name.as_str(), published.clone());
        Self { metrics: metrics.clone(), name, published }
    }

    /// Notes how many records of a task's changelogs were taken in, and how many offsets are left.
    pub(crate) fn note(&self, task: TaskId, restored: u64, remaining: u64, now: Duration) {
        let mut tasks = self.published.tasks.lock();
        let first = || {
            let since = self.metrics.now();
            Restore { since, began: now, at_first: remaining, restored, remaining }
        };
        let restore = tasks.entry(task).or_insert_with(first);
        if restored < restore.restored {
            // Begun anew.
            *restore = first();
        }
        restore.restored = restored;
        restore.remaining = remaining;
    }

    /// Forgets tasks that are the thread's no more.
    pub(crate) fn forget(&self, is_gone: impl Fn(TaskId) -> bool) {
        self.published.tasks.lock().retain(|&task, _| !is_gone(task));
    }
}

impl Drop for RestoreRecorder {
    fn drop(&mut self) {
        self.metrics.end(&self.name);
    }
}

impl Collect for Restores {
    fn collect(&self, into: &mut Collection<'_>) {
        for (&task, restore) in &*self.tasks.lock() {
            let task = of_task(&self.thread, task);
            into.began(restore.since);
            into.count(Metric::TaskRestoreRecords, &task, restore.restored);
            into.amount(Metric::TaskRestoreRemaining, &task, restore.remaining);
            into.gauge(Metric::TaskRestoreEta, &task, restore.eta(into.now.monotonic));
        }
    }
}

impl Restore {
    /// Returns the seconds left at the pace so far; -1 where there is none yet.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn eta(&self, now: Duration) -> f64 {
        if self.remaining == 0 {
            return 0.0;
        }
        let done = self.at_first.saturating_sub(self.remaining);
        let took = now.saturating_sub(self.began).as_secs_f64();
        if done == 0 { -1.0 } else { took * self.remaining as f64 / done as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SubtopologyId;
    use crate::metrics::Level;
    use crate::time::ManualClock;

    #[test]
    fn the_time_left_follows_from_the_pace_so_far() {
        let clock = ManualClock::default();
        let metrics = Metrics::new(Level::Info, Arc::new(clock.clone()));
        let recorder = RestoreRecorder::start(&metrics, "t");
        let task = TaskId::new(SubtopologyId(0), 1);
        let told = || {
            let samples = metrics.snapshot();
            samples.iter().map(|sample| sample.value.number()).collect::<Vec<_>>()
        };
        recorder.note(task, 0, 1_000, Duration::ZERO);
        assert_eq!(told(), [0.0, 1_000.0, -1.0], "records, remaining, time left");
        clock.advance(Duration::from_secs(10));
        recorder.note(task, 180, 800, Duration::from_secs(10));
        assert_eq!(told(), [180.0, 800.0, 40.0]);
        recorder.note(task, 900, 0, Duration::from_secs(50));
        assert_eq!(told(), [900.0, 0.0, 0.0]);
        let since = || metrics.snapshot()[0].since;
        assert_eq!(since(), Timestamp::from_millis(0));
        recorder.note(task, 10, 90, Duration::from_secs(60));
        assert_eq!(since(), Timestamp::from_millis(10_000), "begun anew");
        recorder.note(task, 900, 0, Duration::from_secs(70));
        drop(recorder);
        assert_eq!(told(), [900.0], "what was counted stays");
    }
}
