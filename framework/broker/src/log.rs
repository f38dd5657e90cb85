//! The log of one partition: batches as they were sent, in order of offset.
//!
//! A batch is not taken apart to be stored or served. The broker sets its base offset and leader
//! epoch in place (both lie outside the checksum) and hands out the same bytes to every reader.
//! Cleaning keeps raw what loses no record.

pub(crate) mod batch;
pub(crate) mod cleaning;
pub(crate) mod expansion;
pub(crate) mod lookup;
pub(crate) mod producers;
pub(crate) mod records;
pub(crate) mod saved;
pub(crate) mod segments;
pub(crate) mod transactions;

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use kafka_protocol::ResponseError;

use crate::error::Refusal;
use crate::log::batch::{BatchHeader, LEADER_EPOCH};
use crate::log::producers::{Producers, ProducersConfig, Sequence};
use crate::log::saved::Saved;
use crate::log::segments::Segments;
use crate::log::transactions::AbortedTransaction;
use crate::time::Moment;
use crate::topics::settings::{TimestampType, TopicSettings};

/// What a batch takes beside its bytes: its place in the log and its allocation's bookkeeping.
pub(crate) const BATCH_OVERHEAD_BYTES: u64 = 256;

/// One partition's records.
#[derive(Debug, Default)]
pub(crate) struct PartitionLog {
    batches: VecDeque<StoredBatch>,
    start_offset: i64,
    end_offset: i64,
    /// Bytes ever appended: positions let a reader know how much lies ahead without a walk.
    end_position: u64,
    producers: Producers,
    /// In order of their markers.
    aborted: Vec<AbortedTransaction>,
    saved: Saved,
    segments: Segments,
    /// Up to here there is one record of each key, as far as the log has been cleaned.
    clean_until: i64,
}

/// A batch in the log, with what is looked up often.
#[derive(Debug)]
struct StoredBatch {
    last_offset: i64,
    max_timestamp: i64,
    /// The largest timestamp up to here: it never falls, so a time can be searched by halving.
    max_timestamp_so_far: i64,
    /// Where the batch ends, in bytes ever appended.
    end_position: u64,
    bytes: Bytes,
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) base_offset: i64,
    /// When the broker stamped the batch, or -1 where the producer's time counts.
    pub(crate) append_time: i64,
    /// Whether there is anything new: a duplicate is acknowledged but not stored.
    pub(crate) is_new: bool,
}

impl PartitionLog {
    /// Returns the first offset that can be read.
    pub(crate) fn start_offset(&self) -> i64 {
        self.start_offset
    }

    /// Returns the offset of the next record: the high watermark, as there are no replicas.
    pub(crate) fn end_offset(&self) -> i64 {
        self.end_offset
    }

    /// Returns the memory held, as [`charge`] counts it.
    pub(crate) fn charged(&self) -> u64 {
        self.batches.iter().map(|batch| charge(batch.bytes.len())).sum()
    }

    /// Returns what was answered to a batch that is there already; an error if its producer's
    /// sequence does not allow it, and nothing if it is to be appended.
    pub(crate) fn find_duplicate(
        &self,
        at: Moment,
        settings: &TopicSettings,
        producers: &ProducersConfig,
        header: &BatchHeader,
    ) -> Result<Option<Appended>, Refusal> {
        let Sequence::Duplicate(earlier) = self.producers.check(at.now, producers, header)? else {
            return Ok(None);
        };
        let is_stamped = settings.timestamp_type == TimestampType::LogAppendTime;
        let append_time = if is_stamped { earlier.timestamp } else { -1 };
        let base_offset = earlier.base_offset;
        Ok(Some(Appended { base_offset, append_time, is_new: false }))
    }

    /// Appends one batch that was checked and is no duplicate.
    pub(crate) fn append(
        &mut self,
        at: Moment,
        settings: &TopicSettings,
        producers: &ProducersConfig,
        header: &BatchHeader,
        mut bytes: BytesMut,
    ) -> Appended {
        let base_offset = self.end_offset;
        let is_stamped = settings.timestamp_type == TimestampType::LogAppendTime;
        let max_timestamp = if is_stamped { at.stamp.as_i64() } else { header.max_timestamp };
        batch::assign(&mut bytes, base_offset, LEADER_EPOCH);
        batch::set_timestamp_type(&mut bytes, header, is_stamped, max_timestamp);
        self.producers.record(at.now, producers, header, base_offset, max_timestamp);
        self.push(header.count(), max_timestamp, bytes.freeze());
        let append_time = if is_stamped { max_timestamp } else { -1 };
        Appended { base_offset, append_time, is_new: true }
    }

