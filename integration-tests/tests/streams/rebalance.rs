//! Instances and threads that share the work: tasks move, state with them, and nothing else stops.

use std::time::Duration;

use integration_tests::admin::{self, FOREVER, create_topic};
use integration_tests::waiting::{Deadline, block_on, eventually};
use integration_tests::{Cluster, clients, unique};
use kappa::prelude::*;
use kappa::runtime::{ClientState, KafkaStreams, OnClose};
use rdkafka::admin::NewPartitions;
use rdkafka::consumer::Consumer;

use crate::app::{App, Fed, Seen, feed, feed_partition, result_texts, texts};
use crate::topologies::{OneToOne, one_to_one, word_count};

/// Returns the sum of all counts.
fn total(app: &App, topic: &str) -> i64 {
    app.latest(topic).values().map(|count| count.parse::<i64>().unwrap()).sum()
}

/// Waits until an instance runs so many tasks.
fn wait_for_tasks(streams: &KafkaStreams, tasks: usize) {
    eventually(&format!("{tasks} tasks"), Deadline::seconds(90), || {
        let running = streams.threads().iter().map(|thread| thread.tasks.len()).sum::<usize>();
        (running == tasks && streams.state() == ClientState::Running).then_some(())
    });
}

#[test]
fn a_second_instance_takes_its_share_and_gives_it_back() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    let other = app.sibling();
    let words: Vec<String> = (0..200).map(|n| format!("w{n}")).collect();
    let records: Vec<Fed<'_>> =
        words.iter().map(|word| (word.as_str(), word.as_str(), 1)).collect();
    feed(cluster.bootstrap(), &input, &records);

    let first = app.streams();
    first.start().unwrap();
    first.wait_until_caught_up(|_| {}).unwrap();
    assert_eq!(total(&app, &output), 200);

    let second = other.streams();
    second.start().unwrap();
    wait_for_tasks(&second, 3);
    wait_for_tasks(&first, 3);
    feed(cluster.bootstrap(), &input, &records);
    second.wait_until_caught_up(|_| {}).unwrap();
    assert_eq!(total(&app, &output), 400);
    assert!(second.progress().processed > 0, "the second instance has worked");

    first.close().unwrap();
    wait_for_tasks(&second, 6);
    assert!(second.progress().restored > 0, "it has restored the state of what it took over");
    feed(cluster.bootstrap(), &input, &records);
    second.wait_until_caught_up(|_| {}).unwrap();
    assert_eq!(total(&app, &output), 600);
    second.close().unwrap();
}

#[test]
fn an_input_read_to_its_end_goes_on_there_after_tasks_have_moved() {
    // At the end of a partition librdkafka takes the application to be one offset further than it is;
    // a rebalance makes it go on from there.
    let cluster = Cluster::start();
    let seen = Seen::default();
    let (notes, bootstrap) = (seen.clone(), cluster.bootstrap());
    let OneToOne { app, input, output } = one_to_one(bootstrap, 4, |builder, input, output| {
        let values = builder.stream(&texts(input));
        let noted = values.peek(move |_, value: &String| notes.add(value.clone()));
        noted.to(&result_texts(output));
    });
    for partition in 0..4 {
        feed_partition(bootstrap, &input, partition, &[("k", "before", 1), ("k", "before", 2)]);
    }
    let (first, second) = (app.streams(), app.sibling().streams());
    first.start().unwrap();
    first.wait_until_caught_up(|_| {}).unwrap();
    assert_eq!(seen.all().len(), 8);
    second.start().unwrap();
    wait_for_tasks(&second, 2);
    wait_for_tasks(&first, 2);
    for partition in 0..4 {
        feed_partition(bootstrap, &input, partition, &[("k", "after", 3)]);
    }
    first.wait_until_caught_up(|_| {}).unwrap();
    let all = seen.all();
    assert_eq!(all.iter().filter(|value| *value == "before").count(), 8, "{all:?}");
    assert_eq!(all.iter().filter(|value| *value == "after").count(), 4, "{all:?}");
    second.close().unwrap();
    wait_for_tasks(&first, 4);
    first.close().unwrap();
    assert!(!output.is_empty());
}

