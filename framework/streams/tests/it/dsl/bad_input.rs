//! Input that cannot be read, or is not what the types say.

use expect_test::expect;
use kappa::prelude::*;
use kappa::testing::TopologyTestDriver;
use serde::{Deserialize, Serialize};

use super::{CACHED, Options, SKIPPING, check, check_with, drive, text};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    amount: u64,
}

kappa::json_serde!(Order);

fn orders(builder: &StreamsBuilder) {
    let orders: Topic<String, Order> = Topic::of("orders");
    builder.stream(&orders).map_values(|order| order.amount.to_string()).to(&text("out"));
}

#[test]
fn a_value_that_is_not_json_stops_at_its_topic_partition_and_offset() {
    check(
        orders,
        r#"orders a={"amount":1} @1
           orders a={"amount":2} @2
           orders a={"amount" @3
           orders a={"amount":4} @4"#,
        expect![[r#"
            out a=1 @1
            out a=2 @2
            error: cannot decode value of orders-0@2: EOF while parsing an object at line 1 column 9
        "#]],
    );
}

#[test]
fn a_missing_field_is_named() {
    check(
        orders,
        r#"orders a={"sum":1} @1"#,
        expect![[r#"
        error: cannot decode value of orders-0@0: missing field `amount` at line 1 column 9
    "#]],
    );
}

#[test]
fn a_null_where_the_type_has_none_is_refused() {
    check(
        orders,
        "orders a=~ @1",
        expect![[r#"
        error: cannot decode value of orders-0@0: it is null, and the topic's type has no null
    "#]],
    );
    check(
        orders,
        r#"orders ~={"amount":1} @1"#,
        expect![[r#"
        error: cannot decode key of orders-0@0: it is null, and the topic's type has no null
    "#]],
    );
}

#[test]
fn bad_records_are_skipped_and_counted_if_the_handler_says_so() {
    check_with(
        SKIPPING,
        orders,
        r#"orders a={"amount":1} @1
           orders a=rubbish @2
           orders a=~ @3
           orders ~={"amount":4} @4
           orders a={"amount":5} @5"#,
        expect![[r#"
            out a=1 @1
            out a=5 @5
            dropped: 3 not decodable
        "#]],
    );
}

#[test]
fn keys_that_are_no_text_are_named_as_keys() {
    for (options, fails) in [(CACHED, true), (SKIPPING, false)] {
        let driver = drive(options, orders);
        let piped = pipe_bytes(&driver, "orders", b"\xff", br#"{"amount":1}"#);
        match piped {
            Err(error) => {
                assert!(fails && error.is_deserialization());
                let text = error.report();
                assert!(
                    text.starts_with("cannot decode key of orders-0@0: invalid utf-8"),
                    "{text}"
                );
            }
            Ok(()) => assert!(!fails && driver.dropped_records().total() == 1),
        }
    }
}

fn pipe_bytes(
    driver: &TopologyTestDriver,
    topic: &str,
    key: &[u8],
    value: &[u8],
) -> kappa::Result<()> {
    driver.pipe_bytes(topic, Some(key), Some(value), Timestamp::from_millis(1))
}

#[test]
fn tables_refuse_and_skip_as_streams_do() {
    let build = |builder: &StreamsBuilder| {
        let orders: Topic<String, Order> = Topic::of("orders");
        let amounts = builder.table(&orders, "orders").map_values(|order| order.amount.to_string());
        amounts.to_stream().to(&super::nullable("out"));
    };
    let input = r#"orders a={"amount":1} @1
                   orders a=rubbish @2
                   orders a=~ @3"#;
    check(
        build,
        input,
        expect![[r#"
        out a=1 @1
        error: cannot decode value of orders-0@1: expected value at line 1 column 1
    "#]],
    );
    check_with(
        SKIPPING,
        build,
        input,
        expect![[r#"
        out a=1 @1
        out a=~ @3
        dropped: 1 not decodable
    "#]],
    );
}

#[test]
fn global_tables_refuse_what_they_cannot_read() {
    let build = |builder: &StreamsBuilder| {
        let rates: Topic<String, Order> = Topic::of("rates");
        let rates = builder.global_table(&rates, "rates");
        let visits = builder.stream(&text("visits"));
        visits.join(&rates, |visit, rate| format!("{visit} {}", rate.amount)).to(&text("out"));
    };
    let input = r#"rates a={"amount":1} @1
                   visits a=x @2
                   rates a=rubbish @3
                   visits a=y @4"#;
    check(
        build,
        input,
        expect![[r#"
        out a=x 1 @2
        error: rates: cannot decode value: expected value at line 1 column 1
    "#]],
    );
    check_with(
        SKIPPING,
        build,
        input,
        expect![[r#"
        out a=x 1 @2
        error: rates: cannot decode value: expected value at line 1 column 1
    "#]],
    );
}

#[test]
fn negative_timestamps_are_refused_whatever_the_handler_says() {
    let input = "in a=x @1
                 in a=y @-1
                 in a=z @2";
    let build = |builder: &StreamsBuilder| builder.stream(&text("in")).to(&text("out"));
    check(
        build,
        input,
        expect![[r#"
        out a=x @1
        error: record in-0@1 has the timestamp -1: event time begins at 0
    "#]],
    );
    check_with(
        SKIPPING,
        build,
        input,
        expect![[r#"
        out a=x @1
        error: record in-0@1 has the timestamp -1: event time begins at 0
    "#]],
    );
}

#[test]
fn a_value_that_cannot_be_written_names_topic_and_origin() {
    struct Short;
    impl kappa::serde::Serde<String> for Short {
        fn encode(
            &self,
            _: &str,
            value: &String,
            out: &mut Vec<u8>,
        ) -> Result<(), kappa::serde::SerdeError> {
            if value.len() > 3 {
                return Err("longer than 3".into());
            }
            Utf8.encode("", value, out)
        }

        fn decode(&self, _: &str, bytes: &[u8]) -> Result<String, kappa::serde::SerdeError> {
            Utf8.decode("", bytes)
        }
    }
    let options = Options { cache_bytes: 0, ..CACHED };
    check_with(
        options,
        |builder| builder.stream(&text("in")).to(&Topic::new("out", Utf8, Short)),
        "in a=x @1
         in a=long @2",
        expect![[r#"
            out a=x @1
            error: cannot encode a value for out (from in-0@1): longer than 3
        "#]],
    );
    check_with(
        options,
        |builder| {
            let grouped = builder.stream(&text("in")).group_by_key();
            let store = Materialized::with(Utf8, Short).r#as("r");
            grouped.reduce(|a, b| a + &b, store).to_stream().to(&super::nullable("out"));
        },
        "in a=xy @1
         in a=zz @2",
        expect![[r#"
            out a=xy @1
            error: cannot encode a value of store r: longer than 3
        "#]],
    );
}

#[test]
fn a_topic_that_is_not_read_is_a_clear_error() {
    let driver = drive(CACHED, |builder| builder.stream(&text("in")).to(&text("out")));
    let error = pipe_bytes(&driver, "other", b"k", b"v").unwrap_err();
    assert_eq!(error.to_string(), "the topology does not read topic other");
}
