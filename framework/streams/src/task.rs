//! A task: one subtopology over one partition of its inputs, from fetched bytes to commit.
//!
//! It is a synchronous state: it fetches from a consumer it is handed, processes records in order of
//! their timestamps, leaves results in its outbox, and says which offsets stand for what it has done.
//! Threads, producers, groups and clocks are the runtime's; the test driver runs the same task.

mod deployment;
mod figures;
mod partition_group;
mod record_ages;
mod record_queue;
mod restore;
mod state;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub(crate) use deployment::{Deployment, RunMode, TaskInput};
pub(crate) use figures::{InputFigures, StoreFigures, TaskFigures};
pub(crate) use partition_group::{Order, PartitionGroup, Readiness};
pub(crate) use record_queue::RecordQueue;
pub(crate) use restore::Restoring;
#[cfg(feature = "rocksdb")]
pub(crate) use state::OpenBackend;
pub(crate) use state::{Storage, TaskState};

use self::record_ages::RecordAges;
use crate::config::{DeserializationHandler, TaskIdle};
use crate::error::{Error, ErrorKind, RecordPlace, Result};
use crate::ids::{Offset, StoreId, TaskId, TopicPartition};
use crate::kafka::{Commits, Consumer, FetchLimit, OffsetMetadata, Outbox};
use crate::metrics::{DropReason, DroppedRecords};
use crate::processor::{Control, RecordContext, Source, TaskContext};
use crate::state::Rows;
#[cfg(feature = "testing")]
use crate::state::StoreSet;
use crate::time::Timestamp;
use crate::trace::{RecordTracer, TraceContext, TraceId};

/// A running task.
pub(crate) struct Task {
    id: TaskId,
    ctx: TaskContext,
    /// One per input, in the order of the group's queues.
    sources: Vec<Box<dyn Source>>,
    group: PartitionGroup,
    handler: DeserializationHandler,
    /// What its next record waits for, if that cannot be processed for now.
    waiting: Option<Error>,
    /// Records skipped since the runtime last asked, to be logged: at most [`SKIPPED_KEPT`].
    skipped: Vec<Error>,
    /// Whether anything was processed since the last commit.
    dirty: bool,
    /// How many records were processed.
    processed: u64,
    /// What was dropped by the time of the last question.
    told_dropped: DroppedRecords,
    /// How old records are; nothing where metrics are off.
    ages: Option<RecordAges>,
    /// Chooses the records that are traced; nothing where traces are off.
    tracer: Option<RecordTracer>,
    /// When it began to count what it does.
    since: Timestamp,
}

/// How many skipped records a task remembers for the log between two turns.
const SKIPPED_KEPT: usize = 10;

/// What a task is told about one of its turns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    /// The time by the monotonic clock.
    pub(crate) now: std::time::Duration,
    /// How long to wait for inputs that have nothing.
    pub(crate) idle: TaskIdle,
    /// External inputs may not be processed beyond this event time (`max.partition.skew.ms`).
    pub(crate) time_limit: Timestamp,
    /// How many records to process at most.
    pub(crate) records_max: usize,
    /// The time by the wall clock, which tells how old records are; nothing else follows from it.
    pub(crate) wall_clock: Timestamp,
}

impl Task {
    /// Builds the operators of a task over its stores.
    pub(crate) fn build(
        deployment: &Deployment,
        inputs: Vec<TaskInput>,
        state: TaskState,
        order: Order,
        handler: DeserializationHandler,
    ) -> Result<Self> {
        let TaskState { id, stores, outbox, cache, globals } = state;
        let environment = deployment.environment(&inputs, cache, globals);
        let mut builder = crate::processor::TaskBuilder::new(environment, stores, outbox);
        let graph = deployment.topology().graph();
        let makers = inputs.iter().filter_map(|input| graph.sources.get(input.source));
        let sources = makers.map(|source| (source.make)(&mut builder)).collect();
        let group = PartitionGroup::new(inputs, order);
        Ok(Self {
            id,
            ctx: builder.finish()?,
            sources,
            group,
            handler,
            waiting: None,
            skipped: Vec::new(),
            dirty: false,
            processed: 0,
            told_dropped: DroppedRecords::default(),
            ages: None,
            tracer: None,
            since: Timestamp::UNKNOWN,
        })
    }

    /// Has the ages of records measured, and how late they are behind others.
    pub(crate) fn measure_ages(&mut self, with_lateness: bool) {
        self.ages = Some(RecordAges::new(with_lateness));
    }

