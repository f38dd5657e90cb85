//! Traces: the context that records carry in their headers, and the way that spans take out of the engine.
//!
//! A record's context is that of whoever wrote it ([W3C Trace Context]). Where it is sampled, or a new
//! trace begins, the record's processing is a span: a [`RecordTracer`] gives the record a context of its
//! own, which travels with its headers to whatever follows from it: through operators, caches, the outbox
//! and repartition topics. A record that comes out of a cache has the context of the record that wrote its
//! row last, as it has that one's headers.
//!
//! Nothing here reads a clock or the network: spans are values, ids come from a generator with a seed, and
//! a [`SpanSink`] takes what has ended. Where traces are off, no part of this is built.
//!
//! [W3C Trace Context]: https://www.w3.org/TR/trace-context/

mod context;
mod sampler;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use context::{SpanId, TraceContext, TraceId};
pub use sampler::{IdGenerator, Sampler};

use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Offset, TaskId, TopicPartition};
use crate::record::{Headers, RawRecord};

/// What a span is about, as the conventions for messaging name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Records are taken from the consumer, of one partition; linked with those that are traced.
    Poll,
    /// A record is processed: from when it is chosen to when all that follows from it is in the outbox.
    Process,
    /// A record is handed to the producer; that it is acknowledged comes later, with all of its batch.
    Send,
    /// Offsets are committed; linked with the records they stand for.
    Commit,
}

/// A span that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// What it is about.
    pub operation: Operation,
    /// Its own ids.
    pub context: TraceContext,
    /// The span that caused it; none at the root of a trace.
    pub parent: Option<Parent>,
    /// What vendors have written beside the context, unread.
    pub trace_state: Option<Arc<[u8]>>,
    /// When it began, since 1970-01-01T00:00:00Z.
    pub start: Duration,
    /// When it ended.
    pub end: Duration,
    /// Whose work it was: the name of the thread, or of the program.
    pub client: Arc<str>,
    /// The record it is about.
    pub record: Option<SpanRecord>,
    /// The task, where there is one.
    pub task: Option<TaskId>,
    /// What kind of error it ended with.
    pub error: Option<ErrorKind>,
    /// Contexts of records that it stands for, at most [`LINKS_MAX`].
    pub links: Vec<TraceContext>,
    /// How many records it stands for, traced or not, where it is about more than one.
    pub records: Option<usize>,
}

/// What caused a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// Its id, in the same trace.
    pub span: SpanId,
    /// Whether its context came with a record, and not from this process's own span.
    pub is_remote: bool,
}

/// The record of a span: where it is and how large, never what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanRecord {
    /// Its topic.
    pub topic: Arc<str>,
    /// Its partition, where it is known.
    pub partition: Option<i32>,
    /// Its offset, where it is known.
    pub offset: Option<Offset>,
    /// The bytes of its value; nothing for a tombstone.
    pub body_bytes: Option<usize>,
    /// Its key, as text, only where a setting asks for keys.
    pub key: Option<String>,
}

/// How many links a span has at most.
pub const LINKS_MAX: usize = 128;
/// How many bytes of a key a span has at most.
const KEY_BYTES_MAX: usize = 256;

/// Where spans go that have ended; must not wait.
pub trait SpanSink: Send + Sync + fmt::Debug {
    /// Takes a span.
    fn ended(&self, span: Span);
}

/// How an application traces: what it samples, where its spans go, and whether they have keys.
#[derive(Debug, Clone)]
pub struct Tracing {
    /// Which records are traced.
    pub sampler: Sampler,
    /// Where their spans go.
    pub sink: Arc<dyn SpanSink>,
    /// Whether spans have their records' keys, which may be anything.
    pub with_keys: bool,
}

impl Tracing {
    /// Returns a key as a span may have it.
    pub(crate) fn key(&self, key: Option<&[u8]>) -> Option<String> {
        let key = key.filter(|key| self.with_keys && key.len() <= KEY_BYTES_MAX)?;
        std::str::from_utf8(key).ok().map(str::to_owned)
    }
}

