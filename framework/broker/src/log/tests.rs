use super::*;
use crate::log::batch::find_single;
use crate::log::lookup::TimedOffset;
use crate::testing::batches::Batch;
use crate::time::Millis;
use crate::topics::settings::TopicConfig;

const PRODUCERS: ProducersConfig = ProducersConfig { producers_max: 10, expiration_ms: 1_000 };

fn append(log: &mut PartitionLog, batch: &Batch) -> Appended {
    let bytes = batch.encode();
    let (_, header) = find_single(&bytes).unwrap();
    let config = TopicConfig::new(Default::default()).unwrap();
    let bytes = BytesMut::from(bytes);
    let at = Moment { now: Millis::new(5), stamp: Millis::new(5) };
    log.append(at, config.settings(), &PRODUCERS, &header, bytes)
}

/// A log of batches of one, two, three and four records.
fn filled() -> (PartitionLog, [usize; 4]) {
    let mut log = PartitionLog::default();
    let mut sizes = [0; 4];
    for (count, size) in (1..).zip(&mut sizes) {
        let batch = Batch::of(count);
        append(&mut log, &batch);
        *size = batch.encode().len();
    }
    (log, sizes)
}

fn read(log: &PartitionLog, offset: i64, bytes_max: usize, at_least_one: bool) -> Vec<Bytes> {
    log.read(offset, i64::MAX, bytes_max, at_least_one).0
}

fn sizes(batches: &[Bytes]) -> Vec<usize> {
    batches.iter().map(Bytes::len).collect()
}

#[test]
fn offsets_are_given_in_order() {
    let (mut log, _) = filled();
    assert_eq!((log.start_offset(), log.end_offset()), (0, 10));
    let appended = append(&mut log, &Batch::of(2));
    assert_eq!(appended, Appended { base_offset: 10, append_time: -1, is_new: true });
    let bases: Vec<i64> = read(&log, 0, usize::MAX, false)
        .iter()
        .map(|batch| BatchHeader::read(batch).unwrap().base_offset)
        .collect();
    assert_eq!(bases, [0, 1, 3, 6, 10]);
}

#[test]
fn a_read_begins_with_the_batch_that_holds_the_offset() {
    let (log, all) = filled();
    assert_eq!(sizes(&read(&log, 0, usize::MAX, false)), all);
    assert_eq!(sizes(&read(&log, 2, usize::MAX, false)), all[1..]);
    assert_eq!(sizes(&read(&log, 3, usize::MAX, false)), all[2..]);
    assert_eq!(sizes(&read(&log, 9, usize::MAX, false)), all[3..]);
    assert!(read(&log, 10, usize::MAX, true).is_empty());
}

#[test]
fn a_read_takes_whole_batches_within_its_limit() {
    let (log, all) = filled();
    assert_eq!(sizes(&read(&log, 0, all[0] + all[1], false)), all[..2]);
    assert_eq!(sizes(&read(&log, 0, all[0] + all[1] + all[2] - 1, false)), all[..2]);
    assert!(read(&log, 0, all[0] - 1, false).is_empty());
    assert_eq!(sizes(&read(&log, 0, 0, true)), all[..1], "the first in any case");
}

#[test]
fn the_bytes_ahead_are_known() {
    let (mut log, all) = filled();
    let ahead = |log: &PartitionLog| (0..=10).map(|at| log.bytes_ahead(at)).collect::<Vec<_>>();
    let from = |index: usize| all[index..].iter().sum::<usize>() as u64;
    let expected = [0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4].map(from);
    assert_eq!(ahead(&log), expected);
    assert_eq!(log.charged(), all.map(charge).iter().sum::<u64>());
    log.delete_before(3).unwrap();
    assert_eq!(ahead(&log)[3..], expected[3..]);
}

#[test]
fn the_beginning_can_be_deleted() {
    let (mut log, all) = filled();
    assert_eq!(log.delete_before(2), Ok((2, charge(all[0]))), "within a batch, which stays");
    assert_eq!(sizes(&read(&log, 2, usize::MAX, false)), all[1..]);
    assert_eq!(log.delete_before(1), Ok((2, 0)), "back is not possible");
    assert!(log.check_readable(2).is_ok() && log.check_readable(10).is_ok());
    for outside in [-1, 0, 1, 11] {
        let refusal = log.check_readable(outside).unwrap_err();
        assert_eq!(refusal.error, ResponseError::OffsetOutOfRange, "{outside}");
    }
    for wrong in [-2, 11] {
        assert_eq!(log.delete_before(wrong).unwrap_err().error, ResponseError::OffsetOutOfRange);
    }
    let rest = all[1..].iter().map(|size| charge(*size)).sum();
    assert_eq!(log.delete_before(-1), Ok((10, rest)));
    assert_eq!((log.start_offset(), log.end_offset(), log.charged()), (10, 10, 0));
    assert_eq!(append(&mut log, &Batch::of(1)).base_offset, 10);
}

/// What a search through all records would find.
fn search(times: &[i64], start: usize, target: i64) -> Option<TimedOffset> {
    let found = (start..).zip(&times[start..]).find(|(_, time)| **time >= target);
    found.map(|(offset, time)| TimedOffset { timestamp: *time, offset: offset as i64 })
}

#[test]
fn times_are_found_to_the_record_wherever_they_are() {
    // Batches whose times go up and down, within and between them.
    let batches: [&[i64]; 5] = [&[50, 10], &[40, 90, 20], &[30], &[90, 95, 5, 95], &[60, 70]];
    let times = batches.concat();
    for deleted in 0..=times.len() {
        let mut log = PartitionLog::default();
        batches.iter().for_each(|batch| _ = append(&mut log, &Batch::at(batch)));
        log.delete_before(deleted as i64).unwrap();
        for target in 0..=100 {
            let expected = search(&times, deleted, target);
            assert_eq!(log.find_time(target), expected, "time {target}, {deleted} deleted");
        }
        let largest = times[deleted..].iter().max();
        let expected = largest.and_then(|largest| search(&times, deleted, *largest));
        assert_eq!(log.find_latest_time(), expected, "{deleted} deleted");
    }
}
