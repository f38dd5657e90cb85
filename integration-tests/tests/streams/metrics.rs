//! What a running application tells of itself, as text for Prometheus; and that dashboards and alerts ask
//! for nothing else.

mod promql;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use integration_tests::Cluster;
use integration_tests::admin::{FOREVER, create_topic};
use integration_tests::waiting::{Deadline, eventually};
use kappa::metrics::{Kind, Level, Metric};
use kappa::prelude::*;
use kappa::runtime::replay::Replay;
use kappa::runtime::{KafkaStreams, Stop};
use kappa::telemetry::prometheus_text;
use text::Scrape;

use crate::app::{feed, number_table, texts};
use crate::topologies::{OneToOne, one_to_one, word_count};

fn scrape(streams: &KafkaStreams) -> Scrape {
    Scrape::parse(&prometheus_text(&streams.metrics()))
}

/// Asks until the metrics are as wanted.
fn settled(streams: &KafkaStreams, what: &str, is_so: impl Fn(&Scrape) -> bool) -> Scrape {
    eventually(what, Deadline::seconds(30), || Some(scrape(streams)).filter(|it| is_so(it)))
}

#[test]
fn metrics_tell_what_was_done() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    let streams = app.streams();
    let before = scrape(&streams);
    assert_eq!(before.sum("kafka_stream_client_state", &[("state", "CREATED")]), 1.0);
    assert_eq!(before.sum("kafka_stream_client_info", &[("application_id", &app.id)]), 1.0);

    feed(cluster.bootstrap(), &input, &[("1", "a", 1), ("2", "b", 2), ("3", "a", 3)]);
    streams.start().unwrap();
    streams.wait_until_caught_up(|_| {}).unwrap();
    let processed = "kafka_stream_thread_process_records_total";
    // Each word is read, re-keyed, and read again.
    let told = settled(&streams, "all is told", |it| it.sum(processed, &[]) == 6.0);
    let sums = [
        ("kafka_stream_task_process_records_total", vec![], 6.0),
        ("kafka_stream_topic_records_consumed_total", vec![("topic", input.as_str())], 3.0),
        // Keys and values are one byte each.
        ("kafka_stream_topic_bytes_consumed_total", vec![("topic", input.as_str())], 6.0),
        ("kafka_stream_cache_misses_total", vec![("state_id", "counts")], 2.0),
        ("kafka_stream_cache_hits_total", vec![("state_id", "counts")], 1.0),
        ("kafka_stream_task_dropped_records_total", vec![], 0.0),
        ("kafka_stream_task_buffered_records", vec![], 0.0),
        ("kafka_stream_client_alive_stream_threads", vec![], 1.0),
        ("kafka_stream_thread_running_tasks", vec![], 6.0),
        ("kafka_stream_thread_restoring_tasks", vec![], 0.0),
    ];
    for (name, labels, expected) in sums {
        assert_eq!(told.sum(name, &labels), expected, "{name} {labels:?}\n{}", told.text);
    }
    // One of each word's counts at least: how many follows from when commits came.
    let written = [("topic", output.as_str())];
    assert!(told.sum("kafka_stream_topic_records_produced_total", &written) >= 2.0);
    let caught_up = settled(&streams, "nothing lags", |it| {
        let lags = it.values("kafka_stream_topic_lag_records", &[]);
        lags.len() == 6 && lags.iter().all(|lag| *lag == 0.0)
    });
    assert_eq!(caught_up.sum("kafka_stream_topic_lag_time_seconds", &[]), 0.0);
    assert_eq!(caught_up.sum("kafka_stream_client_state", &[("state", "RUNNING")]), 1.0);
    assert_eq!(caught_up.sum("kafka_stream_thread_state", &[("state", "RUNNING")]), 1.0);
    assert!(caught_up.sum("kafka_stream_thread_commit_duration_seconds_count", &[]) >= 1.0);
    assert!(caught_up.sum("kafka_stream_rocksdb_block_cache_capacity_bytes", &[]) > 0.0);

    streams.close().unwrap();
    let after = scrape(&streams);
    assert_eq!(after.sum("kafka_stream_client_state", &[("state", "NOT_RUNNING")]), 1.0);
    assert_eq!(after.sum(processed, &[]), 6.0, "what was counted stays\n{}", after.text);
    assert!(after.values("kafka_stream_topic_lag_records", &[]).is_empty(), "nothing is so now");
}

