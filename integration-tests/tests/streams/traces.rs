//! Traces: one from the producer through a repartition topic to the output, and none where none is wanted.

use integration_tests::admin::{FOREVER, create_topic};
use integration_tests::collector::{Collector, Span};
use integration_tests::{Cluster, clients, unique};
use kappa::prelude::*;
use kappa::telemetry::Telemetry;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders, OwnedMessage};
use rdkafka::producer::BaseRecord;

use crate::app::{App, number_table, texts};
use kappa::runtime::KafkaStreams;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PRODUCER: &str = "00f067aa0ba902b7";
const KEY: &str = "key-of-a-person";

/// Counts by a new key, so through a repartition topic.
fn counted(bootstrap: &str) -> (App, String, String) {
    let id = unique("traces");
    let (input, output) = (format!("{id}-in"), format!("{id}-out"));
    create_topic(bootstrap, &input, 1, &[FOREVER]);
    let builder = StreamsBuilder::new();
    builder
        .stream(&texts(&input))
        .group_by(|key, _| format!("by-{key}"))
        .count("counts")
        .to_stream()
        .to(&number_table(&output, 1));
    let app = App::new(bootstrap, &id, builder.build().unwrap());
    // Each update goes out by itself.
    (app.set("statestore.cache.max.bytes", "0"), input, output)
}

fn feed_with(bootstrap: &str, topic: &str, headers: &[(&str, &str)]) {
    let producer = clients::producer(bootstrap, &[]);
    let headers = headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header { key, value: Some(*value) })
    });
    let record = BaseRecord::to(topic).key(KEY).payload("value").timestamp(1_000);
    clients::send(&producer, record.headers(headers));
    clients::drain(&producer);
}

/// Runs until everything is read, with spans going to a collector.
fn catch_up_traced(app: &App, endpoint: &str, more: &[(&str, &str)]) {
    let given = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)];
    let variables = given.iter().chain(more);
    let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let settings = app.settings();
    let mut telemetry = Telemetry::with_environment(&settings, variables).unwrap();
    let tracing = telemetry.trace(&settings).unwrap();
    let streams = KafkaStreams::new(app.topology.clone(), settings).traced(tracing);
    streams.start().unwrap();
    streams.wait_until_caught_up(|_| {}).unwrap();
    streams.close().unwrap();
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the one span of a name.
fn one<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<&Span> = spans.iter().filter(|span| span.span.name == name).collect();
    let [one] = found[..] else { panic!("{} spans {name} in {spans:#?}", found.len()) };
    one
}

fn header(record: &OwnedMessage, name: &str) -> Option<String> {
    let headers = record.headers()?;
    let found = headers.iter().find(|header| header.key == name)?;
    Some(String::from_utf8(found.value?.to_vec()).unwrap())
}

fn output(bootstrap: &str, topic: &str, count: usize) -> Vec<OwnedMessage> {
    let consumer = clients::consumer(bootstrap, None, &[]);
    clients::assign_from_start(&consumer, topic, 1);
    clients::read(&consumer, count)
}

