//! Names that a program gives to its operators (row ST12).

use expect_test::{Expect, expect};
use kappa::prelude::*;

use super::text;

fn refused(build: impl FnOnce(&StreamsBuilder), expected: Expect) {
    let builder = StreamsBuilder::new();
    build(&builder);
    expected.assert_eq(&builder.build().unwrap_err().report());
}

#[test]
fn a_name_takes_the_place_of_a_generated_one_and_no_other_changes() {
    let builder = StreamsBuilder::new();
    let orders = builder.named("orders").stream(&text("in"));
    let users = builder.named("users").table(&text("users"), "users");
    let rekeyed = orders.named("rekeyed").select_key(|_, value| value.clone());
    let rekeyed = rekeyed.named("positive").filter(|_, _| true).with_serdes(Utf8, Utf8);
    rekeyed.named("with-users").join(&users, |order, _| order).to(&text("out"));
    expect![[r#"
        Topologies:
           Sub-topology: 0
            Source: orders (topics: [in])
              --> rekeyed
            Processor: rekeyed (stores: [])
              --> positive
              <-- orders
            Processor: positive (stores: [])
              --> with-users-repartition-filter
              <-- rekeyed
            Processor: with-users-repartition-filter (stores: [])
              --> with-users-repartition-sink
              <-- positive
            Sink: with-users-repartition-sink (topic: with-users-repartition)
              <-- with-users-repartition-filter

          Sub-topology: 1
            Source: with-users-repartition-source (topics: [with-users-repartition])
              --> with-users
            Source: users-source (topics: [users])
              --> users
            Processor: with-users (stores: [users])
              --> KSTREAM-SINK-0000000009
              <-- with-users-repartition-source
            Sink: KSTREAM-SINK-0000000009 (topic: out)
              <-- with-users
            Processor: users (stores: [users])
              --> none
              <-- users-source

    "#]]
    .assert_eq(&builder.build().unwrap().describe());
}

#[test]
fn a_name_is_of_one_operator_only() {
    refused(
        |builder| {
            let orders = builder.stream(&text("in")).named("positive");
            let _ = orders.filter(|_, _| true).filter(|_, _| true);
            let _ = orders.filter(|_, _| false);
        },
        expect![[
            r#"there are two operators positive: use one stream or table twice instead of declaring it twice, or give one another name"#
        ]],
    );
}

#[test]
fn a_name_has_the_characters_of_a_topics() {
    refused(
        |builder| {
            let _ = builder.stream(&text("in")).named("a b").peek(|_, _| {});
        },
        expect![[
            r#"no operator can have the name `a b`: it has other characters than letters, digits, `.`, `_` and `-`"#
        ]],
    );
}

#[test]
fn a_name_that_no_operator_takes_is_refused() {
    refused(
        |builder| {
            builder.stream(&text("in")).named("grouped").group_by_key().count("counts");
        },
        expect![[
            r#"the name `grouped` is given to no operator, since grouping is none: say `Grouped::named` to name the repartition topic that a group may need"#
        ]],
    );
}
