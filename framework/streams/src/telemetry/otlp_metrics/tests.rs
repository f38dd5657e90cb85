//! What is pushed: sums and when they began.

use std::sync::Arc;

use super::*;
use crate::metrics::{Collect, Collection, Level, Metric};
use crate::time::ManualClock;

/// A thread that has processed some records, and beside it a task, which has come later.
struct Thread {
    records: u64,
    task: Option<(Timestamp, u64)>,
}

impl Collect for Thread {
    fn collect(&self, into: &mut Collection<'_>) {
        let thread = vec![("thread-id", Arc::from("t-1"))];
        into.count(Metric::ThreadProcessRecords, &thread, self.records);
        into.amount(Metric::ThreadTasksRunning, &thread, 1);
        if let Some((since, records)) = self.task {
            into.began(since);
            let task = vec![thread[0].clone(), ("task-id", Arc::from("0_3"))];
            into.count(Metric::TaskProcessRecords, &task, records);
        }
    }
}

/// Returns name, start and value of all that is pushed, in seconds.
fn pushed(metrics: &Metrics, now: Timestamp) -> Vec<(String, u64, f64)> {
    let request = request(metrics, &OtlpResource::default(), now);
    let of_scope = &request.resource_metrics[0].scope_metrics[0].metrics;
    let points = of_scope.iter().flat_map(|metric| {
        let points = match metric.data.as_ref().unwrap() {
            metric::Data::Sum(sum) => &sum.data_points,
            metric::Data::Gauge(gauge) => &gauge.data_points,
            other => panic!("{other:?}"),
        };
        points.iter().map(|point| {
            assert_eq!(point.time_unix_nano, nanos(now));
            let value = match point.value.unwrap() {
                number_data_point::Value::AsInt(count) => f64::from(i32::try_from(count).unwrap()),
                number_data_point::Value::AsDouble(number) => number,
            };
            (metric.name.clone(), point.start_time_unix_nano / 1_000_000_000, value)
        })
    });
    points.collect()
}

#[test]
fn a_sum_that_begins_anew_tells_so_by_its_start() {
    const THREAD: &str = "kafka.stream.thread.process.records";
    const TASK: &str = "kafka.stream.task.process.records";
    const RUNNING: &str = "kafka.stream.thread.running.tasks";
    let at = |seconds: i64| Timestamp::from_millis(1_000 * seconds);
    let told = |name: &str, start, value| (name.to_owned(), start, value);
    let clock = ManualClock::at(at(100));
    let metrics = Metrics::new(Level::Info, Arc::new(clock.clone()));
    metrics.add("t-1", Arc::new(Thread { records: 50, task: Some((at(130), 20)) }));
    let first = [told(THREAD, 100, 50.0), told(RUNNING, 0, 1.0), told(TASK, 130, 20.0)];
    assert_eq!(pushed(&metrics, at(200)), first);

    // Its number is used again, by a thread that has not done anything yet.
    metrics.end("t-1");
    clock.advance(Duration::from_secs(150));
    metrics.add("t-1", Arc::new(Thread { records: 0, task: None }));
    assert_eq!(pushed(&metrics, at(251)), [told(THREAD, 250, 0.0), told(RUNNING, 0, 1.0)]);
    // A clock that was put back: no series begins in the future.
    assert_eq!(pushed(&metrics, at(240))[0], told(THREAD, 240, 0.0));
}
