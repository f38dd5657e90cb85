//! Joining: who is let in, under which id, and whether that calls for a rebalance.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::{JoinGroupRequest, JoinGroupResponse, SyncGroupResponse};
use kafka_protocol::protocol::StrBytes;

use crate::groups::Context;
use crate::groups::group::Group;
use crate::groups::member::Member;
use crate::groups::state::GroupState;
use crate::reply::Call;

/// The first version whose clients come back with the id they were given.
const MEMBER_ID_REQUIRED_VERSION_MIN: i16 = 4;

/// How many assignment strategies a member may offer; clients offer a handful.
const PROTOCOLS_MAX: usize = 32;
/// The least time to join again: with none, nobody would make it.
const REBALANCE_TIMEOUT_MS_MIN: i64 = 100;

/// A request to join, and whose it is.
#[derive(Debug)]
pub(crate) struct Joining {
    pub(crate) call: Call,
    pub(crate) client_id: StrBytes,
    pub(crate) client_host: StrBytes,
    pub(crate) body: JoinGroupRequest,
}

impl Joining {
    pub(crate) fn protocols(&self) -> Vec<(StrBytes, Bytes)> {
        let protocols = self.body.protocols.iter();
        protocols.map(|it| (it.name.clone(), it.metadata.clone())).collect()
    }

    pub(crate) fn rebalance_timeout_ms(&self) -> i64 {
        // Version 0 has none: the session's counts.
        let timeout = match self.body.rebalance_timeout_ms {
            timeout if timeout >= 0 => timeout,
            _ => self.body.session_timeout_ms,
        };
        i64::from(timeout).max(REBALANCE_TIMEOUT_MS_MIN)
    }

    /// Checks that it does not ask for more memory than members need.
    pub(crate) fn check_size(&self, metadata_bytes_max: usize) -> Result<(), ResponseError> {
        let protocols = &self.body.protocols;
        if protocols.len() > PROTOCOLS_MAX {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        // What Kafka answers when the group would be too large to be written down.
        let bytes: usize = protocols.iter().map(|it| it.metadata.len()).sum();
        if bytes > metadata_bytes_max { Err(ResponseError::UnknownServerError) } else { Ok(()) }
    }

    /// Copies what a member keeps: slices would keep the whole frame in memory.
    pub(crate) fn detach(&mut self) {
        let own = |text: &mut StrBytes| *text = StrBytes::from_string(text.to_string());
        let body = &mut self.body;
        own(&mut body.member_id);
        own(&mut body.protocol_type);
        body.group_instance_id.iter_mut().for_each(own);
        for protocol in &mut body.protocols {
            own(&mut protocol.name);
            protocol.metadata = Bytes::copy_from_slice(&protocol.metadata);
        }
    }
}

impl Group {
    pub(crate) fn join(&mut self, context: &mut Context<'_>, joining: Joining) {
        let id = joining.body.member_id.clone();
        if !self.accepts(context, &id) {
            self.remove(&id);
            let error = ResponseError::GroupMaxSizeReached;
            return context.replies.respond(&joining.call, &refusal(StrBytes::new(), error));
        }
        if !self.supports(&joining.body.protocol_type, &joining.protocols()) {
            let error = ResponseError::InconsistentGroupProtocol;
            return context.replies.respond(&joining.call, &refusal(id, error));
        }
        // Nobody is left of another protocol, or the group would not have been asked.
        self.consumer = None;
        if id.is_empty() {
            self.join_new(context, joining);
        } else if self.pending.contains_key(&id) && joining.body.group_instance_id.is_none() {
            self.add(context, id, joining);
        } else {
            self.join_again(context, joining);
        }
    }

    fn accepts(&self, context: &Context<'_>, id: &StrBytes) -> bool {
        let max = context.config.members_max;
        let waiting = self.members.iter().filter(|member| member.join.is_some()).count();
        let is_known = self.pending.contains_key(id) || self.member(id).is_some();
        match self.state() {
            GroupState::Empty => self.pending.len() < max || is_known,
            GroupState::PreparingRebalance => is_known || waiting + self.pending.len() < max,
            GroupState::CompletingRebalance | GroupState::Stable => {
                is_known || self.members.len() + self.pending.len() < max
            }
        }
    }

    fn join_new(&mut self, context: &mut Context<'_>, joining: Joining) {
        let instance = joining.body.group_instance_id.clone();
        let prefix = instance.as_ref().unwrap_or(&joining.client_id);
        let id = context.member_ids.next(prefix);
        match instance.and_then(|instance| self.static_member(&instance).cloned()) {
            Some(old) => self.replace_static(context, &old, id, joining),
            None if joining.body.group_instance_id.is_none()
                && joining.call.version >= MEMBER_ID_REQUIRED_VERSION_MIN =>
            {
                let session = i64::from(joining.body.session_timeout_ms);
                self.pending.insert(id.clone(), context.now.after(session));
                let error = ResponseError::MemberIdRequired;
                context.replies.respond(&joining.call, &refusal(id, error));
            }
            None => self.add(context, id, joining),
        }
    }

