//! The records inside a batch: what is looked at in them, and whether they are what they claim.

use std::borrow::Cow;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::compression::{Compressor, Decompressor, Gzip, Lz4, Snappy, Zstd};

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

    /// Returns the heads of records as a producer sends them, which count from zero. An error says
    /// that they are not what the header promises.
    pub(crate) fn heads(&self) -> impl Iterator<Item = Result<RecordHead, String>> + '_ {
        (0..).zip(self.entries()).map(|(index, entry)| match entry?.head {
            head if head.offset_delta == index => Ok(head),
            head => Err(format!("record {index} has the offset delta {}", head.offset_delta)),
        })
    }

    /// Returns the records, in order; some may be missing where the log was cleaned. An error,
    /// which comes last, says that they are not what the header promises.
    pub(crate) fn entries(&self) -> Entries<'_> {
        let count = i32::try_from(self.header.count()).unwrap_or(0);
        Entries { header: &self.header, rest: &self.bytes, index: 0, count, is_over: false }
    }
}

/// One record where it lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) head: RecordHead,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) has_value: bool,
    pub(crate) attributes: u8,
    pub(crate) timestamp_delta: i64,
    /// From its length to its end.
    pub(crate) whole: &'a [u8],
    /// From the offset delta to the end.
    pub(crate) tail: &'a [u8],
}

/// See [`Records::entries`].
#[derive(Debug)]
pub(crate) struct Entries<'a> {
    header: &'a BatchHeader,
    rest: &'a [u8],
    index: i32,
    count: i32,
    is_over: bool,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, String>;

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
        self.index += 1;
        let entry = next(&mut self.rest, self.header);
        self.is_over = entry.is_none();
        Some(entry.ok_or_else(|| format!("record {index} of {count} is malformed")))
    }
}

/// Packs records as the compression of this number does.
pub(crate) fn pack(records: &[u8], compression: i16) -> Result<BytesMut, String> {
    let mut packed = BytesMut::new();
    let put = |out: &mut BytesMut| {
        out.put_slice(records);
        Ok(())
    };
    let done = match compression {
        0 => put(&mut packed),
        1 => Gzip::compress(&mut packed, put),
        2 => Snappy::compress(&mut packed, put),
        3 => Lz4::compress(&mut packed, put),
        ZSTD => Zstd::compress(&mut packed, put),
        other => return Err(format!("compression {other} is unknown")),
    };
    done.map_err(|e| format!("{e:#}"))?;
    Ok(packed)
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
fn next<'a>(rest: &mut &'a [u8], header: &BatchHeader) -> Option<Entry<'a>> {
    let from_here = *rest;
    let length = usize::try_from(varint(rest)?).ok()?;
    let (mut record, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    let whole = from_here.get(..from_here.len() - behind.len())?;
    let attributes = *record.split_off_first()?;
    let timestamp_delta = varint(&mut record)?;
    let tail = record;
    let offset_delta = i32::try_from(varint(&mut record)?).ok()?;
    let key = take_bytes(&mut record)?;
    let has_value = take_bytes(&mut record)?.is_some();
    skip_headers(&mut record)?;
    let timestamp = if header.is_stamped() {
        header.max_timestamp
    } else {
        header.base_timestamp.saturating_add(timestamp_delta)
    };
    let head = RecordHead { offset_delta, timestamp, has_key: key.is_some() };
    let entry = Entry { head, key, has_value, attributes, timestamp_delta, whole, tail };
    record.is_empty().then_some(entry)
}

/// Steps over a key or a value, and returns it if there is one.
fn take_bytes<'a>(record: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let length = varint(record)?;
    if length < 0 {
        return Some(None);
    }
    let (bytes, behind) = record.split_at_checked(usize::try_from(length).ok()?)?;
    *record = behind;
    Some(Some(bytes))
}

fn skip_headers(record: &mut &[u8]) -> Option<()> {
    let count = varint(record)?;
    // Each takes two bytes at least, so that a large count ends soon. A name cannot be missing.
    for _ in 0..u32::try_from(count).ok()? {
        take_bytes(record)??;
        take_bytes(record)?;
    }
    Some(())
}

/// Writes a zigzag varint.
pub(crate) fn put_varint(out: &mut BytesMut, value: i64) {
    let mut left = (value << 1 ^ value >> 63).cast_unsigned();
    while left >= 0x80 {
        // The lowest seven bits, and that there are more.
        out.put_u8(left.to_le_bytes()[0] | 0x80);
        left >>= 7;
    }
    out.put_u8(left.to_le_bytes()[0]);
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
