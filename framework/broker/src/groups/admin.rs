//! Leaving, describing, listing and deleting groups.

use std::collections::BTreeSet;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse,
    GroupId, LeaveGroupRequest, LeaveGroupResponse, ListGroupsRequest, ListGroupsResponse,
};
use kafka_protocol::protocol::StrBytes;

use crate::groups::group::Group;
use crate::groups::state::GroupState;
use crate::groups::{Context, Groups};

/// The first version in which several members may leave at once, and errors are per member.
const MEMBER_LIST_VERSION_MIN: i16 = 3;
/// What a group is called that does not exist.
const DEAD: &str = "Dead";

/// Returns who is to leave, whatever the version.
pub(crate) fn leaving(body: LeaveGroupRequest) -> Vec<MemberIdentity> {
    if body.members.is_empty() && !body.member_id.is_empty() {
        return vec![MemberIdentity::default().with_member_id(body.member_id)];
    }
    body.members
}

/// Builds the answer from what became of each.
pub(crate) fn leave_response(
    version: i16,
    leaving: Vec<MemberIdentity>,
    results: Vec<Result<(), ResponseError>>,
) -> LeaveGroupResponse {
    let code =
        |result: &Result<(), ResponseError>| result.map_or_else(|error| error.code(), |()| 0);
    if version < MEMBER_LIST_VERSION_MIN {
        // Before lists there was one member, and the error was the response's.
        let unknown = ResponseError::UnknownMemberId.code();
        let first = results.first().map_or(unknown, code);
        return LeaveGroupResponse::default().with_error_code(first);
    }
    let members = leaving.into_iter().zip(&results).map(|(member, result)| {
        MemberResponse::default()
            .with_member_id(member.member_id)
            .with_group_instance_id(member.group_instance_id)
            .with_error_code(code(result))
    });
    LeaveGroupResponse::default().with_members(members.collect())
}

impl Group {
    /// Removes members that leave; what that means for the others comes after.
    pub(crate) fn leave(
        &mut self,
        context: &mut Context<'_>,
        leaving: &[MemberIdentity],
    ) -> Vec<Result<(), ResponseError>> {
        let mut results = Vec::with_capacity(leaving.len());
        for member in leaving {
            let found = self.find_leaving(member);
            if let Ok(id) = &found {
                self.drop_member(context, id);
            }
            results.push(found.map(|_| ()));
        }
        results
    }

    fn find_leaving(&self, member: &MemberIdentity) -> Result<StrBytes, ResponseError> {
        let (id, instance) = (&member.member_id, member.group_instance_id.as_ref());
        if id.is_empty() {
            // An administrator removes a static member by its name.
            let named = instance.and_then(|instance| self.static_member(instance));
            return named.cloned().ok_or(ResponseError::UnknownMemberId);
        }
        if !self.pending.contains_key(id) {
            self.check_member(id, instance)?;
        }
        Ok(id.clone())
    }

    fn describe(&self) -> DescribedGroup {
        let is_stable = self.state() == GroupState::Stable;
        let protocol = self.protocol.as_ref().filter(|_| is_stable);
        let members = self.members.iter().map(|member| {
            let described = DescribedGroupMember::default()
                .with_member_id(member.id.clone())
                .with_group_instance_id(member.instance.clone())
                .with_client_id(member.client_id.clone())
                .with_client_host(member.client_host.clone());
            if is_stable {
                described
                    .with_member_metadata(member.metadata(protocol))
                    .with_member_assignment(member.assignment.clone())
            } else {
                described
            }
        });
        DescribedGroup::default()
            .with_group_state(StrBytes::from_string(self.state().to_string()))
            .with_protocol_type(self.protocol_type.clone().unwrap_or_default())
            .with_protocol_data(protocol.cloned().unwrap_or_default())
            .with_members(members.collect())
    }
}

impl Groups {
    pub(crate) fn describe(&self, body: DescribeGroupsRequest) -> DescribeGroupsResponse {
        let describe = |id: GroupId| {
            let dead = || {
                let state = StrBytes::from_static_str(DEAD);
                DescribedGroup::default().with_group_state(state)
            };
            // One that the broker leads is unknown to this request, in Kafka too.
            let group = self.by_id.get(id.as_str()).filter(|group| group.consumer.is_none());
            let described = group.map_or_else(dead, Group::describe);
            described.with_group_id(id)
        };
        // Named again it would be described again: small requests must not have huge answers.
        let mut seen = BTreeSet::new();
        let groups = body.groups.into_iter().filter(|id| seen.insert(id.clone()));
        let groups = groups.map(describe).collect();
        DescribeGroupsResponse::default().with_groups(groups)
    }

    pub(crate) fn list(&self, _body: ListGroupsRequest) -> ListGroupsResponse {
        let groups = self.by_id.values().map(|group| {
            ListedGroup::default()
                .with_group_id(GroupId(StrBytes::from_string(group.id.clone())))
                .with_protocol_type(group.protocol_type.clone().unwrap_or_default())
        });
        ListGroupsResponse::default().with_groups(groups.collect())
    }

    pub(crate) fn delete(&mut self, body: DeleteGroupsRequest) -> DeleteGroupsResponse {
        let mut results = Vec::with_capacity(body.groups_names.len());
        for id in body.groups_names {
            let error = match self.by_id.get(id.as_str()).map(Group::is_empty) {
                None => Some(ResponseError::GroupIdNotFound),
                Some(true) => {
                    self.forget(&id);
                    None
                }
                Some(false) => Some(ResponseError::NonEmptyGroup),
            };
            let result = DeletableGroupResult::default().with_group_id(id);
            results.push(result.with_error_code(error.map_or(0, |error| error.code())));
        }
        DeleteGroupsResponse::default().with_results(results)
    }
}
