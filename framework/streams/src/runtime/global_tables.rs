//! Global tables: read to their ends before anything else starts, then followed by a thread.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::metrics::GlobalRecorder;
use super::stall::Stall;
use super::stop::Stop;
use super::waiting::Waiting;
use crate::config::{DeserializationHandler, Settings, StoreType};
use crate::error::{Error, RecordPlace, Result};
use crate::ids::{Offset, TopicPartition};
use crate::kafka::{
    Admin, Bound, Clients, Consumer, ConsumerRole, FetchLimit, FetchedBatch, Leave, Offsets,
    StartAt,
};
use crate::processor::GlobalTables;
use crate::record::RawRecord;
use crate::state::{Family, GlobalStore, MakeRow, MemoryBackend, Uncommitted};
use crate::task::Storage;
use crate::time::{Clock, SystemClock};
use crate::topology::{GlobalTableSpec, Topology};

/// Keeps the global tables up to date.
pub(crate) struct GlobalUpdater {
    topology: Topology,
    tables: GlobalTables,
    consumer: Box<dyn Consumer>,
    partitions: BTreeMap<TopicPartition, Followed>,
    handler: DeserializationHandler,
    poll: Duration,
    clock: SystemClock,
    /// How long a record may wait for what it lacks.
    task_timeout: Duration,
    /// Whether records past the ends are left out.
    is_bounded: bool,
    recorder: Arc<GlobalRecorder>,
}

/// How far the tables are read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until<'a> {
    /// To these ends, to the record; then they stay as they are.
    Ends(&'a Offsets),
    /// To the ends as they are now, before anything else starts; then they follow their topics.
    Stopped,
}

/// One partition of a global table's topic.
#[derive(Debug)]
struct Followed {
    table: usize,
    /// Reading up to its end makes the table complete as of the start.
    bound: Bound,
    /// What was fetched behind a record that waits, with it.
    held: Option<Held>,
}

/// Fetched records of which one lacks something that was asked for.
#[derive(Debug)]
struct Held {
    batch: FetchedBatch,
    /// The record that waits.
    next: usize,
    waiting: Waiting,
}

impl Followed {
    fn is_complete(&self) -> bool {
        self.bound.is_reached() && self.held.is_none()
    }
}

/// How much of one partition is taken at a time.
const FETCH: FetchLimit = FetchLimit { records: 10_000, bytes: 4 << 20 };

