use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{FetchRequest, ListOffsetsRequest};

use crate::config::BrokerConfig;
use crate::log::batch::BatchHeader;
use crate::log::records::Records;
use crate::testing::batches::{Batch, Keyed, keyed, produce};
use crate::testing::samples::{alter_configs, delete_topics, fetch, list_offsets};
use crate::testing::{Driver, Random, START};

const NOBODY: (i64, i16, i32) = (-1, -1, -1);
const DAY: i64 = 86_400_000;
/// Every batch is a segment, if its time is later than the one before.
const COMPACTED: [(&str, &str); 3] =
    [("cleanup.policy", "compact"), ("segment.ms", "1"), ("min.cleanable.dirty.ratio", "0")];

fn config() -> BrokerConfig {
    BrokerConfig { retention_check_ms: 100, cleaner_backoff_ms: 100, ..BrokerConfig::default() }
}

fn driver(settings: &[(&str, &str)]) -> Driver {
    let mut driver = Driver::kept(config());
    driver.create_topic("t", 1, settings);
    driver
}

fn send(driver: &mut Driver, batch: Bytes) -> i64 {
    let response = driver.ask(8, &produce("t", batch));
    let partition = &response.responses[0].partition_responses[0];
    assert_eq!(partition.error_code, 0, "{:?}", partition.error_message);
    partition.base_offset
}

/// Sends records of one time, which later calls have later.
fn put(driver: &mut Driver, records: &[(&str, Option<&str>)]) -> i64 {
    driver.now += 10;
    let now = driver.now;
    let records: Vec<Keyed<'_>> = records.iter().map(|(key, value)| (*key, now, *value)).collect();
    send(driver, keyed(&records, NOBODY, 0))
}

fn batches(driver: &Driver) -> Vec<Bytes> {
    driver.broker.topics.partition("t", 0).unwrap().read(0, i64::MAX, usize::MAX, true).0
}

/// Returns what a reader sees: offsets, keys, and whether there are values.
fn seen(driver: &Driver) -> Vec<(i64, String, bool)> {
    let mut seen = Vec::new();
    for batch in batches(driver) {
        let header = BatchHeader::read(&batch).unwrap();
        assert!(header.has_checksum_of(&batch));
        let records = Records::unpack(&batch, &header).unwrap();
        for entry in records.entries().map(Result::unwrap) {
            let offset = header.base_offset + i64::from(entry.head.offset_delta);
            let key = String::from_utf8(entry.key.unwrap().to_vec()).unwrap();
            seen.push((offset, key, entry.has_value));
        }
    }
    seen
}

fn offsets(driver: &Driver) -> Vec<i64> {
    seen(driver).into_iter().map(|(offset, _, _)| offset).collect()
}

fn bounds(driver: &Driver) -> (i64, i64) {
    let log = driver.broker.topics.partition("t", 0).unwrap();
    (log.start_offset(), log.end_offset())
}

fn check_room(driver: &Driver) {
    let logs = driver.broker.topics.iter().flat_map(|(_, topic)| &topic.partitions);
    assert_eq!(driver.broker.topics.room_used(), logs.map(|log| log.charged()).sum::<u64>());
}

#[test]
fn the_last_of_every_key_stays_at_its_offset() {
    let mut driver = driver(&COMPACTED);
    put(&mut driver, &[("a", Some("1")), ("b", Some("1"))]);
    put(&mut driver, &[("a", Some("2")), ("a", Some("3"))]);
    put(&mut driver, &[("b", Some("2")), ("c", Some("1"))]);
    put(&mut driver, &[("c", Some("2"))]);
    assert_eq!(offsets(&driver), [0, 1, 2, 3, 4, 5, 6]);
    driver.advance(100);
    // The last segment is not cleaned, and says nothing about the others.
    assert_eq!(offsets(&driver), [3, 4, 5, 6]);
    assert_eq!(bounds(&driver), (0, 7), "the log begins where it did");
    check_room(&driver);
    put(&mut driver, &[("d", Some("1"))]);
    driver.advance(100);
    assert_eq!(offsets(&driver), [3, 4, 6, 7]);
    let before = seen(&driver);
    driver.restart();
    assert_eq!((seen(&driver), bounds(&driver)), (before, (0, 8)));
    check_room(&driver);
}

