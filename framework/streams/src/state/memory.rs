//! Committed rows in memory: the in-memory stores, and what every other backend must equal.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::{Backend, Family, FamilyChanges, Visit};
use crate::error::Result;
use crate::ids::Offset;

/// Rows in ordered maps, one per family. Nothing survives a restart; the changelog offsets that the rows
/// stand for are for another thread that takes them over.
#[derive(Debug, Default)]
pub struct MemoryBackend {
    families: Vec<BTreeMap<Box<[u8]>, Box<[u8]>>>,
    offsets: BTreeMap<usize, Offset>,
}

impl MemoryBackend {
    fn family(&self, family: Family) -> Option<&BTreeMap<Box<[u8]>, Box<[u8]>>> {
        self.families.get(family.0)
    }
}

impl Backend for MemoryBackend {
    fn read(
        &self,
        family: Family,
        key: &[u8],
        read: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<bool> {
        let row = self.family(family).and_then(|rows| rows.get(key));
        row.map_or(Ok(false), |row| read(row).map(|()| true))
    }

    fn scan(&self, family: Family, from: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let Some(rows) = self.family(family) else { return Ok(()) };
        let from: (Bound<&[u8]>, Bound<&[u8]>) = (Bound::Included(from), Bound::Unbounded);
        for (key, row) in rows.range::<[u8], _>(from) {
            if visit(key, row)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn commit(&mut self, changes: &[FamilyChanges<'_>]) -> Result<()> {
        for change in changes {
            if self.families.len() <= change.family.0 {
                self.families.resize_with(change.family.0 + 1, BTreeMap::new);
            }
            let Some(rows) = self.families.get_mut(change.family.0) else { continue };
            for (key, row) in change.rows.iter() {
                match row {
                    Some(row) => rows.insert(key.into(), row.into()),
                    None => rows.remove(key),
                };
            }
            if let Some(first_live) = change.expired_before {
                *rows = rows.split_off(&first_live[..]);
            }
            if let Some(offset) = change.offset {
                self.offsets.insert(change.family.0, offset);
            }
        }
        Ok(())
    }

    fn offset(&self, family: Family) -> Result<Option<Offset>> {
        Ok(self.offsets.get(&family.0).copied())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