    /// Has records traced.
    pub(crate) fn trace_by(&mut self, tracer: RecordTracer) {
        self.tracer = Some(tracer);
    }

    /// Notes when it begins to run: what it counts is from then on.
    pub(crate) fn begins_at(&mut self, now: Timestamp) {
        self.since = now;
    }

    /// Returns when it began to run, as far as that was said.
    pub(crate) fn since(&self) -> Timestamp {
        self.since
    }

    pub(crate) fn id(&self) -> TaskId {
        self.id
    }

    /// Moves what was fetched into the record queues that have room; returns the number of records.
    pub(crate) fn fetch(
        &mut self,
        consumer: &mut dyn Consumer,
        limit: FetchLimit,
    ) -> Result<usize> {
        self.group.fetch(consumer, limit)
    }

    /// Processes records while some are ready and the turn lasts; returns how many.
    pub(crate) fn process(&mut self, turn: &Turn) -> Result<usize> {
        let mut processed = 0;
        if let Some(ages) = &mut self.ages {
            ages.begin(turn.wall_clock);
        }
        while processed < turn.records_max {
            match self.group.next(turn.now, turn.idle, turn.time_limit) {
                Readiness::Ready(queue) if self.process_unless_waiting(queue)? => processed += 1,
                Readiness::Ready(_) | Readiness::Waiting => break,
            }
        }
        if let Some(ages) = &mut self.ages {
            ages.end();
        }
        self.processed += u64::try_from(processed).unwrap_or(0);
        Ok(processed)
    }

