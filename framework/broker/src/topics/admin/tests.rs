use kafka_protocol::messages::create_topics_request::CreatableReplicaAssignment;

use super::*;
use crate::config::BrokerConfig;
use crate::testing::Driver;
use crate::testing::batches::{Batch, produce};
use crate::testing::samples::{
    create_partitions, create_topic, delete_records, delete_topics, fetch, metadata,
};

fn error(code: i16) -> Option<ResponseError> {
    ResponseError::try_from_code(code)
}

fn create(driver: &mut Driver, request: &CreateTopicsRequest) -> Vec<Option<ResponseError>> {
    driver.ask(4, request).topics.iter().map(|topic| error(topic.error_code)).collect()
}

fn count(driver: &mut Driver, topic: &str) -> usize {
    driver.ask(9, &metadata(&[topic])).topics[0].partitions.len()
}

#[test]
fn topics_are_created_with_so_many_partitions() {
    let config = BrokerConfig { default_partitions: 4, ..BrokerConfig::default() };
    let mut driver = Driver::with(config);
    assert_eq!(create(&mut driver, &create_topic("three", 3, &[])), [None]);
    assert_eq!(create(&mut driver, &create_topic("default", -1, &[])), [None]);
    assert_eq!((count(&mut driver, "three"), count(&mut driver, "default")), (3, 4));
    let validated = create_topic("only-asked", 1, &[]).with_validate_only(true);
    assert_eq!(create(&mut driver, &validated), [None]);
    assert_eq!(count(&mut driver, "only-asked"), 0);
}

#[test]
fn wrong_topics_are_refused() {
    let mut driver = Driver::new();
    create(&mut driver, &create_topic("a.b", 1, &[]));
    let mut refused = |request: CreateTopicsRequest| create(&mut driver, &request)[0].unwrap();
    assert_eq!(refused(create_topic("a.b", 1, &[])), ResponseError::TopicAlreadyExists);
    assert_eq!(refused(create_topic("a_b", 1, &[])), ResponseError::InvalidTopicException);
    assert_eq!(refused(create_topic("a/b", 1, &[])), ResponseError::InvalidTopicException);
    assert_eq!(refused(create_topic("x", 0, &[])), ResponseError::InvalidPartitions);
    assert_eq!(refused(create_topic("x", -2, &[])), ResponseError::InvalidPartitions);
    assert_eq!(refused(create_topic("x", 1, &[("no", "1")])), ResponseError::InvalidConfig);
    let mut copies = create_topic("x", 1, &[]);
    for (factor, expected) in
        [(3, ResponseError::InvalidReplicationFactor), (0, ResponseError::InvalidReplicationFactor)]
    {
        copies.topics[0].replication_factor = factor;
        assert_eq!(refused(copies.clone()), expected, "{factor} copies");
    }
    let mut null = create_topic("x", 1, &[("retention.ms", "1")]);
    null.topics[0].configs[0].value = None;
    assert_eq!(refused(null), ResponseError::InvalidConfig);
    let mut twice = create_topic("x", 1, &[]);
    twice.topics.push(twice.topics[0].clone());
    assert_eq!(create(&mut driver, &twice), [Some(ResponseError::InvalidRequest)]);
    assert_eq!(count(&mut driver, "x"), 0);
}

#[test]
fn a_topic_named_twice_is_refused_and_the_others_are_not() {
    let mut driver = Driver::new();
    ["a", "b"].iter().for_each(|name| driver.create_topic(name, 1, &[]));
    let twice = Some(ResponseError::InvalidRequest);
    let mut more = create_partitions("a", 2, None);
    more.topics.extend(create_partitions("b", 2, None).topics);
    more.topics.extend(create_partitions("a", 3, None).topics);
    let grown = driver.ask(1, &more).results;
    let got: Vec<_> = grown.iter().map(|it| (it.name.as_str(), error(it.error_code))).collect();
    assert_eq!(got, [("a", twice), ("b", None)]);
    assert_eq!((count(&mut driver, "a"), count(&mut driver, "b")), (1, 2));
    let deleted = driver.ask(3, &delete_topics(&["a", "b", "a"])).responses;
    let name = |name: &Option<TopicName>| name.as_ref().unwrap().to_string();
    let got: Vec<_> = deleted.iter().map(|it| (name(&it.name), error(it.error_code))).collect();
    assert_eq!(got, [("a".to_owned(), twice), ("b".to_owned(), None)]);
    assert_eq!((count(&mut driver, "a"), count(&mut driver, "b")), (1, 0));
}

