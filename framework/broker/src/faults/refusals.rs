//! Answers that refuse all that a request asks, with an error of one's choice.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    add_partitions_to_txn_response as add_partitions, alter_configs_response as alter,
    create_partitions_response as grow, create_topics_response as create,
    delete_groups_response as delete_groups, delete_records_response as delete_records,
    delete_topics_response as delete, describe_configs_response as describe_configs,
    describe_groups_response as describe_groups, fetch_response as fetch,
    incremental_alter_configs_response as incremental, list_offsets_response as list_offsets,
    metadata_response as metadata, offset_commit_response as commit,
    offset_fetch_response as fetched, offset_for_leader_epoch_response as epochs,
    produce_response as produce, txn_offset_commit_response as txn_commit, *,
};
use kafka_protocol::protocol::Encodable;

use crate::broker::dispatch::Request;
use crate::reply::Replies;

/// Refuses a request.
pub(super) fn refuse(
    request: &Request,
    error: ResponseError,
    replies: &mut Replies,
) -> Result<(), String> {
    let code = error.code();
    match request.call.key {
        ApiKey::Produce => refuse_produce(request, code, replies),
        ApiKey::Fetch | ApiKey::ListOffsets | ApiKey::OffsetForLeaderEpoch | ApiKey::Metadata => {
            refuse_reading(request, code, replies)
        }
        ApiKey::OffsetCommit | ApiKey::OffsetFetch => refuse_offsets(request, code, replies),
        ApiKey::FindCoordinator
        | ApiKey::JoinGroup
        | ApiKey::Heartbeat
        | ApiKey::LeaveGroup
        | ApiKey::SyncGroup
        | ApiKey::DescribeGroups
        | ApiKey::ListGroups
        | ApiKey::ConsumerGroupHeartbeat
        | ApiKey::ConsumerGroupDescribe
        | ApiKey::DeleteGroups => refuse_group(request, code, replies),
        ApiKey::InitProducerId
        | ApiKey::AddPartitionsToTxn
        | ApiKey::AddOffsetsToTxn
        | ApiKey::EndTxn
        | ApiKey::TxnOffsetCommit => refuse_transaction(request, code, replies),
        _ => refuse_administration(request, code, replies),
    }
}

fn answer(request: &Request, replies: &mut Replies, body: impl Encodable) -> Result<(), String> {
    replies.respond(&request.call, &body);
    Ok(())
}

fn refuse_produce(request: &Request, code: i16, replies: &mut Replies) -> Result<(), String> {
    let body: ProduceRequest = request.body()?;
    if body.acks == 0 {
        return Err(format!("a fault refuses a produce without acks: {code}"));
    }
    let topics = body.topic_data.into_iter().map(|topic| {
        let partitions = topic.partition_data.iter().map(|it| {
            let response = produce::PartitionProduceResponse::default().with_index(it.index);
            response.with_error_code(code).with_base_offset(-1)
        });
        produce::TopicProduceResponse::default()
            .with_partition_responses(partitions.collect())
            .with_name(topic.name)
    });
    answer(request, replies, ProduceResponse::default().with_responses(topics.collect()))
}

fn refuse_reading(request: &Request, code: i16, replies: &mut Replies) -> Result<(), String> {
    match request.call.key {
        ApiKey::Fetch => {
            let body: FetchRequest = request.body()?;
            let topics = body.topics.into_iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|it| {
                    let data = fetch::PartitionData::default().with_partition_index(it.partition);
                    let data = data.with_error_code(code).with_high_watermark(-1);
                    data.with_records(Some(Default::default()))
                });
                let response = fetch::FetchableTopicResponse::default();
                response.with_partitions(partitions.collect()).with_topic(topic.topic)
            });
            answer(request, replies, FetchResponse::default().with_responses(topics.collect()))
        }
        ApiKey::ListOffsets => {
            let body: ListOffsetsRequest = request.body()?;
            let topics = body.topics.into_iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|it| {
                    let response = list_offsets::ListOffsetsPartitionResponse::default();
                    response.with_partition_index(it.partition_index).with_error_code(code)
                });
                let response = list_offsets::ListOffsetsTopicResponse::default();
                response.with_partitions(partitions.collect()).with_name(topic.name)
            });
            answer(request, replies, ListOffsetsResponse::default().with_topics(topics.collect()))
        }
        ApiKey::Metadata => {
            let body: MetadataRequest = request.body()?;
            let topics = body.topics.into_iter().flatten().map(|topic| {
                let response = metadata::MetadataResponseTopic::default().with_error_code(code);
                response.with_name(Some(topic.name.unwrap_or_default()))
            });
            answer(request, replies, MetadataResponse::default().with_topics(topics.collect()))
        }
        _ => {
            let body: OffsetForLeaderEpochRequest = request.body()?;
            let topics = body.topics.into_iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|it| {
                    let response = epochs::EpochEndOffset::default().with_partition(it.partition);
                    response.with_error_code(code)
                });
                let response = epochs::OffsetForLeaderTopicResult::default();
                response.with_partitions(partitions.collect()).with_topic(topic.topic)
            });
            let response = OffsetForLeaderEpochResponse::default();
            answer(request, replies, response.with_topics(topics.collect()))
        }
    }
}

