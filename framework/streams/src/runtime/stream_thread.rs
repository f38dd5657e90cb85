//! A stream thread: one consumer, one producer, some tasks, and one readable loop.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::application::Application;
use super::commit::Committed;
use super::task_manager::TaskManager;
use super::thread_state::ThreadState;
use super::{commit, panics, time_alignment};
use crate::error::{Error, Result};
use crate::ids::TaskId;
use crate::kafka::{Consumer, ConsumerEvent, ConsumerRole, FetchLimit, Offsets, Producer, StartAt};
use crate::task::{Task, Turn};
use crate::time::Timestamp;

/// A thread of the application, from joining the group to leaving it.
pub(super) struct StreamThread {
    app: Arc<Application>,
    index: usize,
    consumer: Box<dyn Consumer>,
    producer: Box<dyn Producer>,
    tasks: TaskManager,
    /// Partitions now assigned, none too: the memory for fetched records is divided among them.
    assigned: Option<usize>,
    /// How many records a task processes between two looks at the clock; it follows how long they take.
    slice: usize,
    /// The task whose turn comes first, where the last round had no time for all.
    first: Option<TaskId>,
    last_commit: Duration,
    last_state_flush: Duration,
    commit_failing_since: Option<Duration>,
    /// The task that is processing, to be named if it panics.
    processing: Option<TaskId>,
}

/// How many records a task processes before the next task has its turn.
const RECORDS_PER_TURN: usize = 1_000;
/// How long a round of all tasks' turns may take: the group, commits and a stop wait as long.
const ROUND_MAX: Duration = Duration::from_secs(1);
/// How long a slice of a turn should take at most.
const SLICE_TIME: Duration = Duration::from_millis(50);
/// The smallest slice, before it is known how long records take.
const SLICE_MIN: usize = 1;
/// How many records one fetch of a partition brings at most.
const RECORDS_PER_FETCH: usize = 1_000;
/// A partition may always have this much fetched, however many there are.
const FETCH_BYTES_MIN: usize = 64 << 10;

impl StreamThread {
    pub(super) fn create(app: &Arc<Application>, index: usize) -> Result<Self> {
        let partitions = app.deployment.all_partitions().len();
        let consumer = app.clients.consumer(ConsumerRole::Main(index), partitions)?;
        let waker = consumer.waker();
        app.stop.wakes(waker.clone());
        let now = app.clock.monotonic();
        Ok(Self {
            app: app.clone(),
            index,
            consumer,
            producer: app.clients.producer(index, app.stop.patience(app.settings.task_timeout))?,
            tasks: TaskManager::start(app, index, waker)?,
            assigned: None,
            slice: SLICE_MIN,
            first: None,
            last_commit: now,
            last_state_flush: now,
            commit_failing_since: None,
            processing: None,
        })
    }

    /// Runs until a stop is asked for or something fails, then closes.
    ///
    /// # Errors
    ///
    /// What ended the thread.
    pub(super) fn run(mut self) -> Result<()> {
        let served = self.serve();
        self.app.threads.set(self.index, ThreadState::PendingShutdown);
        // A record that could not be decoded was not processed at all, so that everything before it
        // can be committed: after a fix the next start begins exactly there.
        let clean = served.as_ref().err().is_none_or(Error::is_deserialization);
        let closed = if clean { self.close_clean() } else { self.tasks.close(false) };
        let Self { consumer, tasks, app, index, .. } = self;
        drop(tasks);
        consumer.close();
        app.threads.set(index, ThreadState::Dead);
        served.and(closed)
    }

    fn serve(&mut self) -> Result<()> {
        let topics = self.app.deployment.source_topics();
        self.consumer.subscribe(&topics)?;
        while !self.app.stop.is_asked() {
            let stepped = catch_unwind(AssertUnwindSafe(|| self.step()));
            stepped.unwrap_or_else(|panic| {
                let task = self.processing.and_then(|id| self.tasks.running.get(&id));
                Err(panics::error(&*panic, task))
            })?;
        }
        Ok(())
    }

    /// One round: answer the group, fetch, process, send, commit; wait only if nothing was there.
    fn step(&mut self) -> Result<()> {
        self.answer_group()?;
        self.tasks.adopt_restored()?;
        self.update_state();
        let fetched = self.fetch()?;
        let processed = self.process()?;
        self.producer.poll()?;
        let now = self.app.clock.monotonic();
        self.commit_if_due(now)?;
        if fetched + processed == 0 {
            let until_commit =
                (self.last_commit + self.app.settings.commit_interval).saturating_sub(now);
            self.consumer.wait(self.app.settings.poll.min(until_commit));
        }
        Ok(())
    }

    fn answer_group(&mut self) -> Result<()> {
        for event in self.consumer.events()? {
            match event {
                ConsumerEvent::Assigned(partitions) => {
                    tracing::info!(thread = self.index, ?partitions, "partitions assigned");
                    self.assigned = Some(partitions.len());
                    self.app.threads.set(self.index, ThreadState::PartitionsAssigned);
                    self.tasks.assign(&partitions)?;
                    let from = partitions.into_iter().map(|at| (at, StartAt::Committed));
                    self.consumer.assign(&from.collect::<Vec<_>>())?;
                }
                ConsumerEvent::Revoked(partitions) => {
                    tracing::info!(thread = self.index, ?partitions, "partitions revoked");
                    self.assigned = None;
                    match self.close_clean() {
                        // What is not committed is done again, by whoever is given the partitions.
                        Err(error) if error.is_retriable() => {}
                        closed => closed?,
                    }
                    self.app.threads.set(self.index, ThreadState::PartitionsRevoked);
                    self.consumer.unassign()?;
                }
                ConsumerEvent::Lost(partitions) => {
                    tracing::warn!(thread = self.index, ?partitions, "partitions lost");
                    self.assigned = None;
                    self.tasks.close(false)?;
                    self.app.threads.set(self.index, ThreadState::PartitionsRevoked);
                    self.consumer.unassign()?;
                }
            }
        }
        Ok(())
    }

