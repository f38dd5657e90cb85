//! The records inside a batch: what is looked at in them, and whether they are what they claim.

use std::borrow::Cow;

use bytes::Bytes;
use kafka_protocol::compression::{Decompressor, Gzip, Lz4, Snappy, Zstd};

use crate::log::batch::{BatchHeader, HEADER_BYTES, ZSTD};
use crate::log::expansion;

/// What the records of one batch may unpack to. As one batch is unpacked at a time, this bounds the
/// memory for all of them.
const UNPACKED_BYTES_MAX: u64 = 256 << 20;

/// What is looked at in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordHead {
    pub(crate) offset_delta: i32,
    pub(crate) timestamp: i64,
    pub(crate) has_key: bool,
}

/// The records of one batch, unpacked.
#[derive(Debug)]
pub(crate) struct Records<'a> {
    header: BatchHeader,
    bytes: Cow<'a, [u8]>,
}

impl<'a> Records<'a> {
    /// Unpacks a batch's records, unless they are too large or no such thing.
    pub(crate) fn unpack(batch: &'a [u8], header: &BatchHeader) -> Result<Self, String> {
        let packed = batch.get(HEADER_BYTES..).unwrap_or_default();
        Ok(Self { header: *header, bytes: unpack(packed, header.compression())? })
    }

    /// Returns the heads of the records, in order. An error, which comes last, says that they are
    /// not what the header promises.
    pub(crate) fn heads(&self) -> Heads<'_> {
        let count = i32::try_from(self.header.count()).unwrap_or(0);
        Heads { header: &self.header, rest: &self.bytes, index: 0, count, is_over: false }
    }
}

/// See [`Records::heads`].
#[derive(Debug)]
pub(crate) struct Heads<'a> {
    header: &'a BatchHeader,
    rest: &'a [u8],
    index: i32,
    count: i32,
    is_over: bool,
}

impl Iterator for Heads<'_> {
    type Item = Result<RecordHead, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let (index, count) = (self.index, self.count);
        if index >= count {
            self.is_over = true;
            let is_empty = self.rest.is_empty();
            return (!is_empty).then(|| Err(format!("there is more behind {count} records")));
        }
        let head = match next(&mut self.rest, self.header) {
            Some(head) if head.offset_delta == index => {
                self.index += 1;
                return Some(Ok(head));
            }
            head => head,
        };
        self.is_over = true;
        Some(Err(match head {
            None => format!("record {index} of {count} is malformed"),
            Some(head) => format!("record {index} has the offset delta {}", head.offset_delta),
        }))
    }
}

fn unpack(mut packed: &[u8], compression: i16) -> Result<Cow<'_, [u8]>, String> {
    expansion::check(packed, compression, UNPACKED_BYTES_MAX)?;
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
    let has_key = skip_bytes(&mut record)?;
    let _has_value = skip_bytes(&mut record)?;
    skip_headers(&mut record)?;
    let timestamp = if header.is_stamped() {
        header.max_timestamp
    } else {
        header.base_timestamp.saturating_add(timestamp_delta)
    };
    record.is_empty().then_some(RecordHead { offset_delta, timestamp, has_key })
}

/// Steps over a key or a value; returns whether there is one.
fn skip_bytes(record: &mut &[u8]) -> Option<bool> {
    let length = varint(record)?;
    if length < 0 {
        return Some(false);
    }
    *record = record.get(usize::try_from(length).ok()?..)?;
    Some(true)
}

fn skip_headers(record: &mut &[u8]) -> Option<()> {
    let count = varint(record)?;
    // Each takes two bytes at least, so that a large count ends soon. A name cannot be missing.
    for _ in 0..u32::try_from(count).ok()? {
        skip_bytes(record)?.then_some(())?;
        skip_bytes(record)?;
    }
    Some(())
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
