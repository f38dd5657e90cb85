//! Fetch: reading slices of the logs, or waiting until there is enough to read.

pub(crate) mod parked;

use std::collections::BTreeSet;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{FetchRequest, FetchResponse, TopicName};

use crate::broker::Broker;
use crate::broker::dispatch::Request;
use crate::error::Refusal;
use crate::fetch::parked::FetchId;
use crate::log::PartitionLog;
use crate::log::batch::LEADER_EPOCH;
use crate::reply::{Call, FrameBuilder, Replies};
use crate::time::Millis;
use crate::topics::Topics;

/// The epoch of a client that does not say which leader it knows.
const UNKNOWN_EPOCH: i32 = -1;
/// The epochs of fetches that name all of their partitions: the first of a session, and without
/// one.
const FULL_FETCHES: [i32; 2] = [0, -1];

/// Which records a reader wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// All.
    ReadUncommitted,
    /// Those up to the first open transaction.
    ReadCommitted,
}

impl Isolation {
    /// Reads the number that requests have; Kafka takes only these two.
    pub(crate) fn of(level: i8) -> Self {
        if level == 1 { Self::ReadCommitted } else { Self::ReadUncommitted }
    }

    /// Returns the offset up to which a reader may read.
    pub(crate) fn end_of(self, log: &PartitionLog) -> i64 {
        match self {
            Self::ReadUncommitted => log.end_offset(),
            Self::ReadCommitted => log.last_stable_offset(),
        }
    }
}

/// A fetch as it was asked, to be answered now or later.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) call: Call,
    isolation: Isolation,
    bytes_min: u64,
    bytes_max: usize,
    pub(crate) topics: Vec<TopicFetch>,
}

/// What is wanted of one topic.
#[derive(Debug)]
pub(crate) struct TopicFetch {
    pub(crate) name: TopicName,
    pub(crate) partitions: Vec<PartitionFetch>,
}

/// What is wanted of one partition.
#[derive(Debug)]
pub(crate) struct PartitionFetch {
    pub(crate) index: i32,
    offset: i64,
    leader_epoch: i32,
    bytes_max: usize,
}

impl Broker {
    pub(crate) fn fetch(
        &mut self,
        now: Millis,
        request: &Request,
        replies: &mut Replies,
    ) -> Result<(), String> {
        let body: FetchRequest = request.body()?;
        if !FULL_FETCHES.contains(&body.session_epoch) {
            // No sessions are kept: the answer to the first fetch said so, with session 0. So this
            // goes on with one that does not exist.
            let error = ResponseError::FetchSessionIdNotFound.code();
            replies.respond(&request.call, &FetchResponse::default().with_error_code(error));
            return Ok(());
        }
        let wait_ms = i64::from(body.max_wait_ms);
        let fetch = Fetch::new(request.call, body, self.config.fetch_bytes_max);
        if wait_ms <= 0 || fetch.is_ready(&self.topics) {
            replies.send(&fetch.call, fetch.answer(&self.topics));
        } else {
            self.parked.park(fetch, now.after(wait_ms));
        }
        Ok(())
    }

    /// Answers the waiting fetches that partitions with new records (or none any more) satisfy.
    pub(crate) fn complete_fetches_of(
        &mut self,
        partitions: &[(String, i32)],
        replies: &mut Replies,
    ) {
        for (topic, index) in partitions {
            for id in self.parked.waiting_for(topic, *index) {
                if self.parked.get(id).is_some_and(|fetch| fetch.is_ready(&self.topics)) {
                    self.complete_fetch(id, replies);
                }
            }
        }
    }

    /// Answers the waiting fetches whose time is up.
    pub(crate) fn complete_expired_fetches(&mut self, now: Millis, replies: &mut Replies) {
        while let Some(id) = self.parked.expired(now) {
            self.complete_fetch(id, replies);
        }
    }

    fn complete_fetch(&mut self, id: FetchId, replies: &mut Replies) {
        if let Some(fetch) = self.parked.take(id) {
            replies.send(&fetch.call, fetch.answer(&self.topics));
        }
    }
}

impl Fetch {
    fn new(call: Call, body: FetchRequest, bytes_max: usize) -> Self {
        let partitions = |partitions: Vec<_>| partitions.into_iter().map(PartitionFetch::new);
        let topics = body.topics.into_iter().map(|topic| TopicFetch {
            name: topic.topic,
            partitions: partitions(topic.partitions).collect(),
        });
        let bytes_max = usize::try_from(body.max_bytes).unwrap_or(0).min(bytes_max);
        // Nobody waits for more than an answer may have.
        let bytes_min = u64::try_from(body.min_bytes).unwrap_or(0).min(bytes_max as u64);
        Self {
            call,
            isolation: Isolation::of(body.isolation_level),
            bytes_min,
            bytes_max,
            topics: once(topics.collect()),
        }
    }

    fn partitions(&self) -> impl Iterator<Item = (&TopicName, &PartitionFetch)> {
        self.topics.iter().flat_map(|it| it.partitions.iter().map(move |part| (&it.name, part)))
    }

