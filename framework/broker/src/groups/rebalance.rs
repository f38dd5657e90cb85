//! Rebalancing: the phase in which members join again, and everything that ends by time.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::protocol::StrBytes;

use crate::groups::Context;
use crate::groups::group::Group;
use crate::groups::join::refusal;
use crate::groups::member::Member;
use crate::groups::state::GroupState;
use crate::groups::sync::answer;
use crate::time::Millis;

/// The wait for members to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JoinPhase {
    pub(crate) deadline: Millis,
    kind: JoinKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum JoinKind {
    /// The first of an empty group: it lasts a moment, and longer while more members come.
    Initial { is_joined: bool, remaining_ms: i64 },
    /// Any other: it ends once all members have joined, or without those that have not.
    Regular,
}

impl JoinPhase {
    pub(crate) fn note_new_member(&mut self) {
        if let JoinKind::Initial { is_joined, .. } = &mut self.kind {
            *is_joined = true;
        }
    }
}

impl Group {
    /// Starts a rebalance, or ends the running one if that was the last member to join.
    pub(crate) fn rebalance_or_complete(&mut self, context: &mut Context<'_>) {
        if self.state().can_become(GroupState::PreparingRebalance) {
            self.prepare_rebalance(context);
        } else {
            self.complete_if_all_joined(context);
        }
    }

    /// Asks all members to join again.
    pub(crate) fn prepare_rebalance(&mut self, context: &mut Context<'_>) {
        if self.state() == GroupState::CompletingRebalance {
            // Those who wait for an assignment of the generation that ends now get none.
            self.members.iter_mut().for_each(|member| member.assignment = Bytes::new());
            self.answer_syncs(context, Some(ResponseError::RebalanceInProgress));
        }
        self.unsynced.clear();
        self.sync_deadline = None;
        let is_initial = self.state() == GroupState::Empty;
        self.enter(GroupState::PreparingRebalance);
        let whole = self.rebalance_timeout_ms();
        if is_initial {
            let delay = i64::from(context.config.initial_rebalance_delay_ms);
            let kind = JoinKind::Initial { is_joined: false, remaining_ms: (whole - delay).max(0) };
            self.join_phase = Some(JoinPhase { deadline: context.now.after(delay), kind });
        } else {
            let deadline = context.now.after(whole);
            self.join_phase = Some(JoinPhase { deadline, kind: JoinKind::Regular });
            self.complete_if_all_joined(context);
        }
    }

    /// Ends the join phase if nobody is missing; the first of an empty group waits out its time.
    pub(crate) fn complete_if_all_joined(&mut self, context: &mut Context<'_>) {
        let is_regular = self.join_phase.as_ref().is_some_and(|it| it.kind == JoinKind::Regular);
        if is_regular && self.have_all_joined() {
            self.complete_join(context);
        }
    }

    fn have_all_joined(&self) -> bool {
        self.pending.is_empty() && self.members.iter().all(|member| member.join.is_some())
    }

    /// Ends the join phase with the members that have joined.
    fn complete_join(&mut self, context: &mut Context<'_>) {
        // A static member keeps its place until its session ends.
        let is_missing = |it: &&Member| it.join.is_none() && it.instance.is_none();
        let missing = self.members.iter().filter(is_missing);
        let missing: Vec<StrBytes> = missing.map(|member| member.id.clone()).collect();
        for id in &missing {
            self.drop_member(context, id);
        }
        if !self.elect_joined_leader() && !self.members.is_empty() {
            // Nobody came: the static members have time until their sessions end.
            let deadline = context.now.after(self.rebalance_timeout_ms().max(1));
            self.join_phase = Some(JoinPhase { deadline, kind: JoinKind::Regular });
            return;
        }
        self.join_phase = None;
        self.generation += 1;
        self.unsynced.clear();
        if self.members.is_empty() {
            self.protocol = None;
            return self.enter(GroupState::Empty);
        }
        self.protocol = self.select_protocol();
        self.enter(GroupState::CompletingRebalance);
        self.sync_deadline = Some(context.now.after(self.rebalance_timeout_ms()));
        self.unsynced.extend(self.members.iter().map(|member| member.id.clone()));
        let mut answers = Vec::with_capacity(self.members.len());
        for member in &mut self.members {
            member.renew_session(context.now);
            member.is_new = false;
            answers.extend(member.join.take().map(|call| (call, member.id.clone())));
        }
        for (call, id) in answers {
            context.replies.respond(&call, &self.joined(&id));
        }
    }

    /// Sees to it that the leader has joined; returns whether anybody has.
    fn elect_joined_leader(&mut self) -> bool {
        let has_joined = |it: &&Member| it.join.is_some();
        let leader = self.members.iter().find(|member| self.is_leader(&member.id));
        if leader.filter(has_joined).is_some() {
            return true;
        }
        let next = self.members.iter().find(has_joined).map(|member| member.id.clone());
        if next.is_some() {
            self.leader = next;
            return true;
        }
        false
    }

    /// Does what is due: ends sessions and phases whose time is up.
    pub(crate) fn expire(&mut self, context: &mut Context<'_>) {
        let now = context.now;
        if let Some(group) = &mut self.consumer {
            group.expire(now);
            self.note_epoch();
        }
        let pending = self.pending.len();
        self.pending.retain(|_, deadline| *deadline > now);
        if self.pending.len() < pending {
            self.complete_if_all_joined(context);
        }
        let is_gone = |it: &&Member| it.deadline().is_some_and(|at| at <= now);
        while let Some(id) = self.members.iter().find(is_gone).map(|member| member.id.clone()) {
            self.drop_member(context, &id);
            self.after_leave(context);
        }
        if self.sync_deadline.is_some_and(|at| at <= now) {
            self.expire_sync(context);
        }
        if self.join_phase.as_ref().is_some_and(|it| it.deadline <= now) {
            self.expire_join(context);
        }
    }

    /// Removes a member; if it waited with a join or a sync, it hears that it is unknown and may
    /// come back.
    pub(crate) fn drop_member(&mut self, context: &mut Context<'_>, id: &StrBytes) {
        let Some(member) = self.remove(id) else { return };
        let unknown = ResponseError::UnknownMemberId;
        if let Some(call) = member.join {
            context.replies.respond(&call, &refusal(StrBytes::new(), unknown));
        }
        if let Some(call) = member.sync {
            context.replies.respond(&call, &answer(Bytes::new(), Some(unknown)));
        }
    }

    /// Goes on after members have left: the others share what those had.
    pub(crate) fn after_leave(&mut self, context: &mut Context<'_>) {
        match self.state() {
            GroupState::Empty => {}
            _ => self.rebalance_or_complete(context),
        }
    }

    fn expire_join(&mut self, context: &mut Context<'_>) {
        let initial_delay = i64::from(context.config.initial_rebalance_delay_ms);
        match &mut self.join_phase {
            Some(JoinPhase {
                deadline,
                kind: JoinKind::Initial { is_joined: is_joined @ true, remaining_ms },
            }) if *remaining_ms > 0 => {
                let delay = initial_delay.min(*remaining_ms);
                *deadline = context.now.after(delay);
                *is_joined = false;
                *remaining_ms -= delay;
            }
            _ => self.complete_join(context),
        }
    }

    /// Starts over without the members that never asked for their assignment.
    fn expire_sync(&mut self, context: &mut Context<'_>) {
        self.sync_deadline = None;
        let silent = std::mem::take(&mut self.unsynced);
        for id in &silent {
            self.drop_member(context, id);
        }
        if !silent.is_empty() {
            self.prepare_rebalance(context);
        }
    }
}
