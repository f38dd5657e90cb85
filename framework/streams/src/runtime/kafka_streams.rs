//! The client: it starts an application's threads, and ends them.

mod threads;

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::application::{Application, Stats};
use super::caught_up::CaughtUp;
use super::client_state::{ClientState, StateCell};
use super::global_tables::{GlobalUpdater, Until};
use super::health::{StageCell, StartStage, Vitals};
use super::metrics::{ClientSource, ThreadsSource};
use super::stop::{Stop, patiently};
use super::stream_thread::StreamThread;
use super::task_registry::TaskRegistry;
use super::thread_state::{ThreadMetadata, ThreadStates};
use super::{housekeeping, logged, panics, storage, topics};
use crate::config::Settings;
use crate::error::{Error, ErrorKind, Result};
use crate::kafka::{Clients, Waker};
use crate::metrics::{DroppedRecords, Metrics};
use crate::task::RunMode;
use crate::time::{Clock, SystemClock};
use crate::topology::{TopicNames, Topology};
use crate::trace::Tracing;

/// An application that runs live: its topology, its threads, its state.
///
/// # Examples
///
/// ```no_run
/// use kappa::config::StreamsConfig;
/// use kappa::prelude::*;
/// use kappa::runtime::KafkaStreams;
///
/// # fn main() -> kappa::Result<()> {
/// let builder = StreamsBuilder::new();
/// builder.stream(&Topic::<String, String>::new("in", Utf8, Utf8)).to(&Topic::new("out", Utf8, Utf8));
/// let settings = StreamsConfig::new("copy").with_process_environment()?.resolve()?;
/// let streams = KafkaStreams::new(builder.build()?, settings);
/// streams.start()?;
/// streams.wait()
/// # }
/// ```
pub struct KafkaStreams {
    topology: Topology,
    settings: Settings,
    clients: Arc<dyn Clients>,
    clock: Arc<dyn Clock>,
    tracing: Option<Tracing>,
    state: Arc<StateCell>,
    stats: Arc<Stats>,
    stage: StageCell,
    metrics: Metrics,
    stop: Stop,
    started: Mutex<Started>,
    /// Held while threads are joined: whoever else wants to wait for their end waits for that.
    joining: Mutex<()>,
}

#[derive(Default)]
struct Started {
    app: Option<Arc<Application>>,
    /// What ends a stream thread alone, by its number.
    stops: BTreeMap<usize, Stop>,
    /// All threads, until they are joined.
    threads: Vec<JoinHandle<()>>,
    failure: Arc<Mutex<Option<Error>>>,
}

/// What a client that is closed does about its group (KIP-1153).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnClose {
    /// A dynamic member leaves; a static one stays until `session.timeout.ms` is over, so that it finds
    /// its tasks again after a restart.
    #[default]
    Default,
    /// The members leave, static ones too: their tasks go to others at once.
    LeaveGroup,
    /// The members stay; only static ones can.
    RemainInGroup,
}

/// What an application has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Records processed since the start.
    pub processed: u64,
    /// Changelog records restored since the start.
    pub restored: u64,
    /// Records dropped by then.
    pub dropped: DroppedRecords,
}

/// How long one wait for the next commit is, while waiting to be caught up.
const COMMIT_WAIT: Duration = Duration::from_millis(500);

impl KafkaStreams {
    /// Makes a client over librdkafka; nothing runs yet.
    #[cfg(feature = "rdkafka")]
    #[must_use]
    pub fn new(topology: Topology, settings: Settings) -> Self {
        let group = settings.application_id.clone();
        let clients = Arc::new(crate::kafka::rdkafka::RdKafka::new(&settings, &group));
        Self::with_clients(topology, settings, clients)
    }

