//! The tasks of one stream thread: made, restored, adopted, closed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::application::Application;
use super::commit::Acknowledged;
use super::state_updater::{Restored, StateUpdater};
use crate::error::{Error, Result};
use crate::ids::{TaskId, TopicPartition};
use crate::kafka::Waker;
use crate::state::CacheBudget;
use crate::task::{Order, Restoring, Task, TaskState};

/// The tasks of a thread, running or being restored.
#[derive(Debug)]
pub(super) struct TaskManager {
    app: Arc<Application>,
    updater: StateUpdater,
    cache: CacheBudget,
    pub(super) running: BTreeMap<TaskId, Task>,
    restoring: BTreeSet<TaskId>,
    pub(super) acknowledged: Acknowledged,
}

impl TaskManager {
    pub(super) fn start(app: &Arc<Application>, thread: usize, wake: Waker) -> Result<Self> {
        let cache = CacheBudget::new(app.settings.cache_bytes_max / app.settings.threads);
        let stores = app.deployment.topology().graph().stores.len();
        Ok(Self {
            app: app.clone(),
            updater: StateUpdater::start(app, thread, cache.clone(), wake)?,
            cache,
            running: BTreeMap::new(),
            restoring: BTreeSet::new(),
            acknowledged: Acknowledged::new(stores),
        })
    }

    /// Makes the tasks of newly assigned partitions; those with lost or new state restore it first.
    pub(super) fn assign(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let mut wanted = BTreeSet::new();
        for partition in partitions {
            let task = self.app.deployment.task_of(partition).ok_or_else(|| {
                Error::topology(format!(
                    "partition {partition} was not there at the start: the partitions of an input \
                     have changed; stop all instances and reset the application"
                ))
            })?;
            wanted.insert(task);
        }
        for id in wanted {
            if self.running.contains_key(&id) || self.restoring.contains(&id) {
                continue;
            }
            let state = self.open(id)?;
            if Restoring::partitions(&self.app.deployment, id).is_empty() {
                self.adopt(state)?;
            } else {
                self.restoring.insert(id);
                self.updater.restore(state);
            }
        }
        Ok(())
    }

    /// Takes over tasks whose state is restored.
    pub(super) fn adopt_restored(&mut self) -> Result<()> {
        while let Some(restored) = self.updater.try_next()? {
            match restored {
                Restored::Task(state) if self.restoring.remove(&state.id) => self.adopt(*state)?,
                // Revoked meanwhile: what was restored is kept on disk for the next time.
                Restored::Task(state) => drop(state),
                Restored::Failed(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns whether some tasks wait for their state.
    pub(super) fn is_restoring(&self) -> bool {
        !self.restoring.is_empty()
    }

    /// Returns whether some task that waits for its state reads what others write.
    pub(super) fn is_restoring_external(&self) -> bool {
        let inputs = self.restoring.iter().flat_map(|&id| self.app.deployment.inputs(id));
        inputs.into_iter().any(|input| input.external)
    }

    pub(super) fn uncommitted_bytes(&self) -> usize {
        self.running.values().map(Task::uncommitted_bytes).sum()
    }

    /// Makes the committed state of all tasks survive a kill.
    pub(super) fn flush_state(&mut self) -> Result<()> {
        for (id, task) in &mut self.running {
            task.flush_state()?;
            self.app.storage.touch(*id)?;
        }
        Ok(())
    }

    /// Ends all tasks; what they have not committed is forgotten. Clean means that it was committed,
    /// and that committed state is written to disk.
    pub(super) fn close(&mut self, clean: bool) -> Result<()> {
        self.restoring.clear();
        self.updater.forget_all();
        let mut result = Ok(());
        for (id, mut task) in std::mem::take(&mut self.running) {
            self.app.stats.dropped(task.dropped_records());
            if clean {
                result = result.and(task.flush_state()).and(self.app.storage.touch(id));
            }
        }
        result
    }

    fn open(&self, id: TaskId) -> Result<TaskState> {
        let Application { deployment, storage, globals, .. } = &*self.app;
        TaskState::open(deployment, id, storage, self.cache.clone(), globals.clone())
    }

    fn adopt(&mut self, state: TaskState) -> Result<()> {
        let id = state.id;
        let Application { deployment, settings, .. } = &*self.app;
        let inputs = deployment.inputs(id);
        let handler = settings.deserialization_handler;
        let task = Task::build(deployment, inputs, state, Order::Arrival, handler)?;
        self.acknowledged.add(id);
        self.running.insert(id, task);
        tracing::info!(task = %id, "task runs");
        Ok(())
    }
}
