//! Pushing metrics to a collector: OTLP over HTTP, now and then, from a thread of its own.
//!
//! The messages are made of the snapshot, not of instruments: the SDK of OpenTelemetry takes no histograms
//! that are counted already, and keeps one of its own for each series that ever was. All sums are
//! cumulative, so that a push that fails is made good by the next, and is not tried again.

use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric as OtlpMetric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource as OtlpResource;
use opentelemetry_sdk::Resource;
use prost::Message;
use reqwest::blocking::Client;

use super::environment::{Collector, Environment, METRICS};
use super::http_client;
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::{BOUNDS, Kind, Metrics, Sample, Value};
use crate::time::{Clock, SystemClock, Timestamp};

/// A thread that pushes; dropping it pushes once more.
pub(super) struct MetricsPush {
    stop: Option<Sender<()>>,
    ended: Receiver<()>,
}

/// The specification's.
const INTERVAL: Duration = Duration::from_secs(60);
/// How long the last push may take: a supervisor kills what does not end.
const LAST_PUSH: Duration = Duration::from_secs(5);
/// How much of a collector's answer is shown.
const ANSWER_MAX: usize = 200;

impl MetricsPush {
    /// Starts to push; nothing where the environment names no collector, or nothing is recorded.
    pub(super) fn start(
        environment: &Environment,
        resource: &Resource,
        metrics: &Metrics,
    ) -> Result<Option<Self>> {
        let Some(collector) = environment.collector(METRICS)? else { return Ok(None) };
        if metrics.is_off() {
            return Ok(None);
        }
        let interval = environment.millis("OTEL_METRIC_EXPORT_INTERVAL", INTERVAL)?;
        let mut pusher = Pusher::new(collector, resource, metrics)?;
        let (stop, stopped) = channel();
        let (end, ended) = channel();
        let run = move || {
            pusher.run(&stopped, interval);
            // Whoever waited and is gone does not wait.
            let _ = end.send(());
        };
        let thread = std::thread::Builder::new().name("metrics-push".to_owned()).spawn(run);
        thread.map_err(|cause| {
            Error::state("cannot start the thread that pushes metrics").with_source(cause)
        })?;
        Ok(Some(Self { stop: Some(stop), ended }))
    }
}

impl Drop for MetricsPush {
    fn drop(&mut self) {
        self.stop = None;
        // A collector that does not answer keeps nobody: the thread ends with the process.
        let _ = self.ended.recv_timeout(LAST_PUSH);
    }
}

impl fmt::Debug for MetricsPush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricsPush")
    }
}

struct Pusher {
    client: Client,
    collector: Collector,
    resource: OtlpResource,
    metrics: Metrics,
    clock: SystemClock,
    is_failing: bool,
}

impl Pusher {
    fn new(collector: Collector, resource: &Resource, metrics: &Metrics) -> Result<Self> {
        let client = http_client::of(&collector)?;
        let attributes = resource
            .iter()
            .map(|(key, value)| key_value(key.as_str(), value.as_str().into_owned()));
        let resource = OtlpResource { attributes: attributes.collect(), ..OtlpResource::default() };
        let clock = SystemClock::start();
        Ok(Self { client, collector, resource, metrics: metrics.clone(), clock, is_failing: false })
    }

    fn run(&mut self, stopped: &Receiver<()>, interval: Duration) {
        loop {
            let waited = stopped.recv_timeout(interval);
            self.push();
            if !matches!(waited, Err(RecvTimeoutError::Timeout)) {
                return;
            }
        }
    }

    /// Pushes once; the first failure in a row is told, and the first success after it.
    fn push(&mut self) {
        let failed = self.send().err();
        let url = self.collector.address();
        match &failed {
            Some(error) if !self.is_failing => tracing::warn!(
                "cannot push metrics to {url}: {}; trying again at every interval",
                error.report()
            ),
            Some(error) => tracing::debug!("cannot push metrics to {url}: {}", error.report()),
            None if self.is_failing => tracing::info!("metrics are pushed to {url} again"),
            None => {}
        }
        self.is_failing = failed.is_some();
    }

