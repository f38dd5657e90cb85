use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    CreatePartitionsRequest, DeleteRecordsRequest, InitProducerIdRequest, MetadataRequest,
    ProducerId, create_partitions_request::CreatePartitionsTopic, delete_records_request,
};

use super::*;
use crate::config::GroupConfig;
use crate::testing::batches::{Batch, produce, produce_to};
use crate::testing::samples::{
    commit, delete_topics, describe_groups, fetch, fetch_offsets, heartbeat, join, leave, sync,
};
use crate::testing::{Driver, text, topic_name};

fn driver() -> Driver {
    Driver::kept(BrokerConfig::default())
}

fn send(driver: &mut Driver, batch: &Batch) -> (i16, i64) {
    let response = driver.ask(8, &produce("t", batch.encode()));
    let partition = &response.responses[0].partition_responses[0];
    (partition.error_code, partition.base_offset)
}

fn stored(driver: &mut Driver, offset: i64) -> Bytes {
    let mut response = driver.ask(11, &fetch("t", &[(0, offset)]));
    let partition = response.responses.remove(0).partitions.remove(0);
    assert_eq!(partition.error_code, 0);
    partition.records.unwrap()
}

fn partitions(driver: &mut Driver, topic: &str) -> usize {
    let all = driver.ask(9, &MetadataRequest::default().with_topics(None)).topics;
    let found = all.iter().find(|it| it.name.as_ref().is_some_and(|name| name.as_str() == topic));
    found.map_or(0, |it| it.partitions.len())
}

fn committed(driver: &mut Driver, partition: i32) -> i64 {
    let response = driver.ask(7, &fetch_offsets("g", Some(&[("t", &[partition])])));
    response.topics[0].partitions[0].committed_offset
}

#[test]
fn records_topics_and_settings_come_back() {
    let mut driver = driver();
    driver.create_topic("t", 2, &[("message.timestamp.type", "LogAppendTime")]);
    let mut expected = Vec::new();
    for count in 1..4 {
        assert_eq!(send(&mut driver, &Batch::of(count)).0, 0);
    }
    expected.extend(stored(&mut driver, 0));
    let more = CreatePartitionsTopic::default().with_name(topic_name("t")).with_count(5);
    driver
        .ask(1, &CreatePartitionsRequest::default().with_topics(vec![more.with_assignments(None)]));
    let id = |driver: &mut Driver| {
        driver.ask(9, &MetadataRequest::default().with_topics(None)).cluster_id
    };
    let cluster = id(&mut driver);
    driver.broker.config.seed = 99;
    for _ in 0..2 {
        driver.restart();
        assert_eq!(stored(&mut driver, 0), expected);
        assert_eq!(partitions(&mut driver, "t"), 5);
        let settings = *driver.broker.topics.get("t").unwrap().config.settings();
        assert_eq!(settings.timestamp_type, crate::topics::settings::TimestampType::LogAppendTime);
        assert_eq!(id(&mut driver), cluster, "whatever the seed is by now");
    }
    assert_eq!(send(&mut driver, &Batch::of(1)), (0, 6));
}

#[test]
fn the_beginning_of_a_log_comes_back_and_so_does_its_end() {
    let mut driver = driver();
    driver.create_topic("t", 1, &[]);
    (0..3).for_each(|_| _ = send(&mut driver, &Batch::of(2)));
    let delete = |driver: &mut Driver, offset| {
        let partition =
            delete_records_request::DeleteRecordsPartition::default().with_offset(offset);
        let topic =
            delete_records_request::DeleteRecordsTopic::default().with_name(topic_name("t"));
        let topic = topic.with_partitions(vec![partition]);
        driver.ask(1, &DeleteRecordsRequest::default().with_topics(vec![topic]))
    };
    let bounds = |driver: &Driver| {
        let log = driver.broker.topics.partition("t", 0).unwrap();
        (log.start_offset(), log.end_offset())
    };
    for (offset, expected) in [(3, (3, 6)), (-1, (6, 6))] {
        delete(&mut driver, offset);
        let before = driver.broker.topics.partition("t", 0).unwrap().charged();
        driver.restart();
        assert_eq!(bounds(&driver), expected);
        assert_eq!(driver.broker.topics.partition("t", 0).unwrap().charged(), before);
    }
    assert_eq!(send(&mut driver, &Batch::of(1)), (0, 6));
    driver.restart();
    assert_eq!(bounds(&driver), (6, 7));
}

#[test]
fn a_topic_created_again_knows_nothing_of_the_former() {
    let mut driver = driver();
    for round in 0..3 {
        driver.create_topic("t", 1, &[]);
        assert_eq!(send(&mut driver, &Batch::of(1)), (0, 0), "round {round}");
        driver.ask(2, &commit("g", "", -1, &[("t", 0, 5, "")]));
        driver.restart();
        assert_eq!(committed(&mut driver, 0), 5);
        driver.ask(3, &delete_topics(&["t"]));
        driver.restart();
        assert_eq!((partitions(&mut driver, "t"), committed(&mut driver, 0)), (0, -1));
    }
}

