//! A stream thread: one consumer, one producer, some tasks, and one readable loop.

mod recording;
mod rounds;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use self::rounds::SLICE_MIN;
use super::application::Application;
use super::commit::Committed;
use super::dynamic_outputs::DynamicOutputs;
use super::heartbeat::Heartbeat;
use super::logged::{self, Repeated};
use super::membership::{LeadTopics, MemberEvent, Membership};
use super::metrics::{Phase, ThreadRecorder};
use super::owned_offsets::OwnedOffsets;
use super::spans::ThreadSpans;
use super::stall::Stall;
use super::stop::{Stop, patiently};
use super::task_manager::TaskManager;
use super::thread_state::ThreadState;
use super::time_alignment::TimeAlignment;
use super::waiting_tasks::WaitingTasks;
use super::{commit, panics};
use crate::error::{Error, Result};
use crate::ids::{TaskId, TopicPartition};
use crate::kafka::{Commits, Consumer, ConsumerRole, FetchLimit, Leave, Producer};
use crate::task::TaskInput;

/// A thread of the application, from joining the group to leaving it.
pub(super) struct StreamThread {
    app: Arc<Application>,
    index: usize,
    /// Ends this thread alone.
    stop: Stop,
    heartbeat: Arc<Heartbeat>,
    consumer: Box<dyn Consumer>,
    membership: Box<dyn Membership>,
    producer: Box<dyn Producer>,
    outputs: DynamicOutputs,
    tasks: TaskManager,
    /// What the group has told and was not answered yet.
    events: VecDeque<MemberEvent>,
    /// Watches an answer that Kafka keeps waiting.
    answering: Option<Stall>,
    /// Whether the group has given this member its share, be it nothing.
    is_member: bool,
    offsets: OwnedOffsets,
    /// How many records a task processes between two looks at the clock; it follows how long they take.
    slice: usize,
    /// The task whose turn comes first, where the last round had no time for all.
    first: Option<TaskId>,
    /// When the next commit is due: the regular one, or another try.
    next_commit: Duration,
    last_state_flush: Duration,
    commit_failing_since: Option<Duration>,
    /// How long the group may take to answer a commit while the thread has other work.
    commit_patience: Duration,
    waiting: WaitingTasks,
    alignment: TimeAlignment,
    /// The task that is processing, to be named if it panics.
    processing: Option<TaskId>,
    /// When tasks' damaged state was last thrown away.
    renewed: BTreeMap<TaskId, Duration>,
    /// What is told only now and then.
    repeated: Repeated,
    /// None where metrics are off.
    recorder: Option<Box<ThreadRecorder>>,
}

/// State that is damaged again so soon is not the disk's mishap.
const RENEWED_PAUSE: Duration = Duration::from_secs(600);
/// How long a commit waits for its answer: little at first, more for a group that is slow.
const COMMIT_PATIENCE_MIN: Duration = Duration::from_millis(100);
const COMMIT_PATIENCE_MAX: Duration = Duration::from_secs(10);
/// How soon a commit that was not taken is tried again.
const COMMIT_RETRY: Duration = Duration::from_millis(500);
/// How often the last commit of a thread is tried, how long each time, and how far apart.
const CLOSE_TRIES: usize = 20;
const CLOSE_PATIENCE: Duration = Duration::from_millis(500);
const CLOSE_STEP: Duration = Duration::from_millis(100);
/// How many records one fetch of a partition brings at most.
const RECORDS_PER_FETCH: usize = 1_000;
/// A partition may always have this much fetched, however many there are.
const FETCH_BYTES_MIN: usize = 64 << 10;