    fn push(&mut self, count: i64, max_timestamp: i64, bytes: Bytes) {
        let so_far = self.batches.back().map_or(i64::MIN, |last| last.max_timestamp_so_far);
        self.end_position += bytes.len() as u64;
        self.end_offset += count;
        self.batches.push_back(StoredBatch {
            last_offset: self.end_offset - 1,
            max_timestamp,
            max_timestamp_so_far: so_far.max(max_timestamp),
            end_position: self.end_position,
            bytes,
        });
    }

    /// Checks that a reader may ask for this offset.
    pub(crate) fn check_readable(&self, offset: i64) -> Result<(), Refusal> {
        if (self.start_offset..=self.end_offset).contains(&offset) {
            return Ok(());
        }
        let (start, end) = (self.start_offset, self.end_offset);
        let message = format!("offset {offset} is not within {start} to {end}");
        Err(Refusal::new(ResponseError::OffsetOutOfRange, message))
    }

    /// Returns how many bytes a reader has before it who reads up to an offset.
    pub(crate) fn bytes_between(&self, offset: i64, until: i64) -> u64 {
        self.bytes_ahead(offset).saturating_sub(self.bytes_ahead(until))
    }

    /// Returns how many bytes there are from this offset on.
    pub(crate) fn bytes_ahead(&self, offset: i64) -> u64 {
        let Some(batch) = self.batches.get(self.index_of(offset)) else { return 0 };
        self.end_position - (batch.end_position - batch.bytes.len() as u64)
    }

    /// Returns the batches from one offset to before another that fit, as whole batches, and the
    /// offset behind them. The first is taken in any case if `at_least_one`, so that a reader with
    /// a small buffer is not stuck in front of a large batch.
    pub(crate) fn read(
        &self,
        offset: i64,
        until: i64,
        bytes_max: usize,
        at_least_one: bool,
    ) -> (Vec<Bytes>, i64) {
        let mut taken = Vec::new();
        let (mut room, mut next) = (bytes_max, offset);
        for batch in self.batches.range(self.index_of(offset)..) {
            let size = batch.bytes.len();
            if batch.last_offset >= until || size > room && !(at_least_one && taken.is_empty()) {
                break;
            }
            room = room.saturating_sub(size);
            next = batch.last_offset + 1;
            taken.push(batch.bytes.clone());
        }
        (taken, next)
    }

    /// Forgets the records before an offset; -1 means all. Returns the new start and how much
    /// memory was freed. Going back is not possible and changes nothing.
    pub(crate) fn delete_before(&mut self, offset: i64) -> Result<(i64, u64), Refusal> {
        let target = if offset == -1 { self.end_offset } else { offset };
        if target < 0 || target > self.end_offset {
            let message = format!("cannot delete up to offset {offset} of {}", self.end_offset);
            return Err(Refusal::new(ResponseError::OffsetOutOfRange, message));
        }
        self.start_offset = self.start_offset.max(target);
        let gone = self.index_of(self.start_offset);
        self.saved.note_gone(self.batches.range(..gone));
        self.forget_aborted();
        let freed = self.batches.drain(..gone).map(|batch| charge(batch.bytes.len())).sum();
        let mut so_far = i64::MIN;
        for batch in &mut self.batches {
            so_far = so_far.max(batch.max_timestamp);
            batch.max_timestamp_so_far = so_far;
        }
        Ok((self.start_offset, freed))
    }

    /// Returns the place of the batch that holds this offset, or the number of batches.
    fn index_of(&self, offset: i64) -> usize {
        self.batches.partition_point(|batch| batch.last_offset < offset)
    }
}

/// Returns the memory that a batch of this size takes.
pub(crate) fn charge(batch_bytes: usize) -> u64 {
    batch_bytes as u64 + BATCH_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests;
