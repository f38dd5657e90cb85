//! Groups beyond what a client sends: strangers, old generations, fenced names.

use bytes::Bytes;
use integration_tests::admin::create_topic;
use integration_tests::unique;
use integration_tests::wire::Wire;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    DescribeGroupsRequest, GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, OffsetCommitRequest, OffsetFetchRequest, SyncGroupRequest,
};
use kafka_protocol::protocol::StrBytes;

use crate::wire_logs::name;

crate::checks! {
    a_member_must_come_back_with_its_id,
    strangers_and_old_generations_are_refused,
    a_group_of_one_lives_and_ends,
    static_members_are_fenced_and_removed_by_name,
    commits_are_checked,
    the_leader_assigns_to_all,
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn group_id(group: &str) -> GroupId {
    GroupId(text(group))
}

fn error(code: i16) -> Option<ResponseError> {
    ResponseError::try_from_code(code)
}

fn join_request(group: &str, member: &StrBytes, instance: Option<&str>) -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol::default()
        .with_name(text("strategy"))
        .with_metadata(Bytes::from_static(b"subscription"));
    JoinGroupRequest::default()
        .with_group_id(group_id(group))
        .with_session_timeout_ms(10_000)
        .with_rebalance_timeout_ms(20_000)
        .with_member_id(member.clone())
        .with_group_instance_id(instance.map(text))
        .with_protocol_type(text("test"))
        .with_protocols(vec![protocol])
}

/// Joins as a new dynamic member: with the id that is asked to come back with.
fn join(wire: &mut Wire, group: &str) -> JoinGroupResponse {
    let asked = wire.call(5, &join_request(group, &StrBytes::new(), None));
    assert_eq!(error(asked.error_code), Some(ResponseError::MemberIdRequired));
    let joined = wire.call(5, &join_request(group, &asked.member_id, None));
    assert_eq!(error(joined.error_code), None);
    joined
}

fn sync_request(
    group: &str,
    joined: &JoinGroupResponse,
    instance: Option<&str>,
) -> SyncGroupRequest {
    let assign = |id: &StrBytes| {
        let assignment = Bytes::from(format!("for {}", id.len()));
        SyncGroupRequestAssignment::default().with_member_id(id.clone()).with_assignment(assignment)
    };
    SyncGroupRequest::default()
        .with_group_id(group_id(group))
        .with_generation_id(joined.generation_id)
        .with_member_id(joined.member_id.clone())
        .with_group_instance_id(instance.map(text))
        .with_assignments(joined.members.iter().map(|it| assign(&it.member_id)).collect())
}

fn beat(
    wire: &mut Wire,
    group: &str,
    member: &StrBytes,
    generation: i32,
    instance: Option<&str>,
) -> Option<ResponseError> {
    let request = HeartbeatRequest::default()
        .with_group_id(group_id(group))
        .with_generation_id(generation)
        .with_member_id(member.clone())
        .with_group_instance_id(instance.map(text));
    error(wire.call(3, &request).error_code)
}

fn state(wire: &mut Wire, group: &str) -> (String, usize) {
    let request = DescribeGroupsRequest::default().with_groups(vec![group_id(group)]);
    let described = wire.call(4, &request).groups.remove(0);
    assert_eq!(described.error_code, 0);
    (described.group_state.to_string(), described.members.len())
}

fn a_member_must_come_back_with_its_id(bootstrap: &str) {
    let (wire, group) = (&mut Wire::connect(bootstrap), unique("ids"));
    let joined = join(wire, &group);
    assert_eq!(joined.generation_id, 1);
    assert_eq!((&joined.leader, joined.members.len()), (&joined.member_id, 1));
    assert_eq!(joined.protocol_name, Some(text("strategy")));
    assert_eq!(joined.members[0].metadata, "subscription");
    assert!(joined.member_id.starts_with("wire-"), "{}", joined.member_id);
    assert_eq!(state(wire, &group), ("CompletingRebalance".to_owned(), 1));
}

