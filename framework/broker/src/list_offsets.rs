//! Offsets by time and by epoch: `ListOffsets` and `OffsetForLeaderEpoch`.

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::list_offsets_request::ListOffsetsPartition;
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{
    ListOffsetsRequest, ListOffsetsResponse, OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
};

use crate::broker::Broker;
use crate::broker::dispatch::Request;
use crate::error::Refusal;
use crate::fetch::{Isolation, check_epoch};
use crate::log::batch::LEADER_EPOCH;
use crate::log::lookup::TimedOffset;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
/// The first version in which the record with the largest timestamp may be asked for.
const MAX_TIMESTAMP_VERSION_MIN: i16 = 7;

/// The first version whose answers name the leader's epoch.
const LEADER_EPOCH_VERSION_MIN: i16 = 4;

impl Broker {
    pub(crate) fn list_offsets(
        &self,
        request: &Request,
        body: ListOffsetsRequest,
    ) -> ListOffsetsResponse {
        let isolation = Isolation::of(body.isolation_level);
        let mut times = BTreeMap::new();
        for topic in &body.topics {
            for partition in &topic.partitions {
                *times.entry((&topic.name, partition.partition_index)).or_insert(0) += 1;
            }
        }
        let mut topics = Vec::with_capacity(body.topics.len());
        for topic in &body.topics {
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for partition in &topic.partitions {
                let index = partition.partition_index;
                let found = if times.get(&(&topic.name, index)).is_some_and(|times| *times > 1) {
                    let message = format!("partition {index} is asked for more than once");
                    Err(Refusal::new(ResponseError::InvalidRequest, message))
                } else {
                    let version = request.call.version;
                    self.list_offset(&topic.name, partition, version, isolation)
                };
                partitions.push(partition_response(request.call.version, index, found));
            }
            let response = ListOffsetsTopicResponse::default().with_name(topic.name.clone());
            topics.push(response.with_partitions(partitions));
        }
        ListOffsetsResponse::default().with_topics(topics)
    }

    fn list_offset(
        &self,
        topic: &str,
        asked: &ListOffsetsPartition,
        version: i16,
        isolation: Isolation,
    ) -> Result<Option<TimedOffset>, Refusal> {
        let time = asked.timestamp;
        if time < MAX_TIMESTAMP || time == MAX_TIMESTAMP && version < MAX_TIMESTAMP_VERSION_MIN {
            let message = format!("version {version} of ListOffsets does not know time {time}");
            return Err(Refusal::new(ResponseError::UnsupportedVersion, message));
        }
        let log = self.topics.partition(topic, asked.partition_index)?;
        check_epoch(asked.current_leader_epoch)?;
        let end = isolation.end_of(log);
        Ok(match time {
            LATEST => Some(TimedOffset { timestamp: -1, offset: end }),
            EARLIEST => Some(TimedOffset { timestamp: -1, offset: log.start_offset() }),
            MAX_TIMESTAMP => log.find_latest_time(),
            time => log.find_time(time).filter(|found| found.offset < end),
        })
    }

    pub(crate) fn offset_for_leader_epoch(
        &self,
        body: OffsetForLeaderEpochRequest,
    ) -> OffsetForLeaderEpochResponse {
        let topics = body.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.iter();
            let partitions = partitions.map(|it| self.epoch_end(&topic.topic, it)).collect();
            OffsetForLeaderTopicResult::default()
                .with_partitions(partitions)
                .with_topic(topic.topic)
        });
        OffsetForLeaderEpochResponse::default().with_topics(topics.collect())
    }

    fn epoch_end(&self, topic: &str, asked: &OffsetForLeaderPartition) -> EpochEndOffset {
        let response = EpochEndOffset::default().with_partition(asked.partition);
        let log = self.topics.partition(topic, asked.partition);
        let log = log.and_then(|log| check_epoch(asked.current_leader_epoch).map(|()| log));
        match log {
            Ok(log) if asked.leader_epoch == LEADER_EPOCH => {
                response.with_leader_epoch(LEADER_EPOCH).with_end_offset(log.end_offset())
            }
            // An epoch that never was has no end: the response's defaults say so.
            Ok(_) => response,
            Err(refusal) => response.with_error_code(refusal.code()),
        }
    }
}

fn partition_response(
    version: i16,
    index: i32,
    found: Result<Option<TimedOffset>, Refusal>,
) -> ListOffsetsPartitionResponse {
    let response = ListOffsetsPartitionResponse::default().with_partition_index(index);
    match found {
        Ok(Some(found)) => {
            let has_epoch = version >= LEADER_EPOCH_VERSION_MIN;
            response
                .with_timestamp(found.timestamp)
                .with_offset(found.offset)
                .with_leader_epoch(if has_epoch { LEADER_EPOCH } else { -1 })
        }
        Ok(None) => response,
        Err(refusal) => response.with_error_code(refusal.code()),
    }
}

#[cfg(test)]
mod tests;
