//! What the thread notes for metrics, around its steps, nothing where they are off; and for probes.

use std::time::Duration;

use super::StreamThread;
use crate::error::Result;
use crate::ids::TaskId;
use crate::runtime::membership::MemberEvent;
use crate::runtime::metrics::Phase;

impl StreamThread {
    /// Does something, and notes how long it took; `amount` says how much came of it.
    pub(super) fn timed<T>(
        &mut self,
        phase: Phase,
        work: impl FnOnce(&mut Self) -> Result<T>,
        amount: impl FnOnce(&T) -> usize,
    ) -> Result<T> {
        if self.recorder.is_none() {
            return work(self);
        }
        let began = self.app.clock.monotonic();
        let done = work(self);
        let took = self.app.clock.monotonic().saturating_sub(began);
        if let Some(recorder) = &mut self.recorder {
            recorder.note(phase, took, done.as_ref().map_or(0, amount));
        }
        done
    }

    /// Waits until something may have come.
    pub(super) fn wait(&mut self, time: Duration) -> Result<()> {
        let wait = |it: &mut Self| {
            it.consumer.wait(time);
            Ok(())
        };
        self.timed(Phase::Wait, wait, |()| 0)
    }

    /// Answers one of the group's events.
    pub(super) fn answer_timed(&mut self, event: &MemberEvent) -> Result<()> {
        let phase = match event {
            MemberEvent::Assigned(_) => Phase::Assigned,
            MemberEvent::Revoked(_) => Phase::Revoked,
            MemberEvent::Lost(_) => Phase::Lost,
        };
        self.timed(phase, |it| it.answer(event), |()| 1)?;
        if let Some(recorder) = &mut self.recorder {
            recorder.note_group(self.app.clock.monotonic(), phase == Phase::Assigned);
        }
        Ok(())
    }

    /// Notes a turn of a task in which it has processed.
    pub(super) fn note_turn(&mut self, task: TaskId, took: Duration) {
        if let Some(recorder) = &mut self.recorder {
            recorder.task_took(task, took);
        }
    }

    /// Notes whether a commit was taken.
    pub(super) fn note_commit(&mut self, taken: bool) {
        if let Some(recorder) = &mut self.recorder {
            recorder.committed(self.app.clock.monotonic(), taken);
        }
        self.publish();
    }

    /// Tells which tasks wait, if that is not what was told last.
    pub(super) fn tell_waiting(&mut self) {
        let now = self.app.clock.monotonic();
        if let Some(waiting) = self.waiting.changed(now) {
            self.app.threads.set_waiting(self.index, now, waiting);
        }
    }

    /// Publishes what is to be told, if it is time.
    pub(super) fn publish(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            let view = self.tasks.view(&self.waiting);
            recorder.publish(self.app.clock.monotonic(), view, &*self.consumer);
        }
    }
}
