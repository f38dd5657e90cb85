//! A producer whose traced records are spans; there is none where traces are off.

use std::fmt;
use std::sync::Arc;

use super::{ChangelogToken, OutgoingRecord, Producer};
use crate::error::{Error, Result};
use crate::ids::Offset;
use crate::time::Clock;
use crate::trace::{
    IdGenerator, Operation, Parent, Sampler, Span, SpanRecord, TraceContext, Tracing,
};

/// Sends what another producer sends; where a record's headers have a context that is traced, with a span
/// of its own, whose context goes with the record.
///
/// A record without headers costs one look at them.
pub struct TracedProducer {
    inner: Box<dyn Producer>,
    tracing: Tracing,
    sampler: Sampler,
    /// Whether contexts are of this process's own spans.
    follows_own: bool,
    ids: IdGenerator,
    clock: Arc<dyn Clock>,
    client: Arc<str>,
}

impl TracedProducer {
    /// Wraps a producer whose records get their contexts here: traces begin as the sampler says.
    #[must_use]
    pub fn starting(
        inner: Box<dyn Producer>,
        tracing: &Tracing,
        ids: IdGenerator,
        (clock, client): (Arc<dyn Clock>, Arc<str>),
    ) -> Self {
        let (tracing, sampler) = (tracing.clone(), tracing.sampler);
        Self { inner, tracing, sampler, follows_own: false, ids, clock, client }
    }

    /// Wraps a producer of a stream thread: records have the contexts of those that they follow from.
    #[must_use]
    pub(crate) fn following(
        inner: Box<dyn Producer>,
        tracing: &Tracing,
        ids: IdGenerator,
        client: (Arc<dyn Clock>, Arc<str>),
    ) -> Self {
        let sampler = tracing.sampler.starting_none();
        Self { sampler, follows_own: true, ..Self::starting(inner, tracing, ids, client) }
    }

    fn send_traced(&mut self, record: OutgoingRecord<'_>) -> Result<()> {
        let parent = self.sampler.parent_of(record.headers);
        let Some(context) = self.sampler.sample(parent, &mut self.ids) else {
            return self.inner.send(record);
        };
        let headers = context.into_headers(record.headers, parent.is_some());
        let start = self.clock.since_epoch();
        let sent = self.inner.send(OutgoingRecord { headers: &headers, ..record });
        self.tracing.sink.ended(Span {
            operation: Operation::Send,
            context,
            parent: parent.map(|parent| Parent { span: parent.span, is_remote: !self.follows_own }),
            trace_state: parent.and_then(|_| TraceContext::state_of(record.headers)),
            start,
            end: self.clock.since_epoch().max(start),
            client: self.client.clone(),
            record: Some(SpanRecord {
                topic: record.topic.into(),
                partition: record.partition,
                offset: None,
                body_bytes: record.value.map(<[u8]>::len),
                key: self.tracing.key(record.key),
            }),
            task: None,
            error: sent.as_ref().err().map(Error::kind),
            links: Vec::new(),
            records: None,
        });
        sent
    }
}

impl Producer for TracedProducer {
    #[inline]
    fn send(&mut self, record: OutgoingRecord<'_>) -> Result<()> {
        let is_untraced = record.headers.is_empty() && self.sampler.starts_none();
        // A changelog's records have no headers, and are no messages to anybody.
        if is_untraced || record.changelog.is_some() {
            return self.inner.send(record);
        }
        self.send_traced(record)
    }

    fn poll(&mut self) -> Result<()> {
        self.inner.poll()
    }

    fn drain(&mut self) -> Result<()> {
        self.inner.drain()
    }

    fn acknowledged(&mut self, visit: &mut dyn FnMut(ChangelogToken, Offset)) {
        self.inner.acknowledged(visit);
    }
}

