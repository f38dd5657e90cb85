//! The topics an application makes for itself (rows ST10, ST11), and what happens when they do not fit.

use std::collections::BTreeMap;

use integration_tests::admin::{self, create_topic, options};
use integration_tests::waiting::{Deadline, block_on, eventually};
use integration_tests::{Cluster, clients, unique};
use kappa::prelude::*;
use rdkafka::admin::{ConfigSource, ResourceSpecifier};
use rdkafka::consumer::Consumer;
use std::time::Duration;

use crate::app::{App, feed, result_texts, texts};
use crate::topologies::{OneToOne, windowed_count, word_count};

fn settings_of(bootstrap: &str, topic: &str) -> BTreeMap<String, String> {
    let admin = admin::client(bootstrap);
    let topic = [ResourceSpecifier::Topic(topic)];
    let described = block_on(admin.describe_configs(&topic, &options())).unwrap();
    let resource = described.into_iter().next().unwrap().expect("the topic exists");
    let own = resource.entries.into_iter().filter(|e| e.source == ConfigSource::DynamicTopic);
    own.filter_map(|entry| Some((entry.name, entry.value?))).collect()
}

fn partitions_of(bootstrap: &str, topic: &str) -> usize {
    let consumer = clients::consumer(bootstrap, None, &[]);
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10)).unwrap();
    metadata.topics()[0].partitions().len()
}

#[test]
fn names_partition_counts_and_settings_are_the_jvm_librarys() {
    let cluster = Cluster::start();
    let bootstrap = cluster.bootstrap();
    let counting = word_count(bootstrap);
    counting.app.catch_up();
    let repartition = format!("{}-counts-repartition", counting.app.id);
    let settings = settings_of(bootstrap, &repartition);
    assert_eq!(partitions_of(bootstrap, &repartition), 3);
    assert_eq!(settings["cleanup.policy"], "delete");
    assert_eq!(settings["retention.ms"], "-1");
    assert_eq!(settings["segment.bytes"], "52428800");
    let changelog = format!("{}-counts-changelog", counting.app.id);
    assert_eq!(partitions_of(bootstrap, &changelog), 3);
    assert_eq!(settings_of(bootstrap, &changelog)["cleanup.policy"], "compact");

    let windowed = windowed_count(bootstrap);
    windowed.app.catch_up();
    let changelog = settings_of(bootstrap, &format!("{}-windows-changelog", windowed.app.id));
    assert_eq!(changelog["cleanup.policy"], "compact,delete");
    // Size and grace, and a day.
    assert_eq!(changelog["retention.ms"], (70_000 + 86_400_000).to_string());
    assert_eq!(partitions_of(bootstrap, &windowed.output), 2);
}

#[test]
fn processed_records_of_repartition_topics_are_deleted() {
    let cluster = Cluster::start();
    let OneToOne { app, input, .. } = word_count(cluster.bootstrap());
    let app = app.set("repartition.purge.interval.ms", "50");
    feed(cluster.bootstrap(), &input, &[("1", "a", 1), ("2", "a", 2), ("3", "a", 3)]);
    let streams = app.streams();
    streams.start().unwrap();
    streams.wait_until_caught_up(|_| {}).unwrap();
    let consumer = clients::consumer(cluster.bootstrap(), None, &[]);
    let topic = format!("{}-counts-repartition", app.id);
    eventually("an emptied repartition topic", Deadline::seconds(30), || {
        let marks = (0..3).map(|partition| {
            consumer.fetch_watermarks(&topic, partition, Duration::from_secs(10)).unwrap()
        });
        let marks: Vec<_> = marks.collect();
        let all_gone = marks.iter().all(|(low, high)| low == high);
        (all_gone && marks.iter().map(|(_, high)| high).sum::<i64>() == 3).then_some(())
    });
    streams.close().unwrap();
}

#[test]
fn an_internal_topic_with_a_wrong_partition_count_is_refused() {
    let cluster = Cluster::start();
    let OneToOne { app, .. } = word_count(cluster.bootstrap());
    let topic = format!("{}-counts-repartition", app.id);
    create_topic(cluster.bootstrap(), &topic, 5, &[]);
    let error = app.fail().to_string();
    let expected = format!("the internal topic {topic} has 5 partitions and needs 3");
    assert!(error.contains(&expected), "{error}");
}

#[test]
fn joined_topics_with_different_partition_counts_are_refused_by_name() {
    let cluster = Cluster::start();
    let id = unique("app");
    let (orders, customers) = (format!("{id}-orders"), format!("{id}-customers"));
    create_topic(cluster.bootstrap(), &orders, 4, &[]);
    create_topic(cluster.bootstrap(), &customers, 3, &[]);
    let builder = StreamsBuilder::new();
    let table = builder.table(&texts(&customers), "customers");
    let joined = builder.stream(&texts(&orders)).join(&table, |order, _| order);
    joined.to(&result_texts(&format!("{id}-out")));
    let error = App::new(cluster.bootstrap(), &id, builder.build().unwrap()).fail().to_string();
    assert!(error.contains(&orders) && error.contains(&customers), "{error}");
    assert!(error.contains("have 4 and 3 partitions") || error.contains("have 3 and 4"), "{error}");
}

#[test]
fn a_repartition_topic_takes_the_width_of_what_it_is_joined_with() {
    let cluster = Cluster::start();
    let id = unique("app");
    let (orders, customers) = (format!("{id}-orders"), format!("{id}-customers"));
    create_topic(cluster.bootstrap(), &orders, 4, &[integration_tests::admin::FOREVER]);
    create_topic(cluster.bootstrap(), &customers, 3, &[("cleanup.policy", "compact")]);
    let builder = StreamsBuilder::new();
    let table = builder.table(&texts(&customers), "customers");
    let by_customer = builder.stream(&texts(&orders)).select_key(|_, customer| customer.clone());
    let joined =
        by_customer.with_serdes(Utf8, Utf8).join(&table, |order, who| format!("{order}:{who}"));
    let output = format!("{id}-out");
    joined.to(&result_texts(&output));
    let app = App::new(cluster.bootstrap(), &id, builder.build().unwrap());
    feed(cluster.bootstrap(), &customers, &[("c1", "Ada", 1), ("c2", "Bob", 1)]);
    feed(cluster.bootstrap(), &orders, &[("o1", "c1", 2), ("o2", "c2", 2), ("o3", "c3", 2)]);
    app.catch_up();
    let expected = crate::app::rows(&[("c1", "c1:Ada"), ("c2", "c2:Bob")]);
    assert_eq!(app.latest(&output), expected);
    let topic = format!("{id}-KSTREAM-KEY-SELECT-0000000003-repartition");
    assert_eq!(partitions_of(cluster.bootstrap(), &topic), 3);
}