#[test]
fn inputs_of_different_widths_move_together() {
    let cluster = Cluster::start();
    let id = unique("app");
    let [narrow, wide] = ["narrow", "wide"].map(|name| format!("{id}-{name}"));
    create_topic(cluster.bootstrap(), &narrow, 2, &[FOREVER]);
    create_topic(cluster.bootstrap(), &wide, 4, &[FOREVER]);
    let builder = StreamsBuilder::new();
    let both = builder.stream(&texts(&narrow)).merge(&builder.stream(&texts(&wide)));
    both.to(&result_texts(&format!("{id}-out")));
    let app = App::new(cluster.bootstrap(), &id, builder.build().unwrap());
    let (first, second) = (app.streams(), app.sibling().streams());
    first.start().unwrap();
    second.start().unwrap();
    wait_for_tasks(&first, 2);
    wait_for_tasks(&second, 2);
    for partition in 0..4 {
        feed_partition(cluster.bootstrap(), &wide, partition, &[("k", "v", 1)]);
    }
    for partition in 0..2 {
        feed_partition(cluster.bootstrap(), &narrow, partition, &[("k", "v", 1)]);
    }
    first.wait_until_caught_up(|_| {}).unwrap();
    assert_eq!(first.progress().processed + second.progress().processed, 6);
    first.close().unwrap();
    second.close().unwrap();
    assert_eq!(app.replay("v").input_records, 6, "a rerun reads all of them as well");
}

#[test]
fn threads_come_and_go_and_take_state_from_one_another() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    let words: Vec<String> = (0..200).map(|n| format!("w{n}")).collect();
    let records: Vec<Fed<'_>> =
        words.iter().map(|word| (word.as_str(), word.as_str(), 1)).collect();
    feed(cluster.bootstrap(), &input, &records);
    let streams = app.streams();
    assert!(streams.add_stream_thread().is_err(), "it is not started");
    streams.start().unwrap();
    streams.wait_until_caught_up(|_| {}).unwrap();

    let name = streams.add_stream_thread().unwrap();
    assert!(name.ends_with("-StreamThread-2"), "{name}");
    eventually("tasks on both threads", Deadline::seconds(60), || {
        let shares: Vec<usize> = streams.threads().iter().map(|it| it.tasks.len()).collect();
        (shares == [3, 3]).then_some(())
    });
    feed(cluster.bootstrap(), &input, &records);
    streams.wait_until_caught_up(|_| {}).unwrap();
    assert_eq!(total(&app, &output), 400);

    assert_eq!(streams.remove_stream_thread().unwrap(), Some(name.clone()));
    wait_for_tasks(&streams, 6);
    feed(cluster.bootstrap(), &input, &records);
    streams.wait_until_caught_up(|_| {}).unwrap();
    assert_eq!(total(&app, &output), 600);
    assert_eq!(streams.progress().restored, 0, "rows stay in the process");
    assert_eq!(streams.add_stream_thread().unwrap(), name, "names are used again");
    streams.close().unwrap();
    assert!(streams.remove_stream_thread().is_err(), "it is closed");
}

#[test]
fn a_thread_is_removed_while_somebody_waits_for_the_end() {
    let cluster = Cluster::start();
    let OneToOne { app, .. } = word_count(cluster.bootstrap());
    let app = app.set("num.stream.threads", "2");
    let streams = app.streams();
    streams.start().unwrap();
    wait_for_tasks(&streams, 6);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| streams.wait());
        let removed = streams.remove_stream_thread().unwrap().unwrap();
        assert!(removed.ends_with("-StreamThread-2"), "{removed}");
        assert_eq!(streams.threads().len(), 1);
        assert!(!waiting.is_finished());
        streams.close().unwrap();
        assert_eq!(streams.state(), ClientState::NotRunning);
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn a_static_member_that_restarts_finds_its_tasks_and_disturbs_nobody() {
    let cluster = Cluster::start();
    let OneToOne { app, input, .. } = word_count(cluster.bootstrap());
    let app = app.set("group.instance.id", "pod-0").set("session.timeout.ms", "30000");
    let other = app.sibling().set("group.instance.id", "pod-1");
    let (first, second) = (app.streams(), other.streams());
    first.start().unwrap();
    second.start().unwrap();
    wait_for_tasks(&first, 3);
    wait_for_tasks(&second, 3);
    let states = second.listen();
    let before = second.threads();

    first.close().unwrap();
    let again = app.streams();
    again.start().unwrap();
    wait_for_tasks(&again, 3);
    feed(cluster.bootstrap(), &input, &[("k", "a", 1), ("l", "b", 1), ("m", "c", 1)]);
    again.wait_until_caught_up(|_| {}).unwrap();
    assert_eq!(second.threads(), before);
    assert_eq!(states.try_iter().collect::<Vec<_>>(), []);

    // One that is not to come back says so.
    again.close_with(OnClose::LeaveGroup).unwrap();
    wait_for_tasks(&second, 6);
    second.close_with(OnClose::RemainInGroup).unwrap();
}

#[test]
fn a_dynamic_member_cannot_stay_in_its_group() {
    let cluster = Cluster::start();
    let streams = word_count(cluster.bootstrap()).app.streams();
    streams.start().unwrap();
    let error = streams.close_with(OnClose::RemainInGroup).unwrap_err().to_string();
    assert!(error.contains("group.instance.id"), "{error}");
    assert!(streams.state().is_open(), "nothing was closed");
    streams.close().unwrap();
}

