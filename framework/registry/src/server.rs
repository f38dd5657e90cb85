//! The shell: sockets and one thread around the core.
//!
//! One task owns the [`Registry`]; every connection has a task that speaks HTTP, hands a request
//! over by message and waits for the answer. What a request has changed is written down before it
//! is answered.

mod connection;
mod places;

use std::io;
use std::net::TcpListener as StdTcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kappa_server_thread::{Handle, Order, Ordered, ServerThread, address, listen};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};

use crate::access::{Credential, may_ask};
use crate::changes::Change;
use crate::config::RegistryConfig;
use crate::error::Refusal;
use crate::faults::{Fault, FaultRule, Faults};
use crate::http::{Request, Response};
use crate::journal::Journal;
use crate::registry::Registry;
use crate::server::places::Places;

/// How long to wait for a file handle when there is none.
const PAUSE: Duration = Duration::from_millis(100);

/// Where and how to listen, and the registry behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// The host to listen on.
    pub host: String,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// Connections at a time. One more takes the place of the one that has been silent for
    /// longest; if all have a request under way, it is closed at once.
    pub connections_max: usize,
    /// A connection is closed once its next request has not come for so long, headers and all.
    pub idle_ms_max: u64,
    /// How long a body may take to come.
    pub request_ms_max: u64,
    /// Bytes of a request's line and headers, 8,192 at least; with more its connection is closed.
    pub header_bytes_max: usize,
    /// Bytes of a request's body; a larger one is refused.
    pub body_bytes_max: usize,
    /// Requests that wait for the core; beyond it connections wait before they read on.
    pub requests_waiting_max: usize,
    /// The directory in which everything is kept over restarts, created if need be; none keeps it
    /// in memory. What was acknowledged survives the end of the process, however sudden, but not a
    /// loss of power. If it cannot be written to, the registry stops.
    pub data: Option<PathBuf>,
    /// What clients must come with, one of them; without any, anybody may ask.
    pub credentials: Vec<Credential>,
    /// The registry's own settings.
    pub registry: RegistryConfig,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            connections_max: 500,
            idle_ms_max: 60_000,
            request_ms_max: 30_000,
            header_bytes_max: 64 << 10,
            body_bytes_max: 4 << 20,
            requests_waiting_max: 1_000,
            data: None,
            credentials: Vec::new(),
            registry: RegistryConfig::default(),
        }
    }
}

/// A running registry; it ends when this is dropped.
///
/// ```
/// use kappa_registry::{Server, ServerConfig};
///
/// let server = Server::start(ServerConfig::default())?;
/// println!("schema.registry.url={}", server.url());
/// server.stop();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Server {
    /// With the port that was found.
    config: ServerConfig,
    address: String,
    url: String,
    thread: ServerThread<FaultRule>,
}

impl Server {
    /// Starts a registry in a thread of its own. It serves when this returns.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on, the data directory not be read (or another registry
    /// uses it), or the thread not be started.
    pub fn start(mut config: ServerConfig) -> io::Result<Self> {
        let (listener, port) = listen(&config.host, config.port)?;
        config.port = port;
        let (journal, registry) = match &config.data {
            None => (None, Registry::new(config.registry.clone())),
            Some(path) => {
                let (journal, registry) = Journal::open(path, config.registry.clone())?;
                (Some(journal), registry)
            }
        };
        let credentials = config.credentials.clone();
        let core = Core { registry, journal, faults: Faults::default(), credentials };
        let address = address(&config.host, config.port);
        let its_config = Arc::new(config.clone());
        let thread = ServerThread::start("kappa-registry", move |handle| {
            serve(its_config, listener, core, handle)
        })?;
        let url = format!("http://{address}");
        Ok(Self { config, address, url, thread })
    }

    /// Returns where it listens, as `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the `schema.registry.url` for clients.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns whether the registry still serves. Unless it is stopped, only a bug ends it, or a
    /// data directory that cannot be written to.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread.is_running()
    }

    /// Waits until the registry serves no more; until it is stopped, that is for ever if all is
    /// well.
    pub async fn ended(&mut self) {
        self.thread.ended().await;
    }

    /// Closes all connections and waits for the thread to end; dropping does the same.
    pub fn stop(self) {
        drop(self);
    }

    /// Ends the registry at once, as SIGKILL ends a process: requests that wait are not looked at,
    /// and answers that are not written are lost.
    pub fn kill(&mut self) {
        self.thread.end();
    }

    /// Starts the registry again with the same settings, on the same port, and from its data
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

    /// Lets requests fail by a rule, which holds when this returns. On a registry that has ended
    /// it does nothing.
    pub fn inject(&self, rule: FaultRule) {
        self.thread.order(Order::Inject(rule));
    }

    /// Forgets all rules; see [`inject`](Self::inject).
    pub fn clear_faults(&self) {
        self.thread.order(Order::ClearFaults);
    }
}

