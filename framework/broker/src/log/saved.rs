//! What of a log has been written down, and building it again from that.

use bytes::Bytes;

use crate::log::batch::BatchHeader;
use crate::log::producers::ProducersConfig;
use crate::log::{PartitionLog, StoredBatch};
use crate::time::Millis;

/// Below this nothing is written anew for batches that went from the front.
const GONE_BYTES_MIN: u64 = 1 << 20;

/// How much of a log has been written down.
#[derive(Debug, Default)]
pub(super) struct Saved {
    start: i64,
    end: i64,
    /// Bytes still written down of batches that are gone.
    gone_bytes: u64,
    /// Whether batches are others than those written down.
    is_rewritten: bool,
}

/// What is to be written down of a log.
#[derive(Debug, Default)]
pub(crate) struct Unsaved {
    pub(crate) start: Option<i64>,
    pub(crate) appended: Vec<Bytes>,
    /// All batches, if those written down are to be replaced.
    pub(crate) rewritten: Option<Vec<Bytes>>,
}

impl Saved {
    /// Notes that batches are others than those written down.
    pub(super) fn note_rewritten(&mut self) {
        self.is_rewritten = true;
    }

    /// Notes that batches at the front go.
    pub(super) fn note_gone<'a>(&mut self, batches: impl Iterator<Item = &'a StoredBatch>) {
        self.gone_bytes += batches.map(|batch| batch.bytes.len() as u64).sum::<u64>();
    }
}

impl PartitionLog {
    /// Returns what has changed since this was last asked.
    pub(crate) fn take_unsaved(&mut self) -> Unsaved {
        let mut unsaved = Unsaved::default();
        let saved = &self.saved;
        if saved.start != self.start_offset {
            unsaved.start = Some(self.start_offset);
        }
        // As much again may be written as there is to keep, so that it does not happen often.
        let is_mostly_gone = saved.gone_bytes >= self.bytes_ahead(0).max(GONE_BYTES_MIN);
        if saved.is_rewritten || is_mostly_gone {
            unsaved.rewritten = Some(self.batches.iter().map(|it| it.bytes.clone()).collect());
            self.saved.gone_bytes = 0;
        } else {
            let new = self.batches.range(self.index_of(saved.end)..);
            unsaved.appended = new.map(|batch| batch.bytes.clone()).collect();
        }
        self.saved.is_rewritten = false;
        self.saved.start = self.start_offset;
        self.saved.end = self.end_offset;
        unsaved
    }

    /// Lets an empty log begin at an offset.
    pub(crate) fn begin_at(&mut self, offset: i64) {
        self.start_offset = offset;
        self.end_offset = offset;
    }

    /// Takes in the batches that were written down; says what is wrong with them.
    pub(crate) fn restore(
        &mut self,
        now: Millis,
        producers: &ProducersConfig,
        batches: Vec<Bytes>,
    ) -> Result<(), String> {
        let mut next = 0;
        for bytes in batches {
            let header = BatchHeader::read(&bytes).ok_or("a batch is shorter than its header")?;
            let (base, last) = (header.base_offset, header.last_offset());
            if base < next || last < base {
                return Err(format!("a batch of offsets {base} to {last} is not behind {next}"));
            }
            next = last + 1;
            if header.is_control() {
                self.restore_marker(now, producers, &header, &bytes);
            } else {
                self.producers.record(now, producers, &header, base, header.max_timestamp);
            }
            if last < self.start_offset {
                self.saved.gone_bytes += bytes.len() as u64;
                continue;
            }
            self.end_offset = base;
            self.push(next - base, header.largest_timestamp(), bytes);
        }
        self.end_offset = self.end_offset.max(next);
        self.saved.start = self.start_offset;
        self.saved.end = self.end_offset;
        Ok(())
    }
}
