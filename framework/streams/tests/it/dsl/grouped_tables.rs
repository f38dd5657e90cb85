//! Tables grouped by other keys: what a row was is taken away, what it is now is added.

use expect_test::expect;
use kappa::prelude::*;

use super::{CACHED, check, drive, nullable, numbers, pipe, text};

/// Rows grouped by their values' first letter.
fn by_letter(builder: &StreamsBuilder) -> KGroupedTable<String, String> {
    let table = builder.table(&text("in"), "t");
    table.group_by(|_, value| (value.chars().take(1).collect(), value))
}

#[test]
fn a_row_that_moves_is_taken_from_one_group_and_added_to_another() {
    check(
        |builder| by_letter(builder).count("c").to_stream().to(&numbers("out")),
        "in a=x1 @10
         in b=x2 @20
         in a=y1 @15 #h:1
         in b=~ @5",
        expect![[r#"
            out x=1 @10
            out x=2 @20
            out x=1 @20 #h:1
            out y=1 @15 #h:1
            out x=0 @20
        "#]],
    );
}

#[test]
fn the_subtractor_runs_before_the_adder() {
    check(
        |builder| {
            let texts = by_letter(builder).aggregate(
                String::new,
                |_, value, all| all + "+" + &value,
                |_, value, all| all + "-" + &value,
                "texts",
            );
            texts.to_stream().to(&nullable("out"));
        },
        "in a=x1 @1
         in a=x2 @2
         in a=y3 @3",
        expect![[r#"
            out x=+x1 @1
            out x=+x1-x1+x2 @2
            out x=+x1-x1+x2-x2 @3
            out y=+y3 @3
        "#]],
    );
}

#[test]
fn a_change_that_keeps_its_group_travels_as_one_record() {
    let driver = drive(CACHED, |builder| {
        by_letter(builder).count("c");
    });
    let mut sent = Vec::new();
    for line in ["in a=x1 @1", "in a=x2 @2", "in a=y3 @3", "in a=~ @4"] {
        pipe(&driver, line).unwrap();
        let produced = driver.take_produced().into_iter();
        let changes = produced.filter(|(topic, _)| topic.ends_with("-repartition"));
        sent.extend(changes.map(|(_, record)| (record.key.unwrap(), record.value.unwrap())));
    }
    let sent: Vec<_> = sent.iter().map(|(key, change)| (&**key, &**change)).collect();
    // The value and a flag: 1 is new, 0 is old, 2 is both after the new one's length, zigzag.
    let expected: [(&[u8], &[u8]); 5] = [
        (b"x", b"x1\x01"),
        (b"x", b"\x04x2x1\x02"),
        (b"x", b"x2\x00"),
        (b"y", b"y3\x01"),
        (b"y", b"y3\x00"),
    ];
    assert_eq!(sent, expected);
}

#[test]
fn a_group_can_be_deleted_with_its_last_row() {
    check(
        |builder| {
            let sums = by_letter(builder).reduce_or_delete(
                |all, value| Some(all + &value),
                |all, value| Some(all.replacen(&value, "", 1)).filter(|left| !left.is_empty()),
                "sums",
            );
            sums.to_stream().to(&nullable("out"));
        },
        "in a=x1 @1
         in b=x2 @2
         in a=~ @3
         in b=y2 @4",
        expect![[r#"
            out x=x1 @1
            out x=x1x2 @2
            out x=x2 @3
            out x=~ @4
            out y=y2 @4
        "#]],
    );
}

#[test]
fn a_row_may_be_in_no_group() {
    check(
        |builder| {
            let select = |_: &String, value: String| {
                let letter = value.chars().next().filter(|letter| letter.is_alphabetic())?;
                Some((letter.to_string(), value))
            };
            let grouped = Grouped::with(Utf8, Utf8).named("letters");
            let table = builder.table(&text("in"), "t").group_by_or_skip(select, grouped);
            table.count("c").to_stream().to(&numbers("out"));
            // Aggregations of one named group share its repartition topic.
            table.reduce(|_, value| value, |old, _| old, "last").to_stream().to(&nullable("last"));
        },
        "in a=1 @1
         in a=x @2
         in a=2 @3",
        expect![[r#"
            out x=1 @2
            last x=x @2
            out x=0 @3
            last x=x @3
        "#]],
    );
}

#[test]
fn counts_can_be_regrouped() {
    check(
        |builder| {
            let counts = by_letter(builder).count("c");
            let sizes = counts.group_by(|letter, count| (count.to_string(), letter.clone()));
            sizes.count("sizes").to_stream().to(&numbers("out"));
        },
        "in a=x @1
         in b=x @2
         in b=y @3",
        expect![[r#"
            out 1=1 @1
            out 1=0 @2
            out 2=1 @2
            out 2=0 @3
            out 1=1 @3
            out 1=2 @3
        "#]],
    );
}

#[test]
fn a_malformed_change_is_an_undecodable_record() {
    let driver = drive(CACHED, |builder| {
        by_letter(builder).count("c");
    });
    let topic = Topic::new("test-app-c-repartition", Utf8, kappa::serde::Bytes);
    let input = driver.input(&topic);
    let bad = kappa::Record::new("x".to_owned(), b"x1\x07".to_vec(), Timestamp::from_millis(1));
    let error = input.try_pipe(bad).unwrap_err();
    expect![
        "cannot decode value of test-app-c-repartition-0@0: a change ends with an unknown flag, 7"
    ]
    .assert_eq(&error.report());
}
