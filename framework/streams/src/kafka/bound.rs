//! How far a bounded read of a partition is.

use super::{Fetched, FetchedBatch};
use crate::ids::Offset;

/// The end of a bounded read, and how far reading has come.
///
/// The end is reached by a record, or by an end-of-partition event, at or past it; never by a position:
/// the last offsets before the end may hold nothing for the application (transaction markers, records
/// compacted away).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    end: Offset,
    next: Option<Offset>,
}

impl Bound {
    /// Bounds a read that begins at an offset, or at the partition's first record.
    #[must_use]
    pub fn new(start: Option<Offset>, end: Offset) -> Self {
        Self { end, next: start }
    }

    /// Returns the end: the first offset that is not part of the read.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.end
    }

    /// Returns the next offset to be read, once something was read.
    #[must_use]
    pub fn next(&self) -> Option<Offset> {
        self.next
    }

    /// Returns whether everything before the end was read.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.next.unwrap_or(Offset::ZERO) >= self.end
    }

    /// Takes note of what one fetch brought.
    pub fn note(&mut self, batch: &FetchedBatch, fetched: Fetched) {
        let last = batch.last_offset().map(Offset::next);
        self.next = self.next.max(last).max(fetched.end_of_partition);
    }

    /// Takes note of what one fetch brought, and takes records past the end out of it.
    pub fn clip(&mut self, batch: &mut FetchedBatch, fetched: Fetched) {
        self.note(batch, fetched);
        batch.truncate_from(self.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Headers, RawRecord};
    use crate::time::Timestamp;

    fn batch(offsets: &[i64]) -> FetchedBatch {
        let headers = Headers::default();
        let mut batch = FetchedBatch::default();
        for &offset in offsets {
            let offset = Offset(offset);
            let timestamp = Timestamp::from_millis(0);
            batch.push(RawRecord { key: None, value: None, timestamp, offset, headers: &headers });
        }
        batch
    }

    fn end_at(end: i64) -> Fetched {
        Fetched { records: 0, end_of_partition: Some(Offset(end)) }
    }

    #[test]
    fn a_record_at_or_past_the_end_ends_the_read_and_is_left_out() {
        let mut bound = Bound::new(None, Offset(5));
        let mut records = batch(&[2, 3]);
        bound.clip(&mut records, Fetched::default());
        assert!(!bound.is_reached(), "offset 4 may hold a record");
        let mut records = batch(&[4, 5, 9]);
        bound.clip(&mut records, Fetched::default());
        assert!(bound.is_reached());
        assert_eq!(records.len(), 1);
    }

    #[test]
    fn offsets_without_records_before_the_end_are_passed_by_its_event() {
        let mut bound = Bound::new(None, Offset(5));
        bound.clip(&mut batch(&[2]), Fetched::default());
        bound.clip(&mut batch(&[]), end_at(4));
        assert!(!bound.is_reached(), "an end short of ours is a follower that lags");
        bound.clip(&mut batch(&[]), end_at(5));
        assert!(bound.is_reached());
    }

    #[test]
    fn nothing_to_read_is_reached_at_once() {
        assert!(Bound::new(None, Offset(0)).is_reached());
        assert!(Bound::new(Some(Offset(7)), Offset(7)).is_reached());
        assert!(!Bound::new(None, Offset(1)).is_reached());
    }
}
