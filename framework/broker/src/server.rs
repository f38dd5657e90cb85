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
use std::convert::Infallible;
use std::io;
use std::net::TcpListener as StdTcpListener;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::reply::{Answer, ConnectionId, Replies};
use crate::server::clock::Clock;

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
    /// Nothing is ever sent: the other end goes when the thread does.
    ended: mpsc::Receiver<Infallible>,
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
            let address = address(&config.host, config.port);
            io::Error::new(e.kind(), format!("cannot listen on {address}: {e}"))
        })?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let bootstrap = address(&config.host, port);
        Self::spawn(bootstrap, move |stopped| serve(config, port, listener, stopped))
    }

    /// Runs what serves in a thread of its own.
    fn spawn<S: Future<Output = io::Result<()>>>(
        bootstrap: String,
        serve: impl FnOnce(oneshot::Receiver<()>) -> S + Send + 'static,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let (runs, ended) = mpsc::channel(1);
        let thread =
            std::thread::Builder::new().name("kappa-broker".to_owned()).spawn(move || {
                // Dropped however this ends, by a panic too.
                let _runs = runs;
                if let Err(e) = runtime.block_on(serve(stopped)) {
                    error!("the broker stopped: {e}");
                }
            })?;
        Ok(Self { bootstrap, stop: Some(stop), ended, thread: Some(thread) })
    }

    /// Returns where clients connect, as `host:port`.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Returns whether the broker still serves. Unless it is stopped, only a bug ends it.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Waits until the broker serves no more; until it is stopped, that is for ever if all is well.
    pub async fn ended(&mut self) {
        // Nothing can be received, so this returns once the thread is gone.
        let _ = self.ended.recv().await;
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
    let (clock, address) = (Clock::new(), address(&config.host, port));
    let listener = TcpListener::from_std(listener)?;
    info!("listening on {address}; for development and tests: all is in memory");
    let (events, waiting) = mpsc::channel(config.requests_waiting_max.max(1));
    let mut broker = config.broker.clone();
    broker.host.clone_from(&config.host);
    broker.port = port;
    if broker.seed == 0 {
        broker.seed = clock.seed(port);
    }
    // When this ends the runtime goes with it, and with that every connection.
    tokio::select! {
        () = listener::accept(&config, async || listener.accept().await, events) => {}
        () = drive(Broker::new(broker), clock, waiting) => {}
        _ = &mut stopped => {}
    }
    info!("stopped");
    Ok(())
}

/// Owns the broker: hands it requests and time, and its answers to the connections.
async fn drive(mut broker: Broker, clock: Clock, mut events: mpsc::Receiver<Event>) {
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
                None => return,
            },
            () = sleep(until) => broker.tick(clock.now(), &mut replies),
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

/// Returns an address as clients take it: a host of IPv6 goes in brackets.
fn address(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests;
