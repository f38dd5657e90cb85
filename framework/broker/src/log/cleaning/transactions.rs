//! What a pass knows of transactions.
//!
//! As in Kafka, records of aborted ones go at once; a marker goes when a pass has met no batch of
//! its transaction any more, and `delete.retention.ms` has gone by since: until then somebody may
//! be reading what the marker is about.

use std::collections::BTreeSet;

use crate::log::PartitionLog;
use crate::log::batch::BatchHeader;

/// The transactions of a pass, which meets batches in order.
#[derive(Debug, Default)]
pub(super) struct TransactionsMet {
    /// The aborted ones: producer, marker and first offset.
    aborted: BTreeSet<(i64, i64, i64)>,
    /// The producers of which there was a batch since their last marker.
    met: BTreeSet<i64>,
    /// The markers of transactions without batches.
    idle_markers: BTreeSet<i64>,
}

impl TransactionsMet {
    pub(super) fn new(log: &PartitionLog) -> Self {
        let aborted = log.aborted.iter();
        let aborted = aborted.map(|it| (it.producer_id, it.last_offset, it.first_offset));
        Self { aborted: aborted.collect(), ..Self::default() }
    }

    /// Returns whether the records of a batch were aborted.
    pub(super) fn is_aborted(&self, header: &BatchHeader) -> bool {
        let (id, base) = (header.producer_id, header.base_offset);
        let mut behind = self.aborted.range((id, base, i64::MIN)..);
        let next = behind.next().filter(|(producer, _, _)| *producer == id);
        header.is_transactional() && next.is_some_and(|(_, _, first)| *first <= base)
    }

    /// Meets a batch of records.
    pub(super) fn meet(&mut self, header: &BatchHeader) {
        if header.is_transactional() {
            self.met.insert(header.producer_id);
        }
    }

    /// Meets a marker; returns whether its transaction had batches.
    pub(super) fn meet_marker(&mut self, header: &BatchHeader) -> bool {
        let has_batches = self.met.remove(&header.producer_id);
        if !has_batches {
            self.idle_markers.insert(header.base_offset);
        }
        has_batches
    }

    /// Returns whether this is the marker of a transaction without batches.
    pub(super) fn is_idle_marker(&self, offset: i64) -> bool {
        self.idle_markers.contains(&offset)
    }
}
