//! Tables over topics and over streams.

use expect_test::expect;
use kappa::prelude::*;

use super::{UNCACHED, any, check, check_with, drive, nullable, pipe, text};

#[test]
fn a_table_replaces_and_deletes_rows() {
    check(
        |builder| builder.table(&text("in"), "t").to_stream().to(&nullable("out")),
        "in a=1 @10
         in a=2 @20
         in b=3 @30 #h:x
         in a=~ @40
         in ~=4 @50",
        expect![[r#"
            out a=1 @10
            out a=2 @20
            out b=3 @30 #h:x
            out a=~ @40
            dropped: 1 null key or value
        "#]],
    );
}

#[test]
fn an_update_that_is_out_of_order_is_applied() {
    let driver = drive(super::CACHED, |builder| {
        builder.table(&text("in"), "t");
    });
    for line in ["in a=new @20", "in a=old @10"] {
        pipe(&driver, line).unwrap();
    }
    let rows = driver.key_value_rows::<String, String>("t").unwrap();
    assert_eq!((&*rows[0].1.value, rows[0].1.timestamp.as_millis()), ("old", 10));
}

#[test]
fn the_delete_of_a_row_that_never_was_depends_on_the_cache() {
    let build = |builder: &StreamsBuilder| {
        builder.table(&text("in"), "t").to_stream().to(&nullable("out"));
    };
    check(build, "in a=~ @1", expect![[""]]);
    check_with(
        UNCACHED,
        build,
        "in a=~ @1",
        expect![[r#"
        out a=~ @1
    "#]],
    );
}

#[test]
fn a_table_nobody_looks_up_passes_everything_on() {
    check(
        |builder| builder.table(&text("in"), Stored::unnamed()).to_stream().to(&nullable("out")),
        "in a=1 @1
         in a=~ @2
         in never=~ @3
         in ~=x @4",
        expect![[r#"
            out a=1 @1
            out a=~ @2
            out never=~ @3
            dropped: 1 null key or value
        "#]],
    );
}

#[test]
fn map_values_of_a_table_maps_rows_and_leaves_deletes() {
    check(
        |builder| {
            let table = builder.table(&text("in"), "t").map_values(|value| value + "!");
            table.to_stream().to(&nullable("out"));
        },
        "in a=1 @1
         in a=~ @2",
        expect![[r#"
            out a=1! @1
            out a=~ @2
        "#]],
    );
}

#[test]
fn a_stream_becomes_a_table() {
    check(
        |builder| {
            let table = builder.stream(&nullable("in")).to_table::<String>("t");
            table.to_stream().to(&nullable("out"));
        },
        "in a=1 @1
         in a=2 @2
         in a=~ @3",
        expect![[r#"
            out a=1 @1
            out a=2 @2
            out a=~ @3
        "#]],
    );
}

#[test]
fn null_keys_are_dropped_before_a_table() {
    check(
        |builder| {
            let table = builder.stream(&any("in")).drop_null_keys().to_table::<String>("t");
            table.to_stream().to(&nullable("out"));
        },
        "in ~=1 @1
         in a=2 @2",
        expect![[r#"
            out a=2 @2
            dropped: 1 null key or value
        "#]],
    );
}

#[test]
fn a_rekeyed_stream_is_repartitioned_before_its_table() {
    check(
        |builder| {
            let rekeyed = builder.stream(&text("in")).select_key(|_, value| value.clone());
            let table = rekeyed.with_serdes(Utf8, Utf8).to_table::<String>("t");
            table.to_stream().to(&nullable("out"));
        },
        "in k=a @1
         in l=a @2",
        expect![[r#"
            out a=a @1
            out a=a @2
        "#]],
    );
}

#[test]
fn a_row_that_no_longer_passes_a_filter_is_deleted() {
    check(
        |builder| {
            let long = builder.table(&text("in"), "t").filter(|_, value| value.len() > 2);
            long.to_stream().to(&nullable("out"));
        },
        // `b` never passed: its row is nobody's business, since the table's rows are kept (row SF6).
        "in a=long @1
         in b=no @2
         in a=no @3
         in a=no @4",
        expect![[r#"
            out a=long @1
            out a=~ @3
        "#]],
    );
}

#[test]
fn a_filter_over_a_table_that_keeps_nothing_cannot_know_what_passed() {
    check(
        |builder| {
            let table = builder.table(&text("in"), Stored::unnamed());
            table.filter_not(|_, value| value.len() > 2).to_stream().to(&nullable("out"));
        },
        "in a=long @1
         in b=no @2",
        expect![[r#"
            out a=~ @1
            out b=no @2
        "#]],
    );
}

#[test]
fn a_materialized_filter_can_be_looked_into() {
    let driver = drive(super::CACHED, |builder| {
        let table = builder.table(&text("in"), "t");
        table.filter_materialized(|_, value| value.len() > 2, "long");
        table.filter_not_materialized(|_, value| value.len() > 2, "short");
    });
    for line in ["in a=long @1", "in b=no @2", "in a=x @3"] {
        pipe(&driver, line).unwrap();
    }
    let rows = |store| driver.key_value_rows::<String, String>(store).unwrap();
    assert!(rows("long").is_empty());
    let short: Vec<_> = rows("short").into_iter().map(|(key, row)| (key, row.value)).collect();
    assert_eq!(short, [("a".to_owned(), "x".to_owned()), ("b".to_owned(), "no".to_owned())]);
}

#[test]
fn a_mapper_is_given_the_key_and_may_delete_the_row() {
    check(
        |builder| {
            let table = builder.table(&text("in"), "t");
            let named = table.map_values_with_key(|key, value| format!("{key}:{value}"));
            named.to_stream().to(&nullable("named"));
            let numbers = table.map_values_or_delete(|_, value| value.parse::<i64>().ok());
            numbers.to_stream().to(&super::numbers("numbers"));
        },
        "in a=1 @1
         in a=x @2",
        expect![[r#"
            named a=a:1 @1
            numbers a=1 @1
            named a=a:x @2
            numbers a=~ @2
        "#]],
    );
}

#[test]
fn a_materialized_map_keeps_its_rows_and_what_is_behind_it_finds_them() {
    let build = |builder: &StreamsBuilder| {
        let table = builder.table(&text("in"), Stored::unnamed());
        let shouted = table.map_values_materialized(|_, value| value + "!", "shouted");
        let words = builder.stream(&text("words"));
        words.join(&shouted, |word, row| format!("{word}-{row}")).to(&text("out"));
    };
    check(
        build,
        "in a=1 @1
         words a=w @2",
        expect![[r#"
            out a=w-1! @2
        "#]],
    );
    let driver = drive(UNCACHED, build);
    pipe(&driver, "in a=1 @1").unwrap();
    let row = driver.key_value::<String, String>("shouted", &"a".to_owned()).unwrap();
    assert_eq!(row.as_deref(), Some("1!"));
}
