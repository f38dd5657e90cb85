//! Joining, rebalancing, leaving and expiring.

use super::*;

#[test]
fn members_that_start_together_share_one_rebalance() {
    let mut driver = driver();
    let mut first = start(&mut driver);
    driver.advance(40);
    let mut second = start(&mut driver);
    driver.advance(40);
    // The first delay of 50 ms is over, but somebody came meanwhile: there is another.
    assert!(joined(&mut driver, &mut first).is_none());
    driver.advance(20);
    let responses = [&mut first, &mut second].map(|it| joined(&mut driver, it).unwrap());
    assert_eq!(responses.each_ref().map(|it| it.generation_id), [1, 1]);
    assert_eq!(responses.each_ref().map(|it| it.leader.to_string()), [&*first.id, &*first.id]);
    assert_eq!(responses.each_ref().map(|it| it.members.len()), [2, 0]);
    assert_eq!(responses[0].protocol_name.as_deref(), Some("strategy"));
    assert_eq!(responses[0].members[1].metadata, "v1");
    finish(&mut driver, &[first, second]);
}

#[test]
fn the_initial_delay_grows_no_longer_than_members_are_patient() {
    let mut driver = driver();
    let mut patience = join(GROUP, "", None).with_rebalance_timeout_ms(120);
    patience.session_timeout_ms = 200;
    let mut clients = Vec::new();
    for _ in 0..4 {
        // In version 3 members join without getting an id first.
        let connection = driver.connect();
        driver.send(connection, 3, &patience);
        clients.push(connection);
        driver.advance(30);
    }
    let joined = driver.answer::<JoinGroupRequest>(clients[0], 3);
    assert_eq!(joined.map(|it| it.members.len()), Some(4), "after 120 ms");
}

#[test]
fn followers_wait_for_the_leaders_assignment() {
    let mut driver = driver();
    let mut clients = [start(&mut driver), start(&mut driver), start(&mut driver)];
    driver.advance(1_000);
    clients.iter_mut().for_each(|it| _ = joined(&mut driver, it).unwrap());
    let [leader, second, third] = clients;
    send_sync(&mut driver, &second, &[]);
    assert!(synced(&mut driver, &second).is_none());
    // The leader leaves the third out, who gets nothing.
    send_sync(&mut driver, &leader, &[(&leader.id, "a"), (&second.id, "b"), ("stranger", "c")]);
    assert_eq!(assignment(&mut driver, &leader), Ok("a".to_owned()));
    assert_eq!(assignment(&mut driver, &second), Ok("b".to_owned()));
    send_sync(&mut driver, &third, &[]);
    assert_eq!(assignment(&mut driver, &third), Ok(String::new()));
    // Once stable, a sync sent again gets the same.
    send_sync(&mut driver, &second, &[]);
    assert_eq!(assignment(&mut driver, &second), Ok("b".to_owned()));
}

#[test]
fn a_newcomer_makes_the_others_join_again() {
    let mut driver = driver();
    let mut clients = stable(&mut driver, 2);
    let mut third = start(&mut driver);
    assert_eq!(state(&mut driver), ("PreparingRebalance".to_owned(), 3));
    for client in &clients {
        assert_eq!(beat(&mut driver, client), Some(ResponseError::RebalanceInProgress));
        send_sync(&mut driver, client, &[]);
        let refused = Err(ResponseError::RebalanceInProgress);
        assert_eq!(assignment(&mut driver, client), refused);
    }
    rejoin(&mut driver, &clients[1]);
    assert!(joined(&mut driver, &mut third).is_none(), "one is missing");
    rejoin(&mut driver, &clients[0]);
    clients.push(third);
    for client in &mut clients {
        assert_eq!(joined(&mut driver, client).unwrap().generation_id, 2);
    }
    finish(&mut driver, &clients);
}

#[test]
fn a_rebalance_goes_on_without_those_that_do_not_come() {
    let mut driver = driver();
    let mut clients = stable(&mut driver, 3);
    rejoin(&mut driver, &clients[0]);
    let mut new = start(&mut driver);
    // Heartbeats keep the session, but who does not join within the rebalance time is out.
    for _ in 0..9 {
        driver.advance(2_000);
        for client in &clients[1..] {
            assert_eq!(beat(&mut driver, client), Some(ResponseError::RebalanceInProgress));
        }
    }
    assert!(joined(&mut driver, &mut clients[0]).is_none());
    driver.advance(2_000);
    assert_eq!(joined(&mut driver, &mut clients[0]).unwrap().members.len(), 2);
    assert_eq!(joined(&mut driver, &mut new).unwrap().generation_id, 2);
    assert_eq!(beat(&mut driver, &clients[1]), Some(ResponseError::UnknownMemberId));
    finish(&mut driver, &[clients.remove(0), new]);
}

