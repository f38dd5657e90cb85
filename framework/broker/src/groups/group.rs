//! A group: its members, generation and phase. The steps are in `join`, `sync` and `rebalance`.

mod kept;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::HeartbeatRequest;
use kafka_protocol::protocol::StrBytes;

use crate::groups::consumer::ConsumerGroup;
use crate::groups::member::Member;
use crate::groups::offsets::CommittedOffsets;
use crate::groups::pending::PendingOffsets;
use crate::groups::rebalance::JoinPhase;
use crate::groups::state::GroupState;
use crate::time::Millis;

/// One group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) id: String,
    state: GroupState,
    pub(crate) generation: i32,
    /// `consumer` for consumers; none for a group that only has offsets.
    pub(crate) protocol_type: Option<StrBytes>,
    /// The assignment strategy of this generation.
    pub(crate) protocol: Option<StrBytes>,
    pub(crate) leader: Option<StrBytes>,
    /// In the order in which they came.
    pub(crate) members: Vec<Member>,
    /// Ids given out whose members have not come back yet, and until when they may.
    pub(crate) pending: BTreeMap<StrBytes, Millis>,
    /// The running join phase.
    pub(crate) join_phase: Option<JoinPhase>,
    /// Members that have joined but not synced, and until when they may.
    pub(crate) unsynced: BTreeSet<StrBytes>,
    pub(crate) sync_deadline: Option<Millis>,
    pub(crate) offsets: CommittedOffsets,
    pub(crate) pending_offsets: PendingOffsets,
    /// The members in place of those above, while the broker leads the group.
    pub(crate) consumer: Option<ConsumerGroup>,
    /// When somebody last had to do with it.
    pub(crate) last_active: Millis,
    /// Whether it is another than when it was last written down.
    pub(crate) is_unsaved: bool,
}

impl Group {
    pub(crate) fn new(id: String) -> Self {
        Self {
            id,
            state: GroupState::Empty,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: Vec::new(),
            pending: BTreeMap::new(),
            join_phase: None,
            unsynced: BTreeSet::new(),
            sync_deadline: None,
            offsets: CommittedOffsets::default(),
            pending_offsets: PendingOffsets::default(),
            consumer: None,
            last_active: Millis::default(),
            is_unsaved: false,
        }
    }

    pub(crate) fn state(&self) -> GroupState {
        self.state
    }

    /// Goes to another state: the only place where it changes.
    pub(crate) fn enter(&mut self, next: GroupState) {
        let from = self.state;
        assert!(from.can_become(next), "group {} cannot go from {from} to {next}", self.id);
        self.state = next;
        self.is_unsaved = true;
    }

    /// Returns whether nobody is in it or about to be.
    pub(crate) fn is_deserted(&self) -> bool {
        self.is_empty() && self.members.is_empty() && self.pending.is_empty()
    }

    /// Returns whether it has no members of either protocol.
    pub(crate) fn is_empty(&self) -> bool {
        self.state == GroupState::Empty && !self.has_consumer_members()
    }

    /// Returns whether it has members of the consumer group protocol.
    pub(crate) fn has_consumer_members(&self) -> bool {
        self.consumer.as_ref().is_some_and(|group| !group.is_empty())
    }

