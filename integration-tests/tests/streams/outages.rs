//! Kafka that is not there, topics that go or end strangely, and memory that is short.

use std::net::TcpListener;
use std::time::Duration;

use integration_tests::admin::{self, FOREVER, create_topic};
use integration_tests::waiting::{Deadline, block_on, eventually};
use integration_tests::{Cluster, clients, unique};
use kappa::prelude::*;
use kappa::runtime::ClientState;
use kappa::runtime::verify::Verdict;
use kappa_broker::{ApiKey, Fault, FaultRule, ResponseError, Server, ServerConfig};
use rdkafka::producer::{BaseRecord, Producer};

use crate::app::{App, feed, result_texts, rows, texts};
use crate::topologies::{OneToOne, one_to_one, word_count};

#[test]
fn an_application_waits_for_a_broker_that_is_down_at_its_start() {
    // Nobody listens on a port that was just given back.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let id = unique("app");
    let (input, output) = (format!("{id}-in"), format!("{id}-out"));
    let builder = StreamsBuilder::new();
    builder.stream(&texts(&input)).to(&result_texts(&output));
    let topology = builder.build().unwrap();
    let app = App::new(&format!("127.0.0.1:{port}"), &id, topology);
    let streams = app.streams();
    std::thread::scope(|scope| {
        let started = scope.spawn(|| streams.start());
        eventually("an attempt without a broker", Deadline::seconds(10), || {
            // It is up to nothing but waiting, and has not failed.
            (!started.is_finished()).then_some(())
        });
        let config = ServerConfig { port, ..ServerConfig::default() };
        let cluster = Cluster::embedded(config);
        create_topic(cluster.bootstrap(), &input, 1, &[FOREVER]);
        feed(cluster.bootstrap(), &input, &[("k", "v", 1)]);
        // It may have found the broker before the topic was there: then it said so.
        match started.join().unwrap() {
            Ok(()) => {
                streams.wait_until_caught_up(|_| {}).unwrap();
                streams.close().unwrap();
            }
            Err(error) => {
                let expected = format!("the input topic {input} does not exist");
                assert!(error.to_string().contains(&expected), "{error}");
                app.catch_up();
            }
        }
        assert_eq!(app.latest(&output), rows(&[("k", "v")]));
    });
}

#[test]
fn an_application_gives_up_on_a_broker_that_never_comes() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let builder = StreamsBuilder::new();
    builder.stream(&texts("in")).to(&result_texts("out"));
    let bootstrap = format!("127.0.0.1:{port}");
    let app = App::new(&bootstrap, &unique("app"), builder.build().unwrap());
    let error = app.set("task.timeout.ms", "200").fail();
    assert!(error.is_retriable());
    assert!(error.to_string().contains(&format!("no Kafka at {bootstrap}")), "{error}");
}

#[test]
fn a_stop_ends_the_wait_for_a_broker() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let builder = StreamsBuilder::new();
    builder.stream(&texts("in")).to(&result_texts("out"));
    let bootstrap = format!("127.0.0.1:{port}");
    let app = App::new(&bootstrap, &unique("app"), builder.build().unwrap());
    let streams = app.streams();
    let stop = streams.stop_handle();
    std::thread::scope(|scope| {
        let started = scope.spawn(|| streams.start());
        stop.wait(Duration::from_millis(100));
        stop.ask();
        let error = started.join().unwrap().unwrap_err();
        assert!(error.is_interrupted(), "{error}");
    });
}

#[test]
fn records_larger_than_the_input_memory_pass_one_by_one() {
    let cluster = Cluster::start();
    let sizes = one_to_one(cluster.bootstrap(), 2, |builder, input, output| {
        let sizes = builder.stream(&texts(input)).map_values(|value| value.len().to_string());
        sizes.to(&result_texts(output));
    });
    let app = sizes.app.set("input.buffer.max.bytes", "1048576");
    let value = "x".repeat(900_000);
    let keys: Vec<String> = (0..20).map(|n| format!("k{n}")).collect();
    for key in &keys {
        feed(cluster.bootstrap(), &sizes.input, &[(key, &value, 1)]);
    }
    app.catch_up();
    let latest = app.latest(&sizes.output);
    assert_eq!(latest.len(), 20);
    assert!(latest.values().all(|size| size == "900000"));
}

