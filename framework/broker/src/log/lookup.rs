//! Offsets by time: the first record at or after a timestamp, and the one with the largest.

use crate::log::batch::BatchHeader;
use crate::log::records::{RecordHead, Records};
use crate::log::{PartitionLog, StoredBatch};

/// A record found by its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimedOffset {
    pub(crate) timestamp: i64,
    pub(crate) offset: i64,
}

impl PartitionLog {
    /// Returns the first record whose timestamp is at least `target`.
    pub(crate) fn find_time(&self, target: i64) -> Option<TimedOffset> {
        let first = self.batches.partition_point(|batch| batch.max_timestamp_so_far < target);
        let candidates = self.batches.range(first..).filter(|it| it.max_timestamp >= target);
        candidates.filter_map(|it| self.find_record(it, |head| head.timestamp >= target)).next()
    }

    /// Returns the first record with the largest timestamp.
    pub(crate) fn find_latest_time(&self) -> Option<TimedOffset> {
        let largest = self.batches.back()?.max_timestamp_so_far;
        self.find_time(largest)
    }

    fn find_record(
        &self,
        batch: &StoredBatch,
        is_wanted: impl Fn(&RecordHead) -> bool,
    ) -> Option<TimedOffset> {
        let header = BatchHeader::read(&batch.bytes)?;
        // What cannot be read was refused when it came.
        let records = Records::unpack(&batch.bytes, &header).ok()?;
        let heads = records.entries().map_while(Result::ok).map(|entry| entry.head);
        let found = heads.into_iter().find(|head| {
            let offset = header.base_offset + i64::from(head.offset_delta);
            offset >= self.start_offset() && is_wanted(head)
        })?;
        let offset = header.base_offset + i64::from(found.offset_delta);
        Some(TimedOffset { timestamp: found.timestamp, offset })
    }
}
