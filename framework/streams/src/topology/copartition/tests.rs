use expect_test::expect;

use super::*;
use crate::prelude::*;
use crate::topology::tests::{joins, text, word_count};

fn counts(topics: &[(&str, usize)]) -> BTreeMap<Arc<str>, usize> {
    topics.iter().map(|&(topic, count)| (Arc::from(topic), count)).collect()
}

fn resolve(topology: &Topology, external: &[(&str, usize)]) -> Result<Vec<(String, usize)>> {
    let resolved = PartitionCounts::resolve(topology, &counts(external))?;
    let internal = resolved.internal().map(|(topic, count)| (topic.name().to_string(), count));
    Ok(internal.collect())
}

#[test]
fn a_repartition_topic_is_as_wide_as_the_widest_input_that_feeds_it() {
    let builder = StreamsBuilder::new();
    let both = builder.stream(&text("a")).merge(&builder.stream(&text("b")));
    let words = both.group_by_with(|_, word| word.clone(), Grouped::with(Utf8, Utf8));
    let counted = words.count("first").to_stream();
    let lengths = counted.map_values(|count| count.unwrap_or(0));
    lengths.group_by(|_, count| count.to_string()).count("second");
    let topology = builder.build().unwrap();
    let found = resolve(&topology, &[("a", 3), ("b", 5)]).unwrap();
    let expected = [("first-repartition".to_owned(), 5), ("second-repartition".to_owned(), 5)];
    assert_eq!(found, expected);
    let resolved = PartitionCounts::resolve(&topology, &counts(&[("a", 3), ("b", 5)])).unwrap();
    let tasks: Vec<usize> =
        topology.subtopologies().iter().map(|sub| resolved.tasks(sub)).collect();
    assert_eq!(tasks, [5, 5, 5]);
}

#[test]
fn a_repartition_topic_that_is_joined_is_as_wide_as_what_it_is_joined_with() {
    for users in [1, 3, 8] {
        let found = resolve(&joins(), &[("visits", 4), ("users", users)]).unwrap();
        assert_eq!(found, [("KSTREAM-KEY-SELECT-0000000005-repartition".to_owned(), users)]);
    }
}

#[test]
fn repartition_topics_that_are_joined_are_as_wide_as_the_widest() {
    let builder = StreamsBuilder::new();
    let rekeyed = |topic| builder.stream(&text(topic)).select_key(|_, word| word.clone());
    let table = rekeyed("a").with_serdes(Utf8, Utf8).to_table::<String>("table");
    rekeyed("b").with_serdes(Utf8, Utf8).join(&table, |one, other| one + other);
    let found = resolve(&builder.build().unwrap(), &[("a", 2), ("b", 6)]).unwrap();
    assert!(found.iter().all(|(_, count)| *count == 6) && found.len() == 2, "{found:?}");
}

#[test]
fn joined_topics_of_different_widths_are_refused() {
    let builder = StreamsBuilder::new();
    let users = builder.table(&text("users"), "users");
    builder.stream(&text("visits")).join(&users, |visit, user| visit + user);
    let topology = builder.build().unwrap();
    assert_eq!(resolve(&topology, &[("visits", 3), ("users", 3)]).unwrap(), []);
    let error = resolve(&topology, &[("visits", 4), ("users", 3)]).unwrap_err();
    expect!["the joined topics users and visits have 3 and 4 partitions: a join needs as many of each; re-key or repartition one side, or create the topic anew"].assert_eq(&error.report());
}

#[test]
fn all_topics_of_a_stream_are_joined() {
    let builder = StreamsBuilder::new();
    let users = builder.table(&text("users"), "users");
    builder.stream_of([&text("a"), &text("b")]).join(&users, |visit, user| visit + user);
    let topology = builder.build().unwrap();
    resolve(&topology, &[("a", 3), ("b", 3), ("users", 3)]).unwrap();
    let error = resolve(&topology, &[("a", 3), ("b", 4), ("users", 3)]).unwrap_err();
    assert!(error.to_string().contains("the joined topics users and b have 3 and 4"), "{error}");
}

#[test]
fn joined_tables_are_checked_and_regrouped_ones_are_as_wide_as_what_they_are_joined_with() {
    let builder = StreamsBuilder::new();
    let users = builder.table(&text("users"), "users");
    let visits = builder.table(&text("visits"), "visits");
    let counts = visits.group_by(|_, visit| (visit.clone(), visit)).count("counts");
    users.join(&counts, |user, count| format!("{user}: {count}"));
    let topology = builder.build().unwrap();
    let found = resolve(&topology, &[("visits", 4), ("users", 3)]).unwrap();
    assert_eq!(found, [("counts-repartition".to_owned(), 3)]);

    let builder = StreamsBuilder::new();
    let users = builder.table(&text("users"), "users");
    users.outer_join(&builder.table(&text("visits"), "visits"), |_, _| 0);
    let topology = builder.build().unwrap();
    let error = resolve(&topology, &[("visits", 4), ("users", 3)]).unwrap_err();
    assert!(error.report().contains("users and visits have 3 and 4 partitions"));
}

#[test]
fn a_missing_input_topic_is_named() {
    let error = resolve(&word_count(), &[]).unwrap_err();
    expect!["the input topic words does not exist: create it, or correct its name"]
        .assert_eq(&error.report());
}

#[test]
fn global_tables_take_no_part_in_partition_counts() {
    resolve(&joins(), &[("visits", 2), ("users", 2)]).unwrap();
}

#[test]
fn a_fixed_number_of_partitions_is_taken_by_what_it_is_joined_with() {
    let builder = StreamsBuilder::new();
    let spread =
        builder.stream(&text("a")).repartition(Repartitioned::new().named("spread").partitions(7));
    let table =
        builder.stream(&text("b")).select_key(|_, word| word.clone()).with_serdes(Utf8, Utf8);
    spread.join(&table.to_table::<String>("table"), |one, other| one + other);
    let found = resolve(&builder.build().unwrap(), &[("a", 2), ("b", 3)]).unwrap();
    assert!(found.iter().all(|(_, count)| *count == 7) && found.len() == 2, "{found:?}");
}

#[test]
fn a_fixed_number_of_partitions_that_does_not_fit_names_both_topics() {
    let builder = StreamsBuilder::new();
    let users = builder.table(&text("users"), "users");
    let spread = Repartitioned::new().named("spread").partitions(4);
    builder.stream(&text("visits")).repartition(spread).join(&users, |visit, user| visit + user);
    let topology = builder.build().unwrap();
    assert_eq!(resolve(&topology, &[("visits", 2), ("users", 4)]).unwrap().len(), 1);
    let error = resolve(&topology, &[("visits", 2), ("users", 3)]).unwrap_err();
    expect!["the joined topics users and spread-repartition have 3 and 4 partitions: a join needs as many of each; re-key or repartition one side, or create the topic anew"].assert_eq(&error.report());
}
