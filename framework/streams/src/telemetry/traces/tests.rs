//! What spans look like, who is sampled, and what is lost to a collector that is not there.

use std::sync::Mutex;

use super::*;
use crate::config::StreamsConfig;
use crate::error::ErrorKind;
use crate::ids::{Offset, SubtopologyId, TaskId};
use crate::trace::{IdGenerator, Parent, SpanRecord};

fn settings(given: &[(&str, &str)]) -> Settings {
    let mut config = StreamsConfig::new("app");
    for (name, value) in given {
        config = config.with_argument(name, value).unwrap();
    }
    config.resolve().unwrap()
}

fn span() -> Span {
    let mut ids = IdGenerator::new([1, 2]);
    let parent = ids.root();
    let context = Sampler::following(0.0).sample(Some(parent), &mut ids).unwrap();
    Span {
        operation: Operation::Process,
        context,
        parent: Some(Parent { span: parent.span, is_remote: true }),
        trace_state: Some(Arc::from(&b"vendor=1"[..])),
        start: Duration::from_secs(5),
        end: Duration::from_secs(6),
        client: "app-consumer-0".into(),
        record: Some(SpanRecord {
            topic: "orders".into(),
            partition: Some(3),
            offset: Some(Offset(512)),
            body_bytes: Some(9),
            key: None,
        }),
        task: Some(TaskId::new(SubtopologyId(0), 3)),
        error: None,
        links: Vec::new(),
        records: None,
    }
}

fn told(span: Span, names: Names) -> (SpanData, Vec<String>) {
    let scope = InstrumentationScope::builder("test").build();
    let data = data(span, names, &scope, &"app".into());
    let told = data.attributes.iter().map(|pair| format!("{}={}", pair.key, pair.value));
    let told = told.collect();
    (data, told)
}

#[test]
fn a_processed_record_is_a_span_of_the_conventions() {
    let (data, told) = told(span(), Names::Stable);
    assert_eq!(data.name, "process orders");
    assert_eq!(data.span_kind, SpanKind::Consumer);
    assert!(data.parent_span_is_remote && data.status == Status::Unset);
    assert_eq!(data.span_context.trace_state().get("vendor"), Some("1"));
    assert_eq!(data.end_time.duration_since(data.start_time).unwrap(), Duration::from_secs(1));
    assert_eq!(
        told,
        [
            "messaging.system=kafka",
            "messaging.operation.name=process",
            "messaging.operation.type=process",
            "messaging.client.id=app-consumer-0",
            "messaging.consumer.group.name=app",
            "kafka.stream.task.id=0_3",
            "messaging.destination.name=orders",
            "messaging.destination.partition.id=3",
            "messaging.kafka.offset=512",
            "messaging.message.body.size=9",
        ]
    );
}

#[test]
fn records_that_are_polled_are_counted_and_linked() {
    let (operation, links) = (Operation::Poll, vec![IdGenerator::new([9, 9]).root()]);
    let about = SpanRecord { offset: None, body_bytes: None, ..span().record.unwrap() };
    let (record, records) = (Some(about), Some(500));
    let poll = Span { operation, links, record, records, task: None, ..span() };
    let (data, told) = told(poll, Names::Stable);
    assert_eq!(
        (&*data.name, data.span_kind, data.links.len()),
        ("poll orders", SpanKind::Client, 1)
    );
    assert_eq!(
        told,
        [
            "messaging.system=kafka",
            "messaging.operation.name=poll",
            "messaging.operation.type=receive",
            "messaging.client.id=app-consumer-0",
            "messaging.consumer.group.name=app",
            "messaging.destination.name=orders",
            "messaging.destination.partition.id=3",
            "messaging.batch.message_count=500",
        ]
    );
}

