//! What belongs to a transaction: `AddPartitionsToTxn` and `AddOffsetsToTxn`.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
};

use crate::broker::Broker;
use crate::time::Millis;
use crate::transactions::Transactions;
use crate::transactions::transaction::{Phase, Transaction};

impl Broker {
    pub(crate) fn add_partitions_to_txn(
        &mut self,
        now: Millis,
        body: AddPartitionsToTxnRequest,
    ) -> AddPartitionsToTxnResponse {
        let topics = body.v3_and_below_topics;
        let is_known = |topic: &str, index: i32| self.topics.partition(topic, index).is_ok();
        let are_known =
            topics.iter().all(|it| it.partitions.iter().all(|index| is_known(&it.name, *index)));
        let added = if are_known {
            let partitions = topics.iter().flat_map(|topic| {
                topic.partitions.iter().map(|index| (topic.name.to_string(), *index))
            });
            let partitions: Vec<_> = partitions.collect();
            let producer = (body.v3_and_below_producer_id.0, body.v3_and_below_producer_epoch);
            let id = body.v3_and_below_transactional_id.as_str();
            let is_in =
                |it: &Transaction| partitions.iter().all(|part| it.partitions.contains(part));
            self.transactions.add_parts(now, id, producer, is_in, |it| {
                it.partitions.extend(partitions.iter().cloned());
            })
        } else {
            Err(ResponseError::OperationNotAttempted)
        };
        let results = topics.into_iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|index| {
                let is_known = self.topics.partition(&topic.name, *index).is_ok();
                let unknown = ResponseError::UnknownTopicOrPartition.code();
                let code = if is_known { code(added) } else { unknown };
                let result = AddPartitionsToTxnPartitionResult::default();
                result.with_partition_index(*index).with_partition_error_code(code)
            });
            let results = partitions.collect();
            let result = AddPartitionsToTxnTopicResult::default();
            result.with_results_by_partition(results).with_name(topic.name)
        });
        let results = results.collect();
        AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(results)
    }

    pub(crate) fn add_offsets_to_txn(
        &mut self,
        now: Millis,
        body: &AddOffsetsToTxnRequest,
    ) -> AddOffsetsToTxnResponse {
        let (id, group) = (body.transactional_id.as_str(), body.group_id.as_str());
        let producer = (body.producer_id.0, body.producer_epoch);
        let groups_max = self.config.groups.groups_max;
        let groups = |id: &str| self.transactions.by_id.get(id).map_or(0, |it| it.groups.len());
        let added = if groups(id) < groups_max {
            let is_in = |it: &Transaction| it.groups.contains(group);
            self.transactions.add_parts(now, id, producer, is_in, |it| {
                it.groups.insert(group.to_owned());
            })
        } else {
            Err(ResponseError::GroupMaxSizeReached)
        };
        AddOffsetsToTxnResponse::default().with_error_code(code(added))
    }
}

impl Transactions {
    /// Adds parts to a transaction, which may begin with that.
    fn add_parts(
        &mut self,
        now: Millis,
        id: &str,
        producer: (i64, i16),
        is_in: impl FnOnce(&Transaction) -> bool,
        add: impl FnOnce(&mut Transaction),
    ) -> Result<(), ResponseError> {
        let transaction = self.find(id, producer.0, producer.1)?;
        match transaction.phase {
            Phase::Ending(_) => return Err(ResponseError::ConcurrentTransactions),
            Phase::Ongoing if is_in(transaction) => return Ok(()),
            _ => {}
        }
        self.update(now, id, |it| {
            it.phase = Phase::Ongoing;
            add(it);
        });
        Ok(())
    }
}

fn code(result: Result<(), ResponseError>) -> i16 {
    result.map_or_else(|error| error.code(), |()| 0)
}
