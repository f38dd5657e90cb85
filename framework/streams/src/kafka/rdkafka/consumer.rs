//! The consumer port: one queue per partition, read in batches by the thread that owns the consumer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kappa_partition_reader::{Fetched as Message, PartitionReader};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset as RdOffset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;

use super::context::{GroupContext, Signal};
use super::error::{failed, refused};
use crate::error::{Error, Result};
use crate::ids::{Offset, TopicPartition};
use crate::kafka::{
    Consumer, ConsumerEvent, FetchLimit, Fetched, FetchedBatch, Offsets, StartAt, Waker,
};
use crate::record::{Header, Headers, RawRecord};
use crate::time::Timestamp;

/// A consumer of librdkafka's.
pub(super) struct RdConsumer {
    /// Before the consumer, since they use it.
    readers: BTreeMap<TopicPartition, PartitionReader<GroupContext>>,
    consumer: Arc<BaseConsumer<GroupContext>>,
    signal: Arc<Signal>,
}

impl RdConsumer {
    pub(super) fn create(config: &ClientConfig) -> Result<Self> {
        let context = GroupContext::default();
        let signal = context.signal.clone();
        let consumer = config.create_with_context::<_, BaseConsumer<GroupContext>>(context);
        let mut consumer = consumer.map_err(|cause| failed("create a consumer", cause))?;
        let raise = signal.clone();
        consumer.set_nonempty_callback(move || raise.raise());
        Ok(Self { readers: BTreeMap::new(), consumer: Arc::new(consumer), signal })
    }

    /// Gives every assigned partition a queue of its own, before anything is fetched into it.
    fn split(&mut self, partitions: &[(TopicPartition, StartAt)]) -> Result<()> {
        self.readers.retain(|known, _| partitions.iter().any(|(wanted, _)| wanted == known));
        for (partition, _) in partitions {
            if self.readers.contains_key(partition) {
                continue;
            }
            let (topic, number) = (&partition.topic, partition.partition);
            let reader = PartitionReader::split(&self.consumer, topic, number);
            let mut reader = reader.ok_or_else(|| {
                Error::topology(format!("the topic name of {partition} is not one"))
            })?;
            let raise = self.signal.clone();
            reader.on_nonempty(move || raise.raise());
            self.readers.insert(partition.clone(), reader);
        }
        Ok(())
    }

    /// Has the client learn who leads the partitions: a fetch from an unknown leader waits for half a
    /// second. Where that fails the client finds out by itself.
    fn learn_leaders(&self) {
        let topics: BTreeSet<&Arc<str>> = self.readers.keys().map(|at| &at.topic).collect();
        for topic in topics {
            if let Err(cause) = self.consumer.fetch_metadata(Some(topic), LEADERS) {
                super::context::warn(&cause, "the client tries again");
            }
        }
    }
}

/// How long the answer may take that says who leads a topic's partitions.
const LEADERS: Duration = Duration::from_secs(2);

impl Consumer for RdConsumer {
    fn subscribe(&mut self, topics: &[Arc<str>]) -> Result<()> {
        let topics: Vec<&str> = topics.iter().map(|topic| &**topic).collect();
        let subscribed = self.consumer.subscribe(&topics);
        subscribed.map_err(|cause| failed(format!("subscribe to {}", topics.join(", ")), cause))
    }

    fn assign(&mut self, partitions: &[(TopicPartition, StartAt)]) -> Result<()> {
        self.split(partitions)?;
        self.learn_leaders();
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for (partition, start) in partitions {
            let offset = match start {
                StartAt::Committed => RdOffset::Stored,
                StartAt::Beginning => RdOffset::Beginning,
                StartAt::Offset(offset) => RdOffset::Offset(offset.0),
            };
            let added = list.add_partition_offset(&partition.topic, partition.partition, offset);
            added.map_err(|cause| failed(format!("assign {partition} at {offset:?}"), cause))?;
        }
        self.consumer.assign(&list).map_err(|cause| failed("assign partitions", cause))
    }

