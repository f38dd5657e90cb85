//! A filled request of every API, to be encoded in every version.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    AlterConfigsRequest, ApiKey, ApiVersionsRequest, BrokerId, ConsumerGroupDescribeRequest,
    ConsumerGroupHeartbeatRequest, CreatePartitionsRequest, CreateTopicsRequest,
    DeleteGroupsRequest, DeleteRecordsRequest, DeleteTopicsRequest, DescribeConfigsRequest,
    DescribeGroupsRequest, FetchRequest, FindCoordinatorRequest, GroupId, HeartbeatRequest,
    IncrementalAlterConfigsRequest, InitProducerIdRequest, JoinGroupRequest, LeaveGroupRequest,
    ListGroupsRequest, ListOffsetsRequest, MetadataRequest, OffsetCommitRequest,
    OffsetFetchRequest, OffsetForLeaderEpochRequest, ProducerId, SyncGroupRequest,
    alter_configs_request, consumer_group_heartbeat_request,
    incremental_alter_configs_request as incremental,
};
use kafka_protocol::protocol::Request;

use crate::testing::batches::{Batch, produce_to};
use crate::testing::{text, topic_name, transactions};

/// The topic and group that samples are about.
pub(crate) const TOPIC: &str = "sample.topic";
pub(crate) const GROUP: &str = "sample-group";

/// Something to be done with a request, whatever its type.
pub(crate) trait Visit {
    fn visit<Q: Request>(&mut self, version: i16, body: Bytes);
}

/// Shows a sample of this API and version, encoded.
pub(crate) fn visit(key: ApiKey, version: i16, visitor: &mut impl Visit) {
    let v = version;
    match key {
        ApiKey::Produce => show(visitor, v, &produce_sample()),
        ApiKey::Fetch => show(visitor, v, &fetch_sample(v)),
        ApiKey::ListOffsets => show(visitor, v, &list_offsets_sample()),
        ApiKey::Metadata => show(visitor, v, &metadata_sample()),
        ApiKey::OffsetCommit => show(visitor, v, &commit(GROUP, "", -1, &[(TOPIC, 0, 5, "meta")])),
        ApiKey::OffsetFetch if v >= 8 => show(visitor, v, &fetch_offsets_as(GROUP, None, -1)),
        ApiKey::OffsetFetch => show(visitor, v, &fetch_offsets(GROUP, Some(&[(TOPIC, &[0, 9])]))),
        ApiKey::ConsumerGroupHeartbeat => show(visitor, v, &consumer_heartbeat_sample()),
        ApiKey::ConsumerGroupDescribe => show(visitor, v, &describe_consumer_group(GROUP)),
        ApiKey::FindCoordinator => {
            show(visitor, v, &FindCoordinatorRequest::default().with_key(text(GROUP)));
        }
        ApiKey::JoinGroup => show(visitor, v, &join(GROUP, "", None)),
        ApiKey::Heartbeat => show(visitor, v, &heartbeat(GROUP, "nobody", 1)),
        ApiKey::LeaveGroup => show(visitor, v, &leave_sample(v)),
        ApiKey::SyncGroup => show(visitor, v, &sync(GROUP, "nobody", 1, &[("a", "x"), ("b", "y")])),
        ApiKey::DescribeGroups => show(visitor, v, &describe_groups(&[GROUP, "none"])),
        ApiKey::ListGroups => show(visitor, v, &ListGroupsRequest::default()),
        ApiKey::ApiVersions => {
            let request = ApiVersionsRequest::default().with_client_software_name(text("sample"));
            let request = request.with_client_software_version(text("1.2.3"));
            show(visitor, v, &if v >= 3 { request } else { ApiVersionsRequest::default() });
        }
        ApiKey::CreateTopics => show(visitor, v, &create_topics_sample()),
        ApiKey::DeleteTopics => show(visitor, v, &delete_topics(&["none", "nowhere"])),
        ApiKey::DeleteRecords => show(visitor, v, &delete_records(TOPIC, &[(0, 0), (9, 0)])),
        ApiKey::InitProducerId => {
            show(
                visitor,
                v,
                &InitProducerIdRequest::default()
                    .with_transactional_id(None)
                    .with_producer_id(ProducerId(-1))
                    .with_producer_epoch(-1),
            );
        }
        ApiKey::AddPartitionsToTxn => {
            show(visitor, v, &transactions::add_partitions("t", (0, 0), &[(TOPIC, 0), (TOPIC, 9)]));
        }
        ApiKey::AddOffsetsToTxn => show(visitor, v, &transactions::add_offsets("t", (0, 0), GROUP)),
        ApiKey::EndTxn => show(visitor, v, &transactions::end("t", (0, 0), true)),
        ApiKey::TxnOffsetCommit => {
            show(visitor, v, &transactions::commit("t", (0, 0), GROUP, &[(TOPIC, 0, 5)]));
        }
        ApiKey::OffsetForLeaderEpoch => show(visitor, v, &epochs_sample()),
        ApiKey::DescribeConfigs => show(visitor, v, &describe_configs(2, TOPIC, Some(&["a", "b"]))),
        ApiKey::AlterConfigs => show(visitor, v, &alter_sample()),
        ApiKey::CreatePartitions => show(visitor, v, &create_partitions(TOPIC, 3, Some(&[1, 1]))),
        ApiKey::DeleteGroups => {
            let groups = vec![GroupId(text("none")), GroupId(text("nobody"))];
            show(visitor, v, &DeleteGroupsRequest::default().with_groups_names(groups));
        }
        ApiKey::IncrementalAlterConfigs => {
            show(visitor, v, &change_configs(TOPIC, &[("retention.ms", 0, Some("9"))]));
        }
        other => panic!("there is no sample of {other:?}"),
    }
}

