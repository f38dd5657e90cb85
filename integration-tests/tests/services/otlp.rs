//! Metrics that a program pushes to a collector, as OpenTelemetry's variables say.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use integration_tests::admin::{FOREVER, create_topic};
use integration_tests::programs::program;
use integration_tests::waiting::{Deadline, eventually};
use integration_tests::{Cluster, clients};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point;
use prost::Message;
use rdkafka::producer::BaseRecord;

use crate::process::Running;

/// What a collector was sent.
struct Push {
    path: String,
    headers: BTreeMap<String, String>,
    request: ExportMetricsServiceRequest,
}

/// A collector on a free port: it takes what comes, for as long as somebody reads it.
fn collector() -> (String, Receiver<Push>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, pushes) = channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let mut connection = BufReader::new(connection.unwrap());
                while let Some(push) = receive(&mut connection) {
                    if sender.send(push).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (format!("http://{address}"), pushes)
}

fn receive(connection: &mut BufReader<TcpStream>) -> Option<Push> {
    let mut line = || {
        let mut line = String::new();
        connection.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
        Some(line.trim_end().to_owned())
    };
    let path = line()?.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    while let Some(header) = line().filter(|line| !line.is_empty()) {
        let (name, value) = header.split_once(": ")?;
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    connection.read_exact(&mut body).ok()?;
    connection.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
    let request = ExportMetricsServiceRequest::decode(&*body).unwrap();
    Some(Push { path, headers, request })
}

impl Push {
    fn metric(&self, name: &str) -> Option<&Data> {
        let metrics = self.request.resource_metrics.iter().flat_map(|it| &it.scope_metrics);
        let mut metrics = metrics.flat_map(|scope| &scope.metrics);
        metrics.find(|metric| metric.name == name)?.data.as_ref()
    }

    /// Returns the sum of a counter's series.
    fn count(&self, name: &str) -> Option<i64> {
        let Data::Sum(sum) = self.metric(name)? else { panic!("{name} is a counter") };
        let numbers = sum.data_points.iter().map(|point| match point.value {
            Some(number_data_point::Value::AsInt(count)) => count,
            ref other => panic!("{name} counts, and is {other:?}"),
        });
        Some(numbers.sum())
    }

    fn resource(&self) -> BTreeMap<&str, &str> {
        let resource = self.request.resource_metrics[0].resource.as_ref().unwrap();
        let text = |pair: &KeyValue| match pair.value.as_ref().unwrap().value.as_ref().unwrap() {
            Value::StringValue(text) => text.clone(),
            other => panic!("{other:?}"),
        };
        let pairs = resource.attributes.iter();
        pairs.map(|pair| (pair.key.as_str(), &*String::leak(text(pair)))).collect()
    }
}

fn word_count(bootstrap: &str, state: &std::path::Path, variables: &[(&str, &str)]) -> Running {
    let mut command = program("examples/word_count");
    command.args(["run", "--bootstrap-servers", bootstrap, "--set", "commit.interval.ms=50"]);
    command.arg("--state-dir").arg(state).envs(variables.iter().copied());
    Running::start(command)
}

fn feed_lines(bootstrap: &str) {
    create_topic(bootstrap, "lines", 1, &[FOREVER]);
    let producer = clients::producer(bootstrap, &[]);
    for line in ["a", "b", "a"] {
        clients::send(&producer, BaseRecord::<(), _>::to("lines").payload(line).timestamp(7));
    }
    clients::drain(&producer);
}

#[test]
fn a_collector_is_sent_what_was_done_and_the_last_of_it_at_the_end() {
    let cluster = Cluster::embedded(Default::default());
    feed_lines(cluster.bootstrap());
    let (url, pushes) = collector();
    let state = tempfile::tempdir().unwrap();
    let running = word_count(
        cluster.bootstrap(),
        state.path(),
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20token"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
            ("OTEL_RESOURCE_ATTRIBUTES", "team=counting"),
            ("POD_NAME", "word-count-0"),
        ],
    );
    let processed = "kafka.stream.thread.process.records";
    let push = eventually("all is pushed", Deadline::seconds(60), || {
        pushes.try_recv().ok().filter(|push| push.count(processed) == Some(6))
    });
    assert_eq!(push.path, "/v1/metrics");
    assert_eq!(push.headers["content-type"], "application/x-protobuf");
    assert_eq!(push.headers["authorization"], "Bearer token");
    let resource = push.resource();
    assert_eq!(resource["service.name"], "word-count");
    assert_eq!(resource["service.instance.id"], "word-count-0");
    assert_eq!(resource["team"], "counting");
    let Some(Data::Histogram(commits)) = push.metric("kafka.stream.thread.commit.duration") else {
        panic!("commits are durations");
    };
    let commits = &commits.data_points[0];
    assert_eq!(commits.bucket_counts.len(), commits.explicit_bounds.len() + 1);
    assert_eq!(commits.bucket_counts.iter().sum::<u64>(), commits.count);
    assert!(commits.sum.unwrap() >= commits.max.unwrap());

    let ended = running.terminate();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    // One more, when no thread runs any more.
    let last = eventually("the last push", Deadline::seconds(10), || {
        let is_last = |it: &Push| it.metric("kafka.stream.thread.running.tasks").is_none();
        pushes.try_recv().ok().filter(is_last)
    });
    assert_eq!(last.count(processed), Some(6));
}

#[test]
fn a_collector_that_is_down_costs_one_warning_and_nothing_else() {
    let cluster = Cluster::embedded(Default::default());
    feed_lines(cluster.bootstrap());
    let state = tempfile::tempdir().unwrap();
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let mut command = program("examples/word_count");
    command.args(["run", "--until-caught-up", "--bootstrap-servers", cluster.bootstrap()]);
    command.args(["--set", "commit.interval.ms=50"]).arg("--state-dir").arg(state.path());
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &url).env("OTEL_METRIC_EXPORT_INTERVAL", "10");
    let ended = Running::start(command).finish();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("6 records"), "{}", ended.stdout);
    let warnings = ended.stderr.matches("cannot push metrics to").count();
    assert_eq!(warnings, 1, "{}", ended.stderr);
}

#[test]
fn what_the_variables_cannot_have_is_a_wrong_setting() {
    let state = tempfile::tempdir().unwrap();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ];
    let ended = word_count("127.0.0.1:1", state.path(), &variables).finish();
    assert_eq!(ended.status, Some(64), "{}", ended.stderr);
    assert!(ended.stderr.contains("expected `http/protobuf`"), "{}", ended.stderr);
}
