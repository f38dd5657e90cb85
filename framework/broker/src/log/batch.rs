//! The header of a record batch: reading it, checking it, and the fields a broker sets in place.

use std::ops::Range;

use bytes::BytesMut;
use kafka_protocol::ResponseError;

use crate::error::Refusal;

/// The epoch of every partition's leader: there is one broker, so leadership never moves.
pub(crate) const LEADER_EPOCH: i32 = 0;

/// No producer id: the producer is not idempotent.
const NO_PRODUCER: i64 = -1;

// Where the fields of a batch of magic 2 lie.
const LENGTH: usize = 8;
const EPOCH: usize = 12;
const MAGIC: usize = 16;
const CRC: usize = 17;
const ATTRIBUTES: usize = 21;
const LAST_OFFSET_DELTA: usize = 23;
const BASE_TIMESTAMP: usize = 27;
const MAX_TIMESTAMP: usize = 35;
const PRODUCER_ID: usize = 43;
const PRODUCER_EPOCH: usize = 51;
const BASE_SEQUENCE: usize = 53;
const COUNT: usize = 57;

/// Where the records begin.
pub(crate) const HEADER_BYTES: usize = 61;
/// The base offset and the length, which the length itself does not count.
const OVERHEAD_BYTES: usize = 12;
/// The smallest thing that could be a batch of any magic, as Kafka has it.
const SMALLEST_BATCH_BYTES: usize = 14;

const COMPRESSION_MASK: i16 = 0b111;
const APPEND_TIME_FLAG: i16 = 1 << 3;
const TRANSACTIONAL_FLAG: i16 = 1 << 4;
const CONTROL_FLAG: i16 = 1 << 5;
const HORIZON_FLAG: i16 = 1 << 6;

/// The number of zstd in a batch's attributes.
pub(crate) const ZSTD: i16 = 4;

/// The fields of a batch's header that the broker looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    pub(crate) base_offset: i64,
    crc: u32,
    attributes: i16,
    last_offset_delta: i32,
    pub(crate) base_timestamp: i64,
    pub(crate) max_timestamp: i64,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) base_sequence: i32,
    record_count: i32,
}

impl BatchHeader {
    /// Reads the header of a stored batch; nothing if the bytes are too few.
    pub(crate) fn read(batch: &[u8]) -> Option<Self> {
        Some(Self {
            base_offset: i64::from_be_bytes(field(batch, 0)?),
            crc: u32::from_be_bytes(field(batch, CRC)?),
            attributes: i16::from_be_bytes(field(batch, ATTRIBUTES)?),
            last_offset_delta: i32::from_be_bytes(field(batch, LAST_OFFSET_DELTA)?),
            base_timestamp: i64::from_be_bytes(field(batch, BASE_TIMESTAMP)?),
            max_timestamp: i64::from_be_bytes(field(batch, MAX_TIMESTAMP)?),
            producer_id: i64::from_be_bytes(field(batch, PRODUCER_ID)?),
            producer_epoch: i16::from_be_bytes(field(batch, PRODUCER_EPOCH)?),
            base_sequence: i32::from_be_bytes(field(batch, BASE_SEQUENCE)?),
            record_count: i32::from_be_bytes(field(batch, COUNT)?),
        })
    }

    /// Returns how many records the batch has.
    pub(crate) fn count(&self) -> i64 {
        i64::from(self.record_count)
    }