fn show<Q: Request>(visitor: &mut impl Visit, version: i16, request: &Q) {
    let mut body = BytesMut::new();
    let encoded = request.encode(&mut body, version);
    encoded.unwrap_or_else(|e| panic!("API {} version {version}: {e:#}", Q::KEY));
    visitor.visit::<Q>(version, body.freeze());
}

fn produce_sample() -> kafka_protocol::messages::ProduceRequest {
    produce_to(TOPIC, &[(0, Batch::of(2).encode()), (9, Batch::of(1).encode())])
}

fn fetch_sample(version: i16) -> FetchRequest {
    let request = fetch(TOPIC, &[(0, 0), (9, 0)]);
    let forgotten =
        ForgottenTopic::default().with_topic(topic_name("a")).with_partitions(vec![1, 2]);
    if version >= 7 { request.with_forgotten_topics_data(vec![forgotten]) } else { request }
}

pub(crate) fn fetch(topic: &str, partitions: &[(i32, i64)]) -> FetchRequest {
    let partitions = partitions.iter().map(|(index, offset)| {
        FetchPartition::default()
            .with_partition(*index)
            .with_fetch_offset(*offset)
            .with_partition_max_bytes(1 << 20)
    });
    let topic = FetchTopic::default().with_topic(topic_name(topic));
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_bytes(1 << 20)
        .with_topics(vec![topic.with_partitions(partitions.collect())])
}

fn list_offsets_sample() -> ListOffsetsRequest {
    list_offsets(TOPIC, &[(0, 1_000), (9, -1)])
}

pub(crate) fn list_offsets(topic: &str, partitions: &[(i32, i64)]) -> ListOffsetsRequest {
    let partitions = partitions.iter().map(|(index, time)| {
        let partition = ListOffsetsPartition::default().with_partition_index(*index);
        partition.with_current_leader_epoch(-1).with_timestamp(*time)
    });
    let topic = ListOffsetsTopic::default().with_name(topic_name(topic));
    let request = ListOffsetsRequest::default().with_replica_id(BrokerId(-1));
    request.with_topics(vec![topic.with_partitions(partitions.collect())])
}

fn metadata_sample() -> MetadataRequest {
    metadata(&[TOPIC, "nowhere"])
}

pub(crate) fn metadata(topics: &[&str]) -> MetadataRequest {
    let topic = |name: &&str| MetadataRequestTopic::default().with_name(Some(topic_name(name)));
    MetadataRequest::default().with_topics(Some(topics.iter().map(topic).collect()))
}

/// Makes a commit of (topic, partition, offset, metadata).
pub(crate) fn commit(
    group: &str,
    member: &str,
    generation: i32,
    offsets: &[(&str, i32, i64, &str)],
) -> OffsetCommitRequest {
    let topics = offsets.iter().map(|(topic, index, offset, metadata)| {
        let partition = OffsetCommitRequestPartition::default()
            .with_partition_index(*index)
            .with_committed_offset(*offset)
            .with_committed_metadata(Some(text(metadata)));
        let topic = OffsetCommitRequestTopic::default().with_name(topic_name(topic));
        topic.with_partitions(vec![partition])
    });
    OffsetCommitRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_member_id(text(member))
        .with_generation_id_or_member_epoch(generation)
        .with_topics(topics.collect())
}