fn strangers_and_old_generations_are_refused(bootstrap: &str) {
    let (wire, group) = (&mut Wire::connect(bootstrap), unique("strangers"));
    let stranger = text("stranger");
    let unknown = Some(ResponseError::UnknownMemberId);
    let refused = |response: JoinGroupResponse| error(response.error_code);
    assert_eq!(refused(wire.call(5, &join_request(&group, &stranger, None))), unknown);
    assert_eq!(beat(wire, &group, &stranger, 1, None), unknown);
    let joined = join(wire, &group);
    let synced = wire.call(3, &sync_request(&group, &joined, None));
    assert_eq!((error(synced.error_code), synced.assignment.is_empty()), (None, false));
    assert_eq!(refused(wire.call(5, &join_request(&group, &stranger, None))), unknown);
    assert_eq!(beat(wire, &group, &stranger, 1, None), unknown);
    assert_eq!(beat(wire, &group, &joined.member_id, 1, None), None);
    let illegal = Some(ResponseError::IllegalGeneration);
    assert_eq!(beat(wire, &group, &joined.member_id, 0, None), illegal);
    assert_eq!(beat(wire, &group, &joined.member_id, 2, None), illegal);
    let mut old = joined.clone();
    old.generation_id = 7;
    assert_eq!(error(wire.call(3, &sync_request(&group, &old, None)).error_code), illegal);
    let other = JoinGroupRequestProtocol::default().with_name(text("other"));
    let request = join_request(&group, &StrBytes::new(), None).with_protocols(vec![other]);
    assert_eq!(refused(wire.call(5, &request)), Some(ResponseError::InconsistentGroupProtocol));
    let request = join_request(&group, &StrBytes::new(), None).with_protocol_type(text("else"));
    assert_eq!(refused(wire.call(5, &request)), Some(ResponseError::InconsistentGroupProtocol));
    let request = join_request("", &StrBytes::new(), None);
    assert_eq!(refused(wire.call(5, &request)), Some(ResponseError::InvalidGroupId));
    for session in [1, 2_000_000] {
        let request = join_request(&group, &StrBytes::new(), None);
        let response = wire.call(5, &request.with_session_timeout_ms(session));
        assert_eq!(error(response.error_code), Some(ResponseError::InvalidSessionTimeout));
    }
}

fn a_group_of_one_lives_and_ends(bootstrap: &str) {
    let (wire, group) = (&mut Wire::connect(bootstrap), unique("one"));
    assert_eq!(state(wire, &group), ("Dead".to_owned(), 0));
    let joined = join(wire, &group);
    wire.call(3, &sync_request(&group, &joined, None));
    assert_eq!(state(wire, &group), ("Stable".to_owned(), 1));
    // The leader may ask for a rebalance by joining again; alone, it has it at once.
    let again = wire.call(5, &join_request(&group, &joined.member_id, None));
    assert_eq!((error(again.error_code), again.generation_id), (None, 2));
    assert_eq!(beat(wire, &group, &joined.member_id, 2, None), None);
    let mut leave = |member: &StrBytes| {
        let member = MemberIdentity::default().with_member_id(member.clone());
        let request = LeaveGroupRequest::default().with_group_id(group_id(&group));
        let left = wire.call(3, &request.with_members(vec![member]));
        (error(left.error_code), error(left.members[0].error_code))
    };
    assert_eq!(leave(&text("stranger")), (None, Some(ResponseError::UnknownMemberId)));
    assert_eq!(leave(&joined.member_id), (None, None));
    assert_eq!(leave(&joined.member_id), (None, Some(ResponseError::UnknownMemberId)));
    assert_eq!(state(wire, &group), ("Empty".to_owned(), 0));
    let old = LeaveGroupRequest::default().with_group_id(group_id(&group));
    let old = wire.call(1, &old.with_member_id(joined.member_id));
    assert_eq!(error(old.error_code), Some(ResponseError::UnknownMemberId));
}

