use kafka_protocol::ResponseError;
use kafka_protocol::messages::{FetchRequest, OffsetFetchRequest, ProduceRequest};

use super::*;
use crate::log::batch::BatchHeader;
use crate::reply::ConnectionId;
use crate::testing::samples::{fetch, fetch_offsets, list_offsets};
use crate::testing::transactions::{
    Producer, add_offsets, add_partitions, batch, commit, end, init, produce,
};
use crate::testing::{Driver, batches, samples};

mod epochs;
mod fuzz;
mod offsets;
mod restarts;

const TIMEOUT_MS: i32 = 1_000;

fn driver() -> Driver {
    let mut driver = Driver::kept(Default::default());
    driver.create_topic("t", 2, &[]);
    driver
}

fn error(code: i16) -> Option<ResponseError> {
    ResponseError::try_from_code(code)
}

/// Asks for a producer until there is no transaction to be aborted.
fn start(driver: &mut Driver, id: &str) -> Producer {
    let mut given = driver.ask(4, &init(id, TIMEOUT_MS, None));
    if error(given.error_code) == Some(ResponseError::ConcurrentTransactions) {
        given = driver.ask(4, &init(id, TIMEOUT_MS, None));
    }
    assert_eq!(error(given.error_code), None);
    (given.producer_id.0, given.producer_epoch)
}

fn add(driver: &mut Driver, id: &str, producer: Producer, index: i32) -> Option<ResponseError> {
    let added = driver.ask(0, &add_partitions(id, producer, &[("t", index)]));
    let result = &added.results_by_topic_v3_and_below[0].results_by_partition[0];
    error(result.partition_error_code)
}

fn send(driver: &mut Driver, request: &ProduceRequest) -> Option<ResponseError> {
    error(driver.ask(8, request).responses[0].partition_responses[0].error_code)
}

/// Writes records of a transaction that has the partition.
fn write(
    driver: &mut Driver,
    producer: Producer,
    index: i32,
    sequence: i32,
) -> Option<ResponseError> {
    send(driver, &produce("id", "t", index, batch(producer, sequence, 1)))
}

fn finish(driver: &mut Driver, producer: Producer, is_commit: bool) -> Option<ResponseError> {
    error(driver.ask(1, &end("id", producer, is_commit)).error_code)
}

/// Returns the log's end and where readers of committed records end.
fn ends(driver: &mut Driver, index: i32) -> (i64, i64) {
    let mut ask = |level| {
        let request = list_offsets("t", &[(index, -1)]).with_isolation_level(level);
        driver.ask(4, &request).topics[0].partitions[0].offset
    };
    (ask(0), ask(1))
}

/// Returns the markers of a partition: epochs, and whether they commit.
fn markers(driver: &Driver, index: i32) -> Vec<(i16, Outcome)> {
    let log = driver.broker.topics.partition("t", index).unwrap();
    let batches = log.read(0, i64::MAX, usize::MAX, true).0;
    let headers = batches.iter().map(|bytes| (bytes, BatchHeader::read(bytes).unwrap()));
    let control = headers.filter(|(_, header)| header.is_control());
    let marker = |(bytes, header): (&bytes::Bytes, BatchHeader)| {
        (header.producer_epoch, outcome_of(bytes, &header).unwrap())
    };
    control.map(marker).collect()
}

use crate::log::transactions::{Outcome, outcome_of};

#[test]
fn a_transaction_ends_in_all_of_its_partitions() {
    for (is_commit, outcome) in [(true, Outcome::Commit), (false, Outcome::Abort)] {
        let mut driver = driver();
        let producer = start(&mut driver, "id");
        assert_eq!(producer.1, 0);
        for index in [0, 1] {
            assert_eq!(add(&mut driver, "id", producer, index), None);
            assert_eq!(write(&mut driver, producer, index, 0), None);
            assert_eq!(ends(&mut driver, index), (1, 0));
        }
        assert_eq!(finish(&mut driver, producer, is_commit), None);
        for index in [0, 1] {
            assert_eq!(ends(&mut driver, index), (2, 2));
            assert_eq!(markers(&driver, index), [(0, outcome)]);
        }
        // It asks again; or for the other end, or for one of a transaction that never was.
        assert_eq!(finish(&mut driver, producer, is_commit), None);
        let invalid = Some(ResponseError::InvalidTxnState);
        assert_eq!(finish(&mut driver, producer, !is_commit), invalid);
        let producer = start(&mut driver, "id");
        assert_eq!(finish(&mut driver, producer, true), invalid);
    }
}

