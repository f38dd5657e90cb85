//! Joining, sharing, leaving, and topics that change meanwhile.

use super::*;
use crate::testing::samples::{create_partitions, delete_topics};

#[test]
fn one_member_gets_everything_at_once() {
    let mut driver = driver(3);
    let mut a = Client::new("a", &[TOPIC]);
    let response = send(&mut driver, &a.request()).unwrap();
    assert_eq!((response.member_id, response.member_epoch), (Some(text("a")), 1));
    assert_eq!(response.heartbeat_interval_ms, 5_000);
    a.beat(&mut driver).unwrap();
    assert_eq!((a.epoch, a.indexes()), (1, vec![0, 1, 2]));
    // Nothing new is nothing to say.
    a.is_owned_new = false;
    assert_eq!(send(&mut driver, &a.request()).unwrap().assignment, None);
}

#[test]
fn a_partition_is_given_up_before_another_gets_it() {
    let mut driver = driver(4);
    let (mut a, mut b) = (Client::new("a", &[TOPIC]), Client::new("b", &[TOPIC]));
    a.beat(&mut driver).unwrap();
    a.beat(&mut driver).unwrap();
    b.beat(&mut driver).unwrap();
    assert_eq!((b.epoch, shares(&[b.clone()])), (2, vec![0]));
    assert_eq!(describe(&mut driver).group_state.as_str(), "Reconciling");
    // It hears that it is to give up two, and is in its old epoch until it has.
    a.beat(&mut driver).unwrap();
    assert_eq!((a.epoch, shares(&[a.clone()])), (1, vec![2]));
    b.beat(&mut driver).unwrap();
    assert_eq!(shares(&[b.clone()]), [0]);
    a.beat(&mut driver).unwrap();
    assert_eq!(a.epoch, 2);
    b.beat(&mut driver).unwrap();
    assert_eq!(shares(&[a.clone(), b.clone()]), [2, 2]);
    assert!(a.owned.is_disjoint(&b.owned));
    let group = describe(&mut driver);
    assert_eq!((group.group_state.as_str(), group.group_epoch), ("Stable", 2));
    assert_eq!(group.assignor_name.as_str(), "uniform");
    let member = &group.members[0];
    assert_eq!((member.member_epoch, member.client_host.as_str()), (2, "/10.0.0.7"));
    assert_eq!(member.assignment.topic_partitions[0].topic_name.as_str(), TOPIC);
}

#[test]
fn who_leaves_hands_over_at_once() {
    let mut driver = driver(4);
    let mut clients = joined(&mut driver, &["a", "b"]);
    let mut b = clients.pop().unwrap();
    assert_eq!(b.leave(&mut driver, -1), Ok(-1));
    clients[0].beat(&mut driver).unwrap();
    assert_eq!((clients[0].epoch, shares(&clients)), (3, vec![4]));
    assert_eq!(b.beat(&mut driver), Err(ResponseError::UnknownMemberId));
}

#[test]
fn who_is_silent_is_taken_for_gone() {
    let mut driver = driver(4);
    let mut clients = joined(&mut driver, &["a", "b"]);
    driver.advance(44_999);
    clients[0].beat(&mut driver).unwrap();
    assert_eq!(shares(&clients), [2, 2]);
    driver.advance(1);
    clients[0].beat(&mut driver).unwrap();
    assert_eq!(shares(&clients[..1]), [4]);
}

#[test]
fn who_does_not_give_up_in_time_is_taken_for_gone() {
    let mut driver = driver(4);
    let mut clients = joined(&mut driver, &["a"]);
    let mut b = Client::new("b", &[TOPIC]);
    b.beat(&mut driver).unwrap();
    let a = &mut clients[0];
    a.beat(&mut driver).unwrap();
    // From now on it lives, and does not say that it has given up.
    a.is_owned_new = false;
    driver.advance(i64::from(REBALANCE_MS) - 1);
    a.beat(&mut driver).unwrap();
    b.beat(&mut driver).unwrap();
    driver.advance(1);
    assert_eq!(a.beat(&mut driver), Err(ResponseError::UnknownMemberId));
    b.beat(&mut driver).unwrap();
    assert_eq!(shares(&[b]), [4]);
}

#[test]
fn a_group_follows_its_topics() {
    let mut driver = driver(2);
    let mut clients: Vec<_> =
        ["a", "b"].iter().map(|id| Client::new(id, &[TOPIC, "later"])).collect();
    settle(&mut driver, &mut clients);
    assert_eq!(shares(&clients), [1, 1]);
    driver.ask(1, &create_partitions(TOPIC, 4, None));
    settle(&mut driver, &mut clients);
    assert_eq!(shares(&clients), [2, 2]);
    driver.create_topic("later", 2, &[]);
    settle(&mut driver, &mut clients);
    assert_eq!(shares(&clients), [3, 3]);
    driver.ask(3, &delete_topics(&[TOPIC]));
    settle(&mut driver, &mut clients);
    assert_eq!(shares(&clients), [1, 1]);
}

#[test]
fn members_choose_how_to_share() {
    let mut driver = driver(4);
    let ids = ["a", "b"];
    let mut clients: Vec<_> = ids.iter().map(|id| Client::new(id, &[TOPIC])).collect();
    for client in &mut clients {
        let request = client.request().with_server_assignor(Some(text("range")));
        client.epoch = send(&mut driver, &request).unwrap().member_epoch;
        client.is_retrying = true;
    }
    settle(&mut driver, &mut clients);
    assert_eq!((clients[0].indexes(), clients[1].indexes()), (vec![0, 1], vec![2, 3]));
    assert_eq!(describe(&mut driver).assignor_name.as_str(), "range");
}

#[test]
fn after_a_restart_members_join_anew_and_offsets_are_there() {
    let mut driver = driver(2);
    let mut clients = joined(&mut driver, &["a", "b"]);
    let epoch = clients[0].epoch;
    driver.restart();
    for client in &mut clients {
        assert_eq!(client.beat(&mut driver), Err(ResponseError::UnknownMemberId));
        *client = Client::new(&client.id, &[TOPIC]);
    }
    settle(&mut driver, &mut clients);
    assert_eq!(shares(&clients), [1, 1]);
    assert!(clients[0].epoch > epoch, "epochs never go back");
}
