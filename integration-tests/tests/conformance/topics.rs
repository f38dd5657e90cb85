//! Topics through the admin client: creating, describing, growing, deleting.

use std::time::Duration;

use integration_tests::admin::{
    self, Admin, client, create_topic, options, try_create_topic, wait_for_partitions,
};
use integration_tests::waiting::{Deadline, block_on, eventually};
use integration_tests::{clients, unique};
use rdkafka::admin::{
    AlterConfig, ConfigSource, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

crate::checks! {
    a_topic_has_the_settings_it_was_created_with,
    a_topic_cannot_be_created_twice,
    bad_topics_are_refused,
    validating_creates_nothing,
    settings_can_be_altered,
    partitions_can_be_added_but_not_removed,
    a_deleted_topic_is_gone,
    an_unknown_topic_is_not_created_by_asking,
    the_broker_describes_itself,
}

fn setting(admin: &Admin, topic: &str, name: &str) -> (Option<String>, ConfigSource) {
    let resource = ResourceSpecifier::Topic(topic);
    let described = block_on(admin.describe_configs([&resource], &options()));
    let described = described.unwrap().pop().unwrap().unwrap();
    let entry = described.entries.into_iter().find(|entry| entry.name == name);
    let entry = entry.unwrap_or_else(|| panic!("no setting {name}"));
    (entry.value, entry.source)
}

fn a_topic_has_the_settings_it_was_created_with(bootstrap: &str) {
    let topic = unique("settings");
    let settings = [("cleanup.policy", "compact"), ("segment.bytes", "2097152")];
    create_topic(bootstrap, &topic, 3, &settings);
    let admin = client(bootstrap);
    let own = |value: &str| (Some(value.to_owned()), ConfigSource::DynamicTopic);
    let default = |value: &str| (Some(value.to_owned()), ConfigSource::Default);
    assert_eq!(setting(&admin, &topic, "cleanup.policy"), own("compact"));
    assert_eq!(setting(&admin, &topic, "segment.bytes"), own("2097152"));
    assert_eq!(setting(&admin, &topic, "retention.ms"), default("604800000"));
    assert_eq!(setting(&admin, &topic, "message.timestamp.type"), default("CreateTime"));
    assert_eq!(setting(&admin, &topic, "max.message.bytes"), default("1048588"));
}

fn a_topic_cannot_be_created_twice(bootstrap: &str) {
    let topic = unique("twice");
    create_topic(bootstrap, &topic, 1, &[]);
    let again = try_create_topic(&client(bootstrap), &topic, 1, &[]);
    assert_eq!(again, Err(RDKafkaErrorCode::TopicAlreadyExists));
}

fn bad_topics_are_refused(bootstrap: &str) {
    let admin = client(bootstrap);
    let name = unique("bad");
    let refused = |name: &str, partitions, settings: &[(&str, &str)]| {
        try_create_topic(&admin, name, partitions, settings).unwrap_err()
    };
    assert_eq!(refused("not/a/name", 1, &[]), RDKafkaErrorCode::InvalidTopic);
    let no_such = [("no.such.setting", "1")];
    assert_eq!(refused(&name, 1, &no_such), RDKafkaErrorCode::InvalidConfig);
    let bad_value = [("retention.ms", "soon")];
    assert_eq!(refused(&name, 1, &bad_value), RDKafkaErrorCode::InvalidConfig);
    let too_small = [("segment.bytes", "1000")];
    assert_eq!(refused(&name, 1, &too_small), RDKafkaErrorCode::InvalidConfig);
    let two_copies = NewTopic::new(&name, 1, TopicReplication::Fixed(3));
    let result = block_on(admin.create_topics([&two_copies], &options())).unwrap().pop().unwrap();
    assert_eq!(result.unwrap_err().1, RDKafkaErrorCode::InvalidReplicationFactor);
}

fn validating_creates_nothing(bootstrap: &str) {
    let admin = client(bootstrap);
    let name = unique("validated");
    let topic = NewTopic::new(&name, 1, TopicReplication::Fixed(1));
    let validate = options().validate_only(true);
    let result = block_on(admin.create_topics([&topic], &validate)).unwrap().pop().unwrap();
    assert_eq!(result, Ok(name.clone()));
    assert_eq!(try_create_topic(&admin, &name, 1, &[]), Ok(()));
}

fn settings_can_be_altered(bootstrap: &str) {
    let topic = unique("altered");
    create_topic(bootstrap, &topic, 1, &[("retention.ms", "1000")]);
    let admin = client(bootstrap);
    let resource = ResourceSpecifier::Topic(&topic);
    let change = AlterConfig::new(resource).set("cleanup.policy", "compact,delete");
    let results = block_on(admin.alter_configs([&change], &options())).unwrap();
    assert!(results[0].is_ok(), "{results:?}");
    let changed = (Some("compact,delete".to_owned()), ConfigSource::DynamicTopic);
    eventually("the changed setting", Deadline::seconds(10), || {
        (setting(&admin, &topic, "cleanup.policy") == changed).then_some(())
    });
    // This request replaces: what it does not name goes back to its default.
    let default = (Some("604800000".to_owned()), ConfigSource::Default);
    assert_eq!(setting(&admin, &topic, "retention.ms"), default);
}

fn partitions_can_be_added_but_not_removed(bootstrap: &str) {
    let topic = unique("grown");
    create_topic(bootstrap, &topic, 2, &[]);
    let admin = client(bootstrap);
    let grow = |count| {
        let result =
            block_on(admin.create_partitions([&NewPartitions::new(&topic, count)], &options()));
        result.unwrap().pop().unwrap().map_err(|(_, code)| code)
    };
    assert_eq!(grow(5), Ok(topic.clone()));
    wait_for_partitions(bootstrap, &topic, 5);
    assert_eq!(grow(5), Err(RDKafkaErrorCode::InvalidPartitions));
    assert_eq!(grow(3), Err(RDKafkaErrorCode::InvalidPartitions));
}

fn a_deleted_topic_is_gone(bootstrap: &str) {
    let topic = unique("deleted");
    create_topic(bootstrap, &topic, 1, &[]);
    let admin = client(bootstrap);
    let delete = || block_on(admin.delete_topics(&[&topic], &options())).unwrap().pop().unwrap();
    assert_eq!(delete(), Ok(topic.clone()));
    eventually("the end of the topic", Deadline::seconds(20), || {
        let again = delete();
        (again.unwrap_err().1 == RDKafkaErrorCode::UnknownTopicOrPartition).then_some(())
    });
    // The name is free again, and the new topic knows nothing of the old.
    eventually("the topic's second life", Deadline::seconds(20), || {
        try_create_topic(&admin, &topic, 2, &[]).ok()
    });
    wait_for_partitions(bootstrap, &topic, 2);
}

fn an_unknown_topic_is_not_created_by_asking(bootstrap: &str) {
    let topic = unique("unknown");
    // A consumer must not create topics by asking, whatever the broker is set to.
    let consumer = clients::consumer(bootstrap, None, &[("allow.auto.create.topics", "false")]);
    let metadata = consumer.fetch_metadata(Some(&topic), Duration::from_secs(10)).unwrap();
    assert!(metadata.topics()[0].error().is_some());
    assert_eq!(metadata.topics()[0].partitions().len(), 0);
    let watermarks = consumer.fetch_watermarks(&topic, 0, Duration::from_secs(10));
    let unknown = [RDKafkaErrorCode::UnknownPartition, RDKafkaErrorCode::UnknownTopicOrPartition];
    match watermarks {
        Err(KafkaError::MetadataFetch(code)) => assert!(unknown.contains(&code), "{code:?}"),
        other => panic!("{other:?}"),
    }
}

fn the_broker_describes_itself(bootstrap: &str) {
    let consumer = clients::consumer(bootstrap, None, &[]);
    let metadata = consumer.fetch_metadata(None, Duration::from_secs(10)).unwrap();
    let [broker] = metadata.brokers() else { panic!("one broker, please") };
    // Not the host: a broker in a container may call it by another name.
    assert!(bootstrap.ends_with(&format!(":{}", broker.port())), "port {}", broker.port());
    assert!(consumer.client().fetch_cluster_id(Duration::from_secs(10)).is_some());
    let admin = admin::client(bootstrap);
    let resource = ResourceSpecifier::Broker(broker.id());
    let described = block_on(admin.describe_configs([&resource], &options()));
    let described = described.unwrap().pop().unwrap().unwrap();
    let id = described.get("node.id").and_then(|entry| entry.value.clone());
    assert_eq!(id, Some(broker.id().to_string()));
}
