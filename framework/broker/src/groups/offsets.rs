//! Committed offsets: who may commit, what is kept, and reading it back.
//!
//! The group with the empty name can have offsets, though nobody can join it: Kafka keeps that for
//! clients of long ago.

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::offset_commit_request::OffsetCommitRequestPartition;
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponsePartition, OffsetFetchResponseTopic,
};
use kafka_protocol::messages::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use crate::changes::Step;
use crate::changes::facts::{CommittedFact, Fact};
use crate::groups::Groups;
use crate::groups::group::Group;
use crate::groups::state::GroupState;
use crate::reply::Replies;
use crate::time::Millis;
use crate::topics::Topics;

/// The offsets of one group, by topic and partition.
#[derive(Debug, Default)]
pub(crate) struct CommittedOffsets {
    by_topic: BTreeMap<String, BTreeMap<i32, CommittedOffset>>,
}

/// One committed offset, with what the committer wanted to remember.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommittedOffset {
    pub(super) offset: i64,
    pub(super) leader_epoch: i32,
    pub(super) metadata: String,
}

impl CommittedOffset {
    pub(super) fn fact(&self) -> CommittedFact {
        let Self { offset, leader_epoch, metadata } = self;
        CommittedFact { offset: *offset, leader_epoch: *leader_epoch, metadata: metadata.clone() }
    }

    pub(super) fn restore(fact: &CommittedFact) -> Self {
        let CommittedFact { offset, leader_epoch, metadata } = fact.clone();
        Self { offset, leader_epoch, metadata }
    }
}

impl CommittedOffsets {
    pub(crate) fn forget_topic(&mut self, topic: &str) {
        self.by_topic.remove(topic);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_topic.is_empty()
    }

    fn get(&self, topic: &str, partition: i32) -> Option<&CommittedOffset> {
        self.by_topic.get(topic)?.get(&partition)
    }
}

impl Groups {
    pub(crate) fn commit_offsets(
        &mut self,
        now: Millis,
        topics: &Topics,
        version: i16,
        body: OffsetCommitRequest,
    ) -> OffsetCommitResponse {
        let id = body.group_id.to_string();
        let known = |topic: &str, index| topics.partition(topic, index).is_ok();
        let is_any_known = body
            .topics
            .iter()
            .any(|topic| topic.partitions.iter().any(|it| known(&topic.name, it.partition_index)));
        // As in Kafka, unknown partitions are sorted out before the group has a say.
        let allowed =
            if is_any_known { self.admit_commit(now, topics, version, &body) } else { Ok(()) };
        let metadata_max = self.config.offset_metadata_bytes_max;
        let mut results = Vec::with_capacity(body.topics.len());
        for topic in body.topics {
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for partition in topic.partitions {
                let index = partition.partition_index;
                let metadata_bytes = partition.committed_metadata.as_ref().map_or(0, |it| it.len());
                let error = if !known(&topic.name, index) {
                    Some(ResponseError::UnknownTopicOrPartition)
                } else if let Err(error) = allowed {
                    Some(error)
                } else if metadata_bytes > metadata_max {
                    Some(ResponseError::OffsetMetadataTooLarge)
                } else {
                    self.commit(&id, &topic.name, partition);
                    None
                };
                let result = OffsetCommitResponsePartition::default().with_partition_index(index);
                partitions.push(result.with_error_code(error.map_or(0, |error| error.code())));
            }
            let result = OffsetCommitResponseTopic::default().with_name(topic.name);
            results.push(result.with_partitions(partitions));
        }
        OffsetCommitResponse::default().with_topics(results)
    }

    /// Decides whether the group takes a commit from there.
    fn admit_commit(
        &mut self,
        now: Millis,
        topics: &Topics,
        version: i16,
        body: &OffsetCommitRequest,
    ) -> Result<(), ResponseError> {
        let id = body.group_id.as_str();
        let generation = body.generation_id_or_member_epoch;
        self.find_or_create_simple(id, generation)?;
        // A commit shows that its member lives, which moves the group's alarm.
        let mut unused = Replies::new();
        let (member, instance) = (&body.member_id, &body.group_instance_id);
        let admitted =
            self.with_group(now, id, &mut unused, |group, context| match &group.consumer {
                Some(consumer) => consumer.admit_commit(version, topics, body),
                None => group.admit_commit(context.now, generation, member, instance),
            });
        admitted.unwrap_or(Err(ResponseError::CoordinatorNotAvailable))
    }

    /// Sees to it that there is a group for somebody who commits to it in a generation.
    pub(super) fn find_or_create_simple(
        &mut self,
        id: &str,
        generation: i32,
    ) -> Result<(), ResponseError> {
        if self.by_id.contains_key(id) {
            return Ok(());
        }
        if generation >= 0 {
            return Err(ResponseError::IllegalGeneration);
        }
        if !self.has_room() {
            return Err(ResponseError::GroupMaxSizeReached);
        }
        self.make_room();
        // Somebody who assigns partitions by hand: the group is nothing but offsets.
        self.by_id.insert(id.to_owned(), Group::new(id.to_owned()));
        Ok(())
    }

