//! Requests of transactional producers.

use bytes::Bytes;
use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, EndTxnRequest, GroupId,
    InitProducerIdRequest, ProduceRequest, ProducerId, TransactionalId, TxnOffsetCommitRequest,
};

use crate::testing::batches::{Batch, produce_to};
use crate::testing::{text, topic_name};

/// A producer's id and epoch.
pub(crate) type Producer = (i64, i16);

fn named(id: &str) -> TransactionalId {
    TransactionalId(text(id))
}

/// Asks for a producer, for one that may have been one before.
pub(crate) fn init(id: &str, timeout_ms: i32, known: Option<Producer>) -> InitProducerIdRequest {
    let (producer_id, epoch) = known.unwrap_or((-1, -1));
    InitProducerIdRequest::default()
        .with_transactional_id(Some(named(id)))
        .with_transaction_timeout_ms(timeout_ms)
        .with_producer_id(ProducerId(producer_id))
        .with_producer_epoch(epoch)
}

pub(crate) fn add_partitions(
    id: &str,
    producer: Producer,
    partitions: &[(&str, i32)],
) -> AddPartitionsToTxnRequest {
    let topics = partitions.iter().map(|(topic, index)| {
        let topic = AddPartitionsToTxnTopic::default().with_name(topic_name(topic));
        topic.with_partitions(vec![*index])
    });
    AddPartitionsToTxnRequest::default()
        .with_v3_and_below_transactional_id(named(id))
        .with_v3_and_below_producer_id(ProducerId(producer.0))
        .with_v3_and_below_producer_epoch(producer.1)
        .with_v3_and_below_topics(topics.collect())
}

pub(crate) fn add_offsets(id: &str, producer: Producer, group: &str) -> AddOffsetsToTxnRequest {
    AddOffsetsToTxnRequest::default()
        .with_transactional_id(named(id))
        .with_producer_id(ProducerId(producer.0))
        .with_producer_epoch(producer.1)
        .with_group_id(GroupId(text(group)))
}

pub(crate) fn end(id: &str, producer: Producer, is_commit: bool) -> EndTxnRequest {
    EndTxnRequest::default()
        .with_transactional_id(named(id))
        .with_producer_id(ProducerId(producer.0))
        .with_producer_epoch(producer.1)
        .with_committed(is_commit)
}

/// Commits offsets as (topic, partition, offset), by nobody of the group.
pub(crate) fn commit(
    id: &str,
    producer: Producer,
    group: &str,
    offsets: &[(&str, i32, i64)],
) -> TxnOffsetCommitRequest {
    let topics = offsets.iter().map(|(topic, index, offset)| {
        let partition = TxnOffsetCommitRequestPartition::default()
            .with_partition_index(*index)
            .with_committed_offset(*offset)
            .with_committed_metadata(Some(text("meta")));
        let topic = TxnOffsetCommitRequestTopic::default().with_name(topic_name(topic));
        topic.with_partitions(vec![partition])
    });
    TxnOffsetCommitRequest::default()
        .with_transactional_id(named(id))
        .with_producer_id(ProducerId(producer.0))
        .with_producer_epoch(producer.1)
        .with_group_id(GroupId(text(group)))
        .with_topics(topics.collect())
}

/// Encodes so many records of a transaction.
pub(crate) fn batch(producer: Producer, sequence: i32, count: usize) -> Bytes {
    let plain = Batch::from_producer(producer.0, producer.1, sequence, count);
    Batch { is_transactional: true, ..plain }.encode()
}

/// Sends records of a transaction to one partition.
pub(crate) fn produce(id: &str, topic: &str, partition: i32, records: Bytes) -> ProduceRequest {
    produce_to(topic, &[(partition, records)]).with_transactional_id(Some(named(id)))
}
