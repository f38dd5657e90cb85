//! A server over an application that is made up, and a client that says whatever it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kappa::config::{HttpSettings, StreamsConfig};
use kappa::http::{Server, Surface, TopologyViews};
use kappa::prelude::*;
use kappa::runtime::health::{HealthLimits, StartStage, ThreadVitals, Vitals};
use kappa::runtime::{ClientState, ThreadState};
use kappa::{SubtopologyId, TaskId, TopicNames};

/// A server, and what its application says of itself.
pub(crate) struct Fake {
    pub(crate) server: Server,
    pub(crate) vitals: Arc<Mutex<Vitals>>,
}

impl Fake {
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let vitals = Arc::new(Mutex::new(running()));
        let said = vitals.clone();
        let metrics = || "# TYPE records counter\nrecords 12345\n".to_owned();
        let surface = surface(move || said.lock().unwrap().clone(), metrics);
        let server = Server::start(&http(settings), surface).unwrap().expect("it is on");
        Self { server, vitals }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        get(self.address(), path, &[])
    }
}

/// An application that runs two threads.
pub(crate) fn running() -> Vitals {
    let thread = |number: usize| ThreadVitals {
        number,
        state: ThreadState::Running,
        state_for: Duration::from_secs(60),
        tasks: BTreeSet::from([TaskId::new(SubtopologyId(0), 0)]),
        silent_for: Duration::from_millis(20),
        to_restore: None,
        waiting: Vec::new(),
    };
    Vitals {
        stage: StartStage::Done,
        state: ClientState::Running,
        is_stopping: false,
        threads: vec![thread(1), thread(2)],
        progress: BTreeMap::from([("processed_records", 12_345)]),
    }
}

pub(crate) fn surface(
    vitals: impl Fn() -> Vitals + Send + Sync + 'static,
    metrics: impl Fn() -> String + Send + Sync + 'static,
) -> Surface {
    let builder = StreamsBuilder::new();
    let orders: Topic<String, i64> = Topic::new("orders", Utf8, I64);
    builder.stream(&orders).group_by_key().count("orders-by-customer").to_stream().to(&Topic::new(
        "counts",
        Utf8,
        Nullable::of(I64),
    ));
    let names = TopicNames::live("orders-app");
    let topology = builder.build().unwrap();
    Surface {
        application: "orders-app".to_owned(),
        topology: TopologyViews::of(&topology, &names, Duration::ZERO).unwrap(),
        limits: HealthLimits {
            silence_max: Duration::from_secs(600),
            restore_records_max: 1_000,
            restore_deadline: Duration::from_secs(600),
        },
        vitals: Arc::new(vitals),
        metrics: Arc::new(metrics),
    }
}

/// Settings of a server on a free port.
pub(crate) fn http(settings: &[(&str, &str)]) -> HttpSettings {
    let config = StreamsConfig::new("orders-app").with_argument("http.listen", "127.0.0.1:0");
    let config = settings
        .iter()
        .try_fold(config.unwrap(), |config, (name, value)| config.with_argument(name, value));
    config.unwrap().resolve().unwrap().http
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The head, names in lower case as hyper writes them.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn has(&self, header: &str) -> bool {
        self.head.lines().any(|line| line.eq_ignore_ascii_case(header))
    }
}

pub(crate) fn get(address: SocketAddr, path: &str, headers: &[&str]) -> Reply {
    let mut request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    reply(&say(address, request.as_bytes()))
}

/// Returns the status, head and body of an answer; status 0 where there is none.
pub(crate) fn reply(answer: &str) -> Reply {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}

/// Says something, and returns all that is said back until the connection ends.
pub(crate) fn say(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(address);
    // Whoever has heard enough may close before it has heard all.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Connects; reading fails after a while rather than never.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}
