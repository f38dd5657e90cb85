//! A round: each task has its turn, which is cut into slices, so that nothing else waits for long.

use std::time::Duration;

use super::StreamThread;
use crate::error::Result;
use crate::ids::TaskId;
use crate::runtime::{commit, logged};
use crate::task::{Task, Turn};
use crate::time::Timestamp;

/// How many records a task processes before the next task has its turn.
const RECORDS_PER_TURN: usize = 1_000;
/// How long a round of all tasks' turns may take: the group, commits and a stop wait as long.
const ROUND_MAX: Duration = Duration::from_secs(1);
/// How long a slice of a turn should take at most.
const SLICE_TIME: Duration = Duration::from_millis(50);
/// The smallest slice, before it is known how long records take.
pub(super) const SLICE_MIN: usize = 1;

impl StreamThread {
    /// Gives each task a turn, as long as the round has time.
    pub(super) fn process(&mut self) -> Result<usize> {
        let turn = self.turn();
        let before = self.first.take();
        let ids: Vec<TaskId> = self.tasks.running.keys().copied().collect();
        let first = before.and_then(|id| ids.iter().position(|&other| other == id)).unwrap_or(0);
        let mut records = 0;
        for &id in ids.iter().cycle().skip(first).take(ids.len()) {
            let is_over = self.app.clock.monotonic().saturating_sub(turn.now) > ROUND_MAX;
            if is_over || self.is_stopped() {
                self.first = Some(id);
                break;
            }
            records += self.process_task(id, &turn)?;
        }
        self.app.stats.processed(records);
        Ok(records)
    }

    /// Has a task process a turn's records, slice by slice, and sends what follows from them.
    fn process_task(&mut self, id: TaskId, turn: &Turn) -> Result<usize> {
        let Some(task) = self.tasks.running.get_mut(&id) else { return Ok(0) };
        self.processing = Some(id);
        let mut records = 0;
        let began = self.app.clock.monotonic();
        let mut now = began;
        while records < turn.records_max && now.saturating_sub(turn.now) <= ROUND_MAX {
            let records_max = self.slice.min(turn.records_max - records);
            let processed = task.process(&Turn { records_max, ..*turn });
            logged::skipped(task);
            self.app.stats.dropped(task.take_dropped());
            let processed = processed.map_err(|error| error.in_task(id))?;
            records += processed;
            let start = std::mem::replace(&mut now, self.app.clock.monotonic());
            self.slice = match now.saturating_sub(start) > SLICE_TIME {
                true => (self.slice / 2).max(SLICE_MIN),
                false => (self.slice * 2).min(RECORDS_PER_TURN),
            };
            if processed < records_max {
                break;
            }
        }
        self.waiting.note(id, task.waiting(), now, self.app.settings.task_timeout)?;
        self.outputs.settle(task)?;
        commit::send(task, &mut *self.producer, &self.tasks.acknowledged)?;
        self.processing = None;
        if records > 0 {
            self.note_turn(id, now.saturating_sub(began));
        }
        Ok(records)
    }

    fn turn(&mut self) -> Turn {
        let settings = &self.app.settings;
        let skew = settings.partition_skew_max;
        // Inputs of a task that waits for its state are as far behind as can be.
        let held = skew.is_some() && self.tasks.is_restoring_external();
        let time_limit = if held {
            Timestamp::UNKNOWN
        } else {
            let groups = self.tasks.running.values().map(Task::group);
            self.alignment.limit(groups, skew, self.app.clock.monotonic())
        };
        Turn {
            now: self.app.clock.monotonic(),
            idle: settings.task_idle,
            time_limit,
            records_max: RECORDS_PER_TURN,
            wall_clock: self.app.clock.wall_clock(),
        }
    }
}
