//! A member of a group that the broker leads.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use crate::groups::consumer::assignors::Assignor;
use crate::time::Millis;

/// Partitions, by their topic's id.
pub(crate) type Partitions = BTreeSet<(Uuid, i32)>;

/// The epoch of a static member that has left for a while.
pub(crate) const AWAY: i32 = -2;

/// How far a member has got on its way to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It has all of its target, as far as it has been told.
    Stable,
    /// It has to give partitions up before it goes on.
    Revoking,
    /// Some of its target are still with other members.
    Waiting,
}

/// One member.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) id: StrBytes,
    pub(crate) instance: Option<StrBytes>,
    pub(crate) rack: Option<StrBytes>,
    pub(crate) client_id: StrBytes,
    pub(crate) client_host: StrBytes,
    pub(crate) rebalance_timeout_ms: i32,
    /// The names of the topics it wants to share.
    pub(crate) topics: BTreeSet<String>,
    pub(crate) assignor: Option<Assignor>,
    pub(crate) epoch: i32,
    /// The one before, in which a member is that has not heard of its epoch.
    pub(crate) previous_epoch: i32,
    pub(crate) phase: Phase,
    /// What it may work on.
    pub(crate) assigned: Partitions,
    /// What it has to give up, and holds until it has.
    pub(crate) revoking: Partitions,
    /// Since which epoch it has had what it holds.
    pub(crate) since: BTreeMap<(Uuid, i32), i32>,
    /// What it is to have in the end.
    pub(crate) target: Partitions,
    pub(crate) session_deadline: Millis,
    /// Until when it has to give up what it is to.
    pub(crate) revocation_deadline: Option<Millis>,
}

impl Member {
    pub(crate) fn new(id: StrBytes) -> Self {
        Self {
            id,
            instance: None,
            rack: None,
            client_id: StrBytes::new(),
            client_host: StrBytes::new(),
            rebalance_timeout_ms: 0,
            topics: BTreeSet::new(),
            assignor: None,
            epoch: 0,
            previous_epoch: 0,
            phase: Phase::Stable,
            assigned: Partitions::new(),
            revoking: Partitions::new(),
            since: BTreeMap::new(),
            target: Partitions::new(),
            session_deadline: Millis::default(),
            revocation_deadline: None,
        }
    }

    /// Returns whether it has said that it will be back.
    pub(crate) fn is_away(&self) -> bool {
        self.epoch == AWAY
    }

    /// Returns whether it has all of the target that was made in this epoch.
    pub(crate) fn is_settled(&self, epoch: i32) -> bool {
        self.phase == Phase::Stable && self.epoch == epoch
    }

    /// Returns what nobody else may have: all it may work on and has not given up.
    pub(crate) fn held(&self) -> impl Iterator<Item = &(Uuid, i32)> {
        self.assigned.iter().chain(&self.revoking)
    }

    /// Returns when it is taken for gone, unless it shows up or gives up before.
    pub(crate) fn deadline(&self) -> Millis {
        self.revocation_deadline.map_or(self.session_deadline, |at| at.min(self.session_deadline))
    }
}

/// Returns the partitions of each topic.
pub(crate) fn by_topic(partitions: &Partitions) -> BTreeMap<Uuid, Vec<i32>> {
    let mut topics: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
    for (id, index) in partitions {
        topics.entry(*id).or_default().push(*index);
    }
    topics
}
