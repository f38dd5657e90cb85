//! The stores of one task, and where they are kept: opened before the task is built, so that they can
//! be restored by themselves.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Deployment;
use crate::config::StoreType;
use crate::error::Result;
use crate::ids::{StoreId, TaskId};
use crate::kafka::Outbox;
use crate::processor::GlobalTables;
use crate::state::{
    Backend, CacheBudget, Family, Rows, SeenPartitions, StateDirectory, StoreEnvironment, StoreSet,
    TaskDirectory,
};
use crate::topology::StoreSpec;

/// Opens a task's database: the path, and store names by family where they are kept there.
pub(crate) type OpenBackend =
    Arc<dyn Fn(&Path, Vec<Option<Arc<str>>>) -> Result<Box<dyn Backend>> + Send + Sync>;

/// Where tasks keep their state.
pub(crate) struct Storage {
    /// The locked state directory and how databases in it are opened; memory only without.
    pub(crate) disk: Option<(StateDirectory, OpenBackend)>,
    /// Where a store is kept that does not say it.
    pub(crate) default_store: StoreType,
}

/// How long a task may be elsewhere before its rows are no longer gone on from. Changelogs forget deletes
/// after a day (Kafka's `delete.retention.ms`): a row that was deleted meanwhile would come back to life.
const AWAY_MAX: Duration = Duration::from_secs(20 * 3600);

impl Storage {
    /// Keeps everything in memory.
    #[cfg(any(test, feature = "testing", not(feature = "rocksdb")))]
    pub(crate) fn in_memory() -> Self {
        Self { disk: None, default_store: StoreType::InMemory }
    }

    /// Opens the database of a task with the stores that are kept on disk, if there are any; a damaged
    /// one is deleted first, since its rows can be restored.
    pub(crate) fn open(
        &self,
        directory: impl Fn(&StateDirectory) -> TaskDirectory,
        families: Vec<Option<Arc<str>>>,
    ) -> Result<Option<Box<dyn Backend>>> {
        let Some((state, open)) = &self.disk else { return Ok(None) };
        if families.iter().all(Option::is_none) {
            return Ok(None);
        }
        let directory = directory(state);
        if directory.was_away_for(AWAY_MAX) {
            tracing::info!("a task that was long away comes back: its state is restored anew");
            directory.wipe()?;
        }
        directory.touch()?;
        match open(&directory.database(), families.clone()) {
            Err(error) if error.is_corrupted() => {
                tracing::warn!("{}; deleting it, to restore it", error.report());
                directory.wipe()?;
                directory.touch()?;
                open(&directory.database(), families).map(Some)
            }
            opened => opened.map(Some),
        }
    }

    /// Returns the partitions that were committed before, as far as the disk remembers.
    pub(crate) fn seen_partitions(&self) -> Result<SeenPartitions> {
        let disk = self.disk.as_ref();
        disk.map_or_else(|| Ok(SeenPartitions::default()), |(state, _)| state.seen_partitions())
    }

    /// Notes that a task is here, and its state up to date.
    pub(crate) fn touch(&self, task: TaskId) -> Result<()> {
        self.disk.as_ref().map_or(Ok(()), |(state, _)| state.task(task).touch())
    }

    /// Deletes the state of a task, if it is on disk; it must not be open.
    pub(crate) fn wipe_task(&self, task: TaskId) -> Result<()> {
        self.disk.as_ref().map_or(Ok(()), |(state, _)| state.task(task).wipe())
    }

    /// Deletes the rows of global tables, if they are on disk; they must not be open.
    pub(crate) fn wipe_global(&self) -> Result<()> {
        self.disk.as_ref().map_or(Ok(()), |(state, _)| state.global().wipe())
    }

    /// Deletes all state.
    pub(crate) fn wipe(&self) -> Result<()> {
        self.disk.as_ref().map_or(Ok(()), |(state, _)| state.wipe())
    }

