//! The tasks of one stream thread: made, restored, adopted, closed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::application::Application;
use super::commit::Acknowledged;
use super::metrics::View;
use super::spans::ThreadSpans;
use super::state_updater::{Restored, StateUpdater};
use super::task_registry::Claim;
use super::waiting_tasks::WaitingTasks;
use crate::error::Result;
use crate::ids::{TaskId, TopicPartition};
use crate::kafka::{OffsetMetadata, Waker};
use crate::metrics::Level;
use crate::state::{CacheBudget, Rows};
use crate::task::{Order, Restoring, Task, TaskState};

/// The tasks of a thread: running, being restored, or waited for.
#[derive(Debug)]
pub(super) struct TaskManager {
    app: Arc<Application>,
    updater: StateUpdater,
    cache: CacheBudget,
    pub(super) running: BTreeMap<TaskId, Task>,
    restoring: BTreeSet<TaskId>,
    /// Tasks that another thread of the process has not given up yet.
    awaited: BTreeSet<TaskId>,
    pub(super) acknowledged: Acknowledged,
    /// Spans of records and commits; nothing where traces are off.
    pub(super) spans: Option<ThreadSpans>,
    /// What was committed beside the offsets of inputs, when they were given to this thread last.
    committed: BTreeMap<TopicPartition, OffsetMetadata>,
    /// Whether other tasks run than were told last.
    has_changed: bool,
}

impl TaskManager {
    pub(super) fn start(
        app: &Arc<Application>,
        thread: usize,
        wake: Waker,
        spans: Option<ThreadSpans>,
    ) -> Result<Self> {
        let cache = CacheBudget::new(app.share(app.settings.cache_bytes_max));
        let stores = app.deployment.topology().graph().stores.len();
        Ok(Self {
            app: app.clone(),
            updater: StateUpdater::start(app, thread, cache.clone(), wake)?,
            cache,
            running: BTreeMap::new(),
            restoring: BTreeSet::new(),
            awaited: BTreeSet::new(),
            acknowledged: Acknowledged::new(stores),
            spans,
            committed: BTreeMap::new(),
            has_changed: false,
        })
    }

    /// Makes tasks that were assigned, beside whose inputs' offsets this was committed; those with lost
    /// or new state restore it first.
    pub(super) fn assign(
        &mut self,
        tasks: &BTreeSet<TaskId>,
        committed: BTreeMap<TopicPartition, OffsetMetadata>,
    ) -> Result<()> {
        self.committed.extend(committed);
        self.awaited.extend(tasks.difference(&self.all()));
        self.open_awaited()
    }

