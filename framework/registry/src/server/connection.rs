//! One connection: HTTP to and from it, by hyper, and its requests to the core.

use std::fmt::{self, Display, Formatter};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::debug;

use crate::error::Refusal;
use crate::http::{Method, Request, Response};
use crate::server::places::Place;
use crate::server::{Event, ServerConfig};

/// What the requests of a connection need.
#[derive(Debug)]
struct Link {
    place: Place,
    /// Says when the connection is to go; it changes each time it falls silent.
    goes: Mutex<Option<oneshot::Receiver<()>>>,
    renewed: tokio::sync::Notify,
    events: mpsc::Sender<Event>,
    body_bytes_max: usize,
    request_time_max: Duration,
}

/// A request that is not to be answered: its connection is closed.
#[derive(Debug)]
struct Dropped;

impl Display for Dropped {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("the request is dropped")
    }
}

impl std::error::Error for Dropped {}

type Answer = hyper::Response<Full<Bytes>>;

/// Serves a connection until it is closed, or has to go.
pub(super) async fn run(
    socket: TcpStream,
    place: Place,
    events: mpsc::Sender<Event>,
    config: Arc<ServerConfig>,
) {
    let link = Arc::new(Link {
        goes: Mutex::new(Some(place.silent())),
        place,
        renewed: tokio::sync::Notify::new(),
        events,
        body_bytes_max: config.body_bytes_max,
        request_time_max: Duration::from_millis(config.request_ms_max),
    });
    let its = Arc::clone(&link);
    let service = service_fn(move |request| {
        let link = Arc::clone(&its);
        async move { link.answer(request).await }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        // From the end of one request to that of the next one's headers.
        .header_read_timeout(Duration::from_millis(config.idle_ms_max))
        .max_buf_size(config.header_bytes_max.max(8_192))
        .serve_connection(TokioIo::new(socket), service);
    tokio::select! {
        served = served => if let Err(e) = served {
            debug!("a connection ended: {e}");
        },
        () = link.to_go() => debug!("a silent connection makes room for another"),
    }
}

impl Link {
    /// Waits until the connection has to make room.
    async fn to_go(&self) {
        loop {
            let goes = self.goes.lock().unwrap_or_else(PoisonError::into_inner).take();
            match goes {
                Some(goes) => tokio::select! {
                    told = goes => if told.is_ok() { return },
                    () = self.renewed.notified() => {}
                },
                None => self.renewed.notified().await,
            }
        }
    }

    async fn answer(&self, request: hyper::Request<Incoming>) -> Result<Answer, Dropped> {
        let response = self.respond(request).await;
        let silent = self.place.silent();
        *self.goes.lock().unwrap_or_else(PoisonError::into_inner) = Some(silent);
        self.renewed.notify_one();
        response.map(answer)
    }

    async fn respond(&self, request: hyper::Request<Incoming>) -> Result<Response, Dropped> {
        let (parts, body) = request.into_parts();
        let method = match parts.method {
            hyper::Method::GET | hyper::Method::HEAD => Method::Get,
            hyper::Method::POST => Method::Post,
            hyper::Method::PUT => Method::Put,
            hyper::Method::DELETE => Method::Delete,
            _ => return Ok(refuse(405, "HTTP 405 Method Not Allowed")),
        };
        let body = Limited::new(body, self.body_bytes_max).collect();
        let body = match timeout(self.request_time_max, body).await {
            Ok(Ok(body)) => body.to_bytes().to_vec(),
            Ok(Err(e)) if e.is::<http_body_util::LengthLimitError>() => {
                let max = self.body_bytes_max;
                return Ok(refuse(413, &format!("the body has more than {max} bytes")));
            }
            Ok(Err(_)) => return Err(Dropped),
            Err(_) => return Ok(refuse(408, "the body has not come in time")),
        };
        self.place.busy();
        let authorization = parts.headers.get(AUTHORIZATION);
        let authorization = authorization.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (path, query) = (parts.uri.path().to_owned(), parts.uri.query().unwrap_or_default());
        let request = Request { method, path, query: query.to_owned(), body };
        let (reply, replied) = oneshot::channel();
        let event = Event { request, authorization, reply };
        self.events.send(event).await.map_err(|_| Dropped)?;
        // The core says nothing where a fault drops the answer.
        replied.await.map_err(|_| Dropped)
    }
}

fn refuse(status: u16, message: &str) -> Response {
    Refusal::of_status(status, message).into_response()
}

fn answer(response: Response) -> Answer {
    let mut answer = hyper::Response::new(Full::new(Bytes::from(response.body)));
    let status = hyper::StatusCode::from_u16(response.status);
    *answer.status_mut() = status.unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(Response::CONTENT_TYPE));
    match response.status {
        401 => {
            let realm = HeaderValue::from_static("Basic realm=\"SchemaRegistry\"");
            headers.insert(WWW_AUTHENTICATE, realm);
        }
        405 => {
            headers.insert(ALLOW, HeaderValue::from_static("GET, POST, PUT, DELETE"));
        }
        _ => {}
    }
    answer
}