    fn unassign(&mut self) -> Result<()> {
        self.readers.clear();
        self.consumer.unassign().map_err(|cause| failed("give partitions back", cause))
    }

    fn events(&mut self) -> Result<Vec<ConsumerEvent>> {
        match self.consumer.poll(Duration::ZERO) {
            None => {}
            Some(Ok(message)) => {
                // Queues are split before they are assigned, so nothing can arrive here.
                drop(message);
                return Err(Error::state("a record came past its partition's queue"));
            }
            Some(Err(cause @ KafkaError::MessageConsumptionFatal(_))) => {
                return Err(failed("go on reading", cause));
            }
            Some(Err(cause)) => super::context::warn(&cause, "the client tries again"),
        }
        Ok(self.consumer.context().take_events())
    }

    fn fetch(
        &mut self,
        partition: &TopicPartition,
        limit: FetchLimit,
        batch: &mut FetchedBatch,
    ) -> Result<Fetched> {
        let Some(reader) = self.readers.get_mut(partition) else {
            return Ok(Fetched::default());
        };
        let mut fetched = Fetched::default();
        let mut error = None;
        while fetched.records < limit.records && batch.bytes() < limit.bytes && error.is_none() {
            let count = reader.read(limit.records - fetched.records, |message| match message {
                Message::Record(record) => {
                    push(batch, &record);
                    fetched.records += 1;
                    fetched.end_of_partition = None;
                }
                Message::EndOfPartition(end) => fetched.end_of_partition = Some(Offset(end)),
                Message::Error(code) => error = error.or(Some(code)),
            });
            if count == 0 {
                break;
            }
        }
        match error {
            None => Ok(fetched),
            // librdkafka has noted it and tries again by itself.
            Some(code) if super::error::kind(code) == crate::ErrorKind::Unavailable => Ok(fetched),
            Some(
                RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownPartition,
            ) => {
                let gone = format!("read {partition}: the topic or the partition is gone");
                Err(refused(gone, RDKafkaErrorCode::UnknownTopicOrPartition))
            }
            Some(code) => Err(refused(format!("read {partition}"), code)),
        }
    }

    fn wait(&mut self, timeout: Duration) {
        self.signal.wait(timeout);
    }

    fn waker(&self) -> Waker {
        let signal = self.signal.clone();
        Waker::new(move || signal.raise())
    }

    fn commit(&mut self, offsets: &Offsets) -> Result<()> {
        let list = offset_list(offsets)?;
        let committed = self.consumer.commit(&list, CommitMode::Sync);
        committed.map_err(|cause| failed("commit offsets", cause))
    }

    fn close(mut self: Box<Self>) {
        self.consumer.context().answer_inline();
        if let Err(cause) = self.consumer.unassign() {
            super::context::warn(&cause, "while closing");
        }
        self.readers.clear();
        // Dropping the last reference leaves the group and serves what is still asked.
    }
}

impl fmt::Debug for RdConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RdConsumer").field("partitions", &self.readers.keys()).finish()
    }
}

impl Drop for RdConsumer {
    fn drop(&mut self) {
        // Also on the way of an error: an unanswered event hangs librdkafka's close.
        self.consumer.context().answer_inline();
    }
}

/// Returns offsets in the client's form.
pub(super) fn offset_list(offsets: &Offsets) -> Result<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (partition, offset) in offsets {
        let raw = RdOffset::Offset(offset.0);
        let added = list.add_partition_offset(&partition.topic, partition.partition, raw);
        added.map_err(|cause| failed(format!("name offset {offset} of {partition}"), cause))?;
    }
    Ok(list)
}

fn push(batch: &mut FetchedBatch, message: &kappa_partition_reader::Message<'_>) {
    let headers = message.headers().map(|(name, value)| Header {
        name: name.to_string_lossy().into(),
        value: value.map(Into::into),
    });
    let headers: Headers = headers.collect();
    batch.push(RawRecord {
        key: message.key(),
        value: message.payload(),
        timestamp: Timestamp::from_millis(message.timestamp_ms()),
        offset: Offset(message.offset()),
        headers: &headers,
    });
}
