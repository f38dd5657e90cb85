//! What a partition remembers of idempotent producers: the last batches of each.
//!
//! A batch whose sequence numbers are among the last five is a retry and is answered again; one
//! that does not follow the last is refused. A producer that is not known may begin anywhere: Kafka
//! does not answer `UNKNOWN_PRODUCER_ID` any more. One with an open transaction is not forgotten.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use kafka_protocol::ResponseError;

use crate::error::Refusal;
use crate::log::batch::BatchHeader;
use crate::time::Millis;

/// The batches a producer may have under way, so those that may be sent again.
const RECENT_BATCHES: usize = 5;

/// How much is remembered, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProducersConfig {
    pub(crate) producers_max: usize,
    pub(crate) expiration_ms: i64,
}

/// The producers of one partition.
#[derive(Debug, Default)]
pub(crate) struct Producers {
    by_id: BTreeMap<i64, Producer>,
    /// Where the open transactions began.
    open: BTreeSet<i64>,
}

#[derive(Debug)]
struct Producer {
    epoch: i16,
    recent: VecDeque<RecentBatch>,
    last_seen: Millis,
    /// The first offset of its open transaction.
    open_from: Option<i64>,
}

/// A batch that was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecentBatch {
    first_sequence: i32,
    last_sequence: i32,
    pub(crate) base_offset: i64,
    pub(crate) timestamp: i64,
}

impl RecentBatch {
    fn last_offset(&self) -> i64 {
        // Sequence numbers begin again at zero behind the largest.
        let count = self.last_sequence.wrapping_sub(self.first_sequence) & i32::MAX;
        self.base_offset + i64::from(count)
    }
}

/// What a batch's sequence numbers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// It is to be appended.
    Next,
    /// It is there already.
    Duplicate(RecentBatch),
}

impl Producers {
    /// Decides about a batch; nothing is remembered yet.
    pub(crate) fn check(
        &self,
        now: Millis,
        config: &ProducersConfig,
        batch: &BatchHeader,
    ) -> Result<Sequence, Refusal> {
        let known = self.by_id.get(&batch.producer_id);
        let Some(producer) = known.filter(|it| !it.is_expired(now, config)) else {
            // Of a producer forgotten or never seen, any sequence is taken, as Kafka does.
            return Ok(Sequence::Next);
        };
        if let Some(earlier) = producer.find(batch) {
            return Ok(Sequence::Duplicate(earlier));
        }
        producer.check_follows(batch).map(|()| Sequence::Next)
    }

    /// Remembers a batch that was appended.
    pub(crate) fn record(
        &mut self,
        now: Millis,
        config: &ProducersConfig,
        batch: &BatchHeader,
        base_offset: i64,
        timestamp: i64,
    ) {
        if !batch.has_producer() {
            return;
        }
        if !self.by_id.contains_key(&batch.producer_id) {
            self.make_room(now, config);
        }
        let producer = self.by_id.entry(batch.producer_id).or_insert_with(|| Producer {
            epoch: batch.producer_epoch,
            recent: VecDeque::new(),
            last_seen: now,
            open_from: None,
        });
        if producer.is_expired(now, config) {
            producer.recent.clear();
        }
        producer.enter_epoch(now, batch.producer_epoch);
        if batch.is_transactional() && producer.open_from.is_none() {
            producer.open_from = Some(base_offset);
            self.open.insert(base_offset);
        }
        if producer.recent.len() == RECENT_BATCHES {
            producer.recent.pop_front();
        }
        producer.recent.push_back(RecentBatch {
            first_sequence: batch.base_sequence,
            last_sequence: batch.last_sequence(),
            base_offset,
            timestamp,
        });
    }

