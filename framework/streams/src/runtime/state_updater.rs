//! The thread that restores state: it owns a task's stores until they are up to date.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

use super::application::Application;
use super::heartbeat::Heartbeat;
use super::kafka_streams::thread_name;
use super::logged::Repeated;
use super::metrics::RestoreRecorder;
use super::stall::Stall;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{TaskId, TopicPartition};
use crate::kafka::{
    Admin, Consumer, ConsumerRole, FetchLimit, FetchedBatch, Leave, Offsets, Waker,
};
use crate::state::CacheBudget;
use crate::task::{Restoring, TaskState};

/// The stream thread's end of its updater.
#[derive(Debug)]
pub(super) struct StateUpdater {
    commands: Option<Sender<Command>>,
    restored: Receiver<Restored>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

/// What comes back.
#[derive(Debug)]
pub(super) enum Restored {
    /// A task's state, up to date.
    Task(Box<TaskState>),
    /// State cannot be restored.
    Failed(Error),
}

#[derive(Debug)]
enum Command {
    Restore(Box<TaskState>),
    /// Drop the state of these tasks, then answer: their databases are closed then.
    Forget(BTreeSet<TaskId>, Sender<()>),
}

impl StateUpdater {
    pub(super) fn start(
        app: &Arc<Application>,
        thread: usize,
        cache: CacheBudget,
        wake: Waker,
    ) -> Result<Self> {
        let partitions = app.deployment.changelog_topics().iter().map(|(_, count)| count).sum();
        let consumer = app.clients.consumer(ConsumerRole::Restore(thread), partitions)?;
        let admin = app.clients.admin()?;
        let waker = consumer.waker();
        app.stop.wakes(waker.clone());
        let (commands, inbox) = channel();
        let (outbox, restored) = channel();
        let worker = Worker {
            app: app.clone(),
            consumer,
            admin,
            cache,
            tasks: BTreeMap::new(),
            waiting: Vec::new(),
            renewed: BTreeSet::new(),
            assignment_is_stale: false,
            stall: None,
            heartbeat: app.threads.heartbeat(thread),
            repeated: Repeated::default(),
            outbox,
            wake,
            recorder: (!app.metrics.is_off())
                .then(|| RestoreRecorder::start(&app.metrics, &thread_name(app, thread))),
        };
        let name =
            format!("{}-StateUpdater-{}", app.deployment.names().application_id(), thread + 1);
        let thread = std::thread::Builder::new().name(name).spawn(move || worker.run(&inbox));
        let thread = thread.map_err(|cause| {
            Error::state("cannot start the thread that restores state").with_source(cause)
        })?;
        Ok(Self { commands: Some(commands), restored, waker, thread: Some(thread) })
    }

    /// Hands a task's state over; it comes back restored.
    pub(super) fn restore(&self, state: TaskState) {
        self.tell(Command::Restore(Box::new(state)));
    }

    /// Has the updater drop the state of tasks, and waits until it has: the next assignment may give the
    /// same tasks back, and their databases can be opened once.
    pub(super) fn forget(&self, tasks: BTreeSet<TaskId>) {
        let (done, forgotten) = channel();
        self.tell(Command::Forget(tasks, done));
        // An updater that is gone has nothing any more.
        let _ = forgotten.recv();
    }

