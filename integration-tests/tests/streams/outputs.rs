//! Where records go: topics that they choose, partitions that are fixed or chosen.

use std::sync::Arc;

use integration_tests::admin::{FOREVER, create_topic};
use integration_tests::{Cluster, unique};
use kappa::kafka::Clients;
use kappa::kafka::rdkafka::RdKafka;
use kappa::prelude::*;
use kappa::runtime::verify::Verdict;

use crate::app::{App, feed, number_table, rows, texts};
use crate::topologies::{OneToOne, one_to_one};

/// Returns how many partitions a topic has, if it exists.
fn partitions(app: &App, topic: &str) -> Option<usize> {
    let admin = RdKafka::new(&app.settings(), &app.id).admin().unwrap();
    admin.partition_counts(&[Arc::from(topic)]).unwrap().remove(topic)
}

#[test]
fn a_topic_that_a_record_chooses_must_exist_and_is_never_made_up() {
    let cluster = Cluster::start();
    let id = unique("chosen");
    let (there, missing) = (format!("{id}-there"), format!("{id}-missing"));
    create_topic(cluster.bootstrap(), &there, 1, &[FOREVER]);
    let OneToOne { app, input, .. } = one_to_one(cluster.bootstrap(), 1, |builder, input, _| {
        builder
            .stream(&texts(input))
            .to_dynamic(&Topics::any(Utf8, Utf8), |topic, _, _| topic.as_str().into());
    });
    feed(cluster.bootstrap(), &input, &[(&there, "a", 1), (&there, "b", 2)]);
    app.catch_up();
    assert_eq!(app.latest(&there), rows(&[(&there, "b")]));

    feed(cluster.bootstrap(), &input, &[(&missing, "c", 3)]);
    let error = app.fail().report();
    assert!(error.contains(&format!("the topic {missing}, which does not exist")), "{error}");
    assert_eq!(partitions(&app, &missing), None);

    // Once it is there, the record that was waiting for it goes to it.
    create_topic(cluster.bootstrap(), &missing, 1, &[FOREVER]);
    app.catch_up();
    assert_eq!(app.latest(&missing), rows(&[(&missing, "c")]));
    let error = app.try_replay("v").unwrap_err().report();
    assert!(error.contains("Topics::among"), "{error}");
}

#[test]
fn topics_that_are_listed_are_rerun_and_compared_as_others_are() {
    let cluster = Cluster::start();
    let id = unique("listed");
    let [long, short] = ["long", "short"].map(|name| format!("{id}-{name}"));
    let names = [long.clone(), short.clone()];
    for name in &names {
        create_topic(cluster.bootstrap(), name, 2, &[FOREVER]);
    }
    let OneToOne { app, input, .. } = one_to_one(cluster.bootstrap(), 2, |builder, input, _| {
        let topics = Topics::among(&names, Utf8, Utf8);
        let [long, short] = names.clone();
        builder.stream(&texts(input)).to_dynamic(&topics, move |_, value, _| {
            if value.len() > 3 { long.clone().into() } else { short.clone().into() }
        });
    });
    feed(cluster.bootstrap(), &input, &[("k", "word", 1), ("l", "it", 2), ("m", "words", 3)]);
    app.catch_up();
    assert_eq!(app.latest(&long), rows(&[("k", "word"), ("m", "words")]));
    assert_eq!(app.latest(&short), rows(&[("l", "it")]));
    app.replay("v");
    assert_eq!(app.latest(&format!("{long}--v")), rows(&[("k", "word"), ("m", "words")]));
    let verdict = app.verify("v");
    assert!(matches!(verdict, Verdict::Equal { .. }), "{verdict}");
}

#[test]
fn a_repartition_topic_is_as_wide_as_the_program_says() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } =
        one_to_one(cluster.bootstrap(), 2, |builder, input, output| {
            let wide = Repartitioned::with(Utf8, Utf8).named("wide").partitions(5);
            let words = builder.stream(&texts(input)).select_key(|_, word: &String| word.clone());
            let counts = words.repartition(wide).group_by_key().count("counts");
            counts.to_stream().to(&number_table(output, 1));
        });
    feed(cluster.bootstrap(), &input, &[("k", "a", 1), ("l", "b", 2), ("m", "a", 3)]);
    app.catch_up();
    assert_eq!(partitions(&app, &format!("{}-wide-repartition", app.id)), Some(5));
    assert_eq!(partitions(&app, &format!("{}-counts-changelog", app.id)), Some(5));
    assert_eq!(app.latest(&output), rows(&[("a", "2"), ("b", "1")]));
}