#[test]
fn another_leads_when_the_leader_does_not_join() {
    let mut driver = driver();
    let mut clients = stable(&mut driver, 3);
    let mut new = start(&mut driver);
    rejoin(&mut driver, &clients[2]);
    driver.advance(20_000);
    let response = joined(&mut driver, &mut clients[2]).unwrap();
    assert_eq!(&*response.leader, clients[2].id, "the eldest of those that came");
    assert_eq!(response.members.len(), 2);
    assert!(joined(&mut driver, &mut new).unwrap().members.is_empty());
}

#[test]
fn a_session_ends_when_a_member_is_silent() {
    let mut driver = driver();
    let mut clients = stable(&mut driver, 2);
    driver.advance(9_000);
    assert_eq!(beat(&mut driver, &clients[1]), None);
    driver.advance(1_000);
    // The leader was silent for its 10 s.
    assert_eq!(state(&mut driver), ("PreparingRebalance".to_owned(), 1));
    assert_eq!(beat(&mut driver, &clients[1]), Some(ResponseError::RebalanceInProgress));
    assert_eq!(beat(&mut driver, &clients[0]), Some(ResponseError::UnknownMemberId));
    rejoin(&mut driver, &clients[1]);
    let alone = joined(&mut driver, &mut clients[1]).unwrap();
    assert_eq!((&*alone.leader, alone.members.len()), (&*clients[1].id, 1));
    // The last one goes as well, and with it every reason to wake up.
    finish(&mut driver, &clients[1..]);
    driver.advance(10_000);
    assert_eq!(state(&mut driver), ("Empty".to_owned(), 0));
    assert_eq!(driver.broker.next_deadline(), None);
}

#[test]
fn who_waits_for_others_does_not_expire() {
    let mut driver = driver();
    let mut clients = stable(&mut driver, 2);
    rejoin(&mut driver, &clients[0]);
    // Longer than its session: the other one keeps it waiting.
    for _ in 0..6 {
        driver.advance(3_000);
        beat(&mut driver, &clients[1]);
    }
    assert!(joined(&mut driver, &mut clients[0]).is_none());
    rejoin(&mut driver, &clients[1]);
    assert_eq!(joined(&mut driver, &mut clients[0]).unwrap().members.len(), 2);
}

#[test]
fn a_new_member_waits_for_a_while_and_no_longer() {
    let config = GroupConfig { new_member_timeout_ms: 5_000, ..GroupConfig::default() };
    let mut driver = with(config);
    let clients = stable(&mut driver, 1);
    let mut new = start(&mut driver);
    driver.advance(4_000);
    assert_eq!(beat(&mut driver, &clients[0]), Some(ResponseError::RebalanceInProgress));
    driver.advance(1_000);
    let refused = joined(&mut driver, &mut new).unwrap();
    assert_eq!(error(refused.error_code), Some(ResponseError::UnknownMemberId));
    assert_eq!(state(&mut driver).1, 1);
}

#[test]
fn an_id_that_nobody_fetches_is_withdrawn() {
    let mut driver = driver();
    let mut clients = stable(&mut driver, 1);
    let asked = driver.ask(5, &join(GROUP, "", None));
    rejoin(&mut driver, &clients[0]);
    assert!(joined(&mut driver, &mut clients[0]).is_none(), "somebody is expected");
    driver.advance(10_000);
    assert_eq!(joined(&mut driver, &mut clients[0]).unwrap().members.len(), 1);
    let late = driver.ask(5, &join(GROUP, &asked.member_id, None));
    assert_eq!(error(late.error_code), Some(ResponseError::UnknownMemberId));
}

#[test]
fn an_id_can_be_given_back() {
    let mut driver = driver();
    let asked = driver.ask(5, &join(GROUP, "", None));
    let left = driver.ask(3, &leave(GROUP, &[(&asked.member_id, None)]));
    assert_eq!(error(left.members[0].error_code), None);
    let again = driver.ask(3, &leave(GROUP, &[(&asked.member_id, None)]));
    assert_eq!(error(again.members[0].error_code), Some(ResponseError::UnknownMemberId));
    let late = driver.ask(5, &join(GROUP, &asked.member_id, None));
    assert_eq!(error(late.error_code), Some(ResponseError::UnknownMemberId));
    assert_eq!(driver.broker.next_deadline(), None);
}

