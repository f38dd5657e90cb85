//! The loop of a rerun: all tasks of a stage in one thread, merged by event time.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::inputs::Inputs;
use super::workspace::Workspace;
use super::{ReplayProgress, ReplayReport, SealedTopic, report, stages};
use crate::error::Result;
use crate::ids::{Offset, TaskId, TopicPartition, TopicRef};
use crate::kafka::{Consumer, ConsumerRole, FetchLimit, Leave, Offsets, Producer, StartAt};
use crate::metrics::DroppedRecords;
use crate::processor::GlobalTables;
use crate::runtime::commit::{self, Acknowledged, Committed};
use crate::runtime::global_tables::{GlobalUpdater, Until};
use crate::runtime::stall::Stall;
use crate::runtime::stop::patiently;
use crate::runtime::waiting_tasks::reasons;
use crate::runtime::{logged, panics, topics};
use crate::state::CacheBudget;
use crate::task::{Deployment, Order, RecordQueue, RunMode, Task, TaskState};
use crate::time::Timestamp;

/// A run under way.
pub(super) struct Driver<'a, W> {
    workspace: &'a Workspace<'a>,
    deployment: Deployment,
    consumer: Box<dyn Consumer>,
    producer: Box<dyn Producer>,
    globals: Option<GlobalTables>,
    inputs: Inputs,
    /// The ends of sealed repartition topics.
    sealed_ends: Offsets,
    feeders: BTreeMap<TopicRef, BTreeSet<usize>>,
    sealed: BTreeSet<TopicRef>,
    tasks: BTreeMap<TaskId, Task>,
    acknowledged: Acknowledged,
    /// Flushed rows of one task that are too many to wait for a commit, in bytes.
    uncommitted_bytes_max: usize,
    stall: Stall,
    counts: Counts,
    warnings: Vec<String>,
    started: Duration,
    watch: W,
}

#[derive(Debug, Default)]
struct Counts {
    stage: usize,
    stages: usize,
    input: u64,
    processed: u64,
    written: u64,
    total: u64,
    dropped: DroppedRecords,
}

/// The place of a record in the merge: timestamp, then the input's place in the topology, then the
/// partition. Records of one partition never pass one another.
type Rank = (Timestamp, (usize, i32));

/// How many records are processed between two looks at everything else.
const RECORDS_PER_TURN: usize = 10_000;
/// A partition may always have this much fetched, however many there are.
const FETCH_BYTES_MIN: usize = 256 << 10;
const RECORDS_PER_FETCH: usize = 10_000;
/// Flushed rows that may wait for a commit where the settings know no limit: a run has no other end to
/// them than its own.
const UNCOMMITTED_BYTES_MAX: usize = 64 << 20;

impl<'a, W: FnMut(&ReplayProgress)> Driver<'a, W> {
    /// Creates the version's topics and loads its global tables.
    pub(super) fn prepare(workspace: &'a Workspace<'a>, inputs: Inputs, watch: W) -> Result<Self> {
        let Workspace { topology, settings, admin, .. } = *workspace;
        let names = workspace.names.clone();
        let run = (RunMode::Bounded, &inputs.counts);
        let deployment = topics::prepare(admin, topology, names, settings, run)?;
        patiently(workspace.stop, settings.task_timeout, || {
            topology.prepare_serdes(deployment.names())
        })?;
        let until = (Until::Ends(&inputs.ends), workspace.stop);
        let (clients, storage) = (workspace.clients, workspace.storage);
        let updater = GlobalUpdater::load(topology, clients, admin, storage, settings, until)?;
        let globals = updater.as_ref().map(GlobalUpdater::tables);
        if let Some(updater) = updater {
            updater.close();
        }
        let partitions = deployment.all_partitions().len();
        let consumer = clients.consumer(ConsumerRole::Bounded, partitions)?;
        workspace.stop.wakes(consumer.waker());
        let total = inputs.records();
        Ok(Self {
            workspace,
            consumer,
            producer: clients.producer(0, workspace.stop.patience(settings.task_timeout))?,
            globals,
            inputs,
            sealed_ends: Offsets::new(),
            feeders: stages::feeders(topology),
            sealed: BTreeSet::new(),
            tasks: BTreeMap::new(),
            acknowledged: Acknowledged::new(topology.graph().stores.len()),
            uncommitted_bytes_max: UNCOMMITTED_BYTES_MAX,
            stall: Stall::new(settings.task_timeout),
            warnings: Vec::new(),
            counts: Counts { total, ..Counts::default() },
            started: workspace.clock.monotonic(),
            watch,
            deployment,
        })
    }

