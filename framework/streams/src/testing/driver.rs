//! One task with all subtopologies, one partition per topic, everything at once (row TT1).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use super::topics::{TestInputTopic, TestOutputTopic};
use crate::config::{DeserializationHandler, TaskIdle};
use crate::dsl::Topic;
use crate::error::{Error, Result};
use crate::ids::{Offset, StoreId, SubtopologyId, TaskId};
use crate::kafka::FetchedBatch;
use crate::metrics::{DropReason, DroppedRecords};
use crate::processor::GlobalTables;
use crate::record::{Headers, RawRecord};
use crate::serde::Data;
use crate::state::{CacheBudget, Family, GlobalStore, MemoryBackend, Uncommitted};
use crate::task::{Deployment, Order, Readiness, Storage, Task, TaskState};
use crate::time::Timestamp;
use crate::topology::{TopicNames, Topology};

/// Drives a topology record by record: pipe in, read out, look into stores.
///
/// It runs the code that runs in production, as one task that holds all subtopologies, with one
/// queue per topic. After each record it commits, so caches fold nothing across records; what goes to a
/// repartition topic comes back at once. An output topic has as many partitions as it is declared to be
/// created with, or one.
///
/// # Examples
///
/// ```
/// use kappa::prelude::*;
/// use kappa::testing::TopologyTestDriver;
///
/// # fn main() -> kappa::Result<()> {
/// let words: Topic<String, String> = Topic::new("words", Utf8, Utf8);
/// let counts: Topic<String, Option<i64>> = Topic::new("counts", Utf8, Nullable::of(I64));
/// let builder = StreamsBuilder::new();
/// builder.stream(&words).group_by(|_, word| word.clone()).count("counts").to_stream().to(&counts);
///
/// let driver = TopologyTestDriver::new(&builder.build()?)?;
/// let mut input = driver.input(&words);
/// for word in ["to", "be", "or", "not", "to", "be"] {
///     input.pipe("line 1".to_owned(), word.to_owned());
/// }
/// let latest = driver.output(&counts).read_map();
/// assert_eq!(latest["to"], Some(2));
/// assert_eq!(driver.key_value::<String, i64>("counts", &"not".to_owned())?, Some(1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TopologyTestDriver(pub(super) Rc<RefCell<Driven>>);

/// The task under test, and what came out of it.
pub(super) struct Driven {
    topology: Topology,
    pub(super) task: Task,
    globals: Option<GlobalTables>,
    /// Queue numbers of the task's inputs, by real topic name.
    inputs: HashMap<Arc<str>, usize>,
    /// Real names of topics the application makes for itself: their records only come back.
    internal: BTreeSet<Arc<str>>,
    next_offset: HashMap<Arc<str>, i64>,
    pub(super) outputs: BTreeMap<Arc<str>, VecDeque<OutputRecord>>,
    produced: Vec<(Arc<str>, OutputRecord)>,
    changelog_offset: i64,
    /// What updates of global tables dropped: no task counts that.
    dropped_globally: DroppedRecords,
}

/// A record in bytes that the topology wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputRecord {
    /// The partition it was written to, unless a client would choose.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value.
    pub value: Option<Vec<u8>>,
    /// The timestamp.
    pub timestamp: Timestamp,
    /// The headers.
    pub headers: Headers,
}

/// The application id of a driven topology, as in the JVM library's driver.
const APPLICATION_ID: &str = "test-app";

impl TopologyTestDriver {
    /// Drives a topology with caching on (of any size: every record is committed).
    ///
    /// # Errors
    ///
    /// Where the topology cannot be built.
    pub fn new(topology: &Topology) -> Result<Self> {
        const CACHE_BYTES: usize = 10 << 20;
        Self::with_cache(topology, CACHE_BYTES, DeserializationHandler::Fail)
    }

    /// Drives a topology with this much cache (0 switches it off), and this way of dealing with
    /// records that cannot be decoded.
    ///
    /// # Errors
    ///
    /// Where the topology cannot be built.
    pub fn with_cache(
        topology: &Topology,
        cache_bytes: usize,
        handler: DeserializationHandler,
    ) -> Result<Self> {
        let names = TopicNames::live(APPLICATION_ID);
        let deployment = Deployment::driven(topology.clone(), names);
        let globals = global_tables(topology);
        let id = TaskId::new(SubtopologyId(0), 0);
        let stores: Vec<StoreId> = (0..topology.graph().stores.len()).map(StoreId).collect();
        let cache = CacheBudget::new(cache_bytes);
        let storage = Storage::in_memory();
        let state =
            TaskState::with_stores(&deployment, id, &stores, &storage, cache, globals.clone())?;
        let inputs = deployment.all_inputs();
        let queues = inputs.iter().enumerate();
        let queues = queues.map(|(at, input)| (input.partition.topic.clone(), at)).collect();
        let task = Task::build(&deployment, inputs, state, Order::Arrival, handler)?;
        let internal = deployment.repartition_topics().into_iter().map(|(topic, _)| topic);
        Ok(Self(Rc::new(RefCell::new(Driven {
            topology: topology.clone(),
            task,
            globals,
            inputs: queues,
            internal: internal.collect(),
            next_offset: HashMap::new(),
            outputs: BTreeMap::new(),
            produced: Vec::new(),
            changelog_offset: 0,
            dropped_globally: DroppedRecords::default(),
        }))))
    }

