//! How many groups and members there may be, and what they may take.

use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::Encodable;

use super::*;
use crate::testing::logged;

#[test]
fn groups_and_members_are_limited() {
    let config = GroupConfig { members_max: 2, groups_max: 1, ..GroupConfig::default() };
    let mut driver = with(config);
    let full = Some(ResponseError::GroupMaxSizeReached);
    let clients = stable(&mut driver, 2);
    assert_eq!(error(driver.ask(5, &join(GROUP, "", None)).error_code), full);
    assert_eq!(error(driver.ask(5, &join("other", "", None)).error_code), full);
    driver.create_topic("t", 1, &[]);
    let committed = driver.ask(7, &commit("other", "", -1, &[("t", 0, 1, "")]));
    assert_eq!(error(committed.topics[0].partitions[0].error_code), full);
    assert_eq!(beat(&mut driver, &clients[0]), None);
    // Ids that were only given out count as well.
    let mut driver = with(config);
    for expected in [Some(ResponseError::MemberIdRequired); 2].into_iter().chain([full]) {
        assert_eq!(error(driver.ask(5, &join(GROUP, "", None)).error_code), expected);
    }
}

#[test]
fn a_group_is_only_made_for_who_is_let_in() {
    let config = GroupConfig { groups_max: 1, ..GroupConfig::default() };
    let mut driver = with(config);
    let refused = driver.ask(5, &join_with("other", "", None, &[]));
    assert_eq!(error(refused.error_code), Some(ResponseError::InconsistentGroupProtocol));
    let refused = driver.ask(5, &join("other", "", None).with_protocol_type(text("")));
    assert_eq!(error(refused.error_code), Some(ResponseError::InconsistentGroupProtocol));
    assert!(driver.ask(2, &ListGroupsRequest::default()).groups.is_empty());
    stable(&mut driver, 1);
}

#[test]
fn deserted_groups_make_room_for_others() {
    let config = GroupConfig { groups_max: 3, ..GroupConfig::default() };
    let mut driver = with(config);
    driver.create_topic("t", 1, &[]);
    let groups = |driver: &mut Driver| {
        let listed = driver.ask(2, &ListGroupsRequest::default()).groups;
        listed.iter().map(|it| it.group_id.to_string()).collect::<Vec<_>>()
    };
    let commit_to = |driver: &mut Driver, group: &str| {
        driver.advance(10);
        let committed = driver.ask(7, &commit(group, "", -1, &[("t", 0, 1, "")]));
        error(committed.topics[0].partitions[0].error_code)
    };
    assert_eq!(commit_to(&mut driver, "b"), None);
    assert_eq!(commit_to(&mut driver, "a"), None);
    // Somebody asks to join and never comes back: the group has nothing, though it was used last.
    driver.ask(5, &join("c", "", None));
    assert_eq!(groups(&mut driver), ["a", "b", "c"]);
    driver.advance(10_000);
    assert_eq!(commit_to(&mut driver, "d"), None);
    assert_eq!(groups(&mut driver), ["a", "b", "d"]);
    // Then those with offsets go, the one idle for longest first.
    let told = logged(|| assert_eq!(commit_to(&mut driver, "e"), None));
    assert!(told.contains("group b and its offsets are forgotten"), "{told}");
    assert_eq!(groups(&mut driver), ["a", "d", "e"]);
    let clients = stable(&mut driver, 1);
    assert_eq!(groups(&mut driver), ["d", "e", GROUP]);
    // One with members stays.
    ["f", "h"].iter().for_each(|group| assert_eq!(commit_to(&mut driver, group), None));
    assert_eq!(groups(&mut driver), ["f", GROUP, "h"]);
    assert_eq!(beat(&mut driver, &clients[0]), None);
}

#[test]
fn what_a_member_comes_with_is_limited() {
    let config = GroupConfig { member_metadata_bytes_max: 100, ..GroupConfig::default() };
    let mut driver = with(config);
    let mut joined = |protocols: &[(&str, &str)]| {
        error(driver.ask(5, &join_with(GROUP, "", None, protocols)).error_code)
    };
    let half = "x".repeat(50);
    let let_in = Some(ResponseError::MemberIdRequired);
    assert_eq!(joined(&[("a", &half), ("b", &half)]), let_in);
    let too_large = Some(ResponseError::UnknownServerError);
    assert_eq!(joined(&[("a", &half), ("b", &half), ("c", "x")]), too_large);
    let names: Vec<String> = (0..33).map(|i| i.to_string()).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    assert_eq!(joined(&many), Some(ResponseError::InconsistentGroupProtocol));
    assert_eq!(joined(&many[..32]), let_in);
}

#[test]
fn members_do_not_keep_the_frames_they_came_in() {
    let mut driver = driver();
    let mut body = BytesMut::new();
    join(GROUP, "", Some("i")).encode(&mut body, 5).unwrap();
    let header = [0, 11, 0, 5, 0, 0, 0, 1, 0xff, 0xff];
    let frame = Bytes::from([&header[..], &body].concat());
    let id = driver.connect();
    driver.send_frame(id, frame.clone());
    assert_eq!(state(&mut driver).1, 1);
    assert!(frame.is_unique(), "nobody else holds it");
}

#[test]
fn no_time_to_rebalance_is_a_little() {
    let mut driver = driver();
    let mut clients = stable(&mut driver, 1);
    let hasty = join(GROUP, &clients[0].id, None).with_rebalance_timeout_ms(0);
    driver.send(clients[0].connection, 5, &hasty);
    joined(&mut driver, &mut clients[0]).expect("it is alone");
    finish(&mut driver, &clients);
    // A newcomer that is just as hasty: the other one still has time to join again.
    let id = driver.connect();
    driver.send(id, 3, &join(GROUP, "", None).with_rebalance_timeout_ms(0));
    driver.advance(99);
    driver.send(clients[0].connection, 5, &hasty);
    assert_eq!(joined(&mut driver, &mut clients[0]).unwrap().members.len(), 2);
}
