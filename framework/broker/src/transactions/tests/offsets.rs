//! Offsets that belong to transactions.

use super::*;
use crate::testing::samples::{commit as plain_commit, join, sync};
use kafka_protocol::messages::JoinGroupRequest;

/// Returns what is committed for partition 0, or why that is not known.
fn committed(driver: &mut Driver, is_stable: bool) -> Result<i64, ResponseError> {
    let request: OffsetFetchRequest = fetch_offsets("g", Some(&[("t", &[0])]));
    let found = driver.ask(7, &request.with_require_stable(is_stable));
    let partition = &found.topics[0].partitions[0];
    error(partition.error_code).map_or(Ok(partition.committed_offset), Err)
}

fn send_offset(driver: &mut Driver, producer: Producer, offset: i64) -> Option<ResponseError> {
    let response = driver.ask(3, &commit("id", producer, "g", &[("t", 0, offset)]));
    error(response.topics[0].partitions[0].error_code)
}

fn begin(driver: &mut Driver) -> Producer {
    let producer = start(driver, "id");
    let added = driver.ask(0, &add_offsets("id", producer, "g"));
    assert_eq!(error(added.error_code), None);
    producer
}

#[test]
fn offsets_count_when_their_transaction_is_committed() {
    for (is_commit, expected) in [(true, 5), (false, -1)] {
        let mut driver = driver();
        let producer = begin(&mut driver);
        assert_eq!(send_offset(&mut driver, producer, 4), None);
        assert_eq!(send_offset(&mut driver, producer, 5), None);
        assert_eq!(committed(&mut driver, false), Ok(-1));
        assert_eq!(committed(&mut driver, true), Err(ResponseError::UnstableOffsetCommit));
        driver.restart();
        assert_eq!(committed(&mut driver, true), Err(ResponseError::UnstableOffsetCommit));
        assert_eq!(finish(&mut driver, producer, is_commit), None);
        assert_eq!(committed(&mut driver, true), Ok(expected));
        driver.restart();
        assert_eq!(committed(&mut driver, true), Ok(expected));
    }
}

#[test]
fn a_later_commit_is_not_undone_by_a_transaction() {
    let mut driver = driver();
    let producer = begin(&mut driver);
    assert_eq!(send_offset(&mut driver, producer, 5), None);
    driver.ask(7, &plain_commit("g", "", -1, &[("t", 0, 9, "")]));
    assert_eq!(finish(&mut driver, producer, true), None);
    assert_eq!(committed(&mut driver, true), Ok(9));
}

#[test]
fn only_groups_of_the_transaction_take_its_offsets() {
    let mut driver = driver();
    let producer = start(&mut driver, "id");
    let not_added = Some(ResponseError::InvalidTxnState);
    assert_eq!(send_offset(&mut driver, producer, 5), not_added);
    let producer = begin(&mut driver);
    let older = (producer.0, producer.1 - 1);
    assert_eq!(send_offset(&mut driver, older, 5), Some(ResponseError::InvalidProducerEpoch));
    let unknown = driver.ask(3, &commit("id", producer, "g", &[("nowhere", 0, 1)]));
    let code = unknown.topics[0].partitions[0].error_code;
    assert_eq!(error(code), Some(ResponseError::UnknownTopicOrPartition));
    assert_eq!(send_offset(&mut driver, producer, 5), None);
}

#[test]
fn members_of_older_generations_are_fenced() {
    let mut driver = driver();
    let connection = driver.connect();
    driver.send(connection, 3, &join("g", "", None));
    driver.advance(100);
    let joined = driver.answer::<JoinGroupRequest>(connection, 3).unwrap();
    let (member, generation) = (joined.member_id.to_string(), joined.generation_id);
    driver.call(connection, 3, &sync("g", &member, generation, &[(&member, "x")]));
    let producer = begin(&mut driver);
    let mut of = |member: &str, generation| {
        let request = commit("id", producer, "g", &[("t", 0, 5)]);
        let request = request.with_member_id(crate::testing::text(member));
        let response = driver.ask(3, &request.with_generation_id(generation));
        error(response.topics[0].partitions[0].error_code)
    };
    assert_eq!(of(&member, generation), None);
    assert_eq!(of(&member, generation - 1), Some(ResponseError::IllegalGeneration));
    assert_eq!(of("stranger", generation), Some(ResponseError::UnknownMemberId));
    assert_eq!(of("", -1), None, "a client of before KIP-447");
}

#[test]
fn offsets_of_a_deleted_topic_are_gone() {
    let mut driver = driver();
    let producer = begin(&mut driver);
    assert_eq!(send_offset(&mut driver, producer, 5), None);
    driver.ask(3, &samples::delete_topics(&["t"]));
    driver.create_topic("t", 1, &[]);
    assert_eq!(finish(&mut driver, producer, true), None);
    assert_eq!(committed(&mut driver, true), Ok(-1));
}
