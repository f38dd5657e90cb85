//! Where Kafka would have cut the log into segments: only whole ones go, and the last, to which
//! records are appended, is not cleaned.
//!
//! There are no such files here. Where segments begin is found when somebody asks, from the batches
//! themselves: a new one begins with a batch that would make the last larger than `segment.bytes`,
//! or whose timestamp is `segment.ms` after that of the segment's first (`max.compaction.lag.ms`,
//! if that is less and the topic is compacted). What has been found stays, until the broker starts
//! again.

use std::collections::VecDeque;

use crate::log::{PartitionLog, StoredBatch};
use crate::topics::settings::TopicSettings;

/// The offsets at which segments begin, without the first.
#[derive(Debug, Default)]
pub(super) struct Segments {
    bases: VecDeque<i64>,
}

/// One segment as it is by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The offset behind its last record.
    pub(crate) end: i64,
    pub(crate) bytes: u64,
    pub(crate) first_timestamp: i64,
    pub(crate) largest_timestamp: i64,
}

impl PartitionLog {
    /// Finds where segments begin that have not been looked for yet.
    pub(crate) fn cut_segments(&mut self, settings: &TopicSettings) {
        let start = self.start_offset;
        while self.segments.bases.front().is_some_and(|base| *base <= start) {
            self.segments.bases.pop_front();
        }
        let bytes_max = u64::try_from(settings.segment_bytes_max).unwrap_or(u64::MAX);
        let ms = if settings.is_compacted {
            settings.segment_ms.min(settings.compaction_lag_max_ms)
        } else {
            settings.segment_ms
        };
        let last = self.segments.bases.back().copied().unwrap_or(start);
        let mut first: Option<i64> = None;
        let mut bytes = 0;
        for batch in self.batches.range(self.index_of(last)..) {
            let size = batch.bytes.len() as u64;
            let is_late = first
                .is_some_and(|first| first >= 0 && batch.max_timestamp.saturating_sub(first) > ms);
            if first.is_some() && (bytes + size > bytes_max || is_late) {
                self.segments.bases.push_back(base_offset(batch));
                (first, bytes) = (None, 0);
            }
            first = first.or(Some(batch.max_timestamp));
            bytes += size;
        }
    }

    /// Returns the segments that have been found, from an offset on; there is one at least.
    pub(crate) fn segments(&self, from: i64) -> impl Iterator<Item = Segment> + '_ {
        let inner = self.segments.bases.iter().copied().filter(move |base| *base > from);
        let ends = inner.chain([self.end_offset]);
        ends.scan(from, |start, end| {
            let segment = self.segment(*start, end);
            *start = end;
            Some(segment)
        })
    }

    /// Returns where the last segment begins.
    pub(crate) fn active_start(&self) -> i64 {
        self.segments.bases.back().copied().unwrap_or(self.start_offset)
    }

    /// Returns up to which offset records are to go: those of segments too old or too many.
    pub(crate) fn expired(&self, stamp: i64, settings: &TopicSettings) -> i64 {
        let mut until = self.start_offset;
        let mut excess = match u64::try_from(settings.retention_bytes) {
            Ok(max) => self.bytes_ahead(0).saturating_sub(max),
            Err(_unlimited) => 0,
        };
        for segment in self.segments(self.start_offset).filter(|segment| segment.bytes > 0) {
            let age = stamp.saturating_sub(segment.largest_timestamp);
            // Without a timestamp nobody knows how old it is.
            let is_timed = settings.retention_ms >= 0 && segment.largest_timestamp >= 0;
            let is_old = is_timed && age > settings.retention_ms;
            let is_excess = excess >= segment.bytes;
            if !is_old && !is_excess {
                break;
            }
            excess = excess.saturating_sub(segment.bytes);
            until = segment.end;
        }
        until
    }

    fn segment(&self, start: i64, end: i64) -> Segment {
        let batches = || self.batches.range(self.index_of(start)..self.index_of(end));
        Segment {
            end,
            bytes: batches().map(|batch| batch.bytes.len() as u64).sum(),
            first_timestamp: batches().next().map_or(-1, |batch| batch.max_timestamp),
            largest_timestamp: batches().map(|batch| batch.max_timestamp).max().unwrap_or(-1),
        }
    }
}

/// Returns where a batch begins; its header was read when it came.
fn base_offset(batch: &StoredBatch) -> i64 {
    let base = batch.bytes.first_chunk().copied().map(i64::from_be_bytes);
    base.unwrap_or(batch.last_offset)
}
