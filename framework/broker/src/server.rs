//! The shell: sockets, one thread, and the clock, around the core.
//!
//! One task owns the [`Broker`]; every connection has a task that reads a frame, hands it over by
//! message and waits for the answer before it reads the next, as Kafka mutes a channel. So a
//! connection has one request under way, and nothing is locked.

mod clock;
mod connection;
mod frame;

use std::collections::BTreeMap;
use std::io;
use std::net::TcpListener as StdTcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tracing::{error, info, warn};

use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::reply::{Answer, ConnectionId, Replies};
use crate::server::clock::Clock;
use crate::server::connection::Connection;

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
    /// Requests that wait for the core; beyond it connections wait before they read on.
    pub requests_waiting_max: usize,
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
            requests_waiting_max: 1_000,
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
    bootstrap: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a broker in a thread of its own. It serves when this returns.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on, or the thread not be started.
    pub fn start(config: ServerConfig) -> io::Result<Self> {
        let listener = StdTcpListener::bind((config.host.as_str(), config.port)).map_err(|e| {
            let address = format!("{}:{}", config.host, config.port);
            io::Error::new(e.kind(), format!("cannot listen on {address}: {e}"))
        })?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let bootstrap = format!("{}:{port}", config.host);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread =
            std::thread::Builder::new().name("kappa-broker".to_owned()).spawn(move || {
                if let Err(e) = runtime.block_on(serve(config, port, listener, stopped)) {
                    error!("the broker stopped: {e}");
                }
            })?;
        Ok(Self { bootstrap, stop: Some(stop), thread: Some(thread) })
    }

    /// Returns where clients connect, as `host:port`.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Closes all connections and waits for the thread to end; dropping does the same.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // An error only says that the thread has ended already.
            let _ = stop.send(());
        }
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            error!("the broker's thread panicked");
        }
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
    port: u16,
    listener: StdTcpListener,
    mut stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let clock = Clock::new();
    let listener = TcpListener::from_std(listener)?;
    info!("listening on {}:{port}; for development and tests: all is in memory", config.host);
    let (events, waiting) = mpsc::channel(config.requests_waiting_max.max(1));
    let mut broker = config.broker.clone();
    broker.host.clone_from(&config.host);
    broker.port = port;
    if broker.seed == 0 {
        broker.seed = clock.seed(port);
    }
    tokio::spawn(accept(config, listener, events));
    // When this ends the runtime goes with it, and with that every connection.
    tokio::select! {
        () = drive(Broker::new(broker), clock, waiting) => {}
        _ = &mut stopped => {}
    }
    info!("stopped");
    Ok(())
}

/// Takes connections in, up to the limit.
async fn accept(config: ServerConfig, listener: TcpListener, events: mpsc::Sender<Event>) {
    let places = Arc::new(Semaphore::new(config.connections_max));
    let mut next_id = 0;
    loop {
        let (socket, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(e) => {
                // Out of file handles, most likely: the next try may find one.
                warn!("cannot accept a connection: {e}");
                tokio::task::yield_now().await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            warn!("closing {peer}: there are {} connections already", config.connections_max);
            continue;
        };
        let id = ConnectionId(next_id);
        next_id += 1;
        let connection = Connection::new(id, peer, config.frame_bytes_max, events.clone());
        tokio::spawn(async move {
            connection.run(socket).await;
            drop(place);
        });
    }
}

/// Owns the broker: hands it requests and time, and its answers to the connections.
async fn drive(mut broker: Broker, mut clock: Clock, mut events: mpsc::Receiver<Event>) {
    let mut connections: BTreeMap<ConnectionId, mpsc::Sender<Answer>> = BTreeMap::new();
    let mut replies = Replies::new();
    loop {
        let until = clock.until(broker.next_deadline());
        tokio::select! {
            event = events.recv() => match event {
                Some(Event::Request { id, frame }) => {
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
                None => return,
            },
            () = sleep(until) => broker.tick(clock.now(), &mut replies),
        }
        for (id, answer) in replies.drain() {
            // Gone meanwhile, or full: it holds one answer, and only one can be owed.
            if let Some(Err(e)) = connections.get(&id).map(|answers| answers.try_send(answer)) {
                warn!("an answer to {id:?} was dropped: {e}");
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
