//! The shell: sockets, one thread, and the clock, around the core.
//!
//! One task owns the [`Broker`]; every connection has a task that reads a frame, hands it over by
//! message and waits for the answer before it reads the next, as Kafka mutes a channel. So a
//! connection has one request under way, and nothing is locked.

mod clock;
mod connection;
mod frame;
mod listener;

use std::collections::BTreeMap;
use std::io;
use std::net::TcpListener as StdTcpListener;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use kappa_server_thread::{Handle, Order, Ordered, ServerThread, address, listen};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tracing::{info, warn};

use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::faults::{CrashPoint, FaultRule};
use crate::reply::{Answer, ConnectionId, Replies};
use crate::server::clock::Clock;
use crate::storage::DataDir;

/// Where and how to listen, and the broker behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// The host to listen on, which clients are also told to connect to: so not a wildcard, if any
    /// of them is on another machine.
    pub host: String,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// Connections at a time; one more is closed at once.
    pub connections_max: usize,
    /// `socket.request.max.bytes`: a larger request closes its connection.
    pub frame_bytes_max: usize,
    /// `connections.max.idle.ms`: a connection is closed once nothing moves on it for so long, be
    /// it that its client sends no request or that it does not take what it asked for.
    pub idle_ms_max: u64,
    /// Requests that wait for the core; beyond it connections wait before they read on.
    pub requests_waiting_max: usize,
    /// `log.dirs`: the directory in which everything is kept over restarts, created if need be;
    /// none keeps it in memory. What was acknowledged survives the end of the process, however
    /// sudden, but not a loss of power. If it cannot be written to, the broker stops.
    pub data: Option<PathBuf>,
    /// The broker's own settings. Its host and port are those above, and a seed of zero (the
    /// default) stands for one that no other start has.
    pub broker: BrokerConfig,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            connections_max: 1_000,
            frame_bytes_max: 100 << 20,
            idle_ms_max: 600_000,
            requests_waiting_max: 1_000,
            data: None,
            broker: BrokerConfig::default(),
        }
    }
}

/// A running broker; it ends when this is dropped.
///
/// ```
/// use kappa_broker::{BrokerConfig, Server, ServerConfig};
///
/// let broker = BrokerConfig { auto_create_topics: true, ..BrokerConfig::default() };
/// let server = Server::start(ServerConfig { broker, ..ServerConfig::default() })?;
/// println!("bootstrap.servers={}", server.bootstrap());
/// server.stop();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Server {
    /// With the port that was found.
    config: ServerConfig,
    bootstrap: String,
    thread: ServerThread<FaultRule>,
}

impl Server {
    /// Starts a broker in a thread of its own. It serves when this returns.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on, the data directory not be read (or another broker uses
    /// it, or it holds more than the configuration allows), or the thread not be started.
    pub fn start(mut config: ServerConfig) -> io::Result<Self> {
        let (listener, port) = listen(&config.host, config.port)?;
        config.port = port;
        let core = Core::start(&config)?;
        let (bootstrap, its_config) = (address(&config.host, config.port), config.clone());
        let thread = ServerThread::start("kappa-broker", move |handle| {
            serve(its_config, listener, core, handle)
        })?;
        Ok(Self { config, bootstrap, thread })
    }

    /// Returns where clients connect, as `host:port`.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Returns whether the broker still serves. Unless it is stopped, only a bug ends it, or a data
    /// directory that cannot be written to.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread.is_running()
    }

    /// Waits until the broker serves no more; until it is stopped, that is for ever if all is well.
    pub async fn ended(&mut self) {
        self.thread.ended().await;
    }

    /// Closes all connections and waits for the thread to end; dropping does the same.
    pub fn stop(self) {
        drop(self);
    }

    /// Ends the broker at once, as SIGKILL ends a process: requests that wait are not looked at,
    /// and answers that are not written are lost.
    pub fn kill(&mut self) {
        self.thread.end();
    }

    /// Starts the broker again with the same settings, on the same port, and from its data
    /// directory if it has one; one that still runs is killed before.
    ///
    /// # Errors
    ///
    /// As those of [`start`](Self::start).
    pub fn restart(&mut self) -> io::Result<()> {
        self.kill();
        *self = Self::start(self.config.clone())?;
        Ok(())
    }

    /// Lets requests fail by a rule, which holds when this returns. On a broker that has ended it
    /// does nothing.
    pub fn inject(&self, rule: FaultRule) {
        self.thread.order(Order::Inject(rule));
    }

    /// Forgets all rules; see [`inject`](Self::inject).
    pub fn clear_faults(&self) {
        self.thread.order(Order::ClearFaults);
    }
}

