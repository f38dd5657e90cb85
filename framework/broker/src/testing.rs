//! Support for this crate's unit tests: a broker driven by hand, and requests to feed it.

pub(crate) mod batches;
pub(crate) mod samples;
pub(crate) mod transactions;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::{RequestHeader, ResponseHeader, TopicName};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};

use crate::broker::Broker;
use crate::changes::Image;
use crate::config::BrokerConfig;
use crate::reply::{Answer, ConnectionId, Replies};
use crate::time::Millis;

/// A moment in 2024 at which tests begin.
pub(crate) const START: i64 = 1_704_067_200_000;

/// Runs a future to its end.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(future)
}

/// Returns what is logged meanwhile.
pub(crate) fn logged(act: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt().with_ansi(false).with_target(false).without_time();
    let log = log.with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(log, act);
    let bytes = std::mem::take(&mut *lines.0.lock().unwrap());
    String::from_utf8(bytes).unwrap()
}

pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub(crate) fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

/// Random numbers from a seed (xorshift).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A broker, time, and connections of which each may have one request under way.
pub(crate) struct Driver {
    pub(crate) broker: Broker,
    pub(crate) now: i64,
    replies: Replies,
    answers: BTreeMap<ConnectionId, VecDeque<Answer>>,
    waiting: BTreeMap<ConnectionId, i32>,
    next_connection: u64,
    next_correlation: i32,
    /// What would be on a disk.
    pub(crate) image: Image,
}

impl Driver {
    pub(crate) fn new() -> Self {
        Self::with(BrokerConfig::default())
    }

    pub(crate) fn with(config: BrokerConfig) -> Self {
        Self {
            broker: Broker::new(config),
            now: START,
            replies: Replies::new(),
            answers: BTreeMap::new(),
            waiting: BTreeMap::new(),
            next_connection: 0,
            next_correlation: 100,
            image: Image::default(),
        }
    }

    /// Makes a driver whose broker can be [started again](Self::restart).
    pub(crate) fn kept(config: BrokerConfig) -> Self {
        let mut driver = Self::with(config);
        driver.restart();
        driver
    }

    /// Kills the broker and starts another from what it has told to keep.
    pub(crate) fn restart(&mut self) {
        let (config, image) = (self.broker.config.clone(), self.image.clone());
        self.broker = Broker::restore(config, Millis::new(self.now), image).unwrap();
        self.answers.clear();
        self.waiting.clear();
    }

    /// Opens a connection.
    pub(crate) fn connect(&mut self) -> ConnectionId {
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        self.broker.connected(id, "10.0.0.7");
        id
    }

    pub(crate) fn disconnect(&mut self, id: ConnectionId) {
        self.broker.disconnected(id);
        self.waiting.remove(&id);
    }

    /// Sends a request and returns its answer, which must come at once.
    pub(crate) fn call<Q: Request>(
        &mut self,
        id: ConnectionId,
        version: i16,
        request: &Q,
    ) -> Q::Response {
        self.send(id, version, request);
        self.answer::<Q>(id, version).expect("an answer at once")
    }

    /// Sends a request by a connection of its own.
    pub(crate) fn ask<Q: Request>(&mut self, version: i16, request: &Q) -> Q::Response {
        let id = self.connect();
        self.call(id, version, request)
    }

    /// Sends a request.
    pub(crate) fn send<Q: Request>(&mut self, id: ConnectionId, version: i16, request: &Q) {
        let mut body = BytesMut::new();
        request.encode(&mut body, version).unwrap();
        self.send_body::<Q>(id, version, &body);
    }

    /// Encodes a request.
    pub(crate) fn frame<Q: Request>(&mut self, version: i16, request: &Q) -> Bytes {
        let mut body = BytesMut::new();
        request.encode(&mut body, version).unwrap();
        self.frame_of::<Q>(version, &body)
    }

    /// Sends a request whose body is already encoded.
    pub(crate) fn send_body<Q: Request>(&mut self, id: ConnectionId, version: i16, body: &[u8]) {
        let frame = self.frame_of::<Q>(version, body);
        self.waiting.insert(id, self.next_correlation);
        self.send_frame(id, frame);
    }

    fn frame_of<Q: Request>(&mut self, version: i16, body: &[u8]) -> Bytes {
        self.next_correlation += 1;
        let header = RequestHeader::default()
            .with_request_api_key(Q::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.next_correlation)
            .with_client_id(Some(text("client")));
        let mut frame = BytesMut::new();
        header.encode(&mut frame, Q::header_version(version)).unwrap();
        frame.extend_from_slice(body);
        frame.freeze()
    }

    /// Sends a frame of any bytes.
    pub(crate) fn send_frame(&mut self, id: ConnectionId, frame: Bytes) {
        self.broker.handle(Millis::new(self.now), id, frame, &mut self.replies);
        self.collect();
    }

    /// Returns the answer to a connection's last request, if it has come.
    pub(crate) fn answer<Q: Request>(
        &mut self,
        id: ConnectionId,
        version: i16,
    ) -> Option<Q::Response> {
        let mut frame = match self.raw_answer(id)? {
            Answer::Frame(mut frame) => frame.copy_to_bytes(frame.remaining()),
            other => panic!("{other:?} instead of a response"),
        };
        assert_eq!(frame.get_i32() as usize, frame.len(), "the length in front");
        let header_version = <Q::Response as HeaderVersion>::header_version(version);
        let header = ResponseHeader::decode(&mut frame, header_version).unwrap();
        assert_eq!(Some(header.correlation_id), self.waiting.remove(&id), "another's answer");
        let response = Q::Response::decode(&mut frame, version).unwrap();
        assert!(frame.is_empty(), "{} bytes behind the response", frame.len());
        Some(response)
    }

    /// Returns the next answer for a connection, whatever it is.
    pub(crate) fn raw_answer(&mut self, id: ConnectionId) -> Option<Answer> {
        self.answers.get_mut(&id)?.pop_front()
    }

    /// Lets time pass, doing what becomes due when it becomes due.
    pub(crate) fn advance(&mut self, millis: i64) {
        let end = self.now + millis;
        let mut turns = 0;
        while let Some(at) = self.broker.next_deadline().filter(|at| at.as_i64() <= end) {
            self.now = self.now.max(at.as_i64());
            self.broker.tick(Millis::new(self.now), &mut self.replies);
            self.collect();
            turns += 1;
            assert!(turns < 10_000, "what is due at {} is never done", at.as_i64());
        }
        self.now = end;
    }

    fn collect(&mut self) {
        for change in self.replies.drain_changes() {
            self.image.apply(change);
        }
        for (id, answer) in self.replies.drain() {
            self.answers.entry(id).or_default().push_back(answer);
        }
    }

    /// Creates a topic.
    pub(crate) fn create_topic(&mut self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let response = self.ask(4, &samples::create_topic(name, partitions, settings));
        assert_eq!(response.topics[0].error_code, 0, "{:?}", response.topics[0].error_message);
    }
}
