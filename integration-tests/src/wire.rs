//! The protocol without a client: for what a well-behaved client never sends.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::RequestHeader;
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};

/// A bare connection to a broker.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    correlation: i32,
}

impl Wire {
    /// Connects.
    ///
    /// # Panics
    ///
    /// If nobody listens.
    #[must_use]
    pub fn connect(bootstrap: &str) -> Self {
        let stream = TcpStream::connect(bootstrap).expect("a connection");
        let bound = Some(Duration::from_secs(30));
        stream.set_read_timeout(bound).expect("a bound on reading");
        Self { stream, correlation: 0 }
    }

    /// Sends a request and returns its response.
    ///
    /// # Panics
    ///
    /// If the broker does not answer, or not in this version.
    pub fn call<Q: Request>(&mut self, version: i16, request: &Q) -> Q::Response {
        self.send(version, request);
        self.receive::<Q>(version)
    }

    /// Sends a request.
    ///
    /// # Panics
    ///
    /// If it cannot be encoded or written.
    pub fn send<Q: Request>(&mut self, version: i16, request: &Q) {
        self.correlation += 1;
        let header = RequestHeader::default()
            .with_request_api_key(Q::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .with_client_id(Some(StrBytes::from_static_str("wire")));
        let mut frame = BytesMut::new();
        header.encode(&mut frame, Q::header_version(version)).expect("a header");
        request.encode(&mut frame, version).expect("a request");
        self.send_frame(&frame);
    }

    /// Sends a frame of any bytes.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn send_frame(&mut self, frame: &[u8]) {
        let length = u32::try_from(frame.len()).expect("a frame of less than 4 GiB");
        self.send_bytes(&[&length.to_be_bytes()[..], frame].concat());
    }

    /// Sends any bytes.
    ///
    /// # Panics
    ///
    /// If they cannot be written.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("bytes are written");
    }

    /// Returns the response to the last request.
    ///
    /// # Panics
    ///
    /// If there is none, or it does not fit.
    pub fn receive<Q: Request>(&mut self, version: i16) -> Q::Response {
        let mut frame = self.receive_frame().expect("a response");
        let header_version = <Q::Response as HeaderVersion>::header_version(version);
        let header = kafka_protocol::messages::ResponseHeader::decode(&mut frame, header_version);
        let header = header.expect("a response's header");
        assert_eq!(header.correlation_id, self.correlation, "the answer to another request");
        let response = Q::Response::decode(&mut frame, version).expect("a response");
        assert!(frame.is_empty(), "{} bytes are left behind a response", frame.len());
        response
    }

    /// Returns the next frame.
    ///
    /// # Errors
    ///
    /// If the connection ends or nothing comes.
    pub fn receive_frame(&mut self) -> io::Result<Bytes> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut frame)?;
        Ok(Bytes::from(frame))
    }

    /// Returns whether the broker has closed the connection, waiting for it.
    #[must_use]
    pub fn is_closed(&mut self) -> bool {
        match self.stream.read(&mut [0; 1]) {
            Ok(0) => true,
            Ok(_) => false,
            Err(e) => matches!(e.kind(), io::ErrorKind::ConnectionReset),
        }
    }
}