fn static_members_are_fenced_and_removed_by_name(bootstrap: &str) {
    let (wire, group) = (&mut Wire::connect(bootstrap), unique("names"));
    let named = Some("name");
    let first = wire.call(5, &join_request(&group, &StrBytes::new(), named));
    assert_eq!((error(first.error_code), first.generation_id), (None, 1));
    assert!(first.member_id.starts_with("name-"), "{}", first.member_id);
    let assigned = wire.call(3, &sync_request(&group, &first, named)).assignment;
    // It restarts: a new id, the same generation and assignment, and it does not lead itself.
    let second = wire.call(5, &join_request(&group, &StrBytes::new(), named));
    assert_eq!((error(second.error_code), second.generation_id), (None, 1));
    assert_ne!(second.member_id, first.member_id);
    assert_eq!((&second.leader, second.members.len()), (&first.member_id, 0));
    assert_eq!(wire.call(3, &sync_request(&group, &second, named)).assignment, assigned);
    let fenced = Some(ResponseError::FencedInstanceId);
    assert_eq!(beat(wire, &group, &first.member_id, 1, named), fenced);
    assert_eq!(beat(wire, &group, &second.member_id, 1, named), None);
    let unknown = Some(ResponseError::UnknownMemberId);
    assert_eq!(beat(wire, &group, &second.member_id, 1, Some("other")), unknown);
    assert_eq!(error(wire.call(3, &sync_request(&group, &first, named)).error_code), fenced);
    let rejoin = wire.call(5, &join_request(&group, &first.member_id, named));
    assert_eq!(error(rejoin.error_code), fenced);
    let mut leave = |member: &StrBytes, instance: &str| {
        let member = MemberIdentity::default()
            .with_member_id(member.clone())
            .with_group_instance_id(Some(text(instance)));
        let request = LeaveGroupRequest::default().with_group_id(group_id(&group));
        error(wire.call(3, &request.with_members(vec![member])).members[0].error_code)
    };
    assert_eq!(leave(&first.member_id, "name"), fenced);
    assert_eq!(leave(&StrBytes::new(), "other"), unknown);
    assert_eq!(leave(&StrBytes::new(), "name"), None);
    assert_eq!(state(wire, &group), ("Empty".to_owned(), 0));
}

fn commit(
    wire: &mut Wire,
    group: &str,
    member: &StrBytes,
    generation: i32,
    of: (&str, i32, &str),
) -> Option<ResponseError> {
    let (topic, index, metadata) = of;
    let partition = OffsetCommitRequestPartition::default()
        .with_partition_index(index)
        .with_committed_offset(5)
        .with_committed_metadata(Some(text(metadata)));
    let topic = OffsetCommitRequestTopic::default().with_name(name(topic));
    let request = OffsetCommitRequest::default()
        .with_group_id(group_id(group))
        .with_generation_id_or_member_epoch(generation)
        .with_member_id(member.clone())
        .with_topics(vec![topic.with_partitions(vec![partition])]);
    error(wire.call(7, &request).topics[0].partitions[0].error_code)
}

