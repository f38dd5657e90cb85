//! Offsets that belong to an open transaction: they are the group's once that is committed.

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::txn_offset_commit_request::TxnOffsetCommitRequestPartition;
use kafka_protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use kafka_protocol::messages::{TxnOffsetCommitRequest, TxnOffsetCommitResponse};

use crate::changes::Step;
use crate::changes::facts::{CommittedFact, Fact, Key};
use crate::groups::Groups;
use crate::groups::group::Group;
use crate::groups::offsets::CommittedOffset;
use crate::log::transactions::Outcome;
use crate::time::Millis;
use crate::topics::Topics;
use crate::transactions::Transactions;

/// The offsets of open transactions, by producer.
#[derive(Debug, Default)]
pub(crate) struct PendingOffsets {
    by_producer: BTreeMap<i64, BTreeMap<(String, i32), CommittedOffset>>,
}

impl PendingOffsets {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_producer.is_empty()
    }

    /// Returns whether a transaction has an offset for this partition.
    pub(crate) fn has(&self, topic: &str, partition: i32) -> bool {
        let partition = (topic.to_owned(), partition);
        self.by_producer.values().any(|offsets| offsets.contains_key(&partition))
    }

    fn insert(&mut self, producer_id: i64, partition: (String, i32), offset: CommittedOffset) {
        self.by_producer.entry(producer_id).or_default().insert(partition, offset);
    }

    /// Drops the offsets that are not wanted; returns whose and of what they were.
    fn remove(
        &mut self,
        is_unwanted: impl Fn(i64, &(String, i32)) -> bool,
    ) -> Vec<(i64, (String, i32))> {
        let mut removed = Vec::new();
        for (producer_id, offsets) in &mut self.by_producer {
            let out = offsets.extract_if(.., |partition, _| is_unwanted(*producer_id, partition));
            removed.extend(out.map(|(partition, _)| (*producer_id, partition)));
        }
        self.by_producer.retain(|_, offsets| !offsets.is_empty());
        removed
    }

    pub(crate) fn forget_topic(&mut self, name: &str) {
        self.remove(|_, (topic, _)| topic == name);
    }
}

impl Groups {
    pub(crate) fn commit_offsets_of_transaction(
        &mut self,
        now: Millis,
        topics: &Topics,
        transactions: &Transactions,
        body: TxnOffsetCommitRequest,
    ) -> TxnOffsetCommitResponse {
        let known = |topic: &str, index| topics.partition(topic, index).is_ok();
        let is_any_known = body
            .topics
            .iter()
            .any(|topic| topic.partitions.iter().any(|it| known(&topic.name, it.partition_index)));
        let allowed =
            if is_any_known { self.admit_transaction(now, transactions, &body) } else { Ok(()) };
        let metadata_max = self.config.offset_metadata_bytes_max;
        let (id, producer_id) = (body.group_id.to_string(), body.producer_id.0);
        let mut results = Vec::with_capacity(body.topics.len());
        for topic in body.topics {
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for partition in topic.partitions {
                let index = partition.partition_index;
                let metadata_bytes = partition.committed_metadata.as_ref().map_or(0, |it| it.len());
                let result = if !known(&topic.name, index) {
                    Err(ResponseError::UnknownTopicOrPartition)
                } else if metadata_bytes > metadata_max {
                    allowed.and(Err(ResponseError::OffsetMetadataTooLarge))
                } else {
                    allowed
                };
                if result.is_ok() {
                    self.set_pending(&id, producer_id, (topic.name.to_string(), index), partition);
                }
                let code = result.map_or_else(|error| error.code(), |()| 0);
                let result = TxnOffsetCommitResponsePartition::default();
                partitions.push(result.with_partition_index(index).with_error_code(code));
            }
            let result = TxnOffsetCommitResponseTopic::default().with_name(topic.name);
            results.push(result.with_partitions(partitions));
        }
        TxnOffsetCommitResponse::default().with_topics(results)
    }