#[test]
fn only_what_belongs_to_an_open_transaction_is_written() {
    let mut driver = driver();
    let producer = start(&mut driver, "id");
    let not_added = Some(ResponseError::InvalidTxnState);
    assert_eq!(write(&mut driver, producer, 0, 0), not_added);
    assert_eq!(add(&mut driver, "id", producer, 0), None);
    assert_eq!(write(&mut driver, producer, 1, 0), not_added);
    assert_eq!(write(&mut driver, producer, 0, 0), None);
    // Whoever has an open transaction writes nothing else there.
    let plain = batches::Batch::from_producer(producer.0, producer.1, 1, 1).encode();
    assert_eq!(send(&mut driver, &batches::produce("t", plain)), not_added);
    assert_eq!(finish(&mut driver, producer, true), None);
    assert_eq!(write(&mut driver, producer, 0, 1), not_added, "it has ended");
    let unknown = produce("other", "t", 0, batch(producer, 1, 1));
    assert_eq!(send(&mut driver, &unknown), Some(ResponseError::InvalidProducerIdMapping));
}

#[test]
fn unknown_partitions_are_not_added_and_keep_others_out() {
    let mut driver = driver();
    let producer = start(&mut driver, "id");
    let added = driver.ask(0, &add_partitions("id", producer, &[("t", 0), ("t", 9)]));
    let codes = added.results_by_topic_v3_and_below.iter();
    let codes = codes.map(|it| error(it.results_by_partition[0].partition_error_code));
    let expected =
        [ResponseError::OperationNotAttempted, ResponseError::UnknownTopicOrPartition].map(Some);
    assert!(codes.eq(expected));
    assert_eq!(write(&mut driver, producer, 0, 0), Some(ResponseError::InvalidTxnState));
}

#[test]
fn a_waiting_reader_of_committed_records_is_answered_by_the_marker() {
    let mut driver = driver();
    let producer = start(&mut driver, "id");
    let request = fetch("t", &[(0, 0)]).with_max_wait_ms(500).with_min_bytes(1);
    let request = request.with_isolation_level(1);
    let reader = driver.connect();
    driver.send(reader, 11, &request);
    add(&mut driver, "id", producer, 0);
    assert_eq!(write(&mut driver, producer, 0, 0), None);
    assert!(driver.answer::<FetchRequest>(reader, 11).is_none(), "nothing is stable");
    finish(&mut driver, producer, false);
    let response = driver.answer::<FetchRequest>(reader, 11).unwrap();
    let partition = &response.responses[0].partitions[0];
    assert_eq!((partition.high_watermark, partition.last_stable_offset), (2, 2));
    let aborted = partition.aborted_transactions.as_ref().unwrap();
    let aborted: Vec<_> = aborted.iter().map(|it| (it.producer_id.0, it.first_offset)).collect();
    assert_eq!(aborted, [(producer.0, 0)]);
    assert!(partition.records.as_ref().unwrap().len() > 100, "records and marker");
}

#[test]
fn what_is_left_open_is_aborted_when_its_time_is_over() {
    let mut driver = driver();
    let producer = start(&mut driver, "id");
    driver.advance(5_000);
    add(&mut driver, "id", producer, 0);
    write(&mut driver, producer, 0, 0);
    driver.advance(999);
    // What is added later does not prolong it.
    add(&mut driver, "id", producer, 1);
    assert_eq!(ends(&mut driver, 0), (1, 0));
    driver.advance(1);
    assert_eq!(ends(&mut driver, 0), (2, 2));
    assert_eq!(markers(&driver, 0), [(1, Outcome::Abort)]);
    let fenced = Some(ResponseError::InvalidProducerEpoch);
    assert_eq!(finish(&mut driver, producer, true), fenced);
    assert_eq!(write(&mut driver, producer, 0, 1), fenced);
    assert_eq!(add(&mut driver, "id", producer, 0), fenced);
    assert_eq!(start(&mut driver, "id"), (producer.0, 2));
}

#[test]
fn a_deleted_topic_does_not_hold_its_transaction_up() {
    let mut driver = driver();
    driver.create_topic("u", 1, &[]);
    let producer = start(&mut driver, "id");
    driver.ask(0, &add_partitions("id", producer, &[("t", 0), ("u", 0)]));
    write(&mut driver, producer, 0, 0);
    driver.ask(3, &samples::delete_topics(&["u"]));
    assert_eq!(finish(&mut driver, producer, true), None);
    assert_eq!(ends(&mut driver, 0), (2, 2));
}