fn refuse_offsets(request: &Request, code: i16, replies: &mut Replies) -> Result<(), String> {
    let it = request;
    match request.call.key {
        ApiKey::OffsetCommit => {
            let body: OffsetCommitRequest = request.body()?;
            let topics = body.topics.into_iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|it| {
                    let response = commit::OffsetCommitResponsePartition::default();
                    response.with_partition_index(it.partition_index).with_error_code(code)
                });
                let response = commit::OffsetCommitResponseTopic::default();
                response.with_partitions(partitions.collect()).with_name(topic.name)
            });
            answer(it, replies, OffsetCommitResponse::default().with_topics(topics.collect()))
        }
        _ => {
            let body: OffsetFetchRequest = request.body()?;
            let groups = body.groups.into_iter().map(|group| {
                let response = fetched::OffsetFetchResponseGroup::default();
                response.with_group_id(group.group_id).with_error_code(code)
            });
            // In the first versions the error is the partitions'.
            let topics = body.topics.into_iter().flatten().map(|topic| {
                let partitions = topic.partition_indexes.iter().map(|index| {
                    let response = fetched::OffsetFetchResponsePartition::default();
                    response.with_partition_index(*index).with_error_code(code)
                });
                let response = fetched::OffsetFetchResponseTopic::default();
                response.with_partitions(partitions.collect()).with_name(topic.name)
            });
            let response = OffsetFetchResponse::default().with_topics(topics.collect());
            // In the last versions it is the groups'.
            let is_whole = (2..8).contains(&it.call.version);
            let response = response.with_groups(groups.collect());
            answer(it, replies, response.with_error_code(if is_whole { code } else { 0 }))
        }
    }
}

fn refuse_group(request: &Request, code: i16, replies: &mut Replies) -> Result<(), String> {
    let it = request;
    match request.call.key {
        ApiKey::DescribeGroups => {
            let body: DescribeGroupsRequest = request.body()?;
            let groups = body.groups.into_iter().map(|id| {
                let group = describe_groups::DescribedGroup::default().with_group_id(id);
                group.with_error_code(code)
            });
            answer(it, replies, DescribeGroupsResponse::default().with_groups(groups.collect()))
        }
        ApiKey::DeleteGroups => {
            let body: DeleteGroupsRequest = request.body()?;
            let results = body.groups_names.into_iter().map(|id| {
                let result = delete_groups::DeletableGroupResult::default().with_group_id(id);
                result.with_error_code(code)
            });
            answer(it, replies, DeleteGroupsResponse::default().with_results(results.collect()))
        }
        ApiKey::FindCoordinator => {
            let response = FindCoordinatorResponse::default().with_error_code(code);
            answer(it, replies, response.with_node_id(BrokerId(-1)).with_port(-1))
        }
        ApiKey::JoinGroup => {
            let response = JoinGroupResponse::default().with_error_code(code);
            answer(it, replies, response.with_protocol_name(Some(Default::default())))
        }
        ApiKey::Heartbeat => {
            answer(it, replies, HeartbeatResponse::default().with_error_code(code))
        }
        ApiKey::LeaveGroup => {
            answer(it, replies, LeaveGroupResponse::default().with_error_code(code))
        }
        ApiKey::ConsumerGroupHeartbeat => {
            answer(it, replies, ConsumerGroupHeartbeatResponse::default().with_error_code(code))
        }
        ApiKey::ConsumerGroupDescribe => {
            let body: ConsumerGroupDescribeRequest = request.body()?;
            let groups = body.group_ids.into_iter().map(|id| {
                let group = consumer_group_describe_response::DescribedGroup::default();
                group.with_group_id(id).with_error_code(code)
            });
            let response = ConsumerGroupDescribeResponse::default();
            answer(it, replies, response.with_groups(groups.collect()))
        }
        ApiKey::SyncGroup => {
            answer(it, replies, SyncGroupResponse::default().with_error_code(code))
        }
        _ => answer(it, replies, ListGroupsResponse::default().with_error_code(code)),
    }
}

