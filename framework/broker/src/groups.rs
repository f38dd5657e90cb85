//! The group coordinator: membership by the classic protocol and by the consumer group protocol
//! (in `consumer`), and committed offsets.
//!
//! A member that joins or syncs may have to wait for the others; its answer then comes with
//! whatever call completes the phase. Offsets that belong to a transaction are kept beside the
//! committed ones until it ends. Old offsets do not expire.

pub(crate) mod admin;
pub(crate) mod consumer;
pub(crate) mod group;
pub(crate) mod join;
pub(crate) mod member;
pub(crate) mod offsets;
pub(crate) mod pending;
pub(crate) mod rebalance;
pub(crate) mod state;
pub(crate) mod sync;

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest,
    SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;
use tracing::warn;

use crate::alarms::Alarms;
use crate::changes::facts::{Fact, GroupFact, Key};
use crate::changes::{Changes, Step};
use crate::config::GroupConfig;
use crate::groups::group::Group;
use crate::groups::join::Joining;
use crate::reply::{Call, Replies};
use crate::time::Millis;

/// All groups, in order of id.
#[derive(Debug)]
pub(crate) struct Groups {
    config: GroupConfig,
    by_id: BTreeMap<String, Group>,
    alarms: Alarms,
    member_ids: MemberIds,
    pub(crate) changes: Changes,
}

/// Makes member ids: a prefix of the client's, the broker's seed and a counter.
#[derive(Debug)]
pub(crate) struct MemberIds {
    seed: u64,
    next: u64,
}

/// What every step of a group may need.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) now: Millis,
    pub(crate) config: &'a GroupConfig,
    pub(crate) member_ids: &'a mut MemberIds,
    pub(crate) replies: &'a mut Replies,
}

impl MemberIds {
    pub(crate) fn next(&mut self, prefix: &str) -> StrBytes {
        self.next += 1;
        StrBytes::from_string(format!("{prefix}-{:016x}-{:08x}", self.seed, self.next))
    }
}

impl Groups {
    pub(crate) fn new(config: GroupConfig, seed: u64) -> Self {
        Self {
            config,
            by_id: BTreeMap::new(),
            alarms: Alarms::default(),
            member_ids: MemberIds { seed, next: 0 },
            changes: Changes::default(),
        }
    }

    pub(crate) fn join(
        &mut self,
        now: Millis,
        call: Call,
        client_id: StrBytes,
        client_host: StrBytes,
        body: JoinGroupRequest,
        replies: &mut Replies,
    ) {
        let id = body.group_id.to_string();
        let is_new_member = body.member_id.is_empty();
        let session = body.session_timeout_ms;
        let (min, max) = (self.config.session_timeout_min_ms, self.config.session_timeout_max_ms);
        let refused = if id.is_empty() {
            Some(ResponseError::InvalidGroupId)
        } else if !(min..=max).contains(&session) {
            Some(ResponseError::InvalidSessionTimeout)
        } else if self.by_id.get(&id).is_some_and(Group::has_consumer_members) {
            Some(ResponseError::InconsistentGroupProtocol)
        } else if !self.by_id.contains_key(&id) && !is_new_member {
            Some(ResponseError::UnknownMemberId)
        } else if !self.by_id.contains_key(&id) && !self.has_room() {
            Some(ResponseError::GroupMaxSizeReached)
        } else {
            None
        };
        if let Some(error) = refused {
            return replies.respond(&call, &join::refusal(body.member_id, error));
        }
        let mut joining = Joining { call, client_id, client_host, body };
        if let Err(error) = joining.check_size(self.config.member_metadata_bytes_max) {
            return replies.respond(&call, &join::refusal(joining.body.member_id, error));
        }
        joining.detach();
        if !self.by_id.contains_key(&id) {
            let group = Group::new(id.clone());
            if !group.supports(&joining.body.protocol_type, &joining.protocols()) {
                let error = ResponseError::InconsistentGroupProtocol;
                return replies.respond(&call, &join::refusal(joining.body.member_id, error));
            }
            // What else a group asks of those who join is no question for an empty one.
            self.make_room();
            self.by_id.insert(id.clone(), group);
        }
        self.with_group(now, &id, replies, |group, context| group.join(context, joining));
    }