    /// Returns whether there is reason to answer: enough bytes, an error, or nothing asked.
    fn is_ready(&self, topics: &Topics) -> bool {
        let mut bytes: u64 = 0;
        let mut is_asked = false;
        for (topic, partition) in self.partitions() {
            is_asked = true;
            match partition.find(topics, topic) {
                Err(_) => return true,
                Ok(log) => {
                    let ahead = log.bytes_between(partition.offset, self.isolation.end_of(log));
                    bytes += ahead.min(partition.bytes_max as u64);
                }
            }
        }
        !is_asked || bytes >= self.bytes_min
    }

    /// Writes the response, which for these versions is plain enough to do without the codec; so
    /// the records can be shared instead of copied.
    fn answer(&self, topics: &Topics) -> FrameBuilder {
        let version = self.call.version;
        let mut frame = FrameBuilder::new(&self.call);
        frame.head().put_i32(0); // throttle time
        if version >= 7 {
            frame.head().put_i16(0); // error
            frame.head().put_i32(0); // session: none
        }
        let mut room = self.bytes_max;
        let mut is_first = true;
        put_count(frame.head(), self.topics.len());
        for topic in &self.topics {
            // It came with a length of two bytes, so it goes with one.
            frame.head().put_i16(i16::try_from(topic.name.len()).unwrap_or(i16::MAX));
            frame.head().put_slice(topic.name.as_bytes());
            put_count(frame.head(), topic.partitions.len());
            for partition in &topic.partitions {
                let found = partition.find(topics, &topic.name);
                let (offset, bytes_max) = (partition.offset, partition.bytes_max.min(room));
                let (batches, next) = found.as_ref().map_or_else(
                    |_| (Vec::new(), offset),
                    |log| log.read(offset, self.isolation.end_of(log), bytes_max, is_first),
                );
                let bytes: usize = batches.iter().map(Bytes::len).sum();
                self.put_partition(frame.head(), partition.index, &found);
                self.put_aborted(frame.head(), found.as_ref().ok().copied(), offset, next);
                put_count(frame.head(), bytes);
                batches.iter().for_each(|batch| frame.share(batch));
                room = room.saturating_sub(bytes);
                is_first &= bytes == 0;
            }
        }
        frame
    }

    fn put_partition(
        &self,
        out: &mut BytesMut,
        index: i32,
        found: &Result<&PartitionLog, Refusal>,
    ) {
        let version = self.call.version;
        let log = found.as_ref().ok();
        out.put_i32(index);
        out.put_i16(found.as_ref().map_or_else(Refusal::code, |_| 0));
        out.put_i64(log.map_or(-1, |log| log.end_offset()));
        out.put_i64(log.map_or(-1, |log| log.last_stable_offset()));
        if version >= 5 {
            out.put_i64(log.map_or(-1, |log| log.start_offset()));
        }
    }

    /// Writes the aborted transactions among what is read: null unless committed records are asked
    /// for.
    fn put_aborted(&self, out: &mut BytesMut, log: Option<&PartitionLog>, from: i64, until: i64) {
        if self.isolation == Isolation::ReadCommitted {
            let aborted = log.map(|log| log.aborted_within(from, until)).unwrap_or_default();
            put_count(out, aborted.len());
            for it in aborted {
                out.put_i64(it.producer_id);
                out.put_i64(it.first_offset);
            }
        } else {
            out.put_i32(-1);
        }
        if self.call.version >= 11 {
            out.put_i32(-1); // preferred read replica: none
        }
    }
}

impl PartitionFetch {
    fn new(asked: kafka_protocol::messages::fetch_request::FetchPartition) -> Self {
        Self {
            index: asked.partition,
            offset: asked.fetch_offset,
            leader_epoch: asked.current_leader_epoch,
            bytes_max: usize::try_from(asked.partition_max_bytes).unwrap_or(0),
        }
    }

    fn find<'t>(&self, topics: &'t Topics, topic: &str) -> Result<&'t PartitionLog, Refusal> {
        let log = topics.partition(topic, self.index)?;
        check_epoch(self.leader_epoch)?;
        log.check_readable(self.offset)?;
        Ok(log)
    }
}

/// Leaves each partition once: the last of what was asked of it counts, as in Kafka.
fn once(mut topics: Vec<TopicFetch>) -> Vec<TopicFetch> {
    let mut seen = BTreeSet::new();
    for topic in topics.iter_mut().rev() {
        let name = topic.name.clone();
        let mut partitions = std::mem::take(&mut topic.partitions);
        partitions.reverse();
        partitions.retain(|partition| seen.insert((name.clone(), partition.index)));
        partitions.reverse();
        topic.partitions = partitions;
    }
    topics
}

/// Checks which leader a client believes in.
pub(crate) fn check_epoch(epoch: i32) -> Result<(), Refusal> {
    let error = match epoch {
        UNKNOWN_EPOCH | LEADER_EPOCH => return Ok(()),
        older if older < LEADER_EPOCH => ResponseError::FencedLeaderEpoch,
        _ => ResponseError::UnknownLeaderEpoch,
    };
    let message = format!("the leader's epoch is {LEADER_EPOCH}, not {epoch}");
    Err(Refusal::new(error, message))
}

fn put_count(out: &mut BytesMut, count: usize) {
    out.put_i32(i32::try_from(count).unwrap_or(i32::MAX));
}

#[cfg(test)]
mod tests;
