//! Static members: restarts, names borne twice, and removal by name.

use super::*;

fn start_static(driver: &mut Driver, name: &str) -> Client {
    let connection = driver.connect();
    driver.send(connection, 5, &join(GROUP, "", Some(name)));
    Client { connection, id: String::new(), generation: -1 }
}

fn joined_static(driver: &mut Driver, client: &mut Client) -> Option<JoinGroupResponse> {
    let response = joined(driver, client)?;
    client.id = response.member_id.to_string();
    Some(response)
}

/// Makes a stable group of static members with these names.
fn stable_statics(driver: &mut Driver, names: &[&str]) -> Vec<Client> {
    let mut clients: Vec<_> = names.iter().map(|name| start_static(driver, name)).collect();
    driver.advance(1_000);
    for (client, name) in clients.iter_mut().zip(names) {
        let response = joined_static(driver, client).unwrap();
        assert_eq!(error(response.error_code), None);
        assert!(client.id.starts_with(&format!("{name}-")), "{}", client.id);
    }
    finish(driver, &clients);
    clients
}

fn beat_static(driver: &mut Driver, client: &Client, name: &str) -> Option<ResponseError> {
    let request = heartbeat(GROUP, &client.id, client.generation);
    error(driver.ask(3, &request.with_group_instance_id(Some(text(name)))).error_code)
}

#[test]
fn a_restart_keeps_generation_and_assignment() {
    let mut driver = driver();
    let clients = stable_statics(&mut driver, &["a", "b"]);
    for (old, name, part) in [(&clients[1], "b", "part 1"), (&clients[0], "a", "part 0")] {
        let mut new = start_static(&mut driver, name);
        let response = joined_static(&mut driver, &mut new).unwrap();
        assert_eq!((response.generation_id, response.members.len()), (1, 0));
        assert_eq!(&*response.leader, clients[0].id, "who led, by the id it had");
        assert_ne!(new.id, old.id);
        let request = sync(GROUP, &new.id, 1, &[]).with_group_instance_id(Some(text(name)));
        driver.send(new.connection, 3, &request);
        assert_eq!(assignment(&mut driver, &new), Ok(part.to_owned()));
        assert_eq!(beat_static(&mut driver, &new, name), None);
        let fenced = Some(ResponseError::FencedInstanceId);
        assert_eq!(beat_static(&mut driver, old, name), fenced);
    }
    assert_eq!(state(&mut driver), ("Stable".to_owned(), 2));
    // The restarted leader leads on: a rebalance puts the list of members into its hands.
    assert_eq!(driver.ask(4, &describe_groups(&[GROUP])).groups[0].members.len(), 2);
}

#[test]
fn a_changed_protocol_makes_a_restart_a_rebalance() {
    let mut driver = driver();
    let mut clients = stable_statics(&mut driver, &["a"]);
    let connection = driver.connect();
    // It still offers what the group uses, and prefers another: alone, it has its way.
    let request = join_with(GROUP, "", Some("a"), &[("new", "n"), ("strategy", "v1")]);
    driver.send(connection, 5, &request);
    clients[0].connection = connection;
    let response = joined_static(&mut driver, &mut clients[0]).unwrap();
    assert_eq!(response.generation_id, 2);
    assert_eq!(response.protocol_name.as_deref(), Some("new"));
    finish(&mut driver, &clients);
}

#[test]
fn a_restart_before_the_assignment_starts_over() {
    let mut driver = driver();
    let mut clients = [start_static(&mut driver, "a"), start_static(&mut driver, "b")];
    driver.advance(1_000);
    clients.iter_mut().for_each(|it| _ = joined_static(&mut driver, it).unwrap());
    let old = clients[1].clone();
    let request = sync(GROUP, &old.id, 1, &[]).with_group_instance_id(Some(text("b")));
    driver.send(old.connection, 3, &request);
    // The leader may be assigning to the old id at this moment: that would be lost.
    clients[1] = start_static(&mut driver, "b");
    assert_eq!(assignment(&mut driver, &old), Err(ResponseError::FencedInstanceId));
    assert_eq!(state(&mut driver), ("PreparingRebalance".to_owned(), 2));
    driver.send(clients[0].connection, 5, &join(GROUP, &clients[0].id, Some("a")));
    for client in &mut clients {
        assert_eq!(joined_static(&mut driver, client).unwrap().generation_id, 2);
    }
    finish(&mut driver, &clients);
}

#[test]
fn a_restart_in_between_may_sync_late() {
    let mut driver = driver();
    let mut clients = [start_static(&mut driver, "a"), start_static(&mut driver, "b")];
    driver.advance(1_000);
    clients.iter_mut().for_each(|it| _ = joined_static(&mut driver, it).unwrap());
    // The leader has assigned; "b" restarts before it has fetched its part.
    let part = (clients[1].id.as_str(), "part of b");
    send_sync(&mut driver, &clients[0], &[part]);
    assert_eq!(assignment(&mut driver, &clients[0]), Ok(String::new()));
    clients[1] = start_static(&mut driver, "b");
    joined_static(&mut driver, &mut clients[1]).unwrap();
    send_sync(&mut driver, &clients[1], &[]);
    assert_eq!(assignment(&mut driver, &clients[1]), Ok("part of b".to_owned()));
    // All have synced, so the time to do so passes without effect.
    for _ in 0..5 {
        driver.advance(5_000);
        assert_eq!(beat_static(&mut driver, &clients[0], "a"), None);
        assert_eq!(beat_static(&mut driver, &clients[1], "b"), None);
    }
}

