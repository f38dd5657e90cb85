//! Explicit repartition topics, and partitioners (rows SL5, SL6, SL8).

use expect_test::expect;
use kappa::prelude::*;
use kappa::testing::TopologyTestDriver;

use super::{CACHED, any, check, drive, pipe, text};

/// Where each record written to a topic went: its partition, its key and its value.
fn places(driver: &TopologyTestDriver, topic: &str) -> Vec<String> {
    let produced = driver.take_produced().into_iter();
    let records = produced.filter(|(name, _)| **name == *topic).map(|(_, record)| {
        let shown = |bytes: Option<Vec<u8>>| String::from_utf8(bytes.unwrap()).unwrap();
        let partition = record.partition.map_or_else(|| "any".to_owned(), |p| p.to_string());
        format!("{partition}: {}={}", shown(record.key), shown(record.value))
    });
    records.collect()
}

#[test]
fn a_stream_goes_through_its_repartition_topic_changed_or_not() {
    check(
        |builder| {
            let through = builder.stream(&any("in")).repartition(Repartitioned::new());
            through.map_values_with_key(|key, _| key.clone()).to(&any("out"));
        },
        "in a=b @1 #h:x
         in ~=c @2
         in d=~ @3",
        // The null key is left out without a word.
        expect![[r#"
            out a=a @1 #h:x
            out d=d @3
        "#]],
    );
}

#[test]
fn its_topic_has_a_name_or_a_number() {
    let builder = StreamsBuilder::new();
    let stream = builder.stream(&text("in"));
    let _ = stream.repartition(Repartitioned::new());
    let _ = stream.repartition(Repartitioned::with(Utf8, Utf8).named("by-options"));
    let _ = stream.named("by-handle").repartition(Repartitioned::new());
    let described = builder.build().unwrap().describe();
    let topics = described.lines().filter_map(|line| line.split_once("(topic: "));
    let mut topics: Vec<&str> = topics.map(|(_, topic)| topic.trim_end_matches(')')).collect();
    topics.sort_unstable();
    let expected = [
        "KSTREAM-REPARTITION-0000000001-repartition",
        "by-handle-repartition",
        "by-options-repartition",
    ];
    assert_eq!(topics, expected);
}

#[test]
fn a_repartition_topic_of_no_partitions_is_refused() {
    let builder = StreamsBuilder::new();
    let _ = builder.stream(&text("in")).repartition(Repartitioned::new().partitions(0));
    expect!["no repartitioning of KSTREAM-SOURCE-0000000000 has 0 partitions"]
        .assert_eq(&builder.build().unwrap_err().report());
}

#[test]
fn serdes_that_are_not_known_are_asked_for() {
    let builder = StreamsBuilder::new();
    let lengths = builder.stream(&text("in")).map_values(|value| value.len().to_string());
    let _ = lengths.repartition(Repartitioned::new());
    expect!["the repartitioning of KSTREAM-MAPVALUES-0000000001 needs a repartition topic, but the value's serde is not known here: say `.with_serdes(..)` before"]
        .assert_eq(&builder.build().unwrap_err().report());
}

#[test]
fn a_partitioner_chooses_the_partition_of_a_repartition_topic() {
    let driver = drive(CACHED, |builder| {
        let by_length = Repartitioned::new().named("spread").partitions(3).partitioned_by(
            |_, value: &String, partitions| Placement::Partition(value.len() % partitions),
        );
        builder.stream(&text("in")).repartition(by_length).to(&text("out"));
    });
    for line in ["in a=1 @1", "in a=12 @2", "in a=123 @3"] {
        pipe(&driver, line).unwrap();
    }
    let went = places(&driver, "test-app-spread-repartition");
    assert_eq!(went, ["1: a=1", "2: a=12", "0: a=123"]);
}

/// Writes to a topic of 4 partitions; what a value says is where it goes.
fn placed() -> TopologyTestDriver {
    drive(CACHED, |builder| {
        let places = Produced::partitioned_by(|_, value: &String, partitions| match &**value {
            "nowhere" => Placement::Drop,
            "everywhere" => Placement::Partitions((0..partitions).collect()),
            "twice the same" => Placement::Partitions(vec![2, 2]),
            "to none of several" => Placement::Partitions(Vec::new()),
            "by key" => Placement::Default,
            number => Placement::Partition(number.parse().unwrap()),
        });
        builder.stream(&text("in")).to_with(&text("out").create(4), places);
    })
}

#[test]
fn a_partitioner_writes_to_one_partition_to_several_or_to_none() {
    let driver = placed();
    for value in ["3", "everywhere", "by key", "nowhere", "twice the same", "to none of several"] {
        pipe(&driver, &format!("in k={value} @1")).unwrap();
    }
    let expected = [
        "3: k=3",
        "0: k=everywhere",
        "1: k=everywhere",
        "2: k=everywhere",
        "3: k=everywhere",
        &format!("{}: k=by key", kappa::kafka::default_partition(b"k", 4)),
        "2: k=twice the same",
    ];
    assert_eq!(places(&driver, "out"), expected);
    let dropped: Vec<String> =
        driver.dropped_records().by_reason().map(|(why, n)| format!("{n} {why}")).collect();
    assert_eq!(dropped, ["2 for no partition"]);
}

#[test]
fn a_partition_that_does_not_exist_ends_the_task() {
    let error = pipe(&placed(), "in k=4 @1").unwrap_err();
    expect!["record in-0@0: the partitioner of out chose partition 4, but the topic has 4 partitions, numbered from 0"]
        .assert_eq(&error.report());
}
