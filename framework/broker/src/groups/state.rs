//! The states of a group, and how one follows another.

use std::fmt;

/// Where a group is.
///
/// ```text
///             join                    all joined, or time is up
///   Empty ----------> Preparing -------------------------> Completing
///     ^               ^  |  ^                               |     |
///     |  none joined  |  |  |    member joins or leaves     |     | leader syncs
///     +---------------|--+  +-------------------------------+     v
///                     +---------------------------------------- Stable
///                             member joins, changes or leaves
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupState {
    /// No members; there may be offsets.
    Empty,
    /// Members are to join again.
    PreparingRebalance,
    /// Members have joined and wait for the leader's assignment.
    CompletingRebalance,
    /// Every member has its assignment.
    Stable,
}

impl GroupState {
    /// Returns whether a group may go from here to there.
    pub(crate) fn can_become(self, next: Self) -> bool {
        match next {
            Self::PreparingRebalance => self != Self::PreparingRebalance,
            Self::Empty | Self::CompletingRebalance => self == Self::PreparingRebalance,
            Self::Stable => self == Self::CompletingRebalance,
        }
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::GroupState::{CompletingRebalance, Empty, PreparingRebalance, Stable};

    #[test]
    fn only_the_drawn_transitions_are_possible() {
        let states = [Empty, PreparingRebalance, CompletingRebalance, Stable];
        let mut possible = Vec::new();
        for from in states {
            possible.extend(states.iter().filter(|to| from.can_become(**to)).map(|to| (from, *to)));
        }
        let drawn = [
            (Empty, PreparingRebalance),
            (PreparingRebalance, Empty),
            (PreparingRebalance, CompletingRebalance),
            (CompletingRebalance, PreparingRebalance),
            (CompletingRebalance, Stable),
            (Stable, PreparingRebalance),
        ];
        assert_eq!(possible, drawn);
    }
}