impl StreamThread {
    /// Makes a thread of this number, which ends when `stop` is asked for, or the application's own.
    pub(super) fn create(app: &Arc<Application>, index: usize, stop: Stop) -> Result<Self> {
        let partitions = app.deployment.all_partitions().len();
        let consumer = app.clients.consumer(ConsumerRole::Main(index), partitions)?;
        let waker = consumer.waker();
        app.stop.wakes(waker.clone());
        stop.wakes(waker.clone());
        let now = app.clock.monotonic();
        let producer = app.clients.producer(index, app.stop.patience(app.settings.task_timeout))?;
        let (spans, consumer, producer) = ThreadSpans::start(app, index, (consumer, producer));
        Ok(Self {
            app: app.clone(),
            index,
            stop,
            heartbeat: app.threads.heartbeat(index),
            consumer,
            membership: Box::new(LeadTopics::new(app)),
            producer,
            outputs: DynamicOutputs::new(&app.clients, &app.stop, app.settings.task_timeout),
            tasks: TaskManager::start(app, index, waker, spans)?,
            events: VecDeque::new(),
            answering: None,
            is_member: false,
            offsets: OwnedOffsets::new(now),
            slice: SLICE_MIN,
            first: None,
            next_commit: now + app.settings.commit_interval,
            last_state_flush: now,
            commit_failing_since: None,
            commit_patience: COMMIT_PATIENCE_MIN,
            waiting: WaitingTasks::default(),
            alignment: TimeAlignment::default(),
            processing: None,
            renewed: BTreeMap::new(),
            repeated: Repeated::default(),
            recorder: ThreadRecorder::start(app, index),
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
        let all = self.tasks.all();
        let closed = if clean { self.close_tasks(&all) } else { self.tasks.abandon(&all) };
        let leave = if self.stop.is_asked() { Leave::Always } else { self.app.leave() };
        let Self { consumer, tasks, app, index, .. } = self;
        drop(tasks);
        consumer.close(leave);
        app.threads.set(index, ThreadState::Dead);
        served.and(closed)
    }

    fn serve(&mut self) -> Result<()> {
        self.membership.join(&mut *self.consumer)?;
        while !self.is_stopped() {
            self.heartbeat.beat(self.app.clock.monotonic());
            let stepped = catch_unwind(AssertUnwindSafe(|| self.step()));
            let stepped = stepped.unwrap_or_else(|panic| {
                let task = self.processing.and_then(|id| self.tasks.running.get(&id));
                Err(panics::error(&*panic, task))
            });
            if let Err(error) = stepped {
                match error.corrupted_task() {
                    Some(task) => self.renew(task, error)?,
                    None => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        self.app.stop.is_asked() || self.stop.is_asked()
    }

    /// One round: answer the group, fetch, process, send, commit; wait only if nothing was there.
    fn step(&mut self) -> Result<()> {
        self.answer_group()?;
        self.tasks.open_awaited()?;
        self.tasks.adopt_restored()?;
        self.update_state();
        let fetched = self.timed(Phase::Poll, Self::fetch, |records| *records)?;
        let processed = self.timed(Phase::Process, Self::process, |records| *records)?;
        self.producer.poll()?;
        let now = self.app.clock.monotonic();
        self.commit_if_due(now)?;
        self.publish();
        if fetched + processed == 0 {
            let until_commit = self.next_commit.saturating_sub(now);
            self.wait(self.app.settings.poll.min(until_commit))?;
        }
        Ok(())
    }

    /// Answers what the group has told, in order. An answer that Kafka is needed for may have to wait for
    /// it; until then the thread goes on with the tasks it has.
    fn answer_group(&mut self) -> Result<()> {
        let events = self.membership.events(&mut *self.consumer)?;
        self.events.extend(events);
        while let Some(event) = self.events.front().cloned() {
            match self.answer_timed(&event) {
                Err(error) if error.is_retriable() => {
                    self.repeated.warning(self.app.clock.monotonic(), &error, "trying again");
                    let limit = self.app.settings.task_timeout;
                    let waiting = self.answering.get_or_insert_with(|| Stall::new(limit));
                    return waiting.note(false, || "the committed offsets of new tasks");
                }
                answered => answered?,
            }
            self.answering = None;
            self.events.pop_front();
        }
        Ok(())
    }

    fn answer(&mut self, event: &MemberEvent) -> Result<()> {
        match event {
            MemberEvent::Assigned(tasks) => {
                let inputs = self.inputs(tasks);
                let starts = self.offsets.take(&self.app, &mut *self.consumer, &inputs)?;
                tracing::info!(?tasks, "tasks assigned");
                if !tasks.is_empty() || !self.is_member {
                    self.heartbeat.set_to_restore(None);
                    self.app.threads.set(self.index, ThreadState::PartitionsAssigned);
                }
                self.is_member = true;
                self.tasks.assign(tasks, self.offsets.metadata(&inputs))?;
                self.membership.accept(&mut *self.consumer, &starts)
            }
            MemberEvent::Revoked(tasks) => {
                tracing::info!(?tasks, "tasks revoked");
                match self.give_up(tasks) {
                    // What is not committed is done again, by whoever is given the tasks.
                    Err(error) if error.is_retriable() => {}
                    given_up => given_up?,
                }
                self.release(tasks)
            }
            MemberEvent::Lost(tasks) => {
                tracing::warn!(?tasks, "tasks lost");
                self.tasks.abandon(tasks)?;
                self.is_member = false;
                self.app.threads.set(self.index, ThreadState::PartitionsRevoked);
                self.release(tasks)
            }
        }
    }

    fn release(&mut self, tasks: &BTreeSet<TaskId>) -> Result<()> {
        let inputs = self.inputs(tasks).into_iter();
        let partitions: Vec<TopicPartition> =
            inputs.map(|input| (*input.partition).clone()).collect();
        self.offsets.give_up(&partitions);
        self.membership.release(&mut *self.consumer, &partitions)
    }

    fn inputs(&self, tasks: &BTreeSet<TaskId>) -> Vec<TaskInput> {
        tasks.iter().flat_map(|&task| self.app.deployment.inputs(task)).collect()
    }

    fn update_state(&mut self) {
        if let Some(tasks) = self.tasks.changed() {
            self.waiting.retain(|task| tasks.contains(task));
            self.app.threads.set_tasks(self.index, tasks);
        }
        self.tell_waiting();
        // A thread that was given nothing, since there are more threads than tasks, runs as well.
        if self.is_member && !self.tasks.is_restoring() {
            self.app.threads.set(self.index, ThreadState::Running);
        }
    }

    fn fetch(&mut self) -> Result<usize> {
        // Half of the input memory is the client's own queues'.
        let bytes = self.app.share(self.app.settings.input_buffer_bytes_max / 2);
        let queues = self.tasks.running.values().map(|task| task.group().queues().len());
        let bytes = (bytes / queues.sum::<usize>().max(1)).max(FETCH_BYTES_MIN);
        let limit = FetchLimit { records: RECORDS_PER_FETCH, bytes };
        let mut records = 0;
        for task in self.tasks.running.values_mut() {
            records += task.fetch(&mut *self.consumer, limit)?;
        }
        Ok(records)
    }

    fn commit_if_due(&mut self, now: Duration) -> Result<()> {
        let settings = &self.app.settings;
        // While the group takes no commit, another try comes when it is due, however full it is.
        let full = self.commit_failing_since.is_none()
            && settings
                .uncommitted_bytes_max
                .is_some_and(|max| self.tasks.uncommitted_bytes() > self.app.share(max));
        if now < self.next_commit && !full {
            return Ok(());
        }
        self.next_commit = now + settings.commit_interval;
        self.tasks.share_cache();
        match self.commit(self.commit_patience)? {
            Committed::Done(_) => {
                self.commit_failing_since = None;
                self.commit_patience = (self.commit_patience / 2).max(COMMIT_PATIENCE_MIN);
                self.renew_offsets(now)?;
            }
            Committed::Postponed(error) => self.postpone_commit(now, error)?,
        }
        if now >= self.last_state_flush + self.app.settings.state_flush_interval {
            self.last_state_flush = now;
            self.tasks.flush_state()?;
        }
        self.app.tasks.sweep(now);
        Ok(())
    }

    /// Commits all offsets again, if it is time: only where the last commit was answered, since one that
    /// was not may have taken newer ones.
    fn renew_offsets(&mut self, now: Duration) -> Result<()> {
        let interval = self.app.settings.offset_recommit_interval;
        match self.offsets.renew(&mut *self.consumer, now, interval) {
            // There is half a week to try again in.
            Err(error) if error.is_retriable() => {
                self.repeated.warning(now, &error, "trying again with the next commit");
            }
            renewed => renewed?,
        }
        Ok(())
    }

    /// Takes note of a commit that the group did not take. In a rebalance that is so for as long as the
    /// slowest member takes; otherwise the group is slow to answer, and is given more time.
    fn postpone_commit(&mut self, now: Duration, error: Error) -> Result<()> {
        let since = *self.commit_failing_since.get_or_insert(now);
        let failing = self.app.clock.monotonic().saturating_sub(since);
        if failing > self.app.settings.task_timeout {
            return Err(error.context("no commit within task.timeout.ms"));
        }
        if failing > COMMIT_PATIENCE_MAX {
            self.repeated.warning(now, &error, "trying again");
        } else {
            tracing::debug!("{}; trying again", error.report());
        }
        self.commit_patience = (self.commit_patience * 2).min(COMMIT_PATIENCE_MAX);
        // Not at once: the same work would be flushed and sent bit by bit.
        self.next_commit = self.app.clock.monotonic() + COMMIT_RETRY;
        Ok(())
    }

    fn commit(&mut self, patience: Duration) -> Result<Committed> {
        let start = self.tasks.spans.as_ref().map(ThreadSpans::now);
        let commit = |it: &mut Self| {
            commit::commit(
                &mut it.tasks.running,
                &mut *it.producer,
                &mut |task| it.outputs.settle(task),
                &mut commit::as_member(&mut *it.consumer, patience),
                &mut it.tasks.acknowledged,
            )
        };
        let committed = self.timed(Phase::Commit, commit, Committed::amount)?;
        // Without tasks there was nothing to be taken.
        if !self.tasks.running.is_empty() {
            self.note_commit(matches!(committed, Committed::Done(_)));
        }
        if let Committed::Done(offsets) = &committed {
            self.offsets.note(&self.app, offsets)?;
            self.note_purgeable(offsets);
            self.app.stats.committed();
            self.tasks.trace_commit(start);
        }
        Ok(committed)
    }

    /// Remembers how far repartition topics are processed: what lies before may be deleted.
    fn note_purgeable(&self, committed: &Commits) {
        let internal = committed.iter();
        let internal = internal.filter(|(at, _)| !self.app.external.contains_key(&at.topic));
        let internal = internal.map(|(partition, commit)| (partition.clone(), commit.offset));
        let mut purgeable = self.app.purgeable.lock().unwrap_or_else(PoisonError::into_inner);
        purgeable.extend(internal);
    }

    /// Deletes the damaged state of a task, and begins again where it was last committed: what stands for
    /// that is in its changelogs.
    fn renew(&mut self, task: TaskId, error: Error) -> Result<()> {
        self.processing = None;
        let now = self.app.clock.monotonic();
        let last = self.renewed.insert(task, now);
        if last.is_some_and(|last| now.saturating_sub(last) < RENEWED_PAUSE) {
            return Err(error.context(format!("task {task} was restored, and is damaged again")));
        }
        logged::warning(&error, "restoring all of the task's state");
        let tasks = BTreeSet::from([task]);
        self.tasks.wipe(task)?;
        let (inputs, patience) = (self.inputs(&tasks), self.app.settings.task_timeout);
        let starts = patiently(&self.app.stop, patience, || {
            self.offsets.take(&self.app, &mut *self.consumer, &inputs)
        })?;
        self.consumer.seek(&starts)?;
        self.tasks.assign(&tasks, self.offsets.metadata(&inputs))
    }

    /// Commits what was done before the thread ends. A group that is just rebalancing takes no commit, but
    /// soon will.
    fn close_tasks(&mut self, tasks: &BTreeSet<TaskId>) -> Result<()> {
        for _ in 1..CLOSE_TRIES {
            let events = self.membership.events(&mut *self.consumer)?;
            if events.iter().any(|event| matches!(event, MemberEvent::Lost(_))) {
                tracing::warn!("tasks lost; their last work is done again");
                return self.tasks.abandon(tasks);
            }
            match self.commit(CLOSE_PATIENCE)? {
                Committed::Done(_) => break,
                Committed::Postponed(error) => {
                    let now = self.app.clock.monotonic();
                    self.repeated.warning(now, &error, "trying again");
                    self.consumer.wait(CLOSE_STEP);
                }
            }
        }
        self.give_up(tasks)
    }

    /// Commits what was done, by all tasks since they share a producer, and ends these.
    fn give_up(&mut self, tasks: &BTreeSet<TaskId>) -> Result<()> {
        let committed = match self.commit(COMMIT_PATIENCE_MAX) {
            Ok(Committed::Done(_)) => Ok(()),
            Ok(Committed::Postponed(error)) | Err(error) => Err(error),
        };
        if let Err(error) = &committed {
            logged::warning(error, "it will be done again");
            return self.tasks.abandon(tasks).and(committed);
        }
        self.tasks.hand_over(tasks, self.app.clock.monotonic())
    }
}
