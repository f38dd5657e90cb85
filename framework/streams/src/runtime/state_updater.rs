//! The thread that restores state: it owns a task's stores until they are up to date.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

use super::application::Application;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{TaskId, TopicPartition};
use crate::kafka::{Admin, Consumer, ConsumerRole, FetchLimit, FetchedBatch, Waker};
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
    ForgetAll,
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
            assignment_is_stale: false,
            outbox,
            wake,
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

    /// Has the updater drop all state it still has.
    pub(super) fn forget_all(&self) {
        self.tell(Command::ForgetAll);
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
    assignment_is_stale: bool,
    outbox: Sender<Restored>,
    wake: Waker,
}

/// How much of one changelog partition is taken at a time.
const FETCH: FetchLimit = FetchLimit { records: 10_000, bytes: 4 << 20 };

impl Worker {
    fn run(mut self, inbox: &Receiver<Command>) {
        while self.take_commands(inbox) {
            let result = self.step();
            if let Err(error) = result {
                self.tasks.clear();
                self.send(Restored::Failed(error));
            }
        }
        self.tasks.clear();
        self.consumer.close();
    }

    /// Takes what was asked for; waits for it while there is nothing to restore. Returns whether to go
    /// on.
    fn take_commands(&mut self, inbox: &Receiver<Command>) -> bool {
        loop {
            let command = if self.tasks.is_empty() {
                match inbox.recv_timeout(self.app.settings.poll) {
                    Ok(command) => command,
                    Err(RecvTimeoutError::Timeout) => continue,
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
                Command::Restore(state) => {
                    if let Err(error) = self.begin(*state) {
                        self.send(Restored::Failed(error));
                    }
                }
                Command::ForgetAll => {
                    self.tasks.clear();
                    self.assignment_is_stale = true;
                }
            }
        }
    }

    fn begin(&mut self, state: TaskState) -> Result<()> {
        let id = state.id;
        let partitions = Restoring::partitions(&self.app.deployment, id);
        let partitions: Vec<TopicPartition> = partitions.into_iter().map(|(_, at)| at).collect();
        let ends = self.admin.end_offsets(&partitions)?;
        let restoring = match Restoring::start(&self.app.deployment, state, &ends) {
            Err(error) if error.is_corrupted() => {
                Restoring::start(&self.app.deployment, self.renew(id, &error)?, &ends)?
            }
            started => started?,
        };
        tracing::info!(task = %id, "restoring from {} changelogs", restoring.to_read().len());
        self.tasks.insert(id, restoring);
        self.assignment_is_stale = true;
        Ok(())
    }

    /// Deletes the damaged state of a task and opens it empty.
    fn renew(&self, id: TaskId, error: &Error) -> Result<TaskState> {
        tracing::warn!(task = %id, "{}; restoring all of it", error.report());
        self.app.storage.wipe_task(id)?;
        let Application { deployment, storage, globals, .. } = &*self.app;
        TaskState::open(deployment, id, storage, self.cache.clone(), globals.clone())
    }

    fn step(&mut self) -> Result<()> {
        self.hand_over_finished();
        if self.tasks.is_empty() {
            return Ok(());
        }
        if std::mem::take(&mut self.assignment_is_stale) {
            let to_read: Vec<_> = self.tasks.values().flat_map(Restoring::to_read).collect();
            self.consumer.assign(&to_read)?;
        }
        self.consumer.events()?;
        let mut restored = 0;
        let mut damaged = None;
        for (id, task) in &mut self.tasks {
            match restore(&mut *self.consumer, task) {
                Ok(records) => restored += records,
                Err(error) if error.is_corrupted() => damaged = Some((*id, error)),
                Err(error) => return Err(error),
            }
        }
        self.app.stats.restored(restored);
        if let Some((id, error)) = damaged {
            self.tasks.remove(&id);
            let state = self.renew(id, &error)?;
            return self.begin(state);
        }
        if restored == 0 && !self.tasks.values().any(|task| task.progress().is_done) {
            self.consumer.wait(self.app.settings.poll);
        }
        Ok(())
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
            self.send(Restored::Task(Box::new(task.finish())));
        }
        if self.tasks.is_empty() {
            self.assignment_is_stale = true;
        }
    }

    fn send(&self, restored: Restored) {
        // The stream thread is gone only when it closes; it has no use for state then.
        let _ = self.outbox.send(restored);
        self.wake.wake();
    }
}

/// Takes in what has come of a task's changelogs.
fn restore(consumer: &mut dyn Consumer, task: &mut Restoring) -> Result<usize> {
    let mut records = 0;
    for (partition, _) in task.to_read() {
        let mut batch = FetchedBatch::default();
        let fetched = consumer.fetch(&partition, FETCH, &mut batch);
        let fetched = fetched.map_err(|error| match error.kind() {
            // The offset to go on from is gone from the changelog.
            ErrorKind::Corrupted => error.context("the local state is too old"),
            _ => error,
        })?;
        task.apply(&partition, &mut batch, fetched)?;
        records += fetched.records;
    }
    Ok(records)
}
