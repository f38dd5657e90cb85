use bytes::Buf;
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::protocol::Encodable;

use super::*;
use crate::config::BrokerConfig;
use crate::reply::{Answer, ConnectionId};
use crate::testing::batches::{Batch, produce, produce_to};
use crate::testing::samples::{delete_records, fetch};
use crate::testing::{Driver, topic_name};

fn driver() -> Driver {
    let mut driver = Driver::new();
    driver.create_topic("t", 3, &[]);
    driver
}

fn size(count: usize) -> usize {
    Batch::of(count).encode().len()
}

fn send(driver: &mut Driver, partition: i32, count: usize) {
    let request = produce_to("t", &[(partition, Batch::of(count).encode())]);
    assert_eq!(driver.ask(8, &request).responses[0].partition_responses[0].error_code, 0);
}

fn waiting(offset: i64, wait_ms: i32, bytes_min: usize) -> FetchRequest {
    let request = fetch("t", &[(0, offset)]).with_max_wait_ms(wait_ms);
    request.with_min_bytes(i32::try_from(bytes_min).unwrap())
}

/// Returns how many bytes an answer has, if there is one.
fn answered(driver: &mut Driver, id: ConnectionId) -> Option<usize> {
    let response = driver.answer::<FetchRequest>(id, 11)?;
    let partitions = response.responses.into_iter().flat_map(|topic| topic.partitions);
    Some(partitions.map(|it| it.records.unwrap_or_default().len()).sum())
}

#[test]
fn a_fetch_that_finds_nothing_waits_its_time() {
    let mut driver = driver();
    let id = driver.connect();
    driver.send(id, 11, &waiting(0, 500, 1));
    driver.advance(499);
    assert_eq!(answered(&mut driver, id), None);
    driver.advance(1);
    assert_eq!(answered(&mut driver, id), Some(0));
    assert_eq!(driver.broker.next_deadline(), None);
}

#[test]
fn a_fetch_that_waits_is_answered_by_enough_bytes() {
    let mut driver = driver();
    let id = driver.connect();
    driver.send(id, 11, &waiting(0, 500, 2 * size(1)));
    send(&mut driver, 0, 1);
    send(&mut driver, 1, 1);
    assert_eq!(answered(&mut driver, id), None, "not enough, and elsewhere");
    send(&mut driver, 0, 1);
    assert_eq!(answered(&mut driver, id), Some(2 * size(1)));
    assert!(driver.broker.parked.is_empty());
    // What was not enough comes at the end of the wait.
    driver.send(id, 11, &waiting(1, 500, 9_999));
    driver.advance(500);
    assert_eq!(answered(&mut driver, id), Some(size(1)));
}

#[test]
fn a_fetch_that_can_be_answered_does_not_wait() {
    let mut driver = driver();
    send(&mut driver, 0, 1);
    let mut at_once = |request: FetchRequest| {
        let id = driver.connect();
        driver.send(id, 11, &request);
        answered(&mut driver, id)
    };
    assert_eq!(at_once(waiting(0, 500, size(1))), Some(size(1)));
    assert_eq!(at_once(waiting(1, 500, 0)), Some(0), "no bytes are enough");
    assert_eq!(at_once(waiting(1, 0, 1)), Some(0), "no time to wait");
    assert_eq!(at_once(waiting(7, 500, 1)), Some(0), "an error");
    assert_eq!(at_once(waiting(0, 500, 1).with_topics(Vec::new())), Some(0), "nothing asked");
}

#[test]
fn readers_wait_side_by_side() {
    let mut driver = driver();
    let ids = [0, 1, 2].map(|_| driver.connect());
    for (id, wait) in ids.iter().zip([300, 100, 200]) {
        driver.send(*id, 11, &waiting(0, wait, 1));
    }
    assert_eq!(driver.broker.next_deadline().map(|at| at.as_i64() - driver.now), Some(100));
    driver.advance(150);
    assert_eq!(ids.map(|id| answered(&mut driver, id)), [None, Some(0), None]);
    send(&mut driver, 0, 1);
    assert_eq!(ids.map(|id| answered(&mut driver, id)), [Some(size(1)), None, Some(size(1))]);
}

