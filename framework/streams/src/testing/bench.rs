//! Tasks as a stream thread and a state updater have them, for benches: fed by hand, in batches.
//!
//! The test driver commits after each record and keeps what comes out; these do neither, so what is
//! measured is the task.

use std::time::Duration;

use crate::config::{Settings, TaskIdle};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Offset, SubtopologyId, TaskId, TopicPartition};
use crate::kafka::{Fetched, FetchedBatch, Offsets};
use crate::runtime::storage;
use crate::state::CacheBudget;
use crate::task::{Deployment, Order, Restoring, Storage, Task, TaskState, Turn};
use crate::time::Timestamp;
use crate::topology::{TopicNames, Topology};
use crate::trace::{Follow, IdGenerator, RecordTracer, Sampler, TracedRecord};

/// The first task of a topology, whose topics have one partition each.
#[derive(Debug)]
pub struct BenchTask {
    task: Task,
    _storage: Storage,
}

/// Takes no note of spans.
struct Untold;

impl Follow for Untold {
    fn begins(&mut self, _traced: TracedRecord<'_>) {}

    fn ends(&mut self, _error: Option<ErrorKind>) {}

    fn waits(&mut self) {}
}

/// The stores of such a task while they are restored.
#[derive(Debug)]
pub struct BenchRestore {
    restoring: Restoring,
    changelog: TopicPartition,
    _storage: Storage,
}

/// The only task.
const TASK: TaskId = TaskId { subtopology: SubtopologyId(0), partition: 0 };

impl BenchTask {
    /// Builds the task; cache, kind of store and state directory are those of the settings.
    ///
    /// # Errors
    ///
    /// Where the topology cannot be built, or the state not be opened.
    pub fn new(topology: &Topology, settings: &Settings) -> Result<Self> {
        let (deployment, storage, state) = open(topology, settings)?;
        let inputs = deployment.inputs(TASK);
        let handler = settings.deserialization_handler;
        let task = Task::build(&deployment, inputs, state, Order::Arrival, handler)?;
        Ok(Self { task, _storage: storage })
    }

    /// Has records traced, as the sampler says; their spans go nowhere, and no clock is read.
    pub fn trace(&mut self, sampler: Sampler) {
        let ids = IdGenerator::new([1, 2]);
        self.task.trace_by(RecordTracer::new(sampler, ids, Box::new(Untold)));
    }

    /// Has the ages of records measured, and how late they are.
    pub fn measure_ages(&mut self, with_lateness: bool) {
        self.task.measure_ages(with_lateness);
    }

    /// Adds what was fetched of the first input, and processes all of it; returns the bytes that would
    /// be sent.
    ///
    /// # Errors
    ///
    /// What would stop the task in production.
    pub fn process(&mut self, batch: FetchedBatch) -> Result<usize> {
        self.task.group_mut().push(0, batch);
        let turn = Turn {
            now: Duration::ZERO,
            idle: TaskIdle::Never,
            time_limit: Timestamp::MAX,
            records_max: usize::MAX,
            wall_clock: Timestamp::from_millis(i64::MAX / 2),
        };
        self.task.process(&turn)?;
        Ok(self.send())
    }

    /// Commits; returns the bytes that would be sent.
    ///
    /// # Errors
    ///
    /// Where the state cannot be written.
    pub fn commit(&mut self) -> Result<usize> {
        self.task.flush()?;
        let sent = self.send();
        self.task.committed([])?;
        Ok(sent)
    }

    fn send(&mut self) -> usize {
        let sent =
            self.task.outbox().iter().map(|record| {
                record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len)
            });
        let sent = sent.sum();
        self.task.outbox().clear();
        sent
    }
}

impl BenchRestore {
    /// Opens the stores of a task, one of them logged, to be restored up to an offset.
    ///
    /// # Errors
    ///
    /// Where there is no logged store, or the state cannot be opened.
    pub fn new(topology: &Topology, settings: &Settings, end: Offset) -> Result<Self> {
        let (deployment, storage, state) = open(topology, settings)?;
        let partitions = Restoring::partitions(&deployment, TASK).into_iter();
        let changelog = partitions.map(|(_, partition)| partition).next();
        let changelog = changelog.ok_or_else(|| Error::topology("there is no logged store"))?;
        let ends = Offsets::from([(changelog.clone(), end)]);
        let restoring = Restoring::start(&deployment, state, &ends)?;
        Ok(Self { restoring, changelog, _storage: storage })
    }

    /// Takes in what was fetched of the changelog; rows are written whenever there are this many bytes.
    ///
    /// # Errors
    ///
    /// Where they cannot be written.
    pub fn apply(&mut self, batch: &mut FetchedBatch, unwritten_bytes_max: usize) -> Result<()> {
        let fetched = Fetched { records: batch.len(), end_of_partition: None };
        self.restoring.apply(&self.changelog, batch, fetched, unwritten_bytes_max)
    }

    /// Returns whether everything is restored.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.restoring.progress().is_done
    }
}

fn open(topology: &Topology, settings: &Settings) -> Result<(Deployment, Storage, TaskState)> {
    let names = TopicNames::live(&settings.application_id);
    let deployment = Deployment::driven(topology.clone(), names);
    let storage = storage::open(settings, deployment.names())?;
    let cache = CacheBudget::new(settings.cache_bytes_max);
    let state = TaskState::open(&deployment, TASK, &storage, cache, None)?;
    Ok((deployment, storage, state))
}
