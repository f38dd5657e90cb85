//! What a group does not take.

use kafka_protocol::messages::{DeleteGroupsRequest, ListGroupsRequest};

use super::*;
use crate::testing::samples::{describe_groups, join};

#[test]
fn epochs_are_the_newest_or_just_missed() {
    let mut driver = driver(4);
    let mut clients = joined(&mut driver, &["a", "b"]);
    let a = clients[0].clone();
    let fenced = Err(ResponseError::FencedMemberEpoch);
    assert_eq!(Client { epoch: a.epoch + 1, ..a.clone() }.beat(&mut driver), fenced);
    let previous = Client { epoch: a.epoch - 1, ..a.clone() };
    assert_eq!(previous.clone().beat(&mut driver), fenced, "it does not say what it owns");
    Client { is_owned_new: true, ..previous.clone() }.beat(&mut driver).unwrap();
    let other = clients[1].owned.clone();
    assert_eq!(Client { is_owned_new: true, owned: other, ..previous }.beat(&mut driver), fenced);
    // Who was fenced comes back with nothing.
    let mut again = Client::new("a", &[TOPIC]);
    again.beat(&mut driver).unwrap();
    assert_eq!(again.owned, a.owned);
    settle(&mut driver, &mut clients[1..]);
}

#[test]
fn heartbeats_are_checked_by_themselves() {
    let mut driver = driver(1);
    let join = Client::new("a", &[TOPIC]).request();
    let beat = Client { epoch: 1, ..Client::new("a", &[]) }.request();
    let requests = [
        ("GroupId", join.clone().with_group_id(GroupId(text("")))),
        ("MemberId", join.clone().with_member_id(text(" "))),
        ("InstanceId", join.clone().with_instance_id(Some(text("")))),
        ("RackId", join.clone().with_rack_id(Some(text("")))),
        ("RebalanceTimeoutMs", join.clone().with_rebalance_timeout_ms(-1)),
        ("TopicPartitions", join.clone().with_topic_partitions(None)),
        ("SubscribedTopicNames", join.clone().with_subscribed_topic_names(None)),
        ("InstanceId can't be null", beat.clone().with_member_epoch(-2)),
        ("MemberEpoch is -3", beat.clone().with_member_epoch(-3)),
        (
            "bytes",
            join.clone()
                .with_member_id(text(&"m".repeat(1 << 15)))
                .with_rack_id(Some(text(&"r".repeat((1 << 20) - (1 << 15))))),
        ),
    ];
    for (what, request) in requests {
        let response = driver.ask(1, &request);
        assert_eq!(error(response.error_code), Some(ResponseError::InvalidRequest), "{what}");
        assert!(response.error_message.unwrap().contains(what), "{what}");
    }
    let unknown = driver.ask(1, &join.clone().with_server_assignor(Some(text("sticky"))));
    assert_eq!(error(unknown.error_code), Some(ResponseError::UnsupportedAssignor));
    let expected = "ServerAssignor sticky is not supported. Supported assignors: uniform, range.";
    assert_eq!(unknown.error_message.unwrap().as_str(), expected);
    let regex = driver.ask(1, &join.clone().with_subscribed_topic_regex(Some(text("t.*"))));
    assert_eq!(error(regex.error_code), Some(ResponseError::UnsupportedVersion));
    assert_eq!(send(&mut driver, &beat).err(), Some(ResponseError::GroupIdNotFound));
    // Clients of the first version leave their ids to the broker.
    let given = driver.ask(0, &join.with_member_id(text(""))).member_id.unwrap();
    assert!(!given.is_empty());
}

#[test]
fn members_are_limited() {
    let mut driver = with(GroupConfig { members_max: 2, ..GroupConfig::default() }, 4);
    let mut clients = joined(&mut driver, &["a", "b"]);
    let full = Err(ResponseError::GroupMaxSizeReached);
    assert_eq!(Client::new("c", &[TOPIC]).beat(&mut driver), full);
    settle(&mut driver, &mut clients);
}

#[test]
fn only_an_empty_group_changes_its_protocol() {
    let mut driver = driver(1);
    let a = joined(&mut driver, &["a"]).remove(0);
    let classic = |driver: &mut Driver| error(driver.ask(5, &join(GROUP, "", None)).error_code);
    assert_eq!(classic(&mut driver), Some(ResponseError::InconsistentGroupProtocol));
    let state = driver.ask(4, &describe_groups(&[GROUP])).groups.remove(0).group_state;
    assert_eq!(state.as_str(), "Dead", "as the classic protocol sees it");
    let listed = driver.ask(2, &ListGroupsRequest::default()).groups.remove(0);
    assert_eq!((listed.group_id.as_str(), listed.protocol_type.as_str()), (GROUP, "consumer"));
    a.leave(&mut driver, -1).unwrap();
    assert_eq!(describe(&mut driver).group_state.as_str(), "Empty");
    assert_eq!(classic(&mut driver), Some(ResponseError::MemberIdRequired));
    // The id that was given out counts as a member until its time is over.
    let refused = Err(ResponseError::GroupIdNotFound);
    assert_eq!(Client::new("a", &[TOPIC]).beat(&mut driver), refused);
    driver.advance(300_000);
    joined(&mut driver, &["a"]);
}

#[test]
fn only_an_empty_group_is_deleted() {
    let mut driver = driver(1);
    let a = joined(&mut driver, &["a"]).remove(0);
    let delete = |driver: &mut Driver| {
        let request = DeleteGroupsRequest::default().with_groups_names(vec![GroupId(text(GROUP))]);
        error(driver.ask(1, &request).results[0].error_code)
    };
    assert_eq!(delete(&mut driver), Some(ResponseError::NonEmptyGroup));
    a.leave(&mut driver, -1).unwrap();
    assert_eq!(delete(&mut driver), None);
    let gone = describe(&mut driver);
    assert_eq!(error(gone.error_code), Some(ResponseError::GroupIdNotFound));
}
