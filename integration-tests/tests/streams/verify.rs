//! Live results against a rerun's.

use integration_tests::Cluster;
use kappa::runtime::verify::Verdict;

use crate::app::feed;
use crate::topologies::{OneToOne, word_count};

fn mismatched(verdict: Verdict) -> Vec<String> {
    match verdict {
        Verdict::NotSameCut { partitions } => partitions.iter().map(ToString::to_string).collect(),
        other => panic!("expected another cut, found {other}"),
    }
}

#[test]
fn without_a_replay_there_is_nothing_to_compare_with() {
    let cluster = Cluster::start();
    let OneToOne { app, input, .. } = word_count(cluster.bootstrap());
    feed(cluster.bootstrap(), &input, &[("1", "a", 1)]);
    app.catch_up();
    let partitions = mismatched(app.verify("never"));
    assert_eq!(partitions.len(), 3);
    assert!(partitions[0].contains("no finished replay"), "{partitions:?}");
}

#[test]
fn live_that_is_behind_or_ahead_is_told_by_partition() {
    let cluster = Cluster::start();
    let OneToOne { app, input, .. } = word_count(cluster.bootstrap());
    feed(cluster.bootstrap(), &input, &[("1", "a", 1)]);
    app.replay("v");
    let behind = mismatched(app.verify("v"));
    assert_eq!(behind.len(), 1);
    assert!(behind[0].starts_with(&input) && behind[0].contains("live is behind"), "{behind:?}");

    app.catch_up();
    assert!(matches!(app.verify("v"), Verdict::Equal { .. }));

    feed(cluster.bootstrap(), &input, &[("1", "a", 2)]);
    app.catch_up();
    let ahead = mismatched(app.verify("v"));
    assert!(ahead[0].contains("live has gone on since"), "{ahead:?}");
}

#[test]
fn results_that_differ_are_named_key_by_key() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    feed(cluster.bootstrap(), &input, &[("1", "a", 1), ("2", "b", 2), ("3", "c", 3)]);
    app.catch_up();
    app.replay("v");
    // Somebody writes into the rerun's results: one value, and one key too many.
    let rerun = format!("{output}--v");
    feed(cluster.bootstrap(), &rerun, &[("b", "77", 9), ("z", "1", 9)]);
    let Verdict::Different { topics } = app.verify("v") else { panic!("they differ") };
    assert_eq!((topics[0].equal_keys, topics[0].different_keys), (2, 2));
    let shown: Vec<String> =
        topics[0].first.iter().map(|d| format!("{} {:?} {:?}", d.key, d.live, d.rerun)).collect();
    assert_eq!(shown, ["b Some(\"1\") Some(\"77\")", "z None Some(\"1\")"]);
}