    /// Runs all stages.
    pub(super) fn run(&mut self) -> Result<()> {
        let stages = stages::order(self.workspace.topology);
        self.counts.stages = stages.len();
        for (at, stage) in stages.iter().enumerate() {
            self.counts.stage = at + 1;
            let mine = |task: &TaskId| stage.contains(&task.subtopology);
            let tasks = self.deployment.tasks().into_iter().filter(mine).collect::<Vec<_>>();
            self.open(tasks)?;
            let from: Vec<_> = self.queues().map(|queue| self.start_of(queue)).collect();
            self.consumer.assign(&from)?;
            self.run_stage()?;
            for task in std::mem::take(&mut self.tasks).into_values() {
                self.counts.dropped.add(task.dropped_records());
            }
        }
        Ok(())
    }

    /// Commits the ends as the version's offsets, and reports.
    pub(super) fn finish(self, version: &str, elapsed: Duration) -> Result<ReplayReport> {
        let Workspace { topology, admin, ref names, .. } = *self.workspace;
        let mut warnings = self.inputs.warnings(admin, topology)?;
        warnings.extend(self.warnings);
        let mut read = self.inputs.ends.clone();
        read.extend(self.sealed_ends.iter().map(|(at, end)| (at.clone(), *end)));
        admin.commit(names.application_id(), &read)?;
        let seconds = elapsed.as_secs_f64();
        let outputs = topology.output_topics();
        let report = ReplayReport {
            application: self.workspace.settings.application_id.clone(),
            version: version.to_owned(),
            inputs: self.inputs.reports(),
            sealed: self
                .sealed_ends
                .iter()
                .map(|(at, end)| SealedTopic { partition: at.to_string(), end: end.0 })
                .collect(),
            outputs: outputs.iter().map(|topic| names.sink(topic).as_ref().to_owned()).collect(),
            input_records: self.counts.input,
            processed_records: self.counts.processed,
            written_records: self.counts.written,
            dropped_records: report::dropped(self.counts.dropped),
            elapsed_seconds: seconds,
            #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
            input_records_per_second: self.counts.input as f64 / seconds.max(f64::MIN_POSITIVE),
            warnings,
        };
        self.consumer.close(Leave::default());
        Ok(report)
    }

    /// Makes the tasks of a stage, and divides memory among them.
    fn open(&mut self, ids: Vec<TaskId>) -> Result<()> {
        let Workspace { settings, storage, .. } = *self.workspace;
        let share = ids.len().max(1);
        let uncommitted = settings.uncommitted_bytes_max.unwrap_or(UNCOMMITTED_BYTES_MAX);
        self.uncommitted_bytes_max = uncommitted / share;
        for id in ids {
            // By task, not of all together: so when a cache is full depends on its task's records alone.
            let cache = CacheBudget::new(settings.cache_bytes_max.div_ceil(share));
            let globals = self.globals.clone();
            let state = TaskState::open(&self.deployment, id, storage, cache, globals)?;
            let inputs = self.deployment.inputs(id);
            let handler = settings.deserialization_handler;
            let mut task = Task::build(&self.deployment, inputs, state, Order::Total, handler)?;
            for at in 0..task.group().queues().len() {
                let Some(queue) = task.group_mut().queue_mut(at) else { continue };
                let partition = &**queue.partition();
                let end = self.inputs.ends.get(partition).or(self.sealed_ends.get(partition));
                match end {
                    Some(end) => queue.bound(*end),
                    None => self.warnings.push(read_last(partition)),
                }
            }
            self.acknowledged.add(id);
            self.tasks.insert(id, task);
        }
        Ok(())
    }

    fn start_of(&self, queue: &RecordQueue) -> (TopicPartition, StartAt) {
        let partition = (**queue.partition()).clone();
        let start = self.inputs.start(&partition).unwrap_or(Offset::ZERO);
        (partition, StartAt::Offset(start))
    }

