//! Groups that the broker leads (`group.protocol=consumer`).
//!
//! Members hear of changes by their heartbeats, which the broker wants every five seconds by
//! default: a change of hands takes two of them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use integration_tests::admin::{client, create_topic, options};
use integration_tests::clients::{consumer, consumer_config, next_record};
use integration_tests::{Deadline, block_on, unique};
use rdkafka::ClientContext;
use rdkafka::admin::NewPartitions;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

const LED: (&str, &str) = ("group.protocol", "consumer");

crate::checks! {
    members_share_come_and_go,
    a_member_that_is_killed_is_replaced,
    a_static_member_returns_without_a_rebalance,
    the_second_bearer_of_a_name_is_refused,
    a_member_commits_and_resumes,
    an_unknown_assignor_is_refused,
    a_topic_that_grows_is_shared_anew,
}

/// Counts how often a member's assignment changed.
#[derive(Clone, Default)]
struct Watch(Arc<Mutex<Vec<String>>>);

impl ClientContext for Watch {}

impl ConsumerContext for Watch {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        self.0.lock().unwrap().push(format!("{rebalance:?}"));
    }
}

type Member = BaseConsumer<Watch>;

fn member(bootstrap: &str, group: &str, topic: &str, settings: &[(&str, &str)]) -> Member {
    let mut config = consumer_config(bootstrap, Some(group), settings);
    config.set(LED.0, LED.1);
    let member: Member = config.create_with_context(Watch::default()).unwrap();
    member.subscribe(&[topic]).unwrap();
    member
}

fn events(member: &Member) -> Vec<String> {
    member.context().0.lock().unwrap().clone()
}

fn partitions(member: &Member) -> BTreeSet<i32> {
    member.assignment().unwrap().elements().iter().map(|it| it.partition()).collect()
}

fn poll(member: &Member) {
    _ = next_record(member, Duration::from_millis(10));
}

/// Polls members until they have so many partitions each.
fn settle(members: &[&Member], shares: &[usize]) {
    let deadline = Deadline::seconds(100);
    loop {
        members.iter().for_each(|member| poll(member));
        let have: Vec<_> = members.iter().map(|member| partitions(member).len()).collect();
        if have == shares {
            break;
        }
        deadline.check(&format!("a share of {shares:?} instead of {have:?}"));
    }
    let all: BTreeSet<i32> = members.iter().flat_map(|member| partitions(member)).collect();
    assert_eq!(all.len(), shares.iter().sum::<usize>(), "nobody shares a partition");
}

/// Polls a member for a while in which nothing should happen to it.
fn keep_alive(member: &Member, time: Duration) {
    let end = Deadline::after(time);
    while end.is_open() {
        poll(member);
    }
}

/// Polls a member until it ends, and returns why.
fn end(member: &Member) -> RDKafkaErrorCode {
    let deadline = Deadline::seconds(40);
    loop {
        _ = member.poll(Duration::from_millis(100));
        if let Some((code, _)) = member.client().fatal_error() {
            return code;
        }
        deadline.check("the end of a member");
    }
}

fn members_share_come_and_go(bootstrap: &str) {
    let (topic, group) = (unique("led"), unique("led"));
    create_topic(bootstrap, &topic, 6, &[]);
    let a = member(bootstrap, &group, &topic, &[]);
    settle(&[&a], &[6]);
    let b = member(bootstrap, &group, &topic, &[]);
    settle(&[&a, &b], &[3, 3]);
    let (of_a, of_b) = (partitions(&a), partitions(&b));
    let c = member(bootstrap, &group, &topic, &[]);
    settle(&[&a, &b, &c], &[2, 2, 2]);
    assert!(partitions(&a).is_subset(&of_a) && partitions(&b).is_subset(&of_b));
    drop(b);
    settle(&[&a, &c], &[3, 3]);
}

fn a_member_that_is_killed_is_replaced(bootstrap: &str) {
    let (topic, group) = (unique("killed"), unique("killed"));
    create_topic(bootstrap, &topic, 4, &[]);
    let left = member(bootstrap, &group, &topic, &[]);
    // A static member that closes keeps its place: to the others that is a crash.
    let gone = member(bootstrap, &group, &topic, &[("group.instance.id", "gone")]);
    settle(&[&left, &gone], &[2, 2]);
    drop(gone);
    keep_alive(&left, Duration::from_secs(6));
    assert_eq!(partitions(&left).len(), 2);
    settle(&[&left], &[4]);
}

