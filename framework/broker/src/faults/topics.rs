//! Which topics a request names.

use kafka_protocol::messages::{
    AddPartitionsToTxnRequest, ApiKey, CreatePartitionsRequest, CreateTopicsRequest,
    DeleteRecordsRequest, DeleteTopicsRequest, FetchRequest, ListOffsetsRequest, MetadataRequest,
    OffsetCommitRequest, OffsetFetchRequest, OffsetForLeaderEpochRequest, ProduceRequest,
    TxnOffsetCommitRequest,
};
use kafka_protocol::protocol::Decodable;

use crate::broker::dispatch::Request;

/// Returns whether a request names a topic. Those that ask for all topics name none.
pub(super) fn names(request: &Request, name: &str) -> bool {
    let it = request;
    match request.call.key {
        ApiKey::Produce => {
            any(it, |it: &ProduceRequest| it.topic_data.iter().any(|it| *it.name == *name))
        }
        ApiKey::Fetch => any(it, |it: &FetchRequest| it.topics.iter().any(|it| *it.topic == *name)),
        ApiKey::ListOffsets => {
            any(it, |it: &ListOffsetsRequest| it.topics.iter().any(|it| *it.name == *name))
        }
        ApiKey::Metadata => any(it, |it: &MetadataRequest| {
            let topics = it.topics.iter().flatten();
            topics.filter_map(|it| it.name.as_ref()).any(|it| **it == *name)
        }),
        ApiKey::OffsetCommit => {
            any(it, |it: &OffsetCommitRequest| it.topics.iter().any(|it| *it.name == *name))
        }
        ApiKey::OffsetFetch => any(it, |it: &OffsetFetchRequest| {
            it.topics.iter().flatten().any(|it| *it.name == *name)
        }),
        ApiKey::OffsetForLeaderEpoch => any(it, |it: &OffsetForLeaderEpochRequest| {
            it.topics.iter().any(|it| *it.topic == *name)
        }),
        ApiKey::CreateTopics => {
            any(it, |it: &CreateTopicsRequest| it.topics.iter().any(|it| *it.name == *name))
        }
        ApiKey::DeleteTopics => {
            any(it, |it: &DeleteTopicsRequest| it.topic_names.iter().any(|it| **it == *name))
        }
        ApiKey::DeleteRecords => {
            any(it, |it: &DeleteRecordsRequest| it.topics.iter().any(|it| *it.name == *name))
        }
        ApiKey::CreatePartitions => {
            any(it, |it: &CreatePartitionsRequest| it.topics.iter().any(|it| *it.name == *name))
        }
        ApiKey::AddPartitionsToTxn => any(it, |it: &AddPartitionsToTxnRequest| {
            it.v3_and_below_topics.iter().any(|it| *it.name == *name)
        }),
        ApiKey::TxnOffsetCommit => {
            any(it, |it: &TxnOffsetCommitRequest| it.topics.iter().any(|it| *it.name == *name))
        }
        _ => false,
    }
}

fn any<Q: Decodable>(request: &Request, is_named: impl FnOnce(&Q) -> bool) -> bool {
    request.body().is_ok_and(|body| is_named(&body))
}