    fn run_stage(&mut self) -> Result<()> {
        loop {
            self.workspace.stop.check()?;
            self.consumer.events()?;
            let fetched = self.fetch()?;
            // Before anything else is processed: a seal flushes caches, and when it does must follow from
            // the records alone.
            let sealed = self.seal_finished()?;
            let processed = self.process()?;
            self.producer.poll()?;
            self.report_progress();
            if self.queues().all(|queue| queue.is_finished()) && !self.seal_finished()? {
                return self.commit();
            }
            let came = fetched > 0 || processed > 0 || sealed;
            let awaited = || {
                let waiting = reasons(self.tasks.values());
                if !waiting.is_empty() {
                    return waiting.join("; ");
                }
                let open = self.tasks.values().flat_map(|task| task.group().queues());
                let open = open.filter(|queue| !queue.is_finished());
                open.map(|queue| queue.partition().to_string()).collect::<Vec<_>>().join(", ")
            };
            self.stall.note(came, awaited)?;
            if !came {
                self.consumer.wait(self.workspace.settings.poll);
            }
        }
    }

    fn fetch(&mut self) -> Result<usize> {
        let partitions = self.queues().count().max(1);
        let bytes = self.workspace.settings.input_buffer_bytes_max / 2 / partitions;
        let limit = FetchLimit { records: RECORDS_PER_FETCH, bytes: bytes.max(FETCH_BYTES_MIN) };
        let mut records = 0;
        for task in self.tasks.values_mut() {
            records += task.fetch(&mut *self.consumer, limit)?;
        }
        Ok(records)
    }

    /// Processes in order of event time until some input runs dry, before its end or at it.
    fn process(&mut self) -> Result<usize> {
        let mut processed = 0;
        while processed < RECORDS_PER_TURN && !self.queues().any(|queue| queue.is_awaited()) {
            let Some((task, queue, limit)) = self.choose() else { break };
            let Some(task) = self.tasks.get_mut(&task) else { break };
            let (room, bytes_max) = (RECORDS_PER_TURN - processed, self.uncommitted_bytes_max);
            let ran =
                catch_unwind(AssertUnwindSafe(|| run_of(task, queue, limit, room, bytes_max)));
            let ran = ran.unwrap_or_else(|panic| Err(panics::error(&*panic, Some(task))))?;
            let is_full = task.uncommitted_bytes() > bytes_max;
            let is_finished = task.group().queue(queue).is_some_and(RecordQueue::is_finished);
            let is_waiting = task.waiting().is_some();
            logged::skipped(task);
            // Sent before another task has its turn: so a repartition topic gets its records in the
            // order of the merge, whichever task they come from.
            self.counts.written += to_u64(task.outbox().len());
            commit::send(task, &mut *self.producer, &self.acknowledged)?;
            let external = task.group().queue(queue).is_some_and(|queue| queue.is_external());
            self.counts.input += if external { to_u64(ran) } else { 0 };
            self.counts.processed += to_u64(ran);
            processed += ran;
            if is_full {
                self.commit()?;
            }
            // A record that lacks something holds up all others, whose order it is in.
            if is_finished || is_waiting {
                break;
            }
        }
        Ok(processed)
    }

    /// Returns the queue with the first head in event time, and the rank of the second: up to there the
    /// queue goes on by itself.
    fn choose(&self) -> Option<(TaskId, usize, Option<Rank>)> {
        let mut first: Option<(Rank, TaskId, usize)> = None;
        let mut second: Option<Rank> = None;
        for (id, task) in &self.tasks {
            for (at, queue) in task.group().queues().iter().enumerate() {
                // A repartition topic that this stage still writes is read once it is sealed.
                let Some(time) = queue.head_time().filter(|_| queue.is_bounded()) else { continue };
                let rank = (time, queue.ordinal());
                if first.is_none_or(|(best, ..)| rank < best) {
                    second = first.map(|(best, ..)| best);
                    first = Some((rank, *id, at));
                } else if second.is_none_or(|second| rank < second) {
                    second = Some(rank);
                }
            }
        }
        first.map(|(_, id, at)| (id, at, second))
    }