#[test]
fn a_producer_is_known_again() {
    let mut driver = driver();
    driver.create_topic("t", 1, &[]);
    let ask = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_producer_id(ProducerId(-1))
        .with_producer_epoch(-1);
    let first = driver.ask(4, &ask).producer_id.0;
    let at = |sequence| Batch::from_producer(first, 0, sequence, 2);
    assert_eq!(send(&mut driver, &at(0)), (0, 0));
    driver.restart();
    assert_eq!(send(&mut driver, &at(0)), (0, 0), "a retry");
    assert_eq!(send(&mut driver, &at(2)), (0, 2));
    let gap = ResponseError::OutOfOrderSequenceNumber.code();
    assert_eq!(send(&mut driver, &at(9)).0, gap);
    assert!(driver.ask(4, &ask).producer_id.0 > first, "ids are given once");
}

#[test]
fn a_stable_group_goes_on_without_a_rebalance() {
    let mut driver = driver();
    driver.create_topic("t", 1, &[]);
    let connection = driver.connect();
    let id = driver.call(connection, 5, &join("g", "", None)).member_id.to_string();
    driver.send(connection, 5, &join("g", &id, None));
    driver.advance(1_000);
    let joined =
        driver.answer::<kafka_protocol::messages::JoinGroupRequest>(connection, 5).unwrap();
    let generation = joined.generation_id;
    driver.ask(3, &sync("g", &id, generation, &[(&id, "mine")]));
    driver.ask(2, &commit("g", &id, generation, &[("t", 0, 7, "note")]));
    let described = driver.ask(4, &describe_groups(&["g"]));
    driver.restart();
    assert_eq!(driver.ask(4, &describe_groups(&["g"])), described);
    assert_eq!(driver.ask(3, &heartbeat("g", &id, generation)).error_code, 0);
    assert_eq!(committed(&mut driver, 0), 7);
    let again = driver.ask(3, &sync("g", &id, generation, &[]));
    assert_eq!((again.error_code, &again.assignment[..]), (0, &b"mine"[..]));
    // Its session begins anew, and ends.
    let session = 10_000;
    driver.restart();
    driver.advance(session - 1);
    assert_eq!(driver.ask(4, &describe_groups(&["g"])).groups[0].members.len(), 1);
    driver.restart();
    driver.advance(10 * session);
    assert_eq!(driver.ask(4, &describe_groups(&["g"])).groups[0].members.len(), 0);
    driver.restart();
    let group = driver.ask(4, &describe_groups(&["g"])).groups.remove(0);
    assert_eq!((group.group_state, group.members.len()), (text("Empty"), 0));
    assert_eq!(committed(&mut driver, 0), 7);
    // It left no trace of its generation to be mistaken for another's.
    assert_ne!(driver.ask(3, &leave("g", &[(&id, None)])).members[0].error_code, 0);
}

#[test]
fn a_broker_that_is_not_kept_tells_of_no_changes() {
    let mut driver = Driver::new();
    driver.create_topic("t", 1, &[]);
    send(&mut driver, &Batch::of(1));
    driver.ask(2, &commit("g", "", -1, &[("t", 0, 5, "")]));
    assert_eq!(driver.image.facts().count(), 0);
}

#[test]
fn what_is_kept_must_fit_the_limits() {
    let mut driver = driver();
    driver.create_topic("t", 2, &[]);
    driver.ask(8, &produce_to("t", &[(0, Batch::of(1).encode()), (1, Batch::of(1).encode())]));
    for group in ["g", "h"] {
        driver.ask(2, &commit(group, "", -1, &[("t", 0, 5, "")]));
    }
    let restore = |config| {
        let restored = Broker::restore(config, Millis::new(driver.now), driver.image.clone());
        restored.map(|_| ()).map_err(|error| error.to_string())
    };
    let default = BrokerConfig::default;
    assert_eq!(restore(default()), Ok(()));
    let partitions = BrokerConfig { partitions_max: 1, ..default() };
    let expected = "topic t: 2 partitions beside 0 are more than 1, which is partitions_max";
    assert_eq!(restore(partitions), Err(expected.to_owned()));
    let bytes = BrokerConfig { log_bytes_max: 500, ..default() };
    let error = restore(bytes).unwrap_err();
    assert!(error.starts_with("log 0-1 of t-1: "), "{error}");
    assert!(error.ends_with("500 bytes, which is log_bytes_max"), "{error}");
    let groups = GroupConfig { groups_max: 1, ..GroupConfig::default() };
    let expected = "2 groups are kept, more than groups_max = 1";
    assert_eq!(restore(BrokerConfig { groups, ..default() }), Err(expected.to_owned()));
}
