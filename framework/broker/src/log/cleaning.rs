//! Compaction of one log: which part of it, and a pass over that in small steps.
//!
//! A pass first learns the last offset of every key, then drops the records that are not those, and
//! tombstones whose time is over. Nothing of the log changes before the end of the pass, so that
//! there is no state between two cleanings. As in Kafka, offsets stay, a tombstone's time begins
//! with the first pass that finds it, and of the last batch of a producer, and of the part that is
//! cleaned, at least the header stays.

mod filter;
mod transactions;

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use crate::log::batch::BatchHeader;
use crate::log::cleaning::filter::Fate;
use crate::log::cleaning::transactions::TransactionsMet;
use crate::log::producers::ProducersConfig;
use crate::log::records::Records;
use crate::log::{PartitionLog, charge};
use crate::time::Moment;
use crate::topics::settings::TopicSettings;

/// What a key takes in a pass beside its bytes.
const KEY_OVERHEAD_BYTES: usize = 64;

/// The part of a log that a pass would clean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cleanable {
    /// Up to here it was cleaned before.
    dirty_from: i64,
    /// From here on it is left as it is.
    until: i64,
    /// The bytes that were not cleaned before, of all those of the part.
    pub(crate) dirty_ratio: f64,
    /// Whether a record has waited for longer than it may.
    is_overdue: bool,
}

impl Cleanable {
    /// Returns whether there is enough to make a pass worth while.
    pub(crate) fn is_due(&self, settings: &TopicSettings) -> bool {
        self.dirty_ratio > settings.dirty_ratio_min || (self.is_overdue && self.dirty_ratio > 0.0)
    }
}

/// A pass over a log, between two steps.
#[derive(Debug)]
pub(crate) struct Pass {
    cleanable: Cleanable,
    stamp: i64,
    delete_retention_ms: i64,
    keys: Keys,
    /// The last offset of each producer.
    producers: BTreeMap<i64, i64>,
    transactions: TransactionsMet,
    /// What is left of batches, by their last offset; those that stay are not named.
    fates: BTreeMap<i64, Fate>,
    phase: Phase,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Learning keys; the next offset to look at.
    Keys(i64),
    /// Filtering batches; the next offset to look at, and where to end.
    Batches(i64, i64),
}

/// The last offset of each key.
#[derive(Debug)]
struct Keys {
    last: HashMap<Bytes, i64>,
    bytes: usize,
    bytes_max: usize,
}

impl PartitionLog {
    /// Returns whether anything but the last segment has never been cleaned.
    pub(crate) fn is_dirty(&self) -> bool {
        self.clean_until.max(self.start_offset) < self.active_start()
    }

    /// Returns what a pass would clean.
    pub(crate) fn cleanable(&self, stamp: i64, settings: &TopicSettings) -> Cleanable {
        let dirty_from = self.clean_until.max(self.start_offset);
        let mut until = self.active_start().max(dirty_from).min(self.last_stable_offset());
        let (lag_min, lag_max) = (settings.compaction_lag_min_ms, settings.compaction_lag_max_ms);
        let mut start = dirty_from;
        let mut is_overdue = false;
        for segment in self.segments(dirty_from) {
            let is_young = segment.largest_timestamp > stamp.saturating_sub(lag_min);
            if start >= until || (lag_min > 0 && is_young) {
                until = until.min(start);
                break;
            }
            let first = segment.first_timestamp;
            is_overdue |= first > 0 && stamp.saturating_sub(first) > lag_max;
            start = segment.end;
        }
        let bytes = |from, to| self.bytes_ahead(from).saturating_sub(self.bytes_ahead(to));
        let all = bytes(self.start_offset, until);
        let dirty = bytes(dirty_from, until);
        let dirty_ratio = if all == 0 { 0.0 } else { dirty as f64 / all as f64 };
        Cleanable { dirty_from, until, dirty_ratio, is_overdue }
    }

    /// Begins a pass.
    pub(crate) fn begin_pass(
        &self,
        at: Moment,
        settings: &TopicSettings,
        producers: &ProducersConfig,
        keys_bytes_max: usize,
    ) -> Pass {
        let cleanable = self.cleanable(at.stamp.as_i64(), settings);
        Pass {
            cleanable,
            stamp: at.stamp.as_i64(),
            delete_retention_ms: settings.delete_retention_ms,
            keys: Keys { last: HashMap::new(), bytes: 0, bytes_max: keys_bytes_max },
            producers: self.producers.last_offsets(at.now, producers),
            transactions: TransactionsMet::new(self),
            fates: BTreeMap::new(),
            phase: Phase::Keys(cleanable.dirty_from),
        }
    }

