//! Instances that share the work: partitions move, state with them.

use integration_tests::Cluster;
use integration_tests::waiting::{Deadline, eventually};
use kappa::runtime::ClientState;

use crate::app::{App, feed};
use crate::topologies::{OneToOne, word_count};

/// Returns the sum of all counts.
fn total(app: &App, topic: &str) -> i64 {
    app.latest(topic).values().map(|count| count.parse::<i64>().unwrap()).sum()
}

#[test]
fn a_second_instance_takes_its_share_and_gives_it_back() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    let other = App::new(cluster.bootstrap(), &app.id, app.topology.clone());
    let words: Vec<String> = (0..200).map(|n| format!("w{n}")).collect();
    let records: Vec<_> = words.iter().map(|word| (word.as_str(), word.as_str(), 1)).collect();
    feed(cluster.bootstrap(), &input, &records);

    let first = app.streams();
    first.start().unwrap();
    first.wait_until_caught_up(|_| {}).unwrap();
    assert_eq!(total(&app, &output), 200);

    let second = other.streams();
    second.start().unwrap();
    eventually("both running", Deadline::seconds(60), || {
        let running = ClientState::Running;
        (first.state() == running && second.state() == running).then_some(())
    });
    feed(cluster.bootstrap(), &input, &records);
    second.wait_until_caught_up(|_| {}).unwrap();
    assert_eq!(total(&app, &output), 400);
    assert!(second.progress().processed > 0, "the second instance has worked");
    assert!(second.progress().restored > 0, "it has restored the state of what it took over");

    first.close().unwrap();
    feed(cluster.bootstrap(), &input, &records);
    second.wait_until_caught_up(|_| {}).unwrap();
    assert_eq!(total(&app, &output), 600);
    second.close().unwrap();
}