#[test]
fn a_record_that_could_not_be_delivered_is_not_committed() {
    // Always the embedded broker: Apache Kafka creates the topic again for whoever writes to it.
    let cluster = Cluster::embedded(ServerConfig::default());
    let copy = one_to_one(cluster.bootstrap(), 1, |builder, input, output| {
        builder.stream(&texts(input)).to(&result_texts(output));
    });
    let app = copy.app.set("producer.message.timeout.ms", "1000");
    feed(cluster.bootstrap(), &copy.input, &[("k", "first", 1)]);
    app.catch_up();
    // The output goes away while the application runs: what it sends from then on is given up by the
    // client after a second.
    let streams = app.streams();
    streams.start().unwrap();
    eventually("RUNNING", Deadline::seconds(30), || {
        (streams.state() == ClientState::Running).then_some(())
    });
    let admin = admin::client(cluster.bootstrap());
    block_on(admin.delete_topics(&[&copy.output], &admin::options())).unwrap();
    feed(cluster.bootstrap(), &copy.input, &[("k", "second", 2)]);
    let error = streams.wait().unwrap_err();
    assert!(error.report().contains(&copy.output), "{error:?}");
    drop(streams);
    // Nothing of it was committed: it is read and written again.
    app.catch_up();
    assert_eq!(app.latest(&copy.output), rows(&[("k", "second")]));
}

#[test]
fn a_topic_that_ends_in_transaction_markers_is_read_to_its_end() {
    let cluster = Cluster::start();
    let copy = one_to_one(cluster.bootstrap(), 2, |builder, input, output| {
        builder.stream(&texts(input)).to(&result_texts(output));
    });
    let id = unique("tx");
    let producer = clients::producer(cluster.bootstrap(), &[("transactional.id", &id)]);
    producer.init_transactions(Duration::from_secs(20)).unwrap();
    for (partition, value, commits) in
        [(0, "kept", true), (0, "aborted", false), (1, "gone", false)]
    {
        producer.begin_transaction().unwrap();
        let record = BaseRecord::to(&copy.input).key("k").payload(value).timestamp(1);
        clients::send(&producer, record.partition(partition));
        clients::drain(&producer);
        let ended = match commits {
            true => producer.commit_transaction(Duration::from_secs(20)),
            false => producer.abort_transaction(Duration::from_secs(20)),
        };
        ended.unwrap();
    }
    // Partition 0 ends in an aborted record and a marker, and in 1 there is nothing else.
    copy.app.catch_up();
    assert_eq!(copy.app.latest(&copy.output), rows(&[("k", "kept")]));
    assert_eq!(copy.app.replay("v").input_records, 1);
    let verdict = copy.app.verify("v");
    assert!(matches!(verdict, Verdict::Equal { .. }), "{verdict}");
}

#[test]
fn a_broker_that_is_killed_and_started_again_is_waited_for_and_nothing_is_lost_or_doubled() {
    let data = tempfile::tempdir().unwrap();
    let config = ServerConfig { data: Some(data.path().to_path_buf()), ..ServerConfig::default() };
    let mut server = Server::start(config).unwrap();
    let bootstrap = server.bootstrap().to_owned();
    let OneToOne { app, input, output } = word_count(&bootstrap);
    let streams = app.streams();
    streams.start().unwrap();
    let words: Vec<String> = (0..100).map(|n| format!("w{n}")).collect();
    let records: Vec<_> = words.iter().map(|word| (word.as_str(), word.as_str(), 1)).collect();
    for round in 1..=3 {
        feed(&bootstrap, &input, &records);
        streams.wait_until_caught_up(|_| {}).unwrap();
        server.kill();
        server.restart().unwrap();
        let latest = app.latest(&output);
        assert_eq!(latest.len(), 100);
        let counted = latest.values().all(|count| *count == round.to_string());
        assert!(counted, "round {round}: {latest:?}");
    }
    streams.close().unwrap();
}

#[test]
fn a_stop_ends_although_the_group_has_removed_the_member_meanwhile() {
    let server = Server::start(ServerConfig::default()).unwrap();
    let OneToOne { app, input, output } = word_count(server.bootstrap());
    let app = app.set("commit.interval.ms", "2000");
    let streams = app.streams();
    streams.start().unwrap();
    feed(server.bootstrap(), &input, &[("k", "a", 1)]);
    eventually("the record", Deadline::seconds(30), || {
        (streams.progress().processed > 0).then_some(())
    });
    let removed = Fault::Error(ResponseError::UnknownMemberId);
    server.inject(FaultRule::new(ApiKey::OffsetCommit, removed));
    streams.close().unwrap();
    assert_eq!(streams.state(), ClientState::NotRunning);
    // What it could not commit is done again.
    app.catch_up();
    assert_eq!(app.latest(&output).len(), 1);
}