/// A task that leaves a thread and comes back counts from zero again: by OTLP that is a new series, of another
/// start.
#[test]
fn what_begins_to_count_anew_says_since_when() {
    let cluster = Cluster::start();
    let OneToOne { app, input, .. } = word_count(cluster.bootstrap());
    feed(cluster.bootstrap(), &input, &[("1", "a", 1), ("2", "b", 2), ("3", "a", 3)]);
    let streams = app.streams();
    streams.start().unwrap();
    // By task: since when, and how many records.
    let on_first = || {
        let samples = streams.metrics().snapshot().into_iter();
        let samples = samples.filter(|sample| sample.metric == Metric::TaskProcessRecords);
        let samples = samples.filter(|sample| {
            sample.attribute("thread-id").is_some_and(|name| name.ends_with("-StreamThread-1"))
        });
        let told = samples.map(|sample| {
            let task = sample.attribute("task-id").expect("there is one").to_owned();
            (task, (sample.since, sample.value.number()))
        });
        told.collect::<BTreeMap<_, _>>()
    };
    let has = |tasks: usize, records: f64| {
        let told = on_first();
        let sum: f64 = told.values().map(|(_, count)| count).sum();
        (told.len() == tasks && sum >= records).then_some(told)
    };
    let before = eventually("all is done", Deadline::seconds(30), || has(6, 6.0));
    streams.add_stream_thread().unwrap();
    eventually("half of the tasks leave", Deadline::seconds(60), || has(3, 0.0));
    streams.remove_stream_thread().unwrap();
    let after = eventually("they come back", Deadline::seconds(60), || has(6, 0.0));
    let began_anew = after.iter().filter(|(task, (since, _))| *since > before[*task].0);
    let began_anew: Vec<_> = began_anew.map(|(_, (_, count))| *count).collect();
    assert_eq!(began_anew, [0.0; 3], "{before:?} {after:?}");
    streams.close().unwrap();
}

#[test]
fn backlog_is_told_in_records_and_in_time() {
    let cluster = Cluster::start();
    let bootstrap = cluster.bootstrap();
    let OneToOne { app, input, .. } = one_to_one(bootstrap, 1, |builder, input, output| {
        let rows = builder.table(&texts(&format!("{input}-rows")), "rows");
        let joined = builder.stream(&texts(input)).join(&rows, |word, _| word);
        joined.to(&texts(output).create(1));
    });
    create_topic(bootstrap, &format!("{input}-rows"), 1, &[FOREVER]);
    feed(bootstrap, &input, &[("1", "a", 1_000), ("2", "b", 2_000), ("3", "c", 3_000)]);
    // The table has no rows, and the task waits for them.
    let app = app.set("max.task.idle.ms", "3600000");
    let streams = app.streams();
    streams.start().unwrap();
    let at = [("topic", input.as_str()), ("partition", "0")];
    let told = settled(&streams, "the backlog is told", |it| {
        it.values("kafka_stream_topic_lag_records", &at) == [3.0]
    });
    assert_eq!(told.sum("kafka_stream_task_buffered_records", &[]), 3.0);
    // The first record is of 1970.
    let age = told.sum("kafka_stream_topic_lag_time_seconds", &at);
    assert!(age > 50.0 * 365.0 * 86_400.0, "{age}");
    streams.close().unwrap();
}

#[test]
fn without_metrics_nothing_is_told_and_with_all_reads_are_measured() {
    let cluster = Cluster::start();
    let OneToOne { app, input, .. } = word_count(cluster.bootstrap());
    feed(cluster.bootstrap(), &input, &[("1", "a", 1)]);
    let quiet = app.sibling().set("metrics.recording.level", "off");
    let off = quiet.streams();
    off.start().unwrap();
    off.wait_until_caught_up(|_| {}).unwrap();
    assert_eq!(prometheus_text(&off.metrics()), "");
    off.close().unwrap();

    feed(cluster.bootstrap(), &input, &[("2", "b", 2)]);
    let app = app.set("metrics.recording.level", "trace");
    let all = app.streams();
    all.start().unwrap();
    all.wait_until_caught_up(|_| {}).unwrap();
    let store = [("state_id", "counts")];
    // A database is asked when tasks come, and again every 15 seconds: so this is of the start.
    let told = settled(&all, "reads are measured", |it| {
        !it.values("kafka_stream_store_get_duration_seconds_count", &store).is_empty()
    });
    assert_eq!(told.values("kafka_stream_client_topology_description", &[]), [1.0]);
    all.close().unwrap();
}