#[test]
fn one_request_cannot_ask_for_more_topics_than_there_may_be() {
    let config = BrokerConfig { partitions_max: 2, ..BrokerConfig::default() };
    let mut driver = Driver::with(config);
    let mut many = create_topic("a", 1, &[]);
    many.topics.extend(["b", "c"].iter().flat_map(|name| create_topic(name, 1, &[]).topics));
    let policy = Some(ResponseError::PolicyViolation);
    assert_eq!(create(&mut driver, &many), [policy; 3]);
    many.topics.pop();
    assert_eq!(create(&mut driver, &many), [None; 2]);
}

#[test]
fn names_are_free_again_once_their_topic_is_gone() {
    let mut driver = Driver::new();
    driver.create_topic("a.b", 1, &[]);
    let collides = Some(ResponseError::InvalidTopicException);
    assert_eq!(create(&mut driver, &create_topic("a_b", 1, &[])), [collides]);
    driver.ask(3, &delete_topics(&["a.b"]));
    assert_eq!(create(&mut driver, &create_topic("a_b", 1, &[])), [None]);
}

#[test]
fn partitions_may_be_assigned_to_the_only_broker() {
    let mut driver = Driver::new();
    let assigned = |indexes: &[i32], brokers: &[i32]| {
        let brokers: Vec<_> = brokers.iter().map(|id| BrokerId(*id)).collect();
        let assignment = |index: &i32| {
            let assignment = CreatableReplicaAssignment::default().with_partition_index(*index);
            assignment.with_broker_ids(brokers.clone())
        };
        let mut request = create_topic("x", -1, &[]);
        request.topics[0].replication_factor = -1;
        request.topics[0].assignments = indexes.iter().map(assignment).collect();
        request
    };
    let wrong = Some(ResponseError::InvalidReplicaAssignment);
    for (indexes, brokers) in [(&[0, 2], [1]), (&[1, 2], [1]), (&[0, 0], [1]), (&[0, 1], [9])] {
        assert_eq!(create(&mut driver, &assigned(indexes, &brokers)), [wrong], "{indexes:?}");
    }
    assert_eq!(create(&mut driver, &assigned(&[0], &[])), [wrong]);
    let mut counted = assigned(&[0], &[1]);
    counted.topics[0].num_partitions = 1;
    assert_eq!(create(&mut driver, &counted), [Some(ResponseError::InvalidRequest)]);
    assert_eq!(create(&mut driver, &assigned(&[1, 0], &[1])), [None]);
    assert_eq!(count(&mut driver, "x"), 2);
}

#[test]
fn the_number_of_partitions_is_limited() {
    let config = BrokerConfig { partitions_max: 5, ..BrokerConfig::default() };
    let mut driver = Driver::with(config);
    let full = Some(ResponseError::PolicyViolation);
    assert_eq!(create(&mut driver, &create_topic("a", 6, &[])), [full]);
    assert_eq!(create(&mut driver, &create_topic("a", 4, &[])), [None]);
    assert_eq!(create(&mut driver, &create_topic("b", 2, &[])), [full]);
    let grow = |driver: &mut Driver, count| {
        error(driver.ask(1, &create_partitions("a", count, None)).results[0].error_code)
    };
    assert_eq!(grow(&mut driver, 6), full);
    assert_eq!(grow(&mut driver, i32::MAX), full);
    assert_eq!(grow(&mut driver, 5), None);
    driver.ask(3, &delete_topics(&["a"]));
    assert_eq!(create(&mut driver, &create_topic("b", 5, &[])), [None]);
}

