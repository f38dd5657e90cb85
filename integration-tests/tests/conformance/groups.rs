//! Consumer groups: sharing the work, committing, resuming, listing, deleting.

use std::collections::BTreeSet;
use std::time::Duration;

use integration_tests::admin::{self, create_topic, options};
use integration_tests::clients::{consumer, drain, next_record, producer, read, send};
use integration_tests::waiting::eventually;
use integration_tests::{Deadline, block_on, unique};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::Message;
use rdkafka::producer::BaseRecord;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

const WAIT: Duration = Duration::from_secs(20);

crate::checks! {
    two_cooperative_members_share_a_topic,
    a_closed_member_resumes_where_it_committed,
    commits_keep_their_metadata,
    groups_are_listed,
    only_an_empty_group_can_be_deleted,
    partitions_assigned_by_hand_can_be_committed,
}

fn fill(bootstrap: &str, topic: &str, partitions: i32, count: i32) {
    create_topic(bootstrap, topic, partitions, &[]);
    let producer = producer(bootstrap, &[]);
    for i in 0..count {
        let payload = i.to_string();
        let record = BaseRecord::<(), _>::to(topic).payload(&payload);
        send(&producer, record.partition(i % partitions));
    }
    drain(&producer);
}

fn two_cooperative_members_share_a_topic(bootstrap: &str) {
    const COUNT: usize = 20_000;
    let (topic, group) = (unique("shared"), unique("cooperative"));
    fill(bootstrap, &topic, 4, COUNT as i32);
    let settings = [("partition.assignment.strategy", "cooperative-sticky")];
    let members = [0, 1].map(|_| consumer(bootstrap, Some(&group), &settings));
    members.iter().for_each(|member| member.subscribe(&[&topic]).unwrap());
    let deadline = Deadline::seconds(60);
    let mut seen = BTreeSet::new();
    let mut shares = [0, 0];
    while seen.len() < COUNT || members.iter().any(|it| it.assignment().unwrap().count() != 2) {
        deadline.check(&format!("an even share and record {} of {COUNT}", seen.len()));
        for (member, share) in members.iter().zip(&mut shares) {
            if let Some(record) = next_record(member, Duration::from_millis(1)) {
                // What was not committed when a partition moved is read again.
                if seen.insert((record.partition(), record.offset())) {
                    *share += 1;
                }
            }
        }
    }
    assert_eq!(seen.len(), COUNT);
    assert_eq!(shares.iter().sum::<usize>(), COUNT);
}

fn committed(consumer: &BaseConsumer, topic: &str) -> Offset {
    let mut asked = TopicPartitionList::new();
    asked.add_partition(topic, 0);
    let committed = consumer.committed_offsets(asked, WAIT).unwrap();
    committed.find_partition(topic, 0).unwrap().offset()
}

fn a_closed_member_resumes_where_it_committed(bootstrap: &str) {
    let (topic, group) = (unique("resumed"), unique("resuming"));
    fill(bootstrap, &topic, 1, 100);
    let first = consumer(bootstrap, Some(&group), &[]);
    first.subscribe(&[&topic]).unwrap();
    let records = read(&first, 40);
    assert_eq!(records[39].offset(), 39);
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(&topic, 0, Offset::Offset(40)).unwrap();
    first.commit(&offsets, CommitMode::Sync).unwrap();
    assert_eq!(committed(&first, &topic), Offset::Offset(40));
    drop(first);
    let second = consumer(bootstrap, Some(&group), &[]);
    assert_eq!(committed(&second, &topic), Offset::Offset(40));
    second.subscribe(&[&topic]).unwrap();
    assert_eq!(read(&second, 1)[0].offset(), 40);
}

