//! What the core says: exactly one answer to each request, at once or later, and what must be
//! written down before any of them is handed out.

use std::collections::{BTreeSet, VecDeque};
use std::io::IoSlice;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::Encodable;

use crate::changes::Change;
use crate::faults::CrashPoint;

/// The name of one connection. Whoever drives the broker gives it and never gives it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// The broker's answer to one request.
#[derive(Debug)]
pub enum Answer {
    /// A response to send.
    Frame(Frame),
    /// Nothing to send (a produce request without acknowledgement): read the next request.
    Nothing,
    /// The connection is to be closed, for this reason.
    Close(String),
}

/// What one call into the broker gave: answers in the order in which they came about, and the
/// changes behind them.
#[derive(Debug, Default)]
pub struct Replies {
    answers: Vec<(ConnectionId, Answer)>,
    pub(crate) changes: Vec<Change>,
    pub(crate) crash: Option<CrashPoint>,
}

impl Replies {
    /// Makes an empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the answers out, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = (ConnectionId, Answer)> + '_ {
        self.answers.drain(..)
    }

    /// Takes the changes out, in order. There are none of a broker that was not made by
    /// [`Broker::restore`]; of one that was, they are to be written down before the answers are
    /// handed out.
    ///
    /// [`Broker::restore`]: crate::Broker::restore
    pub fn drain_changes(&mut self) -> impl Iterator<Item = Change> + '_ {
        self.changes.drain(..)
    }

    /// Takes out where the broker is to end, if a fault says so.
    pub fn take_crash(&mut self) -> Option<CrashPoint> {
        self.crash.take()
    }

    /// Closes connections in place of the answers for them.
    pub(crate) fn drop_for(&mut self, muted: &mut BTreeSet<ConnectionId>) {
        for (connection, answer) in &mut self.answers {
            if muted.remove(connection) {
                *answer = Answer::Close("a fault drops its answer".to_owned());
            }
        }
    }

    pub(crate) fn push(&mut self, connection: ConnectionId, answer: Answer) {
        self.answers.push((connection, answer));
    }

    pub(crate) fn close(&mut self, connection: ConnectionId, reason: impl Into<String>) {
        self.push(connection, Answer::Close(reason.into()));
    }

    /// Answers a request with a message of the codec.
    pub(crate) fn respond(&mut self, call: &Call, body: &impl Encodable) {
        match body.compute_size(call.version) {
            // It is not even written: the memory for it is what the limit is about.
            Ok(size) if size > FRAME_BYTES_MAX => return self.close_for_size(call, size),
            _ => {}
        }
        let mut frame = FrameBuilder::new(call);
        if let Err(e) = body.encode(frame.head(), call.version) {
            let reason = format!("cannot encode the {:?} response: {e:#}", call.key);
            return self.close(call.connection, reason);
        }
        self.send(call, frame);
    }

    /// Answers a request with what was written, unless that is too large to be sent.
    pub(crate) fn send(&mut self, call: &Call, frame: FrameBuilder) {
        let size = frame.size();
        match frame.finish() {
            Some(frame) => self.push(call.connection, Answer::Frame(frame)),
            None => self.close_for_size(call, size),
        }
    }

    fn close_for_size(&mut self, call: &Call, size: usize) {
        let key = call.key;
        let reason = format!(
            "a {key:?} response of {size} bytes is too large, the most is {FRAME_BYTES_MAX}"
        );
        self.close(call.connection, reason);
    }
}

/// Whom to answer, and in which version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) connection: ConnectionId,
    pub(crate) correlation: i32,
    pub(crate) key: ApiKey,
    pub(crate) version: i16,
}

/// The largest response: far above what clients ask for, and far below what a length can say.
pub(crate) const FRAME_BYTES_MAX: usize = 256 << 20;

/// Pieces below this size are copied: a pointer to them would cost more than their bytes.
const SHARED_BYTES_MIN: usize = 1_024;

/// Builds a response of which parts are shared with the log.
#[derive(Debug)]
pub(crate) struct FrameBuilder {
    done: VecDeque<Bytes>,
    head: BytesMut,
}

impl FrameBuilder {
    /// Starts a response to this call: the header is written, the body is not.
    pub(crate) fn new(call: &Call) -> Self {
        let mut head = BytesMut::with_capacity(256);
        // The length of the frame, filled in at the end.
        head.put_i32(0);
        head.put_i32(call.correlation);
        if call.key.response_header_version(call.version) >= 1 {
            // No tagged fields.
            head.put_u8(0);
        }
        Self { done: VecDeque::new(), head }
    }

    /// Returns where to write what is not shared.
    pub(crate) fn head(&mut self) -> &mut BytesMut {
        &mut self.head
    }

    /// Appends bytes without copying them, unless they are few.
    pub(crate) fn share(&mut self, bytes: &Bytes) {
        if bytes.len() < SHARED_BYTES_MIN {
            return self.head.put_slice(bytes);
        }
        if !self.head.is_empty() {
            self.done.push_back(self.head.split().freeze());
        }
        self.done.push_back(bytes.clone());
    }

    /// Returns how long the response is by now.
    fn size(&self) -> usize {
        self.head.len() + self.done.iter().map(Bytes::len).sum::<usize>()
    }

    /// Ends the response; there is none if it would be too large.
    pub(crate) fn finish(mut self) -> Option<Frame> {
        let total = self.size();
        if total > FRAME_BYTES_MAX {
            return None;
        }
        let length = i32::try_from(total.saturating_sub(4)).ok()?.to_be_bytes();
        if let Some(first) = self.done.pop_front() {
            let mut first = BytesMut::from(first);
            if let Some(place) = first.first_chunk_mut() {
                *place = length;
            }
            self.done.push_front(first.freeze());
        } else if let Some(place) = self.head.first_chunk_mut() {
            *place = length;
        }
        if !self.head.is_empty() {
            self.done.push_back(self.head.freeze());
        }
        Some(Frame { pieces: self.done, remaining: total })
    }
}

/// The bytes of one response, its length in front; a chain, so that records need no copy.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    pieces: VecDeque<Bytes>,
    remaining: usize,
}

impl Buf for Frame {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |piece| piece)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
            *slice = IoSlice::new(piece);
            filled += 1;
        }
        filled
    }

    fn advance(&mut self, count: usize) {
        assert!(count <= self.remaining, "cannot advance past the end of a frame");
        self.remaining -= count;
        let mut left = count;
        while let Some(piece) = self.pieces.front_mut() {
            if left < piece.len() {
                return piece.advance(left);
            }
            left -= piece.len();
            self.pieces.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
