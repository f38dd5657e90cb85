//! The loop of a rerun: all tasks of a stage in one thread, merged by event time.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::workspace::Workspace;
use super::{InputReport, ReplayProgress, ReplayReport, SealedTopic, report, stages};
use crate::error::Result;
use crate::ids::{Offset, TaskId, TopicPartition, TopicRef};
use crate::kafka::{Consumer, ConsumerRole, FetchLimit, Offsets, Producer, StartAt};
use crate::metrics::DroppedRecords;
use crate::processor::GlobalTables;
use crate::runtime::commit::{self, Acknowledged};
use crate::runtime::global_tables::{GlobalUpdater, Scope};
use crate::runtime::{panics, topics};
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
    global_ends: Offsets,
    /// The ends of external inputs, as captured; then also of sealed repartition topics.
    ends: Offsets,
    starts: Offsets,
    feeders: BTreeMap<TopicRef, BTreeSet<usize>>,
    sealed: BTreeSet<TopicRef>,
    tasks: BTreeMap<TaskId, Task>,
    acknowledged: Acknowledged,
    counts: Counts,
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

impl<'a, W: FnMut(&ReplayProgress)> Driver<'a, W> {
    /// Creates the version's topics and loads its global tables.
    pub(super) fn prepare(workspace: &'a Workspace<'a>, ends: Offsets, watch: W) -> Result<Self> {
        let Workspace { topology, settings, admin, .. } = *workspace;
        let names = workspace.names.clone();
        let deployment = topics::prepare(admin, topology, names, settings, RunMode::Bounded)?;
        let starts = admin.start_offsets(&ends.keys().cloned().collect::<Vec<_>>())?;
        let scope = (Scope::Bounded, workspace.stop);
        let (clients, storage) = (workspace.clients, workspace.storage);
        let updater = GlobalUpdater::load(topology, clients, admin, storage, settings, scope)?;
        let globals = updater.as_ref().map(GlobalUpdater::tables);
        let global_ends = updater.as_ref().map(GlobalUpdater::ends).unwrap_or_default();
        if let Some(updater) = updater {
            updater.close();
        }
        let partitions = deployment.all_partitions().len();
        let consumer = clients.consumer(ConsumerRole::Bounded, partitions)?;
        workspace.stop.wakes(consumer.waker());
        let total = ends.iter().map(|(at, end)| span(starts.get(at), *end)).sum();
        Ok(Self {
            workspace,
            consumer,
            producer: clients.producer(0)?,
            globals,
            global_ends,
            ends,
            starts,
            feeders: stages::feeders(topology),
            sealed: BTreeSet::new(),
            tasks: BTreeMap::new(),
            acknowledged: Acknowledged::new(topology.graph().stores.len()),
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
            tasks.into_iter().try_for_each(|task| self.open(task))?;
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
        let mut read = self.ends.clone();
        read.extend(self.global_ends.iter().map(|(at, end)| (at.clone(), *end)));
        let group = self.workspace.names.application_id();
        self.workspace.admin.commit(group, &read)?;
        let seconds = elapsed.as_secs_f64();
        let external = |partition: &TopicPartition| self.starts.contains_key(partition);
        let sealed = self.ends.iter().filter(|(partition, _)| !external(partition));
        let outputs = self.workspace.topology.output_topics();
        let names = &self.workspace.names;
        let report = ReplayReport {
            application: self.workspace.settings.application_id.clone(),
            version: version.to_owned(),
            inputs: self.input_reports(),
            sealed: sealed
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
            warnings: self.warnings(),
        };
        self.consumer.close();
        Ok(report)
    }

    fn open(&mut self, id: TaskId) -> Result<()> {
        let Workspace { settings, storage, .. } = *self.workspace;
        let cache = CacheBudget::new(settings.cache_bytes_max);
        let state = TaskState::open(&self.deployment, id, storage, cache, self.globals.clone())?;
        let inputs = self.deployment.inputs(id);
        let handler = settings.deserialization_handler;
        let mut task = Task::build(&self.deployment, inputs, state, Order::Total, handler)?;
        for at in 0..task.group().queues().len() {
            if let Some(queue) = task.group_mut().queue_mut(at)
                && let Some(end) = self.ends.get(&**queue.partition())
            {
                queue.bound(*end);
            }
        }
        self.acknowledged.add(id);
        self.tasks.insert(id, task);
        Ok(())
    }

    fn start_of(&self, queue: &RecordQueue) -> (TopicPartition, StartAt) {
        let partition = (**queue.partition()).clone();
        let start = self.starts.get(&partition).copied().unwrap_or(Offset::ZERO);
        (partition, StartAt::Offset(start))
    }

    fn run_stage(&mut self) -> Result<()> {
        loop {
            self.workspace.stop.check()?;
            self.consumer.events()?;
            let fetched = self.fetch()?;
            let processed = self.process()?;
            self.producer.poll()?;
            if self.holds_too_much() {
                self.commit()?;
            }
            let sealed = self.seal_finished()?;
            self.report_progress();
            if self.queues().all(|queue| queue.is_finished()) {
                return self.commit();
            }
            if fetched == 0 && processed == 0 && !sealed {
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

    /// Processes in order of event time until some input runs dry before its end.
    fn process(&mut self) -> Result<usize> {
        let mut processed = 0;
        while processed < RECORDS_PER_TURN && !self.queues().any(|queue| queue.is_awaited()) {
            let Some((task, queue, limit)) = self.choose() else { break };
            let Some(task) = self.tasks.get_mut(&task) else { break };
            let room = RECORDS_PER_TURN - processed;
            let ran = catch_unwind(AssertUnwindSafe(|| run_of(task, queue, limit, room)));
            let ran = ran.unwrap_or_else(|panic| Err(panics::error(&*panic, Some(task))))?;
            for error in task.take_skipped() {
                tracing::warn!(task = %task.id(), "skipped a record: {}", error.report());
            }
            // Sent before another task has its turn: so a repartition topic gets its records in the
            // order of the merge, whichever task they come from.
            self.counts.written += to_u64(task.outbox().len());
            commit::send(task, &mut *self.producer, &self.acknowledged)?;
            let external = task.group().queue(queue).is_some_and(|queue| queue.is_external());
            self.counts.input += if external { to_u64(ran) } else { 0 };
            self.counts.processed += to_u64(ran);
            processed += ran;
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
                let Some(time) = queue.head_time() else { continue };
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

    /// Returns whether flushed rows or the outboxes have grown so much that they must go.
    fn holds_too_much(&self) -> bool {
        let held: usize = self.tasks.values().map(Task::uncommitted_bytes).sum();
        self.workspace.settings.uncommitted_bytes_max.is_some_and(|max| held > max)
    }

    /// Flushes all tasks, waits for every acknowledgement and commits their state. Offsets are committed
    /// once, at the end of the run: a run that is ended early starts over.
    fn commit(&mut self) -> Result<()> {
        let timeout = self.workspace.settings.task_timeout;
        for task in self.tasks.values_mut() {
            task.flush()?;
            self.counts.written += to_u64(task.outbox().len());
        }
        let (tasks, producer) = (&mut self.tasks, &mut *self.producer);
        commit::commit(tasks, producer, &mut |_| Ok(()), &mut self.acknowledged, timeout)?;
        Ok(())
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
            let ends = self.workspace.admin.end_offsets(&partitions)?;
            for (partition, end) in ends {
                tracing::info!("sealed {partition} at {end}");
                self.counts.total += to_u64(usize::try_from(end.0).unwrap_or(0));
                self.bound(&partition, end);
                self.ends.insert(partition, end);
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

    fn input_reports(&self) -> Vec<InputReport> {
        let external =
            self.starts.iter().filter_map(|(at, start)| Some((at, start, self.ends.get(at)?)));
        let global = self.global_ends.iter().map(|(at, end)| (at, &Offset::ZERO, end));
        let all = external.chain(global);
        all.map(|(at, start, end)| InputReport {
            partition: at.to_string(),
            start: start.0,
            end: end.0,
        })
        .collect()
    }

    fn warnings(&self) -> Vec<String> {
        let trimmed = self.starts.iter().filter(|(_, start)| **start > Offset::ZERO);
        trimmed
            .map(|(at, start)| {
                format!("{at} begins at offset {start}: what was before is deleted and not in here")
            })
            .collect()
    }
}

/// Processes a queue's records up to a rank, or until it is empty, or a number of them.
fn run_of(task: &mut Task, queue: usize, limit: Option<Rank>, room: usize) -> Result<usize> {
    let mut processed = 0;
    while processed < room {
        let Some(head) = task.group().queue(queue) else { break };
        let Some(time) = head.head_time() else { break };
        if limit.is_some_and(|limit| (time, head.ordinal()) > limit) {
            break;
        }
        task.process_from(queue)?;
        processed += 1;
    }
    Ok(processed)
}

fn span(start: Option<&Offset>, end: Offset) -> u64 {
    u64::try_from(end.0 - start.map_or(0, |start| start.0)).unwrap_or(0)
}

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
