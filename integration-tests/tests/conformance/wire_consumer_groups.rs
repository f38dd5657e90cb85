//! The consumer group protocol byte by byte: which errors members hear, and who may commit.

use integration_tests::admin::create_topic;
use integration_tests::unique;
use integration_tests::waiting::{Deadline, eventually};
use integration_tests::wire::Wire;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, FindCoordinatorRequest, GroupId, OffsetCommitRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;

crate::checks! {
    heartbeats_are_checked,
    epochs_and_members_are_checked,
    commits_come_from_members_in_their_epoch,
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// Connects, and asks for the group's coordinator, at which Kafka makes one.
fn connect(bootstrap: &str, group: &str) -> Wire {
    let mut wire = Wire::connect(bootstrap);
    let request = FindCoordinatorRequest::default().with_key(text(group));
    eventually("a coordinator", Deadline::seconds(30), || {
        (wire.call(2, &request).error_code == 0).then_some(())
    });
    wire
}

fn joining(group: &str, member: &str, topic: &str) -> ConsumerGroupHeartbeatRequest {
    staying(group, member, 0)
        .with_rebalance_timeout_ms(30_000)
        .with_subscribed_topic_names(Some(vec![TopicName(text(topic))]))
        .with_topic_partitions(Some(Vec::new()))
}

fn staying(group: &str, member: &str, epoch: i32) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_member_id(text(member))
        .with_member_epoch(epoch)
        .with_rebalance_timeout_ms(-1)
        .with_subscribed_topic_names(None)
        .with_topic_partitions(None)
}

/// Returns the member's epoch.
fn beat(wire: &mut Wire, request: &ConsumerGroupHeartbeatRequest) -> Result<i32, ResponseError> {
    // A Kafka that has just started has yet to make the topic of its coordinators.
    eventually("a coordinator", Deadline::seconds(30), || {
        let response = wire.call(1, request);
        match ResponseError::try_from_code(response.error_code) {
            None => Some(Ok(response.member_epoch)),
            Some(ResponseError::NotCoordinator | ResponseError::CoordinatorLoadInProgress) => None,
            Some(error) => Some(Err(error)),
        }
    })
}

fn heartbeats_are_checked(bootstrap: &str) {
    let (topic, group) = (unique("checked"), unique("checked"));
    create_topic(bootstrap, &topic, 1, &[]);
    let mut wire = connect(bootstrap, &group);
    let join = joining(&group, "a", &topic);
    let wrong = [
        ("no group", joining("", "a", &topic)),
        ("no member", joining(&group, "", &topic)),
        ("an empty instance", join.clone().with_instance_id(Some(text("")))),
        ("an empty rack", join.clone().with_rack_id(Some(text("")))),
        ("no time-out", join.clone().with_rebalance_timeout_ms(-1)),
        ("nothing owned", join.clone().with_topic_partitions(None)),
        ("no subscription", join.clone().with_subscribed_topic_names(None)),
        ("away without a name", staying(&group, "a", -2)),
        ("no epoch at all", staying(&group, "a", -3)),
    ];
    for (what, request) in wrong {
        assert_eq!(beat(&mut wire, &request), Err(ResponseError::InvalidRequest), "{what}");
    }
    let unknown = join.with_server_assignor(Some(text("sticky")));
    assert_eq!(beat(&mut wire, &unknown), Err(ResponseError::UnsupportedAssignor));
    let nowhere = Err(ResponseError::GroupIdNotFound);
    assert_eq!(beat(&mut wire, &staying(&group, "a", 1)), nowhere);
    assert_eq!(beat(&mut wire, &staying(&group, "a", -1)), nowhere);
}

fn epochs_and_members_are_checked(bootstrap: &str) {
    let (topic, group) = (unique("epochs"), unique("epochs"));
    create_topic(bootstrap, &topic, 2, &[]);
    let mut wire = connect(bootstrap, &group);
    let named = joining(&group, "a", &topic).with_instance_id(Some(text("name")));
    let epoch = beat(&mut wire, &named).unwrap();
    assert!(epoch > 0);
    let stay = |member, epoch| staying(&group, member, epoch).with_instance_id(Some(text("name")));
    let mut check = |request, expected| assert_eq!(beat(&mut wire, &request), expected);
    check(stay("a", epoch + 1), Err(ResponseError::FencedMemberEpoch));
    check(stay("b", epoch), Err(ResponseError::FencedInstanceId));
    check(staying(&group, "b", epoch), Err(ResponseError::UnknownMemberId));
    let second = joining(&group, "b", &topic).with_instance_id(Some(text("name")));
    check(second.clone(), Err(ResponseError::UnreleasedInstanceId));
    check(stay("a", -2), Ok(-2));
    check(second, Ok(epoch));
    check(stay("b", -1), Ok(-1));
    check(stay("b", -1), Err(ResponseError::UnknownMemberId));
}

fn commits_come_from_members_in_their_epoch(bootstrap: &str) {
    let (topic, group) = (unique("commits"), unique("commits"));
    create_topic(bootstrap, &topic, 1, &[]);
    let mut wire = connect(bootstrap, &group);
    let epoch = beat(&mut wire, &joining(&group, "a", &topic)).unwrap();
    let mut commit = |version, member, epoch| {
        let partition = OffsetCommitRequestPartition::default().with_committed_offset(3);
        let topic = OffsetCommitRequestTopic::default().with_name(TopicName(text(&topic)));
        let request = OffsetCommitRequest::default()
            .with_group_id(GroupId(text(&group)))
            .with_member_id(text(member))
            .with_generation_id_or_member_epoch(epoch)
            .with_topics(vec![topic.with_partitions(vec![partition])]);
        let response = wire.call(version, &request);
        ResponseError::try_from_code(response.topics[0].partitions[0].error_code)
    };
    assert_eq!(commit(9, "a", epoch), None);
    assert_eq!(commit(9, "a", epoch + 1), Some(ResponseError::StaleMemberEpoch));
    assert_eq!(commit(9, "b", epoch), Some(ResponseError::UnknownMemberId));
    assert_eq!(commit(9, "", -1), Some(ResponseError::UnknownMemberId));
    assert_eq!(commit(8, "a", epoch), Some(ResponseError::UnsupportedVersion));
}
