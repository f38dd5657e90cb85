//! Who may commit and fetch offsets.

use super::*;
use crate::testing::samples::{commit, fetch_offsets_as};

fn commit_as(
    driver: &mut Driver,
    version: i16,
    member: &str,
    epoch: i32,
    topic: &str,
) -> Option<ResponseError> {
    let committed = driver.ask(version, &commit(GROUP, member, epoch, &[(topic, 0, 7, "")]));
    error(committed.topics[0].partitions[0].error_code)
}

#[test]
fn members_commit_in_their_epoch() {
    let mut driver = driver(2);
    driver.create_topic("other", 1, &[]);
    let a = joined(&mut driver, &["a"]).remove(0);
    assert_eq!(commit_as(&mut driver, 9, "a", a.epoch, TOPIC), None);
    assert_eq!(commit_as(&mut driver, 9, "a", a.epoch, "other"), None, "not subscribed to");
    let stale = Some(ResponseError::StaleMemberEpoch);
    assert_eq!(commit_as(&mut driver, 9, "a", a.epoch - 1, TOPIC), stale, "not held then");
    assert_eq!(commit_as(&mut driver, 9, "a", a.epoch + 1, TOPIC), stale);
    let unknown = Some(ResponseError::UnknownMemberId);
    assert_eq!(commit_as(&mut driver, 9, "b", a.epoch, TOPIC), unknown);
    assert_eq!(commit_as(&mut driver, 9, "", -1, TOPIC), unknown, "members own the partitions");
    let old = Some(ResponseError::UnsupportedVersion);
    assert_eq!(commit_as(&mut driver, 8, "a", a.epoch, TOPIC), old);
    a.leave(&mut driver, -1).unwrap();
    assert_eq!(commit_as(&mut driver, 7, "", -1, TOPIC), None, "nobody is there");
}

#[test]
fn offsets_are_shown_to_members_of_this_epoch_and_to_tools() {
    let mut driver = driver(2);
    let a = joined(&mut driver, &["a"]).remove(0);
    commit_as(&mut driver, 9, "a", a.epoch, TOPIC);
    let mut fetch = |member, epoch| {
        let group = driver.ask(9, &fetch_offsets_as(GROUP, member, epoch)).groups.remove(0);
        let offset = group.topics.first().map(|topic| topic.partitions[0].committed_offset);
        (error(group.error_code), offset)
    };
    assert_eq!(fetch(Some("a"), a.epoch), (None, Some(7)));
    assert_eq!(fetch(None, -1), (None, Some(7)));
    assert_eq!(fetch(Some("a"), a.epoch + 1), (Some(ResponseError::StaleMemberEpoch), None));
    assert_eq!(fetch(Some("b"), a.epoch), (Some(ResponseError::UnknownMemberId), None));
}

#[test]
fn a_member_that_lags_commits_what_it_has_held_since() {
    let mut driver = driver(2);
    driver.create_topic("other", 1, &[]);
    let mut clients = joined(&mut driver, &["a", "b"]);
    let epoch = clients[0].epoch;
    let holder = |clients: &[Client]| clients.iter().position(|it| it.indexes() == [0]).unwrap();
    let at = holder(&clients);
    let id = clients[at].id.clone();
    // Another joins and gets nothing: the epoch grows, the partitions stay.
    clients.push(Client::new("c", &[TOPIC]));
    settle(&mut driver, &mut clients);
    assert_eq!((clients[at].epoch, clients[at].indexes()), (epoch + 1, vec![0]));
    assert_eq!(commit_as(&mut driver, 9, &id, epoch, TOPIC), None);
    let stale = Some(ResponseError::StaleMemberEpoch);
    assert_eq!(commit_as(&mut driver, 9, &id, epoch, "other"), stale);
    assert_eq!(commit_as(&mut driver, 9, "c", epoch, TOPIC), stale);
}