impl fmt::Debug for TracedProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedProducer").field("sampler", &self.sampler).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::error::ErrorKind;
    use crate::record::{Header, Headers};
    use crate::time::{ManualClock, Timestamp};
    use crate::trace::SpanSink;

    #[derive(Debug, Clone, Default)]
    struct Spans(Arc<Mutex<Vec<Span>>>);

    impl SpanSink for Spans {
        fn ended(&self, span: Span) {
            self.0.lock().unwrap().push(span);
        }
    }

    #[derive(Clone, Default)]
    struct Sent(Arc<Mutex<Vec<Headers>>>);

    impl Producer for Sent {
        fn send(&mut self, record: OutgoingRecord<'_>) -> Result<()> {
            if record.topic == "refused" {
                return Err(Error::new(ErrorKind::Kafka, "refused"));
            }
            self.0.lock().unwrap().push(record.headers.clone());
            Ok(())
        }

        fn poll(&mut self) -> Result<()> {
            Ok(())
        }

        fn drain(&mut self) -> Result<()> {
            Ok(())
        }

        fn acknowledged(&mut self, _visit: &mut dyn FnMut(ChangelogToken, Offset)) {}
    }

    fn record<'a>(topic: &'a str, headers: &'a Headers) -> OutgoingRecord<'a> {
        OutgoingRecord {
            topic,
            partition: Some(1),
            key: Some(b"secret"),
            value: Some(b"value"),
            timestamp: Timestamp::from_millis(1),
            headers,
            changelog: None,
        }
    }

    fn traced_by(sampler: Sampler, with_keys: bool) -> (TracedProducer, Sent, Spans) {
        let (sent, spans) = (Sent::default(), Spans::default());
        let tracing = Tracing { sampler, sink: Arc::new(spans.clone()), with_keys };
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(5)));
        let ids = IdGenerator::new([1, 2]);
        let inner = Box::new(sent.clone());
        let producer = TracedProducer::following(inner, &tracing, ids, (clock, "me".into()));
        (producer, sent, spans)
    }

    #[test]
    fn a_traced_record_is_sent_with_its_own_span() {
        let (mut producer, sent, spans) = traced_by(Sampler::following(1.0), false);
        let context = IdGenerator::new([7, 7]).root();
        let traced = context.into_headers(&Headers::default(), true);
        producer.send(record("out", &traced)).unwrap();
        producer.send(record("out", &Headers::default())).unwrap();
        let changelog = Some(ChangelogToken(1));
        producer.send(OutgoingRecord { changelog, ..record("log", &traced) }).unwrap();
        assert!(producer.send(record("refused", &traced)).is_err());

        let spans = spans.0.lock().unwrap();
        let [span, refused] = &spans[..] else { panic!("{spans:?}") };
        assert_eq!(span.parent, Some(Parent { span: context.span, is_remote: false }));
        assert_eq!((span.context.trace, span.error), (context.trace, None));
        assert_eq!(refused.error, Some(ErrorKind::Kafka));
        let about = span.record.as_ref().unwrap();
        assert_eq!((about.body_bytes, about.key.as_deref()), (Some(5), None));
        let sent = sent.0.lock().unwrap();
        assert_eq!(TraceContext::of(&sent[0]), Some(span.context));
        assert!(sent[1].is_empty());
        assert_eq!(sent[2], traced);
    }

    /// A record that was not taken when it was processed is not asked about again when it is sent.
    #[test]
    fn no_trace_begins_where_a_record_follows_from_one_that_was_not_taken() {
        let (mut producer, sent, spans) = traced_by(Sampler::alone(1.0), false);
        let others: Headers = [Header::new("a", *b"b")].into_iter().collect();
        producer.send(record("out", &Headers::default())).unwrap();
        producer.send(record("out", &others)).unwrap();
        assert!(spans.0.lock().unwrap().is_empty());
        assert_eq!(sent.0.lock().unwrap()[..], [Headers::default(), others]);
        // Whatever others have decided about it.
        let unsampled = TraceContext { is_sampled: false, ..IdGenerator::new([7, 7]).root() };
        producer.send(record("out", &unsampled.into_headers(&Headers::default(), true))).unwrap();
        assert_eq!(spans.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn keys_are_told_only_where_they_are_asked_for() {
        let (mut producer, _, spans) = traced_by(Sampler::following(0.0), true);
        let traced = IdGenerator::new([7, 7]).root().into_headers(&Headers::default(), true);
        producer.send(record("out", &traced)).unwrap();
        let key = spans.0.lock().unwrap()[0].record.as_ref().and_then(|about| about.key.clone());
        assert_eq!(key.as_deref(), Some("secret"));
    }

    #[test]
    fn what_is_not_sampled_passes_untouched() {
        let (mut producer, sent, spans) = traced_by(Sampler::following(0.0), false);
        let unsampled = TraceContext { is_sampled: false, ..IdGenerator::new([7, 7]).root() };
        let headers =
            unsampled.into_headers(&[Header::new("a", *b"b")].into_iter().collect(), true);
        producer.send(record("out", &headers)).unwrap();
        assert_eq!(sent.0.lock().unwrap()[..], [headers]);
        assert!(spans.0.lock().unwrap().is_empty());
    }
}