#[test]
fn tombstones_errors_and_links_are_told() {
    let links = vec![IdGenerator::new([9, 9]).root()];
    let record = span().record.map(|record| SpanRecord { body_bytes: None, ..record });
    let failed = Span { record, error: Some(ErrorKind::Processing), links, ..span() };
    let (data, told) = told(failed, Names::Both);
    for expected in [
        "messaging.kafka.message.tombstone=true",
        "kafka.message.tombstone=true",
        "messaging.system.name=kafka",
        "error.type=processing",
    ] {
        assert!(told.iter().any(|pair| pair == expected), "{expected} in {told:?}");
    }
    assert_eq!((data.links.len(), data.status), (1, Status::error("processing")));
}

#[test]
fn settings_come_before_the_environment() {
    let of = |variables: &[(&str, &str)], given: &[(&str, &str)]| {
        sampler(&Environment::of(variables), &settings(given))
    };
    let (name, ratio) = ("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG");
    assert_eq!(of(&[], &[]).unwrap(), Sampler::following(0.0));
    assert_eq!(of(&[(name, "traceidratio"), (ratio, "0.5")], &[]).unwrap(), Sampler::alone(0.5));
    // OpenTelemetry's default, where its variable names a sampler; ours where nobody does.
    assert_eq!(of(&[(name, "traceidratio")], &[]).unwrap(), Sampler::alone(1.0));
    assert_eq!(of(&[(name, "parentbased_traceidratio")], &[]).unwrap(), Sampler::following(1.0));
    assert_eq!(of(&[(name, "parentbased_always_off")], &[]).unwrap(), Sampler::following(0.0));
    assert_eq!(of(&[(ratio, "0.5")], &[]).unwrap(), Sampler::following(0.5));
    let own = [("traces.sampler", "traceidratio")];
    assert!(of(&[(name, "parentbased_traceidratio")], &own).unwrap().is_off(), "as documented");
    let own = [("traces.sampler.ratio", "0.25")];
    assert_eq!(of(&[(name, "always_off")], &own).unwrap(), Sampler::following(0.25));
    let own = [("traces.sampler", "always_on")];
    assert_eq!(of(&[(name, "always_off")], &own).unwrap(), Sampler::alone(1.0));
    let error = of(&[(name, "jaeger_remote")], &[]).unwrap_err();
    assert!(error.is_config() && error.to_string().contains("jaeger_remote"), "{error}");
    assert!(of(&[(ratio, "7")], &[]).is_err());
}

#[test]
fn without_a_collector_or_a_sample_nothing_is_started() {
    let resource = Resource::builder_empty().build();
    let started = |variables: &[(&str, &str)]| {
        SpanPush::start(&Environment::of(variables), &resource, &settings(&[])).unwrap().is_some()
    };
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
    assert!(!started(&[]));
    assert!(!started(&[endpoint, ("OTEL_SDK_DISABLED", "true")]));
    assert!(!started(&[endpoint, ("OTEL_TRACES_SAMPLER", "always_off")]));
}

/// Holds batches back until it is told to go on.
#[derive(Debug, Default)]
struct Slow(Arc<Mutex<usize>>);

impl SpanExporter for Slow {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        *self.0.lock().unwrap() += batch.len();
        Ok(())
    }
}

#[test]
fn a_collector_that_is_slow_loses_spans_and_keeps_nobody() {
    let slow = Slow::default();
    let exported = slow.0.clone();
    let counts = Arc::new(Counts { queue_max: 8, ..Counts::default() });
    let exporter = Counted { inner: slow, counts: counts.clone() };
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(8)
        .with_max_export_batch_size(2)
        .with_scheduled_delay(Duration::from_secs(3600))
        .build();
    let sink = Sink {
        processor: BatchSpanProcessor::new(exporter, config),
        counts: counts.clone(),
        names: Names::Stable,
        scope: InstrumentationScope::builder("test").build(),
        group: "app".into(),
    };
    let held = exported.lock().unwrap();
    for _ in 0..100 {
        sink.ended(span());
    }
    let dropped = counts.dropped.load(Ordering::Relaxed);
    assert_eq!(dropped, 92, "what is under way is part of the queue");
    drop(held);
    sink.processor.shutdown_with_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(*exported.lock().unwrap(), 8);
    assert_eq!(counts.queued.load(Ordering::Relaxed), 0);
}
