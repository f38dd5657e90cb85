use kafka_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderTopic;

use super::*;
use crate::testing::batches::{Batch, produce};
use crate::testing::samples::{delete_records, list_offsets};
use crate::testing::{Driver, topic_name};

fn driver() -> Driver {
    let mut driver = Driver::new();
    driver.create_topic("t", 1, &[]);
    for times in [&[10, 30, 20][..], &[5, 40]] {
        driver.ask(8, &produce("t", Batch::at(times).encode()));
    }
    driver
}

fn ask(driver: &mut Driver, version: i16, index: i32, time: i64) -> (i16, i64, i64) {
    let response = driver.ask(version, &list_offsets("t", &[(index, time)]));
    let found = &response.topics[0].partitions[0];
    let epoch = if version >= 4 && found.offset >= 0 { 0 } else { -1 };
    assert_eq!(found.leader_epoch, epoch, "version {version}");
    (found.error_code, found.timestamp, found.offset)
}

#[test]
fn every_version_finds_ends_and_times() {
    let mut driver = driver();
    for version in 1..=7 {
        assert_eq!(ask(&mut driver, version, 0, LATEST), (0, -1, 5));
        assert_eq!(ask(&mut driver, version, 0, EARLIEST), (0, -1, 0));
        assert_eq!(ask(&mut driver, version, 0, 0), (0, 10, 0));
        assert_eq!(ask(&mut driver, version, 0, 11), (0, 30, 1));
        assert_eq!(ask(&mut driver, version, 0, 31), (0, 40, 4));
        assert_eq!(ask(&mut driver, version, 0, 41), (0, -1, -1));
        let unknown = ResponseError::UnknownTopicOrPartition.code();
        assert_eq!(ask(&mut driver, version, 1, LATEST), (unknown, -1, -1));
    }
}

#[test]
fn the_largest_time_needs_a_new_client() {
    let mut driver = driver();
    let unsupported = (ResponseError::UnsupportedVersion.code(), -1, -1);
    assert_eq!(ask(&mut driver, 7, 0, MAX_TIMESTAMP), (0, 40, 4));
    assert_eq!(ask(&mut driver, 6, 0, MAX_TIMESTAMP), unsupported);
    assert_eq!(ask(&mut driver, 7, 0, -4), unsupported);
    driver.ask(1, &delete_records("t", &[(0, -1)]));
    assert_eq!(ask(&mut driver, 7, 0, MAX_TIMESTAMP), (0, -1, -1));
    assert_eq!(ask(&mut driver, 7, 0, EARLIEST), (0, -1, 5));
}

#[test]
fn a_partition_asked_for_twice_is_refused_both_times() {
    let mut driver = driver();
    let request = list_offsets("t", &[(0, LATEST), (0, EARLIEST), (1, LATEST)]);
    let response = driver.ask(7, &request);
    let codes: Vec<_> = response.topics[0].partitions.iter().map(|it| it.error_code).collect();
    let twice = ResponseError::InvalidRequest.code();
    assert_eq!(codes, [twice, twice, ResponseError::UnknownTopicOrPartition.code()]);
}

#[test]
fn a_clients_idea_of_the_leader_is_checked() {
    let mut driver = driver();
    for (epoch, expected) in [
        (-1, None),
        (0, None),
        (1, Some(ResponseError::UnknownLeaderEpoch)),
        (-2, Some(ResponseError::FencedLeaderEpoch)),
    ] {
        let mut request = list_offsets("t", &[(0, LATEST)]);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        let code = driver.ask(7, &request).topics[0].partitions[0].error_code;
        assert_eq!(ResponseError::try_from_code(code), expected, "epoch {epoch}");
    }
}

#[test]
fn there_is_one_epoch_and_it_ends_at_the_end() {
    let mut driver = driver();
    let mut end_of = |index, current, epoch| {
        let partition = OffsetForLeaderPartition::default()
            .with_partition(index)
            .with_current_leader_epoch(current)
            .with_leader_epoch(epoch);
        let topic = OffsetForLeaderTopic::default().with_topic(topic_name("t"));
        let topic = topic.with_partitions(vec![partition]);
        let request = OffsetForLeaderEpochRequest::default().with_topics(vec![topic]);
        let end = driver.ask(3, &request).topics.remove(0).partitions.remove(0);
        (ResponseError::try_from_code(end.error_code), end.leader_epoch, end.end_offset)
    };
    assert_eq!(end_of(0, -1, 0), (None, 0, 5));
    assert_eq!(end_of(0, 0, 3), (None, -1, -1));
    assert_eq!(end_of(0, 4, 0), (Some(ResponseError::UnknownLeaderEpoch), -1, -1));
    assert_eq!(end_of(2, -1, 0), (Some(ResponseError::UnknownTopicOrPartition), -1, -1));
}
