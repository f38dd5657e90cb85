//! Metrics as text for Prometheus.

use prometheus::TextEncoder;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric as Line, MetricFamily, MetricType,
};

use crate::metrics::{BOUNDS, Kind, Metric, Metrics, Sample, Value};

/// Returns all metrics in Prometheus' text format (version 0.0.4).
///
/// Names are those of the table by Prometheus' rules: `kafka.stream.thread.commit.duration` in seconds is
/// `kafka_stream_thread_commit_duration_seconds`, and a counter ends with `_total`.
///
/// # Examples
///
/// ```no_run
/// # fn show(streams: &kappa::runtime::KafkaStreams) {
/// print!("{}", kappa::telemetry::prometheus_text(&streams.metrics()));
/// # }
/// ```
#[must_use]
pub fn prometheus_text(metrics: &Metrics) -> String {
    let mut families: Vec<MetricFamily> = Vec::new();
    let samples = metrics.snapshot();
    for of_metric in samples.chunk_by(|one, next| one.metric == next.metric) {
        let Some(first) = of_metric.first() else { continue };
        let mut family = family(first.metric);
        family.set_metric(of_metric.iter().map(line).collect());
        families.push(family);
    }
    match TextEncoder::new().encode_to_string(&families) {
        Ok(text) => text,
        // It refuses families without samples only, which there are none of.
        Err(error) => {
            tracing::error!("cannot write metrics: {error}");
            String::new()
        }
    }
}

fn family(metric: Metric) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(metric.prometheus_name());
    family.set_help(metric.doc().to_owned());
    family.set_field_type(match metric.kind() {
        Kind::Counter => MetricType::COUNTER,
        Kind::Gauge => MetricType::GAUGE,
        Kind::Histogram => MetricType::HISTOGRAM,
    });
    family
}

fn line(sample: &Sample) -> Line {
    let labels = sample.attributes.iter().map(|(name, value)| {
        let mut label = LabelPair::default();
        label.set_name(name.replace(['-', '.'], "_"));
        label.set_value(value.as_ref().to_owned());
        label
    });
    let mut line = Line::from_label(labels.collect());
    match &sample.value {
        Value::Count(_) | Value::Sum(_) => {
            let mut counter = Counter::default();
            counter.set_value(sample.value.number());
            line.set_counter(counter);
        }
        Value::Gauge(value) => {
            let mut gauge = Gauge::default();
            gauge.set_value(*value);
            line.set_gauge(gauge);
        }
        Value::Histogram(durations) => {
            let mut histogram = Histogram::default();
            histogram.set_sample_count(durations.count());
            histogram.set_sample_sum(durations.sum().as_secs_f64());
            let mut up_to = 0;
            let buckets = BOUNDS.iter().zip(durations.buckets()).map(|(bound, count)| {
                up_to += count;
                let mut bucket = Bucket::default();
                bucket.set_upper_bound(*bound);
                bucket.set_cumulative_count(up_to);
                bucket
            });
            histogram.set_bucket(buckets.collect());
            line.set_histogram(histogram);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::metrics::{Collect, Collection, Histogram, Level};
    use crate::time::ManualClock;

    struct Fixed;

    impl Collect for Fixed {
        fn collect(&self, into: &mut Collection<'_>) {
            let thread = vec![("thread-id", Arc::from("a\"b"))];
            into.seconds(Metric::ThreadBlockedTime, &thread, Duration::from_millis(1_500));
            into.count(Metric::ThreadProcessRecords, &thread, 7);
            into.gauge(Metric::ThreadProcessRatio, &thread, 0.25);
            let mut durations = Histogram::default();
            durations.record(Duration::from_millis(2));
            into.durations(Metric::ThreadCommitDuration, &thread, &durations);
        }
    }

    #[test]
    fn names_and_labels_follow_prometheus_rules() {
        let metrics = Metrics::new(Level::Info, Arc::new(ManualClock::default()));
        metrics.add("fixed", Arc::new(Fixed));
        let text = prometheus_text(&metrics);
        let wanted = [
            "# TYPE kafka_stream_thread_commit_duration_seconds histogram",
            "kafka_stream_thread_commit_duration_seconds_bucket{thread_id=\"a\\\"b\",le=\"0.001\"} 0",
            "kafka_stream_thread_commit_duration_seconds_bucket{thread_id=\"a\\\"b\",le=\"0.005\"} 1",
            "kafka_stream_thread_commit_duration_seconds_bucket{thread_id=\"a\\\"b\",le=\"+Inf\"} 1",
            "kafka_stream_thread_commit_duration_seconds_sum{thread_id=\"a\\\"b\"} 0.002",
            "kafka_stream_thread_process_ratio{thread_id=\"a\\\"b\"} 0.25",
            "# TYPE kafka_stream_thread_process_records_total counter",
            "kafka_stream_thread_process_records_total{thread_id=\"a\\\"b\"} 7",
            "kafka_stream_thread_blocked_time_seconds_total{thread_id=\"a\\\"b\"} 1.5",
        ];
        for line in wanted {
            assert!(text.lines().any(|written| written == line), "{line} is not in\n{text}");
        }
    }
}
