//! Fetched records of one input partition, waiting to be processed.

use std::collections::VecDeque;
use std::sync::Arc;

use super::TaskInput;
use super::figures::InputFigures;
use crate::error::Result;
use crate::ids::{Offset, TopicPartition};
use crate::kafka::{Bound, Consumer, FetchLimit, FetchedBatch};
use crate::record::RawRecord;
use crate::time::Timestamp;

/// A queue of batches in offset order; nothing is decoded until it is processed.
#[derive(Debug)]
pub(crate) struct RecordQueue {
    input: TaskInput,
    batches: VecDeque<FetchedBatch>,
    cursor: usize,
    /// Emptied batches whose memory is used again.
    spare: Vec<FetchedBatch>,
    bytes: usize,
    /// Where a bounded run ends; nothing for a live one.
    bound: Option<Bound>,
    /// The next offset to be fetched, once something was.
    fetched_to: Option<Offset>,
    /// The partition's end, while everything up to it was fetched.
    end: Option<Offset>,
    /// The offset after the last processed record.
    processed_to: Option<Offset>,
    /// The offset that was committed last.
    committed: Option<Offset>,
    /// The largest timestamp processed.
    time: Timestamp,
    /// Records and bytes taken from the consumer.
    consumed: (u64, u64),
}

/// How many emptied batches a queue keeps.
const SPARE_MAX: usize = 2;

impl RecordQueue {
    pub(super) fn new(input: TaskInput) -> Self {
        Self {
            input,
            batches: VecDeque::new(),
            cursor: 0,
            spare: Vec::new(),
            bytes: 0,
            bound: None,
            fetched_to: None,
            end: None,
            processed_to: None,
            committed: None,
            time: Timestamp::UNKNOWN,
            consumed: (0, 0),
        }
    }

    pub(crate) fn partition(&self) -> &Arc<TopicPartition> {
        &self.input.partition
    }

    /// Returns whether others write the partition, and not this application.
    pub(crate) fn is_external(&self) -> bool {
        self.input.external
    }

    /// Returns the input's place in the topology, which decides between equal timestamps.
    pub(crate) fn ordinal(&self) -> (usize, i32) {
        (self.input.source, self.input.partition.partition)
    }

    /// Takes more records from the consumer while there is room; returns how many.
    pub(super) fn fetch(
        &mut self,
        consumer: &mut dyn Consumer,
        limit: FetchLimit,
    ) -> Result<usize> {
        if self.bytes >= limit.bytes || self.bound.is_some_and(|bound| bound.is_reached()) {
            return Ok(0);
        }
        let limit = FetchLimit { bytes: limit.bytes - self.bytes, ..limit };
        let mut batch = self.spare.pop().unwrap_or_default();
        let fetched = consumer.fetch(&self.input.partition, limit, &mut batch)?;
        let last = batch.last_offset().map(Offset::next);
        self.fetched_to = self.fetched_to.max(last).max(fetched.end_of_partition);
        if let Some(bound) = &mut self.bound {
            bound.clip(&mut batch, fetched);
        }
        if fetched.records > 0 {
            self.end = None;
        }
        self.end = fetched.end_of_partition.or(self.end);
        self.consumed.0 += u64::try_from(batch.len()).unwrap_or(0);
        self.consumed.1 += u64::try_from(batch.data_bytes()).unwrap_or(0);
        self.push(batch);
        Ok(fetched.records)
    }

    /// Ends the run over this partition there: records from that offset on are not taken. It may have
    /// been read as far, or to its end, already: that is not told again.
    pub(crate) fn bound(&mut self, end: Offset) {
        self.bound = Some(Bound::new(self.fetched_to, end));
    }

    /// Returns whether it is known where a bounded run over this partition ends.
    pub(crate) fn is_bounded(&self) -> bool {
        self.bound.is_some()
    }

    /// Returns whether a bounded run has taken everything of this partition and processed it.
    pub(crate) fn is_finished(&self) -> bool {
        self.is_empty() && self.bound.is_some_and(|bound| bound.is_reached())
    }