#[test]
fn one_trace_goes_from_the_producer_through_a_repartition_topic_to_the_output() {
    let (cluster, collector) = (Cluster::start(), Collector::start());
    let bootstrap = cluster.bootstrap();
    let (app, input, output_topic) = counted(bootstrap);
    let sampled = format!("00-{TRACE}-{PRODUCER}-01");
    let headers = [("traceparent", &*sampled), ("tracestate", "v=1"), ("baggage", "user=7")];
    feed_with(bootstrap, &input, &headers);
    // Neither of these is traced: the writer did not sample, or it said rubbish.
    let unsampled = format!("00-{TRACE}-{PRODUCER}-00");
    feed_with(bootstrap, &input, &[("traceparent", &unsampled)]);
    feed_with(bootstrap, &input, &[("traceparent", "00-rubbish-01")]);
    catch_up_traced(&app, &collector.endpoint(), &[]);

    let repartition = format!("{}-counts-repartition", app.id);
    let names = ["process", "send"].map(|what| format!("{what} {repartition}"));
    let [process_again, send_on] = [&*names[0], &*names[1]];
    let (process, send) = (format!("process {input}"), format!("send {output_topic}"));
    let (poll, poll_again) = (format!("poll {input}"), format!("poll {repartition}"));
    let awaited = [&*process, send_on, process_again, &send, "commit", &poll, &poll_again];
    let spans = collector.wait_for(&awaited);
    let chain = [&*process, send_on, process_again, &send].map(|name| one(&spans, name));
    let mut parent = PRODUCER.to_owned();
    for span in chain {
        assert_eq!(hex(&span.span.trace_id), TRACE, "{span:#?}");
        assert_eq!(hex(&span.span.parent_span_id), parent, "{span:#?}");
        assert_eq!((&*span.service, &*span.span.trace_state), (&*app.id, "v=1"));
        assert!(span.span.start_time_unix_nano <= span.span.end_time_unix_nano);
        parent = hex(&span.span.span_id);
    }
    assert!(chain[0].schema_url.ends_with("/schemas/1.42.0"));
    for (name, expected) in [
        ("messaging.system", "kafka"),
        ("messaging.operation.type", "process"),
        ("messaging.destination.name", &*input),
        ("messaging.destination.partition.id", "0"),
        ("messaging.kafka.offset", "0"),
        ("messaging.consumer.group.name", &*app.id),
        ("messaging.message.body.size", "5"),
    ] {
        assert_eq!(chain[0].attribute(name).as_deref(), Some(expected), "{name}");
    }
    let settled = spans.iter().filter(|span| span.span.name == "commit");
    let links = settled.flat_map(|span| &span.span.links).map(|link| hex(&link.span_id));
    let links: Vec<String> = links.collect();
    assert!(links.contains(&hex(&chain[0].span.span_id)), "{links:?}");
    // What was fetched is linked with those who wrote it, and traced records alone are told of.
    for (poll, writer) in [(&poll, PRODUCER.to_owned()), (&poll_again, hex(&chain[1].span.span_id))]
    {
        let poll = one(&spans, poll);
        let links: Vec<String> = poll.span.links.iter().map(|link| hex(&link.span_id)).collect();
        assert_eq!(links, [writer], "{poll:#?}");
        assert!(poll.span.parent_span_id.is_empty());
        assert_eq!(poll.attribute("messaging.operation.type").as_deref(), Some("receive"));
    }

    let results = output(bootstrap, &output_topic, 3);
    let given = format!("00-{TRACE}-{parent}-01");
    assert_eq!(header(&results[0], "traceparent"), Some(given));
    assert_eq!(header(&results[0], "baggage").as_deref(), Some("user=7"));
    assert_eq!(header(&results[1], "traceparent"), Some(unsampled));
    assert!(!collector.was_sent(KEY.as_bytes()), "keys are nobody's business");
}

#[test]
fn a_ratio_begins_traces_and_names_are_those_that_are_opted_for() {
    let (cluster, collector) = (Cluster::start(), Collector::start());
    let (app, input, _) = counted(cluster.bootstrap());
    let app = app.set("traces.sampler.ratio", "1").set("traces.keys", "true");
    feed_with(cluster.bootstrap(), &input, &[("tracestate", "of=nobody")]);
    let opted = [("OTEL_SEMCONV_STABILITY_OPT_IN", "messaging")];
    catch_up_traced(&app, &collector.endpoint(), &opted);
    let process = format!("process {input}");
    let spans = collector.wait_for(&[&process]);
    let root = one(&spans, &process);
    assert!(root.span.parent_span_id.is_empty() && root.span.trace_state.is_empty(), "{root:#?}");
    assert_eq!(root.attribute("kafka.message.key").as_deref(), Some(KEY));
    assert_eq!(root.attribute("kafka.offset").as_deref(), Some("0"));
    assert_eq!(root.attribute("messaging.kafka.offset"), None);
}

#[test]
fn a_collector_that_is_mute_or_gone_keeps_nobody() {
    let (cluster, mute) = (Cluster::start(), Collector::mute());
    let (app, input, output_topic) = counted(cluster.bootstrap());
    let app = app.set("traces.sampler.ratio", "1");
    let gone = Collector::start().endpoint();
    for (endpoint, results) in [(mute.endpoint(), 1), (gone, 2)] {
        feed_with(cluster.bootstrap(), &input, &[]);
        catch_up_traced(&app, &endpoint, &[("OTEL_EXPORTER_OTLP_TIMEOUT", "200")]);
        assert_eq!(output(cluster.bootstrap(), &output_topic, results).len(), results);
    }
}
