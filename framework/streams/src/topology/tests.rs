//! What a program's declarations become: descriptions, names, partition counts, and what is refused.

use std::collections::BTreeMap;
use std::time::Duration;

use expect_test::{Expect, expect};

use super::*;
use crate::prelude::*;
use crate::topology::{StoreKind, changelog_settings, repartition_settings};

pub(super) fn text(name: &str) -> Topic<String, String> {
    Topic::new(name, Utf8, Utf8)
}

fn numbers(name: &str) -> Topic<String, Option<i64>> {
    Topic::new(name, Utf8, Nullable::of(I64))
}

/// Counts words by their text, which needs a repartition topic.
pub(super) fn word_count() -> Topology {
    let builder = StreamsBuilder::new();
    let words = builder.stream(&text("words"));
    words.group_by(|_, word| word.clone()).count("counts").to_stream().to(&numbers("out"));
    builder.build().unwrap()
}

/// Joins a re-keyed stream with a table and a global table.
pub(super) fn joins() -> Topology {
    let builder = StreamsBuilder::new();
    let users = builder.table(&text("users"), "users");
    let places = builder.global_table(&text("places"), "places");
    builder
        .stream(&text("visits"))
        .select_key(|_, visit| visit.clone())
        .with_serdes(Utf8, Utf8)
        .join(&users, |visit, user| format!("{visit} {user}"))
        .on(|_, visit| visit.clone())
        .left_join(&places, |visit, place: Option<&String>| format!("{visit} {place:?}"))
        .to(&text("out"));
    builder.build().unwrap()
}

fn check(actual: &str, expected: Expect) {
    expected.assert_eq(actual);
}