fn commits_are_checked(bootstrap: &str) {
    let (wire, group, topic) =
        (&mut Wire::connect(bootstrap), unique("commits"), unique("commits"));
    create_topic(bootstrap, &topic, 1, &[]);
    let (nobody, of) = (StrBytes::new(), (topic.as_str(), 0, "m"));
    let illegal = Some(ResponseError::IllegalGeneration);
    assert_eq!(commit(wire, &group, &nobody, 3, of), illegal);
    assert_eq!(commit(wire, &group, &nobody, -1, of), None);
    let unknown = Some(ResponseError::UnknownTopicOrPartition);
    assert_eq!(commit(wire, &group, &nobody, -1, (&topic, 7, "")), unknown);
    assert_eq!(commit(wire, &group, &nobody, -1, (&unique("nowhere"), 0, "")), unknown);
    let long = "x".repeat(4_097);
    let too_long = commit(wire, &group, &nobody, -1, (&topic, 0, &long));
    assert_eq!(too_long, Some(ResponseError::OffsetMetadataTooLarge));
    assert_eq!(commit(wire, &group, &nobody, -1, (&topic, 0, &long[1..])), None);
    assert_eq!(commit(wire, "", &nobody, -1, of), None, "as it has always been");
    let joined = join(wire, &group);
    let member = &joined.member_id;
    let progress = Some(ResponseError::RebalanceInProgress);
    assert_eq!(commit(wire, &group, member, 1, of), progress, "before the assignment");
    wire.call(3, &sync_request(&group, &joined, None));
    assert_eq!(commit(wire, &group, member, 1, of), None);
    assert_eq!(commit(wire, &group, member, 0, of), illegal);
    let stranger = Some(ResponseError::UnknownMemberId);
    assert_eq!(commit(wire, &group, &nobody, -1, of), stranger, "members own it now");
    assert_eq!(commit(wire, &group, &text("stranger"), 1, of), stranger);
    let asked = OffsetFetchRequestTopic::default().with_name(name(&topic));
    let mut fetch = |topics: Option<Vec<OffsetFetchRequestTopic>>| {
        let request = OffsetFetchRequest::default().with_group_id(group_id(&group));
        let fetched = wire.call(7, &request.with_topics(topics).with_require_stable(true));
        assert_eq!(fetched.error_code, 0);
        let partitions = fetched.topics.into_iter().flat_map(|it| it.partitions);
        let offset =
            |it: &kafka_protocol::messages::offset_fetch_response::OffsetFetchResponsePartition| {
                let metadata = it.metadata.as_ref().map(|it| it.to_string());
                (it.partition_index, it.committed_offset, metadata, it.error_code)
            };
        partitions.map(|it| offset(&it)).collect::<Vec<_>>()
    };
    let there = (0, 5, Some("m".to_owned()), 0);
    assert_eq!(fetch(None), vec![there.clone()], "all there is");
    let missing = (1, -1, Some(String::new()), 0);
    assert_eq!(fetch(Some(vec![asked.with_partition_indexes(vec![0, 1])])), [there, missing]);
}

fn the_leader_assigns_to_all(bootstrap: &str) {
    let group = unique("two");
    let (a, b) = (&mut Wire::connect(bootstrap), &mut Wire::connect(bootstrap));
    let first = join(a, &group);
    a.call(3, &sync_request(&group, &first, None));
    // The second comes: the first hears of it by its heartbeat, and has to join again.
    let asked = b.call(5, &join_request(&group, &StrBytes::new(), None));
    b.send(5, &join_request(&group, &asked.member_id, None));
    let progress = Some(ResponseError::RebalanceInProgress);
    integration_tests::waiting::eventually(
        "the rebalance",
        integration_tests::Deadline::seconds(10),
        || (beat(a, &group, &first.member_id, 1, None) == progress).then_some(()),
    );
    assert_eq!(error(a.call(3, &sync_request(&group, &first, None)).error_code), progress);
    let first = a.call(5, &join_request(&group, &first.member_id, None));
    let second = b.receive::<JoinGroupRequest>(5);
    assert_eq!((first.generation_id, second.generation_id), (2, 2));
    assert_eq!((&first.leader, &second.leader), (&first.member_id, &first.member_id));
    assert_eq!((first.members.len(), second.members.len()), (2, 0));
    // The follower waits until the leader has assigned.
    b.send(3, &sync_request(&group, &second, None));
    let own = a.call(3, &sync_request(&group, &first, None));
    let given = b.receive::<SyncGroupRequest>(3);
    assert_eq!((error(own.error_code), error(given.error_code)), (None, None));
    assert_eq!(given.assignment, format!("for {}", second.member_id.len()));
    assert_eq!(state(a, &group), ("Stable".to_owned(), 2));
}
