use expect_test::{Expect, expect};

use super::*;
use crate::config::StreamsConfig;
use crate::topology::tests::word_count;

fn settings(given: &[(&str, &str)]) -> Settings {
    let config = given.iter().fold(StreamsConfig::new("app"), |config, (name, value)| {
        config.with_argument(name, value).unwrap()
    });
    config.resolve().unwrap()
}

fn check(given: &[(&str, &str)], partitions: &[(&str, usize)], expected: Expect) {
    let partitions = partitions.iter().map(|&(topic, count)| (topic.into(), count)).collect();
    let text = word_count().strimzi(&settings(given), "kafka", &partitions).unwrap();
    expected.assert_eq(&text);
}

#[test]
fn internal_topics_are_declared_where_the_inputs_partitions_are_known() {
    let given = [("replication.factor", "3"), ("topic.min.insync.replicas", "2")];
    check(
        &given,
        &[("words", 6)],
        expect![[r#"
            # Made by `topology --format strimzi`: change the program, not this.
            # reads words, which has 6 partitions
            ---
            apiVersion: kafka.strimzi.io/v1
            kind: KafkaTopic
            metadata:
              name: app-counts-repartition
              labels:
                strimzi.io/cluster: 'kafka'
                app.kubernetes.io/name: 'app'
            spec:
              topicName: 'app-counts-repartition'
              partitions: 6
              replicas: 3
              config:
                cleanup.policy: 'delete'
                message.timestamp.type: 'CreateTime'
                min.insync.replicas: '2'
                retention.ms: '-1'
                segment.bytes: '52428800'
            ---
            apiVersion: kafka.strimzi.io/v1
            kind: KafkaTopic
            metadata:
              name: app-counts-changelog
              labels:
                strimzi.io/cluster: 'kafka'
                app.kubernetes.io/name: 'app'
            spec:
              topicName: 'app-counts-changelog'
              partitions: 6
              replicas: 3
              config:
                cleanup.policy: 'compact'
                message.timestamp.type: 'CreateTime'
                min.insync.replicas: '2'
            ---
            apiVersion: kafka.strimzi.io/v1
            kind: KafkaUser
            metadata:
              name: app
              labels:
                strimzi.io/cluster: 'kafka'
                app.kubernetes.io/name: 'app'
            spec:
              authentication:
                type: scram-sha-512
              authorization:
                type: simple
                acls:
                  - resource: {type: topic, patternType: literal, name: 'app-counts-changelog'}
                    operations: [Read, Write, Create]
                  - resource: {type: topic, patternType: literal, name: 'app-counts-repartition'}
                    operations: [Read, Write, Create, Delete]
                  - resource: {type: topic, patternType: literal, name: 'out'}
                    operations: [Write]
                  - resource: {type: topic, patternType: literal, name: 'words'}
                    operations: [Read]
                  - resource: {type: group, patternType: literal, name: 'app'}
                    operations: [Read]
            ---
            apiVersion: kafka.strimzi.io/v1
            kind: KafkaUser
            metadata:
              name: app-operator
              labels:
                strimzi.io/cluster: 'kafka'
                app.kubernetes.io/name: 'app'
            spec:
              authentication:
                type: scram-sha-512
              authorization:
                type: simple
                acls:
                  - resource: {type: topic, patternType: literal, name: 'app-counts-changelog'}
                    operations: [Delete]
                  - resource: {type: topic, patternType: literal, name: 'app-counts-repartition'}
                    operations: [Read, Delete]
                  - resource: {type: topic, patternType: literal, name: 'out'}
                    operations: [Read, DescribeConfigs]
                  - resource: {type: topic, patternType: literal, name: 'words'}
                    operations: [Read]
                  - resource: {type: topic, patternType: prefix, name: 'app-'}
                    operations: [Describe]
                  - resource: {type: topic, patternType: prefix, name: 'app--'}
                    operations: [Read, Write, Create, Delete]
                  - resource: {type: topic, patternType: prefix, name: 'out--'}
                    operations: [Read, Write, Create, Delete]
                  - resource: {type: group, patternType: literal, name: 'app'}
                    operations: [Read]
                  - resource: {type: group, patternType: prefix, name: 'app--'}
                    operations: [Read, Delete]
        "#]],
    );
}

#[test]
fn without_them_the_application_makes_its_own() {
    check(
        &[],
        &[],
        expect![[r#"
            # Made by `topology --format strimzi`: change the program, not this.
            # reads words
            # internal topics: the application makes them, or --partitions
            ---
            apiVersion: kafka.strimzi.io/v1
            kind: KafkaUser
            metadata:
              name: app
              labels:
                strimzi.io/cluster: 'kafka'
                app.kubernetes.io/name: 'app'
            spec:
              authentication:
                type: scram-sha-512
              authorization:
                type: simple
                acls:
                  - resource: {type: topic, patternType: literal, name: 'app-counts-changelog'}
                    operations: [Read, Write, Create]
                  - resource: {type: topic, patternType: literal, name: 'app-counts-repartition'}
                    operations: [Read, Write, Create, Delete]
                  - resource: {type: topic, patternType: literal, name: 'out'}
                    operations: [Write]
                  - resource: {type: topic, patternType: literal, name: 'words'}
                    operations: [Read]
                  - resource: {type: group, patternType: literal, name: 'app'}
                    operations: [Read]
            ---
            apiVersion: kafka.strimzi.io/v1
            kind: KafkaUser
            metadata:
              name: app-operator
              labels:
                strimzi.io/cluster: 'kafka'
                app.kubernetes.io/name: 'app'
            spec:
              authentication:
                type: scram-sha-512
              authorization:
                type: simple
                acls:
                  - resource: {type: topic, patternType: literal, name: 'app-counts-changelog'}
                    operations: [Delete]
                  - resource: {type: topic, patternType: literal, name: 'app-counts-repartition'}
                    operations: [Read, Delete]
                  - resource: {type: topic, patternType: literal, name: 'out'}
                    operations: [Read, DescribeConfigs]
                  - resource: {type: topic, patternType: literal, name: 'words'}
                    operations: [Read]
                  - resource: {type: topic, patternType: prefix, name: 'app-'}
                    operations: [Describe]
                  - resource: {type: topic, patternType: prefix, name: 'app--'}
                    operations: [Read, Write, Create, Delete]
                  - resource: {type: topic, patternType: prefix, name: 'out--'}
                    operations: [Read, Write, Create, Delete]
                  - resource: {type: group, patternType: literal, name: 'app'}
                    operations: [Read]
                  - resource: {type: group, patternType: prefix, name: 'app--'}
                    operations: [Read, Delete]
        "#]],
    );
}

#[test]
fn partitions_are_said_of_inputs_and_of_all_of_them() {
    let wrong = |topology: Topology, topic: &str| {
        let partitions = std::iter::once((topic.into(), 1)).collect();
        topology.strimzi(&settings(&[]), "kafka", &partitions).unwrap_err().to_string()
    };
    assert_eq!(wrong(word_count(), "out"), "out is no input of the topology");
    assert_eq!(
        wrong(crate::topology::tests::joins(), "visits"),
        "the partitions of the input users are missing: say --partitions users=N"
    );
}

#[test]
fn names_that_kubernetes_refuses_get_a_mark() {
    for name in ["a", "a.b", "a-1.b-2"] {
        assert_eq!(resource_name(name, 63), name);
    }
    let marked = ["A", "a_b", "a-", "a.-b", ".", "a..b", "_", &"a".repeat(64)];
    let names: BTreeSet<String> = marked.iter().map(|name| resource_name(name, 63)).collect();
    assert_eq!(names.len(), marked.len());
    for name in &names {
        assert!(name.len() <= 63, "{name}");
        assert_eq!(&resource_name(name, 63), name, "what was made is a name");
    }
    assert_eq!(resource_name("a_b", 63), "a-b-1ba46871");
}

#[test]
fn values_are_text_whatever_they_look_like() {
    assert_eq!(quoted("no"), "'no'");
    assert_eq!(quoted("it's"), "'it''s'");
}
