//! One trace from the feeder through a service to its output, and logs that machines read.

use std::collections::BTreeMap;
use std::path::Path;

use integration_tests::BrokerProcess;
use integration_tests::collector::{Collector, Span};
use integration_tests::programs::program;

use crate::process::{Outcome, Running};
use crate::registry;

/// Feeds a day that nobody has read, and follows a result back to where it began.
pub(crate) fn from_the_feeder_to_a_result(bootstrap: &str, state: &Path) {
    let collector = Collector::start();
    let day = ["--from", "2013-01-19", "--to", "2013-01-20", "--trace-ratio", "1"];
    traced("feeder", &collector, &[&["--bootstrap-servers", bootstrap], &day[..]].concat());
    let state = state.to_str().expect("text");
    let run = ["run", "--until-caught-up", "--log-format", "json"];
    let places = ["--bootstrap-servers", bootstrap, "--state-dir", state];
    let outcome = traced("airline-delays", &collector, &[&run[..], &places].concat());
    let lines = json_lines(&outcome.stderr);
    assert!(
        lines.iter().any(|line| line["message"] == "state REBALANCING -> RUNNING"),
        "{lines:?}"
    );
    let of_threads = lines.iter().any(|line| line["thread"] == "airline-delays-StreamThread-1");
    assert!(of_threads, "{lines:?}");

    let spans = collector.wait_for(&["send airline-delays"]);
    let by_id: BTreeMap<_, _> = spans.iter().map(|span| (&span.span.span_id, span)).collect();
    let mut way: Vec<&Span> = Vec::new();
    let mut next = spans.iter().find(|span| span.span.name == "send airline-delays");
    while let Some(span) = next {
        way.push(span);
        next = by_id.get(&span.span.parent_span_id).copied();
    }
    let names: Vec<_> = way.iter().map(|span| (&*span.service, &*span.span.name)).collect();
    let [(_, output), (_, again), (_, on), (_, first), (feeder, begun)] = names[..] else {
        panic!("{names:?}")
    };
    assert_eq!((output, first), ("send airline-delays", "process flights.departed"));
    assert_eq!((feeder, begun), ("feeder", "send flights.departed"));
    assert!(on.starts_with("send airline-delays-") && on.ends_with("-repartition"), "{names:?}");
    assert_eq!(again.strip_prefix("process "), on.strip_prefix("send "), "{names:?}");
    assert!(way.iter().all(|span| span.span.trace_id == way[0].span.trace_id), "{names:?}");
}

/// Spans that no collector takes are lost, which stops nobody and is told.
#[test]
fn the_feeder_tells_that_spans_are_lost() {
    let data = tempfile::tempdir().unwrap();
    let broker = BrokerProcess::start(data.path());
    let gone = Collector::start().endpoint();
    let mut command = program("feeder");
    command.args(["--bootstrap-servers", broker.bootstrap(), "--trace-ratio", "1"]);
    command.args(["--from", "2013-01-19", "--to", "2013-01-20"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", gone).env("KAPPA_LOG_FORMAT", "json");
    command.env("SCHEMA_REGISTRY_URL", registry::url());
    command.env("KAPPA_AUTO_REGISTER_SCHEMAS", "true");
    let outcome = Running::start(command).finish();
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    let lines = json_lines(&outcome.stderr);
    let warnings = lines.iter().filter(|line| line["level"] == "WARN");
    let warnings: Vec<_> = warnings.filter_map(|line| line["message"].as_str()).collect();
    for expected in ["spans are lost", "spans were lost"] {
        assert!(warnings.iter().any(|warning| warning.contains(expected)), "{warnings:?}");
    }
}

/// An error that ends the program is in the log once, and nothing else is between the lines.
pub(crate) fn an_error_is_told_once(state: &Path) {
    let state = state.join("nobody");
    let mut command = program("airline-delays");
    command.args(["run", "--log-format", "json", "--bootstrap-servers", "127.0.0.1:1"]);
    command.args(["--set", "task.timeout.ms=500"]).arg("--state-dir").arg(state);
    command.env("SCHEMA_REGISTRY_URL", registry::url());
    let outcome = Running::start(command).finish();
    assert_eq!(outcome.status, Some(75), "{outcome:?}");
    let lines = json_lines(&outcome.stderr);
    let errors: Vec<_> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
}

fn traced(name: &str, collector: &Collector, arguments: &[&str]) -> Outcome {
    let mut command = program(name);
    command.args(arguments).env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint());
    command.env("SCHEMA_REGISTRY_URL", registry::url());
    command.env("KAPPA_AUTO_REGISTER_SCHEMAS", "true");
    command.env("OTEL_METRICS_EXPORTER", "none").env("OTEL_BSP_MAX_QUEUE_SIZE", "100000");
    let outcome = Running::start(command).finish();
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    outcome
}

/// Returns lines that are one flat object each.
fn json_lines(text: &str) -> Vec<serde_json::Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|cause| panic!("{cause}: {line}"));
    let lines: Vec<serde_json::Value> = text.lines().map(parse).collect();
    for line in &lines {
        let fields = line.as_object().expect("an object");
        assert!(fields.values().all(|value| !value.is_object() && !value.is_array()), "{line}");
        for name in ["timestamp", "level", "thread", "target", "message"] {
            assert!(fields.contains_key(name), "{name} in {line}");
        }
    }
    lines
}
