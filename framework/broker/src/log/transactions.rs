//! The transactions of one partition: markers, aborted ones, and up to where readers of committed
//! records may read.
//!
//! Which producer has an open transaction is known with the [producers](super::producers). A marker
//! is a batch of its own, which ends the transaction of its producer; readers leave out the records
//! of those that were aborted, which they are told of.

use bytes::{Bytes, BytesMut};

use crate::log::batch::{self, BatchHeader};
use crate::log::producers::ProducersConfig;
use crate::log::records::Records;
use crate::log::{PartitionLog, charge};
use crate::time::{Millis, Moment};

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Abort,
    Commit,
}

/// What a marker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) outcome: Outcome,
}

/// A transaction that was aborted: the offsets of its first record and of its marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AbortedTransaction {
    pub(crate) producer_id: i64,
    pub(crate) first_offset: i64,
    pub(crate) last_offset: i64,
}

/// The version of keys and values of markers.
const MARKER_VERSION: i16 = 0;
/// How often the coordinator has moved: it does not.
const COORDINATOR_EPOCH: i32 = 0;

impl Outcome {
    fn code(self) -> i16 {
        match self {
            Self::Abort => 0,
            Self::Commit => 1,
        }
    }
}

impl Marker {
    /// Writes the batch of a marker.
    fn encode(&self, base_offset: i64, stamp: i64) -> BytesMut {
        // Attributes, time and offset like the batch's; lengths are zigzag.
        let mut record = BytesMut::from(&[0, 0, 0, 4 << 1][..]);
        record.extend_from_slice(&MARKER_VERSION.to_be_bytes());
        record.extend_from_slice(&self.outcome.code().to_be_bytes());
        record.extend_from_slice(&[6 << 1]);
        record.extend_from_slice(&MARKER_VERSION.to_be_bytes());
        record.extend_from_slice(&COORDINATOR_EPOCH.to_be_bytes());
        // No headers.
        record.extend_from_slice(&[0]);
        let length = u8::try_from(record.len() << 1).unwrap_or(u8::MAX);
        let records = [&[length][..], &record].concat();
        batch::control(base_offset, stamp, self.producer_id, self.producer_epoch, &records)
    }
}

/// Returns how the transaction ended that a control batch marks; nothing if it is another kind.
pub(crate) fn outcome_of(bytes: &[u8], header: &BatchHeader) -> Option<Outcome> {
    let records = Records::unpack(bytes, header).ok()?;
    let entry = records.entries().next()?.ok()?;
    let code = entry.key?.get(2..)?.first_chunk().copied().map(i16::from_be_bytes)?;
    [Outcome::Abort, Outcome::Commit].into_iter().find(|outcome| outcome.code() == code)
}

impl PartitionLog {
    /// Returns the offset up to which no transaction is open: as far as readers of committed
    /// records come.
    pub(crate) fn last_stable_offset(&self) -> i64 {
        let unstable = self.producers.first_open_offset().unwrap_or(self.end_offset);
        // The first records of an open transaction may have been deleted.
        unstable.max(self.start_offset)
    }

    /// Returns whether this producer has an open transaction here, in this epoch.
    pub(crate) fn has_open_transaction(&self, producer_id: i64, epoch: i16) -> bool {
        self.producers.open_epoch(producer_id) == Some(epoch)
    }

    /// Returns the producers with an open transaction, and their epochs.
    pub(crate) fn open_transactions(&self) -> impl Iterator<Item = (i64, i16)> + '_ {
        self.producers.open()
    }

    /// Ends the transaction of a producer, whether it has written here or not. Returns the memory
    /// that the marker takes.
    pub(crate) fn append_marker(
        &mut self,
        at: Moment,
        producers: &ProducersConfig,
        marker: Marker,
    ) -> u64 {
        let stamp = at.stamp.as_i64();
        let offset = self.end_offset;
        let bytes = marker.encode(offset, stamp).freeze();
        let charged = charge(bytes.len());
        self.push(1, stamp, bytes);
        self.end_transaction(at.now, producers, marker, offset);
        charged
    }

    /// Takes note of a marker.
    fn end_transaction(
        &mut self,
        now: Millis,
        producers: &ProducersConfig,
        marker: Marker,
        last_offset: i64,
    ) {
        let Marker { producer_id, producer_epoch, outcome } = marker;
        let first = self.producers.end(now, producers, producer_id, producer_epoch);
        if let Some(first_offset) = first.filter(|_| outcome == Outcome::Abort) {
            self.aborted.push(AbortedTransaction { producer_id, first_offset, last_offset });
        }
    }

    /// Takes note of a control batch that was kept.
    pub(super) fn restore_marker(
        &mut self,
        now: Millis,
        producers: &ProducersConfig,
        header: &BatchHeader,
        bytes: &Bytes,
    ) {
        // Of an emptied one nobody needs to know: its transaction has no records left.
        let Some(outcome) = outcome_of(bytes, header) else { return };
        let (producer_id, producer_epoch) = (header.producer_id, header.producer_epoch);
        let marker = Marker { producer_id, producer_epoch, outcome };
        self.end_transaction(now, producers, marker, header.base_offset);
    }

    /// Returns the aborted transactions with records or markers from one offset to before another.
    pub(crate) fn aborted_within(&self, from: i64, until: i64) -> Vec<AbortedTransaction> {
        // They are in order of their markers.
        let first = self.aborted.partition_point(|it| it.last_offset < from);
        let rest = self.aborted.get(first..).unwrap_or_default();
        rest.iter().filter(|it| it.first_offset < until).copied().collect()
    }

    /// Forgets aborted transactions that lie before the beginning.
    pub(super) fn forget_aborted(&mut self) {
        let gone = self.aborted.partition_point(|it| it.last_offset < self.start_offset);
        self.aborted.drain(..gone);
    }
}

#[cfg(test)]
mod tests;
