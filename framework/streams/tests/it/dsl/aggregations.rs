//! Count, reduce and aggregate by key.

use expect_test::expect;
use kappa::prelude::*;

use super::{UNCACHED, any, check, check_with, drive, nullable, numbers, pipe, text};

#[test]
fn count_counts_the_records_of_each_key() {
    check(
        |builder| {
            builder.stream(&text("in")).group_by_key().count("c").to_stream().to(&numbers("out"));
        },
        "in a=x @10
         in b=x @20
         in a=y @5 #h:1",
        expect![[r#"
            out a=1 @10
            out b=1 @20
            out a=2 @10 #h:1
        "#]],
    );
}

#[test]
fn reduce_takes_the_first_value_as_it_is() {
    check(
        |builder| {
            let reduced = builder.stream(&text("in")).group_by_key().reduce(|a, b| a + &b, "r");
            reduced.to_stream().to(&nullable("out"));
        },
        "in a=x @10
         in a=y @20
         in a= @30",
        expect![[r#"
            out a=x @10
            out a=xy @20
            out a=xy @30
        "#]],
    );
}

#[test]
fn aggregate_begins_with_its_initializer() {
    check(
        |builder| {
            let totals = builder.stream(&text("in")).group_by_key().aggregate(
                || 100_i64,
                |key, value, total| total + i64::try_from(key.len() + value.len()).unwrap(),
                "totals",
            );
            totals.to_stream().to(&numbers("out"));
        },
        "in a=xyz @10
         in ab= @20
         in a=x @5",
        expect![[r#"
            out a=104 @10
            out ab=102 @20
            out a=106 @10
        "#]],
    );
}

#[test]
fn group_by_goes_through_a_repartition_topic() {
    check(
        |builder| {
            let by_value = builder.stream(&text("in")).group_by(|_, value| value.clone());
            by_value.count("c").to_stream().to(&numbers("out"));
        },
        "in a=x @10 #h:1
         in b=x @20
         in ~=x @30",
        expect![[r#"
            out x=1 @10 #h:1
            out x=2 @20
            error: cannot decode key of in-0@2: it is null, and the topic's type has no null
        "#]],
    );
}

#[test]
fn null_keys_and_values_are_dropped_and_counted() {
    check(
        |builder| {
            let kept = builder.stream(&any("in")).drop_null_keys().drop_null_values();
            kept.group_by_key().count("c").to_stream().to(&numbers("out"));
        },
        "in a=x @1
         in ~=x @2
         in a=~ @3
         in ~=~ @4
         in a=y @5",
        expect![[r#"
            out a=1 @1
            out a=2 @5
            dropped: 3 null key or value
        "#]],
    );
}

#[test]
fn null_keys_in_front_of_a_repartition_topic_are_dropped_without_a_word() {
    let build = |builder: &StreamsBuilder| {
        let first = |_: &Option<String>, value: &Option<String>| {
            value.as_ref().and_then(|value| value.split_once('|')).map(|(key, _)| key.to_owned())
        };
        let rekeyed = builder.stream(&any("in")).select_key(first).drop_null_keys();
        rekeyed.drop_null_values().group_by_key().count("c").to_stream().to(&numbers("out"));
    };
    check(
        build,
        "in k=a|1 @1
         in k=none @2
         in k=~ @3
         in k=a|2 @4",
        expect![[r#"
            out a=1 @1
            out a=2 @4
        "#]],
    );
}

#[test]
fn the_order_of_dropping_null_keys_and_values_does_not_matter() {
    check(
        |builder| {
            let rekeyed = builder.stream(&any("in")).select_key(|_, value| value.clone());
            let kept = rekeyed.drop_null_values().drop_null_keys();
            kept.group_by_key().count("c").to_stream().to(&numbers("out"));
        },
        "in k=a @1
         in k=~ @2",
        expect![[r#"
            out a=1 @1
            dropped: 1 null key or value
        "#]],
    );
}

#[test]
fn several_updates_within_one_record_are_folded_by_the_cache() {
    let build = |builder: &StreamsBuilder| {
        let stream = builder.stream(&text("in"));
        let twice = stream.merge(&stream.map_values(|value| value + "'"));
        twice.group_by_key().reduce(|a, b| a + &b, "r").to_stream().to(&nullable("out"));
    };
    let input = "in a=x @1
                 in a=y @2";
    check(
        build,
        input,
        expect![[r#"
        out a=x'x @1
        out a=x'xy'y @2
    "#]],
    );
    check_with(
        UNCACHED,
        build,
        input,
        expect![[r#"
        out a=x' @1
        out a=x'x @1
        out a=x'xy' @2
        out a=x'xy'y @2
    "#]],
    );
}

#[test]
fn a_store_without_cache_forwards_every_update_in_a_cached_topology() {
    check(
        |builder| {
            let stream = builder.stream(&text("in"));
            let twice = stream.merge(&stream.peek(|_, _| {}));
            let store = Stored::named("c").caching(false);
            twice.group_by_key().count(store).to_stream().to(&numbers("out"));
        },
        "in a=x @1",
        expect![[r#"
            out a=1 @1
            out a=2 @1
        "#]],
    );
}

#[test]
fn aggregations_of_one_group_are_independent() {
    check(
        |builder| {
            let words = builder.stream(&text("in")).group_by(|_, word| word.clone());
            words.count("c").to_stream().to(&numbers("counts"));
            words.reduce(|a, b| a + &b, "r").to_stream().to(&nullable("reduced"));
        },
        "in k=a @1
         in k=a @2",
        expect![[r#"
            counts a=1 @1
            reduced a=a @1
            counts a=2 @2
            reduced a=aa @2
        "#]],
    );
}

#[test]
fn aggregations_can_follow_one_another() {
    check(
        |builder| {
            let counts = builder.stream(&text("in")).group_by_key().count("counts").to_stream();
            let by_count = counts.drop_null_values().map_values(|count| count.to_string());
            let by_count = by_count.group_by(|_, count| count.clone()).count("keys-by-count");
            by_count.to_stream().to(&numbers("out"));
        },
        "in a=x @1
         in b=x @2
         in a=x @3",
        expect![[r#"
            out 1=1 @1
            out 1=2 @2
            out 2=1 @3
        "#]],
    );
}

#[test]
fn stores_can_be_read_and_written_from_outside() {
    let driver = drive(super::CACHED, |builder| {
        let counts = builder.stream(&text("in")).group_by_key().count("c");
        counts.to_stream().to(&numbers("out"));
    });
    pipe(&driver, "in a=x @10").unwrap();
    pipe(&driver, "in b=x @20").unwrap();
    let get = |key: &str| driver.key_value::<String, i64>("c", &key.to_owned()).unwrap();
    assert_eq!((get("a"), get("nobody")), (Some(1), None));
    driver.put("c", "a".to_owned(), Some(41_i64), Timestamp::from_millis(30)).unwrap();
    pipe(&driver, "in a=x @15").unwrap();
    let rows = driver.key_value_rows::<String, i64>("c").unwrap().into_iter();
    let rows: Vec<_> = rows.map(|(key, row)| (key, row.value, row.timestamp.as_millis())).collect();
    assert_eq!(rows, [("a".to_owned(), 42, 30), ("b".to_owned(), 1, 20)]);
    let last = driver.output(&numbers("out")).read_all().into_iter().map(|record| record.value);
    assert_eq!(last.collect::<Vec<_>>(), [Some(1), Some(1), Some(41), Some(42)]);
    let error = driver.key_value::<String, i64>("d", &"a".to_owned()).unwrap_err();
    assert_eq!(error.to_string(), "the topology has no store d");
}

#[test]
fn an_aggregate_that_is_nothing_is_deleted_and_begins_anew() {
    check(
        |builder| {
            let lists = builder.stream(&text("in")).group_by_key().aggregate_or_delete(
                String::new,
                |_, value, list| (value != "reset").then(|| list + &value),
                "lists",
            );
            lists.to_stream().to(&nullable("out"));
        },
        "in a=x @10
         in a=y @20
         in a=reset @15
         in a=reset @16
         in a=z @5",
        expect![[r#"
            out a=x @10
            out a=xy @20
            out a=~ @15
            out a=z @5
        "#]],
    );
}

#[test]
fn without_a_cache_a_deletion_is_forwarded_with_the_rows_timestamp() {
    check_with(
        UNCACHED,
        |builder| {
            let sums = builder
                .stream(&text("in"))
                .group_by_key()
                .reduce_or_delete(|sum, value| (value != "reset").then(|| sum + &value), "sums");
            sums.to_stream().to(&nullable("out"));
        },
        "in a=x @20
         in a=reset @15
         in a=y @5",
        expect![[r#"
            out a=x @20
            out a=~ @20
            out a=y @5
        "#]],
    );
}
