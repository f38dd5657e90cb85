//! Tumbling windows, lateness and grace.

use std::time::Duration;

use expect_test::expect;
use kappa::prelude::*;
use kappa::serde::{DefaultSerde, TimeWindowed};

use super::{UNCACHED, any, check, check_with, drive, nullable, pipe, text};

const TEN: Duration = Duration::from_millis(10);

/// Windows of ten milliseconds that wait five more.
fn windows() -> TimeWindows {
    TimeWindows::tumbling(TEN).grace(Duration::from_millis(5))
}

fn out() -> Topic<Windowed<String>, Option<i64>> {
    Topic::new("out", TimeWindowed::new(String::default_serde(), TEN), Nullable::of(I64))
}

fn count(builder: &StreamsBuilder) {
    let grouped = builder.stream(&text("in")).group_by_key();
    grouped.windowed_by(windows()).count("c").to_stream().to(&out());
}

#[test]
fn a_window_has_its_start_and_not_its_end() {
    check(
        count,
        "in a=x @0
         in a=x @9
         in a=x @10
         in b=x @19
         in a=x @20",
        expect![[r#"
            out a[0]=1 @0
            out a[0]=2 @9
            out a[10]=1 @10
            out b[10]=1 @19
            out a[20]=1 @20
        "#]],
    );
}

#[test]
fn a_late_record_counts_until_the_grace_period_is_over() {
    check(
        count,
        "in a=first @9
         in b=later @14
         in a=in-grace @8
         in b=last-moment @14
         in a=in-grace @0
         in b=end-and-grace @15
         in a=late @9
         in c=late @0
         in c=on-time @10",
        expect![[r#"
            out a[0]=1 @9
            out b[10]=1 @14
            out a[0]=2 @9
            out b[10]=2 @14
            out a[0]=3 @9
            out b[10]=3 @15
            out c[10]=1 @10
            dropped: 2 late for its window
        "#]],
    );
}

#[test]
fn without_grace_a_window_closes_with_its_end() {
    check(
        |builder| {
            let grouped = builder.stream(&text("in")).group_by_key();
            grouped.windowed_by(TimeWindows::tumbling(TEN)).count("c").to_stream().to(&out());
        },
        "in a=x @9
         in a=late-but-open @0
         in b=x @10
         in a=closed @9",
        expect![[r#"
            out a[0]=1 @9
            out a[0]=2 @9
            out b[10]=1 @10
            dropped: 1 late for its window
        "#]],
    );
}

#[test]
fn stream_time_is_the_operators_and_no_key_has_its_own() {
    check(
        count,
        "in a=x @100
         in b=late-although-first-of-its-key @50",
        expect![[r#"
            out a[100]=1 @100
            dropped: 1 late for its window
        "#]],
    );
}

#[test]
fn null_values_count_and_null_keys_do_not() {
    check(
        |builder| {
            let keyed = builder.stream(&any("in")).drop_null_keys();
            let (keys, values) = (Utf8, Nullable::of(Utf8));
            let grouped = keyed.group_by_key_with(Grouped::with(keys, values));
            grouped.windowed_by(windows()).count("c").to_stream().to(&out());
        },
        "in a=~ @1
         in ~=x @100
         in a=x @2",
        expect![[r#"
            out a[0]=1 @1
            out a[0]=2 @2
            dropped: 1 null key or value
        "#]],
    );
}

#[test]
fn reduce_and_aggregate_by_window() {
    check(
        |builder| {
            let windowed = builder.stream(&text("in")).group_by_key().windowed_by(windows());
            let texts = |name| {
                let keys = TimeWindowed::new(String::default_serde(), TEN);
                Topic::new(name, keys, Nullable::of(Utf8))
            };
            windowed.reduce(|a, b| a + &b, "r").to_stream().to(&texts("reduced"));
            let aggregate =
                windowed.aggregate(|| "<".to_owned(), |key, value, text| text + key + &value, "a");
            aggregate.to_stream().to(&texts("aggregated"));
        },
        "in k=a @1
         in k=b @2
         in k=c @11",
        expect![[r#"
            reduced k[0]=a @1
            aggregated k[0]=<ka @1
            reduced k[0]=ab @2
            aggregated k[0]=<kakb @2
            reduced k[10]=c @11
            aggregated k[10]=<kc @11
        "#]],
    );
}

#[test]
fn a_rekeyed_stream_is_repartitioned_before_its_windows() {
    check(
        |builder| {
            let by_value = builder.stream(&text("in")).group_by(|_, value| value.clone());
            by_value.windowed_by(windows()).count("c").to_stream().to(&out());
        },
        "in k=a @1
         in l=a @2",
        expect![[r#"
            out a[0]=1 @1
            out a[0]=2 @2
        "#]],
    );
}

#[test]
fn updates_of_a_window_are_folded_by_the_cache() {
    let build = |builder: &StreamsBuilder| {
        let stream = builder.stream(&text("in"));
        let grouped = stream.merge(&stream.peek(|_, _| {})).group_by_key();
        grouped.windowed_by(windows()).count("c").to_stream().to(&out());
    };
    check(
        build,
        "in a=x @1",
        expect![[r#"
        out a[0]=2 @1
    "#]],
    );
    check_with(
        UNCACHED,
        build,
        "in a=x @1",
        expect![[r#"
        out a[0]=1 @1
        out a[0]=2 @1
    "#]],
    );
}

#[test]
fn results_can_be_keyed_by_text_again() {
    check(
        |builder| {
            let counts =
                builder.stream(&text("in")).group_by_key().windowed_by(windows()).count("c");
            let shown = counts.to_stream().select_key(|key, _| key.to_string());
            shown.to(&super::numbers("out"));
        },
        "in a=x @1
         in a=x @25",
        expect![[r#"
            out a@0..10=1 @1
            out a@20..30=1 @25
        "#]],
    );
}

#[test]
fn rows_are_kept_as_long_as_the_retention_says() {
    let rows = |retention: u64| {
        let driver = drive(super::CACHED, |builder| {
            let grouped = builder.stream(&text("in")).group_by_key();
            let stored = Stored::named("c").retention(Duration::from_millis(retention));
            grouped.windowed_by(windows()).count(Materialized::stored(stored));
        });
        for line in ["in a=x @0", "in a=x @10", "in a=x @20", "in a=x @30"] {
            pipe(&driver, line).unwrap();
        }
        let rows = driver.window_rows::<String, i64>("c").unwrap().into_iter();
        rows.map(|(key, _)| key.window.start.as_millis()).collect::<Vec<_>>()
    };
    assert_eq!(rows(0), [20, 30], "never shorter than size and grace");
    assert_eq!(rows(20), [20, 30]);
    assert_eq!(rows(21), [10, 20, 30]);
    assert_eq!(rows(1_000), [0, 10, 20, 30]);
}

#[test]
fn a_windowed_table_can_be_mapped() {
    check(
        |builder| {
            let counts =
                builder.stream(&text("in")).group_by_key().windowed_by(windows()).count("c");
            counts.map_values(|count| count * 10).to_stream().to(&out());
        },
        "in a=x @1
         in a=x @2",
        expect![[r#"
            out a[0]=10 @1
            out a[0]=20 @2
        "#]],
    );
}

#[test]
fn a_windowed_reduce_of_values_that_may_be_null_begins_with_one_that_is_not() {
    check(
        |builder| {
            let grouped = Grouped::with(Utf8, Nullable::of(Utf8));
            let windowed =
                builder.stream(&nullable("in")).group_by_key_with(grouped).windowed_by(windows());
            let void = |all: String, value: Option<String>| Some(all + &value?);
            let keys = TimeWindowed::new(String::default_serde(), TEN);
            let out = Topic::new("out", keys, Nullable::of(Utf8));
            windowed.reduce_or_delete(void, "w").to_stream().to(&out);
        },
        "in a=~ @1
         in a=x @2
         in a=y @3
         in a=~ @4
         in a=z @5",
        expect![[r#"
            out a[0]=x @2
            out a[0]=xy @3
            out a[0]=~ @4
            out a[0]=z @5
        "#]],
    );
}

/// Counts per window, each told once.
fn final_count(store: impl Into<Materialized<String, i64>>) -> impl FnOnce(&StreamsBuilder) {
    let store = store.into();
    |builder| {
        let windowed = builder.stream(&text("in")).group_by_key().windowed_by(windows());
        windowed.emit_final().count(store).to_stream().to(&out());
    }
}

#[test]
fn a_final_result_is_told_once_when_its_window_is_closed() {
    check(
        final_count("c"),
        "in a=x @0
         in b=x @1
         in a=x @9
         in a=late @14
         in a=x @5
         in c=x @15 #h:closes
         in a=too-late @9
         in d=x @25",
        // Windows of ten milliseconds that wait five more; by time, then key, with the trigger's headers.
        expect![[r#"
            out a[0]=3 @9 #h:closes
            out b[0]=1 @1 #h:closes
            out a[10]=1 @14
            out c[10]=1 @15
            dropped: 1 late for its window
        "#]],
    );
}

#[test]
fn a_leap_of_time_loses_windows_that_are_not_kept_long_enough() {
    let input = "in a=x @0
         in a=x @10
         in a=x @1000";
    check(final_count("c"), input, expect![[""]]);
    check(
        final_count(Stored::named("c").retention(Duration::from_secs(2))),
        input,
        expect![[r#"
            out a[0]=1 @0
            out a[10]=1 @10
        "#]],
    );
}