    /// Makes a client over other Kafka clients; nothing runs yet.
    #[must_use]
    pub fn with_clients(topology: Topology, settings: Settings, clients: Arc<dyn Clients>) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let (state, stats) = (Arc::new(StateCell::new()), Arc::default());
        let metrics = Metrics::new(settings.metrics_level, clock.clone());
        let source = ClientSource {
            application_id: settings.application_id.as_str().into(),
            topology: topology.clone(),
            since: clock.wall_clock(),
            state: Arc::clone(&state),
            stats: Arc::clone(&stats),
        };
        metrics.add("client", Arc::new(source));
        let (stop, closing) = (Stop::new(), Arc::clone(&state));
        // Whoever asks: threads that finish their work take a while, and are closing meanwhile.
        stop.wakes(Waker::new(move || _ = closing.set(ClientState::PendingShutdown)));
        Self {
            topology,
            settings,
            clients,
            clock,
            tracing: None,
            state,
            stats,
            stage: StageCell::default(),
            metrics,
            stop,
            started: Mutex::default(),
            joining: Mutex::default(),
        }
    }

    /// Has records traced that are sampled; by default none are.
    #[must_use]
    pub fn traced(mut self, tracing: Option<Tracing>) -> Self {
        self.tracing = tracing;
        self
    }

    /// Waits for Kafka, checks and creates topics, loads global tables and starts the threads.
    ///
    /// # Errors
    ///
    /// Where Kafka does not answer in time, topics do not fit, the state directory is in use, a global
    /// table cannot be read, or [`close`](Self::close) was called.
    pub fn start(&self) -> Result<()> {
        if !self.state.set(ClientState::Rebalancing) {
            let state = self.state.get();
            return Err(Error::state(format!("a client in state {state} cannot be started")));
        }
        let started = self.prepare().and_then(|(app, globals)| self.launch(&app, globals));
        if started.is_err() {
            // Unless it was a stop that ended it.
            self.state.set(ClientState::PendingError);
            self.stop.ask();
            // Some threads may run already.
            self.join();
        }
        started
    }

    /// Returns the state now.
    #[must_use]
    pub fn state(&self) -> ClientState {
        self.state.get()
    }

    /// Returns a queue of all changes of the state from now on, in order.
    #[must_use]
    pub fn listen(&self) -> Receiver<ClientState> {
        self.state.listen()
    }

    /// Returns what was done so far.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            processed: self.stats.processed_total(),
            restored: self.stats.restored_total(),
            dropped: self.stats.dropped_total(),
        }
    }

    /// Returns the metrics: what exporters read, and whoever else wants to.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Returns the stream threads with their states and tasks; none before the start and after the end.
    #[must_use]
    pub fn threads(&self) -> Vec<ThreadMetadata> {
        self.started().app.as_ref().map(|app| app.threads.metadata()).unwrap_or_default()
    }

    /// Returns what there is to say of the client's health now.
    #[must_use]
    pub fn vitals(&self) -> Vitals {
        let (app, done) = (self.started().app.clone(), self.progress());
        Vitals {
            stage: self.stage.get(),
            state: self.state.get(),
            is_stopping: self.stop.is_asked(),
            threads: app.map(|app| app.threads.vitals()).unwrap_or_default(),
            progress: BTreeMap::from([
                ("processed_records", done.processed),
                ("restored_records", done.restored),
                ("dropped_records", done.dropped.total()),
            ]),
        }
    }

    /// Returns what asks this client to stop, for a signal handler.
    #[must_use]
    pub fn stop_handle(&self) -> Stop {
        self.stop.clone()
    }

    /// Waits until every input is read to its end and committed, and every repartition topic too; then
    /// the client still runs. Inputs count as far as they reach when this is called.
    ///
    /// # Errors
    ///
    /// Where the client ends before that, for whatever reason.
    pub fn wait_until_caught_up(&self, mut watch: impl FnMut(Progress)) -> Result<()> {
        let app = self.started().app.clone();
        let app = app.ok_or_else(|| Error::state("the client is not started"))?;
        let admin = self.clients.admin()?;
        let patience = app.settings.task_timeout;
        let mut caught_up = patiently(&self.stop, patience, || CaughtUp::begin(&app, &*admin))?;
        loop {
            if app.threads.all_dead() || self.state.get().is_final() || self.stop.is_asked() {
                let message = "ended before it had caught up";
                return Err(self.failure().unwrap_or(Error::new(ErrorKind::Interrupted, message)));
            }
            match caught_up.is_done(&app, &*admin) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) if error.is_retriable() => tracing::warn!("{}", error.report()),
                Err(error) => return Err(error),
            }
            watch(self.progress());
            self.stats.wait_for_commit(COMMIT_WAIT);
        }
    }

    /// Waits until the client has ended.
    ///
    /// # Errors
    ///
    /// What ended its threads, unless it was closed.
    pub fn wait(&self) -> Result<()> {
        self.join();
        match self.failure() {
            Some(error) => Err(error),
            None if self.state.get() == ClientState::Error => {
                Err(Error::state("the client has failed; another call was told why"))
            }
            None => Ok(()),
        }
    }

    /// Commits, writes state to disk and ends the threads; may be called again. Dynamic members leave the
    /// group, static ones stay in it.
    ///
    /// # Errors
    ///
    /// What went wrong while closing, or had ended a thread before.
    pub fn close(&self) -> Result<()> {
        self.close_with(OnClose::Default)
    }

    /// Closes as [`close`](Self::close) does, and says whether the members leave their group (row L2).
    ///
    /// # Errors
    ///
    /// As `close`; and without closing anything where dynamic members are to stay, which they cannot.
    pub fn close_with(&self, on_close: OnClose) -> Result<()> {
        if on_close == OnClose::RemainInGroup && !self.settings.is_static_member() {
            return Err(Error::config(
                "a dynamic member cannot stay in its group when it is closed: give the instance a \
                 `group.instance.id`",
            ));
        }
        if let Some(app) = self.started().app.as_ref() {
            app.leave.store(on_close == OnClose::LeaveGroup, Ordering::Release);
        }
        self.state.set(ClientState::PendingShutdown);
        self.stop.ask();
        self.wait()
    }

    fn prepare(&self) -> Result<(Arc<Application>, Option<GlobalUpdater>)> {
        let (settings, clients) = (&self.settings, &*self.clients);
        let names = TopicNames::live(&settings.application_id);
        let storage = storage::open(settings, &names)?;
        let admin = clients.admin()?;
        self.stage.set(StartStage::Kafka);
        topics::wait_for_cluster(&*admin, settings, &self.stop)?;
        self.stage.set(StartStage::Topics);
        let inputs = topics::inputs(&*admin, &self.topology)?;
        let run = (RunMode::Live, &inputs);
        let deployment = topics::prepare(&*admin, &self.topology, names, settings, run)?;
        self.stage.set(StartStage::Registry);
        patiently(&self.stop, settings.task_timeout, || {
            self.topology.prepare_serdes(deployment.names())
        })?;
        self.stage.set(StartStage::GlobalTables);
        let until = (Until::Stopped, &self.stop);
        let globals =
            GlobalUpdater::load(&self.topology, clients, &*admin, &storage, settings, until)?;
        self.stage.set(StartStage::Threads);
        let seen = storage.seen_partitions()?;
        let app = Application {
            external: deployment.external_topics(),
            deployment,
            settings: settings.clone(),
            storage,
            globals: globals.as_ref().map(GlobalUpdater::tables),
            clients: self.clients.clone(),
            clock: self.clock.clone(),
            stop: self.stop.clone(),
            leave: AtomicBool::new(false),
            threads: ThreadStates::new(self.state.clone(), self.clock.clone()),
            seen,
            tasks: TaskRegistry::default(),
            stats: self.stats.clone(),
            metrics: self.metrics.clone(),
            purgeable: Mutex::default(),
            tracing: self.tracing.clone(),
        };
        Ok((Arc::new(app), globals))
    }

    fn launch(&self, app: &Arc<Application>, globals: Option<GlobalUpdater>) -> Result<()> {
        let mut started = self.started();
        started.app = Some(app.clone());
        self.metrics.add("threads", Arc::new(ThreadsSource(Arc::downgrade(app))));
        let failure = started.failure.clone();
        let id = app.deployment.names().application_id().to_owned();
        for _ in 0..app.settings.threads {
            self.launch_stream_thread(app, &mut started)?;
        }
        if let Some(globals) = globals {
            self.metrics.add("global", globals.recorder());
            let (stop, ended) = (app.stop.clone(), Ended::new(self, &failure));
            let run = move || ended.note(|| globals.follow(&stop));
            started.threads.push(spawn(format!("{id}-GlobalThread"), run)?);
        }
        let (app, admin) = (app.clone(), app.clients.admin()?);
        let ended = Ended::new(self, &failure);
        let run = move || ended.note(|| housekeeping::run(&app, &*admin));
        started.threads.push(spawn(format!("{id}-Housekeeping"), run)?);
        self.stage.set(StartStage::Done);
        Ok(())
    }

    fn launch_stream_thread(
        &self,
        app: &Arc<Application>,
        started: &mut Started,
    ) -> Result<String> {
        let index = app.threads.add();
        let (stop, name) = (Stop::new(), thread_name(app, index));
        let launched = StreamThread::create(app, index, stop.clone()).and_then(|thread| {
            let ended = Ended::new(self, &started.failure);
            spawn(name.clone(), move || ended.note(|| thread.run()))
        });
        let thread = launched.inspect_err(|_| app.threads.remove(index))?;
        // Those that were removed have nothing to tell any more.
        started.threads.retain(|thread| !thread.is_finished());
        started.threads.push(thread);
        started.stops.insert(index, stop);
        Ok(name)
    }

    fn started(&self) -> MutexGuard<'_, Started> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self) {
        let _joining = self.joining.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let thread = self.started().threads.pop();
            let Some(thread) = thread else { break };
            if thread.join().is_err() {
                tracing::error!("a thread panicked outside of its tasks");
            }
        }
        self.finish();
    }

    /// Ends the state machine once nothing runs, and gives the state directory back.
    fn finish(&self) {
        self.started().app = None;
        match self.state.get() {
            ClientState::PendingError => self.state.set(ClientState::Error),
            ClientState::Rebalancing | ClientState::Running | ClientState::Created => {
                self.state.set(ClientState::PendingShutdown);
                self.state.set(ClientState::NotRunning)
            }
            ClientState::PendingShutdown => self.state.set(ClientState::NotRunning),
            ClientState::NotRunning | ClientState::Error => true,
        };
    }

    fn failure(&self) -> Option<Error> {
        let started = self.started();
        let failure = started.failure.clone();
        drop(started);
        failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What a thread does with how it ended: the first failure stops all of them.
struct Ended {
    failure: Arc<Mutex<Option<Error>>>,
    state: Arc<StateCell>,
    stats: Arc<Stats>,
    stop: Stop,
}

impl Ended {
    fn new(streams: &KafkaStreams, failure: &Arc<Mutex<Option<Error>>>) -> Self {
        let (failure, state) = (failure.clone(), streams.state.clone());
        Self { failure, state, stats: streams.stats.clone(), stop: streams.stop.clone() }
    }

    /// Runs a thread's work to its end; a panic is a failure like others.
    fn note(&self, work: impl FnOnce() -> Result<()>) {
        let result = catch_unwind(AssertUnwindSafe(work));
        let result = result.unwrap_or_else(|panic| Err(panics::error(&*panic, None)));
        let Err(mut error) = result else { return };
        logged::fatal(&mut error);
        self.stats.thread_failed();
        self.state.set(ClientState::PendingError);
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.stop.ask();
    }
}

impl Drop for KafkaStreams {
    fn drop(&mut self) {
        self.stop.ask();
        self.join();
    }
}

impl fmt::Debug for KafkaStreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaStreams").field("state", &self.state.get()).finish_non_exhaustive()
    }
}

pub(super) fn thread_name(app: &Application, index: usize) -> String {
    format!("{}-StreamThread-{}", app.deployment.names().application_id(), index + 1)
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.clone())
        .spawn(run)
        .map_err(|cause| Error::state(format!("cannot start thread {name}")).with_source(cause))
}
