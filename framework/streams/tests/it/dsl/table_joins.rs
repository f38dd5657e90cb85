//! Tables joined with tables: each side triggers.

use expect_test::expect;
use kappa::prelude::*;

use super::{UNCACHED, check, check_with, drive, nullable, pipe, text};

fn tables(builder: &StreamsBuilder) -> (KTable<String, String>, KTable<String, String>) {
    (builder.table(&text("l"), "left"), builder.table(&text("r"), "right"))
}

fn show(value: Option<&String>) -> &str {
    value.map_or("none", |value| value)
}

const BOTH_SIDES: &str = "l a=1 @10
     r a=x @5 #h:1
     l a=~ @20
     l b=~ @21
     r a=~ @30
     r a=~ @31";

#[test]
fn an_inner_join_has_a_row_where_both_sides_have_one() {
    check(
        |builder| {
            let (left, right) = tables(builder);
            let joined = left.join(&right, |left, right| format!("{left}{right}"));
            joined.to_stream().to(&nullable("out"));
        },
        BOTH_SIDES,
        expect![[r#"
            out a=1x @10 #h:1
            out a=~ @20
        "#]],
    );
}

#[test]
fn a_left_join_has_a_row_where_its_left_side_has_one() {
    check(
        |builder| {
            let (left, right) = tables(builder);
            let joined = left.left_join(&right, |left, right| format!("{left}{}", show(right)));
            joined.to_stream().to(&nullable("out"));
        },
        BOTH_SIDES,
        expect![[r#"
            out a=1none @10
            out a=1x @10 #h:1
            out a=~ @20
        "#]],
    );
}

#[test]
fn an_outer_join_has_a_row_where_either_side_has_one() {
    check(
        |builder| {
            let (left, right) = tables(builder);
            let joined =
                left.outer_join(&right, |left, right| format!("{}{}", show(left), show(right)));
            joined.to_stream().to(&nullable("out"));
        },
        BOTH_SIDES,
        expect![[r#"
            out a=1none @10
            out a=1x @10 #h:1
            out a=nonex @20
            out a=~ @30
        "#]],
    );
}

#[test]
fn without_a_cache_deletes_that_change_nothing_are_told_apart_by_what_was_before() {
    check_with(
        UNCACHED,
        |builder| {
            let (left, right) = tables(builder);
            let joined =
                left.outer_join(&right, |left, right| format!("{}{}", show(left), show(right)));
            joined.to_stream().to(&nullable("out"));
        },
        BOTH_SIDES,
        expect![[r#"
            out a=1none @10
            out a=1x @10 #h:1
            out a=nonex @20
            out a=~ @30
        "#]],
    );
}

#[test]
fn a_materialized_join_keeps_its_rows_and_a_joiner_may_delete_them() {
    let driver = drive(UNCACHED, |builder| {
        let (left, right) = tables(builder);
        left.join_materialized(&right, |left, right| format!("{left}{right}"), "all");
        let unlike =
            |left: &String, right: &String| (left != right).then(|| format!("{left}{right}"));
        left.join_or_delete_materialized(&right, unlike, "unlike");
    });
    for line in ["l a=1 @10", "r a=2 @20", "l b=1 @1", "r b=2 @2", "l b=2 @3"] {
        pipe(&driver, line).unwrap();
    }
    let rows = |store| -> Vec<(String, String, i64)> {
        let rows = driver.key_value_rows::<String, String>(store).unwrap().into_iter();
        rows.map(|(key, row)| (key, row.value, row.timestamp.as_millis())).collect()
    };
    let row = |key: &str, value: &str, at| (key.to_owned(), value.to_owned(), at);
    assert_eq!(rows("all"), [row("a", "12", 20), row("b", "22", 3)]);
    assert_eq!(rows("unlike"), [row("a", "12", 20)]);
}

#[test]
fn joins_can_be_chained_and_what_is_between_is_computed() {
    check(
        |builder| {
            let (left, right) = tables(builder);
            let third = builder.table(&text("third"), "third");
            let pairs = left.outer_join(&right, |l, r| format!("{}{}", show(l), show(r)));
            let triples = pairs.left_join(&third, |pair, third| format!("{pair}-{}", show(third)));
            triples.to_stream().to(&nullable("out"));
        },
        "l a=1 @1
         third a=t @2
         r a=x @3
         l a=~ @4
         r a=~ @5
         third a=u @6",
        expect![[r#"
            out a=1none-none @1
            out a=1none-t @2
            out a=1x-t @3
            out a=nonex-t @4
            out a=~ @5
        "#]],
    );
}

#[test]
fn a_table_can_be_joined_with_what_was_made_of_it() {
    check(
        |builder| {
            let table = builder.table(&text("in"), "t");
            let long = table.filter(|_, value| value.len() > 2);
            let joined = table.left_join(&long, |value, long| format!("{value}/{}", show(long)));
            joined.to_stream().to(&nullable("out"));
        },
        "in a=long @1
         in a=no @2",
        // Both sides trigger, each with what the other is by then.
        expect![[r#"
            out a=long/long @1
            out a=long/long @1
            out a=no/none @2
            out a=no/none @2
        "#]],
    );
}

#[test]
fn joined_rows_can_be_regrouped_since_they_know_what_they_were() {
    check(
        |builder| {
            let (left, right) = tables(builder);
            let joined = left.join(&right, |left, right| format!("{left}{right}"));
            let groups = joined.group_by(|_, value| (value.clone(), value));
            groups.count("c").to_stream().to(&super::numbers("out"));
        },
        "l a=1 @1
         r a=x @2
         r a=y @3
         l a=~ @4",
        expect![[r#"
            out 1x=1 @2
            out 1x=0 @3
            out 1y=1 @3
            out 1y=0 @4
        "#]],
    );
}