    pub(crate) fn sync(
        &mut self,
        now: Millis,
        call: Call,
        body: SyncGroupRequest,
        replies: &mut Replies,
    ) {
        let id = body.group_id.to_string();
        let known = self.with_group(now, &id, replies, |group, context| {
            group.sync(context, call, body);
        });
        if known.is_none() {
            let error = unknown_group(&id);
            replies.respond(&call, &SyncGroupResponse::default().with_error_code(error.code()));
        }
    }

    pub(crate) fn leave(
        &mut self,
        now: Millis,
        call: Call,
        body: LeaveGroupRequest,
        replies: &mut Replies,
    ) {
        let id = body.group_id.to_string();
        let leaving = admin::leaving(body);
        let results =
            self.with_group(now, &id, replies, |group, context| group.leave(context, &leaving));
        let results = results.unwrap_or_else(|| vec![Err(unknown_group(&id)); leaving.len()]);
        let have_left = results.iter().any(Result::is_ok);
        replies.respond(&call, &admin::leave_response(call.version, leaving, results));
        if have_left {
            // The answers of those who waited for the ones that left come behind the leaver's.
            self.with_group(now, &id, replies, |group, context| group.after_leave(context));
        }
    }

    pub(crate) fn heartbeat(&mut self, now: Millis, body: HeartbeatRequest) -> HeartbeatResponse {
        let id = body.group_id.to_string();
        let mut replies = Replies::new();
        let beat = self.with_group(now, &id, &mut replies, |group, context| {
            group.heartbeat(context.now, &body)
        });
        let beat = beat.unwrap_or_else(|| Err(unknown_group(&id)));
        HeartbeatResponse::default().with_error_code(beat.err().map_or(0, |error| error.code()))
    }

    /// Does what is due by now: sessions that end, phases that waited long enough.
    pub(crate) fn tick(&mut self, now: Millis, replies: &mut Replies) {
        while let Some(id) = self.alarms.due(now) {
            self.with_group(now, &id, replies, |group, context| group.expire(context));
        }
    }

    /// Returns when the next group has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Millis> {
        self.alarms.next()
    }

    /// Lets a group take a step, and sets its alarm anew.
    fn with_group<T>(
        &mut self,
        now: Millis,
        id: &str,
        replies: &mut Replies,
        step: impl FnOnce(&mut Group, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let group = self.by_id.get_mut(id)?;
        group.last_active = now;
        let (config, member_ids) = (&self.config, &mut self.member_ids);
        let result = step(group, &mut Context { now, config, member_ids, replies });
        if group.take_unsaved() {
            self.changes.push(|| Step::Set(Fact::Group(group.fact())));
        }
        let alarm = group.next_deadline();
        self.alarms.set(id, alarm);
        Some(result)
    }

    /// Takes a group in that was kept; its members have their full session time-outs again.
    pub(crate) fn restore(&mut self, now: Millis, fact: &GroupFact) {
        let group = Group::restore(now, fact);
        let alarm = group.next_deadline();
        self.by_id.insert(fact.id.clone(), group);
        self.alarms.set(&fact.id, alarm);
    }

    /// Returns how many groups there are.
    pub(crate) fn count(&self) -> usize {
        self.by_id.len()
    }

    /// Returns whether there can be one group more.
    fn has_room(&self) -> bool {
        let max = self.config.groups_max;
        self.by_id.len() < max || self.by_id.values().any(Group::is_idle)
    }

    /// Lets a deserted group go if there are as many as there may be: one without offsets, or else
    /// the one that nobody had to do with for longest.
    fn make_room(&mut self) {
        if self.by_id.len() < self.config.groups_max {
            return;
        }
        let idle = self.by_id.values().filter(|group| group.is_idle());
        let oldest = idle.min_by_key(|group| (!group.offsets.is_empty(), group.last_active));
        let Some(group) = oldest else { return };
        let (id, max) = (group.id.clone(), self.config.groups_max);
        if !group.offsets.is_empty() {
            warn!("group {id} and its offsets are forgotten: there are groups_max = {max} groups");
        }
        self.forget(&id);
    }

    fn forget(&mut self, id: &str) {
        self.alarms.set(id, None);
        self.by_id.remove(id);
        self.changes.push(|| Step::Unset(Key::Group(id.to_owned())));
    }
}

/// Returns what a member of a group hears that does not exist.
fn unknown_group(id: &str) -> ResponseError {
    if id.is_empty() { ResponseError::InvalidGroupId } else { ResponseError::UnknownMemberId }
}

#[cfg(test)]
mod tests;
