use bytes::BytesMut;

use super::*;
use crate::log::batch::find_single;
use crate::testing::transactions::batch as transactional;
use crate::topics::settings::TopicConfig;

const PRODUCERS: ProducersConfig = ProducersConfig { producers_max: 10, expiration_ms: 1_000 };
const AT: Moment = Moment { now: Millis::new(5), stamp: Millis::new(1_000) };

fn write(log: &mut PartitionLog, producer: (i64, i16), sequence: i32, count: usize) {
    let bytes = transactional(producer, sequence, count);
    let (_, header) = find_single(&bytes).unwrap();
    let config = TopicConfig::new(Default::default()).unwrap();
    log.append(AT, config.settings(), &PRODUCERS, &header, BytesMut::from(bytes));
}

fn end(log: &mut PartitionLog, producer_id: i64, producer_epoch: i16, outcome: Outcome) {
    log.append_marker(AT, &PRODUCERS, Marker { producer_id, producer_epoch, outcome });
}

#[test]
fn a_marker_has_the_bytes_of_kafkas() {
    let marker = Marker { producer_id: 7, producer_epoch: 3, outcome: Outcome::Commit };
    let bytes = marker.encode(42, 1_000);
    let header = BatchHeader::read(&bytes).unwrap();
    assert!(header.is_control() && header.is_transactional() && header.has_checksum_of(&bytes));
    assert_eq!((header.base_offset, header.last_offset(), header.count()), (42, 42, 1));
    assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (7, 3, -1));
    assert_eq!(batch::size_of(&bytes), Some(bytes.len()));
    // Length 16; then attributes, time, offset; a key of version 0 and type 1; a value of version 0
    // and coordinator epoch 0; no headers.
    assert_eq!(bytes[61..], [32, 0, 0, 0, 8, 0, 0, 0, 1, 12, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(outcome_of(&bytes, &header), Some(Outcome::Commit));
    let abort = Marker { outcome: Outcome::Abort, ..marker }.encode(42, 1_000);
    assert_eq!(outcome_of(&abort, &header), Some(Outcome::Abort));
}

#[test]
fn stable_is_what_lies_before_the_first_open_transaction() {
    let mut log = PartitionLog::default();
    write(&mut log, (1, 0), 0, 2);
    assert_eq!(log.last_stable_offset(), 0);
    write(&mut log, (2, 0), 0, 3);
    end(&mut log, 1, 0, Outcome::Commit);
    assert_eq!((log.last_stable_offset(), log.end_offset()), (2, 6));
    write(&mut log, (1, 0), 2, 1);
    end(&mut log, 2, 0, Outcome::Abort);
    assert_eq!((log.last_stable_offset(), log.end_offset()), (6, 8));
    end(&mut log, 1, 0, Outcome::Commit);
    assert_eq!((log.last_stable_offset(), log.end_offset()), (9, 9));
    // A producer that has not written here can be told to end, too.
    end(&mut log, 3, 0, Outcome::Abort);
    assert_eq!((log.last_stable_offset(), log.aborted.len()), (10, 1));
}

#[test]
fn readers_are_told_of_the_aborted_transactions_they_meet() {
    let mut log = PartitionLog::default();
    for (epoch, outcome) in [(0, Outcome::Abort), (1, Outcome::Commit), (2, Outcome::Abort)] {
        write(&mut log, (1, epoch), 0, 2);
        end(&mut log, 1, epoch, outcome);
    }
    let told = |log: &PartitionLog, from, until| -> Vec<(i64, i64)> {
        let aborted = log.aborted_within(from, until);
        aborted.iter().map(|it| (it.first_offset, it.last_offset)).collect()
    };
    assert_eq!(told(&log, 0, 9), [(0, 2), (6, 8)]);
    assert_eq!(told(&log, 2, 6), [(0, 2)]);
    assert_eq!(told(&log, 3, 6), []);
    assert_eq!(told(&log, 3, 7), [(6, 8)]);
    log.delete_before(3).unwrap();
    assert_eq!(told(&log, 0, 9), [(6, 8)]);
}

#[test]
fn a_log_that_comes_back_knows_its_transactions() {
    let mut log = PartitionLog::default();
    write(&mut log, (1, 0), 0, 2);
    end(&mut log, 1, 0, Outcome::Abort);
    write(&mut log, (1, 0), 2, 2);
    end(&mut log, 1, 0, Outcome::Commit);
    write(&mut log, (2, 4), 0, 2);
    let (batches, _) = log.read(0, i64::MAX, usize::MAX, true);
    let mut again = PartitionLog::default();
    again.restore(Millis::new(9), &PRODUCERS, batches).unwrap();
    assert_eq!(again.last_stable_offset(), 6);
    assert_eq!(again.aborted, log.aborted);
    assert!(again.has_open_transaction(2, 4) && !again.has_open_transaction(2, 3));
    assert_eq!(again.open_transactions().collect::<Vec<_>>(), [(2, 4)]);
}

#[test]
fn a_producer_with_an_open_transaction_is_not_forgotten() {
    let mut log = PartitionLog::default();
    let few = ProducersConfig { producers_max: 2, expiration_ms: 1 };
    write(&mut log, (1, 0), 0, 1);
    for id in 2..10 {
        let marker = Marker { producer_id: id, producer_epoch: 0, outcome: Outcome::Commit };
        log.append_marker(Moment { now: Millis::new(99), ..AT }, &few, marker);
    }
    assert!(log.has_open_transaction(1, 0));
    assert_eq!(log.last_stable_offset(), 0);
}

#[test]
fn the_beginning_of_an_open_transaction_can_be_deleted() {
    let mut log = PartitionLog::default();
    write(&mut log, (1, 0), 0, 2);
    write(&mut log, (1, 0), 2, 2);
    log.delete_before(2).unwrap();
    assert_eq!(log.last_stable_offset(), 2);
}