    /// Ends a pass: puts what it left in the place of what there was. Returns the memory taken
    /// before and after.
    pub(crate) fn end_pass(&mut self, pass: Pass) -> (u64, u64) {
        let before = self.charged();
        if let Phase::Batches(_, end) = pass.phase {
            self.clean_until = self.clean_until.max(end);
        }
        // Readers must not be told of a transaction whose marker may be gone.
        self.aborted.retain(|it| !pass.transactions.is_idle_marker(it.last_offset));
        if pass.fates.is_empty() {
            return (before, before);
        }
        let begin = self.end_position - self.bytes_ahead(0);
        let mut fates = pass.fates;
        self.batches.retain_mut(|batch| match fates.remove(&batch.last_offset) {
            Some(Fate::Gone) => false,
            Some(Fate::Less(bytes)) => {
                let header = BatchHeader::read(&bytes);
                batch.max_timestamp = header.map_or(-1, |header| header.largest_timestamp());
                batch.bytes = bytes;
                true
            }
            None => true,
        });
        let (mut position, mut so_far) = (begin, i64::MIN);
        for batch in &mut self.batches {
            position += batch.bytes.len() as u64;
            so_far = so_far.max(batch.max_timestamp);
            batch.end_position = position;
            batch.max_timestamp_so_far = so_far;
        }
        self.end_position = position;
        self.saved.note_rewritten();
        (before, self.batches.iter().map(|batch| charge(batch.bytes.len())).sum())
    }
}

impl Pass {
    /// Looks at so many bytes more of the log, or one batch if that is larger; returns whether the
    /// pass has come to its end.
    pub(crate) fn step(&mut self, log: &PartitionLog, bytes: usize) -> bool {
        match self.phase {
            Phase::Keys(from) => {
                self.phase = self.learn_keys(log, from, bytes);
                false
            }
            Phase::Batches(from, end) => {
                let next = self.filter_batches(log, from, end, bytes);
                self.phase = Phase::Batches(next, end);
                next >= end
            }
        }
    }

    fn learn_keys(&mut self, log: &PartitionLog, from: i64, bytes: usize) -> Phase {
        let (mut next, mut left) = (from, bytes);
        let until = self.cleanable.until;
        for batch in log.batches.range(log.index_of(from)..) {
            if batch.last_offset >= until {
                next = until;
                break;
            }
            if left == 0 {
                return Phase::Keys(next);
            }
            left = left.saturating_sub(batch.bytes.len());
            if !self.learn(&batch.bytes) {
                break;
            }
            next = batch.last_offset + 1;
        }
        // What lies behind the last batch that was learnt is left for another pass.
        Phase::Batches(log.start_offset, next)
    }

    /// Learns the keys of a batch, unless it says nothing of its keys: a marker, or aborted.
    fn learn(&mut self, batch: &[u8]) -> bool {
        let Some(header) = BatchHeader::read(batch) else { return true };
        let is_void = header.is_control() || self.transactions.is_aborted(&header);
        is_void || self.keys.learn(batch, &header)
    }

    fn filter_batches(&mut self, log: &PartitionLog, from: i64, end: i64, bytes: usize) -> i64 {
        let (mut next, mut left) = (from, bytes);
        for batch in log.batches.range(log.index_of(from)..) {
            if batch.last_offset >= end {
                return end;
            }
            if left == 0 {
                return next;
            }
            left = left.saturating_sub(batch.bytes.len());
            if let Some(fate) = self.fate(&batch.bytes) {
                self.fates.insert(batch.last_offset, fate);
            }
            next = batch.last_offset + 1;
        }
        end
    }
}

impl Keys {
    /// Learns the keys of a batch; nothing of it if there are too many.
    fn learn(&mut self, batch: &[u8], header: &BatchHeader) -> bool {
        // What cannot be read was refused when it came.
        let Ok(records) = Records::unpack(batch, header) else { return true };
        let keyed = || {
            let entries = records.entries().map_while(Result::ok);
            entries.filter_map(|entry| Some((entry.key?, entry.head.offset_delta)))
        };
        let is_new = |key: &[u8]| !self.last.contains_key(key);
        let new = keyed().filter(|(key, _)| is_new(key));
        let more: usize = new.map(|(key, _)| key.len() + KEY_OVERHEAD_BYTES).sum();
        // One batch is taken in any case: else a log of larger batches would never be cleaned.
        if self.bytes > 0 && self.bytes + more > self.bytes_max {
            return false;
        }
        self.bytes += more;
        for (key, delta) in keyed() {
            let offset = header.base_offset + i64::from(delta);
            match self.last.get_mut(key) {
                Some(last) => *last = offset,
                None => _ = self.last.insert(Bytes::copy_from_slice(key), offset),
            }
        }
        true
    }
}
