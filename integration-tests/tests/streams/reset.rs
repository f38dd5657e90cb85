//! Starting over: offsets set back, internal topics deleted, everybody else's left.

use std::collections::BTreeMap;

use integration_tests::Cluster;
use integration_tests::admin::{FOREVER, create_topic};
use integration_tests::waiting::{Deadline, eventually};
use kappa::Offset;
use kappa::runtime::reset::{OffsetsFile, Reset, ResetPlan, StartPosition};
use kappa::runtime::{ClientState, Stop};
use kappa::time::Timestamp;

use crate::app::{App, feed, feed_partition, number_table, rows, texts};
use crate::topologies::{OneToOne, one_to_one, word_count};

fn reset(app: &App) -> Reset {
    Reset::new(app.topology.clone(), app.settings())
}

fn plan(app: &App, start: &StartPosition) -> ResetPlan {
    reset(app).plan(start, &Stop::new()).expect("a plan")
}

fn execute(app: &App, start: &StartPosition) -> ResetPlan {
    let plan = plan(app, start);
    reset(app).execute(&plan, |_, _| {}).expect("the reset is made");
    plan
}

/// Returns what a plan does to each partition: from, to.
fn changes(plan: &ResetPlan) -> Vec<(Option<i64>, Option<i64>)> {
    plan.inputs.iter().map(|change| (change.from, change.to)).collect()
}

fn topics(app: &App) -> Vec<String> {
    let plan = plan(app, &StartPosition::Earliest);
    [plan.delete_topics, plan.other_topics].concat()
}

const WORDS: [(&str, &str, i64); 4] =
    [("1", "to", 1), ("2", "be", 2), ("3", "to", 3), ("4", "or", 4)];

#[test]
fn a_run_after_a_reset_gives_the_same_results() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    feed(cluster.bootstrap(), &input, &WORDS);
    app.catch_up();
    let expected = rows(&[("be", "1"), ("or", "1"), ("to", "2")]);
    assert_eq!(app.latest(&output), expected);

    let planned = execute(&app, &StartPosition::Earliest);
    let internal = ["counts-changelog", "counts-repartition"];
    let internal = internal.map(|name| format!("{}-{name}", app.id));
    assert_eq!(planned.delete_topics, internal);
    assert!(topics(&app).is_empty());
    let again = app.catch_up();
    assert_eq!((again.processed, again.restored), (8, 0), "every record, and old state is gone");
    assert_eq!(app.latest(&output), expected);

    // The local state as well, and twice: as after a reset that ended in the middle.
    let with_state = || reset(&app).with_local_state();
    let planned = with_state().plan(&StartPosition::Earliest, &Stop::new()).unwrap();
    for _ in 0..2 {
        let mut steps = Vec::new();
        with_state().execute(&planned, |done, total| steps.push((done, total))).unwrap();
        assert_eq!(steps, [(1, 4), (2, 4), (3, 4), (4, 4)]);
    }
    let left = std::fs::read_dir(planned.local_state.unwrap()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [".lock"]);
    assert_eq!(app.catch_up().processed, 8);
    assert_eq!(app.latest(&output), expected);
}

#[test]
fn a_plan_changes_nothing() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    feed(cluster.bootstrap(), &input, &WORDS);
    app.catch_up();
    let before = topics(&app);
    let first = reset(&app).with_local_state().plan(&StartPosition::Earliest, &Stop::new());
    let second = plan(&app, &StartPosition::Earliest);
    assert_eq!(first.unwrap().inputs, second.inputs);
    assert_eq!(topics(&app), before);
    let again = app.catch_up();
    assert_eq!((again.processed, again.restored), (0, 0));
    assert_eq!(app.latest(&output).len(), 3);
}

#[test]
fn an_application_that_runs_is_left_alone() {
    let cluster = Cluster::start();
    let OneToOne { app, input, .. } = word_count(cluster.bootstrap());
    feed(cluster.bootstrap(), &input, &WORDS);
    app.catch_up();
    let planned = plan(&app, &StartPosition::Earliest);
    let streams = app.streams();
    streams.start().unwrap();
    eventually("RUNNING", Deadline::seconds(30), || {
        (streams.state() == ClientState::Running).then_some(())
    });
    let refused = reset(&app).plan(&StartPosition::Earliest, &Stop::new()).unwrap_err();
    let expected = format!("the application {} is running, with a member in its group: ", app.id);
    assert!(refused.to_string().starts_with(&expected), "{refused}");
    // Static members stay for a while, however they have ended.
    assert!(refused.to_string().ends_with("stays for session.timeout.ms"), "{refused}");
    // Even where it was stopped when the plan was made.
    let refused = reset(&app).execute(&planned, |_, _| {}).unwrap_err();
    assert!(refused.to_string().starts_with(&expected), "{refused}");
    streams.close().unwrap();
    assert_eq!(topics(&app).len(), 2);
    assert_eq!(app.catch_up().processed, 0);
}

