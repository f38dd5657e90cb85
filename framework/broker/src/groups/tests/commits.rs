//! Committed offsets.

use kafka_protocol::messages::OffsetFetchRequest;

use super::*;

fn driver() -> Driver {
    let mut driver = super::driver();
    driver.create_topic("t", 3, &[]);
    driver.create_topic("u", 1, &[]);
    driver
}

fn commit_as(driver: &mut Driver, member: &str, generation: i32) -> Option<ResponseError> {
    commit_of(driver, member, generation, ("t", 0, 5, "m"))
}

fn commit_of(
    driver: &mut Driver,
    member: &str,
    generation: i32,
    offset: (&str, i32, i64, &str),
) -> Option<ResponseError> {
    let response = driver.ask(7, &commit(GROUP, member, generation, &[offset]));
    error(response.topics[0].partitions[0].error_code)
}

/// Returns what is committed, as (topic, partition, offset, metadata).
fn committed(driver: &mut Driver, request: &OffsetFetchRequest) -> Vec<(String, i32, i64, String)> {
    let response = driver.ask(7, request);
    assert_eq!(response.error_code, 0);
    let mut offsets = Vec::new();
    for topic in response.topics {
        for it in topic.partitions {
            assert_eq!(it.error_code, 0);
            let metadata = it.metadata.unwrap().to_string();
            offsets.push((
                topic.name.to_string(),
                it.partition_index,
                it.committed_offset,
                metadata,
            ));
        }
    }
    offsets
}

fn row(topic: &str, partition: i32, offset: i64, metadata: &str) -> (String, i32, i64, String) {
    (topic.to_owned(), partition, offset, metadata.to_owned())
}

#[test]
fn what_is_committed_comes_back() {
    let mut driver = driver();
    let offsets = [("t", 2, 7, "two"), ("u", 0, 9, ""), ("t", 0, 5, "zero")];
    driver.ask(7, &commit(GROUP, "", -1, &offsets));
    driver.ask(2, &commit(GROUP, "", -1, &[("t", 0, 6, "again")]));
    let asked = fetch_offsets(GROUP, Some(&[("t", &[0, 1]), ("none", &[0])]));
    let expected = [row("t", 0, 6, "again"), row("t", 1, -1, ""), row("none", 0, -1, "")];
    assert_eq!(committed(&mut driver, &asked), expected);
    let all = [row("t", 0, 6, "again"), row("t", 2, 7, "two"), row("u", 0, 9, "")];
    assert_eq!(committed(&mut driver, &fetch_offsets(GROUP, None)), all);
    assert!(committed(&mut driver, &fetch_offsets("other", None)).is_empty());
    driver.ask(3, &delete_topics(&["t"]));
    assert_eq!(committed(&mut driver, &fetch_offsets(GROUP, None)), [row("u", 0, 9, "")]);
}

#[test]
fn the_leaders_epoch_is_kept_for_those_who_ask() {
    let mut driver = driver();
    let mut request = commit(GROUP, "", -1, &[("t", 0, 5, "")]);
    request.topics[0].partitions[0].committed_leader_epoch = 3;
    driver.ask(7, &request);
    for version in 1..=7 {
        let asked = fetch_offsets(GROUP, Some(&[("t", &[0, 1])]));
        let partitions = driver.ask(version, &asked).topics.remove(0).partitions;
        let epochs: Vec<_> = partitions.iter().map(|it| it.committed_leader_epoch).collect();
        assert_eq!(epochs, if version >= 5 { [3, -1] } else { [-1, -1] }, "version {version}");
    }
}

#[test]
fn unknown_partitions_and_long_texts_are_refused() {
    let mut driver = driver();
    let unknown = Some(ResponseError::UnknownTopicOrPartition);
    assert_eq!(commit_of(&mut driver, "", -1, ("t", 3, 5, "")), unknown);
    assert_eq!(commit_of(&mut driver, "", -1, ("none", 0, 5, "")), unknown);
    // That alone makes no group.
    assert_eq!(state(&mut driver).0, "Dead");
    let longest = "x".repeat(4_096);
    assert_eq!(commit_of(&mut driver, "", -1, ("t", 0, 5, &longest)), None);
    let too_long = format!("{longest}x");
    let refused = commit_of(&mut driver, "", -1, ("t", 1, 5, &too_long));
    assert_eq!(refused, Some(ResponseError::OffsetMetadataTooLarge));
    assert_eq!(state(&mut driver).0, "Empty");
}

#[test]
fn only_members_move_the_offsets_of_their_group() {
    let mut driver = driver();
    assert_eq!(commit_as(&mut driver, "", -1), None, "nobody is there");
    let illegal = Some(ResponseError::IllegalGeneration);
    let unknown = Some(ResponseError::UnknownMemberId);
    let mut clients = [start(&mut driver), start(&mut driver)];
    driver.advance(1_000);
    clients.iter_mut().for_each(|it| _ = joined(&mut driver, it).unwrap());
    let [one, two] = clients.each_ref().map(|it| it.id.clone());
    let progress = Some(ResponseError::RebalanceInProgress);
    assert_eq!(commit_as(&mut driver, &one, 1), progress, "before the assignment");
    finish(&mut driver, &clients);
    assert_eq!(commit_as(&mut driver, &one, 1), None);
    assert_eq!(commit_as(&mut driver, &one, 0), illegal);
    assert_eq!(commit_as(&mut driver, &one, -1), illegal);
    assert_eq!(commit_as(&mut driver, "", -1), unknown);
    assert_eq!(commit_as(&mut driver, "stranger", 1), unknown);
    // While the others join again, who has not yet may still commit what it has done.
    assert_eq!(leave_now(&mut driver, &clients[0]), None);
    assert_eq!(commit_as(&mut driver, &two, 1), None);
    assert_eq!(commit_as(&mut driver, &one, 1), unknown);
    assert_eq!(leave_now(&mut driver, &clients[1]), None);
    assert_eq!(commit_as(&mut driver, "", -1), None, "nobody is there again");
}

#[test]
fn a_group_that_does_not_exist_takes_no_generation() {
    let mut driver = driver();
    assert_eq!(commit_as(&mut driver, "m", 4), Some(ResponseError::IllegalGeneration));
    assert_eq!(state(&mut driver).0, "Dead");
}

#[test]
fn a_commit_counts_as_a_heartbeat() {
    let mut driver = driver();
    let clients = stable(&mut driver, 1);
    for _ in 0..5 {
        driver.advance(9_000);
        assert_eq!(commit_as(&mut driver, &clients[0].id, 1), None);
    }
    assert_eq!(state(&mut driver), ("Stable".to_owned(), 1));
}

#[test]
fn offsets_outlive_the_members() {
    let mut driver = driver();
    let clients = stable(&mut driver, 1);
    assert_eq!(commit_as(&mut driver, &clients[0].id, 1), None);
    driver.advance(60_000);
    assert_eq!(state(&mut driver), ("Empty".to_owned(), 0));
    let asked = fetch_offsets(GROUP, None);
    assert_eq!(committed(&mut driver, &asked), [row("t", 0, 5, "m")]);
}