fn a_static_member_returns_without_a_rebalance(bootstrap: &str) {
    let (topic, group) = (unique("static"), unique("static"));
    create_topic(bootstrap, &topic, 4, &[]);
    let a = member(bootstrap, &group, &topic, &[("group.instance.id", "a")]);
    let b = member(bootstrap, &group, &topic, &[("group.instance.id", "b")]);
    settle(&[&a, &b], &[2, 2]);
    let (share_of_a, events_of_b) = (partitions(&a), events(&b));
    drop(a);
    keep_alive(&b, Duration::from_millis(500));
    let a = member(bootstrap, &group, &topic, &[("group.instance.id", "a")]);
    settle(&[&a, &b], &[2, 2]);
    assert_eq!(partitions(&a), share_of_a);
    // Longer than a heartbeat, by which the other would have heard of a rebalance.
    keep_alive(&b, Duration::from_millis(5_500));
    assert_eq!(events(&b), events_of_b);
}

fn the_second_bearer_of_a_name_is_refused(bootstrap: &str) {
    let (topic, group) = (unique("name"), unique("name"));
    create_topic(bootstrap, &topic, 2, &[]);
    let settings = [("group.instance.id", "same")];
    let first = member(bootstrap, &group, &topic, &settings);
    settle(&[&first], &[2]);
    let second = member(bootstrap, &group, &topic, &settings);
    assert_eq!(end(&second), RDKafkaErrorCode::UnreleasedInstanceId);
    settle(&[&first], &[2]);
}

fn a_member_commits_and_resumes(bootstrap: &str) {
    let (topic, other, group) = (unique("commit"), unique("other"), unique("commit"));
    create_topic(bootstrap, &topic, 1, &[]);
    create_topic(bootstrap, &other, 1, &[]);
    let first = member(bootstrap, &group, &topic, &[]);
    settle(&[&first], &[1]);
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(&topic, 0, Offset::Offset(5)).unwrap();
    // A member may commit what it does not subscribe to.
    offsets.add_partition_offset(&other, 0, Offset::Offset(6)).unwrap();
    first.commit(&offsets, CommitMode::Sync).unwrap();
    let committed = first.committed_offsets(offsets.clone(), Duration::from_secs(20)).unwrap();
    assert_eq!(committed, offsets);
    // Somebody else may read along, and not commit.
    let outsider = consumer(bootstrap, Some(&group), &[]);
    let committed = outsider.committed_offsets(offsets.clone(), Duration::from_secs(20)).unwrap();
    assert_eq!(committed, offsets);
    let refused = outsider.commit(&offsets, CommitMode::Sync).unwrap_err();
    assert_eq!(refused.rdkafka_error_code(), Some(RDKafkaErrorCode::UnknownMemberId));
    drop(first);
    let second = member(bootstrap, &group, &topic, &[]);
    settle(&[&second], &[1]);
    let committed = second.committed_offsets(offsets.clone(), Duration::from_secs(20)).unwrap();
    assert_eq!(committed, offsets);
}

fn an_unknown_assignor_is_refused(bootstrap: &str) {
    let (topic, group) = (unique("assignor"), unique("assignor"));
    create_topic(bootstrap, &topic, 1, &[]);
    let refused = member(bootstrap, &group, &topic, &[("group.remote.assignor", "sticky")]);
    assert_eq!(end(&refused), RDKafkaErrorCode::UnsupportedAssignor);
}

fn a_topic_that_grows_is_shared_anew(bootstrap: &str) {
    let (topic, group) = (unique("grow"), unique("grow"));
    create_topic(bootstrap, &topic, 2, &[]);
    let (a, b) = (member(bootstrap, &group, &topic, &[]), member(bootstrap, &group, &topic, &[]));
    settle(&[&a, &b], &[1, 1]);
    let grown = NewPartitions::new(&topic, 4);
    let grown = block_on(client(bootstrap).create_partitions([&grown], &options()));
    assert_eq!(grown.unwrap(), [Ok(topic)]);
    settle(&[&a, &b], &[2, 2]);
}
