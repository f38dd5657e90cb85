//! What is told of records that are skipped.

use super::super::*;
use super::outputs::{task, text};
use crate::error::ErrorKind;
use crate::kafka::FetchedBatch;
use crate::prelude::*;
use crate::record::{Headers, RawRecord};
use crate::trace::{Follow, IdGenerator, RecordTracer, Sampler, TracedRecord};

struct Untold;

impl Follow for Untold {
    fn begins(&mut self, _: TracedRecord<'_>) {}

    fn ends(&mut self, _: Option<ErrorKind>) {}

    fn waits(&mut self) {}
}

/// Whether or not its trace is followed here: who looks for a trace looks in the log, too.
#[test]
fn each_skipped_record_is_told_with_the_trace_it_came_with() {
    let mut ids = IdGenerator::new([1, 1]);
    let (sampled, other) = (ids.root(), ids.root());
    let unsampled = TraceContext { is_sampled: false, ..other };
    let expected = [Some(sampled.trace), None, Some(unsampled.trace)];
    for is_following in [true, false] {
        let builder = StreamsBuilder::new();
        builder.stream(&text("in")).to(&text("out"));
        let mut task = task(&builder.build().unwrap(), &[("in", 1)], 0);
        task.handler = DeserializationHandler::Continue;
        if is_following {
            let follow = Box::new(Untold);
            let ids = IdGenerator::new([1, 2]);
            task.trace_by(RecordTracer::new(Sampler::following(0.0), ids, follow));
        }
        let mut batch = FetchedBatch::default();
        let headers = [
            sampled.into_headers(&Headers::default(), true),
            Headers::default(),
            unsampled.into_headers(&Headers::default(), true),
        ];
        for (headers, offset) in headers.iter().zip(0..) {
            let (timestamp, offset) = (Timestamp::from_millis(1), Offset(offset));
            let (key, value) = (Some(&b"k"[..]), Some(&b"\xff"[..]));
            batch.push(RawRecord { key, value, timestamp, offset, headers });
        }
        task.group_mut().push(0, batch);
        (0..3).for_each(|_| task.process_from(0).unwrap());
        let told = task.take_skipped();
        let traces: Vec<_> = told.iter().map(|error| error.record().unwrap().trace).collect();
        assert_eq!(traces, expected, "following: {is_following}");
    }
}
