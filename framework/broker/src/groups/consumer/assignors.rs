//! Sharing partitions out: who is to have what.

mod range;
mod uniform;

use std::collections::BTreeMap;

use kafka_protocol::protocol::StrBytes;

use crate::groups::consumer::Subscribed;
use crate::groups::consumer::member::{Member, Partitions};

/// A way of sharing partitions out. The first is the one of groups whose members ask for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Assignor {
    /// Evenly, moving as little as possible.
    Uniform,
    /// In each topic, neighbouring partitions to each member.
    Range,
}

impl Assignor {
    /// In the order in which clients are told of them.
    pub(crate) const ALL: [Self; 2] = [Self::Uniform, Self::Range];

    /// Returns the name that clients ask for.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    /// Returns the one of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|assignor| assignor.name() == name)
    }

    /// Returns the one that most members ask for.
    pub(crate) fn preferred<'a>(members: impl Iterator<Item = &'a Member>) -> Self {
        let mut votes = BTreeMap::new();
        for assignor in members.filter_map(|member| member.assignor) {
            *votes.entry(assignor).or_insert(0) += 1;
        }
        let most = votes.into_iter().rev().max_by_key(|(_, votes)| *votes);
        most.map_or(Self::Uniform, |(assignor, _)| assignor)
    }

    /// Gives every member its target.
    pub(crate) fn assign(self, members: &mut BTreeMap<StrBytes, Member>, topics: &Subscribed) {
        let shares = match self {
            Self::Uniform => uniform::shares(members, topics),
            Self::Range => range::shares(members, topics),
        };
        for (member, share) in members.values_mut().zip(shares) {
            member.target = share;
        }
    }
}

/// Returns the partitions of a topic.
fn partitions(topics: &Subscribed, name: &str) -> Partitions {
    let topic = topics.get(name);
    topic.iter().flat_map(|it| (0..it.partitions).map(|index| (it.id, index))).collect()
}
