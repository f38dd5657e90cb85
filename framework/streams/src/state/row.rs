//! The bytes of a committed row: 8 bytes of timestamp, then the value (row ST7).

use crate::time::Timestamp;

const TIMESTAMP_BYTES: usize = 8;

/// Joins a timestamp and an encoded value to a row.
pub(crate) fn join(timestamp: Timestamp, value: &[u8]) -> Box<[u8]> {
    let mut row = Vec::with_capacity(TIMESTAMP_BYTES + value.len());
    row.extend_from_slice(&timestamp.as_millis().to_be_bytes());
    row.extend_from_slice(value);
    row.into_boxed_slice()
}

/// Splits a row into its timestamp and its encoded value, unless it is too short to be one.
pub(crate) fn split(row: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (timestamp, value) = row.split_first_chunk::<TIMESTAMP_BYTES>()?;
    Some((Timestamp::from_millis(i64::from_be_bytes(*timestamp)), value))
}
