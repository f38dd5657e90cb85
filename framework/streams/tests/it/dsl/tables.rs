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