    /// Ends the transaction of a producer; from now on earlier epochs are fenced. Returns where it
    /// began, if it was open.
    pub(crate) fn end(
        &mut self,
        now: Millis,
        config: &ProducersConfig,
        id: i64,
        epoch: i16,
    ) -> Option<i64> {
        if !self.by_id.contains_key(&id) {
            self.make_room(now, config);
        }
        let new = || Producer { epoch, recent: VecDeque::new(), last_seen: now, open_from: None };
        let producer = self.by_id.entry(id).or_insert_with(new);
        producer.enter_epoch(now, epoch);
        let first = producer.open_from.take();
        first.inspect(|first| _ = self.open.remove(first))
    }

    /// Returns the producers with an open transaction, and their epochs.
    pub(crate) fn open(&self) -> impl Iterator<Item = (i64, i16)> + '_ {
        let open = self.by_id.iter().filter(|(_, producer)| producer.open_from.is_some());
        open.map(|(id, producer)| (*id, producer.epoch))
    }

    /// Returns the epoch of a producer's open transaction.
    pub(crate) fn open_epoch(&self, id: i64) -> Option<i16> {
        let producer = self.by_id.get(&id)?;
        producer.open_from.map(|_| producer.epoch)
    }

    /// Returns where the first of the open transactions began.
    pub(crate) fn first_open_offset(&self) -> Option<i64> {
        self.open.first().copied()
    }

    /// Returns the offset of the last record of each producer that is still remembered.
    pub(crate) fn last_offsets(&self, now: Millis, config: &ProducersConfig) -> BTreeMap<i64, i64> {
        let active = self.by_id.iter().filter(|(_, producer)| !producer.is_expired(now, config));
        active.filter_map(|(id, it)| Some((*id, it.recent.back()?.last_offset()))).collect()
    }

    fn make_room(&mut self, now: Millis, config: &ProducersConfig) {
        if self.by_id.len() < config.producers_max {
            return;
        }
        self.by_id.retain(|_, producer| !producer.is_expired(now, config));
        if self.by_id.len() >= config.producers_max {
            let closed = self.by_id.iter().filter(|(_, producer)| producer.open_from.is_none());
            let silent = closed.min_by_key(|(_, producer)| producer.last_seen);
            if let Some(id) = silent.map(|(id, _)| *id) {
                self.by_id.remove(&id);
            }
        }
    }
}

impl Producer {
    fn is_expired(&self, now: Millis, config: &ProducersConfig) -> bool {
        self.open_from.is_none() && self.last_seen.after(config.expiration_ms) <= now
    }

    /// Takes note of a sign of life in an epoch; a new one numbers its batches anew.
    fn enter_epoch(&mut self, now: Millis, epoch: i16) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.recent.clear();
        }
        self.last_seen = now;
    }

    fn find(&self, batch: &BatchHeader) -> Option<RecentBatch> {
        let (first, last) = (batch.base_sequence, batch.last_sequence());
        let is_same = |it: &&RecentBatch| it.first_sequence == first && it.last_sequence == last;
        let recent = (self.epoch == batch.producer_epoch).then_some(&self.recent)?;
        recent.iter().find(is_same).copied()
    }

    fn check_follows(&self, batch: &BatchHeader) -> Result<(), Refusal> {
        let (id, epoch) = (batch.producer_id, batch.producer_epoch);
        if epoch < self.epoch {
            let last = self.epoch;
            let message = format!("epoch {epoch} of producer {id} is older than its last, {last}");
            return Err(Refusal::new(ResponseError::InvalidProducerEpoch, message));
        }
        if self.open_from.is_some() && !batch.is_transactional() {
            let message = format!("producer {id} has an open transaction, which this is not of");
            return Err(Refusal::new(ResponseError::InvalidTxnState, message));
        }
        let expected = match self.recent.back() {
            // A new epoch begins at zero.
            _ if epoch != self.epoch => 0,
            Some(last) => last.last_sequence.checked_add(1).unwrap_or(0),
            None => 0,
        };
        if batch.base_sequence == expected {
            return Ok(());
        }
        let sequence = batch.base_sequence;
        let message = format!("producer {id} sent sequence {sequence} instead of {expected}");
        Err(Refusal::new(ResponseError::OutOfOrderSequenceNumber, message))
    }
}

#[cfg(test)]
mod tests;