#[test]
fn two_instances_with_one_static_id_are_told_so() {
    let cluster = Cluster::start();
    let OneToOne { app, .. } = word_count(cluster.bootstrap());
    let app = app.set("group.instance.id", "pod-0");
    let other = app.sibling();
    let (first, second) = (app.streams(), other.streams());
    first.start().unwrap();
    wait_for_tasks(&first, 6);
    second.start().unwrap();
    let error = first.wait().unwrap_err();
    let text = error.report().to_string();
    assert!(text.contains("another instance has the same group.instance.id"), "{text}");
    assert_eq!(first.state(), ClientState::Error);
    wait_for_tasks(&second, 6);
    second.close_with(OnClose::LeaveGroup).unwrap();
}

#[test]
fn an_offset_that_is_gone_is_not_taken_for_a_new_partition() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    feed(cluster.bootstrap(), &input, &[("k", "a", 1), ("l", "a", 1), ("m", "a", 1)]);
    app.catch_up();
    let admin = admin::client(cluster.bootstrap());
    let deleted = block_on(admin.delete_groups(&[&app.id], &admin::options()));
    assert_eq!(deleted.unwrap().pop().unwrap(), Ok(app.id.clone()));
    let error = app.fail().to_string();
    assert!(error.contains(&format!("the committed offset of {input}-")), "{error}");
    assert!(error.contains("run `reset`"), "{error}");
    assert_eq!(app.latest(&output).get("a").unwrap(), "3", "nothing was counted twice");
}

#[test]
fn an_input_that_grows_while_running_stops_the_application_by_name() {
    let cluster = Cluster::start();
    let OneToOne { app, input, .. } = word_count(cluster.bootstrap());
    let app = app.set("input.check.interval.ms", "100");
    let streams = app.streams();
    streams.start().unwrap();
    wait_for_tasks(&streams, 6);
    let admin = admin::client(cluster.bootstrap());
    let grown = NewPartitions::new(&input, 5);
    let grown = block_on(admin.create_partitions([&grown], &admin::options()));
    assert_eq!(grown.unwrap().pop().unwrap(), Ok(input.clone()));
    let error = streams.wait().unwrap_err().to_string();
    assert!(error.contains(&format!("input topic {input} had 3 partitions")), "{error}");
    assert!(error.contains("has 5 now"), "{error}");
}

#[test]
fn an_input_that_is_deleted_while_running_stops_the_application_by_name() {
    let cluster = Cluster::start();
    let OneToOne { app, input, .. } = word_count(cluster.bootstrap());
    let app = app.set("input.check.interval.ms", "100");
    let streams = app.streams();
    streams.start().unwrap();
    wait_for_tasks(&streams, 6);
    let admin = admin::client(cluster.bootstrap());
    let deleted = block_on(admin.delete_topics(&[&input], &admin::options()));
    assert_eq!(deleted.unwrap().pop().unwrap(), Ok(input.clone()));
    let error = streams.wait().unwrap_err().report().to_string();
    assert!(error.contains(&input), "{error}");
}

#[test]
fn a_group_whose_members_share_out_otherwise_is_named() {
    let cluster = Cluster::start();
    let OneToOne { app, input, .. } = word_count(cluster.bootstrap());
    let foreign = clients::consumer(cluster.bootstrap(), Some(&app.id), &[]);
    foreign.subscribe(&[&input]).unwrap();
    eventually("the foreign member's partitions", Deadline::seconds(60), || {
        drop(foreign.poll(Duration::from_millis(100)));
        (foreign.assignment().unwrap().count() == 3).then_some(())
    });
    let error = app.fail().report().to_string();
    assert!(error.contains("share partitions out by another strategy"), "{error}");
}

#[test]
fn a_group_that_the_broker_leads_shares_tasks_out_as_well() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    let app = app.set("group.protocol", "consumer");
    let words: Vec<String> = (0..200).map(|n| format!("w{n}")).collect();
    let records: Vec<Fed<'_>> =
        words.iter().map(|word| (word.as_str(), word.as_str(), 1)).collect();
    feed(cluster.bootstrap(), &input, &records);
    let (first, second) = (app.streams(), app.sibling().streams());
    first.start().unwrap();
    first.wait_until_caught_up(|_| {}).unwrap();
    second.start().unwrap();
    wait_for_tasks(&second, 3);
    wait_for_tasks(&first, 3);
    feed(cluster.bootstrap(), &input, &records);
    second.wait_until_caught_up(|_| {}).unwrap();
    assert_eq!(total(&app, &output), 400);
    second.close().unwrap();
    wait_for_tasks(&first, 6);
    feed(cluster.bootstrap(), &input, &records);
    first.wait_until_caught_up(|_| {}).unwrap();
    assert_eq!(total(&app, &output), 600);
    first.close().unwrap();
}