/// The broker with its clock, and where it writes things down.
#[derive(Debug)]
struct Core {
    clock: Clock,
    broker: Broker,
    data: Option<DataDir>,
}

impl Core {
    /// Makes a new broker, or one that goes on from its data directory.
    fn start(config: &ServerConfig) -> io::Result<Self> {
        let clock = Clock::new();
        let mut settings = config.broker.clone();
        settings.host.clone_from(&config.host);
        settings.port = config.port;
        if settings.seed == 0 {
            settings.seed = clock.seed(config.port);
        }
        let Some(path) = &config.data else {
            return Ok(Self { clock, broker: Broker::new(settings), data: None });
        };
        let (data, image) = DataDir::open(path)?;
        let broker = Broker::restore(settings, clock.now(), image).map_err(|e| {
            let message = format!("cannot start from {}: {e}", path.display());
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?;
        Ok(Self { clock, broker, data: Some(data) })
    }
}

/// What the core is told.
#[derive(Debug)]
enum Event {
    Connected { id: ConnectionId, host: String, answers: mpsc::Sender<Answer> },
    Request { id: ConnectionId, frame: Bytes },
    Disconnected { id: ConnectionId },
}

async fn serve(
    config: ServerConfig,
    listener: StdTcpListener,
    core: Core,
    mut handle: Handle<FaultRule>,
) -> io::Result<()> {
    let address = address(&config.host, config.port);
    let listener = TcpListener::from_std(listener)?;
    match &config.data {
        None => info!("listening on {address}; for development and tests: all is in memory"),
        Some(path) => {
            let path = path.display();
            info!("listening on {address}; for development and tests: all is kept in {path}");
        }
    }
    let (events, waiting) = mpsc::channel(config.requests_waiting_max.max(1));
    // When this ends the runtime goes with it, and with that every connection.
    tokio::select! {
        () = listener::accept(&config, async || listener.accept().await, events) => {}
        ended = drive(core, waiting, handle.orders) => ended?,
        _ = &mut handle.stopped => {}
    }
    info!("stopped");
    Ok(())
}

/// Owns the broker: hands it requests and time, writes down what has changed, and then hands its
/// answers to the connections. An error says that something could not be written down; what is
/// answered by then is, and nobody hears of the rest.
async fn drive(
    core: Core,
    mut events: mpsc::Receiver<Event>,
    mut orders: mpsc::UnboundedReceiver<Ordered<FaultRule>>,
) -> io::Result<()> {
    let Core { clock, mut broker, mut data } = core;
    let mut connections: BTreeMap<ConnectionId, mpsc::Sender<Answer>> = BTreeMap::new();
    let mut replies = Replies::new();
    loop {
        let until = clock.until(broker.next_deadline());
        tokio::select! {
            event = events.recv() => match event {
                Some(Event::Request { id, frame }) => {
                    broker.set_wall_clock_ahead(clock.wall_ahead_ms());
                    broker.handle(clock.now(), id, frame, &mut replies);
                }
                Some(Event::Connected { id, host, answers }) => {
                    broker.connected(id, &host);
                    connections.insert(id, answers);
                }
                Some(Event::Disconnected { id }) => {
                    broker.disconnected(id);
                    connections.remove(&id);
                }
                None => return Ok(()),
            },
            Some(ordered) = orders.recv() => ordered.carry_out(|order| match order {
                Order::Inject(rule) => broker.inject(rule),
                Order::ClearFaults => broker.clear_faults(),
            }),
            // A file that is half written anew goes on between requests.
            () = tokio::task::yield_now(), if data.as_ref().is_some_and(DataDir::is_busy) => {}
            () = sleep(until) => broker.tick(clock.now(), &mut replies),
        }
        let crash = replies.take_crash();
        if let Some(data) = &mut data {
            let count = match crash {
                Some(CrashPoint::BeforeWriting) => 0,
                Some(CrashPoint::AfterChanges(count)) => count,
                Some(CrashPoint::BeforeAnswering) | None => usize::MAX,
            };
            data.write(replies.drain_changes().take(count))?;
            data.go_on()?;
        }
        if let Some(point) = crash {
            info!("a fault ends the broker: {point:?}");
            return Ok(());
        }
        for (id, answer) in replies.drain() {
            match connections.get(&id).map(|answers| answers.try_send(answer)) {
                // It holds one answer, and only one can be owed.
                Some(Err(TrySendError::Full(_))) => warn!("a second answer to {id:?} was dropped"),
                // It is gone, or has gone meanwhile: clients leave while a fetch waits.
                Some(Err(TrySendError::Closed(_)) | Ok(())) | None => {}
            }
        }
    }
}

async fn sleep(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}