    /// Returns the writing end of an input topic.
    #[must_use]
    pub fn input<K: Data, V: Data>(&self, topic: &Topic<K, V>) -> TestInputTopic<K, V> {
        TestInputTopic::new(self.clone(), topic.clone())
    }

    /// Returns the reading end of an output topic.
    #[must_use]
    pub fn output<K: Data, V: Data>(&self, topic: &Topic<K, V>) -> TestOutputTopic<K, V> {
        TestOutputTopic::new(self.clone(), topic.clone())
    }

    /// Pipes a record in bytes, as a hostile producer might, and processes everything that follows
    /// from it.
    ///
    /// # Errors
    ///
    /// What would stop the task in production.
    pub fn pipe_bytes(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        timestamp: Timestamp,
    ) -> Result<()> {
        self.pipe_raw(topic, key, value, timestamp, &Headers::default())
    }

    pub(super) fn pipe_raw(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        timestamp: Timestamp,
        headers: &Headers,
    ) -> Result<()> {
        let mut driven = self.0.borrow_mut();
        let offset = driven.next_offset(topic);
        let record = RawRecord { key, value, timestamp, offset, headers };
        if let Some(queue) = driven.inputs.get(topic).copied() {
            driven.push(queue, record);
            return driven.run();
        }
        driven.update_global(topic, record)
    }

    /// Returns everything written since the last call, in order over all topics, by real topic name;
    /// repartition topics and changelogs included.
    #[must_use]
    pub fn take_produced(&self) -> Vec<(Arc<str>, OutputRecord)> {
        std::mem::take(&mut self.0.borrow_mut().produced)
    }

    /// Returns the number of dropped records so far, by reason.
    #[must_use]
    pub fn dropped_records(&self) -> DroppedRecords {
        let driven = self.0.borrow();
        let mut dropped = driven.task.dropped_records();
        dropped.add(driven.dropped_globally);
        dropped
    }
}

impl Driven {
    fn next_offset(&mut self, topic: &str) -> Offset {
        let next = self.next_offset.entry(topic.into()).or_insert(0);
        *next += 1;
        Offset(*next - 1)
    }

    fn push(&mut self, queue: usize, record: RawRecord<'_>) {
        let mut batch = FetchedBatch::default();
        batch.push(record);
        self.task.group_mut().push(queue, batch);
    }

    /// Processes until nothing is left, committing after each record.
    pub(super) fn run(&mut self) -> Result<()> {
        while let Readiness::Ready(queue) = self.task.next(TaskIdle::Never) {
            self.task.process_from(queue)?;
            self.commit()?;
        }
        Ok(())
    }

    /// Commits as a stream thread does; sent records come back or come out.
    pub(super) fn commit(&mut self) -> Result<()> {
        self.task.flush()?;
        // Every topic exists here, with one partition.
        self.task
            .settle_outputs(|topics| Ok(topics.iter().map(|topic| (topic.clone(), 1)).collect()))?;
        let sent: Vec<(Arc<str>, Option<StoreId>, OutputRecord)> = self
            .task
            .outbox()
            .iter()
            .map(|record| {
                let out = OutputRecord {
                    partition: record.partition,
                    key: record.key.map(<[u8]>::to_vec),
                    value: record.value.map(<[u8]>::to_vec),
                    timestamp: record.timestamp,
                    headers: record.headers.clone(),
                };
                (record.topic.clone(), record.changelog, out)
            })
            .collect();
        self.task.outbox().clear();
        let mut logged = Vec::new();
        for (topic, changelog, record) in sent {
            self.produced.push((topic.clone(), record.clone()));
            if let Some(store) = changelog {
                logged.push((store, Offset(self.changelog_offset)));
                self.changelog_offset += 1;
            }
            if let Some(queue) = self.inputs.get(&topic).copied() {
                let offset = self.next_offset(&topic);
                let (key, value) = (record.key.as_deref(), record.value.as_deref());
                let (timestamp, headers) = (record.timestamp, &record.headers);
                self.push(queue, RawRecord { key, value, timestamp, offset, headers });
            }
            if !self.internal.contains(&topic) {
                self.outputs.entry(topic).or_default().push_back(record);
            }
        }
        self.task.committed(logged)
    }

    fn update_global(&mut self, topic: &str, record: RawRecord<'_>) -> Result<()> {
        let graph = self.topology.graph();
        let global = graph.globals.iter().find(|global| &*global.topic == topic);
        let (Some(global), Some(tables)) = (global, &self.globals) else {
            return Err(Error::topology(format!("the topology does not read topic {topic}")));
        };
        let Some(family) = tables.families.get(&global.store) else { return Ok(()) };
        let mut rows = Uncommitted::default();
        if !global.rows.put(record, &mut rows).map_err(|error| error.context(topic))? {
            self.dropped_globally.count(DropReason::Null);
            return Ok(());
        }
        tables.store.write(*family, &rows)
    }
}

fn global_tables(topology: &Topology) -> Option<GlobalTables> {
    let globals = &topology.graph().globals;
    if globals.is_empty() {
        return None;
    }
    let families = globals.iter().enumerate();
    let families = families.map(|(at, global)| (global.store.clone(), Family(at))).collect();
    let store = GlobalStore::new(Box::new(MemoryBackend::default()));
    Some(GlobalTables { store, families: Arc::new(families) })
}

impl fmt::Debug for TopologyTestDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.borrow().topology, f)
    }
}
