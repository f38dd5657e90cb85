//! The records inside a batch, for the few questions that need them: times and missing keys.

use std::borrow::Cow;

use bytes::Bytes;
use kafka_protocol::compression::{Decompressor, Gzip, Lz4, Snappy, Zstd};

use crate::log::batch::{BatchHeader, HEADER_BYTES, ZSTD};

/// What is looked at in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordHead {
    pub(crate) offset_delta: i32,
    pub(crate) timestamp: i64,
    pub(crate) has_key: bool,
}

/// Returns the heads of a batch's records, in order; an error if they are not what the header says.
pub(crate) fn heads(batch: &[u8], header: &BatchHeader) -> Result<Vec<RecordHead>, String> {
    let packed = batch.get(HEADER_BYTES..).unwrap_or_default();
    let records = unpack(packed, header.compression())?;
    let mut rest: &[u8] = &records;
    let count = usize::try_from(header.count()).unwrap_or(0);
    // The count is only a claim, and no record is shorter than seven bytes.
    let mut heads = Vec::with_capacity(count.min(rest.len() / 7));
    for index in 0..count {
        let head = next(&mut rest, header);
        heads.push(head.ok_or_else(|| format!("record {index} of {count} is malformed"))?);
    }
    if rest.is_empty() { Ok(heads) } else { Err(format!("there is more behind {count} records")) }
}

fn unpack(mut packed: &[u8], compression: i16) -> Result<Cow<'_, [u8]>, String> {
    let take = |records: &mut Bytes| Ok(Vec::from(std::mem::take(records)));
    let unpacked = match compression {
        0 => return Ok(Cow::Borrowed(packed)),
        1 => Gzip::decompress(&mut packed, take),
        2 => Snappy::decompress(&mut packed, take),
        3 => Lz4::decompress(&mut packed, take),
        ZSTD => Zstd::decompress(&mut packed, take),
        other => return Err(format!("compression {other} is unknown")),
    };
    unpacked.map(Cow::Owned).map_err(|e| format!("{e:#}"))
}

/// Reads one record and steps over it.
fn next(rest: &mut &[u8], header: &BatchHeader) -> Option<RecordHead> {
    let length = usize::try_from(varint(rest)?).ok()?;
    let (mut record, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    let _attributes = record.split_off_first()?;
    let timestamp_delta = varint(&mut record)?;
    let offset_delta = i32::try_from(varint(&mut record)?).ok()?;
    let key_length = varint(&mut record)?;
    let timestamp = if header.is_stamped() {
        header.max_timestamp
    } else {
        header.base_timestamp.saturating_add(timestamp_delta)
    };
    Some(RecordHead { offset_delta, timestamp, has_key: key_length >= 0 })
}

/// Reads a zigzag varint of up to 64 bits.
fn varint(rest: &mut &[u8]) -> Option<i64> {
    let mut value: u64 = 0;
    for shift in (0..64).step_by(7) {
        let byte = *rest.split_off_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
        }
    }
    None
}

#[cfg(test)]
mod tests;