    /// Returns what came back, without waiting.
    pub(super) fn try_next(&self) -> Result<Option<Restored>> {
        match self.restored.try_recv() {
            Ok(restored) => Ok(Some(restored)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => {
                Err(Error::state("the thread that restores state has ended"))
            }
        }
    }

    fn tell(&self, command: Command) {
        if let Some(commands) = &self.commands {
            // A worker that is gone has reported why, or is found gone by `try_next`.
            let _ = commands.send(command);
            self.waker.wake();
        }
    }
}

impl Drop for StateUpdater {
    fn drop(&mut self) {
        self.commands = None;
        self.waker.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that restores state panicked");
        }
    }
}

struct Worker {
    app: Arc<Application>,
    consumer: Box<dyn Consumer>,
    admin: Box<dyn Admin>,
    cache: CacheBudget,
    tasks: BTreeMap<TaskId, Restoring>,
    /// State whose changelogs' ends could not be asked for yet.
    waiting: Vec<TaskState>,
    /// Tasks whose state was found damaged and is restored from nothing.
    renewed: BTreeSet<TaskId>,
    assignment_is_stale: bool,
    /// Watches the asking for ends, once it has failed.
    stall: Option<Stall>,
    heartbeat: Arc<Heartbeat>,
    /// What is told only now and then.
    repeated: Repeated,
    outbox: Sender<Restored>,
    wake: Waker,
    /// None where metrics are off.
    recorder: Option<RestoreRecorder>,
}

/// How much of one changelog partition is taken at a time.
const FETCH: FetchLimit = FetchLimit { records: 10_000, bytes: 4 << 20 };
/// Restored rows that wait to be written, of all tasks together, in bytes: more are reduced no cheaper
/// (the processor's caches hold no more of them), and take memory that nothing else accounts for.
const UNWRITTEN_BYTES_MAX: usize = 16 << 20;
/// A task may always have this much, however many there are.
const UNWRITTEN_BYTES_MIN: usize = 1 << 20;

impl Worker {
    fn run(mut self, inbox: &Receiver<Command>) {
        while self.take_commands(inbox) {
            let result = self.step();
            if let Err(error) = result {
                self.forget(|_| true);
                self.send(Restored::Failed(error));
            }
        }
        self.forget(|_| true);
        self.consumer.close(Leave::default());
    }

    fn forget(&mut self, is_gone: impl Fn(TaskId) -> bool) {
        self.tasks.retain(|&task, _| !is_gone(task));
        self.waiting.retain(|state| !is_gone(state.id));
        self.renewed.retain(|&task| !is_gone(task));
        if let Some(recorder) = &self.recorder {
            recorder.forget(&is_gone);
        }
        self.assignment_is_stale = true;
    }

    /// Takes what was asked for; waits for it while there is nothing to restore. Returns whether to go
    /// on.
    fn take_commands(&mut self, inbox: &Receiver<Command>) -> bool {
        loop {
            let is_idle = self.tasks.is_empty() && self.waiting.is_empty();
            let command = if is_idle && !self.assignment_is_stale {
                match inbox.recv_timeout(self.app.settings.poll) {
                    Ok(command) => command,
                    // The client's events are served all the same.
                    Err(RecvTimeoutError::Timeout) => return true,
                    Err(RecvTimeoutError::Disconnected) => return false,
                }
            } else {
                match inbox.try_recv() {
                    Ok(command) => command,
                    Err(TryRecvError::Empty) => return true,
                    Err(TryRecvError::Disconnected) => return false,
                }
            };
            match command {
                Command::Restore(state) => self.waiting.push(*state),
                Command::Forget(tasks, done) => {
                    self.forget(|task| tasks.contains(&task));
                    // Whoever asked and is gone does not wait.
                    let _ = done.send(());
                }
            }
        }
    }