/// Follows the records that are traced; the runtime's, which has a clock.
pub(crate) trait Follow: Send {
    /// A traced record is about to be processed.
    fn begins(&mut self, traced: TracedRecord<'_>);

    /// It has been, or has failed.
    fn ends(&mut self, error: Option<ErrorKind>);

    /// Nothing was done with it: it waits, and begins again later.
    fn waits(&mut self);
}

/// A record that is traced.
#[derive(Debug)]
pub(crate) struct TracedRecord<'a> {
    pub(crate) context: TraceContext,
    pub(crate) parent: Option<TraceContext>,
    pub(crate) partition: &'a Arc<TopicPartition>,
    pub(crate) record: &'a RawRecord<'a>,
}

/// Chooses the records of one task that are traced.
pub(crate) struct RecordTracer {
    sampler: Sampler,
    ids: IdGenerator,
    follow: Box<dyn Follow>,
    current: Option<TraceContext>,
    /// Whether the current one is the first of its trace.
    begins_trace: bool,
    /// Contexts of records processed since the last commit, at most [`LINKS_MAX`].
    uncommitted: Vec<TraceContext>,
}

impl RecordTracer {
    pub(crate) fn new(sampler: Sampler, ids: IdGenerator, follow: Box<dyn Follow>) -> Self {
        let (current, begins_trace, uncommitted) = (None, false, Vec::new());
        Self { sampler, ids, follow, current, begins_trace, uncommitted }
    }

    /// Has a record processed: if it is traced, with headers that carry its trace on.
    #[inline]
    pub(crate) fn around(
        &mut self,
        partition: &Arc<TopicPartition>,
        record: RawRecord<'_>,
        process: impl FnOnce(RawRecord<'_>) -> Result<()>,
    ) -> Result<()> {
        let Some(headers) = self.begin(partition, &record) else { return process(record) };
        let processed = process(RawRecord { headers: &headers, ..record });
        match &processed {
            // It is tried again soon, and often: that it lacks something is no failure of its own.
            Err(error) if error.is_retriable() => self.abandon(),
            processed => self.end(processed.as_ref().err().map(Error::kind)),
        }
        processed
    }

    /// Looks at a record's headers, once; returns the headers that it is processed with if it is traced.
    #[inline]
    fn begin(
        &mut self,
        partition: &Arc<TopicPartition>,
        record: &RawRecord<'_>,
    ) -> Option<Headers> {
        self.current = None;
        if record.headers.is_empty() && self.sampler.starts_none() {
            return None;
        }
        let parent = self.sampler.parent_of(record.headers);
        let context = self.sampler.sample(parent, &mut self.ids)?;
        Some(self.traced(context, parent, partition, record))
    }

    fn traced(
        &mut self,
        context: TraceContext,
        parent: Option<TraceContext>,
        partition: &Arc<TopicPartition>,
        record: &RawRecord<'_>,
    ) -> Headers {
        self.current = Some(context);
        self.begins_trace = parent.is_none();
        if self.uncommitted.len() < LINKS_MAX {
            self.uncommitted.push(context);
        }
        self.follow.begins(TracedRecord { context, parent, partition, record });
        context.into_headers(record.headers, parent.is_some())
    }

    /// Takes note of how the record ended that was traced last.
    fn end(&mut self, error: Option<ErrorKind>) {
        if error.is_none() {
            self.current = None;
        }
        self.follow.ends(error);
    }

    /// Forgets the record that was traced last; what waits is told with its trace, if others know that.
    fn abandon(&mut self) {
        if self.uncommitted.last() == self.current.as_ref() {
            self.uncommitted.pop();
        }
        if self.begins_trace {
            self.current = None;
        }
        self.follow.waits();
    }

    /// Returns the trace of the record that is being processed, that waits, or that failed.
    pub(crate) fn current(&self) -> Option<TraceId> {
        self.current.map(|context| context.trace)
    }

    /// Forgets a record that failed and was told of.
    pub(crate) fn forget(&mut self) {
        self.current = None;
    }

    /// Returns the contexts of traced records that were processed since the last call.
    pub(crate) fn take_uncommitted(&mut self) -> Vec<TraceContext> {
        std::mem::take(&mut self.uncommitted)
    }
}

impl fmt::Debug for RecordTracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordTracer").field("sampler", &self.sampler).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
