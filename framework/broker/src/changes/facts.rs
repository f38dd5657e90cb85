//! The facts that are kept, and the keys under which the last one counts.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::transactions::transaction::Transaction;

/// Something that holds until something else is said under the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    /// The cluster's id, given once.
    Cluster { id: String },
    /// The producer ids below this one are given out.
    ProducerIds { next: i64 },
    /// A topic with the settings of its own.
    Topic { name: String, id: u64, partitions: i32, overrides: BTreeMap<String, String> },
    /// Where a log begins, unless at zero.
    LogStart { topic: String, partition: i32, offset: i64 },
    /// A group that was stable or empty.
    Group(GroupFact),
    /// What a group has committed for a partition.
    Offset { group: String, topic: String, partition: i32, committed: CommittedFact },
    /// What an open transaction commits of a group's offsets, if it is committed itself.
    PendingOffset {
        group: String,
        producer_id: i64,
        topic: String,
        partition: i32,
        committed: CommittedFact,
    },
    /// What is known under a transactional id.
    Transaction(Transaction),
}

/// A group as it comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupFact {
    pub(crate) id: String,
    pub(crate) generation: i32,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) leader: Option<String>,
    /// In the order in which they came.
    pub(crate) members: Vec<MemberFact>,
}

/// A member of a stable group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberFact {
    pub(crate) id: String,
    pub(crate) instance: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) session_timeout_ms: i64,
    pub(crate) rebalance_timeout_ms: i64,
    pub(crate) protocols: Vec<(String, Bytes)>,
    pub(crate) assignment: Bytes,
}

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommittedFact {
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
}

/// What a fact is about. In this order each comes behind what it depends on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Cluster,
    ProducerIds,
    Topic(String),
    LogStart { topic: String, partition: i32 },
    Group(String),
    Offset { group: String, topic: String, partition: i32 },
    PendingOffset { group: String, producer_id: i64, topic: String, partition: i32 },
    Transaction(String),
}

impl Fact {
    pub(crate) fn key(&self) -> Key {
        match self {
            Self::Cluster { .. } => Key::Cluster,
            Self::ProducerIds { .. } => Key::ProducerIds,
            Self::Topic { name, .. } => Key::Topic(name.clone()),
            Self::LogStart { topic, partition, .. } => {
                Key::LogStart { topic: topic.clone(), partition: *partition }
            }
            Self::Group(group) => Key::Group(group.id.clone()),
            Self::Offset { group, topic, partition, .. } => {
                let (group, topic) = (group.clone(), topic.clone());
                Key::Offset { group, topic, partition: *partition }
            }
            Self::PendingOffset { group, producer_id, topic, partition, .. } => {
                let (group, topic) = (group.clone(), topic.clone());
                let (producer_id, partition) = (*producer_id, *partition);
                Key::PendingOffset { group, producer_id, topic, partition }
            }
            Self::Transaction(transaction) => Key::Transaction(transaction.id.clone()),
        }
    }
}

impl Key {
    /// Returns whether this goes when the other is unset: the same, or a part of it.
    pub(crate) fn depends_on(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::LogStart { topic, .. }
                | Self::Offset { topic, .. }
                | Self::PendingOffset { topic, .. },
                Self::Topic(name),
            ) => topic == name,
            (Self::Offset { group, .. } | Self::PendingOffset { group, .. }, Self::Group(id)) => {
                group == id
            }
            (one, other) => one == other,
        }
    }
}
