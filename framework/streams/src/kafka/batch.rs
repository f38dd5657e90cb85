//! Records fetched of one partition, copied once into one arena.
//!
//! Nothing borrows from the client, so its memory goes back at once; nothing is decoded until the
//! record is chosen.

use std::ops::Range;

use crate::ids::Offset;
use crate::record::{Headers, RawRecord};
use crate::time::Timestamp;

/// A run of records of one partition, in offset order.
#[derive(Debug, Default)]
pub struct FetchedBatch {
    bytes: Vec<u8>,
    records: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    offset: Offset,
    timestamp: Timestamp,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    headers: Headers,
}

impl FetchedBatch {
    /// Copies a record to the end.
    pub fn push(&mut self, record: RawRecord<'_>) {
        let key = record.key.map(|bytes| self.copy(bytes));
        let value = record.value.map(|bytes| self.copy(bytes));
        self.records.push(Entry {
            offset: record.offset,
            timestamp: record.timestamp,
            key,
            value,
            headers: record.headers.clone(),
        });
    }

    /// Returns the number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Returns whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Returns a record.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<RawRecord<'_>> {
        let entry = self.records.get(index)?;
        Some(RawRecord {
            key: entry.key.clone().and_then(|range| self.bytes.get(range)),
            value: entry.value.clone().and_then(|range| self.bytes.get(range)),
            timestamp: entry.timestamp,
            offset: entry.offset,
            headers: &entry.headers,
        })
    }

    /// Returns the headers of the records from a place on.
    pub(crate) fn headers_from(&self, index: usize) -> impl Iterator<Item = &Headers> {
        self.records.get(index..).unwrap_or_default().iter().map(|entry| &entry.headers)
    }

    /// Returns the offset of the last record.
    #[must_use]
    pub fn last_offset(&self) -> Option<Offset> {
        self.records.last().map(|entry| entry.offset)
    }

    /// Takes records from an offset on out again; their bytes stay until it is emptied.
    pub fn truncate_from(&mut self, end: Offset) {
        let kept = self.records.partition_point(|entry| entry.offset < end);
        self.records.truncate(kept);
    }

    /// Returns the bytes of all keys and values that were added.
    #[must_use]
    pub fn data_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the memory it holds, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len() + self.records.len() * size_of::<Entry>()
    }

    /// Empties it and keeps its memory for the next fetch.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
    }

    fn copy(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_nulls_apart_from_empty_bytes() {
        let headers = Headers::default();
        let mut batch = FetchedBatch::default();
        for (offset, key, value) in [(5, Some(&b"k"[..]), None), (7, None, Some(&b""[..]))] {
            let timestamp = Timestamp::from_millis(offset * 10);
            let offset = Offset(offset);
            batch.push(RawRecord { key, value, timestamp, offset, headers: &headers });
        }
        let first = batch.get(0).unwrap();
        assert_eq!((first.key, first.value, first.offset), (Some(&b"k"[..]), None, Offset(5)));
        let second = batch.get(1).unwrap();
        assert_eq!((second.key, second.value), (None, Some(&b""[..])));
        assert!(batch.get(2).is_none());
        batch.clear();
        assert!(batch.is_empty());
    }
}
