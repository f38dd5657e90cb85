use super::*;
use crate::log::batch::find_single;
use crate::testing::batches::Batch;

const CONFIG: ProducersConfig = ProducersConfig { producers_max: 3, expiration_ms: 1_000 };

/// Sends batches one after the other, as a partition would take them.
#[derive(Default)]
struct Partition {
    producers: Producers,
    now: i64,
    end: i64,
}

impl Partition {
    fn send(
        &mut self,
        id: i64,
        epoch: i16,
        sequence: i32,
        count: usize,
    ) -> Result<i64, ResponseError> {
        let bytes = Batch::from_producer(id, epoch, sequence, count).encode();
        let (_, header) = find_single(&bytes).unwrap();
        let now = Millis::new(self.now);
        match self.producers.check(now, &CONFIG, &header) {
            Err(refusal) => Err(refusal.error),
            Ok(Sequence::Duplicate(earlier)) => Ok(earlier.base_offset),
            Ok(Sequence::Next) => {
                let base = self.end;
                self.producers.record(now, &CONFIG, &header, base, 0);
                self.end += header.count();
                Ok(base)
            }
        }
    }
}

const GAP: Result<i64, ResponseError> = Err(ResponseError::OutOfOrderSequenceNumber);

#[test]
fn batches_follow_each_other_without_gap_or_repetition() {
    let mut partition = Partition::default();
    assert_eq!(partition.send(1, 0, 0, 3), Ok(0));
    assert_eq!(partition.send(1, 0, 3, 2), Ok(3));
    assert_eq!(partition.send(1, 0, 3, 2), Ok(3), "sent again");
    assert_eq!(partition.send(1, 0, 0, 3), Ok(0), "sent again late");
    assert_eq!(partition.send(1, 0, 6, 1), GAP);
    assert_eq!(partition.send(1, 0, 4, 1), GAP, "a part is not the same batch");
    assert_eq!(partition.send(1, 0, 5, 1), Ok(5));
    // Another producer has numbers of its own.
    assert_eq!(partition.send(2, 0, 0, 1), Ok(6));
}

#[test]
fn five_batches_are_remembered() {
    let mut partition = Partition::default();
    for sequence in 0..6 {
        assert_eq!(partition.send(1, 0, sequence, 1), Ok(i64::from(sequence)));
    }
    assert_eq!(partition.send(1, 0, 1, 1), Ok(1));
    assert_eq!(partition.send(1, 0, 0, 1), GAP);
}

#[test]
fn a_new_epoch_starts_at_zero_and_ends_the_old_one() {
    let mut partition = Partition::default();
    assert_eq!(partition.send(1, 3, 0, 1), Ok(0));
    assert_eq!(partition.send(1, 4, 1, 1), GAP);
    assert_eq!(partition.send(1, 4, 0, 1), Ok(1));
    assert_eq!(partition.send(1, 3, 1, 1), Err(ResponseError::InvalidProducerEpoch));
    assert_eq!(partition.send(1, 3, 0, 1), Err(ResponseError::InvalidProducerEpoch));
    assert_eq!(partition.send(1, 4, 1, 1), Ok(2));
}

#[test]
fn the_sequence_wraps() {
    let mut partition = Partition::default();
    assert_eq!(partition.send(1, 0, i32::MAX - 1, 1), Ok(0));
    assert_eq!(partition.send(1, 0, i32::MAX, 3), Ok(1));
    assert_eq!(partition.send(1, 0, i32::MAX, 3), Ok(1), "sent again over the edge");
    assert_eq!(partition.send(1, 0, 2, 1), Ok(4));
    let mut exactly = Partition::default();
    assert_eq!(exactly.send(1, 0, i32::MAX, 1), Ok(0));
    assert_eq!(exactly.send(1, 0, 0, 1), Ok(1));
}

#[test]
fn silent_producers_are_forgotten() {
    let mut partition = Partition::default();
    assert_eq!(partition.send(1, 0, 0, 1), Ok(0));
    partition.now = 999;
    assert_eq!(partition.send(1, 0, 5, 1), GAP);
    partition.now = 1_000;
    // Nobody knows it any more, so it may go on with any number.
    assert_eq!(partition.send(1, 0, 5, 1), Ok(1));
    assert_eq!(partition.send(1, 0, 0, 1), GAP, "what it sent before is forgotten too");
}

#[test]
fn the_one_silent_for_longest_makes_room() {
    let mut partition = Partition::default();
    for id in 1..=3 {
        partition.now += 1;
        assert!(partition.send(id, 0, 0, 1).is_ok());
    }
    partition.now += 1;
    assert_eq!(partition.send(1, 0, 1, 1), Ok(3));
    assert_eq!(partition.send(4, 0, 0, 1), Ok(4));
    assert_eq!(partition.producers.by_id.keys().copied().collect::<Vec<_>>(), [1, 3, 4]);
}

#[test]
fn producers_without_id_are_not_remembered() {
    let mut partition = Partition::default();
    assert_eq!(partition.send(-1, -1, -1, 1), Ok(0));
    assert!(partition.producers.by_id.is_empty());
}