    /// Returns whether a bounded run must wait for records of this partition before it chooses: some
    /// are there before its end.
    pub(crate) fn is_awaited(&self) -> bool {
        self.is_empty() && self.bound.is_some_and(|bound| !bound.is_reached())
    }

    /// Adds a batch of records that follow those in the queue.
    pub(crate) fn push(&mut self, batch: FetchedBatch) {
        if batch.is_empty() {
            self.recycle(batch);
            return;
        }
        self.bytes += batch.bytes();
        self.batches.push_back(batch);
    }

    /// Returns the next record.
    pub(crate) fn head(&self) -> Option<RawRecord<'_>> {
        self.batches.front()?.get(self.cursor)
    }

    /// Returns the next record's timestamp.
    pub(crate) fn head_time(&self) -> Option<Timestamp> {
        self.head().map(|record| record.timestamp)
    }

    /// Notes that the next record was processed, and goes on to the one after it.
    pub(super) fn advance(&mut self) {
        let Some(record) = self.head() else { return };
        let (offset, timestamp) = (record.offset, record.timestamp);
        self.processed_to = Some(offset.next());
        if self.committed.is_some_and(|committed| committed > offset) {
            // The log was cut back and read again from before.
            self.committed = None;
        }
        self.time = self.time.max(timestamp);
        self.cursor += 1;
        if self.batches.front().is_some_and(|batch| self.cursor >= batch.len()) {
            self.cursor = 0;
            if let Some(emptied) = self.batches.pop_front() {
                self.bytes -= emptied.bytes();
                self.recycle(emptied);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Returns how many records were taken from the consumer.
    pub(crate) fn consumed_records(&self) -> u64 {
        self.consumed.0
    }

    /// Returns whether everything up to the partition's end was fetched, as far as is known.
    pub(crate) fn is_at_end(&self) -> bool {
        self.end.is_some()
    }

    /// Returns the offset to commit: where a restart goes on.
    ///
    /// Past the last record may be transaction markers and compacted records, and there may be nothing
    /// else; once everything is processed and the end is known, it is the end. Nothing for a partition
    /// of which nothing is known to be done (row G7).
    pub(crate) fn committable(&self) -> Option<Offset> {
        let end = self.end.filter(|end| self.is_empty() && *end > Offset::ZERO);
        // What was committed past the last record stays so when further records come.
        let done = end.max(self.processed_to).max(self.committed)?;
        Some(self.bound.map_or(done, |bound| done.min(bound.end())))
    }

    /// Returns whether there is another offset to commit than the last one.
    pub(super) fn has_moved(&self) -> bool {
        self.committable().is_some_and(|offset| self.committed != Some(offset))
    }

    /// Notes that what is committable was committed.
    pub(super) fn note_committed(&mut self) {
        self.committed = self.committable();
    }

    /// Returns how far the partition is, for aligning partitions by time: the next record's timestamp,
    /// or the last one's where none is there.
    pub(crate) fn time(&self) -> Timestamp {
        self.head_time().unwrap_or(self.time)
    }

    /// Returns the largest timestamp processed, before a restart or since.
    pub(super) fn processed_time(&self) -> Timestamp {
        self.time
    }

    /// Returns how far the partition is.
    pub(super) fn figures(&self) -> InputFigures {
        let head = self.head();
        let records: usize = self.batches.iter().map(FetchedBatch::len).sum();
        InputFigures {
            partition: self.input.partition.clone(),
            consumed: self.consumed,
            buffered: (records.saturating_sub(self.cursor), self.bytes),
            position: self.committable().or(head.map(|record| record.offset)),
            is_done: self.is_empty() && self.is_at_end(),
            next_time: head.map(|record| record.timestamp),
        }
    }

    /// Goes on from the largest timestamp processed before a restart.
    pub(super) fn resume(&mut self, time: Timestamp) {
        self.time = self.time.max(time);
    }

    fn recycle(&mut self, mut batch: FetchedBatch) {
        if self.spare.len() < SPARE_MAX {
            batch.clear();
            self.spare.push(batch);
        }
    }
}