#[test]
fn batches_that_lose_nothing_stay_byte_for_byte_and_others_record_for_record() {
    for codec in 0..5 {
        let mut driver = driver(&COMPACTED);
        let now = driver.now;
        let three: [Keyed<'_>; 3] =
            [("a", now, Some("1")), ("b", now + 1, Some("2")), ("c", now + 2, Some("3"))];
        send(&mut driver, keyed(&three, NOBODY, codec));
        send(&mut driver, keyed(&[("b", now + 20, Some("4"))], NOBODY, codec));
        send(&mut driver, keyed(&[("x", now + 40, Some("5"))], NOBODY, codec));
        let before = batches(&driver);
        driver.advance(100);
        let after = batches(&driver);
        assert_eq!(after[1..], before[1..], "codec {codec}");
        let records_of = |batch: &Bytes| {
            let header = BatchHeader::read(batch).unwrap();
            let records = Records::unpack(batch, &header).unwrap();
            let entries = records.entries().map(|entry| entry.unwrap().whole.to_vec());
            (header.compression(), header.base_offset, header.last_offset(), entries.collect())
        };
        let (compression, base, last, whole): (_, _, _, Vec<_>) = records_of(&after[0]);
        let expected: (_, _, _, Vec<_>) = records_of(&before[0]);
        assert_eq!((compression, base, last), (codec, 0, 2));
        assert_eq!(whole, [expected.3[0].clone(), expected.3[2].clone()], "headers and all");
        // A time that is gone is found at the next one.
        let found = driver.ask(5, &list_offsets("t", &[(0, now + 1)]));
        assert_eq!(found.topics[0].partitions[0].offset, 2);
    }
}

#[test]
fn a_tombstone_stays_for_its_time_and_goes_with_a_later_pass() {
    let mut driver = driver(&[&COMPACTED[..], &[("delete.retention.ms", "86400000")]].concat());
    put(&mut driver, &[("a", Some("1")), ("b", Some("1"))]);
    put(&mut driver, &[("a", None)]);
    put(&mut driver, &[("c", Some("1"))]);
    driver.advance(100);
    assert_eq!(offsets(&driver), [1, 2, 3]);
    let tombstone = batches(&driver).remove(1);
    let header = BatchHeader::read(&tombstone).unwrap();
    assert_eq!(header.delete_horizon(), Some(START + 110 + DAY));
    let records = Records::unpack(&tombstone, &header).unwrap();
    let time = records.entries().next().unwrap().unwrap().head.timestamp;
    assert_eq!(time, START + 20, "the record's own time is what it was");
    check_room(&driver);
    // Its day is over for a pass that begins afterwards, and only for that.
    driver.advance(DAY - 1_000);
    put(&mut driver, &[("d", Some("1"))]);
    driver.advance(100);
    assert_eq!(offsets(&driver), [1, 2, 3, 4]);
    driver.advance(DAY);
    assert_eq!(offsets(&driver), [1, 2, 3, 4], "nothing came since");
    put(&mut driver, &[("e", Some("1"))]);
    driver.advance(100);
    assert_eq!(offsets(&driver), [1, 3, 4, 5]);
    check_room(&driver);
}

#[test]
fn a_producer_is_known_by_its_last_batch_though_its_records_are_gone() {
    let mut driver = driver(&COMPACTED);
    let at = |driver: &mut Driver, key, sequence| {
        driver.now += 10;
        let records = [(key, driver.now, Some("v"))];
        send(driver, keyed(&records, (7, 0, sequence), 2))
    };
    at(&mut driver, "a", 0);
    at(&mut driver, "a", 1);
    put(&mut driver, &[("a", Some("2"))]);
    put(&mut driver, &[("x", Some("1"))]);
    driver.advance(100);
    assert_eq!(offsets(&driver), [2, 3]);
    let first = BatchHeader::read(&batches(&driver)[0]).unwrap();
    assert_eq!((first.base_offset, first.count(), first.compression()), (1, 0, 0));
    driver.restart();
    assert_eq!(at(&mut driver, "a", 1), 1, "a retry");
    assert_eq!(at(&mut driver, "a", 2), 4);
    // A reader in the middle of nothing gets on.
    let read = driver.ask(11, &fetch("t", &[(0, 0)]));
    let records = read.responses[0].partitions[0].records.clone().unwrap();
    assert!(records.len() > first.count() as usize);
}

#[test]
fn lags_and_the_ratio_decide_what_is_cleaned() {
    let with = |more: &[(&str, &str)]| {
        let policy = [("cleanup.policy", "compact"), ("segment.ms", "1")];
        let mut driver = driver(&[&policy[..], more].concat());
        for _ in 0..4 {
            put(&mut driver, &[("a", Some("1"))]);
        }
        driver
    };
    let mut young = with(&[("min.cleanable.dirty.ratio", "0"), ("min.compaction.lag.ms", "1000")]);
    young.advance(900);
    assert_eq!(offsets(&young), [0, 1, 2, 3]);
    young.advance(300);
    assert_eq!(offsets(&young), [2, 3]);
    // All of it is dirty at first, and one batch in three later.
    let mut clean = with(&[("min.cleanable.dirty.ratio", "0.6")]);
    clean.advance(100);
    assert_eq!(offsets(&clean), [2, 3]);
    clean.advance(1_000);
    put(&mut clean, &[("b", Some("1"))]);
    clean.advance(1_000);
    assert_eq!(offsets(&clean), [2, 3, 4], "half is not enough");
    // The ratio is no reason to wait for longer than may be waited.
    let overdue = [("min.cleanable.dirty.ratio", "1"), ("max.compaction.lag.ms", "5000")];
    let mut overdue = with(&overdue);
    overdue.advance(4_900);
    assert_eq!(offsets(&overdue), [0, 1, 2, 3]);
    overdue.advance(200);
    assert_eq!(offsets(&overdue), [2, 3]);
}

#[test]
fn more_keys_than_there_is_room_for_take_several_passes() {
    let config = BrokerConfig { cleaner_keys_bytes_max: 150, ..config() };
    let mut driver = Driver::kept(config);
    driver.create_topic("t", 1, &COMPACTED);
    for round in ["1", "2"] {
        for key in ["a", "b", "c", "d", "e"] {
            put(&mut driver, &[(key, Some(round))]);
        }
    }
    put(&mut driver, &[("x", Some("1"))]);
    driver.advance(100);
    assert_eq!(offsets(&driver), [5, 6, 7, 8, 9, 10]);
}

#[test]
fn a_pass_is_done_in_steps_and_survives_what_happens_between_them() {
    let mut driver = driver(&COMPACTED);
    let value = "v".repeat(400_000);
    let fill = |driver: &mut Driver| {
        for key in ["a", "a", "b", "b", "x"] {
            put(driver, &[(key, Some(&value))]);
        }
    };
    fill(&mut driver);
    driver.now = driver.broker.next_deadline().unwrap().as_i64();
    let mut steps = 0;
    let tick = |driver: &mut Driver| {
        let id = driver.connect();
        driver.call(id, 5, &list_offsets("t", &[(0, -1)]));
    };
    while driver.broker.next_deadline().is_some_and(|at| at.as_i64() <= driver.now) {
        tick(&mut driver);
        steps += 1;
    }
    assert!((3..10).contains(&steps), "{steps} steps");
    assert_eq!(offsets(&driver), [1, 3, 4]);
    // Its topic is deleted, and another one takes its name.
    fill(&mut driver);
    driver.now += 100;
    tick(&mut driver);
    driver.ask(3, &delete_topics(&["t"]));
    driver.create_topic("t", 1, &COMPACTED);
    fill(&mut driver);
    while driver.broker.next_deadline().is_some_and(|at| at.as_i64() <= driver.now) {
        tick(&mut driver);
    }
    assert_eq!(offsets(&driver), [0, 1, 2, 3, 4], "the other's pass is over");
    driver.advance(200);
    assert_eq!(offsets(&driver), [1, 3, 4]);
    check_room(&driver);
}

#[test]
fn records_that_are_too_old_go_by_whole_segments() {
    let mut driver = driver(&[("retention.ms", "1000"), ("segment.ms", "100")]);
    let at = |driver: &mut Driver, time| send(driver, Batch::at(&[time]).encode());
    // Two segments, and the one that is written to.
    for time in [0, 50, 150, 200, 900] {
        at(&mut driver, START + time);
    }
    let reader = driver.connect();
    driver.send(reader, 11, &fetch("t", &[(0, 5)]).with_max_wait_ms(60_000).with_min_bytes(1));
    driver.advance(1_050);
    assert_eq!(bounds(&driver), (0, 5), "as old as may be, not older");
    driver.advance(100);
    assert_eq!(bounds(&driver), (2, 5));
    driver.advance(150);
    assert_eq!(bounds(&driver), (4, 5));
    driver.advance(700);
    assert_eq!(bounds(&driver), (5, 5), "the last segment too");
    assert!(driver.answer::<FetchRequest>(reader, 11).is_none(), "who is at the end waits on");
    check_room(&driver);
    assert_eq!(driver.broker.topics.room_used(), 0);
    driver.restart();
    assert_eq!(bounds(&driver), (5, 5));
    assert_eq!(at(&mut driver, START + 2_000), 5);
    let gone = driver.ask(11, &fetch("t", &[(0, 4)]));
    let expected = ResponseError::OffsetOutOfRange.code();
    assert_eq!(gone.responses[0].partitions[0].error_code, expected);
}

#[test]
fn records_that_are_too_many_go_by_whole_segments() {
    let settings =
        [("retention.bytes", "2500000"), ("segment.bytes", "1048576"), ("retention.ms", "-1")];
    let mut driver = driver(&settings);
    let batch = Batch { value_bytes: 500_000, ..Batch::default() }.encode();
    for _ in 0..5 {
        send(&mut driver, batch.clone());
    }
    driver.advance(100);
    assert_eq!(bounds(&driver), (0, 5), "a segment more than would leave too few");
    (0..3).for_each(|_| _ = send(&mut driver, batch.clone()));
    driver.advance(100);
    assert_eq!(bounds(&driver), (2, 8));
    driver.restart();
    assert_eq!(bounds(&driver), (2, 8));
    check_room(&driver);
    // What was set later counts, and a policy without deletion keeps all.
    driver.ask(1, &alter_configs("t", &[("retention.bytes", Some("0"))]));
    driver.advance(100);
    assert_eq!(bounds(&driver), (8, 8));
}

#[test]
fn nothing_goes_from_a_topic_that_is_only_compacted_and_all_from_one_that_is_both() {
    for (policy, start) in [("compact", 0), ("compact,delete", 3)] {
        let settings = [("cleanup.policy", policy), ("retention.ms", "1000"), ("segment.ms", "1")];
        let mut driver = driver(&settings);
        for key in ["a", "b", "c"] {
            put(&mut driver, &[(key, Some("1"))]);
        }
        driver.advance(2_000);
        assert_eq!(bounds(&driver), (start, 3), "{policy}");
    }
}

#[test]
fn nobody_waits_for_nothing() {
    let mut driver = driver(&[]);
    assert_eq!(driver.broker.next_deadline(), None);
    send(&mut driver, Batch::at(&[START]).encode());
    assert!(driver.broker.next_deadline().is_some());
    driver.ask(1, &alter_configs("t", &[("retention.ms", Some("-1"))]));
    driver.advance(1_000);
    assert_eq!(driver.broker.next_deadline(), None, "there is no limit");
}

/// What a compacted log has to show: the last of every key, at its offset.
#[derive(Default)]
struct Model {
    last: BTreeMap<String, (i64, bool)>,
}

#[test]
fn whatever_happens_the_last_values_are_there_and_the_room_is_known() {
    for seed in 1..30 {
        let mut random = Random(seed);
        let mut driver = driver(&COMPACTED);
        let mut model = Model::default();
        let mut written = BTreeSet::new();
        let mut sequence = 0;
        for _ in 0..150 {
            driver.now += 1 + random.below(20) as i64;
            match random.below(20) {
                0 => driver.advance(150),
                1 => driver.restart(),
                2 => driver.advance(DAY / 3),
                _ => {
                    let count = 1 + random.below(4);
                    let named: Vec<(String, bool)> = (0..count)
                        .map(|_| (format!("k{}", random.below(6)), random.below(4) > 0))
                        .collect();
                    let now = driver.now;
                    let records: Vec<Keyed<'_>> = named
                        .iter()
                        .map(|(key, has_value)| (key.as_str(), now, has_value.then_some("v")))
                        .collect();
                    let producer = if random.below(2) == 0 { NOBODY } else { (5, 0, sequence) };
                    if producer != NOBODY {
                        sequence += count as i32;
                    }
                    let codec = random.below(5) as i16;
                    let base = send(&mut driver, keyed(&records, producer, codec));
                    for ((key, has_value), offset) in named.into_iter().zip(base..) {
                        written.insert((offset, key.clone(), has_value));
                        model.last.insert(key, (offset, has_value));
                    }
                }
            }
            let seen = seen(&driver);
            assert!(seen.iter().all(|it| written.contains(it)), "seed {seed}");
            assert!(seen.is_sorted_by_key(|it| it.0), "seed {seed}");
            for (key, (offset, has_value)) in &model.last {
                let there = seen.contains(&(*offset, key.clone(), *has_value));
                let is_newest = !seen.iter().any(|it| it.1 == *key && it.0 > *offset);
                let is_gone = !has_value && !seen.iter().any(|it| it.1 == *key);
                assert!(is_newest && (there || is_gone), "seed {seed}: {key} at {offset}");
            }
            check_room(&driver);
        }
        let end = bounds(&driver).1;
        driver.restart();
        assert_eq!(bounds(&driver).1, end, "seed {seed}");
        let latest = driver.ask(5, &list_offsets("t", &[(0, -1)]));
        let latest: <ListOffsetsRequest as kafka_protocol::protocol::Request>::Response = latest;
        assert_eq!(latest.topics[0].partitions[0].offset, end);
    }
}

mod transactions;