#[test]
fn a_reader_that_left_is_forgotten() {
    let mut driver = driver();
    let (gone, stays) = (driver.connect(), driver.connect());
    driver.send(gone, 11, &waiting(0, 500, 1));
    driver.send(stays, 11, &waiting(0, 600, 1));
    driver.disconnect(gone);
    assert_eq!(driver.broker.next_deadline().map(|at| at.as_i64() - driver.now), Some(600));
    send(&mut driver, 0, 1);
    assert!(driver.raw_answer(gone).is_none());
    assert_eq!(answered(&mut driver, stays), Some(size(1)));
    assert!(driver.broker.parked.is_empty());
}

#[test]
fn an_answer_keeps_to_the_limits_over_all_partitions() {
    let mut driver = driver();
    for partition in 0..3 {
        send(&mut driver, partition, 1);
        send(&mut driver, partition, 1);
    }
    let mut sizes = |bytes_max: usize, partition_max: usize| {
        let partition_max = i32::try_from(partition_max).unwrap();
        let mut request = fetch("t", &[(2, 0), (0, 0), (1, 0)]);
        request.max_bytes = i32::try_from(bytes_max).unwrap();
        let partitions = &mut request.topics[0].partitions;
        partitions.iter_mut().for_each(|it| it.partition_max_bytes = partition_max);
        let topic = driver.ask(11, &request).responses.remove(0);
        let sizes = topic.partitions.iter().map(|it| it.records.as_ref().unwrap().len());
        sizes.map(|bytes| bytes / size(1)).collect::<Vec<_>>()
    };
    assert_eq!(sizes(1 << 20, 1 << 20), [2, 2, 2]);
    assert_eq!(sizes(1 << 20, size(1)), [1, 1, 1]);
    assert_eq!(sizes(3 * size(1), 1 << 20), [2, 1, 0]);
    // The first batch of all comes whatever the limits, so that a reader gets on.
    assert_eq!(sizes(1, 1 << 20), [1, 0, 0]);
    assert_eq!(sizes(1 << 20, 1), [1, 0, 0]);
}

#[test]
fn the_broker_has_a_limit_of_its_own() {
    let config = BrokerConfig { fetch_bytes_max: 2 * size(1), ..BrokerConfig::default() };
    let mut driver = Driver::with(config);
    driver.create_topic("t", 1, &[]);
    (0..3).for_each(|_| send(&mut driver, 0, 1));
    let id = driver.connect();
    driver.send(id, 11, &waiting(0, 0, 0));
    assert_eq!(answered(&mut driver, id), Some(2 * size(1)));
}

#[test]
fn offsets_and_epochs_are_checked() {
    let mut driver = driver();
    send(&mut driver, 0, 4);
    driver.ask(1, &delete_records("t", &[(0, 2)]));
    let mut at = |partition, offset, epoch| {
        let mut request = fetch("t", &[(partition, offset)]);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        let got = driver.ask(11, &request).responses.remove(0).partitions.remove(0);
        let error = ResponseError::try_from_code(got.error_code);
        (error, got.log_start_offset, got.high_watermark)
    };
    assert_eq!(at(0, 2, -1), (None, 2, 4));
    assert_eq!(at(0, 4, 0), (None, 2, 4));
    for outside in [-1, 0, 1, 5] {
        assert_eq!(at(0, outside, -1), (Some(ResponseError::OffsetOutOfRange), -1, -1));
    }
    assert_eq!(at(3, 0, -1).0, Some(ResponseError::UnknownTopicOrPartition));
    assert_eq!(at(-1, 0, -1).0, Some(ResponseError::UnknownTopicOrPartition));
    assert_eq!(at(0, 2, 1).0, Some(ResponseError::UnknownLeaderEpoch));
    assert_eq!(at(0, 2, -2).0, Some(ResponseError::FencedLeaderEpoch));
}

#[test]
fn there_are_no_fetch_sessions() {
    let mut driver = driver();
    let first = driver.ask(11, &waiting(0, 0, 0).with_session_epoch(0));
    assert_eq!((first.error_code, first.session_id), (0, 0));
    let mut asked = |session, epoch| {
        let request = waiting(0, 0, 0).with_session_id(session).with_session_epoch(epoch);
        let response = driver.ask(11, &request);
        assert_eq!(response.responses.len(), usize::from(response.error_code == 0));
        ResponseError::try_from_code(response.error_code)
    };
    let unknown = Some(ResponseError::FetchSessionIdNotFound);
    // A fetch that goes on with a session, whether it names one or not.
    assert_eq!([asked(5, 1), asked(0, 1), asked(5, 7)], [unknown; 3]);
    // One that ends a session, begins a new one, or has none.
    assert_eq!([asked(5, -1), asked(5, 0), asked(0, -1), asked(0, 0)], [None; 4]);
}

