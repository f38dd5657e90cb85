//! Final results of windows, across restarts and in a rerun.

use std::time::Duration;

use integration_tests::Cluster;
use kappa::prelude::*;
use kappa::runtime::verify::Verdict;

use crate::app::{feed, rows, text_table, texts};
use crate::topologies::{OneToOne, one_to_one};

/// Counts per key and window of ten seconds, told once; the output has all that was told of a window,
/// one after another, so that twice is seen.
fn final_counts(bootstrap: &str) -> OneToOne {
    let windows = TimeWindows::tumbling(Duration::from_secs(10));
    let kept = Stored::named("windows").retention(Duration::from_secs(3_600));
    one_to_one(bootstrap, 1, |builder, input, output| {
        let counts = builder.stream(&texts(input)).group_by_key().windowed_by(windows);
        counts
            .emit_final()
            .count(kept)
            .to_stream()
            .map(|windowed, count| {
                let window = format!("{}@{}", windowed.key, windowed.window.start);
                (window, count.map_or_else(String::new, |count| count.to_string()))
            })
            .group_by_key()
            .reduce(|told, again| told + "," + &again, "told")
            .to_stream()
            .to(&text_table(output, 1));
    })
}

#[test]
fn a_window_is_told_once_across_restarts_and_a_rerun_tells_the_same() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = final_counts(cluster.bootstrap());
    // Kafka would delete such old windows by its own clock.
    let app = app.set("windowstore.changelog.additional.retention.ms", "3153600000000");
    feed(cluster.bootstrap(), &input, &[("a", "x", 1_000), ("a", "y", 2_000), ("b", "x", 12_000)]);
    app.catch_up();
    assert_eq!(app.latest(&output), rows(&[("a@0", "2")]));

    // Nothing is closed here: what was closed before the restart is not told again.
    feed(cluster.bootstrap(), &input, &[("c", "x", 13_000)]);
    app.catch_up();
    assert_eq!(app.latest(&output), rows(&[("a@0", "2")]));

    feed(cluster.bootstrap(), &input, &[("d", "x", 25_000)]);
    app.catch_up();
    let told = rows(&[("a@0", "2"), ("b@10000", "1"), ("c@10000", "1")]);
    assert_eq!(app.latest(&output), told);

    // The last window is open, live and in the rerun.
    app.replay("v");
    assert!(matches!(app.verify("v"), Verdict::Equal { .. }));
}
