use super::*;
use crate::dsl::StreamsBuilder;
use crate::dsl::Topic;
use crate::serde::{I64, Nullable, Utf8};

/// Counts words: a repartition topic and a changelog, and an input with a name like an internal topic.
fn topology() -> Topology {
    let builder = StreamsBuilder::new();
    let input: Topic<String, String> = Topic::new("app-in-changelog", Utf8, Utf8);
    let output = Topic::new("app-out-repartition", Utf8, Nullable::of(I64));
    let words = builder.stream(&input).group_by(|_, word| word.clone());
    words.count("counts").to_stream().to(&output);
    builder.build().unwrap()
}

const MINE: [&str; 2] = ["app-counts-changelog", "app-counts-repartition"];
const ALIKE: [&str; 4] = [
    "app-2-counts-changelog",
    "app-2-counts-repartition",
    "app-old-KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-0000000006-topic",
    "app-x-changelog",
];
const OTHERS: [&str; 6] = [
    "app-changelog",
    "app-counts",
    "app-in-changelog",
    "app-out-repartition",
    "app2-counts-changelog",
    "counts-changelog",
];

fn found() -> Owned {
    let existing = [&MINE[..], &ALIKE, &OTHERS].concat();
    let existing = existing.into_iter().rev().map(str::to_owned).collect();
    find(&topology(), &TopicNames::live("app"), existing)
}

#[test]
fn only_what_follows_from_the_topology_is_the_applications_own() {
    assert_eq!(
        found(),
        Owned { derived: MINE.map(str::to_owned).into(), alike: ALIKE.map(str::to_owned).into() }
    );
}

#[test]
fn a_list_may_name_what_is_alike_and_nothing_else() {
    let only = |topics: &[&str]| {
        let topics: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
        found().only(&topics, &TopicNames::live("app"))
    };
    assert_eq!(only(&["app-x-changelog"]).unwrap(), ["app-x-changelog"]);
    for other in ["orders", "app2-counts-changelog", "app-counts", "app-changelog"] {
        let error = only(&[other]).unwrap_err();
        assert!(error.is_config());
        let expected = format!("{other} is not named like an internal topic of app");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
    for absent in ["app-y-changelog", "app-in-changelog"] {
        let error = only(&[absent]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("there is no internal topic {absent}")), "{error}");
    }
}
