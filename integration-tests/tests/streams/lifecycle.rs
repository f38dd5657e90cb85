//! Starting, running, closing, going on.

use std::time::Duration;

use integration_tests::Cluster;
use integration_tests::waiting::{Deadline, eventually};
use kappa::runtime::ClientState;

use crate::app::{feed, rows};
use crate::topologies::word_count;

#[test]
fn counts_go_on_where_a_closed_run_ended() {
    let cluster = Cluster::start();
    let counting = word_count(cluster.bootstrap());
    let bootstrap = cluster.bootstrap();
    feed(bootstrap, &counting.input, &[("1", "to", 1), ("2", "be", 2), ("3", "to", 3)]);
    let first = counting.app.catch_up();
    assert_eq!(first.processed, 6, "three words, before and after the repartition topic");
    assert_eq!(counting.app.latest(&counting.output), rows(&[("be", "1"), ("to", "2")]));

    feed(bootstrap, &counting.input, &[("4", "be", 4), ("5", "or", 5)]);
    let second = counting.app.catch_up();
    assert_eq!((second.processed, second.restored), (4, 0), "state was on disk");
    let expected = rows(&[("be", "2"), ("or", "1"), ("to", "2")]);
    assert_eq!(counting.app.latest(&counting.output), expected);
}

#[test]
fn a_running_application_takes_records_as_they_come_and_closes_on_request() {
    let cluster = Cluster::start();
    let counting = word_count(cluster.bootstrap());
    let streams = counting.app.streams();
    let states = streams.listen();
    streams.start().unwrap();
    eventually("RUNNING", Deadline::seconds(30), || {
        (streams.state() == ClientState::Running).then_some(())
    });
    for (round, expected) in [(0, "1"), (1, "2")] {
        feed(cluster.bootstrap(), &counting.input, &[("k", "live", round)]);
        eventually("the next count", Deadline::seconds(30), || {
            let latest = counting.app.latest(&counting.output);
            (latest.get("live").map(String::as_str) == Some(expected)).then_some(())
        });
    }
    streams.close().unwrap();
    streams.close().expect("closing again does nothing");
    let last = std::iter::from_fn(|| states.recv_timeout(Duration::from_secs(1)).ok()).last();
    assert_eq!(last, Some(ClientState::NotRunning));
    assert!(streams.start().is_err(), "a closed client stays closed");
}

#[test]
fn several_threads_share_the_work() {
    let cluster = Cluster::start();
    let mut counting = word_count(cluster.bootstrap());
    counting.app = counting.app.set("num.stream.threads", "3");
    let words: Vec<String> = (0..300).map(|n| format!("w{}", n % 7)).collect();
    let records: Vec<(&str, &str, i64)> = words
        .iter()
        .enumerate()
        .map(|(n, word)| (word.as_str(), word.as_str(), n as i64))
        .collect();
    feed(cluster.bootstrap(), &counting.input, &records);
    counting.app.catch_up();
    let latest = counting.app.latest(&counting.output);
    let total: i64 = latest.values().map(|count| count.parse::<i64>().unwrap()).sum();
    assert_eq!((latest.len(), total), (7, 300));
}

#[test]
fn an_application_with_nothing_to_read_has_caught_up_at_once() {
    let cluster = Cluster::start();
    let counting = word_count(cluster.bootstrap());
    assert_eq!(counting.app.catch_up().processed, 0);
    assert!(counting.app.latest(&counting.output).is_empty());
}

#[test]
fn more_threads_than_partitions_run_too() {
    let cluster = Cluster::start();
    let mut counting = word_count(cluster.bootstrap());
    counting.app = counting.app.set("num.stream.threads", "5");
    let streams = counting.app.streams();
    streams.start().unwrap();
    eventually("RUNNING", Deadline::seconds(30), || {
        (streams.state() == ClientState::Running).then_some(())
    });
    let states = streams.listen();
    streams.stop_handle().ask();
    streams.wait().unwrap();
    let heard: Vec<_> = states.try_iter().collect();
    assert_eq!(heard, [ClientState::PendingShutdown, ClientState::NotRunning]);
}
