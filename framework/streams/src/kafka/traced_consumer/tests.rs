//! Which fetches are spans.

use std::sync::Mutex;

use super::*;
use crate::record::{Header, Headers, RawRecord};
use crate::time::{ManualClock, Timestamp};
use crate::trace::{Sampler, SpanSink};

#[derive(Debug, Clone, Default)]
struct Spans(Arc<Mutex<Vec<Span>>>);

impl SpanSink for Spans {
    fn ended(&self, span: Span) {
        self.0.lock().unwrap().push(span);
    }
}

/// Fetches records with these headers, all of them each time, which takes a second.
struct Script(Vec<Headers>, ManualClock);

impl Consumer for Script {
    fn subscribe(&mut self, _: &[Arc<str>]) -> Result<()> {
        Ok(())
    }

    fn assign(&mut self, _: &[(TopicPartition, StartAt)]) -> Result<()> {
        Ok(())
    }

    fn incremental_assign(&mut self, _: &[(TopicPartition, StartAt)]) -> Result<()> {
        Ok(())
    }

    fn incremental_unassign(&mut self, _: &[TopicPartition]) -> Result<()> {
        Ok(())
    }

    fn seek(&mut self, _: &[(TopicPartition, StartAt)]) -> Result<()> {
        Ok(())
    }

    fn committed(&mut self, _: &[TopicPartition]) -> Result<Commits> {
        Ok(Commits::new())
    }

    fn events(&mut self) -> Result<Vec<ConsumerEvent>> {
        Ok(Vec::new())
    }

    fn fetch(
        &mut self,
        _: &TopicPartition,
        _: FetchLimit,
        batch: &mut FetchedBatch,
    ) -> Result<Fetched> {
        for headers in &self.0 {
            let (timestamp, offset) = (Timestamp::from_millis(1), Offset(1));
            batch.push(RawRecord { key: None, value: None, timestamp, offset, headers });
        }
        self.1.advance(Duration::from_secs(1));
        Ok(Fetched { records: self.0.len(), end_of_partition: None })
    }

    fn wait(&mut self, _: Duration) {}

    fn waker(&self) -> Waker {
        Waker::new(|| {})
    }

    fn commit(&mut self, _: &Commits, _: Duration) -> Result<()> {
        Ok(())
    }

    fn close(self: Box<Self>, _: Leave) {}
}

/// Fetches twice into one batch, and returns the spans of it.
fn polled(sampler: Sampler, fetched: Vec<Headers>) -> Vec<Span> {
    let (spans, clock) = (Spans::default(), ManualClock::at(Timestamp::from_millis(5_000)));
    let tracing = Tracing { sampler, sink: Arc::new(spans.clone()), with_keys: true };
    let (ids, inner) = (IdGenerator::new([1, 2]), Box::new(Script(fetched, clock.clone())));
    let mut consumer = TracedConsumer::new(inner, &tracing, ids, (Arc::new(clock), "me".into()));
    let mut batch = FetchedBatch::default();
    let (partition, limit) = (TopicPartition::new("in", 2), FetchLimit { records: 9, bytes: 99 });
    for _ in 0..2 {
        consumer.fetch(&partition, limit, &mut batch).unwrap();
    }
    spans.0.lock().unwrap().clone()
}

#[test]
fn a_fetch_that_brings_traced_records_is_a_span_with_links() {
    let mut ids = IdGenerator::new([7, 7]);
    let (one, other) = (ids.root(), ids.root());
    let unsampled = TraceContext { is_sampled: false, ..ids.root() };
    let with = |context: TraceContext| context.into_headers(&Headers::default(), true);
    let fetched = vec![with(one), Headers::default(), with(unsampled), with(other)];
    let spans = polled(Sampler::following(0.0), fetched);
    let [first, second] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((&first.links[..], first.records), (&[one, other][..], Some(4)));
    let seconds = (first.start.as_secs(), first.end.as_secs());
    assert_eq!((first.operation, first.parent, seconds), (Operation::Poll, None, (5, 6)));
    let about = first.record.as_ref().unwrap();
    assert_eq!((&*about.topic, about.partition, about.key.as_deref()), ("in", Some(2), None));
    assert_eq!(second.links, first.links, "what was in the batch already is not told again");
    assert_ne!(second.context.trace, first.context.trace);
}

#[test]
fn a_fetch_without_traced_records_is_none() {
    let unsampled = TraceContext { is_sampled: false, ..IdGenerator::new([7, 7]).root() };
    let fetched = vec![
        Headers::default(),
        [Header::new("a", *b"b")].into_iter().collect(),
        unsampled.into_headers(&Headers::default(), true),
    ];
    for sampler in [Sampler::following(0.0), Sampler::following(1.0)] {
        assert!(polled(sampler, fetched.clone()).is_empty(), "{sampler:?}");
    }
    assert!(polled(Sampler::following(0.0), Vec::new()).is_empty());
    // Whatever others have decided about it.
    assert_eq!(polled(Sampler::alone(1.0), fetched).len(), 2);
}

#[test]
fn links_have_a_limit() {
    let traced = IdGenerator::new([7, 7]).root().into_headers(&Headers::default(), true);
    let spans = polled(Sampler::following(0.0), vec![traced; LINKS_MAX + 1]);
    let told = spans.iter().map(|span| (span.links.len(), span.records));
    assert!(told.eq([(LINKS_MAX, Some(LINKS_MAX + 1)); 2]), "{}", spans.len());
}