    fn add(&mut self, context: &mut Context<'_>, id: StrBytes, joining: Joining) {
        let mut member = Member::new(id.clone(), &joining);
        // It cannot send heartbeats before it has joined, so another bound holds until then.
        let timeout = i64::from(context.config.new_member_timeout_ms);
        member.session_deadline = context.now.after(timeout);
        if self.members.is_empty() {
            self.protocol_type = Some(joining.body.protocol_type.clone());
        }
        if let Some(phase) = &mut self.join_phase {
            phase.note_new_member();
        }
        self.pending.remove(&id);
        self.leader.get_or_insert(id);
        self.members.push(member);
        self.rebalance_or_complete(context);
    }

    fn join_again(&mut self, context: &mut Context<'_>, joining: Joining) {
        let id = joining.body.member_id.clone();
        if let Err(error) = self.check_member(&id, joining.body.group_instance_id.as_ref()) {
            return context.replies.respond(&joining.call, &refusal(id, error));
        }
        let is_unchanged = self.member(&id).is_some_and(|it| it.offers(&joining.protocols()));
        match self.state() {
            // A retry of a member that missed the answer: it gets the generation it is in.
            GroupState::CompletingRebalance if is_unchanged => {
                context.replies.respond(&joining.call, &self.joined(&id));
            }
            // Only the leader can ask for a rebalance without changing anything.
            GroupState::Stable if is_unchanged && !self.is_leader(&id) => {
                context.replies.respond(&joining.call, &self.joined(&id));
            }
            GroupState::Empty => {
                let error = ResponseError::UnknownMemberId;
                context.replies.respond(&joining.call, &refusal(id, error));
            }
            _ => {
                let abandoned = self.member_mut(&id).and_then(|member| member.update(&joining));
                if let Some(call) = abandoned {
                    let error = ResponseError::RebalanceInProgress;
                    context.replies.respond(&call, &refusal(id, error));
                }
                self.rebalance_or_complete(context);
            }
        }
    }

    /// Lets a static member that was restarted take the place of its former self.
    fn replace_static(
        &mut self,
        context: &mut Context<'_>,
        old: &StrBytes,
        new: StrBytes,
        joining: Joining,
    ) {
        let leader_before = self.leader.clone().unwrap_or_default();
        let was_leader = self.is_leader(old);
        let Some(member) = self.member_mut(old) else { return };
        let error = ResponseError::FencedInstanceId;
        if let Some(call) = member.join.take() {
            context.replies.respond(&call, &refusal(old.clone(), error));
        }
        if let Some(call) = member.sync.take() {
            let fenced = SyncGroupResponse::default().with_error_code(error.code());
            context.replies.respond(&call, &fenced);
        }
        member.id = new.clone();
        member.is_new = false;
        member.update(&joining);
        member.renew_session(context.now);
        self.is_unsaved = true;
        if was_leader {
            self.leader = Some(new.clone());
        }
        if self.unsynced.remove(old) {
            self.unsynced.insert(new.clone());
        }
        match self.state() {
            GroupState::Stable if self.protocol == self.select_protocol() => {
                // Nothing changes for the others. The leader is named as it was before, so that a
                // restarted leader takes itself for a follower and keeps to its assignment.
                if let Some(call) = self.member_mut(&new).and_then(|member| member.join.take()) {
                    let response = self.joined(&new).with_leader(leader_before);
                    context.replies.respond(&call, &response.with_members(Vec::new()));
                }
            }
            // The leader may be assigning to the old id at this moment.
            GroupState::CompletingRebalance => self.prepare_rebalance(context),
            _ => self.rebalance_or_complete(context),
        }
    }

    /// Returns the answer to a member that has joined the current generation.
    pub(crate) fn joined(&self, id: &StrBytes) -> JoinGroupResponse {
        let protocol = self.protocol.as_ref();
        let describe = |member: &Member| {
            JoinGroupResponseMember::default()
                .with_member_id(member.id.clone())
                .with_group_instance_id(member.instance.clone())
                .with_metadata(member.metadata(protocol))
        };
        let members = if self.is_leader(id) {
            self.members.iter().map(describe).collect()
        } else {
            Vec::new()
        };
        JoinGroupResponse::default()
            .with_generation_id(self.generation)
            .with_protocol_name(Some(self.protocol.clone().unwrap_or_default()))
            .with_leader(self.leader.clone().unwrap_or_default())
            .with_member_id(id.clone())
            .with_members(members)
    }
}

/// Returns an answer to a join that gives nothing but an error.
pub(crate) fn refusal(member_id: StrBytes, error: ResponseError) -> JoinGroupResponse {
    JoinGroupResponse::default()
        .with_member_id(member_id)
        .with_protocol_name(Some(StrBytes::new()))
        .with_error_code(error.code())
}