    /// Starts to restore what waits, unless Kafka cannot say now where the changelogs end.
    fn begin_waiting(&mut self) -> Result<()> {
        for state in std::mem::take(&mut self.waiting) {
            let partitions = Restoring::partitions(&self.app.deployment, state.id);
            let partitions: Vec<TopicPartition> =
                partitions.into_iter().map(|(_, at)| at).collect();
            match self.admin.end_offsets(&partitions) {
                Ok(ends) => {
                    self.stall = None;
                    self.begin(state, &ends)?;
                }
                Err(error) if error.is_retriable() => {
                    let (error, now) = (error.in_task(state.id), self.app.clock.monotonic());
                    self.repeated.warning(now, &error, "trying again");
                    self.waiting.push(state);
                    let limit = self.app.settings.task_timeout;
                    let waiting = self.stall.get_or_insert_with(|| Stall::new(limit));
                    waiting.note(false, || "the ends of changelogs")?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn begin(&mut self, state: TaskState, ends: &Offsets) -> Result<()> {
        let id = state.id;
        let restoring = match Restoring::start(&self.app.deployment, state, ends) {
            Err(error) if error.is_corrupted() => {
                let renewed = self.renew(id, error)?;
                Restoring::start(&self.app.deployment, renewed, ends)?
            }
            started => started?,
        };
        tracing::info!(task = %id, "restoring from {} changelogs", restoring.to_read().len());
        self.tasks.insert(id, restoring);
        self.assignment_is_stale = true;
        Ok(())
    }

    /// Deletes the damaged state of a task and opens it empty. State that is damaged again, made from the
    /// changelog alone, will not get better.
    fn renew(&mut self, id: TaskId, error: Error) -> Result<TaskState> {
        if !self.renewed.insert(id) {
            return Err(error.context("restored from nothing, and damaged again"));
        }
        tracing::warn!(task = %id, "{}; restoring all of it", error.report());
        self.app.storage.wipe_task(id)?;
        let Application { deployment, storage, globals, .. } = &*self.app;
        TaskState::open(deployment, id, storage, self.cache.clone(), globals.clone())
    }

    fn step(&mut self) -> Result<()> {
        self.consumer.events()?;
        self.begin_waiting()?;
        self.note_to_restore();
        self.hand_over_finished();
        if std::mem::take(&mut self.assignment_is_stale) {
            let to_read: Vec<_> = self.tasks.values().flat_map(Restoring::to_read).collect();
            // Also nothing: what is restored is written on by its task, and would be fetched for nobody.
            self.consumer.assign(&to_read)?;
        }
        if self.tasks.is_empty() {
            return Ok(());
        }
        let unwritten = (UNWRITTEN_BYTES_MAX / self.tasks.len()).max(UNWRITTEN_BYTES_MIN);
        let mut restored = 0;
        let mut damaged = None;
        for (id, task) in &mut self.tasks {
            match restore(&mut *self.consumer, task, unwritten) {
                Ok(records) => restored += records,
                Err(error) if error.is_corrupted() => damaged = Some((*id, error)),
                Err(error) => return Err(error),
            }
        }
        self.app.stats.restored(restored);
        if let Some(recorder) = &self.recorder {
            let now = self.app.clock.monotonic();
            for (&id, task) in &self.tasks {
                recorder.note(id, task.progress().restored, task.remaining(), now);
            }
        }
        if let Some((id, error)) = damaged {
            self.tasks.remove(&id);
            let state = self.renew(id, error)?;
            self.waiting.push(state);
            return Ok(());
        }
        if restored == 0 && !self.tasks.values().any(|task| task.progress().is_done) {
            self.consumer.wait(self.app.settings.poll);
        }
        Ok(())
    }

    /// Tells how much is left. Not that it is nothing: the next tasks may have been handed over already.
    fn note_to_restore(&self) {
        if !self.tasks.is_empty() {
            let left = self.tasks.values().map(Restoring::remaining).sum();
            self.heartbeat.set_to_restore(Some(left).filter(|_| self.waiting.is_empty()));
        }
    }

    fn hand_over_finished(&mut self) {
        let finished: Vec<TaskId> = self
            .tasks
            .iter()
            .filter(|(_, task)| task.progress().is_done)
            .map(|(id, _)| *id)
            .collect();
        for id in finished {
            let Some(task) = self.tasks.remove(&id) else { continue };
            tracing::info!(task = %id, "restored {} records", task.progress().restored);
            self.renewed.remove(&id);
            self.assignment_is_stale = true;
            self.send(Restored::Task(Box::new(task.finish())));
        }
    }

    fn send(&self, restored: Restored) {
        // The stream thread is gone only when it closes; it has no use for state then.
        let _ = self.outbox.send(restored);
        self.wake.wake();
    }
}

/// Takes in what has come of a task's changelogs.
fn restore(
    consumer: &mut dyn Consumer,
    task: &mut Restoring,
    unwritten_bytes_max: usize,
) -> Result<usize> {
    let mut records = 0;
    for (partition, _) in task.to_read() {
        let mut batch = FetchedBatch::default();
        let fetched = consumer.fetch(&partition, FETCH, &mut batch);
        let fetched = fetched.map_err(|error| match error.kind() {
            // The offset to go on from is gone from the changelog.
            ErrorKind::Corrupted => error.context("the local state is too old"),
            _ => error,
        })?;
        task.apply(&partition, &mut batch, fetched, unwritten_bytes_max)?;
        records += fetched.records;
    }
    Ok(records)
}