/// Has an application export every metric there is: its state was lost, it has a global table.
fn everything_exported() -> (Scrape, BTreeMap<String, BTreeSet<String>>) {
    let cluster = Cluster::start();
    let bootstrap = cluster.bootstrap();
    let OneToOne { app, input, .. } = one_to_one(bootstrap, 2, |builder, input, output| {
        let global = format!("{input}-global");
        let names = builder.global_table(&texts(&global), "names");
        let windows = TimeWindows::tumbling(Duration::from_millis(10));
        let kept = Stored::named("windows").retention(Duration::from_secs(3_600));
        let words = builder.stream(&texts(input));
        let windowed = words.group_by_key().windowed_by(windows);
        windowed.emit_final().count(kept).to_stream().for_each(|_, _| {});
        words
            .on(|_, word| word.clone())
            .join(&names, |word, name| format!("{word}{name}"))
            .group_by(|_, word| word.clone())
            .count("counts")
            .to_stream()
            .to(&number_table(output, 2));
    });
    let global = format!("{input}-global");
    create_topic(bootstrap, &global, 1, &[FOREVER]);
    feed(bootstrap, &global, &[("a", "!", 1)]);
    feed(bootstrap, &input, &[("1", "a", 1), ("2", "a", 2)]);
    app.catch_up();
    std::fs::remove_dir_all(app.state.path().join(&app.id)).unwrap();
    let app = app.set("metrics.recording.level", "trace");
    let streams = app.streams();
    streams.start().unwrap();
    streams.wait_until_caught_up(|_| {}).unwrap();
    // It has caught up before its tasks run: nothing was to be done but the restore. These close windows.
    feed(bootstrap, &input, &[("1", "a", 1_000), ("2", "a", 1_000)]);
    let told = settled(&streams, "the restore and the ends of inputs are told", |it| {
        it.sum("kafka_stream_task_restore_records_total", &[]) > 0.0
            && !it.values("kafka_stream_store_commit_duration_seconds_count", &[]).is_empty()
            && !it.values("kafka_stream_window_aggregate_final_emit_total", &[]).is_empty()
            && it.values("kafka_stream_topic_lag_time_seconds", &[]).len() == 4
    });
    let written = told.sum("kafka_stream_rocksdb_bytes_written_total", &[]);
    assert!(written > 0.0, "{}", told.text);
    streams.close().unwrap();
    let replay = Replay::new(app.topology.clone(), app.settings(), "again").unwrap();
    replay.run(&Stop::new(), |_| {}).unwrap();
    let replayed = Scrape::parse(&prometheus_text(&replay.metrics()));
    assert_eq!(replayed.sum("kafka_stream_replay_records_total", &[]), 8.0, "four, re-keyed");
    assert_eq!(replayed.sum("kafka_stream_replay_remaining_records", &[]), 0.0);
    let mut labels = told.labels();
    labels.extend(replayed.labels());
    (told, labels)
}

#[test]
fn dashboards_and_alerts_ask_only_for_what_is_exported() {
    let (told, exported) = everything_exported();
    // The table, the text and the labels say the same.
    for metric in Metric::ALL {
        let name = metric.prometheus_name();
        let series = if metric.kind() == Kind::Histogram { format!("{name}_count") } else { name };
        let found = exported.get(&series);
        let labels = found.unwrap_or_else(|| panic!("{series} is not in\n{}", told.text));
        let named: BTreeSet<String> =
            metric.attributes().iter().map(|name| name.replace(['-', '.'], "_")).collect();
        assert_eq!(*labels, named, "{series}");
    }
    let info: BTreeMap<_, _> = exported
        .into_iter()
        .filter(|(name, _)| {
            let of_table = Metric::ALL.iter().find(|it| name.starts_with(&it.prometheus_name()));
            of_table.is_none_or(|metric| metric.level() <= Level::Info)
        })
        .collect();

    let monitoring = Path::new(env!("CARGO_MANIFEST_DIR")).join("../k8s/monitoring");
    let read = |name: &str| std::fs::read_to_string(monitoring.join(name)).unwrap();
    let dashboard: serde_json::Value =
        serde_json::from_str(&read("dashboards/kappa-streams.json")).unwrap();
    let panels = promql::of_dashboard(&dashboard);
    let alerts = promql::of_alerts(&read("alerts.yaml"));
    assert!(panels.len() > 40 && alerts.len() > 8, "{} and {}", panels.len(), alerts.len());
    for expression in panels.iter().chain(&alerts) {
        if let Err(wrong) = promql::check(expression, &info) {
            panic!("{wrong}: {expression}");
        }
    }

    // Both ways in which an expression can be wrong are found.
    let wrong = |expression: &str| promql::check(expression, &info).unwrap_err();
    let name = wrong("sum by (topic) (kafka_stream_topic_lag{job=~\"$job\"})");
    assert_eq!(name, "nothing exports kafka_stream_topic_lag");
    let label = wrong("sum by (task) (rate(kafka_stream_task_dropped_records_total[5m]))");
    assert_eq!(label, "no metric here has the label task");
    let matcher = wrong("kafka_stream_client_state{status=\"RUNNING\"} == 1");
    assert_eq!(matcher, "kafka_stream_client_state has no label status");
}