impl GlobalUpdater {
    /// Reads all global tables up to their ends as they are now; nothing if there are none.
    ///
    /// # Errors
    ///
    /// Where a topic is missing or cannot be read, or a record cannot be decoded.
    pub(crate) fn load(
        topology: &Topology,
        clients: &dyn Clients,
        admin: &dyn Admin,
        storage: &Storage,
        settings: &Settings,
        (until, stop): (Until<'_>, &Stop),
    ) -> Result<Option<Self>> {
        let globals = &topology.graph().globals;
        if globals.is_empty() {
            return Ok(None);
        }
        let partitions = partitions(globals, admin)?;
        let tables = open(globals, storage)?;
        let ends = match until {
            Until::Ends(ends) => ends.clone(),
            Until::Stopped => admin.end_offsets(&partitions.keys().cloned().collect::<Vec<_>>())?,
        };
        let mut followed = BTreeMap::new();
        for (partition, table) in partitions {
            let end = ends.get(&partition).copied().unwrap_or(Offset::ZERO);
            followed
                .insert(partition, Followed { table, bound: Bound::new(None, end), held: None });
        }
        let consumer = clients.consumer(ConsumerRole::Global, followed.len())?;
        stop.wakes(consumer.waker());
        let mut updater = Self {
            topology: topology.clone(),
            tables,
            consumer,
            partitions: followed,
            handler: settings.deserialization_handler,
            poll: settings.poll,
            clock: SystemClock::start(),
            task_timeout: settings.task_timeout,
            is_bounded: matches!(until, Until::Ends(_)),
            recorder: Arc::default(),
        };
        updater.read_to_ends(stop, Stall::new(settings.task_timeout))?;
        Ok(Some(updater))
    }

    /// Returns the tables, for operators to look up.
    pub(crate) fn tables(&self) -> GlobalTables {
        self.tables.clone()
    }

    /// Returns what tells how much was read.
    pub(crate) fn recorder(&self) -> Arc<GlobalRecorder> {
        self.recorder.clone()
    }

    /// Follows the topics until a stop is asked for.
    ///
    /// # Errors
    ///
    /// Where a topic cannot be read any more, or a record cannot be decoded.
    pub(crate) fn follow(mut self, stop: &Stop) -> Result<()> {
        while !stop.is_asked() {
            self.consumer.events()?;
            if self.update()? == 0 {
                self.wait(stop);
            }
        }
        self.close();
        Ok(())
    }

    /// Ends the following.
    pub(crate) fn close(self) {
        self.consumer.close(Leave::default());
    }

    fn wait(&mut self, stop: &Stop) {
        if self.partitions.values().any(|followed| followed.held.is_some()) {
            // The consumer would not wait: there may be more behind what is held.
            stop.wait(self.poll);
        } else {
            self.consumer.wait(self.poll);
        }
    }

    fn read_to_ends(&mut self, stop: &Stop, mut stall: Stall) -> Result<()> {
        let from: Vec<_> =
            self.partitions.keys().map(|at| (at.clone(), StartAt::Beginning)).collect();
        self.consumer.assign(&from)?;
        let mut read = 0;
        loop {
            stop.check()?;
            self.consumer.events()?;
            let updated = self.update()?;
            read += updated;
            if self.partitions.values().all(Followed::is_complete) {
                tracing::info!("global tables are complete after {read} records");
                return Ok(());
            }
            stall.note(updated > 0, || "the global tables' topics")?;
            if updated == 0 {
                self.wait(stop);
            }
        }
    }

    /// Takes in what has come; returns the number of records.
    fn update(&mut self) -> Result<usize> {
        let mut records = 0;
        for (partition, followed) in &mut self.partitions {
            let Some(spec) = self.topology.graph().globals.get(followed.table) else { continue };
            if self.is_bounded && followed.is_complete() {
                continue;
            }
            let (batch, first, mut waiting) = match followed.held.take() {
                Some(Held { batch, next, waiting }) => (batch, next, Some(waiting)),
                None => {
                    let mut batch = FetchedBatch::default();
                    let fetched = self.consumer.fetch(partition, FETCH, &mut batch)?;
                    if self.is_bounded {
                        followed.bound.clip(&mut batch, fetched);
                    } else {
                        followed.bound.note(&batch, fetched);
                    }
                    self.recorder.consumed(&partition.topic, fetched.records);
                    (batch, 0, None)
                }
            };
            let (mut rows, mut next) = (Uncommitted::default(), first);
            let lacks = loop {
                let Some(record) = batch.get(next) else { break None };
                match take(&*spec.rows, partition, record, self.handler, &mut rows) {
                    Err(error) if error.is_retriable() => break Some(error),
                    taken => taken?,
                }
                next += 1;
            };
            if !rows.is_empty() {
                self.tables.store.write(Family(followed.table), &rows)?;
            }
            records += next - first;
            let who = || format!("the global table of {}", partition.topic);
            if next > first
                && let Some(waited) = waiting.take()
            {
                waited.ends(who);
            }
            if let Some(reason) = lacks {
                let now = self.clock.monotonic();
                let mut waiting = waiting.unwrap_or_else(|| Waiting::new(now));
                waiting.note(who, &reason, now, self.task_timeout)?;
                followed.held = Some(Held { batch, next, waiting });
            }
        }
        Ok(records)
    }
}

impl fmt::Debug for GlobalUpdater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GlobalUpdater").field("partitions", &self.partitions).finish()
    }
}

/// Makes a record a row, unless it has a null key or is one to be skipped.
fn take(
    make: &dyn MakeRow,
    partition: &TopicPartition,
    record: RawRecord<'_>,
    handler: DeserializationHandler,
    rows: &mut Uncommitted,
) -> Result<()> {
    let Err(error) = make.put(record, rows) else { return Ok(()) };
    let error = error.context(format_args!("record {partition}@{}", record.offset));
    if error.is_deserialization() && handler == DeserializationHandler::Continue {
        tracing::warn!("skipped a record: {}", error.report());
        return Ok(());
    }
    let place =
        RecordPlace { partition: partition.clone().into(), offset: record.offset, trace: None };
    Err(error.at_record(place))
}

fn partitions(
    globals: &[GlobalTableSpec],
    admin: &dyn Admin,
) -> Result<BTreeMap<TopicPartition, usize>> {
    let topics: Vec<Arc<str>> = globals.iter().map(|global| global.topic.clone()).collect();
    let counts = admin.partition_counts(&topics)?;
    let mut partitions = BTreeMap::new();
    for (table, global) in globals.iter().enumerate() {
        let Some(&count) = counts.get(&global.topic) else {
            let topic = &global.topic;
            return Err(Error::topology(format!("the input topic {topic} does not exist")));
        };
        for partition in 0..i32::try_from(count).unwrap_or(i32::MAX) {
            partitions.insert(TopicPartition::new(global.topic.clone(), partition), table);
        }
    }
    Ok(partitions)
}

/// Opens the rows of the global tables, empty: they are read again at every start.
fn open(globals: &[GlobalTableSpec], storage: &Storage) -> Result<GlobalTables> {
    let on_disk = storage.store_type(None) == StoreType::RocksDb;
    let names = globals.iter().map(|global| on_disk.then(|| global.store.clone())).collect();
    storage.wipe_global()?;
    let disk = storage.open(|state| state.global(), names)?;
    let backend = disk.unwrap_or_else(|| Box::new(MemoryBackend::default()));
    let families = globals.iter().enumerate();
    let families = families.map(|(at, global)| (global.store.clone(), Family(at))).collect();
    Ok(GlobalTables { store: GlobalStore::new(backend), families: Arc::new(families) })
}