pub(crate) fn fetch_offsets(group: &str, topics: Option<&[(&str, &[i32])]>) -> OffsetFetchRequest {
    let topic = |(name, indexes): &(&str, &[i32])| {
        let topic = OffsetFetchRequestTopic::default().with_name(topic_name(name));
        topic.with_partition_indexes(indexes.to_vec())
    };
    OffsetFetchRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_topics(topics.map(|topics| topics.iter().map(topic).collect()))
}

/// Makes a request for offsets of partition 0 of the sample topic, as a member.
pub(crate) fn fetch_offsets_as(
    group: &str,
    member: Option<&str>,
    epoch: i32,
) -> OffsetFetchRequest {
    let topic = OffsetFetchRequestTopics::default().with_name(topic_name(TOPIC));
    let group = OffsetFetchRequestGroup::default()
        .with_group_id(GroupId(text(group)))
        .with_member_id(member.map(text))
        .with_member_epoch(epoch)
        .with_topics(Some(vec![topic.with_partition_indexes(vec![0])]));
    OffsetFetchRequest::default().with_groups(vec![group])
}

fn consumer_heartbeat_sample() -> ConsumerGroupHeartbeatRequest {
    let owned = consumer_group_heartbeat_request::TopicPartitions::default();
    ConsumerGroupHeartbeatRequest::default()
        .with_group_id(GroupId(text(GROUP)))
        .with_member_id(text("somebody"))
        .with_instance_id(Some(text("name")))
        .with_rebalance_timeout_ms(60_000)
        .with_subscribed_topic_names(Some(vec![topic_name(TOPIC)]))
        .with_server_assignor(Some(text("range")))
        .with_topic_partitions(Some(vec![owned.with_partitions(vec![1, 2])]))
}

pub(crate) fn describe_consumer_group(group: &str) -> ConsumerGroupDescribeRequest {
    ConsumerGroupDescribeRequest::default().with_group_ids(vec![GroupId(text(group))])
}

/// Makes a join with a session of 10 s and a rebalance time of 20 s.
pub(crate) fn join(group: &str, member: &str, instance: Option<&str>) -> JoinGroupRequest {
    join_with(group, member, instance, &[("strategy", "v1")])
}

pub(crate) fn join_with(
    group: &str,
    member: &str,
    instance: Option<&str>,
    protocols: &[(&str, &str)],
) -> JoinGroupRequest {
    let protocols = protocols.iter().map(|(name, metadata)| {
        let metadata = Bytes::copy_from_slice(metadata.as_bytes());
        JoinGroupRequestProtocol::default().with_name(text(name)).with_metadata(metadata)
    });
    JoinGroupRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_session_timeout_ms(10_000)
        .with_rebalance_timeout_ms(20_000)
        .with_member_id(text(member))
        .with_group_instance_id(instance.map(text))
        .with_protocol_type(text("consumer"))
        .with_protocols(protocols.collect())
}

pub(crate) fn sync(
    group: &str,
    member: &str,
    generation: i32,
    parts: &[(&str, &str)],
) -> SyncGroupRequest {
    let parts = parts.iter().map(|(member, part)| {
        let part = Bytes::copy_from_slice(part.as_bytes());
        SyncGroupRequestAssignment::default().with_member_id(text(member)).with_assignment(part)
    });
    SyncGroupRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_member_id(text(member))
        .with_generation_id(generation)
        .with_assignments(parts.collect())
}

pub(crate) fn heartbeat(group: &str, member: &str, generation: i32) -> HeartbeatRequest {
    HeartbeatRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_member_id(text(member))
        .with_generation_id(generation)
}

fn leave_sample(version: i16) -> LeaveGroupRequest {
    let request = leave(GROUP, &[("a", None), ("b", None)]);
    if version >= 3 {
        return request;
    }
    request.with_members(Vec::new()).with_member_id(text("a"))
}

pub(crate) fn leave(group: &str, members: &[(&str, Option<&str>)]) -> LeaveGroupRequest {
    let members = members.iter().map(|(member, instance)| {
        let identity = MemberIdentity::default().with_member_id(text(member));
        identity.with_group_instance_id(instance.map(text))
    });
    let request = LeaveGroupRequest::default().with_group_id(GroupId(text(group)));
    request.with_members(members.collect())
}

pub(crate) fn describe_groups(groups: &[&str]) -> DescribeGroupsRequest {
    let groups = groups.iter().map(|group| GroupId(text(group))).collect();
    DescribeGroupsRequest::default().with_groups(groups)
}