#[test]
fn nobody_waits_for_more_than_an_answer_may_have() {
    let mut driver = driver();
    let id = driver.connect();
    let mut request = waiting(0, 500, 9_999);
    request.max_bytes = i32::try_from(size(1)).unwrap();
    driver.send(id, 11, &request);
    assert_eq!(answered(&mut driver, id), None);
    send(&mut driver, 0, 1);
    assert_eq!(answered(&mut driver, id), Some(size(1)));
}

#[test]
fn a_partition_named_twice_is_answered_once() {
    let mut driver = driver();
    send(&mut driver, 0, 1);
    send(&mut driver, 0, 1);
    let mut request = fetch("t", &[(0, 0), (1, 0), (0, 1)]);
    request.topics.extend(fetch("t", &[(1, 0), (2, 0)]).topics);
    let response = driver.ask(11, &request);
    let got: Vec<Vec<_>> = response
        .responses
        .iter()
        .map(|topic| {
            let partitions = topic.partitions.iter();
            partitions.map(|it| (it.partition_index, it.records.as_ref().unwrap().len())).collect()
        })
        .collect();
    // Of what is asked of a partition the last counts.
    assert_eq!(got, [vec![(0, size(1))], vec![(1, 0), (2, 0)]]);
}

/// The response is written without the codec: it must be what the codec would have written.
#[test]
fn every_version_is_what_the_codec_writes() {
    for version in 4..=11 {
        for is_read_committed in [false, true] {
            let mut driver = driver();
            send(&mut driver, 0, 3);
            let request = fetch("t", &[(0, 0), (9, 0)]);
            let request = request.with_isolation_level(i8::from(is_read_committed));
            let id = driver.connect();
            driver.send(id, version, &request);
            let Some(Answer::Frame(mut frame)) = driver.raw_answer(id) else { panic!("no answer") };
            let written = frame.copy_to_bytes(frame.remaining());
            let mut expected = BytesMut::new();
            expected_response(is_read_committed).encode(&mut expected, version).unwrap();
            assert_eq!(written[8..], expected, "version {version}");
        }
    }
}

fn expected_response(is_read_committed: bool) -> FetchResponse {
    let mut records = BytesMut::from(Batch::of(3).encode());
    crate::log::batch::assign(&mut records, 0, LEADER_EPOCH);
    let aborted = is_read_committed.then(Vec::new);
    let found = PartitionData::default()
        .with_high_watermark(3)
        .with_last_stable_offset(3)
        .with_log_start_offset(0)
        .with_aborted_transactions(aborted.clone())
        .with_records(Some(records.freeze()));
    let unknown = PartitionData::default()
        .with_partition_index(9)
        .with_error_code(ResponseError::UnknownTopicOrPartition.code())
        .with_high_watermark(-1)
        .with_last_stable_offset(-1)
        .with_log_start_offset(-1)
        .with_aborted_transactions(aborted)
        .with_records(Some(Bytes::new()));
    let topic = FetchableTopicResponse::default().with_topic(topic_name("t"));
    FetchResponse::default().with_responses(vec![topic.with_partitions(vec![found, unknown])])
}

#[test]
fn records_are_handed_out_without_a_copy() {
    let mut driver = driver();
    let large = Batch { value_bytes: 50_000, ..Batch::default() }.encode();
    let response = driver.ask(8, &produce("t", large.clone()));
    assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
    let mut addresses = Vec::new();
    for _ in 0..2 {
        let id = driver.connect();
        driver.send(id, 11, &fetch("t", &[(0, 0)]));
        let Some(Answer::Frame(mut frame)) = driver.raw_answer(id) else { panic!("no answer") };
        while frame.chunk().len() < large.len() {
            frame.advance(frame.chunk().len());
        }
        addresses.push(frame.chunk().as_ptr());
    }
    assert_eq!(addresses[0], addresses[1], "both read the same memory");
}
