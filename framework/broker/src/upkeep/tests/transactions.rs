//! Compaction of records that belong to transactions.

use super::*;
use crate::testing::transactions::{Producer, add_partitions, end, init, produce};

/// A producer that writes transactions of one record.
struct Writer {
    producer: Producer,
    sequence: i32,
}

impl Writer {
    fn new(driver: &mut Driver) -> Self {
        let given = driver.ask(4, &init("id", 900_000, None));
        Self { producer: (given.producer_id.0, given.producer_epoch), sequence: 0 }
    }

    fn put(&mut self, driver: &mut Driver, key: &str) {
        driver.now += 10;
        driver.ask(0, &add_partitions("id", self.producer, &[("t", 0)]));
        let numbers = (self.producer.0, self.producer.1, self.sequence);
        let mut batch = keyed(&[(key, driver.now, Some("v"))], numbers, 0).to_vec();
        // Transactional.
        batch[22] |= 0x10;
        let crc = crc32c::crc32c(&batch[21..]);
        batch[17..21].copy_from_slice(&crc.to_be_bytes());
        let response = driver.ask(8, &produce("id", "t", 0, batch.into()));
        assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
        self.sequence += 1;
    }

    fn end(&self, driver: &mut Driver, is_commit: bool) {
        driver.now += 10;
        assert_eq!(driver.ask(1, &end("id", self.producer, is_commit)).error_code, 0);
    }
}

/// Returns the offsets that are left of records, and of markers.
fn left(driver: &Driver) -> (Vec<i64>, Vec<i64>) {
    let (mut records, mut markers) = (Vec::new(), Vec::new());
    for batch in batches(driver) {
        let header = BatchHeader::read(&batch).unwrap();
        assert!(header.has_checksum_of(&batch));
        let unpacked = Records::unpack(&batch, &header).unwrap();
        for entry in unpacked.entries().map(Result::unwrap) {
            let offset = header.base_offset + i64::from(entry.head.offset_delta);
            if header.is_control() { &mut markers } else { &mut records }.push(offset);
        }
    }
    (records, markers)
}

#[test]
fn committed_records_supersede_and_aborted_ones_go() {
    let mut driver = driver(&COMPACTED);
    let mut writer = Writer::new(&mut driver);
    put(&mut driver, &[("a", Some("plain")), ("b", Some("plain"))]);
    writer.put(&mut driver, "a");
    writer.end(&mut driver, true);
    writer.put(&mut driver, "b");
    writer.end(&mut driver, false);
    put(&mut driver, &[("x", Some("last"))]);
    assert_eq!(left(&driver), (vec![0, 1, 2, 4, 6], vec![3, 5]));
    driver.advance(100);
    // The commit supersedes, the abort does not.
    assert_eq!(left(&driver), (vec![1, 2, 6], vec![3, 5]));
    check_room(&driver);
    driver.restart();
    assert_eq!(left(&driver), (vec![1, 2, 6], vec![3, 5]));
}

#[test]
fn nothing_of_an_open_transaction_or_behind_it_is_cleaned() {
    let mut driver = driver(&COMPACTED);
    let mut writer = Writer::new(&mut driver);
    put(&mut driver, &[("a", Some("1"))]);
    put(&mut driver, &[("a", Some("2"))]);
    writer.put(&mut driver, "a");
    put(&mut driver, &[("a", Some("3"))]);
    put(&mut driver, &[("x", Some("last"))]);
    driver.advance(1_000);
    assert_eq!(left(&driver).0, [1, 2, 3, 4]);
    writer.end(&mut driver, true);
    put(&mut driver, &[("y", Some("last"))]);
    driver.advance(1_000);
    assert_eq!(left(&driver), (vec![3, 4, 6], vec![5]));
}

#[test]
fn a_marker_goes_when_it_has_had_no_records_for_its_time() {
    let settings = [&COMPACTED[..], &[("delete.retention.ms", "1000")]].concat();
    let mut driver = driver(&settings);
    let mut writer = Writer::new(&mut driver);
    writer.put(&mut driver, "a");
    writer.end(&mut driver, false);
    writer.put(&mut driver, "b");
    writer.end(&mut driver, true);
    put(&mut driver, &[("x", Some("last"))]);
    let aborted = |driver: &Driver| {
        driver.broker.topics.partition("t", 0).unwrap().aborted_within(0, i64::MAX).len()
    };
    driver.advance(100);
    assert_eq!((left(&driver), aborted(&driver)), ((vec![2, 4], vec![1, 3]), 1));
    // The next pass finds no records of it, the one after its time is over.
    put(&mut driver, &[("x", Some("last"))]);
    driver.advance(100);
    assert_eq!((left(&driver), aborted(&driver)), ((vec![2, 4, 5], vec![1, 3]), 0));
    driver.advance(1_000);
    put(&mut driver, &[("y", Some("last"))]);
    driver.advance(100);
    assert_eq!(left(&driver), (vec![2, 5, 6], vec![3]));
    let before = left(&driver);
    driver.restart();
    assert_eq!((left(&driver), aborted(&driver)), (before, 0));
}