#[test]
fn topics_only_grow() {
    let mut driver = Driver::new();
    driver.create_topic("a", 2, &[]);
    let mut grow =
        |request: CreatePartitionsRequest| error(driver.ask(1, &request).results[0].error_code);
    assert_eq!(grow(create_partitions("a", 2, None)), Some(ResponseError::InvalidPartitions));
    assert_eq!(grow(create_partitions("a", -1, None)), Some(ResponseError::InvalidPartitions));
    let unknown = Some(ResponseError::UnknownTopicOrPartition);
    assert_eq!(grow(create_partitions("nowhere", 3, None)), unknown);
    let wrong = Some(ResponseError::InvalidReplicaAssignment);
    assert_eq!(grow(create_partitions("a", 4, Some(&[1]))), wrong, "one too few");
    assert_eq!(grow(create_partitions("a", 3, Some(&[9]))), wrong);
    assert_eq!(grow(create_partitions("a", 3, None).with_validate_only(true)), None);
    assert_eq!(grow(create_partitions("a", 3, Some(&[1]))), None);
    assert_eq!(count(&mut driver, "a"), 3);
}

#[test]
fn deleting_a_topic_frees_its_room_and_wakes_its_readers() {
    let room = 2 * crate::log::charge(Batch::of(1).encode().len());
    let mut driver = Driver::with(BrokerConfig { log_bytes_max: room, ..BrokerConfig::default() });
    driver.create_topic("a", 1, &[]);
    let send = |driver: &mut Driver| {
        let response = driver.ask(8, &produce("a", Batch::of(1).encode()));
        error(response.responses[0].partition_responses[0].error_code)
    };
    assert_eq!((send(&mut driver), send(&mut driver)), (None, None));
    assert_eq!(send(&mut driver), Some(ResponseError::KafkaStorageError));
    let reader = driver.connect();
    driver.send(reader, 11, &fetch("a", &[(0, 2)]).with_max_wait_ms(5_000).with_min_bytes(1));
    let deleted = driver.ask(3, &delete_topics(&["a", "nowhere"])).responses;
    let codes: Vec<_> = deleted.iter().map(|it| error(it.error_code)).collect();
    assert_eq!(codes, [None, Some(ResponseError::UnknownTopicOrPartition)]);
    let woken = driver.answer::<kafka_protocol::messages::FetchRequest>(reader, 11).unwrap();
    let code = woken.responses[0].partitions[0].error_code;
    assert_eq!(error(code), Some(ResponseError::UnknownTopicOrPartition));
    driver.create_topic("a", 1, &[]);
    assert_eq!(send(&mut driver), None);
}

#[test]
fn deleting_records_moves_the_start_and_frees_room() {
    let room = crate::log::charge(Batch::of(4).encode().len());
    let mut driver = Driver::with(BrokerConfig { log_bytes_max: room, ..BrokerConfig::default() });
    driver.create_topic("a", 1, &[]);
    driver.create_topic("kept", 1, &[("cleanup.policy", "compact")]);
    driver.create_topic("both", 1, &[("cleanup.policy", "compact,delete")]);
    driver.create_topic("neither", 1, &[("cleanup.policy", "")]);
    driver.ask(8, &produce("a", Batch::of(4).encode()));
    let delete = |driver: &mut Driver, topic, index, offset| {
        let response = driver.ask(1, &delete_records(topic, &[(index, offset)]));
        let partition = &response.topics[0].partitions[0];
        (error(partition.error_code), partition.low_watermark)
    };
    assert_eq!(delete(&mut driver, "a", 0, 2), (None, 2));
    let outside = (Some(ResponseError::OffsetOutOfRange), -1);
    assert_eq!(delete(&mut driver, "a", 0, 5), outside);
    let unknown = (Some(ResponseError::UnknownTopicOrPartition), -1);
    assert_eq!(delete(&mut driver, "a", 1, 0), unknown);
    assert_eq!(delete(&mut driver, "nowhere", 0, 0), unknown);
    let policy = (Some(ResponseError::PolicyViolation), -1);
    assert_eq!(delete(&mut driver, "kept", 0, 0), policy);
    assert_eq!(delete(&mut driver, "both", 0, 0), (None, 0));
    assert_eq!(delete(&mut driver, "neither", 0, 0), (None, 0));
    assert_eq!(delete(&mut driver, "a", 0, -1), (None, 4));
    let response = driver.ask(8, &produce("a", Batch::of(4).encode()));
    assert_eq!(response.responses[0].partition_responses[0].base_offset, 4);
}