    fn send(&self) -> Result<()> {
        let unreachable = |cause: reqwest::Error| {
            // The address is said by whoever tells of it, without what may be a secret.
            let cause = cause.without_url();
            Error::new(ErrorKind::Unavailable, "the collector does not answer").with_source(cause)
        };
        let request = request(&self.metrics, &self.resource, self.clock.wall_clock());
        let mut post = self.client.post(&self.collector.url);
        for (name, value) in &self.collector.headers {
            post = post.header(name, value);
        }
        let post = post.header("content-type", "application/x-protobuf");
        let answer = post.body(request.encode_to_vec()).send().map_err(unreachable)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let text = answer.text().unwrap_or_default();
        let text: String = text.chars().take(ANSWER_MAX).collect();
        Err(Error::new(ErrorKind::Unavailable, format!("the collector answers {status}: {text}")))
    }
}

/// Returns a message with all values as of now.
fn request(
    metrics: &Metrics,
    resource: &OtlpResource,
    now: Timestamp,
) -> ExportMetricsServiceRequest {
    let samples = metrics.snapshot();
    let metrics = samples.chunk_by(|one, next| one.metric == next.metric);
    let scope = InstrumentationScope {
        name: "kappa-streams".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let scope_metrics = ScopeMetrics {
        scope: Some(scope),
        metrics: metrics.filter_map(|of_metric| otlp_metric(of_metric, nanos(now))).collect(),
        ..ScopeMetrics::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource.clone()),
            scope_metrics: vec![scope_metrics],
            ..ResourceMetrics::default()
        }],
    }
}

fn otlp_metric(samples: &[Sample], now: u64) -> Option<OtlpMetric> {
    let metric = samples.first()?.metric;
    let numbers = || samples.iter().filter_map(|sample| number(sample, now)).collect();
    let cumulative = AggregationTemporality::Cumulative.into();
    let data = match metric.kind() {
        Kind::Counter => metric::Data::Sum(Sum {
            data_points: numbers(),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        Kind::Gauge => metric::Data::Gauge(Gauge { data_points: numbers() }),
        Kind::Histogram => metric::Data::Histogram(Histogram {
            data_points: samples.iter().filter_map(|sample| durations(sample, now)).collect(),
            aggregation_temporality: cumulative,
        }),
    };
    Some(OtlpMetric {
        name: metric.name().to_owned(),
        description: metric.doc().to_owned(),
        unit: metric.unit().ucum().to_owned(),
        data: Some(data),
        ..OtlpMetric::default()
    })
}

fn number(sample: &Sample, now: u64) -> Option<NumberDataPoint> {
    let value = match &sample.value {
        Value::Count(count) => {
            number_data_point::Value::AsInt(i64::try_from(*count).unwrap_or(i64::MAX))
        }
        Value::Sum(number) | Value::Gauge(number) => number_data_point::Value::AsDouble(*number),
        Value::Histogram(_) => return None,
    };
    let is_gauge = matches!(sample.value, Value::Gauge(_));
    Some(NumberDataPoint {
        attributes: attributes(sample),
        start_time_unix_nano: if is_gauge { 0 } else { start(sample, now) },
        time_unix_nano: now,
        value: Some(value),
        ..NumberDataPoint::default()
    })
}

fn durations(sample: &Sample, now: u64) -> Option<HistogramDataPoint> {
    let Value::Histogram(durations) = &sample.value else { return None };
    Some(HistogramDataPoint {
        attributes: attributes(sample),
        start_time_unix_nano: start(sample, now),
        time_unix_nano: now,
        count: durations.count(),
        sum: Some(durations.sum().as_secs_f64()),
        bucket_counts: durations.buckets().to_vec(),
        explicit_bounds: BOUNDS.to_vec(),
        min: durations.min().map(|min| min.as_secs_f64()),
        max: durations.max().map(|max| max.as_secs_f64()),
        ..HistogramDataPoint::default()
    })
}

/// Returns since when a value is counted: a sum that begins anew tells so by another start, or whoever adds
/// up would take the zero for a mistake. A clock that was put back makes no series begin in the future.
fn start(sample: &Sample, now: u64) -> u64 {
    nanos(sample.since).min(now)
}

fn attributes(sample: &Sample) -> Vec<KeyValue> {
    let attributes = sample.attributes.iter();
    attributes.map(|(name, value)| key_value(name, value.as_ref().to_owned())).collect()
}

fn key_value(key: &str, value: String) -> KeyValue {
    let value = Some(AnyValue { value: Some(Any::StringValue(value)) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn nanos(timestamp: Timestamp) -> u64 {
    u64::try_from(timestamp.as_millis()).unwrap_or(0).saturating_mul(1_000_000)
}

#[cfg(test)]
mod tests;