#[test]
fn a_deleted_group_has_nothing_to_do() {
    let mut driver = driver();
    driver.ask(5, &join(GROUP, "", None));
    assert!(driver.broker.next_deadline().is_some(), "an id waits to be fetched");
    let request = DeleteGroupsRequest::default().with_groups_names(vec![GroupId(text(GROUP))]);
    assert_eq!(driver.ask(1, &request).results[0].error_code, 0);
    assert_eq!(driver.broker.next_deadline(), None);
    driver.advance(60_000);
}

#[test]
fn members_that_do_not_sync_are_removed() {
    let mut driver = driver();
    let mut clients = [start(&mut driver), start(&mut driver)];
    driver.advance(1_000);
    clients.iter_mut().for_each(|it| _ = joined(&mut driver, it).unwrap());
    let [leader, follower] = &mut clients;
    send_sync(&mut driver, leader, &[]);
    assert_eq!(assignment(&mut driver, leader), Ok(String::new()));
    for _ in 0..5 {
        driver.advance(4_000);
        beat(&mut driver, leader);
        beat(&mut driver, follower);
    }
    assert_eq!(beat(&mut driver, follower), Some(ResponseError::UnknownMemberId));
    assert_eq!(beat(&mut driver, leader), Some(ResponseError::RebalanceInProgress));
}

#[test]
fn a_member_that_leaves_is_replaced_at_once() {
    let mut driver = driver();
    let mut clients = stable(&mut driver, 3);
    assert_eq!(leave_now(&mut driver, &clients[0]), None);
    assert_eq!(leave_now(&mut driver, &clients[0]), Some(ResponseError::UnknownMemberId));
    let rest = &mut clients[1..];
    rest.iter().for_each(|it| rejoin(&mut driver, it));
    let response = joined(&mut driver, &mut rest[0]).unwrap();
    assert_eq!((&*response.leader, response.members.len()), (&*rest[0].id, 2));
    joined(&mut driver, &mut rest[1]).unwrap();
    finish(&mut driver, rest);
    for client in rest {
        assert_eq!(leave_now(&mut driver, client), None);
    }
    assert_eq!(state(&mut driver), ("Empty".to_owned(), 0));
    assert_eq!(driver.broker.next_deadline(), None);
}

#[test]
fn a_failed_leave_disturbs_nobody() {
    let mut driver = driver();
    let clients = stable(&mut driver, 1);
    let stranger = Client { id: "stranger".to_owned(), ..clients[0].clone() };
    assert_eq!(leave_now(&mut driver, &stranger), Some(ResponseError::UnknownMemberId));
    assert_eq!(beat(&mut driver, &clients[0]), None);
}

#[test]
fn who_leaves_while_waiting_hears_of_it() {
    let mut driver = driver();
    let mut client = start(&mut driver);
    assert_eq!(leave_now(&mut driver, &client), None);
    let refused = joined(&mut driver, &mut client).unwrap();
    assert_eq!(error(refused.error_code), Some(ResponseError::UnknownMemberId));
    driver.advance(1_000);
    assert_eq!(state(&mut driver), ("Empty".to_owned(), 0));
}

#[test]
fn who_is_removed_while_it_waits_for_its_assignment_hears_of_it() {
    let mut driver = driver();
    let mut clients = [start(&mut driver), start(&mut driver)];
    driver.advance(1_000);
    clients.iter_mut().for_each(|it| _ = joined(&mut driver, it).unwrap());
    let [leader, follower] = &clients;
    send_sync(&mut driver, follower, &[]);
    assert!(synced(&mut driver, follower).is_none(), "the leader has not assigned yet");
    // An administrator removes it, by another connection.
    assert_eq!(leave_now(&mut driver, follower), None);
    assert_eq!(assignment(&mut driver, follower), Err(ResponseError::UnknownMemberId));
    assert_eq!(beat(&mut driver, leader), Some(ResponseError::RebalanceInProgress));
}

