//! Committing and fetching offsets in a group that the broker leads, and fetching those of several
//! groups at once.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::offset_commit_request::OffsetCommitRequestTopic;
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic,
};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{OffsetCommitRequest, OffsetFetchRequest, OffsetFetchResponse};
use kafka_protocol::protocol::StrBytes;

use crate::groups::Groups;
use crate::groups::consumer::ConsumerGroup;
use crate::topics::Topics;

/// The first version in which a commit has a member's epoch.
const EPOCH_VERSION_MIN: i16 = 9;
/// The first version in which offsets are fetched of several groups.
const GROUPS_VERSION_MIN: i16 = 8;

impl ConsumerGroup {
    /// Decides whether a commit is taken.
    ///
    /// As in Kafka a member of the newest epoch may commit what it does not own. One that lags
    /// behind may commit what it has held since then.
    pub(crate) fn admit_commit(
        &self,
        version: i16,
        topics: &Topics,
        body: &OffsetCommitRequest,
    ) -> Result<(), ResponseError> {
        let epoch = body.generation_id_or_member_epoch;
        if epoch < 0 && self.is_empty() {
            return Ok(());
        }
        let member = self.members.get(&body.member_id).ok_or(ResponseError::UnknownMemberId)?;
        if version < EPOCH_VERSION_MIN {
            return Err(ResponseError::UnsupportedVersion);
        }
        let holds = |topic: &OffsetCommitRequestTopic| {
            let id = topics.get(&topic.name).map(|topic| topic.uuid);
            let since = |index| id.and_then(|id| member.since.get(&(id, index)));
            let mut partitions = topic.partitions.iter().map(|it| since(it.partition_index));
            partitions.all(|since| since.is_some_and(|since| *since <= epoch))
        };
        match epoch.cmp(&member.epoch) {
            Ordering::Equal => Ok(()),
            Ordering::Less if body.topics.iter().all(holds) => Ok(()),
            Ordering::Less | Ordering::Greater => Err(ResponseError::StaleMemberEpoch),
        }
    }

    /// Decides whether offsets of a transaction are taken: as in Kafka of members of this epoch only,
    /// and with the error that producers know.
    pub(crate) fn check_transaction(
        &self,
        epoch: i32,
        member: &StrBytes,
    ) -> Result<(), ResponseError> {
        match self.members.get(member) {
            None => Err(ResponseError::UnknownMemberId),
            Some(known) if known.epoch != epoch => Err(ResponseError::IllegalGeneration),
            Some(_) => Ok(()),
        }
    }

    /// Decides whether offsets are shown: to members of this epoch, and to who claims to be none.
    fn admit_fetch(&self, epoch: i32, member: Option<&StrBytes>) -> Result<(), ResponseError> {
        let Some(member) = member.filter(|_| epoch >= 0) else { return Ok(()) };
        match self.members.get(member) {
            None => Err(ResponseError::UnknownMemberId),
            Some(known) if known.epoch != epoch => Err(ResponseError::StaleMemberEpoch),
            Some(_) => Ok(()),
        }
    }
}

impl Groups {
    /// Answers a request for offsets, of one group or of several.
    pub(crate) fn fetch_offsets(
        &self,
        version: i16,
        body: OffsetFetchRequest,
    ) -> OffsetFetchResponse {
        if version < GROUPS_VERSION_MIN {
            return self.fetch_offsets_of_one(body);
        }
        // Named again its offsets would be listed again: small requests must not have huge answers.
        let mut seen = BTreeSet::new();
        let groups = body.groups.into_iter().filter(|group| seen.insert(group.group_id.clone()));
        let groups = groups.map(|asked| self.fetch_group(asked, body.require_stable));
        OffsetFetchResponse::default().with_groups(groups.collect())
    }

    fn fetch_group(
        &self,
        asked: OffsetFetchRequestGroup,
        require_stable: bool,
    ) -> OffsetFetchResponseGroup {
        let response = OffsetFetchResponseGroup::default().with_group_id(asked.group_id.clone());
        let group = self.by_id.get(asked.group_id.as_str()).and_then(|it| it.consumer.as_ref());
        let admit =
            |group: &ConsumerGroup| group.admit_fetch(asked.member_epoch, asked.member_id.as_ref());
        if let Some(Err(error)) = group.map(admit) {
            return response.with_error_code(error.code());
        }
        let topics = asked.topics.map(|topics| {
            let topics = topics.into_iter().map(|topic| {
                OffsetFetchRequestTopic::default()
                    .with_name(topic.name)
                    .with_partition_indexes(topic.partition_indexes)
            });
            topics.collect()
        });
        let request = OffsetFetchRequest::default()
            .with_group_id(asked.group_id)
            .with_topics(topics)
            .with_require_stable(require_stable);
        let found = self.fetch_offsets_of_one(request).topics.into_iter().map(|topic| {
            let partitions = topic.partitions.into_iter().map(|it| {
                OffsetFetchResponsePartitions::default()
                    .with_partition_index(it.partition_index)
                    .with_committed_offset(it.committed_offset)
                    .with_committed_leader_epoch(it.committed_leader_epoch)
                    .with_metadata(it.metadata)
                    .with_error_code(it.error_code)
            });
            let response = OffsetFetchResponseTopics::default().with_name(topic.name);
            response.with_partitions(partitions.collect())
        });
        response.with_topics(found.collect())
    }
}
