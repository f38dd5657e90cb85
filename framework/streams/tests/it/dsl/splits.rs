//! Splitting a stream into branches (row SL3).

use expect_test::expect;
use kappa::prelude::*;

use super::{check, text};

fn len_over(len: usize) -> impl Fn(&String, &String) -> bool {
    move |_, value| value.len() > len
}

#[test]
fn the_first_branch_that_matches_takes_a_record() {
    check(
        |builder| {
            let sizes = builder.stream(&text("in")).split();
            let large = sizes.branch(len_over(4));
            let medium = sizes.branch(len_over(2));
            let small = sizes.default_branch();
            large.to(&text("large"));
            medium.to(&text("medium"));
            small.to(&text("small"));
        },
        "in a=12345 @1
         in b=1 @2
         in c=123 @3 #h:x",
        expect![[r#"
            large a=12345 @1
            small b=1 @2
            medium c=123 @3 #h:x
        "#]],
    );
}

#[test]
fn what_no_branch_takes_is_left_out_and_not_counted() {
    check(
        |builder| builder.stream(&text("in")).split().branch(len_over(2)).to(&text("out")),
        "in a=123 @1
         in b=1 @2",
        expect![[r#"
            out a=123 @1
        "#]],
    );
}

#[test]
fn branches_are_named_by_the_split_and_their_positions_or_names() {
    let builder = StreamsBuilder::new();
    let sizes = builder.stream(&text("in")).named("size-").split();
    let _ = sizes.branch(len_over(4));
    let _ = sizes.branch_named("medium", len_over(2));
    let _ = sizes.default_branch();
    let generated = builder.stream(&text("others")).split();
    let _ = generated.branch(len_over(1));
    expect![[r#"
        Topologies:
           Sub-topology: 0
            Source: KSTREAM-SOURCE-0000000000 (topics: [in])
              --> size-
            Processor: size- (stores: [])
              --> size-0, size-1, size-medium
              <-- KSTREAM-SOURCE-0000000000
            Processor: size-0 (stores: [])
              --> none
              <-- size-
            Processor: size-1 (stores: [])
              --> none
              <-- size-
            Processor: size-medium (stores: [])
              --> none
              <-- size-

          Sub-topology: 1
            Source: KSTREAM-SOURCE-0000000005 (topics: [others])
              --> KSTREAM-BRANCH-0000000006
            Processor: KSTREAM-BRANCH-0000000006 (stores: [])
              --> KSTREAM-BRANCH-00000000061
              <-- KSTREAM-SOURCE-0000000005
            Processor: KSTREAM-BRANCH-00000000061 (stores: [])
              --> none
              <-- KSTREAM-BRANCH-0000000006

    "#]]
    .assert_eq(&builder.build().unwrap().describe());
}

#[test]
fn branches_can_be_merged_again() {
    check(
        |builder| {
            let cases = builder.stream(&text("in")).split();
            let long = cases.branch(len_over(1)).map_values(|value| value.to_uppercase());
            long.merge(&cases.default_branch()).to(&text("out"));
        },
        "in a=xy @1
         in b=z @2",
        expect![[r#"
            out a=XY @1
            out b=z @2
        "#]],
    );
}

#[test]
fn a_branch_of_a_rekeyed_stream_is_repartitioned_before_it_is_grouped() {
    let builder = StreamsBuilder::new();
    let sizes = builder.stream(&text("in")).select_key(|_, value| value.clone()).split();
    sizes.branch(len_over(1)).group_by_key().count("counts");
    assert!(builder.build().unwrap().describe().contains("topic: counts-repartition"));
}
