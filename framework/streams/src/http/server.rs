//! The server: a thread, a listener, connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::connections::{Connections, Place};
use super::{Surface, routes, tls};
use crate::config::{HttpSettings, Listen};
use crate::error::{Error, Result};

/// A server that answers until it is stopped, or dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    is_tls: bool,
    /// Ends the thread where it is dropped.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The head of a request: a token, an address, some words about the client.
const HEAD_BYTES_MAX: usize = 8 << 10;
const HEADERS_MAX: usize = 64;
/// How long a connection may stay, however busy: whoever reads its answers too slowly goes as well.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(300);
/// How long to wait where the system gives no more connections.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Threads that write metrics: one is enough, two where one is held up.
const WRITERS_MAX: usize = 2;
/// How long the end waits for them.
const STOP_TIME_MAX: Duration = Duration::from_millis(500);

impl Server {
    /// Starts to answer; returns nothing where that is off.
    ///
    /// # Errors
    ///
    /// Where the address cannot be had, or the files of TLS are not as they should be. Where nobody chose
    /// the address, a free port is taken, and none at all is no error.
    pub fn start(settings: &HttpSettings, surface: Surface) -> Result<Option<Self>> {
        let Some(listen) = &settings.listen else { return Ok(None) };
        let acceptor = settings.tls.as_ref().map(tls::acceptor).transpose()?;
        let runtime = runtime()?;
        let Some(listener) = bind(&runtime, listen)? else { return Ok(None) };
        let address = listener.local_addr().map_err(unavailable)?;
        let is_tls = acceptor.is_some();
        let serving = Serving {
            router: routes::router(surface, settings),
            acceptor,
            connections: Arc::new(Connections::new(settings.connections_max)),
            header_timeout: settings.header_timeout,
        };
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            runtime.block_on(async {
                tokio::spawn(accept(listener, Arc::new(serving)));
                // Whoever is gone wants no more answers either.
                let _ = stopped.await;
            });
            runtime.shutdown_timeout(STOP_TIME_MAX);
        };
        let thread = std::thread::Builder::new().name("http".to_owned()).spawn(run);
        let thread = thread.map_err(|cause| {
            Error::state("cannot start the thread that answers over HTTP").with_source(cause)
        })?;
        let server = Self { address, is_tls, stop: Some(stop), thread: Some(thread) };
        server.log(settings);
        Ok(Some(server))
    }

    /// Returns where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it, as dropping it does: within a second, whoever is connected.
    pub fn stop(self) {
        drop(self);
    }

    fn log(&self, settings: &HttpSettings) {
        let scheme = if self.is_tls { "https" } else { "http" };
        tracing::info!("health, metrics and topology: {scheme}://{}/", self.address);
        if !self.address.ip().is_loopback() && settings.bearer_token.is_none() {
            tracing::info!(
                "whoever reaches that address reads them: http.bearer.token would ask for a token"
            );
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that answers over HTTP panicked");
        }
    }
}

fn runtime() -> Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(WRITERS_MAX)
        .thread_name("http-metrics")
        .build();
    runtime.map_err(unavailable)
}

fn unavailable(cause: std::io::Error) -> Error {
    Error::state("cannot answer over HTTP").with_source(cause)
}

/// Takes the address; where nobody chose it, another port, or nothing.
fn bind(runtime: &Runtime, listen: &Listen) -> Result<Option<TcpListener>> {
    let bind = |port| runtime.block_on(TcpListener::bind((listen.host.as_str(), port)));
    let cause = match bind(listen.port) {
        Ok(listener) => return Ok(Some(listener)),
        Err(cause) => cause,
    };
    if !listen.is_default {
        let message = format!("cannot listen on {listen} (setting http.listen)");
        return Err(Error::config(message).with_source(cause));
    }
    tracing::info!("port {} is taken: http.listen would choose another", listen.port);
    match bind(0) {
        Ok(listener) => Ok(Some(listener)),
        Err(cause) => {
            tracing::warn!(
                "nothing is answered over HTTP: cannot listen on {}: {cause}",
                listen.host
            );
            Ok(None)
        }
    }
}

/// What all connections share.
struct Serving {
    router: Router,
    acceptor: Option<TlsAcceptor>,
    connections: Arc<Connections>,
    header_timeout: Duration,
}

async fn accept(listener: TcpListener, serving: Arc<Serving>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            serving.connections.make_room();
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let place = serving.connections.admit();
        let id = place.id();
        let task =
            tokio::spawn(timeout(CONNECTION_TIME_MAX, converse(stream, place, serving.clone())));
        serving.connections.note_task(id, task.abort_handle());
    }
}

/// Answers a connection's requests until it ends; what ends it concerns nobody else.
async fn converse(stream: TcpStream, place: Place, serving: Arc<Serving>) {
    // Answers are written at once, so there is nothing to wait for.
    let _ = stream.set_nodelay(true);
    match &serving.acceptor {
        None => answer(stream, place, &serving).await,
        Some(acceptor) => {
            if let Ok(Ok(stream)) = timeout(serving.header_timeout, acceptor.accept(stream)).await {
                answer(stream, place, &serving).await;
            }
        }
    }
}

async fn answer<S>(stream: S, place: Place, serving: &Serving)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let place = Arc::new(place);
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        place.has_asked();
        serving.router.clone().oneshot(request)
    });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(serving.header_timeout)
        .max_header_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .max_buf_size(2 * HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = conversation.await {
        tracing::debug!("an HTTP connection has ended: {error}");
    }
}