    /// Flushes all tasks, waits for every acknowledgement and commits their state. Offsets are committed
    /// once, at the end of the run: a run that is ended early starts over.
    fn commit(&mut self) -> Result<()> {
        for task in self.tasks.values_mut() {
            task.flush()?;
            self.counts.written += to_u64(task.outbox().len());
        }
        let (tasks, producer) = (&mut self.tasks, &mut *self.producer);
        // A rerun knows all topics that it writes: others were refused.
        let settle = &mut |_: &mut Task| Ok(());
        match commit::commit(tasks, producer, settle, &mut |_| Ok(()), &mut self.acknowledged)? {
            Committed::Done(_) => Ok(()),
            Committed::Postponed(error) => Err(error),
        }
    }

    /// Seals every repartition topic whose feeders are all finished; returns whether there was one.
    fn seal_finished(&mut self) -> Result<bool> {
        let ready: Vec<TopicRef> = self
            .feeders
            .iter()
            .filter(|(topic, feeders)| !self.sealed.contains(*topic) && self.are_finished(feeders))
            .map(|(topic, _)| topic.clone())
            .collect();
        if ready.is_empty() {
            return Ok(false);
        }
        self.commit()?;
        for topic in ready {
            let partitions = self.partitions_of(&topic);
            let Workspace { admin, stop, settings, .. } = *self.workspace;
            let ends = patiently(stop, settings.task_timeout, || admin.end_offsets(&partitions))?;
            for (partition, end) in ends {
                tracing::info!("sealed {partition} at {end}");
                self.counts.total += to_u64(usize::try_from(end.0).unwrap_or(0));
                self.bound(&partition, end);
                self.sealed_ends.insert(partition, end);
            }
            self.sealed.insert(topic);
        }
        Ok(true)
    }

    /// Returns whether these sources are read to their ends in this stage; sources of other stages are
    /// not this stage's to seal for.
    fn are_finished(&self, sources: &BTreeSet<usize>) -> bool {
        let mut mine =
            self.queues().filter(|queue| sources.contains(&queue.ordinal().0)).peekable();
        mine.peek().is_some() && mine.all(|queue| queue.is_finished())
    }

    fn partitions_of(&self, topic: &TopicRef) -> Vec<TopicPartition> {
        let name = self.workspace.names.source(topic);
        let all = self.deployment.all_partitions().into_iter();
        let mine = all.filter(|input| input.partition.topic == name);
        mine.map(|input| (*input.partition).clone()).collect()
    }

    /// Bounds a partition that a task of this stage reads already.
    fn bound(&mut self, partition: &TopicPartition, end: Offset) {
        for task in self.tasks.values_mut() {
            for at in 0..task.group().queues().len() {
                if let Some(queue) = task.group_mut().queue_mut(at)
                    && **queue.partition() == *partition
                {
                    queue.bound(end);
                }
            }
        }
    }

    fn queues(&self) -> impl Iterator<Item = &RecordQueue> {
        self.tasks.values().flat_map(|task| task.group().queues())
    }

    fn report_progress(&mut self) {
        let elapsed = self.workspace.clock.monotonic().saturating_sub(self.started);
        let Counts { stage, stages, processed, total, .. } = self.counts;
        (self.watch)(&ReplayProgress {
            stage,
            stages,
            records: processed,
            records_total: total.max(processed),
            elapsed,
        });
    }
}

/// Processes a queue's records up to a rank, or until it is empty, or a number of them, or until the task
/// holds too many flushed rows.
fn run_of(
    task: &mut Task,
    queue: usize,
    limit: Option<Rank>,
    room: usize,
    uncommitted_bytes_max: usize,
) -> Result<usize> {
    let mut processed = 0;
    while processed < room && task.uncommitted_bytes() <= uncommitted_bytes_max {
        let Some(head) = task.group().queue(queue) else { break };
        let Some(time) = head.head_time() else { break };
        if limit.is_some_and(|limit| (time, head.ordinal()) > limit) {
            break;
        }
        if !task.process_unless_waiting(queue)? {
            break;
        }
        processed += 1;
    }
    Ok(processed)
}

/// Returns the warning about a sub-topology that reads what it writes.
fn read_last(partition: &TopicPartition) -> String {
    format!(
        "{partition} is written and read by one sub-topology: its records are processed after all          others there, so they meet tables as they are at the end"
    )
}

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
