//! Joins of streams with tables and global tables.

use expect_test::expect;
use kappa::prelude::*;

use super::{any, check, nullable, text};

/// Visits with the visitor's name.
fn inner(builder: &StreamsBuilder) {
    let names = builder.table(&text("names"), "names");
    let visits = builder.stream(&text("visits"));
    visits.join(&names, |visit, name| format!("{visit} {name}")).to(&text("out"));
}

fn left(builder: &StreamsBuilder) {
    let names = builder.table(&text("names"), "names");
    let visits = builder.stream(&text("visits"));
    let greet = |visit, name: Option<&String>| format!("{visit} {}", name.map_or("?", |name| name));
    visits.left_join(&names, greet).to(&text("out"));
}

#[test]
fn a_stream_finds_the_row_as_it_is_then() {
    check(
        inner,
        "visits a=early @1
         names a=Ann @2
         visits a=now @3 #h:x
         names a=Anna @4
         visits a=again @5
         names a=~ @6
         visits a=gone @7",
        expect![[r#"
            out a=now Ann @3 #h:x
            out a=again Anna @5
        "#]],
    );
}

#[test]
fn a_left_join_keeps_records_without_a_row() {
    check(
        left,
        "visits a=early @1
         names a=Ann @2
         visits a=now @3
         names a=~ @4
         visits a=gone @5",
        expect![[r#"
            out a=early ? @1
            out a=now Ann @3
            out a=gone ? @5
        "#]],
    );
}

#[test]
fn the_table_never_triggers_and_timestamps_are_the_streams() {
    check(
        inner,
        "names a=Ann @100
         visits a=before-the-row @50
         names a=Anna @20",
        expect![[r#"
            out a=before-the-row Ann @50
        "#]],
    );
}

#[test]
fn null_keys_are_dropped_by_an_inner_and_kept_by_a_left_join() {
    check(
        |builder| {
            let names = builder.table(&text("names"), "names");
            let visits = builder.stream(&any("visits")).drop_null_values();
            let joined = visits.join(&names, |visit, name| Some(format!("{visit} {name}")));
            joined.to(&any("inner"));
            let joined = visits.left_join(&names, |visit, name| Some(format!("{visit} {name:?}")));
            joined.to(&any("left"));
        },
        "names a=Ann @1
         visits ~=nobody @2
         visits a=her @3
         visits a=~ @4",
        expect![[r#"
            left ~=nobody None @2
            inner a=her Ann @3
            left a=her Some("Ann") @3
            dropped: 2 null key or value
        "#]],
    );
}

#[test]
fn a_rekeyed_stream_is_repartitioned_before_a_join() {
    check(
        |builder| {
            let names = builder.table(&text("names"), "names");
            let rekeyed = builder.stream(&text("visits")).select_key(|_, visit| visit.clone());
            let visits = rekeyed.with_serdes(Utf8, Utf8);
            visits.join(&names, |visit, name| format!("{visit} {name}")).to(&text("out"));
        },
        "names a=Ann @1
         visits k=a @2",
        expect![[r#"
            out a=a Ann @2
        "#]],
    );
}

#[test]
fn null_keys_pass_a_repartition_topic_on_their_way_to_a_left_join() {
    // KIP-962: what the join keeps must not be lost before it.
    check(
        |builder| {
            let names = builder.table(&text("names"), "names");
            let rekeyed = builder
                .stream(&text("visits"))
                .select_key(|_, visit| visit.split_once('|').map(|(key, _)| key.to_owned()));
            let visits = rekeyed.with_serdes(Nullable::of(Utf8), Utf8);
            let joined = visits.left_join(&names, |visit, name| Some(format!("{visit} {name:?}")));
            joined.to(&any("out"));
        },
        "names a=Ann @1
         visits k=a|1 @2
         visits k=nobody @3",
        expect![[r#"
            out a=a|1 Some("Ann") @2
            out ~=nobody None @3
        "#]],
    );
}

#[test]
fn a_mapped_table_is_looked_up_through_its_mapper() {
    check(
        |builder| {
            let names = builder.table(&text("names"), Stored::unnamed());
            let loud = names.map_values(|name| name.to_uppercase());
            let visits = builder.stream(&text("visits"));
            visits.join(&loud, |visit, name| format!("{visit} {name}")).to(&text("out"));
        },
        "names a=Ann @1
         visits a=now @2",
        expect![[r#"
            out a=now ANN @2
        "#]],
    );
}

#[test]
fn a_join_sees_what_a_cache_still_holds() {
    check(
        |builder| {
            let visits = builder.stream(&text("visits"));
            let counts = visits.group_by_key().count("counts");
            visits.join(&counts, |visit, count| format!("{visit} {count}")).to(&text("out"));
        },
        "visits a=x @1
         visits a=y @2",
        expect![[r#"
            out a=x 1 @1
            out a=y 2 @2
        "#]],
    );
}

/// Visits with the name of the place they are to.
fn places(builder: &StreamsBuilder) {
    let places = builder.global_table(&text("places"), "places");
    let visits = builder.stream(&text("visits"));
    let to = |_: &String, visit: &String| visit.split_once('|').map(|(place, _)| place.to_owned());
    let on = visits.on(to);
    on.join(&places, |visit, place| format!("{visit} {place}")).to(&text("inner"));
    let greet = |visit, place: Option<&String>| format!("{visit} {place:?}");
    visits.on(to).left_join(&places, greet).to(&text("left"));
}

#[test]
fn a_global_table_is_looked_up_by_any_key() {
    check(
        places,
        "places p=Paris @100
         visits a=p|1 @1
         visits a=q|2 @2
         visits a=nowhere @3",
        expect![[r#"
            inner a=p|1 Paris @1
            left a=p|1 Some("Paris") @1
            left a=q|2 None @2
            left a=nowhere None @3
            dropped: 1 null key or value
        "#]],
    );
}

#[test]
fn updates_of_a_global_table_are_seen_at_once() {
    check(
        places,
        "visits a=p|1 @1
         places p=Paris @1
         visits a=p|2 @2
         places p=Paname @1
         visits a=p|3 @3
         places p=~ @4
         visits a=p|4 @5",
        expect![[r#"
            left a=p|1 None @1
            inner a=p|2 Paris @2
            left a=p|2 Some("Paris") @2
            inner a=p|3 Paname @3
            left a=p|3 Some("Paname") @3
            left a=p|4 None @5
        "#]],
    );
}

#[test]
fn a_null_key_of_a_global_table_is_dropped_and_counted() {
    check(
        places,
        "places ~=nowhere @1
         visits a=p|1 @2",
        expect![[r#"
            left a=p|1 None @2
            dropped: 1 null key or value
        "#]],
    );
}

#[test]
fn a_global_table_is_joined_by_the_streams_key_too() {
    check(
        |builder| {
            let places = builder.global_table(&text("places"), "places");
            let visits = builder.stream(&any("visits")).drop_null_values();
            let joined = visits.join(&places, |visit, place| Some(format!("{visit} {place}")));
            joined.to(&any("out"));
        },
        "places p=Paris @1
         visits p=x @2
         visits ~=y @3",
        expect![[r#"
            out p=x Paris @2
            dropped: 1 null key or value
        "#]],
    );
}

#[test]
fn deletes_of_a_joined_table_travel_too() {
    check(
        |builder| {
            let names = builder.table(&text("names"), "names");
            names.to_stream().to(&nullable("changes"));
            builder
                .stream(&text("visits"))
                .join(&names, |visit, name| visit + name)
                .to(&text("out"));
        },
        "names a=Ann @1
         visits a=x @2
         names a=~ @3
         visits a=y @4",
        expect![[r#"
            changes a=Ann @1
            out a=xAnn @2
            changes a=~ @3
        "#]],
    );
}
