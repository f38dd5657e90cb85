//! State from changelogs.

use integration_tests::Cluster;
use integration_tests::admin::{self, options};
use integration_tests::waiting::block_on;

use crate::app::{App, feed, rows};
use crate::topologies::{OneToOne, windowed_count, word_count};

/// Empties an application's state directory, as a new machine would have it.
fn lose_state(app: &App) {
    let directory = app.state.path().join(&app.id);
    assert!(directory.exists(), "there is state to lose");
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn lost_state_is_restored_from_the_changelog_and_more_data_is_added_to_it() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    feed(cluster.bootstrap(), &input, &[("1", "a", 1), ("2", "b", 2), ("3", "a", 3)]);
    app.catch_up();
    lose_state(&app);
    feed(cluster.bootstrap(), &input, &[("4", "a", 4)]);
    let again = app.catch_up();
    assert!(again.restored >= 2, "{again:?}");
    assert_eq!(app.latest(&output), rows(&[("a", "3"), ("b", "1")]));
}

#[test]
fn open_windows_are_restored_from_the_changelog() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = windowed_count(cluster.bootstrap());
    // Kafka would delete such old windows by its own clock.
    let app = app.set("windowstore.changelog.additional.retention.ms", "3153600000000");
    feed(cluster.bootstrap(), &input, &[("1", "a", 1_000), ("2", "a", 12_000)]);
    app.catch_up();
    lose_state(&app);
    feed(cluster.bootstrap(), &input, &[("3", "a", 2_000), ("4", "a", 19_999)]);
    app.catch_up();
    assert_eq!(app.latest(&output), rows(&[("a@0", "2"), ("a@10000", "2")]));
}

#[test]
fn stores_in_memory_are_restored_at_every_start() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    let app = app.set("default.dsl.store", "in_memory");
    feed(cluster.bootstrap(), &input, &[("1", "a", 1), ("2", "b", 2)]);
    app.catch_up();
    feed(cluster.bootstrap(), &input, &[("3", "a", 3)]);
    let again = app.catch_up();
    assert_eq!(again.restored, 2);
    assert_eq!(app.latest(&output), rows(&[("a", "2"), ("b", "1")]));
}

#[test]
fn without_a_cache_every_update_is_logged_and_restored() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    let app = app.set("statestore.cache.max.bytes", "0");
    let words: Vec<String> = (0..500).map(|n| format!("w{}", n % 3)).collect();
    let records: Vec<_> = words.iter().map(|word| (word.as_str(), word.as_str(), 7)).collect();
    feed(cluster.bootstrap(), &input, &records);
    app.catch_up();
    lose_state(&app);
    feed(cluster.bootstrap(), &input, &[("w0", "w0", 8)]);
    let again = app.catch_up();
    assert!(again.restored >= 166, "one record per update, not per key: {again:?}");
    let expected = rows(&[("w0", "168"), ("w1", "167"), ("w2", "166")]);
    assert_eq!(app.latest(&output), expected);
}

#[test]
fn local_state_that_is_ahead_of_its_changelog_is_thrown_away() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    feed(cluster.bootstrap(), &input, &[("1", "a", 1), ("2", "a", 2)]);
    app.catch_up();
    // Somebody deletes the changelog: what is left on disk stands for offsets that are no more.
    let changelog = format!("{}-counts-changelog", app.id);
    let admin = admin::client(cluster.bootstrap());
    block_on(admin.delete_topics(&[&changelog], &options())).unwrap();
    feed(cluster.bootstrap(), &input, &[("3", "a", 3)]);
    app.catch_up();
    assert_eq!(app.latest(&output), rows(&[("a", "1")]), "counted anew from the empty changelog");
}

#[test]
fn flushed_rows_beyond_their_memory_are_committed_early() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    // A commit interval that never comes, a cache and an overlay of almost nothing.
    let app = app
        .set("commit.interval.ms", "3600000")
        .set("statestore.cache.max.bytes", "1")
        .set("statestore.uncommitted.max.bytes", "4096");
    let words: Vec<String> = (0..400).map(|n| format!("word-{n}")).collect();
    let records: Vec<_> = words.iter().map(|word| (word.as_str(), word.as_str(), 1)).collect();
    feed(cluster.bootstrap(), &input, &records);
    let streams = app.streams();
    streams.start().unwrap();
    integration_tests::waiting::eventually(
        "all records",
        integration_tests::Deadline::seconds(60),
        || (streams.progress().processed == 800).then_some(()),
    );
    streams.close().unwrap();
    assert_eq!(app.latest(&output).len(), 400);
    assert_eq!(app.catch_up().processed, 0, "closing has committed everything");
}

#[test]
fn a_damaged_file_of_local_state_is_found_and_the_task_restored() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    // Everything is read from the files: neither cached rows nor blocks are left from the run before.
    let app = app.set("statestore.cache.max.bytes", "0");
    let words: Vec<String> = (0..500).map(|n| format!("word-{n}")).collect();
    let records: Vec<_> = words.iter().map(|word| (word.as_str(), word.as_str(), 1)).collect();
    feed(cluster.bootstrap(), &input, &records);
    app.catch_up();
    let mut damaged = 0;
    for file in files(app.state.path()) {
        let mut bytes = std::fs::read(&file).unwrap();
        // The rows' first block. What is looked at when a database is opened, and the small file of
        // offsets, stay whole: the damage is found by a task at work.
        if file.extension().is_some_and(|extension| extension == "sst") && bytes.len() > 2_000 {
            bytes[20..60].fill(0xa5);
            std::fs::write(&file, bytes).unwrap();
            damaged += 1;
        }
    }
    assert!(damaged > 0, "rows were written to files");
    feed(cluster.bootstrap(), &input, &records);
    let progress = app.catch_up();
    assert!(progress.restored > 0, "{progress:?}");
    let latest = app.latest(&output);
    assert_eq!(latest.len(), 500);
    assert!(latest.values().all(|count| count == "2"), "{latest:?}");
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
