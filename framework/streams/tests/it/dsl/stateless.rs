//! Operators that look at one record at a time.

use std::sync::{Arc, Mutex};

use expect_test::expect;
use kappa::prelude::*;

use super::{any, check, nullable, numbers, text};

#[test]
fn filter_keeps_what_the_predicate_holds_for() {
    check(
        |builder| builder.stream(&text("in")).filter(|key, value| key < value).to(&text("out")),
        "in a=b @1
         in b=a @2
         in c=d @3 #h:x",
        expect![[r#"
            out a=b @1
            out c=d @3 #h:x
        "#]],
    );
}

#[test]
fn filter_not_keeps_the_others() {
    check(
        |builder| builder.stream(&text("in")).filter_not(|key, value| key < value).to(&text("out")),
        "in a=b @1
         in b=a @2",
        expect![[r#"
            out b=a @2
        "#]],
    );
}

#[test]
fn a_mapper_of_values_may_be_given_the_key() {
    check(
        |builder| {
            let told =
                builder.stream(&text("in")).map_values_with_key(|k, v| format!("{k} is {v}"));
            told.to(&text("out"));
        },
        "in a=b @1",
        expect![[r#"
            out a=a is b @1
        "#]],
    );
}

#[test]
fn flat_map_makes_any_number_of_records_of_one() {
    check(
        |builder| {
            let words = builder.stream(&text("in")).flat_map(|key, line| {
                let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
                words.into_iter().map(move |word| (word, key.clone()))
            });
            words.to(&text("out"));
        },
        "in 1=to be @1 #h:x
         in 2= @2
         in 3=or @3",
        expect![[r#"
            out to=1 @1 #h:x
            out be=1 @1 #h:x
            out or=3 @3
        "#]],
    );
}

#[test]
fn flat_map_values_leaves_keys_and_partitions_alone() {
    check(
        |builder| {
            let parts = builder
                .stream(&text("in"))
                .flat_map_values(|value| value.split(',').map(str::to_owned).collect::<Vec<_>>());
            // No repartition topic: the key is what it was.
            parts.group_by_key().count("counts").to_stream().to(&numbers("counts"));
            let twice = parts.flat_map_values_with_key(|key, value| [key.clone(), value]);
            twice.to(&text("out"));
        },
        "in a=b,c @1",
        expect![[r#"
            out a=a @1
            out a=b @1
            out a=a @1
            out a=c @1
            counts a=2 @1
        "#]],
    );
}

#[test]
fn map_values_leaves_keys_alone() {
    check(
        |builder| {
            builder.stream(&text("in")).map_values(|value| value.to_uppercase()).to(&text("out"));
        },
        "in a=b @1 #h:x #h:y",
        expect![[r#"
            out a=B @1 #h:x #h:y
        "#]],
    );
}

#[test]
fn map_replaces_both() {
    check(
        |builder| builder.stream(&text("in")).map(|key, value| (value, key)).to(&text("out")),
        "in a=b @1 #h:x",
        expect![[r#"
            out b=a @1 #h:x
        "#]],
    );
}

#[test]
fn select_key_replaces_the_key() {
    check(
        |builder| {
            let chosen =
                builder.stream(&text("in")).select_key(|key, value| format!("{key}{value}"));
            chosen.to(&text("out"));
        },
        "in a=b @1",
        expect![[r#"
            out ab=b @1
        "#]],
    );
}

#[test]
fn peek_sees_every_record_and_changes_none() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sees = seen.clone();
    check(
        |builder| {
            let peeked = builder.stream(&text("in")).peek(move |key, value| {
                sees.lock().unwrap().push(format!("{key}{value}"));
            });
            peeked.to(&text("out"));
        },
        "in a=b @1
         in c=d @2",
        expect![[r#"
            out a=b @1
            out c=d @2
        "#]],
    );
    assert_eq!(*seen.lock().unwrap(), ["ab", "cd"]);
}

#[test]
fn user_functions_see_nulls_where_the_type_has_them() {
    check(
        |builder| {
            builder
                .stream(&any("in"))
                .filter(|key, value| key.is_some() || value.is_some())
                .map_values(|value| Some(value.unwrap_or_else(|| "nothing".to_owned())))
                .to(&any("out"));
        },
        "in ~=~ @1
         in ~=a @2
         in a=~ @3",
        expect![[r#"
            out ~=a @2
            out a=nothing @3
        "#]],
    );
}

#[test]
fn nulls_can_be_dropped_and_are_counted() {
    check(
        |builder| {
            builder.stream(&any("in")).drop_null_keys().drop_null_values().to(&text("out"));
        },
        "in ~=a @1
         in a=~ @2
         in ~=~ @3
         in a=b @4",
        expect![[r#"
            out a=b @4
            dropped: 3 null key or value
        "#]],
    );
}

#[test]
fn for_each_ends_with_what_it_does() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sees = seen.clone();
    check(
        |builder| {
            builder.stream(&text("in")).for_each(move |key, value| {
                sees.lock().unwrap().push(format!("{key}{value}"));
            });
        },
        "in a=b @1
         in c=d @2",
        expect![""],
    );
    assert_eq!(*seen.lock().unwrap(), ["ab", "cd"]);
}

#[test]
fn merge_takes_from_both() {
    check(
        |builder| {
            let (a, b) = (builder.stream(&text("a")), builder.stream(&text("b")));
            a.merge(&b).to(&text("out"));
        },
        "a k=1 @10
         b k=2 @5
         a k=3 @20",
        expect![[r#"
            out k=1 @10
            out k=2 @5
            out k=3 @20
        "#]],
    );
}

#[test]
fn several_topics_are_one_stream() {
    check(
        |builder| {
            let all = builder.stream_of([&text("web"), &text("shop")]);
            all.group_by_key().count("counts").to_stream().to(&numbers("counts"));
        },
        "web a=1 @1
         shop a=2 @2
         shop b=3 @3",
        expect![[r#"
            counts a=1 @1
            counts a=2 @2
            counts b=1 @3
        "#]],
    );
}

#[test]
fn a_stream_of_no_topics_is_refused() {
    let builder = StreamsBuilder::new();
    let _ = builder.stream_of::<String, String>([]);
    expect!["the stream KSTREAM-SOURCE-0000000000 reads no topic"]
        .assert_eq(&builder.build().unwrap_err().report());
}

#[test]
fn keys_that_are_never_null_are_merged_with_those_that_may_be() {
    check(
        |builder| {
            let plain = builder.stream(&nullable("plain")).optional_keys();
            plain.merge(&builder.stream(&any("any"))).to(&any("out"));
        },
        "plain a=1 @1
         any ~=2 @2",
        expect![[r#"
            out a=1 @1
            out ~=2 @2
        "#]],
    );
}

#[test]
fn a_stream_merged_with_itself_has_everything_twice() {
    check(
        |builder| {
            let stream = builder.stream(&text("in"));
            stream.merge(&stream.map_values(|value| value + "'")).merge(&stream).to(&text("out"));
        },
        "in a=b @1",
        expect![[r#"
            out a=b' @1
            out a=b @1
            out a=b @1
        "#]],
    );
}

#[test]
fn a_stream_merged_with_nothing_but_itself_stays_what_it_is() {
    // As in the JVM library, where an operator is a child of another once.
    check(
        |builder| {
            let stream = builder.stream(&text("in"));
            stream.merge(&stream).to(&text("out"));
        },
        "in a=b @1",
        expect![[r#"
            out a=b @1
        "#]],
    );
}

#[test]
fn a_stream_used_twice_goes_both_ways_in_order_of_declaration() {
    check(
        |builder| {
            let stream = builder.stream(&text("in"));
            stream.to(&text("first"));
            stream.filter(|_, value| value == "b").to(&text("second"));
            stream.to(&text("third"));
        },
        "in a=b @1
         in a=c @2",
        expect![[r#"
            first a=b @1
            second a=b @1
            third a=b @1
            first a=c @2
            third a=c @2
        "#]],
    );
}

#[test]
fn a_merge_of_a_rekeyed_stream_is_repartitioned_as_a_whole() {
    check(
        |builder| {
            let (a, b) = (builder.stream(&text("a")), builder.stream(&text("b")));
            let rekeyed = a.select_key(|_, value| value.clone());
            let counts = rekeyed.merge(&b).group_by_key().count("counts");
            counts.to_stream().to(&super::numbers("out"));
        },
        "a k=x @1
         b x=1 @2
         a k=x @3",
        expect![[r#"
            out x=1 @1
            out x=2 @2
            out x=3 @3
        "#]],
    );
}

#[test]
fn a_topic_may_be_written_by_several_streams() {
    check(
        |builder| {
            builder.stream(&text("a")).to(&text("out"));
            builder.stream(&text("b")).to(&text("out"));
        },
        "a k=1 @1
         b k=2 @2",
        expect![[r#"
            out k=1 @1
            out k=2 @2
        "#]],
    );
}

#[test]
fn what_is_written_to_an_input_topic_comes_back() {
    check(
        |builder| {
            let shorter = |_: &String, value: &String| value.len() > 1;
            let stream = builder.stream(&text("loop")).filter(shorter);
            stream.map_values(|value| value[1..].to_owned()).to(&text("loop"));
        },
        "loop k=abc @1",
        expect![[r#"
            loop k=bc @1
            loop k=c @1
        "#]],
    );
}

#[test]
fn keys_may_be_absent_by_type() {
    check(
        |builder| {
            let input: Topic<Option<String>, String> = Topic::new("in", Nullable::of(Utf8), Utf8);
            let output: Topic<Option<String>, String> = Topic::new("out", Nullable::of(Utf8), Utf8);
            builder.stream(&input).to(&output);
        },
        "in ~=a @1",
        expect![[r#"
            out ~=a @1
        "#]],
    );
}
