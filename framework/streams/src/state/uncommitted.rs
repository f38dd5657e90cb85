//! What was flushed or evicted but not committed yet: an ordered overlay over the committed rows.
//!
//! A task's own reads must see its own writes, yet the backend must hold only what the committed
//! offsets stand for. So writes wait here, in key order, until the commit turns them into one batch.

use std::collections::BTreeMap;
use std::ops::Bound;

use smallvec::SmallVec;

/// Rows written since the last commit; `None` is a delete.
#[derive(Debug, Default)]
pub struct Uncommitted {
    rows: BTreeMap<RowKey, Option<Box<[u8]>>>,
    bytes: usize,
}

/// A key, in the node of the map itself unless it is long: looking for a row is mostly comparing keys,
/// and following a pointer for each is what that costs.
type RowKey = SmallVec<[u8; 24]>;

/// The memory of a row beside its key and value: the map's slot and the allocations, estimated.
const ROW_OVERHEAD: usize = 64;

impl Uncommitted {
    /// Writes a row, or its deletion.
    pub fn put(&mut self, key: &[u8], row: Option<Box<[u8]>>) {
        let row_bytes = row.as_deref().map_or(0, <[u8]>::len);
        match self.rows.get_mut(key) {
            Some(slot) => {
                let before = slot.as_deref().map_or(0, <[u8]>::len);
                self.bytes = self.bytes + row_bytes - before;
                *slot = row;
            }
            None => {
                self.bytes += key.len() + row_bytes + ROW_OVERHEAD;
                self.rows.insert(key.into(), row);
            }
        }
    }

    /// Returns what was written of a key: nothing, a deletion, or a row.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        self.rows.get(key).map(Option::as_deref)
    }

    /// Visits rows and deletions in key order, from a key on.
    pub fn range_from(&self, from: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let from: (Bound<&[u8]>, Bound<&[u8]>) = (Bound::Included(from), Bound::Unbounded);
        self.rows.range::<[u8], _>(from).map(|(key, row)| (&**key, row.as_deref()))
    }

    /// Visits all rows and deletions in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.rows.iter().map(|(key, row)| (&**key, row.as_deref()))
    }

    /// Returns the memory it holds, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Forgets everything: it is committed now, or never will be.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_write_of_a_key_counts_and_bytes_follow() {
        let mut overlay = Uncommitted::default();
        overlay.put(b"b", Some(b"long value"[..].into()));
        overlay.put(b"a", None);
        let before = overlay.bytes();
        overlay.put(b"b", Some(b"v"[..].into()));
        assert_eq!(overlay.bytes(), before - 9);
        assert_eq!(overlay.get(b"b"), Some(Some(&b"v"[..])));
        assert_eq!(overlay.get(b"a"), Some(None));
        assert_eq!(overlay.get(b"c"), None);
        let keys: Vec<_> = overlay.iter().map(|(key, _)| key.to_vec()).collect();
        assert_eq!(keys, [b"a".to_vec(), b"b".to_vec()]);
        overlay.clear();
        assert_eq!(overlay.bytes(), 0);
    }
}