    /// Opens the tasks that are waited for, as far as no other thread has them.
    pub(super) fn open_awaited(&mut self) -> Result<()> {
        for id in self.awaited.clone() {
            let state = match self.app.tasks.claim(id) {
                Claim::Busy => continue,
                Claim::Unknown => self.open(id).inspect_err(|_| self.app.tasks.closed(id))?,
                Claim::Rows(rows) => self.take_over(id, rows),
            };
            self.awaited.remove(&id);
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

    /// Returns whether some tasks wait for their state, or for another thread to give it up.
    pub(super) fn is_restoring(&self) -> bool {
        !self.restoring.is_empty() || !self.awaited.is_empty()
    }

    /// Returns whether some task that waits for its state reads what others write.
    pub(super) fn is_restoring_external(&self) -> bool {
        let waiting = self.restoring.iter().chain(&self.awaited);
        let inputs = waiting.flat_map(|&id| self.app.deployment.inputs(id));
        inputs.into_iter().any(|input| input.external)
    }

    /// Returns what there is to tell about, for metrics.
    pub(super) fn view<'a>(&'a self, waiting: &'a WaitingTasks) -> View<'a> {
        let restoring = self.restoring.len() + self.awaited.len();
        View { running: &self.running, restoring, waiting, cache_bytes: self.cache.used() }
    }

    pub(super) fn uncommitted_bytes(&self) -> usize {
        self.running.values().map(Task::uncommitted_bytes).sum()
    }

    /// Makes a span of a commit that began then, if any record that it stands for is traced.
    pub(super) fn trace_commit(&mut self, start: Option<Duration>) {
        if let (Some(spans), Some(start)) = (&mut self.spans, start) {
            spans.committed(self.running.values_mut(), start);
        }
    }

    /// Adjusts the caches to the number of threads there are now.
    pub(super) fn share_cache(&self) {
        self.cache.resize(self.app.share(self.app.settings.cache_bytes_max));
    }

    /// Makes the committed state of all tasks survive a kill.
    pub(super) fn flush_state(&mut self) -> Result<()> {
        for (id, task) in &mut self.running {
            task.flush_state()?;
            self.app.storage.touch(*id)?;
        }
        Ok(())
    }

    /// Ends tasks whose work was committed: their state is written to disk, and left to whichever
    /// thread of the process is given them.
    pub(super) fn hand_over(&mut self, tasks: &BTreeSet<TaskId>, now: Duration) -> Result<()> {
        let mut result = self.drop_waiting(tasks);
        self.has_changed = true;
        for (id, mut task) in self.running.extract_if(.., |id, _| tasks.contains(id)) {
            self.acknowledged.remove(id);
            self.app.stats.dropped(task.take_dropped());
            let written = task.flush_state().and(self.app.storage.touch(id));
            match written {
                Ok(()) => {
                    tracing::info!(task = %id, "task ends, and leaves its state to the next");
                    self.app.tasks.leave(id, task.into_rows(), now);
                }
                Err(error) => {
                    drop(task);
                    self.app.tasks.closed(id);
                    result = result.and(Err(error));
                }
            }
        }
        result
    }

    /// Ends tasks, and forgets what they have not committed.
    pub(super) fn abandon(&mut self, tasks: &BTreeSet<TaskId>) -> Result<()> {
        let result = self.drop_waiting(tasks);
        self.has_changed = true;
        for (id, mut task) in self.running.extract_if(.., |id, _| tasks.contains(id)) {
            self.acknowledged.remove(id);
            self.app.stats.dropped(task.take_dropped());
            drop(task);
            self.app.tasks.closed(id);
            tracing::info!(task = %id, "task ends, and what it has not committed is forgotten");
        }
        result
    }

    /// Ends a task and deletes its state, before any other thread can open it.
    pub(super) fn wipe(&mut self, id: TaskId) -> Result<()> {
        self.acknowledged.remove(id);
        self.has_changed = true;
        if let Some(mut task) = self.running.remove(&id) {
            self.app.stats.dropped(task.take_dropped());
        }
        let wiped = self.app.storage.wipe_task(id);
        self.app.tasks.closed(id);
        wiped
    }

    /// Returns the tasks that run, if they are others than at the last call.
    pub(super) fn changed(&mut self) -> Option<BTreeSet<TaskId>> {
        std::mem::take(&mut self.has_changed).then(|| self.running.keys().copied().collect())
    }

    /// Returns all tasks of the thread, in whatever state.
    pub(super) fn all(&self) -> BTreeSet<TaskId> {
        self.running.keys().chain(&self.restoring).chain(&self.awaited).copied().collect()
    }

    /// Forgets tasks that do not run yet.
    fn drop_waiting(&mut self, tasks: &BTreeSet<TaskId>) -> Result<()> {
        self.awaited.retain(|id| !tasks.contains(id));
        let restoring: BTreeSet<TaskId> = self.restoring.intersection(tasks).copied().collect();
        if restoring.is_empty() {
            return Ok(());
        }
        self.restoring.retain(|id| !restoring.contains(id));
        self.updater.forget(restoring.clone());
        // What came back before it forgot: other tasks' state, which is wanted, and that of these.
        let adopted = self.adopt_restored();
        restoring.into_iter().for_each(|id| self.app.tasks.closed(id));
        match adopted {
            // It was about tasks that are not wanted any more.
            Err(error) if self.restoring.is_empty() => tracing::warn!("{}", error.report()),
            adopted => adopted?,
        }
        Ok(())
    }

    fn open(&self, id: TaskId) -> Result<TaskState> {
        let Application { deployment, storage, globals, .. } = &*self.app;
        TaskState::open(deployment, id, storage, self.cache.clone(), globals.clone())
    }

    fn take_over(&self, id: TaskId, rows: Rows) -> TaskState {
        tracing::info!(task = %id, "taking the state over from another thread");
        let Application { deployment, storage, globals, .. } = &*self.app;
        TaskState::take_over(deployment, id, rows, storage, self.cache.clone(), globals.clone())
    }

    fn adopt(&mut self, state: TaskState) -> Result<()> {
        let id = state.id;
        let Application { deployment, settings, .. } = &*self.app;
        let inputs = deployment.inputs(id);
        let handler = settings.deserialization_handler;
        let mut task = Task::build(deployment, inputs, state, Order::Arrival, handler)?;
        task.resume(&self.committed);
        task.begins_at(self.app.clock.wall_clock());
        if settings.metrics_level >= Level::Info {
            task.measure_ages(settings.metrics_level >= Level::Debug);
        }
        if let Some(spans) = &mut self.spans {
            task.trace_by(spans.tracer(id));
        }
        self.acknowledged.add(id);
        self.running.insert(id, task);
        self.has_changed = true;
        tracing::info!(task = %id, "task runs");
        Ok(())
    }
}