    fn update_state(&self) {
        // A thread that was given nothing, since there are more threads than partitions, runs as well.
        if self.assigned.is_some() && !self.tasks.is_restoring() {
            self.app.threads.set(self.index, ThreadState::Running);
        }
    }

    fn fetch(&mut self) -> Result<usize> {
        // Half of the input memory is the client's own queues'.
        let bytes = self.app.settings.input_buffer_bytes_max / 2 / self.app.settings.threads;
        let bytes = (bytes / self.assigned.unwrap_or(1).max(1)).max(FETCH_BYTES_MIN);
        let limit = FetchLimit { records: RECORDS_PER_FETCH, bytes };
        let mut records = 0;
        for task in self.tasks.running.values_mut() {
            records += task.fetch(&mut *self.consumer, limit)?;
        }
        Ok(records)
    }

    /// Gives each task a turn, as long as the round has time.
    fn process(&mut self) -> Result<usize> {
        let turn = self.turn();
        let before = self.first.take();
        let ids: Vec<TaskId> = self.tasks.running.keys().copied().collect();
        let first = before.and_then(|id| ids.iter().position(|&other| other == id)).unwrap_or(0);
        let mut records = 0;
        for &id in ids.iter().cycle().skip(first).take(ids.len()) {
            let is_over = self.app.clock.monotonic().saturating_sub(turn.now) > ROUND_MAX;
            if is_over || self.app.stop.is_asked() {
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
        let mut now = self.app.clock.monotonic();
        while records < turn.records_max && now.saturating_sub(turn.now) <= ROUND_MAX {
            let records_max = self.slice.min(turn.records_max - records);
            let processed = task.process(&Turn { records_max, ..*turn });
            log_skipped(task);
            let processed = processed?;
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
        commit::send(task, &mut *self.producer, &self.tasks.acknowledged)?;
        self.processing = None;
        Ok(records)
    }

    fn turn(&self) -> Turn {
        let settings = &self.app.settings;
        let skew = settings.partition_skew_max;
        // Inputs of a task that waits for its state are as far behind as can be.
        let held = skew.is_some() && self.tasks.is_restoring_external();
        let time_limit = if held {
            Timestamp::UNKNOWN
        } else {
            time_alignment::limit(self.tasks.running.values().map(Task::group), skew)
        };
        Turn {
            now: self.app.clock.monotonic(),
            idle: settings.task_idle,
            time_limit,
            records_max: RECORDS_PER_TURN,
        }
    }

    fn commit_if_due(&mut self, now: Duration) -> Result<()> {
        let settings = &self.app.settings;
        let due = now >= self.last_commit + settings.commit_interval;
        let full = settings
            .uncommitted_bytes_max
            .is_some_and(|max| self.tasks.uncommitted_bytes() > max / settings.threads);
        if !due && !full {
            return Ok(());
        }
        self.last_commit = now;
        match self.commit() {
            Ok(Committed::Done(_)) => self.commit_failing_since = None,
            Ok(Committed::Postponed(error)) => {
                let since = *self.commit_failing_since.get_or_insert(now);
                let failing = self.app.clock.monotonic().saturating_sub(since);
                if failing > self.app.settings.task_timeout {
                    return Err(error.context("no commit within task.timeout.ms"));
                }
                tracing::warn!(thread = self.index, "{}; trying again", error.report());
            }
            Err(error) if error.is_fenced() => {
                // The group has given the partitions to others; it will tell, and give new ones.
                tracing::warn!(thread = self.index, "{}; closing all tasks", error.report());
                self.tasks.close(false)?;
            }
            Err(error) => return Err(error),
        }
        if now >= self.last_state_flush + self.app.settings.state_flush_interval {
            self.last_state_flush = now;
            self.tasks.flush_state()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<Committed> {
        let committed = commit::commit(
            &mut self.tasks.running,
            &mut *self.producer,
            &mut commit::as_member(&mut *self.consumer),
            &mut self.tasks.acknowledged,
        )?;
        if let Committed::Done(offsets) = &committed {
            self.note_purgeable(offsets);
            self.app.stats.committed();
        }
        Ok(committed)
    }

    /// Remembers how far repartition topics are processed: what lies before may be deleted.
    fn note_purgeable(&self, committed: &Offsets) {
        let internal = committed.iter().filter(|(partition, _)| {
            let mut queues = self.tasks.running.values().flat_map(|task| task.group().queues());
            queues.any(|queue| **queue.partition() == **partition && !queue.is_external())
        });
        let internal = internal.map(|(partition, offset)| (partition.clone(), *offset));
        let mut purgeable = self.app.purgeable.lock().unwrap_or_else(PoisonError::into_inner);
        purgeable.extend(internal);
    }

    /// Commits what was done and ends all tasks.
    fn close_clean(&mut self) -> Result<()> {
        let committed = match self.commit() {
            Ok(Committed::Done(_)) => Ok(()),
            Ok(Committed::Postponed(error)) | Err(error) => Err(error),
        };
        let clean = committed.is_ok();
        if let Err(error) = &committed {
            tracing::warn!(thread = self.index, "{}; it will be done again", error.report());
        }
        self.tasks.close(clean)?;
        // Offsets that others must not be given any more were not committed; that is no failure.
        committed.or_else(|error| if error.is_fenced() { Ok(()) } else { Err(error) })
    }
}

fn log_skipped(task: &mut Task) {
    for error in task.take_skipped() {
        tracing::warn!(task = %task.id(), "skipped a record: {}", error.report());
    }
}