    /// Returns the offset of the last record, or of the last that there was.
    pub(crate) fn last_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last_offset_delta)
    }

    /// Returns whether the checksum is that of this batch.
    pub(crate) fn has_checksum_of(&self, batch: &[u8]) -> bool {
        crc32c::crc32c(batch.get(ATTRIBUTES..).unwrap_or_default()) == self.crc
    }

    /// Returns the number of the compression in use, zero for none; those above zstd's are unknown.
    pub(crate) fn compression(&self) -> i16 {
        self.attributes & COMPRESSION_MASK
    }

    /// Returns whether the broker's time counts instead of the producer's.
    pub(crate) fn is_stamped(&self) -> bool {
        self.attributes & APPEND_TIME_FLAG != 0
    }

    /// Returns whether the batch belongs to a transaction.
    pub(crate) fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL_FLAG != 0
    }

    /// Returns the largest timestamp of a record; -1 if no record is left.
    pub(crate) fn largest_timestamp(&self) -> i64 {
        if self.record_count == 0 { -1 } else { self.max_timestamp }
    }

    /// Returns whether the batch marks the end of a transaction.
    pub(crate) fn is_control(&self) -> bool {
        self.attributes & CONTROL_FLAG != 0
    }

    /// Returns when the tombstones of this batch may go: set by the first cleaning that finds them.
    pub(crate) fn delete_horizon(&self) -> Option<i64> {
        (self.attributes & HORIZON_FLAG != 0).then_some(self.base_timestamp)
    }

    /// Returns whether the producer numbers its batches.
    pub(crate) fn has_producer(&self) -> bool {
        self.producer_id != NO_PRODUCER
    }

    /// Returns the sequence number of the last record: after the largest comes zero.
    pub(crate) fn last_sequence(&self) -> i32 {
        let sum = i64::from(self.base_sequence) + i64::from(self.last_offset_delta);
        i32::try_from(sum & i64::from(i32::MAX)).unwrap_or(0)
    }

    fn check_records(&self) -> Result<(), Refusal> {
        let count_by_offsets = i64::from(self.last_offset_delta) + 1;
        if count_by_offsets <= 0 || count_by_offsets != self.count() {
            let count = self.record_count;
            return Err(invalid(format!("{count} records for {count_by_offsets} offsets")));
        }
        if self.is_control() {
            return Err(invalid("clients are not allowed to write control records"));
        }
        if self.has_producer() && self.base_sequence < 0 {
            return Err(invalid(format!("sequence number {} is negative", self.base_sequence)));
        }
        Ok(())
    }
}

/// Finds the one batch of magic 2 that a produce request may hold per partition.
///
/// Returns how many of the bytes are the batch, and its header. Like Kafka's, this check comes
/// before those of the topic's settings, and a rest that is no batch is dropped in silence.
pub(crate) fn find_single(bytes: &[u8]) -> Result<(usize, BatchHeader), Refusal> {
    let Some(range) = batch_at(bytes, 0)? else {
        return Err(invalid("there must be one record batch per partition"));
    };
    if bytes.get(MAGIC) != Some(&2) {
        return Err(invalid("only record batches of magic 2 are taken"));
    }
    if batch_at(bytes, range.end)?.is_some() {
        return Err(invalid("there must be exactly one record batch per partition"));
    }
    let header = bytes.get(range.clone()).and_then(BatchHeader::read);
    let header = header.ok_or_else(|| corrupt("the batch is shorter than its header"))?;
    Ok((range.end, header))
}

/// Returns the bytes of the batch that begins here, or nothing if they are not all there.
fn batch_at(bytes: &[u8], start: usize) -> Result<Option<Range<usize>>, Refusal> {
    let rest = bytes.get(start..).unwrap_or_default();
    let Some(length) = field(rest, LENGTH).map(i32::from_be_bytes) else { return Ok(None) };
    let size = usize::try_from(length).map(|length| length + OVERHEAD_BYTES);
    match size {
        Ok(size) if size >= SMALLEST_BATCH_BYTES => {
            Ok((size <= rest.len()).then(|| start..start + size))
        }
        _ => Err(corrupt(format!("a batch cannot have the length {length}"))),
    }
}

/// Returns the size of the batch of magic 2 that begins with this header, if it is one.
pub(crate) fn size_of(header: &[u8]) -> Option<usize> {
    let length = usize::try_from(i32::from_be_bytes(field(header, LENGTH)?)).ok()?;
    let size = length + OVERHEAD_BYTES;
    (size >= HEADER_BYTES && header.get(MAGIC) == Some(&2)).then_some(size)
}

/// Checks a batch's header in the order in which Kafka does: offset, size, checksum, counts.
pub(crate) fn check(batch: &[u8], header: &BatchHeader, bytes_max: i64) -> Result<(), Refusal> {
    if header.base_offset != 0 {
        let base = header.base_offset;
        return Err(invalid(format!("the base offset of a sent batch should be 0, not {base}")));
    }
    let size = i64::try_from(batch.len()).unwrap_or(i64::MAX);
    if size > bytes_max {
        let message = format!("the batch has {size} bytes, the most for this topic is {bytes_max}");
        return Err(Refusal::new(ResponseError::MessageTooLarge, message));
    }
    if !header.has_checksum_of(batch) {
        return Err(corrupt("the checksum of the batch does not match"));
    }
    header.check_records()
}

/// Sets the offset of a batch's first record and the epoch; neither is part of the checksum.
pub(crate) fn assign(batch: &mut BytesMut, base_offset: i64, epoch: i32) {
    set(batch, 0, base_offset.to_be_bytes());
    set(batch, EPOCH, epoch.to_be_bytes());
}