    pub(crate) fn store_type(&self, wanted: Option<StoreType>) -> StoreType {
        match wanted.unwrap_or(self.default_store) {
            StoreType::RocksDb if self.disk.is_some() => StoreType::RocksDb,
            _ => StoreType::InMemory,
        }
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directory = self.disk.as_ref().map(|(directory, _)| directory);
        f.debug_struct("Storage").field("directory", &directory).finish_non_exhaustive()
    }
}

/// A task's stores, before there are operators over them.
#[derive(Debug)]
pub(crate) struct TaskState {
    pub(crate) id: TaskId,
    pub(crate) stores: StoreSet,
    pub(crate) outbox: Outbox,
    pub(crate) cache: CacheBudget,
    pub(crate) globals: Option<GlobalTables>,
}

impl TaskState {
    /// Opens the stores of a task.
    pub(crate) fn open(
        deployment: &Deployment,
        id: TaskId,
        storage: &Storage,
        cache: CacheBudget,
        globals: Option<GlobalTables>,
    ) -> Result<Self> {
        let stores = stores_of(deployment, id);
        Self::with_stores(deployment, id, &stores, storage, cache, globals)
    }

    /// Makes the stores of a task over its rows, which another thread of this process had.
    pub(crate) fn take_over(
        deployment: &Deployment,
        id: TaskId,
        rows: Rows,
        storage: &Storage,
        cache: CacheBudget,
        globals: Option<GlobalTables>,
    ) -> Self {
        let specs = specs(deployment, &stores_of(deployment, id));
        Self::over(deployment, id, &specs, rows, storage, cache, globals)
    }

    /// Opens these stores for a task.
    pub(crate) fn with_stores(
        deployment: &Deployment,
        id: TaskId,
        stores: &[StoreId],
        storage: &Storage,
        cache: CacheBudget,
        globals: Option<GlobalTables>,
    ) -> Result<Self> {
        let specs = specs(deployment, stores);
        let families = specs.iter().map(|(_, spec)| {
            let on_disk = storage.store_type(spec.store_type) == StoreType::RocksDb;
            on_disk.then(|| spec.name.clone())
        });
        let disk = storage.open(|state| state.task(id), families.collect())?;
        Ok(Self::over(deployment, id, &specs, Rows::new(disk), storage, cache, globals))
    }

    fn over(
        deployment: &Deployment,
        id: TaskId,
        specs: &[(StoreId, &StoreSpec)],
        rows: Rows,
        storage: &Storage,
        cache: CacheBudget,
        globals: Option<GlobalTables>,
    ) -> Self {
        let mut set = StoreSet::new(rows);
        let mut outbox = deployment.outbox(id);
        for (family, &(store, spec)) in specs.iter().enumerate() {
            let changelog = deployment.changelog(store, &mut outbox);
            let env = StoreEnvironment {
                name: spec.name.clone(),
                serde_topic: deployment.names().serde_changelog(&spec.name),
                family: Family(family),
                cache: if deployment.caches(store) { cache.clone() } else { CacheBudget::new(0) },
                changelog,
                old_values: spec.demand.old_values(),
            };
            let store_type = storage.store_type(spec.store_type);
            set.add(store, store_type, changelog.is_some(), (spec.make.make)(env));
        }
        Self { id, stores: set, outbox, cache, globals }
    }
}

fn stores_of(deployment: &Deployment, id: TaskId) -> Vec<StoreId> {
    let subtopology = deployment.topology().subtopology(id.subtopology);
    subtopology.map(|subtopology| subtopology.stores.clone()).unwrap_or_default()
}

/// Returns the declarations of stores; their order is that of their families on disk.
fn specs<'a>(deployment: &'a Deployment, stores: &[StoreId]) -> Vec<(StoreId, &'a StoreSpec)> {
    let known = stores.iter();
    known.filter_map(|&store| Some((store, deployment.topology().store(store)?))).collect()
}
