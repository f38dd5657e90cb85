//! Dropped records, by reason.

use std::fmt;

/// Why a record was dropped, or a part of its effect was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// A null key or value where the operator needs one (rows SF1, SF5, J9).
    Null,
    /// The record's window was closed already (row W2).
    Late,
    /// The record could not be decoded and the handler said to go on (row ER1).
    Undecodable,
    /// The partitioner of the topic it was written to chose no partition (row SL6).
    Unplaced,
}

impl DropReason {
    /// Returns the reason as one word, for metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Late => "late",
            Self::Undecodable => "undecodable",
            Self::Unplaced => "unplaced",
        }
    }
}

const REASONS: [DropReason; 4] =
    [DropReason::Null, DropReason::Late, DropReason::Undecodable, DropReason::Unplaced];

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null key or value",
            Self::Late => "late for its window",
            Self::Undecodable => "not decodable",
            Self::Unplaced => "for no partition",
        })
    }
}

/// The number of dropped records, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DroppedRecords([u64; REASONS.len()]);

impl DroppedRecords {
    /// Counts one.
    pub fn count(&mut self, reason: DropReason) {
        if let Some(count) = self.0.get_mut(reason as usize) {
            *count += 1;
        }
    }

    /// Adds other counts to these.
    pub fn add(&mut self, other: Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }

    /// Returns what these counts have more than earlier ones.
    #[must_use]
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let mut since = *self;
        for (count, before) in since.0.iter_mut().zip(earlier.0) {
            *count -= before.min(*count);
        }
        since
    }

    /// Returns the number of all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Returns all numbers, by reason.
    pub fn all(&self) -> impl Iterator<Item = (DropReason, u64)> {
        REASONS.into_iter().zip(self.0)
    }

    /// Returns the numbers that are not zero, by reason.
    pub fn by_reason(&self) -> impl Iterator<Item = (DropReason, u64)> {
        REASONS.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_reason() {
        let mut dropped = DroppedRecords::default();
        dropped.count(DropReason::Late);
        let mut sum = dropped;
        sum.count(DropReason::Null);
        sum.add(dropped);
        assert_eq!(sum.total(), 3);
        let shown: Vec<_> = sum.by_reason().map(|(why, n)| format!("{n} {why}")).collect();
        assert_eq!(shown, ["1 null key or value", "2 late for its window"]);
    }
}