    fn commit(&mut self, id: &str, topic: &str, partition: OffsetCommitRequestPartition) {
        let index = partition.partition_index;
        // Of a commit and one of a transaction the later one counts.
        self.supersede(id, topic, index);
        let committed = CommittedOffset {
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            metadata: partition.committed_metadata.map_or_else(String::new, |it| it.to_string()),
        };
        self.set_committed(id, topic, index, committed);
    }

    pub(super) fn set_committed(
        &mut self,
        id: &str,
        topic: &str,
        index: i32,
        committed: CommittedOffset,
    ) {
        let Some(group) = self.by_id.get_mut(id) else { return };
        let offsets = group.offsets.by_topic.entry(topic.to_owned()).or_default();
        self.changes.push(|| {
            let (group, topic, committed) = (id.to_owned(), topic.to_owned(), committed.fact());
            Step::Set(Fact::Offset { group, topic, partition: index, committed })
        });
        offsets.insert(index, committed);
    }

    /// Takes a committed offset in that was kept.
    pub(crate) fn restore_offset(
        &mut self,
        now: Millis,
        id: &str,
        topic: &str,
        partition: i32,
        committed: &CommittedFact,
    ) {
        let group = self.by_id.entry(id.to_owned()).or_insert_with(|| Group::new(id.to_owned()));
        group.last_active = now;
        let offsets = group.offsets.by_topic.entry(topic.to_owned()).or_default();
        offsets.insert(partition, CommittedOffset::restore(committed));
    }

    pub(crate) fn fetch_offsets_of_one(&self, body: OffsetFetchRequest) -> OffsetFetchResponse {
        let group = self.by_id.get(body.group_id.as_str());
        let offsets = group.map(|group| &group.offsets);
        // Whoever wants it stable is told to ask again while a transaction may change it.
        let pending = group.map(|group| &group.pending_offsets).filter(|_| body.require_stable);
        let describe = |topic: &str, index: i32, committed: Option<&CommittedOffset>| {
            if pending.is_some_and(|pending| pending.has(topic, index)) {
                let error = ResponseError::UnstableOffsetCommit.code();
                return describe(index, None).with_error_code(error);
            }
            describe(index, committed)
        };
        let topics = match body.topics {
            None => offsets.map(|offsets| all(offsets, describe)).unwrap_or_default(),
            Some(topics) => {
                let asked = topics.into_iter().map(|topic| {
                    let indexes = topic.partition_indexes.iter();
                    let find = |index| offsets.and_then(|it| it.get(&topic.name, index));
                    let partitions =
                        indexes.map(|index| describe(&topic.name, *index, find(*index)));
                    let partitions = partitions.collect();
                    OffsetFetchResponseTopic::default()
                        .with_partitions(partitions)
                        .with_name(topic.name.clone())
                });
                asked.collect()
            }
        };
        OffsetFetchResponse::default().with_topics(topics)
    }

    /// Forgets what was committed for a topic that is gone.
    pub(crate) fn forget_topic(&mut self, topic: &str) {
        for group in self.by_id.values_mut() {
            group.offsets.forget_topic(topic);
            group.pending_offsets.forget_topic(topic);
        }
    }
}

impl Group {
    fn admit_commit(
        &mut self,
        now: Millis,
        generation: i32,
        member_id: &StrBytes,
        instance: &Option<StrBytes>,
    ) -> Result<(), ResponseError> {
        let is_empty = self.state() == GroupState::Empty;
        if generation < 0 && is_empty {
            return Ok(());
        }
        if generation < 0 && member_id.is_empty() && instance.is_none() {
            // Members own the partitions now: nobody else may move their offsets.
            return Err(ResponseError::UnknownMemberId);
        }
        self.check_member(member_id, instance.as_ref())?;
        if generation != self.generation {
            return Err(ResponseError::IllegalGeneration);
        }
        if self.state() == GroupState::CompletingRebalance {
            return Err(ResponseError::RebalanceInProgress);
        }
        self.renew_session(now, member_id);
        Ok(())
    }
}

fn all(
    offsets: &CommittedOffsets,
    describe: impl Fn(&str, i32, Option<&CommittedOffset>) -> OffsetFetchResponsePartition,
) -> Vec<OffsetFetchResponseTopic> {
    let topic = |(name, partitions): (&String, &BTreeMap<i32, CommittedOffset>)| {
        let partitions = partitions.iter().map(|(index, it)| describe(name, *index, Some(it)));
        let partitions = partitions.collect();
        let name = TopicName(StrBytes::from_string(name.clone()));
        OffsetFetchResponseTopic::default().with_name(name).with_partitions(partitions)
    };
    offsets.by_topic.iter().map(topic).collect()
}

fn describe(index: i32, committed: Option<&CommittedOffset>) -> OffsetFetchResponsePartition {
    let response = OffsetFetchResponsePartition::default().with_partition_index(index);
    match committed {
        None => response
            .with_committed_offset(-1)
            .with_committed_leader_epoch(-1)
            .with_metadata(Some(StrBytes::new())),
        Some(it) => response
            .with_committed_offset(it.offset)
            .with_committed_leader_epoch(it.leader_epoch)
            .with_metadata(Some(StrBytes::from_string(it.metadata.clone()))),
    }
}
