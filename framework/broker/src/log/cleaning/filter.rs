//! What becomes of one batch in a pass.
//!
//! A batch from which nothing is dropped stays byte for byte. Of others the records that stay are
//! copied as they lie, since taking them apart would lose what a decoder does not keep, such as
//! headers of the same name.

use bytes::{BufMut, Bytes, BytesMut};
use tracing::error;

use crate::log::batch::{self, BatchHeader, Remains};
use crate::log::cleaning::Pass;
use crate::log::records::{self, Entry, Records};

/// What becomes of a batch that does not stay as it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing is left.
    Gone,
    /// This is left.
    Less(Bytes),
}

impl Pass {
    /// Decides about a batch; nothing says that it stays as it is.
    pub(super) fn fate(&mut self, bytes: &[u8]) -> Option<Fate> {
        let header = BatchHeader::read(bytes)?;
        let cleaned = if header.is_control() {
            self.clean_marker(bytes, &header)
        } else {
            self.transactions.meet(&header);
            self.clean(bytes, &header)
        };
        match cleaned {
            Ok(fate) => fate,
            Err(why) => {
                // It was read when it came, so this is a bug: what is not understood is not lost.
                error!("the batch at offset {} cannot be cleaned: {why}", header.base_offset);
                None
            }
        }
    }

    fn clean(&self, bytes: &[u8], header: &BatchHeader) -> Result<Option<Fate>, String> {
        if self.transactions.is_aborted(header) {
            let count = usize::try_from(header.count()).unwrap_or(0);
            return Ok(self.fate_of_empty(bytes, header, count));
        }
        let records = Records::unpack(bytes, header)?;
        let mut kept = Vec::new();
        let mut count = 0;
        for entry in records.entries() {
            let entry = entry?;
            count += 1;
            if self.keeps(header, &entry) {
                kept.push(entry);
            }
        }
        if kept.is_empty() {
            return Ok(self.fate_of_empty(bytes, header, count));
        }
        let has_tombstones = kept.iter().any(|entry| !entry.has_value);
        let is_new = has_tombstones && header.delete_horizon().is_none();
        let horizon = is_new.then(|| self.stamp.saturating_add(self.delete_retention_ms));
        if kept.len() == count && horizon.is_none() {
            return Ok(None);
        }
        with_only(bytes, header, &kept, horizon).map(Some)
    }

    /// Decides about a marker. The time of one without batches begins with the pass that finds it.
    fn clean_marker(&mut self, bytes: &[u8], header: &BatchHeader) -> Result<Option<Fate>, String> {
        if self.transactions.meet_marker(header) {
            return Ok(None);
        }
        let records = Records::unpack(bytes, header)?;
        let kept: Vec<_> = records.entries().collect::<Result<_, _>>()?;
        match header.delete_horizon() {
            Some(horizon) if self.stamp < horizon => Ok(None),
            Some(_) => Ok(self.fate_of_empty(bytes, header, kept.len())),
            None => {
                let horizon = self.stamp.saturating_add(self.delete_retention_ms);
                with_only(bytes, header, &kept, Some(horizon)).map(Some)
            }
        }
    }

    /// Returns whether a record stays: the last of its key, unless it is a tombstone whose time is
    /// over.
    fn keeps(&self, header: &BatchHeader, entry: &Entry<'_>) -> bool {
        let Some(key) = entry.key else { return false };
        let offset = header.base_offset + i64::from(entry.head.offset_delta);
        let is_last = self.keys.last.get(key).is_none_or(|last| offset >= *last);
        let is_timely = header.delete_horizon().is_none_or(|horizon| self.stamp < horizon);
        is_last && (entry.has_value || is_timely)
    }

    /// Decides about a batch without records: the header of some is needed.
    fn fate_of_empty(&self, bytes: &[u8], header: &BatchHeader, count: usize) -> Option<Fate> {
        let last = header.last_offset();
        let is_last_of_producer =
            header.has_producer() && self.producers.get(&header.producer_id) == Some(&last);
        let is_last_of_part = last + 1 == self.cleanable.until;
        if !is_last_of_producer && !is_last_of_part {
            return Some(Fate::Gone);
        }
        if count == 0 {
            return None;
        }
        let remains = Remains {
            packed: BytesMut::new(),
            count: 0,
            max_timestamp: header.max_timestamp,
            delete_horizon: None,
        };
        Some(Fate::Less(batch::with_records(bytes, header, &remains).freeze()))
    }
}

/// Writes a record whose time counts from another base.
fn put_rebased(out: &mut BytesMut, entry: &Entry<'_>, old_base: i64, new_base: i64) {
    let delta = old_base.saturating_add(entry.timestamp_delta).saturating_sub(new_base);
    let mut record = BytesMut::with_capacity(entry.whole.len() + 16);
    record.put_u8(entry.attributes);
    records::put_varint(&mut record, delta);
    record.put_slice(entry.tail);
    records::put_varint(out, i64::try_from(record.len()).unwrap_or(i64::MAX));
    out.put_slice(&record);
}

/// Leaves some of a batch's records; with a time at which tombstones and markers go, if it begins.
fn with_only(
    bytes: &[u8],
    header: &BatchHeader,
    kept: &[Entry<'_>],
    horizon: Option<i64>,
) -> Result<Fate, String> {
    let mut unpacked = BytesMut::new();
    for entry in kept {
        match horizon {
            None => unpacked.put_slice(entry.whole),
            Some(horizon) => put_rebased(&mut unpacked, entry, header.base_timestamp, horizon),
        }
    }
    let largest = kept.iter().map(|entry| entry.head.timestamp).max();
    let remains = Remains {
        packed: records::pack(&unpacked, header.compression())?,
        count: i32::try_from(kept.len()).unwrap_or(i32::MAX),
        max_timestamp: largest.unwrap_or(header.max_timestamp),
        delete_horizon: horizon,
    };
    Ok(Fate::Less(batch::with_records(bytes, header, &remains).freeze()))
}
