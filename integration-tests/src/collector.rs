//! A collector of telemetry: takes OTLP over HTTP and keeps the spans that it is sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span as OtlpSpan;
use prost::Message;

use crate::waiting::{Deadline, eventually};

/// A collector on a free port of this host; it ends with this.
#[derive(Debug)]
pub struct Collector {
    at: SocketAddr,
    received: Arc<Received>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Received {
    is_over: AtomicBool,
    /// Whether it takes connections and says nothing.
    is_mute: AtomicBool,
    spans: Mutex<Vec<Span>>,
    /// All that came, as it came.
    bytes: Mutex<Vec<u8>>,
}

/// A span as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The service that sent it.
    pub service: String,
    /// Where the names of its attributes are written down.
    pub schema_url: String,
    /// The span.
    pub span: OtlpSpan,
}

impl Span {
    /// Returns an attribute, as text.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<String> {
        let found = self.span.attributes.iter().find(|pair| pair.key == name)?;
        Some(text(found.value.as_ref()?.value.as_ref()?))
    }
}

/// How long a read waits before it looks whether the collector has ended.
const LOOK: Duration = Duration::from_millis(50);

impl Collector {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let at = listener.local_addr().expect("an address");
        let received = Arc::new(Received::default());
        let shared = received.clone();
        let acceptor = std::thread::spawn(move || {
            let mut connections = Vec::new();
            for stream in listener.incoming() {
                if shared.is_over.load(Ordering::Acquire) {
                    break;
                }
                let (stream, shared) = (stream.expect("a connection"), shared.clone());
                connections.push(std::thread::spawn(move || serve(&stream, &shared)));
            }
            for connection in connections {
                connection.join().expect("a connection ends by itself");
            }
        });
        Self { at, received, acceptor: Some(acceptor) }
    }

    /// Starts one that takes what it is sent and never answers.
    #[must_use]
    pub fn mute() -> Self {
        let collector = Self::start();
        collector.received.is_mute.store(true, Ordering::Release);
        collector
    }

    /// Returns what `OTEL_EXPORTER_OTLP_ENDPOINT` is to be.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.at)
    }

    /// Returns all spans so far.
    ///
    /// # Panics
    ///
    /// If a connection has failed.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        self.received.spans.lock().expect("no connection has panicked").clone()
    }

    /// Waits for spans of these names, and returns all.
    ///
    /// # Panics
    ///
    /// If they do not come within a minute.
    #[must_use]
    pub fn wait_for(&self, names: &[&str]) -> Vec<Span> {
        eventually(&format!("spans {names:?}"), Deadline::seconds(60), || {
            let spans = self.spans();
            let has = |name: &&str| spans.iter().any(|span| span.span.name == *name);
            names.iter().all(has).then_some(spans)
        })
    }

    /// Returns whether these bytes were sent, anywhere.
    ///
    /// # Panics
    ///
    /// If a connection has failed.
    #[must_use]
    pub fn was_sent(&self, bytes: &[u8]) -> bool {
        let all = self.received.bytes.lock().expect("no connection has panicked");
        all.windows(bytes.len()).any(|window| window == bytes)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.received.is_over.store(true, Ordering::Release);
        // The acceptor waits for one more.
        let _ = TcpStream::connect(self.at);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

/// Serves requests until the client closes, or the collector ends.
fn serve(stream: &TcpStream, received: &Received) {
    stream.set_read_timeout(Some(LOOK)).expect("a socket has time-outs");
    let mut reader = BufReader::new(Patient { stream, received });
    while let Some((path, body)) = request(&mut reader) {
        received.bytes.lock().expect("nobody panics with it").extend_from_slice(&body);
        if received.is_mute.load(Ordering::Acquire) {
            continue;
        }
        if path == "/v1/traces" {
            let request = ExportTraceServiceRequest::decode(&*body).expect("spans");
            received.spans.lock().expect("nobody panics with it").extend(spans(request));
        }
        let answer =
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        let mut stream = stream;
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Reads a request's path and body; nothing at the end.
fn request(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, body))
}

fn spans(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut all = Vec::new();
    for resource in request.resource_spans {
        let attributes = resource.resource.map(|resource| resource.attributes).unwrap_or_default();
        let service = attributes.iter().find(|pair| pair.key == "service.name");
        let service = service.and_then(|pair| pair.value.as_ref()?.value.as_ref().map(text));
        for scope in resource.scope_spans {
            all.extend(scope.spans.into_iter().map(|span| Span {
                service: service.clone().unwrap_or_default(),
                schema_url: scope.schema_url.clone(),
                span,
            }));
        }
    }
    all
}

fn text(value: &Value) -> String {
    match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(is) => is.to_string(),
        other => format!("{other:?}"),
    }
}

/// Reads until something comes or the collector ends.
struct Patient<'a> {
    stream: &'a TcpStream,
    received: &'a Received,
}

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            match self.stream.read(buffer) {
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) =>
                {
                    if self.received.is_over.load(Ordering::Acquire) {
                        return Ok(0);
                    }
                }
                read => return read,
            }
        }
    }
}