#[test]
fn a_restarted_member_must_sync_as_its_former_self_had_to() {
    let mut driver = driver();
    let mut clients = [start_static(&mut driver, "a"), start_static(&mut driver, "b")];
    driver.advance(1_000);
    clients.iter_mut().for_each(|it| _ = joined_static(&mut driver, it).unwrap());
    send_sync(&mut driver, &clients[0], &[]);
    clients[1] = start_static(&mut driver, "b");
    joined_static(&mut driver, &mut clients[1]).unwrap();
    for _ in 0..5 {
        driver.advance(4_000);
        beat_static(&mut driver, &clients[0], "a");
        beat_static(&mut driver, &clients[1], "b");
    }
    let unknown = Some(ResponseError::UnknownMemberId);
    assert_eq!(beat_static(&mut driver, &clients[1], "b"), unknown);
}

#[test]
fn a_name_borne_twice_fences_who_waits() {
    let mut driver = driver();
    let mut first = start_static(&mut driver, "a");
    let mut second = start_static(&mut driver, "a");
    let fenced = joined(&mut driver, &mut first).unwrap();
    assert_eq!(error(fenced.error_code), Some(ResponseError::FencedInstanceId));
    driver.advance(1_000);
    let response = joined_static(&mut driver, &mut second).unwrap();
    assert_eq!((error(response.error_code), response.members.len()), (None, 1));
}

#[test]
fn the_old_bearer_of_a_name_is_fenced_everywhere() {
    let mut driver = driver();
    driver.create_topic("t", 1, &[]);
    let old = stable_statics(&mut driver, &["a"]).remove(0);
    let mut new = start_static(&mut driver, "a");
    joined_static(&mut driver, &mut new).unwrap();
    let fenced = Some(ResponseError::FencedInstanceId);
    let name = Some(text("a"));
    let rejoined = driver.ask(5, &join(GROUP, &old.id, Some("a")));
    assert_eq!(error(rejoined.error_code), fenced);
    let request = sync(GROUP, &old.id, 1, &[]).with_group_instance_id(name.clone());
    assert_eq!(error(driver.ask(3, &request).error_code), fenced);
    let request = commit(GROUP, &old.id, 1, &[("t", 0, 1, "")]).with_group_instance_id(name);
    let committed = driver.ask(7, &request);
    assert_eq!(error(committed.topics[0].partitions[0].error_code), fenced);
    let left = driver.ask(3, &leave(GROUP, &[(&old.id, Some("a"))]));
    assert_eq!(error(left.members[0].error_code), fenced);
    assert_eq!(beat_static(&mut driver, &new, "a"), None);
    // A name that nobody bears is unknown, not fenced.
    let unknown = Some(ResponseError::UnknownMemberId);
    assert_eq!(beat_static(&mut driver, &new, "b"), unknown);
}

#[test]
fn a_static_member_keeps_its_place_until_its_session_ends() {
    let mut driver = driver();
    let mut clients = stable_statics(&mut driver, &["a", "b"]);
    let mut third = start_static(&mut driver, "c");
    driver.send(clients[1].connection, 5, &join(GROUP, &clients[1].id, Some("b")));
    // "a" is down. Its session ends before the rebalance does.
    driver.advance(9_999);
    assert!(joined(&mut driver, &mut clients[1]).is_none());
    driver.advance(1);
    let response = joined(&mut driver, &mut clients[1]).unwrap();
    assert_eq!((&*response.leader, response.members.len()), (&*clients[1].id, 2));
    joined_static(&mut driver, &mut third).unwrap();
}

#[test]
fn static_members_that_all_stay_away_end_by_their_sessions() {
    let mut driver = driver();
    // Sessions that are longer than the time to rebalance.
    let request = |name| {
        let request = join(GROUP, "", Some(name)).with_session_timeout_ms(30_000);
        request.with_rebalance_timeout_ms(5_000)
    };
    let ids = ["a", "b"].map(|name| {
        let id = driver.connect();
        driver.send(id, 5, &request(name));
        id
    });
    driver.advance(1_000);
    let members = ids.map(|id| driver.answer::<JoinGroupRequest>(id, 5).unwrap().member_id);
    let left = driver.ask(3, &leave(GROUP, &[(&members[0], Some("a"))]));
    assert_eq!(error(left.members[0].error_code), None);
    driver.advance(12_000);
    assert_eq!(state(&mut driver), ("PreparingRebalance".to_owned(), 1));
    driver.advance(20_000);
    assert_eq!(state(&mut driver), ("Empty".to_owned(), 0));
    assert_eq!(driver.broker.next_deadline(), None);
}

#[test]
fn an_administrator_removes_a_member_by_its_name() {
    let mut driver = driver();
    let clients = stable_statics(&mut driver, &["a", "b"]);
    let removed = driver.ask(3, &leave(GROUP, &[("", Some("a")), ("", Some("x")), ("", None)]));
    let codes: Vec<_> = removed.members.iter().map(|it| error(it.error_code)).collect();
    let unknown = Some(ResponseError::UnknownMemberId);
    assert_eq!(codes, [None, unknown, unknown]);
    let progress = Some(ResponseError::RebalanceInProgress);
    assert_eq!(beat_static(&mut driver, &clients[1], "b"), progress);
}