    /// Returns whether it may be forgotten: nobody has to do with it, no transaction either.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_deserted() && self.pending_offsets.is_empty()
    }

    pub(crate) fn member(&self, id: &StrBytes) -> Option<&Member> {
        self.members.iter().find(|member| member.id == *id)
    }

    pub(crate) fn member_mut(&mut self, id: &StrBytes) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == *id)
    }

    pub(crate) fn is_leader(&self, id: &StrBytes) -> bool {
        self.leader.as_ref() == Some(id)
    }

    /// Returns the id of the static member with this instance name.
    pub(crate) fn static_member(&self, instance: &StrBytes) -> Option<&StrBytes> {
        let found = self.members.iter().find(|member| member.instance.as_ref() == Some(instance));
        found.map(|member| &member.id)
    }

    /// Checks that a request comes from a member, and from the newest bearer of its instance name.
    pub(crate) fn check_member(
        &self,
        id: &StrBytes,
        instance: Option<&StrBytes>,
    ) -> Result<(), ResponseError> {
        if let Some(instance) = instance {
            match self.static_member(instance) {
                None => return Err(ResponseError::UnknownMemberId),
                Some(newest) if newest != id => return Err(ResponseError::FencedInstanceId),
                Some(_) => {}
            }
        }
        self.member(id).map(|_| ()).ok_or(ResponseError::UnknownMemberId)
    }

    /// Removes a member, or an id that was only given out.
    pub(crate) fn remove(&mut self, id: &StrBytes) -> Option<Member> {
        self.pending.remove(id);
        self.unsynced.remove(id);
        let index = self.members.iter().position(|member| member.id == *id)?;
        let member = self.members.remove(index);
        if self.is_leader(id) {
            self.leader = self.members.first().map(|oldest| oldest.id.clone());
        }
        Some(member)
    }

    /// Returns whether a member with these protocols fits in with the others.
    pub(crate) fn supports(
        &self,
        protocol_type: &StrBytes,
        protocols: &[(StrBytes, Bytes)],
    ) -> bool {
        if self.state == GroupState::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        let by_all = |name: &StrBytes| self.members.iter().all(|member| member.supports(name));
        self.protocol_type.as_ref() == Some(protocol_type)
            && protocols.iter().any(|(name, _)| by_all(name))
    }

    /// Returns the protocol with most votes: each member votes for the first of its own that all
    /// support. Between equals the one that comes first in the oldest member's list wins.
    pub(crate) fn select_protocol(&self) -> Option<StrBytes> {
        let by_all = |name: &&StrBytes| self.members.iter().all(|member| member.supports(name));
        let candidates: Vec<_> = self.members.first()?.offered().filter(by_all).collect();
        let vote =
            |member: &Member| member.offered().find(|name| candidates.contains(name)).cloned();
        let votes: Vec<StrBytes> = self.members.iter().filter_map(vote).collect();
        let count = |name: &StrBytes| votes.iter().filter(|vote| *vote == name).count();
        candidates.iter().rev().max_by_key(|name| count(name)).map(|name| (*name).clone())
    }

    /// Returns the longest time that members ask for to finish what they do and join again.
    pub(crate) fn rebalance_timeout_ms(&self) -> i64 {
        self.members.iter().map(|member| member.rebalance_timeout_ms).max().unwrap_or(0)
    }

    pub(crate) fn heartbeat(
        &mut self,
        now: Millis,
        body: &HeartbeatRequest,
    ) -> Result<(), ResponseError> {
        self.check_member(&body.member_id, body.group_instance_id.as_ref())?;
        if body.generation_id != self.generation {
            return Err(ResponseError::IllegalGeneration);
        }
        self.renew_session(now, &body.member_id);
        match self.state {
            GroupState::PreparingRebalance => Err(ResponseError::RebalanceInProgress),
            GroupState::Empty => Err(ResponseError::UnknownMemberId),
            // A member may send heartbeats before it has its assignment.
            GroupState::CompletingRebalance | GroupState::Stable => Ok(()),
        }
    }

    pub(crate) fn renew_session(&mut self, now: Millis, id: &StrBytes) {
        if let Some(member) = self.member_mut(id) {
            member.renew_session(now);
        }
    }

    /// Returns when this group next has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Millis> {
        let sessions = self.members.iter().filter_map(Member::deadline);
        let pending = self.pending.values().copied();
        let phases = self.join_phase.as_ref().map(|it| it.deadline).into_iter();
        let consumer = self.consumer.as_ref().and_then(ConsumerGroup::next_deadline);
        sessions.chain(pending).chain(phases).chain(self.sync_deadline).chain(consumer).min()
    }
}
