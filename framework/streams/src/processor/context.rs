//! What operators of one task share: stores, outbox, and where the current record comes from.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::FanInSlots;
use crate::error::Result;
use crate::ids::{Offset, TopicPartition};
use crate::kafka::{OffsetMetadata, Outbox, Progress};
use crate::metrics::{DropReason, DroppedRecords};
use crate::record::Headers;
use crate::state::StoreSet;
use crate::time::Timestamp;

/// The place of the record being processed.
#[derive(Debug, Clone)]
pub struct RecordContext {
    /// Its partition.
    pub partition: Arc<TopicPartition>,
    /// Its offset.
    pub offset: Offset,
}

impl std::fmt::Display for RecordContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.partition, self.offset)
    }
}

/// What a function that chooses a record's topic knows of the record beside key and value.
#[derive(Debug, Clone, Copy)]
pub struct WriteContext<'a> {
    /// The place of the record that was being processed when it came about.
    pub from: Option<&'a RecordContext>,
    /// Its timestamp.
    pub timestamp: Timestamp,
    /// Its headers.
    pub headers: &'a Headers,
}

/// What one task's operators work on.
#[derive(Debug)]
pub struct TaskContext {
    /// The task's stores.
    pub stores: StoreSet,
    /// What is to be sent.
    pub outbox: Outbox,
    /// Operators that several upstreams reach.
    pub fan_in: FanInSlots,
    dropped: DroppedRecords,
    progress: Progress,
    /// Final results that were forwarded, by the name of their store.
    finals: BTreeMap<Arc<str>, u64>,
    record: Option<RecordContext>,
    stream_time: Timestamp,
}

impl TaskContext {
    /// Makes a context over the parts that were collected while the task was built.
    #[must_use]
    pub fn new(stores: StoreSet, outbox: Outbox, fan_in: FanInSlots) -> Self {
        Self {
            stores,
            outbox,
            fan_in,
            dropped: DroppedRecords::default(),
            progress: Progress::new(),
            finals: BTreeMap::new(),
            record: None,
            stream_time: Timestamp::UNKNOWN,
        }
    }

    /// Notes the record that is picked now; stream time follows it (row T2).
    pub fn begin(&mut self, partition: &Arc<TopicPartition>, offset: Offset, at: Timestamp) {
        self.record = Some(RecordContext { partition: partition.clone(), offset });
        self.stream_time = self.stream_time.max(at);
    }

    /// Returns the record being processed, or last processed.
    #[must_use]
    pub fn record(&self) -> Option<&RecordContext> {
        self.record.as_ref()
    }

    /// Returns the largest timestamp picked so far.
    #[must_use]
    pub fn stream_time(&self) -> Timestamp {
        self.stream_time
    }

    /// Returns how far an operator is, by the name of its store: what it noted last, before a restart
    /// or since.
    #[must_use]
    pub fn progress(&self, store: &str) -> Option<i64> {
        self.progress.get(store).copied()
    }

    /// Notes how far an operator is; the next commit carries it with the input offsets.
    pub fn note_progress(&mut self, store: &Arc<str>, progress: i64) {
        self.progress.insert(store.clone(), progress);
    }

    /// Returns how far all operators are.
    #[must_use]
    pub fn all_progress(&self) -> &Progress {
        &self.progress
    }

    /// Goes on from what was committed of an input: stream time, and the furthest progress (row T2).
    pub fn resume(&mut self, committed: &OffsetMetadata) {
        self.stream_time = self.stream_time.max(committed.partition_time);
        for (store, &progress) in &committed.progress {
            let known = self.progress.entry(store.clone()).or_insert(progress);
            *known = progress.max(*known);
        }
    }

    /// Counts a dropped record.
    pub fn dropped(&mut self, reason: DropReason) {
        self.dropped.count(reason);
    }

    /// Counts final results of windows that were forwarded.
    pub(crate) fn forwarded_finals(&mut self, store: &Arc<str>, results: u64) {
        *self.finals.entry(store.clone()).or_default() += results;
    }

    /// Returns how many final results were forwarded, by the name of their store.
    pub(crate) fn finals(&self) -> &BTreeMap<Arc<str>, u64> {
        &self.finals
    }

    /// Takes the partition counts of topics that records chose and that were not known.
    pub(crate) fn learn_topics(&mut self, counts: &BTreeMap<Arc<str>, usize>) -> Result<()> {
        let dropped = self.outbox.learn(counts)?;
        (0..dropped).for_each(|_| self.dropped(DropReason::Unplaced));
        Ok(())
    }

    /// Returns the dropped records so far.
    #[must_use]
    pub fn dropped_records(&self) -> DroppedRecords {
        self.dropped
    }
}
