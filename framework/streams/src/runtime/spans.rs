//! The spans of a stream thread: of the records its tasks process, and of its commits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::application::Application;
use crate::error::ErrorKind;
use crate::ids::TaskId;
use crate::kafka::{Consumer, Producer, TracedConsumer, TracedProducer};
use crate::task::Task;
use crate::time::Clock;
use crate::trace::{
    Follow, IdGenerator, LINKS_MAX, Operation, Parent, RecordTracer, Span, SpanRecord,
    TraceContext, TracedRecord, Tracing,
};

/// What a thread needs to make spans; there is none where traces are off.
pub(super) struct ThreadSpans {
    tracing: Tracing,
    clock: Arc<dyn Clock>,
    ids: IdGenerator,
    consumer: Arc<str>,
}

impl ThreadSpans {
    /// Returns what a thread of this number needs, and its clients, which make spans as well; as they are
    /// where traces are off.
    pub(super) fn start(
        app: &Application,
        index: usize,
        (consumer, producer): (Box<dyn Consumer>, Box<dyn Producer>),
    ) -> (Option<Self>, Box<dyn Consumer>, Box<dyn Producer>) {
        let tracing = app.tracing.clone().filter(|tracing| !tracing.sampler.is_off());
        let Some(tracing) = tracing else { return (None, consumer, producer) };
        let id = app.deployment.names().application_id();
        let mut spans = Self {
            tracing,
            clock: app.clock.clone(),
            ids: IdGenerator::random(),
            // As the clients call themselves on the broker.
            consumer: format!("{id}-consumer-{index}").into(),
        };
        let client = (spans.clock.clone(), format!("{id}-producer-{index}").into());
        let ids = spans.ids.split();
        let producer = TracedProducer::following(producer, &spans.tracing, ids, client);
        let client = (spans.clock.clone(), spans.consumer.clone());
        let ids = spans.ids.split();
        let consumer = TracedConsumer::new(consumer, &spans.tracing, ids, client);
        (Some(spans), Box::new(consumer), Box::new(producer))
    }

    /// Returns what chooses a task's records.
    pub(super) fn tracer(&mut self, task: TaskId) -> RecordTracer {
        let (tracing, clock) = (self.tracing.clone(), self.clock.clone());
        let sampler = tracing.sampler;
        let client = self.consumer.clone();
        let follow = Box::new(Records { tracing, clock, client, task, open: None });
        RecordTracer::new(sampler, self.ids.split(), follow)
    }

    /// Returns the time, before a commit.
    pub(super) fn now(&self) -> Duration {
        self.clock.since_epoch()
    }

    /// Makes a span of a commit, if there are traced records among those that it stands for.
    pub(super) fn committed<'a>(
        &mut self,
        tasks: impl Iterator<Item = &'a mut Task>,
        start: Duration,
    ) {
        let mut links: Vec<TraceContext> = tasks.flat_map(Task::take_traced).collect();
        links.truncate(LINKS_MAX);
        if links.is_empty() {
            return;
        }
        self.tracing.sink.ended(Span {
            operation: Operation::Commit,
            context: self.ids.root(),
            parent: None,
            trace_state: None,
            start,
            end: self.clock.since_epoch().max(start),
            client: self.consumer.clone(),
            record: None,
            task: None,
            error: None,
            links,
            records: None,
        });
    }
}

impl fmt::Debug for ThreadSpans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadSpans").field("consumer", &self.consumer).finish_non_exhaustive()
    }
}

/// Makes spans of a task's traced records.
struct Records {
    tracing: Tracing,
    clock: Arc<dyn Clock>,
    client: Arc<str>,
    task: TaskId,
    open: Option<Span>,
}

impl Follow for Records {
    fn begins(&mut self, traced: TracedRecord<'_>) {
        let TracedRecord { context, parent, partition, record } = traced;
        let start = self.clock.since_epoch();
        self.open = Some(Span {
            operation: Operation::Process,
            context,
            parent: parent.map(|parent| Parent { span: parent.span, is_remote: true }),
            trace_state: parent.and_then(|_| TraceContext::state_of(record.headers)),
            start,
            end: start,
            client: self.client.clone(),
            record: Some(SpanRecord {
                topic: partition.topic.clone(),
                partition: Some(partition.partition),
                offset: Some(record.offset),
                body_bytes: record.value.map(<[u8]>::len),
                key: self.tracing.key(record.key),
            }),
            task: Some(self.task),
            error: None,
            links: Vec::new(),
            records: None,
        });
    }

    fn ends(&mut self, error: Option<ErrorKind>) {
        let Some(span) = self.open.take() else { return };
        let end = self.clock.since_epoch().max(span.start);
        self.tracing.sink.ended(Span { end, error, ..span });
    }

    fn waits(&mut self) {
        self.open = None;
    }
}