#[test]
fn a_retry_gets_the_generation_it_missed() {
    let mut driver = driver();
    let mut clients = [start(&mut driver), start(&mut driver)];
    driver.advance(1_000);
    clients.iter_mut().for_each(|it| _ = joined(&mut driver, it).unwrap());
    for client in &mut clients {
        rejoin(&mut driver, client);
        assert_eq!(joined(&mut driver, client).unwrap().generation_id, 1);
    }
    finish(&mut driver, &clients);
    // In a stable group the leader starts a new one by joining, a follower does not.
    rejoin(&mut driver, &clients[1]);
    assert_eq!(joined(&mut driver, &mut clients[1]).unwrap().generation_id, 1);
    rejoin(&mut driver, &clients[0]);
    assert!(joined(&mut driver, &mut clients[0]).is_none());
    // A changed subscription always does.
    rejoin(&mut driver, &clients[1]);
    clients.iter_mut().for_each(|it| _ = joined(&mut driver, it).unwrap());
    finish(&mut driver, &clients);
    let changed = join_with(GROUP, &clients[1].id, None, &[("strategy", "v2")]);
    driver.send(clients[1].connection, 5, &changed);
    assert_eq!(beat(&mut driver, &clients[0]), Some(ResponseError::RebalanceInProgress));
}

#[test]
fn a_client_that_reconnects_is_answered_once() {
    let mut driver = driver();
    let mut clients = stable(&mut driver, 2);
    rejoin(&mut driver, &clients[0]);
    let (old, new) = (clients[0].connection, driver.connect());
    clients[0].connection = new;
    rejoin(&mut driver, &clients[0]);
    let abandoned = driver.answer::<JoinGroupRequest>(old, 5).unwrap();
    assert_eq!(error(abandoned.error_code), Some(ResponseError::RebalanceInProgress));
    rejoin(&mut driver, &clients[1]);
    assert_eq!(joined(&mut driver, &mut clients[0]).unwrap().generation_id, 2);
}

#[test]
fn the_protocol_with_most_votes_wins() {
    let mut driver = driver();
    let mut join_as = |protocols: &[(&str, &str)]| {
        let connection = driver.connect();
        driver.send(connection, 3, &join_with(GROUP, "", None, protocols));
        connection
    };
    let first = join_as(&[("range", "r1"), ("sticky", "s1"), ("own", "o1")]);
    join_as(&[("sticky", "s2"), ("range", "r2")]);
    join_as(&[("sticky", "s3"), ("range", "r3")]);
    let odd = join_as(&[("else", "x")]);
    let refused = driver.answer::<JoinGroupRequest>(odd, 3).unwrap();
    let inconsistent = Some(ResponseError::InconsistentGroupProtocol);
    assert_eq!(error(refused.error_code), inconsistent);
    driver.advance(1_000);
    let response = driver.answer::<JoinGroupRequest>(first, 3).unwrap();
    assert_eq!(response.protocol_name.as_deref(), Some("sticky"));
    let metadata: Vec<_> = response.members.iter().map(|it| it.metadata.clone()).collect();
    assert_eq!(metadata, ["s1", "s2", "s3"]);
    let other = join(GROUP, "", None).with_protocol_type(text("connect"));
    assert_eq!(error(driver.ask(5, &other).error_code), inconsistent);
}

#[test]
fn joins_are_checked() {
    let mut driver = driver();
    let mut refused = |request: JoinGroupRequest| error(driver.ask(5, &request).error_code);
    assert_eq!(refused(join("", "", None)), Some(ResponseError::InvalidGroupId));
    let unknown = Some(ResponseError::UnknownMemberId);
    assert_eq!(refused(join("other", "stranger", None)), unknown);
    for session in [99, 1_800_001] {
        let request = join(GROUP, "", None).with_session_timeout_ms(session);
        assert_eq!(refused(request), Some(ResponseError::InvalidSessionTimeout));
    }
    let inconsistent = Some(ResponseError::InconsistentGroupProtocol);
    assert_eq!(refused(join_with(GROUP, "", None, &[])), inconsistent);
    assert_eq!(refused(join(GROUP, "", None).with_protocol_type(text(""))), inconsistent);
}

