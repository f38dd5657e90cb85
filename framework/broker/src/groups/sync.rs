//! Syncing: the leader hands in the assignment, and every member gets its part.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{SyncGroupRequest, SyncGroupResponse};
use kafka_protocol::protocol::StrBytes;

use crate::groups::Context;
use crate::groups::group::Group;
use crate::groups::state::GroupState;
use crate::reply::Call;

impl Group {
    pub(crate) fn sync(&mut self, context: &mut Context<'_>, call: Call, body: SyncGroupRequest) {
        let id = body.member_id.clone();
        let refusal = match self.check_sync(&body) {
            Err(error) => Some(error),
            Ok(()) => match self.state() {
                GroupState::Empty => Some(ResponseError::UnknownMemberId),
                GroupState::PreparingRebalance => Some(ResponseError::RebalanceInProgress),
                GroupState::CompletingRebalance | GroupState::Stable => None,
            },
        };
        if let Some(error) = refusal {
            return context.replies.respond(&call, &answer(Bytes::new(), Some(error)));
        }
        self.note_synced(&id);
        if self.state() == GroupState::Stable {
            let assignment = self.member(&id).map(|member| member.assignment.clone());
            let answer = answer(assignment.unwrap_or_default(), None);
            return context.replies.respond(&call, &answer);
        }
        let abandoned = self.member_mut(&id).and_then(|member| member.sync.replace(call));
        if let Some(call) = abandoned {
            // Of a client that gave up on it and came back by another connection.
            let error = Some(ResponseError::RebalanceInProgress);
            context.replies.respond(&call, &answer(Bytes::new(), error));
        }
        if self.is_leader(&id) {
            self.assign(context, body);
        }
    }

    fn check_sync(&self, body: &SyncGroupRequest) -> Result<(), ResponseError> {
        self.check_member(&body.member_id, body.group_instance_id.as_ref())?;
        if body.generation_id != self.generation {
            return Err(ResponseError::IllegalGeneration);
        }
        Ok(())
    }

    fn note_synced(&mut self, id: &StrBytes) {
        self.unsynced.remove(id);
        if self.unsynced.is_empty() {
            self.sync_deadline = None;
        }
    }

    /// Takes the leader's assignment; a member it does not name gets nothing.
    fn assign(&mut self, context: &mut Context<'_>, body: SyncGroupRequest) {
        // Copies, since slices would keep the whole frame in memory.
        let own = |part: Bytes| Bytes::copy_from_slice(&part);
        let parts = body.assignments.into_iter().map(|it| (it.member_id, own(it.assignment)));
        let mut parts: BTreeMap<StrBytes, Bytes> = parts.collect();
        for member in &mut self.members {
            member.assignment = parts.remove(&member.id).unwrap_or_default();
        }
        self.enter(GroupState::Stable);
        self.answer_syncs(context, None);
    }

    /// Answers all members that wait with a sync; their sessions begin anew.
    pub(crate) fn answer_syncs(&mut self, context: &mut Context<'_>, error: Option<ResponseError>) {
        for member in &mut self.members {
            if let Some(call) = member.sync.take() {
                context.replies.respond(&call, &answer(member.assignment.clone(), error));
                member.renew_session(context.now);
            }
        }
    }
}

/// Returns an answer to a sync.
pub(crate) fn answer(assignment: Bytes, error: Option<ResponseError>) -> SyncGroupResponse {
    SyncGroupResponse::default()
        .with_assignment(assignment)
        .with_error_code(error.map_or(0, |error| error.code()))
}