#[test]
fn a_description_reads_as_in_the_jvm_library() {
    check(
        &word_count().describe(),
        expect![[r#"
        Topologies:
           Sub-topology: 0
            Source: KSTREAM-SOURCE-0000000000 (topics: [words])
              --> KSTREAM-KEY-SELECT-0000000001
            Processor: KSTREAM-KEY-SELECT-0000000001 (stores: [])
              --> counts-repartition-filter
              <-- KSTREAM-SOURCE-0000000000
            Processor: counts-repartition-filter (stores: [])
              --> counts-repartition-sink
              <-- KSTREAM-KEY-SELECT-0000000001
            Sink: counts-repartition-sink (topic: counts-repartition)
              <-- counts-repartition-filter

          Sub-topology: 1
            Source: counts-repartition-source (topics: [counts-repartition])
              --> KSTREAM-AGGREGATE-0000000002
            Processor: KSTREAM-AGGREGATE-0000000002 (stores: [counts])
              --> KTABLE-TOSTREAM-0000000006
              <-- counts-repartition-source
            Processor: KTABLE-TOSTREAM-0000000006 (stores: [])
              --> KSTREAM-SINK-0000000007
              <-- KSTREAM-AGGREGATE-0000000002
            Sink: KSTREAM-SINK-0000000007 (topic: out)
              <-- KTABLE-TOSTREAM-0000000006

    "#]],
    );
}

#[test]
fn global_tables_are_described_apart() {
    check(
        &joins().describe(),
        expect![[r#"
        Topologies:
           Sub-topology: 0
            Source: KSTREAM-SOURCE-0000000008 (topics: [KSTREAM-KEY-SELECT-0000000005-repartition])
              --> KSTREAM-JOIN-0000000009
            Processor: KSTREAM-JOIN-0000000009 (stores: [users])
              --> KSTREAM-LEFTJOIN-0000000010
              <-- KSTREAM-SOURCE-0000000008
            Processor: KSTREAM-LEFTJOIN-0000000010 (stores: [])
              --> KSTREAM-SINK-0000000011
              <-- KSTREAM-JOIN-0000000009
            Source: KSTREAM-SOURCE-0000000000 (topics: [users])
              --> KTABLE-SOURCE-0000000001
            Sink: KSTREAM-SINK-0000000011 (topic: out)
              <-- KSTREAM-LEFTJOIN-0000000010
            Processor: KTABLE-SOURCE-0000000001 (stores: [users])
              --> none
              <-- KSTREAM-SOURCE-0000000000

          Sub-topology: 1 for global store (will not generate tasks)
            Source: KSTREAM-SOURCE-0000000002 (topics: [places])
              --> KTABLE-SOURCE-0000000003
            Processor: KTABLE-SOURCE-0000000003 (stores: [places])
              --> none
              <-- KSTREAM-SOURCE-0000000002
          Sub-topology: 2
            Source: KSTREAM-SOURCE-0000000004 (topics: [visits])
              --> KSTREAM-KEY-SELECT-0000000005
            Processor: KSTREAM-KEY-SELECT-0000000005 (stores: [])
              --> KSTREAM-FILTER-0000000007
              <-- KSTREAM-SOURCE-0000000004
            Processor: KSTREAM-FILTER-0000000007 (stores: [])
              --> KSTREAM-SINK-0000000006
              <-- KSTREAM-KEY-SELECT-0000000005
            Sink: KSTREAM-SINK-0000000006 (topic: KSTREAM-KEY-SELECT-0000000005-repartition)
              <-- KSTREAM-FILTER-0000000007

    "#]],
    );
}

#[test]
fn a_chart_shows_topics_stores_and_subtopologies() {
    check(
        &word_count().mermaid(),
        expect![[r#"
        flowchart TD
          t_out[/"out"/]
          t_words[/"words"/]
          t_counts_2drepartition[/"<i>counts-repartition</i>"/]
          s_counts[("counts")]
          subgraph sub0["sub-topology 0"]
            n0("KSTREAM-SOURCE-0000000000")
            n1("KSTREAM-KEY-SELECT-0000000001")
            n2("counts-repartition-filter")
            n3("counts-repartition-sink")
          end
          subgraph sub1["sub-topology 1"]
            n4("counts-repartition-source")
            n5("KSTREAM-AGGREGATE-0000000002")
            n6("KTABLE-TOSTREAM-0000000006")
            n7("KSTREAM-SINK-0000000007")
          end
          t_words --> n0
          n0 --> n1
          n1 --> n2
          n3 --> t_counts_2drepartition
          n2 --> n3
          t_counts_2drepartition --> n4
          n4 --> n5
          n5 -.- s_counts
          n5 --> n6
          n7 --> t_out
          n6 --> n7
    "#]],
    );
    check(
        &joins().mermaid(),
        expect![[r#"
        flowchart TD
          t_out[/"out"/]
          t_places[/"places"/]
          t_users[/"users"/]
          t_visits[/"visits"/]
          t_KSTREAM_2dKEY_2dSELECT_2d0000000005_2drepartition[/"<i>KSTREAM-KEY-SELECT-0000000005-repartition</i>"/]
          s_users[("users")]
          s_places[("places (global)")]
          subgraph sub0["sub-topology 0"]
            n0("KSTREAM-SOURCE-0000000000")
            n1("KTABLE-SOURCE-0000000001")
            n8("KSTREAM-SOURCE-0000000008")
            n9("KSTREAM-JOIN-0000000009")
            n10("KSTREAM-LEFTJOIN-0000000010")
            n11("KSTREAM-SINK-0000000011")
          end
          subgraph sub2["sub-topology 2"]
            n4("KSTREAM-SOURCE-0000000004")
            n5("KSTREAM-KEY-SELECT-0000000005")
            n6("KSTREAM-FILTER-0000000007")
            n7("KSTREAM-SINK-0000000006")
          end
          t_places --> s_places
          t_users --> n0
          n0 --> n1
          n1 -.- s_users
          t_visits --> n4
          n4 --> n5
          n5 --> n6
          n7 --> t_KSTREAM_2dKEY_2dSELECT_2d0000000005_2drepartition
          n6 --> n7
          t_KSTREAM_2dKEY_2dSELECT_2d0000000005_2drepartition --> n8
          n8 --> n9
          n9 -.- s_users
          n9 --> n10
          n10 -.- s_places
          n11 --> t_out
          n10 --> n11
    "#]],
    );
}

#[test]
fn subtopologies_are_numbered_in_the_order_they_are_declared() {
    // By their sources' names `KSTREAM-SOURCE-...` would come before `by-text-repartition-source`.
    let builder = StreamsBuilder::new();
    let words = builder.stream(&text("words"));
    words.group_by(|_, word| word.clone()).count("by-text");
    words.group_by(|_, word| word.len().to_string()).count(Materialized::unnamed());
    let topology = builder.build().unwrap();
    let topics: Vec<Vec<String>> = topology
        .subtopologies()
        .iter()
        .map(|sub| sub.source_topics.iter().map(|topic| topic.name().to_string()).collect())
        .collect();
    assert_eq!(
        topics,
        [
            ["words"],
            ["by-text-repartition"],
            ["KSTREAM-AGGREGATE-STATE-STORE-0000000007-repartition"]
        ]
    );
}

#[test]
fn a_named_group_shares_its_topic_and_burns_numbers_at_every_use() {
    // As the JVM library 4.3.1 names them.
    let builder = StreamsBuilder::new();
    let grouped = builder
        .stream(&text("words"))
        .group_by_with(|_, word| word.clone(), Grouped::with(Utf8, Utf8).named("by-text"));
    for _ in 0..3 {
        grouped.count(Materialized::unnamed());
    }
    let topology = builder.build().unwrap();
    let stores: Vec<&str> = topology.graph().stores.iter().map(|store| &*store.name).collect();
    let expected = [2, 7, 12].map(|n| format!("KSTREAM-AGGREGATE-STATE-STORE-{n:010}"));
    assert_eq!(stores, expected);
    assert_eq!(topology.graph().sources.len(), 2, "one topic behind one group");
}

#[test]
fn a_named_group_is_declared_where_it_is_used_last() {
    // As the JVM library 4.3.1 numbers them.
    let builder = StreamsBuilder::new();
    let by_text = builder.stream(&text("words")).select_key(|_, word| word.clone());
    let shared = by_text.group_by_key_with(Grouped::with(Utf8, Utf8).named("shared"));
    shared.count("first");
    by_text.with_serdes(Utf8, Utf8).group_by_key().count("other");
    shared.count("second");
    let topology = builder.build().unwrap();
    let topics = topology.subtopologies().iter().flat_map(|sub| &sub.source_topics);
    let topics: Vec<&str> = topics.map(|topic| &**topic.name()).collect();
    assert_eq!(topics, ["words", "other-repartition", "shared-repartition"]);
}

#[test]
fn the_name_of_a_group_is_the_name_of_its_key_selection() {
    let builder = StreamsBuilder::new();
    builder
        .stream(&text("words"))
        .group_by_with(|_, word| word.clone(), Grouped::with(Utf8, Utf8).named("by-text"))
        .count("counts");
    let described = builder.build().unwrap().describe();
    assert!(described.contains("Processor: by-text (stores: [])"), "{described}");
    assert!(described.contains("KSTREAM-AGGREGATE-0000000002"), "numbers are burned all the same");
}

#[test]
fn a_table_nobody_looks_up_keeps_nothing() {
    let builder = StreamsBuilder::new();
    let _ = builder.table(&text("users"), Stored::unnamed()).to_stream();
    let topology = builder.build().unwrap();
    assert!(topology.graph().stores.is_empty());
    assert!(!topology.describe().contains("STATE-STORE"));

    let builder = StreamsBuilder::new();
    let users = builder.table(&text("users"), Stored::unnamed());
    let shouted = users.map_values(|user| user.to_uppercase());
    let visits = builder.stream(&text("visits"));
    visits.join(&shouted, |visit, user| visit + user);
    let topology = builder.build().unwrap();
    let stores: Vec<&str> = topology.graph().stores.iter().map(|store| &*store.name).collect();
    assert_eq!(stores, ["users-STATE-STORE-0000000000"], "a join wants its rows");

    let builder = StreamsBuilder::new();
    builder.table(&text("users"), "users");
    assert_eq!(builder.build().unwrap().graph().stores.len(), 1, "a name does, too");
}

#[test]
fn topics_that_are_read_and_written_are_listed() {
    let topology = joins();
    let list = |topics: BTreeSet<Arc<str>>| topics.into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(list(topology.input_topics()), "places users visits");
    assert_eq!(list(topology.output_topics()), "out");
}

fn refused(build: impl FnOnce(&StreamsBuilder), expected: Expect) {
    let builder = StreamsBuilder::new();
    build(&builder);
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Topology);
    expected.assert_eq(&error.report());
}

#[test]
fn a_topology_that_reads_nothing_is_refused() {
    refused(|_| {}, expect!["the topology reads no topic: begin with `stream` or `table`"]);
    refused(
        |builder| drop(builder.global_table(&text("places"), "places")),
        expect!["the topology reads no topic: begin with `stream` or `table`"],
    );
}

#[test]
fn one_topic_twice_is_refused() {
    refused(
        |builder| {
            let _ = builder.stream(&text("words"));
            builder.table(&text("words"), "words");
        },
        expect![
            "there are two sources of topic words: use one stream or table twice instead of declaring it twice, or give one another name"
        ],
    );
    refused(
        |builder| {
            let _ = builder.stream(&text("words"));
            builder.global_table(&text("words"), "words");
        },
        expect![
            "there are two sources of topic words: use one stream or table twice instead of declaring it twice, or give one another name"
        ],
    );
}

#[test]
fn one_store_name_twice_is_refused() {
    refused(
        |builder| {
            let words = builder.stream(&text("words")).group_by_key();
            words.count("same");
            words.reduce(|a, _| a, "same");
        },
        expect![
            "there are two stores same: use one stream or table twice instead of declaring it twice, or give one another name"
        ],
    );
    refused(
        |builder| {
            builder.table(&text("words"), "same");
            builder.table(&text("names"), "same");
        },
        expect![
            "there are two stores same: use one stream or table twice instead of declaring it twice, or give one another name"
        ],
    );
}

#[test]
fn one_store_name_for_two_global_tables_is_refused() {
    refused(
        |builder| {
            let _ = builder.stream(&text("words"));
            builder.global_table(&text("a"), "same");
            builder.global_table(&text("b"), "same");
        },
        expect![
            "there are two stores same: use one stream or table twice instead of declaring it twice, or give one another name"
        ],
    );
}

#[test]
fn one_store_name_for_a_table_and_a_global_table_is_refused() {
    refused(
        |builder| {
            builder.table(&text("a"), "same");
            builder.global_table(&text("b"), "same");
        },
        expect![
            "there are two stores same: use one stream or table twice instead of declaring it twice, or give one another name"
        ],
    );
}

#[test]
fn a_join_that_must_repartition_without_serdes_says_what_to_write() {
    refused(
        |builder| {
            let users = builder.table(&text("users"), "users");
            let rekeyed = builder.stream(&text("visits")).select_key(|_, visit| visit.clone());
            rekeyed.join(&users, |visit, user| visit + user);
        },
        expect![
            "the repartitioning of KSTREAM-KEY-SELECT-0000000003 needs a repartition topic, but the key's serde is not known here: say `.with_serdes(..)` before"
        ],
    );
    refused(
        |builder| {
            let lengths = builder.stream(&text("visits")).map(|key, visit| (visit, key.len()));
            lengths.map_values(|len| len.to_string()).to_table::<String>("lengths");
        },
        expect![
            "the repartitioning of KSTREAM-MAPVALUES-0000000002 needs a repartition topic, but the key's serde is not known here: say `.with_serdes(..)` before"
        ],
    );
}

#[test]
fn a_name_that_no_topic_can_have_is_refused() {
    // The JVM library checks names where they are given: what is named becomes a topic.
    for name in ["", "my store", "a/b", &"x".repeat(300)] {
        let builder = StreamsBuilder::new();
        builder.stream(&text("words")).group_by_key().count(name);
        let error = builder.build().map(|_| ()).expect_err(name);
        assert!(error.to_string().contains("name"), "{error}");
    }
}

#[test]
fn internal_topics_have_the_settings_of_the_jvm_library() {
    let day = Duration::from_secs(86_400);
    let show = |settings: BTreeMap<String, String>| {
        let settings = settings.into_iter().map(|(name, value)| format!("{name}={value}"));
        settings.collect::<Vec<_>>().join(" ")
    };
    expect!["cleanup.policy=compact message.timestamp.type=CreateTime"]
        .assert_eq(&show(changelog_settings(StoreKind::KeyValue, day)));
    let window = StoreKind::Window { retention: Duration::from_millis(10) };
    expect![
        "cleanup.policy=compact,delete message.timestamp.type=CreateTime retention.ms=86400010"
    ]
    .assert_eq(&show(changelog_settings(window, day)));
    expect![
        "cleanup.policy=delete message.timestamp.type=CreateTime retention.ms=-1 \
         segment.bytes=52428800"
    ]
    .assert_eq(&show(repartition_settings()));
}

#[test]
fn a_retention_shorter_than_size_and_grace_is_not_kept_to() {
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let windows = TimeWindows::tumbling(minutes(10)).grace(minutes(5));
    for (given, expected) in [(None, 15), (Some(1), 15), (Some(40), 40)] {
        let builder = StreamsBuilder::new();
        let words = builder.stream(&text("words")).group_by_key().windowed_by(windows);
        let stored = given.map_or(Stored::named("counts"), |given| {
            Stored::named("counts").retention(minutes(given))
        });
        words.count(Materialized::stored(stored));
        let topology = builder.build().unwrap();
        let kind = topology.graph().stores[0].kind;
        assert_eq!(kind, StoreKind::Window { retention: minutes(expected) });
    }
}
