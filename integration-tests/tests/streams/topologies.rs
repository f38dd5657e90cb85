//! Topologies that several tests run.

use std::time::Duration;

use integration_tests::admin::{FOREVER, create_topic};
use integration_tests::unique;
use kappa::prelude::*;

use crate::app::{App, number_table, texts};

/// An application with one input and one output of its own.
pub(crate) struct OneToOne {
    pub(crate) app: App,
    pub(crate) input: String,
    pub(crate) output: String,
}

/// Makes an application over a new input topic of so many partitions.
pub(crate) fn one_to_one(
    bootstrap: &str,
    partitions: i32,
    declare: impl FnOnce(&StreamsBuilder, &str, &str),
) -> OneToOne {
    let id = unique("app");
    let (input, output) = (format!("{id}-in"), format!("{id}-out"));
    create_topic(bootstrap, &input, partitions, &[FOREVER]);
    let builder = StreamsBuilder::new();
    declare(&builder, &input, &output);
    let topology = builder.build().expect("a topology");
    OneToOne { app: App::new(bootstrap, &id, topology), input, output }
}

/// Counts words: re-keyed by value, so through a repartition topic, into a store `counts`.
pub(crate) fn word_count(bootstrap: &str) -> OneToOne {
    one_to_one(bootstrap, 3, |builder, input, output| {
        builder
            .stream(&texts(input))
            .group_by(|_, word| word.clone())
            .count("counts")
            .to_stream()
            .to(&number_table(output, 2));
    })
}

/// Counts words per window of ten seconds, with a grace of a minute, into a store `windows`.
pub(crate) fn windowed_count(bootstrap: &str) -> OneToOne {
    let windows = TimeWindows::tumbling(Duration::from_secs(10)).grace(Duration::from_secs(60));
    one_to_one(bootstrap, 3, move |builder, input, output| {
        builder
            .stream(&texts(input))
            .group_by(|_, word| word.clone())
            .windowed_by(windows)
            .count("windows")
            .to_stream()
            .map(|windowed, count| (format!("{}@{}", windowed.key, windowed.window.start), count))
            .to(&number_table(output, 2));
    })
}
