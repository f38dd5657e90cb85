//! Describing groups that the broker leads, for tools.

use std::collections::BTreeSet;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::consumer_group_describe_response::{
    Assignment, DescribedGroup, Member as DescribedMember, TopicPartitions,
};
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, GroupId, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use crate::groups::Groups;
use crate::groups::consumer::ConsumerGroup;
use crate::groups::consumer::member::{Member, Partitions, by_topic};
use crate::topics::Topics;

/// What a member is called that speaks the consumer group protocol.
const CONSUMER_MEMBER: i8 = 1;

impl Groups {
    pub(crate) fn describe_consumer_groups(
        &self,
        topics: &Topics,
        body: ConsumerGroupDescribeRequest,
    ) -> ConsumerGroupDescribeResponse {
        let describe = |id: GroupId| {
            let group = self.by_id.get(id.as_str()).and_then(|group| group.consumer.as_ref());
            let unknown = || {
                let message = format!("Group {} is not a consumer group.", id.as_str());
                DescribedGroup::default()
                    .with_error_code(ResponseError::GroupIdNotFound.code())
                    .with_error_message(Some(StrBytes::from_string(message)))
            };
            let described = group.map_or_else(unknown, |group| group.describe(topics));
            described.with_group_id(id)
        };
        // Named again it would be described again: small requests must not have huge answers.
        let mut seen = BTreeSet::new();
        let ids = body.group_ids.into_iter().filter(|id| seen.insert(id.clone()));
        ConsumerGroupDescribeResponse::default().with_groups(ids.map(describe).collect())
    }
}

impl ConsumerGroup {
    fn describe(&self, topics: &Topics) -> DescribedGroup {
        let members = self.members.values().map(|member| describe_member(topics, member));
        DescribedGroup::default()
            .with_group_state(StrBytes::from_static_str(self.state()))
            .with_group_epoch(self.epoch)
            .with_assignment_epoch(self.target_epoch)
            .with_assignor_name(StrBytes::from_static_str(self.assignor.name()))
            .with_members(members.collect())
    }
}

fn describe_member(topics: &Topics, member: &Member) -> DescribedMember {
    let names = member.topics.iter().map(|name| topic_name(name));
    DescribedMember::default()
        .with_member_id(member.id.clone())
        .with_instance_id(member.instance.clone())
        .with_rack_id(member.rack.clone())
        .with_member_epoch(member.epoch)
        .with_client_id(member.client_id.clone())
        .with_client_host(member.client_host.clone())
        .with_subscribed_topic_names(names.collect())
        .with_assignment(describe_partitions(topics, &member.assigned))
        .with_target_assignment(describe_partitions(topics, &member.target))
        .with_member_type(CONSUMER_MEMBER)
}

/// Names partitions, without those of topics that are gone.
fn describe_partitions(topics: &Topics, partitions: &Partitions) -> Assignment {
    let described = by_topic(partitions).into_iter().filter_map(|(id, indexes)| {
        let topic = TopicPartitions::default().with_topic_id(id).with_partitions(indexes);
        Some(topic.with_topic_name(topic_name(topics.uuids.name(&id)?)))
    });
    Assignment::default().with_topic_partitions(described.collect())
}

fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}