/// An application over an input of two partitions that has read five records of the first, at the times 10
/// to 50, and none of the second.
fn five_read(cluster: &Cluster) -> OneToOne {
    let one = one_to_one(cluster.bootstrap(), 2, |builder, input, output| {
        let counts = builder.stream(&texts(input)).group_by_key().count("counts");
        counts.to_stream().to(&number_table(output, 1));
    });
    let records = ["a", "b", "c", "d", "e"].map(|key| (key, "x", i64::from(key.as_bytes()[0])));
    let records: Vec<_> = records.map(|(key, value, at)| (key, value, (at - 96) * 10)).into();
    feed_partition(cluster.bootstrap(), &one.input, 0, &records);
    one.app.catch_up();
    one
}

#[test]
fn each_start_position_reads_from_there() {
    let cluster = Cluster::start();
    let OneToOne { app, input, .. } = five_read(&cluster);
    let file = OffsetsFile::parse("offsets.csv", &format!("{input},0,2")).unwrap();
    for (start, to, processed) in [
        (StartPosition::Earliest, 0, 5),
        (StartPosition::Latest, 5, 0),
        (StartPosition::Time(Timestamp::from_millis(30)), 2, 3),
        (StartPosition::Time(Timestamp::from_millis(31)), 3, 2),
        (StartPosition::Time(Timestamp::from_millis(51)), 5, 0),
        (StartPosition::Shift(-1), 4, 1),
        (StartPosition::Shift(-9), 0, 5),
        (StartPosition::Offset(Offset(3)), 3, 2),
        (StartPosition::Offset(Offset(9)), 5, 0),
        (StartPosition::File(file), 2, 3),
        (StartPosition::Current, 5, 0),
    ] {
        let planned = execute(&app, &start);
        assert_eq!(changes(&planned)[0], (Some(5), Some(to)), "{start:?}");
        assert_eq!(app.catch_up().processed, processed, "{start:?}");
    }
    let strange = OffsetsFile::parse("offsets.csv", "elsewhere,0,2").unwrap();
    let refused = reset(&app).plan(&StartPosition::File(strange), &Stop::new()).unwrap_err();
    assert!(refused.to_string().starts_with("offsets.csv:1: elsewhere-0 is no"), "{refused}");
}

#[test]
fn applications_with_similar_names_keep_everything() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    feed(cluster.bootstrap(), &input, &WORDS);
    app.catch_up();
    // The same topology as another application whose name begins like this one's.
    let other = App::new(&app.bootstrap, &format!("{}-2", app.id), app.topology.clone());
    other.catch_up();
    let stray = format!("{}-x-changelog", app.id);
    create_topic(cluster.bootstrap(), &stray, 1, &[FOREVER]);

    let planned = execute(&app, &StartPosition::Earliest);
    let others = ["2-counts-changelog", "2-counts-repartition", "x-changelog"];
    let others = others.map(|name| format!("{}-{name}", app.id));
    assert_eq!(planned.other_topics, others);
    let unread: BTreeMap<_, _> = changes(&plan(&other, &StartPosition::Earliest))
        .into_iter()
        .filter(|(from, _)| from.is_none_or(|from| from == 0))
        .collect();
    assert!(unread.len() < 3, "the other's offsets are where they were");
    let more = other.catch_up();
    assert_eq!((more.processed, more.restored), (0, 0), "it goes on as if nothing had been");
    assert_eq!(plan(&app, &StartPosition::Earliest).other_topics, others);

    // By name, only what is named.
    let only = reset(&app).only_topics(vec![stray.clone()]);
    let planned = only.plan(&StartPosition::Current, &Stop::new()).unwrap();
    assert_eq!(planned.delete_topics, [stray]);
    only.execute(&planned, |_, _| {}).unwrap();
    assert_eq!(plan(&app, &StartPosition::Earliest).other_topics, others[..2]);
    let foreign = reset(&app).only_topics(vec![input.clone()]);
    assert!(foreign.plan(&StartPosition::Current, &Stop::new()).unwrap_err().is_config());

    app.catch_up();
    assert_eq!(app.latest(&output), rows(&[("be", "1"), ("or", "1"), ("to", "2")]));
}