    /// Processes the next record of a queue; returns false where it has to wait for something that it
    /// cannot be read without. Nothing was done with it then.
    #[inline]
    pub(crate) fn process_unless_waiting(&mut self, queue: usize) -> Result<bool> {
        let processed = self.process_from(queue);
        if self.waiting.is_some() {
            self.waiting = None;
        }
        match processed {
            Ok(()) => Ok(true),
            Err(error) if error.is_retriable() => {
                self.waiting = Some(error.in_task(self.id));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns what the task's next record waits for, if it does.
    pub(crate) fn waiting(&self) -> Option<&Error> {
        self.waiting.as_ref()
    }

    /// Processes the next record of a queue, which must have one.
    pub(crate) fn process_from(&mut self, queue: usize) -> Result<()> {
        let (Some(input), Some(source)) = (self.group.queue(queue), self.sources.get_mut(queue))
        else {
            return Ok(());
        };
        let Some(record) = input.head() else { return Ok(()) };
        let timestamp = record.timestamp;
        self.ctx.begin(input.partition(), record.offset, record.timestamp);
        if record.timestamp < Timestamp::from_millis(0) {
            return Err(self.invalid_timestamp(record.timestamp));
        }
        let ctx = &mut self.ctx;
        let processed = match &mut self.tracer {
            None => source.process(ctx, record),
            Some(tracer) => {
                tracer.around(input.partition(), record, |record| source.process(ctx, record))
            }
        };
        match processed {
            Ok(()) => {}
            Err(error)
                if error.is_deserialization()
                    && self.handler == DeserializationHandler::Continue =>
            {
                self.ctx.dropped(DropReason::Undecodable);
                if self.skipped.len() < SKIPPED_KEPT {
                    let error = self.located(error);
                    self.skipped.push(error);
                }
                self.tracer.iter_mut().for_each(RecordTracer::forget);
            }
            Err(error) => return Err(self.located(error)),
        }
        if let Some(ages) = &mut self.ages {
            ages.note(timestamp, self.ctx.stream_time());
        }
        self.dirty = true;
        self.group.advance(queue);
        Ok(())
    }

    /// Flushes caches downstream, the first step of a commit; returns whether there is anything to
    /// commit at all: records were processed, or an input's end was reached past its last record.
    pub(crate) fn flush(&mut self) -> Result<bool> {
        if self.dirty {
            for source in &mut self.sources {
                source.control(&mut self.ctx, Control::Flush)?;
            }
        }
        Ok(self.dirty || self.group.has_moved())
    }

    /// Goes on from what was committed of its inputs: their times, and how far its operators were.
    pub(crate) fn resume(&mut self, committed: &BTreeMap<TopicPartition, OffsetMetadata>) {
        self.group.resume(committed, |metadata| self.ctx.resume(metadata));
    }

    /// Returns the offsets that stand for everything processed, with what a restart is told.
    pub(crate) fn commits(&self) -> Commits {
        self.group.commits(self.ctx.all_progress())
    }

    /// Writes the rows that were flushed to the backend, now that offsets and changelogs are
    /// committed; `acknowledged` is how far each changelog is written.
    pub(crate) fn committed(
        &mut self,
        acknowledged: impl IntoIterator<Item = (StoreId, Offset)>,
    ) -> Result<()> {
        for (store, offset) in acknowledged {
            self.ctx.stores.set_offset(store, offset.next());
        }
        self.ctx.stores.commit()?;
        self.group.note_committed();
        self.dirty = false;
        Ok(())
    }

    /// Ends the task; what it has committed remains.
    pub(crate) fn into_rows(self) -> Rows {
        self.ctx.stores.into_rows()
    }

    /// Makes committed state survive a kill.
    pub(crate) fn flush_state(&mut self) -> Result<()> {
        self.ctx.stores.flush()
    }

    /// Finds out how many partitions the topics have that records chose for the first time, before the
    /// outbox is drained.
    pub(crate) fn settle_outputs(
        &mut self,
        find: impl FnOnce(&[Arc<str>]) -> Result<BTreeMap<Arc<str>, usize>>,
    ) -> Result<()> {
        let unknown = self.ctx.outbox.unknown_topics();
        if unknown.is_empty() {
            return Ok(());
        }
        let counts = find(&unknown)?;
        self.ctx.learn_topics(&counts)
    }

    pub(crate) fn outbox(&mut self) -> &mut Outbox {
        &mut self.ctx.outbox
    }

    pub(crate) fn group(&self) -> &PartitionGroup {
        &self.group
    }

    pub(crate) fn group_mut(&mut self) -> &mut PartitionGroup {
        &mut self.group
    }

    #[cfg(feature = "testing")]
    pub(crate) fn stores(&self) -> &StoreSet {
        &self.ctx.stores
    }

    /// Returns the stores, to be written from outside; a commit must follow.
    #[cfg(feature = "testing")]
    pub(crate) fn stores_mut(&mut self) -> &mut StoreSet {
        self.dirty = true;
        &mut self.ctx.stores
    }

    /// Returns the queue whose head comes next, if one has any; inputs are waited for as `idle` says.
    #[cfg(feature = "testing")]
    pub(crate) fn next(&mut self, idle: TaskIdle) -> Readiness {
        self.group.next(std::time::Duration::ZERO, idle, Timestamp::MAX)
    }

    pub(crate) fn uncommitted_bytes(&self) -> usize {
        self.ctx.stores.uncommitted_bytes()
    }

    pub(crate) fn dropped_records(&self) -> DroppedRecords {
        self.ctx.dropped_records()
    }

    /// Returns what was dropped since the last call.
    pub(crate) fn take_dropped(&mut self) -> DroppedRecords {
        let dropped = self.ctx.dropped_records();
        dropped.since(&std::mem::replace(&mut self.told_dropped, dropped))
    }

    /// Returns the errors of records skipped since the last call.
    pub(crate) fn take_skipped(&mut self) -> Vec<Error> {
        std::mem::take(&mut self.skipped)
    }

    /// Returns the contexts of traced records that were processed since the last call.
    pub(crate) fn take_traced(&mut self) -> Vec<TraceContext> {
        self.tracer.as_mut().map(RecordTracer::take_uncommitted).unwrap_or_default()
    }

    /// Has an error know which record was being processed.
    #[cold]
    pub(crate) fn located(&self, error: Error) -> Error {
        let Some(at) = self.ctx.record() else { return error };
        let traced = self.tracer.as_ref().and_then(RecordTracer::current);
        let trace = traced.or_else(|| self.trace_of(at));
        error.at_record(RecordPlace { partition: at.partition.clone(), offset: at.offset, trace })
    }

    /// Returns the trace that the record being processed came with, whether or not it is followed here.
    #[cold]
    fn trace_of(&self, at: &RecordContext) -> Option<TraceId> {
        let heads = self.group.queues().iter().filter(|queue| *queue.partition() == at.partition);
        let head = heads.filter_map(RecordQueue::head).find(|head| head.offset == at.offset)?;
        TraceContext::of(head.headers).map(|context| context.trace)
    }

    /// Returns where the record being processed, or last processed, stands.
    pub(crate) fn position(&self) -> Option<String> {
        self.ctx.record().map(ToString::to_string)
    }

    #[cold]
    fn invalid_timestamp(&self, timestamp: Timestamp) -> Error {
        let at = self.position().unwrap_or_default();
        self.located(Error::new(
            ErrorKind::Deserialization,
            format!("record {at} has the timestamp {timestamp}: event time begins at 0"),
        ))
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Task({})", self.id)
    }
}

#[cfg(test)]
mod tests;