fn refuse_transaction(request: &Request, code: i16, replies: &mut Replies) -> Result<(), String> {
    match request.call.key {
        ApiKey::AddPartitionsToTxn => {
            let body: AddPartitionsToTxnRequest = request.body()?;
            let topics = body.v3_and_below_topics.into_iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|index| {
                    let result = add_partitions::AddPartitionsToTxnPartitionResult::default();
                    result.with_partition_index(*index).with_partition_error_code(code)
                });
                let result = add_partitions::AddPartitionsToTxnTopicResult::default();
                result.with_results_by_partition(partitions.collect()).with_name(topic.name)
            });
            let response = AddPartitionsToTxnResponse::default();
            let response = response.with_results_by_topic_v3_and_below(topics.collect());
            answer(request, replies, response)
        }
        ApiKey::TxnOffsetCommit => {
            let body: TxnOffsetCommitRequest = request.body()?;
            let topics = body.topics.into_iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|it| {
                    let response = txn_commit::TxnOffsetCommitResponsePartition::default();
                    response.with_partition_index(it.partition_index).with_error_code(code)
                });
                let response = txn_commit::TxnOffsetCommitResponseTopic::default();
                response.with_partitions(partitions.collect()).with_name(topic.name)
            });
            let response = TxnOffsetCommitResponse::default();
            answer(request, replies, response.with_topics(topics.collect()))
        }
        ApiKey::AddOffsetsToTxn => {
            answer(request, replies, AddOffsetsToTxnResponse::default().with_error_code(code))
        }
        ApiKey::EndTxn => answer(request, replies, EndTxnResponse::default().with_error_code(code)),
        _ => {
            let response = InitProducerIdResponse::default().with_error_code(code);
            answer(request, replies, response.with_producer_id(ProducerId(-1)))
        }
    }
}

fn refuse_administration(
    request: &Request,
    code: i16,
    replies: &mut Replies,
) -> Result<(), String> {
    let it = request;
    match request.call.key {
        ApiKey::CreateTopics => {
            let body: CreateTopicsRequest = request.body()?;
            let topics = body.topics.into_iter().map(|topic| {
                let result = create::CreatableTopicResult::default().with_error_code(code);
                result.with_name(topic.name)
            });
            answer(it, replies, CreateTopicsResponse::default().with_topics(topics.collect()))
        }
        ApiKey::DeleteTopics => {
            let body: DeleteTopicsRequest = request.body()?;
            let topics = body.topic_names.into_iter().map(|name| {
                let result = delete::DeletableTopicResult::default().with_error_code(code);
                result.with_name(Some(name))
            });
            answer(it, replies, DeleteTopicsResponse::default().with_responses(topics.collect()))
        }
        ApiKey::DeleteRecords => {
            let body: DeleteRecordsRequest = request.body()?;
            let topics = body.topics.into_iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|it| {
                    let result = delete_records::DeleteRecordsPartitionResult::default();
                    result.with_partition_index(it.partition_index).with_error_code(code)
                });
                let result = delete_records::DeleteRecordsTopicResult::default();
                result.with_partitions(partitions.collect()).with_name(topic.name)
            });
            answer(it, replies, DeleteRecordsResponse::default().with_topics(topics.collect()))
        }
        ApiKey::CreatePartitions => {
            let body: CreatePartitionsRequest = request.body()?;
            let topics = body.topics.into_iter().map(|topic| {
                let result = grow::CreatePartitionsTopicResult::default().with_error_code(code);
                result.with_name(topic.name)
            });
            answer(it, replies, CreatePartitionsResponse::default().with_results(topics.collect()))
        }
        ApiKey::DescribeConfigs | ApiKey::AlterConfigs | ApiKey::IncrementalAlterConfigs => {
            refuse_configs(request, code, replies)
        }
        ApiKey::ApiVersions => {
            answer(it, replies, ApiVersionsResponse::default().with_error_code(code))
        }
        other => Err(format!("a fault refuses {other:?}: {code}")),
    }
}

fn refuse_configs(request: &Request, code: i16, replies: &mut Replies) -> Result<(), String> {
    let it = request;
    match request.call.key {
        ApiKey::DescribeConfigs => {
            let body: DescribeConfigsRequest = request.body()?;
            let resources = body.resources.into_iter().map(|it| {
                let result = describe_configs::DescribeConfigsResult::default();
                let result = result.with_error_code(code).with_resource_type(it.resource_type);
                result.with_resource_name(it.resource_name)
            });
            let response = DescribeConfigsResponse::default();
            answer(it, replies, response.with_results(resources.collect()))
        }
        ApiKey::AlterConfigs => {
            let body: AlterConfigsRequest = request.body()?;
            let resources = body.resources.into_iter().map(|it| {
                let result = alter::AlterConfigsResourceResponse::default().with_error_code(code);
                result.with_resource_type(it.resource_type).with_resource_name(it.resource_name)
            });
            let response = AlterConfigsResponse::default();
            answer(it, replies, response.with_responses(resources.collect()))
        }
        _ => {
            let body: IncrementalAlterConfigsRequest = request.body()?;
            let resources = body.resources.into_iter().map(|it| {
                let result = incremental::AlterConfigsResourceResponse::default();
                let result = result.with_error_code(code).with_resource_type(it.resource_type);
                result.with_resource_name(it.resource_name)
            });
            let response = IncrementalAlterConfigsResponse::default();
            answer(it, replies, response.with_responses(resources.collect()))
        }
    }
}