/// Sets whose time counts and the largest timestamp, and the checksum if anything changed.
pub(crate) fn set_timestamp_type(
    batch: &mut BytesMut,
    header: &BatchHeader,
    is_stamped: bool,
    max_timestamp: i64,
) {
    if header.is_stamped() == is_stamped && header.max_timestamp == max_timestamp {
        return;
    }
    let cleared = header.attributes & !APPEND_TIME_FLAG;
    let attributes = if is_stamped { cleared | APPEND_TIME_FLAG } else { cleared };
    set(batch, ATTRIBUTES, attributes.to_be_bytes());
    set(batch, MAX_TIMESTAMP, max_timestamp.to_be_bytes());
    let crc = crc32c::crc32c(batch.get(ATTRIBUTES..).unwrap_or_default());
    set(batch, CRC, crc.to_be_bytes());
}

/// Writes a batch that ends a transaction, of one control record.
pub(crate) fn control(
    base_offset: i64,
    timestamp: i64,
    producer_id: i64,
    producer_epoch: i16,
    record: &[u8],
) -> BytesMut {
    let mut bytes = BytesMut::zeroed(HEADER_BYTES);
    bytes.extend_from_slice(record);
    let length = i32::try_from(bytes.len().saturating_sub(OVERHEAD_BYTES)).unwrap_or(i32::MAX);
    assign(&mut bytes, base_offset, LEADER_EPOCH);
    set(&mut bytes, LENGTH, length.to_be_bytes());
    set(&mut bytes, MAGIC, [2]);
    set(&mut bytes, ATTRIBUTES, (TRANSACTIONAL_FLAG | CONTROL_FLAG).to_be_bytes());
    set(&mut bytes, BASE_TIMESTAMP, timestamp.to_be_bytes());
    set(&mut bytes, MAX_TIMESTAMP, timestamp.to_be_bytes());
    set(&mut bytes, PRODUCER_ID, producer_id.to_be_bytes());
    set(&mut bytes, PRODUCER_EPOCH, producer_epoch.to_be_bytes());
    // Markers are not numbered.
    set(&mut bytes, BASE_SEQUENCE, (-1_i32).to_be_bytes());
    set(&mut bytes, COUNT, 1_i32.to_be_bytes());
    let crc = crc32c::crc32c(bytes.get(ATTRIBUTES..).unwrap_or_default());
    set(&mut bytes, CRC, crc.to_be_bytes());
    bytes
}

/// What a cleaning leaves of a batch.
#[derive(Debug)]
pub(crate) struct Remains {
    /// The records, packed as they were; none if no record is left.
    pub(crate) packed: BytesMut,
    pub(crate) count: i32,
    pub(crate) max_timestamp: i64,
    pub(crate) delete_horizon: Option<i64>,
}

/// Returns a batch with other records in the same place: its offsets and its producer's numbers
/// stay.
pub(crate) fn with_records(batch: &[u8], header: &BatchHeader, remains: &Remains) -> BytesMut {
    let mut bytes = BytesMut::from(batch.get(..HEADER_BYTES).unwrap_or_default());
    bytes.extend_from_slice(&remains.packed);
    let length = i32::try_from(bytes.len().saturating_sub(OVERHEAD_BYTES)).unwrap_or(i32::MAX);
    set(&mut bytes, LENGTH, length.to_be_bytes());
    let mut attributes = header.attributes;
    if remains.count == 0 {
        attributes &= !COMPRESSION_MASK;
    }
    if let Some(horizon) = remains.delete_horizon {
        attributes |= HORIZON_FLAG;
        set(&mut bytes, BASE_TIMESTAMP, horizon.to_be_bytes());
    }
    set(&mut bytes, ATTRIBUTES, attributes.to_be_bytes());
    set(&mut bytes, MAX_TIMESTAMP, remains.max_timestamp.to_be_bytes());
    set(&mut bytes, COUNT, remains.count.to_be_bytes());
    let crc = crc32c::crc32c(bytes.get(ATTRIBUTES..).unwrap_or_default());
    set(&mut bytes, CRC, crc.to_be_bytes());
    bytes
}

fn field<const N: usize>(batch: &[u8], at: usize) -> Option<[u8; N]> {
    batch.get(at..)?.first_chunk().copied()
}

fn set<const N: usize>(batch: &mut BytesMut, at: usize, value: [u8; N]) {
    if let Some(place) = batch.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *place = value;
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(ResponseError::InvalidRecord, message)
}

fn corrupt(message: impl Into<String>) -> Refusal {
    Refusal::new(ResponseError::CorruptMessage, message)
}

#[cfg(test)]
mod tests;
