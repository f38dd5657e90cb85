//! Global tables: read to their ends before anything else starts, then followed by a thread.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::metrics::GlobalRecorder;
use super::stall::Stall;
use super::stop::Stop;
use crate::config::{DeserializationHandler, Settings, StoreType};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Offset, TopicPartition};
use crate::kafka::{
    Admin, Bound, Clients, Consumer, ConsumerRole, FetchLimit, FetchedBatch, Leave, Offsets,
    StartAt,
};
use crate::processor::GlobalTables;
use crate::record::RawRecord;
use crate::state::{Family, GlobalStore, MemoryBackend, Uncommitted, join_row};
use crate::task::Storage;
use crate::topology::{GlobalTableSpec, Topology};

/// Keeps the global tables up to date.
pub(crate) struct GlobalUpdater {
    topology: Topology,
    tables: GlobalTables,
    consumer: Box<dyn Consumer>,
    partitions: BTreeMap<TopicPartition, Followed>,
    handler: DeserializationHandler,
    poll: Duration,
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
            followed.insert(partition, Followed { table, bound: Bound::new(None, end) });
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
                self.consumer.wait(self.poll);
            }
        }
        self.close();
        Ok(())
    }

    /// Ends the following.
    pub(crate) fn close(self) {
        self.consumer.close(Leave::default());
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
            if self.partitions.values().all(|followed| followed.bound.is_reached()) {
                tracing::info!("global tables are complete after {read} records");
                return Ok(());
            }
            stall.note(updated > 0, || "the global tables' topics")?;
            if updated == 0 {
                self.consumer.wait(self.poll);
            }
        }
    }

    /// Takes in what has come; returns the number of records.
    fn update(&mut self) -> Result<usize> {
        let mut records = 0;
        for (partition, followed) in &mut self.partitions {
            let Some(spec) = self.topology.graph().globals.get(followed.table) else { continue };
            if self.is_bounded && followed.bound.is_reached() {
                continue;
            }
            let mut batch = FetchedBatch::default();
            let fetched = self.consumer.fetch(partition, FETCH, &mut batch)?;
            if self.is_bounded {
                followed.bound.clip(&mut batch, fetched);
            } else {
                followed.bound.note(&batch, fetched);
            }
            let mut rows = Uncommitted::default();
            for record in (0..batch.len()).filter_map(|at| batch.get(at)) {
                take(spec, partition, record, self.handler, &mut rows)?;
            }
            if !rows.is_empty() {
                self.tables.store.write(Family(followed.table), &rows)?;
            }
            self.recorder.consumed(&partition.topic, fetched.records);
            records += fetched.records;
        }
        Ok(records)
    }
}

impl fmt::Debug for GlobalUpdater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GlobalUpdater").field("partitions", &self.partitions).finish()
    }
}

/// Checks a record and makes it a row; a null key is dropped (row SF5).
fn take(
    spec: &GlobalTableSpec,
    partition: &TopicPartition,
    record: RawRecord<'_>,
    handler: DeserializationHandler,
    rows: &mut Uncommitted,
) -> Result<()> {
    if let Err(cause) = (spec.check)(record) {
        let message = format!("{cause} (record {partition}@{})", record.offset);
        if handler == DeserializationHandler::Continue {
            tracing::warn!("skipped a record: {message}");
            return Ok(());
        }
        return Err(Error::new(ErrorKind::Deserialization, message));
    }
    if let Some(key) = record.key {
        rows.put(key, record.value.map(|value| join_row(record.timestamp, value)));
    }
    Ok(())
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