fn commits_keep_their_metadata(bootstrap: &str) {
    let (topic, group) = (unique("annotated"), unique("annotating"));
    fill(bootstrap, &topic, 2, 10);
    let member = consumer(bootstrap, Some(&group), &[]);
    let mut offsets = TopicPartitionList::new();
    let mut first = offsets.add_partition(&topic, 0);
    first.set_offset(Offset::Offset(3)).unwrap();
    first.set_metadata("stream time 1357016400000, ünïcode");
    member.commit(&offsets, CommitMode::Sync).unwrap();
    let mut asked = TopicPartitionList::new();
    asked.add_partition_range(&topic, 0, 1);
    let committed = consumer(bootstrap, Some(&group), &[]).committed_offsets(asked, WAIT).unwrap();
    let first = committed.find_partition(&topic, 0).unwrap();
    assert_eq!(first.offset(), Offset::Offset(3));
    assert_eq!(first.metadata(), "stream time 1357016400000, ünïcode");
    assert_eq!(committed.find_partition(&topic, 1).unwrap().offset(), Offset::Invalid);
}

fn groups_are_listed(bootstrap: &str) {
    let (topic, group) = (unique("listed"), unique("listing"));
    fill(bootstrap, &topic, 1, 1);
    let settings = [("client.id", "lister")];
    let member = consumer(bootstrap, Some(&group), &settings);
    member.subscribe(&[&topic]).unwrap();
    read(&member, 1);
    let list = member.fetch_group_list(Some(&group), WAIT).unwrap();
    let [listed] = list.groups() else { panic!("one group, please") };
    assert_eq!((listed.name(), listed.state()), (group.as_str(), "Stable"));
    assert_eq!((listed.protocol_type(), listed.protocol()), ("consumer", "range"));
    let [described] = listed.members() else { panic!("one member, please") };
    assert_eq!(described.client_id(), "lister");
    assert!(described.id().starts_with("lister-"));
    assert!(described.client_host().starts_with('/'), "{}", described.client_host());
    assert!(described.assignment().is_some_and(|it| !it.is_empty()));
    drop(member);
    let other = consumer(bootstrap, None, &[]);
    let list = other.fetch_group_list(None, WAIT).unwrap();
    let listed = list.groups().iter().find(|it| it.name() == group).unwrap();
    assert_eq!((listed.state(), listed.members().len()), ("Empty", 0));
}

fn delete_group(bootstrap: &str, group: &str) -> Result<(), RDKafkaErrorCode> {
    let admin = admin::client(bootstrap);
    let result = block_on(admin.delete_groups(&[group], &options())).unwrap().pop().unwrap();
    result.map(|_| ()).map_err(|(_, code)| code)
}

fn only_an_empty_group_can_be_deleted(bootstrap: &str) {
    let (topic, group) = (unique("deletable"), unique("deleting"));
    fill(bootstrap, &topic, 1, 10);
    assert_eq!(delete_group(bootstrap, &group), Err(RDKafkaErrorCode::GroupIdNotFound));
    let member = consumer(bootstrap, Some(&group), &[]);
    member.subscribe(&[&topic]).unwrap();
    read(&member, 10);
    member.commit_consumer_state(CommitMode::Sync).unwrap();
    assert_eq!(delete_group(bootstrap, &group), Err(RDKafkaErrorCode::NonEmptyGroup));
    drop(member);
    eventually("the end of the group", Deadline::seconds(20), || {
        delete_group(bootstrap, &group).ok()
    });
    let after = consumer(bootstrap, Some(&group), &[]);
    assert_eq!(committed(&after, &topic), Offset::Invalid);
}

fn partitions_assigned_by_hand_can_be_committed(bootstrap: &str) {
    let (topic, group) = (unique("by-hand"), unique("hand"));
    fill(bootstrap, &topic, 1, 10);
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(&topic, 0, Offset::Offset(7)).unwrap();
    // The group has no members, so anybody may commit.
    let by_hand = consumer(bootstrap, Some(&group), &[]);
    by_hand.commit(&offsets, CommitMode::Sync).unwrap();
    assert_eq!(committed(&by_hand, &topic), Offset::Offset(7));
    // Once there is one, nobody else may.
    let member = consumer(bootstrap, Some(&group), &[]);
    member.subscribe(&[&topic]).unwrap();
    assert_eq!(read(&member, 1)[0].offset(), 7);
    let refused = by_hand.commit(&offsets, CommitMode::Sync).unwrap_err();
    assert_eq!(refused.rdkafka_error_code(), Some(RDKafkaErrorCode::UnknownMemberId));
}