#[test]
fn strangers_and_other_generations_are_refused() {
    let mut driver = driver();
    let clients = stable(&mut driver, 1);
    let unknown = Some(ResponseError::UnknownMemberId);
    let stranger = Client { id: "stranger".to_owned(), ..clients[0].clone() };
    assert_eq!(beat(&mut driver, &stranger), unknown);
    let later = Client { generation: 2, ..clients[0].clone() };
    assert_eq!(beat(&mut driver, &later), Some(ResponseError::IllegalGeneration));
    send_sync(&mut driver, &later, &[]);
    assert_eq!(assignment(&mut driver, &later), Err(ResponseError::IllegalGeneration));
    send_sync(&mut driver, &stranger, &[]);
    assert_eq!(assignment(&mut driver, &stranger), Err(ResponseError::UnknownMemberId));
    let nowhere = driver.ask(3, &heartbeat("nowhere", "m", 1));
    assert_eq!(error(nowhere.error_code), unknown);
    let nowhere = driver.ask(3, &sync("nowhere", "m", 1, &[]));
    assert_eq!(error(nowhere.error_code), unknown);
    let nowhere = driver.ask(3, &leave("nowhere", &[("m", None), ("n", None)]));
    let codes: Vec<_> = nowhere.members.iter().map(|it| error(it.error_code)).collect();
    assert_eq!((error(nowhere.error_code), codes), (None, vec![unknown, unknown]));
    let old = LeaveGroupRequest::default().with_group_id(GroupId(text(GROUP)));
    let old = driver.ask(2, &old.with_member_id(text("stranger")));
    assert_eq!(error(old.error_code), unknown);
    for empty in [
        error(driver.ask(3, &heartbeat("", "m", 1)).error_code),
        error(driver.ask(3, &sync("", "m", 1, &[])).error_code),
    ] {
        assert_eq!(empty, Some(ResponseError::InvalidGroupId));
    }
}

#[test]
fn groups_are_described_listed_and_deleted() {
    let mut driver = driver();
    let delete = |driver: &mut Driver, group: &str| {
        let request = DeleteGroupsRequest::default().with_groups_names(vec![GroupId(text(group))]);
        error(driver.ask(1, &request).results[0].error_code)
    };
    assert_eq!(state(&mut driver), ("Dead".to_owned(), 0));
    assert_eq!(delete(&mut driver, GROUP), Some(ResponseError::GroupIdNotFound));
    let clients = stable(&mut driver, 2);
    for version in 0..=4 {
        let group = driver.ask(version, &describe_groups(&[GROUP])).groups.remove(0);
        assert_eq!((&*group.protocol_type, &*group.protocol_data), ("consumer", "strategy"));
        let member = &group.members[1];
        assert_eq!((&*member.member_id, &*member.client_id), (&*clients[1].id, "client"));
        assert_eq!(&*member.client_host, "/10.0.0.7");
        assert_eq!(
            (&*member.member_metadata, &*member.member_assignment),
            (&b"v1"[..], &b"part 1"[..])
        );
    }
    let listed = driver.ask(2, &ListGroupsRequest::default()).groups;
    assert_eq!((&*listed[0].group_id.0, &*listed[0].protocol_type), (GROUP, "consumer"));
    assert_eq!(delete(&mut driver, GROUP), Some(ResponseError::NonEmptyGroup));
    clients.iter().for_each(|it| _ = leave_now(&mut driver, it));
    assert_eq!(delete(&mut driver, GROUP), None);
    assert!(driver.ask(2, &ListGroupsRequest::default()).groups.is_empty());
}

#[test]
fn members_of_all_versions_get_along() {
    for version in 0..=5 {
        let mut driver = driver();
        let request = join(GROUP, "", None).with_rebalance_timeout_ms(-1);
        let request = if version == 0 { request } else { join(GROUP, "", None) };
        let connection = driver.connect();
        driver.send(connection, version, &request);
        driver.advance(1_000);
        let mut response = driver.answer::<JoinGroupRequest>(connection, version).unwrap();
        if version >= 4 {
            assert_eq!(error(response.error_code), Some(ResponseError::MemberIdRequired));
            driver.send(connection, version, &join(GROUP, &response.member_id, None));
            driver.advance(1_000);
            response = driver.answer::<JoinGroupRequest>(connection, version).unwrap();
        }
        assert_eq!((error(response.error_code), response.members.len()), (None, 1));
        let id = response.member_id.to_string();
        let old = version.min(3);
        let synced = driver.ask(old, &sync(GROUP, &id, 1, &[(&id, "all")]));
        assert_eq!(synced.assignment, "all");
        let beat: Option<ResponseError> =
            error(driver.ask::<HeartbeatRequest>(old, &heartbeat(GROUP, &id, 1)).error_code);
        assert_eq!(beat, None);
    }
}