    /// Decides whether the group takes offsets from there.
    fn admit_transaction(
        &mut self,
        now: Millis,
        transactions: &Transactions,
        body: &TxnOffsetCommitRequest,
    ) -> Result<(), ResponseError> {
        let (id, producer) = (body.group_id.as_str(), (body.producer_id.0, body.producer_epoch));
        transactions.check_group(&body.transactional_id, producer, id)?;
        self.find_or_create_simple(id, body.generation_id)?;
        let group = self.by_id.get_mut(id).ok_or(ResponseError::CoordinatorNotAvailable)?;
        group.last_active = now;
        group.check_transaction(body)
    }

    fn set_pending(
        &mut self,
        id: &str,
        producer_id: i64,
        partition: (String, i32),
        asked: TxnOffsetCommitRequestPartition,
    ) {
        let Some(group) = self.by_id.get_mut(id) else { return };
        let committed = CommittedOffset {
            offset: asked.committed_offset,
            leader_epoch: asked.committed_leader_epoch,
            metadata: asked.committed_metadata.map_or_else(String::new, |it| it.to_string()),
        };
        self.changes.push(|| {
            let (group, committed) = (id.to_owned(), committed.fact());
            let (topic, partition) = partition.clone();
            Step::Set(Fact::PendingOffset { group, producer_id, topic, partition, committed })
        });
        group.pending_offsets.insert(producer_id, partition, committed);
    }

    /// Takes in an offset of an open transaction that was kept.
    pub(crate) fn restore_pending_offset(
        &mut self,
        now: Millis,
        id: &str,
        producer_id: i64,
        partition: (String, i32),
        committed: &CommittedFact,
    ) {
        let group = self.by_id.entry(id.to_owned()).or_insert_with(|| Group::new(id.to_owned()));
        group.last_active = now;
        group.pending_offsets.insert(producer_id, partition, CommittedOffset::restore(committed));
    }

    /// Ends what a producer's transaction has of a group's offsets.
    pub(crate) fn end_transaction(&mut self, id: &str, producer_id: i64, outcome: Outcome) {
        if outcome == Outcome::Commit {
            let group = self.by_id.get(id);
            let pending = group.and_then(|it| it.pending_offsets.by_producer.get(&producer_id));
            // Committed before they are no longer pending, so that a restart in between loses none.
            for ((topic, index), offset) in pending.cloned().unwrap_or_default() {
                self.set_committed(id, &topic, index, offset);
            }
        }
        self.drop_pending(id, |its, _| its == producer_id);
    }

    /// Drops the offsets of transactions that are older than what is committed for a partition.
    pub(super) fn supersede(&mut self, id: &str, topic: &str, index: i32) {
        self.drop_pending(id, |_, (name, partition)| name == topic && *partition == index);
    }

    fn drop_pending(&mut self, id: &str, is_unwanted: impl Fn(i64, &(String, i32)) -> bool) {
        let Some(group) = self.by_id.get_mut(id) else { return };
        for (producer_id, (topic, partition)) in group.pending_offsets.remove(is_unwanted) {
            self.changes.push(|| {
                let group = id.to_owned();
                Step::Unset(Key::PendingOffset { group, producer_id, topic, partition })
            });
        }
    }
}

impl Group {
    /// Checks where offsets of a transaction come from: a member of this generation, or somebody
    /// who says nothing about that, as clients of before KIP-447 do.
    fn check_transaction(&self, body: &TxnOffsetCommitRequest) -> Result<(), ResponseError> {
        let (member, instance) = (&body.member_id, body.group_instance_id.as_ref());
        let is_nobody = member.is_empty() && instance.is_none();
        if body.generation_id < 0 && (is_nobody || self.is_empty()) {
            return Ok(());
        }
        if let Some(consumer) = &self.consumer {
            return consumer.check_transaction(body.generation_id, member);
        }
        self.check_member(member, instance)?;
        let is_current = body.generation_id == self.generation;
        if is_current { Ok(()) } else { Err(ResponseError::IllegalGeneration) }
    }
}