/// The registry, and where it writes things down.
#[derive(Debug)]
struct Core {
    registry: Registry,
    journal: Option<Journal>,
    faults: Faults,
    credentials: Vec<Credential>,
}

/// A request for the core. It is dropped where nothing is to be answered.
#[derive(Debug)]
struct Event {
    request: Request,
    authorization: Option<String>,
    reply: oneshot::Sender<Response>,
}

async fn serve(
    config: Arc<ServerConfig>,
    listener: StdTcpListener,
    core: Core,
    mut handle: Handle<FaultRule>,
) -> io::Result<()> {
    let address = address(&config.host, config.port);
    let listener = TcpListener::from_std(listener)?;
    match &config.data {
        None => info!("schema registry on {address}; for development and tests: all is in memory"),
        Some(path) => {
            let path = path.display();
            info!("schema registry on {address}; for development and tests: all is kept in {path}");
        }
    }
    let (events, waiting) = mpsc::channel(config.requests_waiting_max.max(1));
    // When this ends the runtime goes with it, and with that every connection.
    tokio::select! {
        () = accept(&config, &listener, events) => {}
        ended = drive(core, waiting, handle.orders) => ended?,
        _ = &mut handle.stopped => {}
    }
    info!("the schema registry has stopped");
    Ok(())
}

async fn accept(config: &Arc<ServerConfig>, listener: &TcpListener, events: mpsc::Sender<Event>) {
    let places = Places::new(config.connections_max);
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => match places.take() {
                Some(place) => {
                    let (events, config) = (events.clone(), Arc::clone(config));
                    tokio::spawn(connection::run(socket, place, events, config));
                }
                None => warn!("closing {peer}: all connections have a request under way"),
            },
            Err(e) => {
                // Out of file handles, most likely: until one is free, every try fails at once.
                warn!("cannot accept a connection: {e}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Owns the registry: hands it requests, writes down what has changed, and then answers. An error
/// says that something could not be written down; nobody hears of it.
async fn drive(
    mut core: Core,
    mut events: mpsc::Receiver<Event>,
    mut orders: mpsc::UnboundedReceiver<Ordered<FaultRule>>,
) -> io::Result<()> {
    // Requests whose delay is over come back by this.
    let (later, mut delayed) = mpsc::unbounded_channel();
    loop {
        tokio::select! {
            Some(ordered) = orders.recv() => ordered.carry_out(|order| match order {
                Order::Inject(rule) => core.faults.inject(rule),
                Order::ClearFaults => core.faults.clear(),
            }),
            Some(event) = delayed.recv() => core.answer(event)?,
            event = events.recv() => {
                let Some(event) = event else { return Ok(()) };
                if !may_ask(&core.credentials, event.authorization.as_deref()) {
                    // An error says that nobody waits for it, here and below.
                    let _ = event.reply.send(Refusal::unauthorized().into_response());
                    continue;
                }
                match core.faults.take(&event.request) {
                    None => core.answer(event)?,
                    Some(Fault::Delay(millis)) => {
                        let later = later.clone();
                        tokio::spawn(async move {
                            tokio::time::sleep(Duration::from_millis(millis)).await;
                            let _ = later.send(event);
                        });
                    }
                    Some(Fault::Status(status)) => {
                        let _ = event.reply.send(Refusal::injected(status).into_response());
                    }
                    Some(Fault::DropRequest) => drop(event),
                    Some(Fault::DropAnswer) => {
                        core.handle(&event.request)?;
                    }
                }
            }
        }
    }
}

impl Core {
    fn answer(&mut self, event: Event) -> io::Result<()> {
        let response = self.handle(&event.request)?;
        let _ = event.reply.send(response);
        Ok(())
    }

    fn handle(&mut self, request: &Request) -> io::Result<Response> {
        let response = self.registry.handle(request);
        let changes: Vec<Change> = self.registry.drain_changes().collect();
        if let Some(journal) = &mut self.journal {
            journal.write(&changes, &self.registry)?;
        }
        Ok(response)
    }
}
