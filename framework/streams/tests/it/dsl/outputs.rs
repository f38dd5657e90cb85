//! Topics that each record chooses (row SL6).

use std::sync::Arc;

use expect_test::expect;
use kappa::config::StreamsConfig;
use kappa::kafka::{Admin, Clients, Consumer, ConsumerRole, Patience, Producer};
use kappa::prelude::*;
use kappa::runtime::Stop;
use kappa::runtime::replay::Replay;
use kappa::runtime::verify::Verify;

use super::{CACHED, check, drive, pipe, text};

#[test]
fn each_record_goes_to_the_topic_it_chooses() {
    check(
        |builder| {
            let orders = builder.stream(&text("in"));
            orders.to_dynamic(&Topics::any(Utf8, Utf8), |key, _, _| format!("of-{key}").into());
        },
        "in a=1 @1 #h:x
         in b=2 @2
         in a=3 @3",
        expect![[r#"
            of-a a=1 @1 #h:x
            of-b b=2 @2
            of-a a=3 @3
        "#]],
    );
}

#[test]
fn the_choice_may_follow_from_where_the_record_comes_from() {
    check(
        |builder| {
            let orders = builder.stream(&text("in"));
            orders.to_dynamic(&Topics::any(Utf8, Utf8), |_, _, record| {
                let from = record.from.expect("a record is being processed");
                let kind = if record.headers.is_empty() { "bare" } else { "told" };
                format!("{kind}-{}-{}-{}", from.partition, from.offset, record.timestamp).into()
            });
        },
        "in a=1 @7
         in a=2 @8 #h:x",
        expect![[r#"
            bare-in-0-0-7 a=1 @7
            told-in-0-1-8 a=2 @8 #h:x
        "#]],
    );
}

#[test]
fn headers_that_name_schemas_of_what_was_read_are_not_passed_on() {
    check(
        |builder| builder.stream(&text("in")).to(&text("out")),
        "in a=1 @1 #__value_schema_id:x
         in a=2 @2 #__key_schema_id:x
         in a=3 @3 #h:x",
        expect![[r#"
            out a=1 @1
            out a=2 @2
            out a=3 @3 #h:x
        "#]],
    );
}

#[test]
fn headers_that_name_schemas_of_bytes_that_are_passed_on_stay() {
    type Raw = Topic<Vec<u8>, Option<Vec<u8>>>;
    let raw = |name| -> Raw { Topic::new(name, Bytes, Nullable::of(Bytes)) };
    check(
        |builder| {
            let read = builder.stream(&raw("in"));
            read.to(&raw("copy"));
            read.repartition(Repartitioned::new()).to(&raw("moved"));
            let encode = |value: Option<Vec<u8>>| value.map(|bytes| format!("{bytes:?}"));
            read.map_values(encode).to(&Topic::new("anew", Bytes, Nullable::of(Utf8)));
        },
        "in a=1 @1 #__key_schema_id:k #__value_schema_id:v #h:x #__value_schema_id:w
         in a=~ @2 #__key_schema_id:k #__value_schema_id:v",
        expect![[r#"
            copy a=1 @1 #__key_schema_id:k #__value_schema_id:v #h:x #__value_schema_id:w
            anew a=[49] @1 #__key_schema_id:k #h:x
            moved a=1 @1 #__key_schema_id:k #__value_schema_id:v #h:x #__value_schema_id:w
            copy a=~ @2 #__key_schema_id:k #__value_schema_id:v
            anew a=~ @2 #__key_schema_id:k
            moved a=~ @2 #__key_schema_id:k #__value_schema_id:v
        "#]],
    );
}

#[test]
fn a_choice_among_listed_topics_is_held_to_them() {
    check(
        |builder| {
            let topics = Topics::among(["large", "small"], Utf8, Utf8);
            // Nothing is allocated for a choice: it is a text of the record's, or one that is there.
            builder.stream(&text("in")).to_dynamic(&topics, |_, value, _| value.as_str().into());
        },
        "in a=small @1
         in b=large @2
         in c=huge @3",
        expect![[r#"
            small a=small @1
            large b=large @2
            error: record in-0@2: the topic huge was chosen, which is not among those listed: add it to `Topics::among`
        "#]],
    );
}

#[test]
fn a_partitioner_is_asked_for_chosen_topics_too() {
    let driver = drive(CACHED, |builder| {
        let orders = builder.stream(&text("in"));
        let last = || {
            Produced::partitioned_by(|_, value: &String, partitions| match &**value {
                "nowhere" => Placement::Drop,
                _ => Placement::Partition(partitions - 1),
            })
        };
        let listed = Topics::among(["listed"], Utf8, Utf8).create(3);
        orders.to_dynamic_with(&listed, |_, _, _| "listed".into(), last());
        orders.to_dynamic_with(&Topics::any(Utf8, Utf8), |_, _, _| "any".into(), last());
    });
    for line in ["in a=1 @1", "in a=nowhere @2", "in a=2 @3"] {
        pipe(&driver, line).unwrap();
    }
    let produced = driver.take_produced().into_iter();
    let went: Vec<String> =
        produced.map(|(topic, record)| format!("{topic}-{}", record.partition.unwrap())).collect();
    assert_eq!(went, ["listed-2", "any-0", "listed-2", "any-0"]);
    assert_eq!(driver.dropped_records().total(), 2);
}

#[test]
fn listed_topics_are_outputs_like_others() {
    let builder = StreamsBuilder::new();
    let topics = Topics::among(["b", "a"], Utf8, Utf8);
    builder.stream(&text("in")).named("out").to_dynamic(&topics, |key, _, _| key.as_str().into());
    let topology = builder.build().unwrap();
    let outputs: Vec<String> = topology.output_topics().iter().map(ToString::to_string).collect();
    assert_eq!(outputs, ["a", "b"]);
    assert!(topology.describe().contains("Sink: out (extractor class: dynamic)"));
}

/// No Kafka at all.
#[derive(Debug)]
struct Nobody;

impl Clients for Nobody {
    fn consumer(&self, _: ConsumerRole, _: usize) -> kappa::Result<Box<dyn Consumer>> {
        unreachable!("nothing is read")
    }

    fn producer(&self, _: usize, _: Patience) -> kappa::Result<Box<dyn Producer>> {
        unreachable!("nothing is written")
    }

    fn admin(&self) -> kappa::Result<Box<dyn Admin>> {
        unreachable!("nothing is asked")
    }
}

#[test]
fn a_rerun_must_know_its_topics_before_it_starts() {
    let builder = StreamsBuilder::new();
    let orders = builder.stream(&text("in"));
    orders.to_dynamic(&Topics::any(Utf8, Utf8), |key, _, _| key.as_str().into());
    let topology = builder.build().unwrap();
    let settings = StreamsConfig::new("app").resolve().unwrap();
    let replay =
        Replay::with_clients(topology.clone(), settings.clone(), "v2", Arc::new(Nobody)).unwrap();
    let rerun = replay.run(&Stop::new(), |_| {}).unwrap_err().report();
    expect!["KSTREAM-SINK-0000000001 writes to any topic that a record chooses, of which a rerun cannot have its own: list them with `Topics::among`"]
        .assert_eq(&rerun);
    let verify = Verify::with_clients(topology, settings, "v2", Arc::new(Nobody));
    assert_eq!(verify.run(&Stop::new()).unwrap_err().report(), rerun);
}
