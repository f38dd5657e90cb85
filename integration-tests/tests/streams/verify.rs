//! Live results against a rerun's.

use integration_tests::waiting::block_on;
use integration_tests::{Cluster, admin};
use kappa::kafka::default_partition;
use kappa::prelude::*;
use kappa::runtime::Stop;
use kappa::runtime::verify::{Verdict, Verify};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::app::{feed, texts};
use crate::topologies::{OneToOne, one_to_one, word_count};

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

#[test]
fn records_without_a_key_are_compared_over_all_partitions() {
    let cluster = Cluster::start();
    let OneToOne { app, input, .. } =
        one_to_one(cluster.bootstrap(), 2, |builder, input, output| {
            let out: Topic<Option<String>, String> = Topic::new(output, Nullable::of(Utf8), Utf8)
                .create(5)
                .setting("retention.ms", "-1");
            builder.stream(&texts(input)).map(|_, word| (None, word)).to(&out);
        });
    let words: Vec<String> = (0..60).map(|n| format!("w{n}")).collect();
    let records: Vec<_> = words.iter().map(|word| (word.as_str(), word.as_str(), 1)).collect();
    feed(cluster.bootstrap(), &input, &records);
    app.catch_up();
    app.replay("v");
    let Verdict::Equal { topics } = app.verify("v") else { panic!("they are equal") };
    assert_eq!(topics[0].keyless_records, (60, 60));
    assert_eq!(topics[0].records, (60, 60));
}

#[test]
fn results_whose_beginning_is_deleted_are_not_called_equal() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    feed(cluster.bootstrap(), &input, &[("1", "a", 1), ("2", "b", 2), ("3", "c", 3)]);
    app.catch_up();
    app.replay("v");
    let key_partition = default_partition(b"a", 2);
    let mut before = TopicPartitionList::new();
    before.add_partition_offset(&output, key_partition, Offset::Offset(1)).unwrap();
    let admin = admin::client(cluster.bootstrap());
    block_on(admin.delete_records(&before, &admin::options())).unwrap();
    let partitions = mismatched(app.verify("v"));
    assert!(partitions[0].contains("the beginning of these results is deleted"), "{partitions:?}");
}

#[test]
fn a_topology_without_results_cannot_be_verified() {
    let cluster = Cluster::start();
    let OneToOne { app, .. } = one_to_one(cluster.bootstrap(), 1, |builder, input, _| {
        let _ = builder.stream(&texts(input)).peek(|_, _| {});
    });
    app.catch_up();
    app.replay("v");
    let verify = Verify::new(app.topology.clone(), app.settings(), "v").run(&Stop::new());
    let error = verify.unwrap_err().to_string();
    assert!(error.contains("nothing to compare"), "{error}");
    let verify = Verify::new(app.topology.clone(), app.settings(), "not/a/name").run(&Stop::new());
    assert!(verify.unwrap_err().is_config());
}