pub(crate) fn create_topic(
    name: &str,
    partitions: i32,
    settings: &[(&str, &str)],
) -> CreateTopicsRequest {
    let configs = settings.iter().map(|(name, value)| {
        CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
    });
    let topic = CreatableTopic::default()
        .with_name(topic_name(name))
        .with_num_partitions(partitions)
        .with_replication_factor(1)
        .with_configs(configs.collect());
    CreateTopicsRequest::default().with_topics(vec![topic])
}

fn create_topics_sample() -> CreateTopicsRequest {
    let mut request = create_topic("a", 2, &[("retention.ms", "1"), ("segment.ms", "2")]);
    let assignment = CreatableReplicaAssignment::default().with_broker_ids(vec![BrokerId(1)]);
    let assigned = CreatableTopic::default()
        .with_name(topic_name("b"))
        .with_num_partitions(-1)
        .with_replication_factor(-1)
        .with_assignments(vec![assignment.clone(), assignment.with_partition_index(1)]);
    request.topics.push(assigned);
    request.with_validate_only(true)
}

pub(crate) fn delete_topics(names: &[&str]) -> DeleteTopicsRequest {
    let names = names.iter().map(|name| topic_name(name)).collect();
    DeleteTopicsRequest::default().with_topic_names(names)
}

pub(crate) fn delete_records(topic: &str, partitions: &[(i32, i64)]) -> DeleteRecordsRequest {
    let partitions = partitions.iter().map(|(index, offset)| {
        DeleteRecordsPartition::default().with_partition_index(*index).with_offset(*offset)
    });
    let topic = DeleteRecordsTopic::default().with_name(topic_name(topic));
    let topic = topic.with_partitions(partitions.collect());
    DeleteRecordsRequest::default().with_topics(vec![topic])
}

fn epochs_sample() -> OffsetForLeaderEpochRequest {
    let partition = OffsetForLeaderPartition::default().with_current_leader_epoch(-1);
    let topic = OffsetForLeaderTopic::default().with_topic(topic_name(TOPIC));
    let partitions = vec![partition.clone(), partition.with_partition(9)];
    let request = OffsetForLeaderEpochRequest::default().with_replica_id(BrokerId(-1));
    request.with_topics(vec![topic.with_partitions(partitions)])
}

pub(crate) fn describe_configs(
    kind: i8,
    name: &str,
    keys: Option<&[&str]>,
) -> DescribeConfigsRequest {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configuration_keys(keys.map(|keys| keys.iter().map(|key| text(key)).collect()));
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
    request.with_include_synonyms(true)
}

fn alter_sample() -> AlterConfigsRequest {
    alter_configs(TOPIC, &[("retention.ms", Some("1")), ("segment.ms", Some("2"))])
}

pub(crate) fn alter_configs(topic: &str, values: &[(&str, Option<&str>)]) -> AlterConfigsRequest {
    let configs = values.iter().map(|(name, value)| {
        let config = alter_configs_request::AlterableConfig::default().with_name(text(name));
        config.with_value(value.map(text))
    });
    let resource = alter_configs_request::AlterConfigsResource::default()
        .with_resource_type(2)
        .with_resource_name(text(topic))
        .with_configs(configs.collect());
    AlterConfigsRequest::default().with_resources(vec![resource])
}

/// Makes a request of changes as (setting, operation, value).
pub(crate) fn change_configs(
    topic: &str,
    changes: &[(&str, i8, Option<&str>)],
) -> IncrementalAlterConfigsRequest {
    let configs = changes.iter().map(|(name, operation, value)| {
        incremental::AlterableConfig::default()
            .with_name(text(name))
            .with_config_operation(*operation)
            .with_value(value.map(text))
    });
    let resource = incremental::AlterConfigsResource::default()
        .with_resource_type(2)
        .with_resource_name(text(topic))
        .with_configs(configs.collect());
    IncrementalAlterConfigsRequest::default().with_resources(vec![resource])
}

pub(crate) fn create_partitions(
    topic: &str,
    count: i32,
    brokers: Option<&[i32]>,
) -> CreatePartitionsRequest {
    let assign = |broker: &i32| {
        CreatePartitionsAssignment::default().with_broker_ids(vec![BrokerId(*broker)])
    };
    let topic = CreatePartitionsTopic::default()
        .with_name(topic_name(topic))
        .with_count(count)
        .with_assignments(brokers.map(|brokers| brokers.iter().map(assign).collect()));
    CreatePartitionsRequest::default().with_topics(vec![topic])
}
