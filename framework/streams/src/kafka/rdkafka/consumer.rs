//! The consumer port: one queue per partition, read in batches by the thread that owns the consumer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kappa_rdkafka_queues::{Fetched as Message, OffsetCommits, PartitionReader};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset as RdOffset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode as Code;

use super::context::{GroupContext, Signal};
use super::error::{Need, failed, failed_without, refused, refused_without, uncreated};
use super::refusals::Refusals;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Offset, TopicPartition};
use crate::kafka::{
    Commit, Commits, Consumer, ConsumerEvent, FetchLimit, Fetched, FetchedBatch, Leave, Offsets,
    StartAt, Waker,
};
use crate::record::{Header, Headers, RawRecord};
use crate::time::Timestamp;

/// A consumer of librdkafka's.
pub(super) struct RdConsumer {
    /// Before the consumer, since they use it.
    readers: BTreeMap<TopicPartition, Reader>,
    commits: OffsetCommits<GroupContext>,
    consumer: Arc<BaseConsumer<GroupContext>>,
    signal: Arc<Signal>,
    /// Where a partition begins of which nothing is committed (`auto.offset.reset`).
    reset: RdOffset,
    group: String,
    /// Whether it has asked to join a group, and its events are still answered.
    is_member: bool,
}

/// A partition's queue, and where reading it goes on.
struct Reader {
    queue: PartitionReader<GroupContext>,
    /// The next offset, once something was read.
    position: Option<i64>,
}

impl RdConsumer {
    pub(super) fn create(config: &ClientConfig, refusals: &Refusals) -> Result<Self> {
        let context = GroupContext::new(refusals.clone());
        let signal = context.signal.clone();
        let consumer = config.create_with_context::<_, BaseConsumer<GroupContext>>(context);
        let mut consumer =
            consumer.map_err(|cause| uncreated("create a consumer", config, cause))?;
        let raise = signal.clone();
        consumer.set_nonempty_callback(move || raise.raise());
        let consumer = Arc::new(consumer);
        let commits = OffsetCommits::new(&consumer);
        let commits = commits.ok_or_else(|| Error::state("no memory for a consumer"))?;
        let reset = match config.get("auto.offset.reset") {
            Some("latest" | "largest" | "end") => RdOffset::End,
            _ => RdOffset::Beginning,
        };
        let group = config.get("group.id").unwrap_or_default().to_owned();
        let (readers, is_member) = (BTreeMap::new(), false);
        Ok(Self { readers, commits, consumer, signal, reset, group, is_member })
    }

    /// Gives every partition a queue of its own, before anything is fetched into it.
    fn split(&mut self, partitions: &[(TopicPartition, StartAt)]) -> Result<()> {
        for (partition, _) in partitions {
            if self.readers.contains_key(partition) {
                continue;
            }
            let (topic, number) = (&partition.topic, partition.partition);
            let queue = PartitionReader::split(&self.consumer, topic, number);
            let mut queue = queue.ok_or_else(|| {
                Error::topology(format!("the topic name of {partition} is not one"))
            })?;
            let raise = self.signal.clone();
            queue.on_nonempty(move || raise.raise());
            self.readers.insert(partition.clone(), Reader { queue, position: None });
        }
        Ok(())
    }

    /// Makes ready to read partitions, and returns them in the client's form.
    fn prepare(&mut self, partitions: &[(TopicPartition, StartAt)]) -> Result<TopicPartitionList> {
        self.split(partitions)?;
        self.learn_leaders(partitions);
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
        Ok(list)
    }

    /// Has the partitions that are kept go on where reading them stands.
    ///
    /// While a group event waits for its answer, librdkafka pauses all partitions. It resumes each where
    /// it takes the application to be: after a batch that ended with the end of the partition
    /// (`rd_kafka_consume_batch_queue` with `enable.partition.eof`), that is one offset too far. The next
    /// record would be skipped or, while there is none, all be read again. So this comes before the answer;
    /// and again after it, since only a seek wakes the thread that fetches: having found all partitions
    /// paused it would look again after a second.
    fn keep_positions(&self) {
        let mut list = TopicPartitionList::new();
        for (partition, reader) in &self.readers {
            let Some(position) = reader.position.map(RdOffset::Offset) else { continue };
            // An offset that cannot be named cannot have been read.
            let _ = list.add_partition_offset(&partition.topic, partition.partition, position);
        }
        if list.count() == 0 {
            return;
        }
        // Without waiting: the order of these requests is kept.
        if let Err(cause) = self.consumer.seek_partitions(list, Duration::ZERO) {
            super::context::warn(&cause, "cannot go on where reading stood");
        }
    }

    /// Takes what the client has to tell but records.
    fn serve(&self) -> Result<()> {
        match self.consumer.poll(Duration::ZERO) {
            None => self.consumer.context().refusals.check(),
            Some(Ok(message)) => {
                // Queues are split before they are assigned, so nothing can arrive here.
                drop(message);
                Err(Error::state("a record came past its partition's queue"))
            }
            Some(Err(cause @ KafkaError::MessageConsumptionFatal(_))) => {
                Err(super::error::fatal(&*self.consumer, cause))
            }
            // The client would ask again for ever, and log it each time.
            Some(Err(cause @ KafkaError::MessageConsumption(Code::InconsistentGroupProtocol))) => {
                let what = "join the group: its members share partitions out by another strategy \
                            (another kind of program, or other settings, under this application.id)";
                Err(failed(what, cause))
            }
            // The context has noted it, with librdkafka's words; the client tries again.
            Some(Err(_)) => self.consumer.context().refusals.check(),
        }
    }

    /// Answers the events that nobody answers any more: those to come, and one that was taken, which is
    /// either. An unanswered event hangs librdkafka's close.
    fn answer_all(&mut self) {
        self.consumer.context().answer_inline();
        self.readers.clear();
        if !std::mem::take(&mut self.is_member) {
            return;
        }
        let assigned = self.consumer.incremental_assign(&TopicPartitionList::new());
        let given_back = self.consumer.assignment().and_then(|all| {
            assigned?;
            self.consumer.incremental_unassign(&all)
        });
        if let Err(cause) = given_back {
            super::context::warn(&cause, "while closing");
        }
    }

    fn has_partitions(&self) -> bool {
        self.consumer.assignment().is_ok_and(|assignment| assignment.count() > 0)
    }

    /// Has the client learn who leads the partitions: a fetch from an unknown leader waits for half a
    /// second. Where that fails the client finds out by itself.
    fn learn_leaders(&self, partitions: &[(TopicPartition, StartAt)]) {
        let topics: BTreeSet<&Arc<str>> = partitions.iter().map(|(at, _)| &at.topic).collect();
        for topic in topics {
            if let Err(cause) = self.consumer.fetch_metadata(Some(topic), LEADERS) {
                super::context::warn(&cause, "the client tries again");
            }
        }
    }
}

/// How long the client may take to turn to other offsets.
const SEEK: Duration = Duration::from_secs(10);
/// How long the coordinator may take to say what is committed.
const COMMITTED: Duration = Duration::from_secs(10);
/// How long it may take until the group knows that a member leaves, and how often that is looked at.
const UNSUBSCRIBE: Duration = Duration::from_secs(5);
const UNSUBSCRIBE_STEP: Duration = Duration::from_millis(20);
/// How long the answer may take that says who leads a topic's partitions.
const LEADERS: Duration = Duration::from_secs(2);

impl Consumer for RdConsumer {
    fn subscribe(&mut self, topics: &[Arc<str>]) -> Result<()> {
        let topics: Vec<&str> = topics.iter().map(|topic| &**topic).collect();
        self.is_member = true;
        let subscribed = self.consumer.subscribe(&topics);
        subscribed.map_err(|cause| failed(format!("subscribe to {}", topics.join(", ")), cause))
    }

    fn assign(&mut self, partitions: &[(TopicPartition, StartAt)]) -> Result<()> {
        self.readers.retain(|known, _| partitions.iter().any(|(wanted, _)| wanted == known));
        let list = self.prepare(partitions)?;
        self.consumer.assign(&list).map_err(|cause| failed("assign partitions", cause))
    }

    fn incremental_assign(&mut self, partitions: &[(TopicPartition, StartAt)]) -> Result<()> {
        self.keep_positions();
        let list = self.prepare(partitions)?;
        let assigned = self.consumer.incremental_assign(&list);
        assigned.map_err(|cause| failed("take partitions over", cause))?;
        self.keep_positions();
        Ok(())
    }

    fn incremental_unassign(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let list = partition_list(partitions);
        for partition in partitions {
            self.readers.remove(partition);
        }
        self.keep_positions();
        let unassigned = self.consumer.incremental_unassign(&list);
        unassigned.map_err(|cause| failed("give partitions back", cause))?;
        self.keep_positions();
        Ok(())
    }

    fn seek(&mut self, partitions: &[(TopicPartition, StartAt)]) -> Result<()> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for (partition, start) in partitions {
            let offset = match start {
                StartAt::Committed => self.reset,
                StartAt::Beginning => RdOffset::Beginning,
                StartAt::Offset(offset) => RdOffset::Offset(offset.0),
            };
            let added = list.add_partition_offset(&partition.topic, partition.partition, offset);
            added.map_err(|cause| failed(format!("seek {partition} to {offset:?}"), cause))?;
            if let Some(reader) = self.readers.get_mut(partition) {
                reader.position = None;
            }
        }
        let sought = self.consumer.seek_partitions(list, SEEK);
        let sought = sought.map_err(|cause| failed("seek", cause))?;
        sought.elements().iter().try_for_each(|element| {
            let at = format!("seek {}-{}", element.topic(), element.partition());
            element.error().map_err(|cause| failed(at, cause))
        })
    }

    fn committed(&mut self, partitions: &[TopicPartition]) -> Result<Commits> {
        let (group, asked) = (&self.group, "read the committed offsets of the group");
        let committed = committed(&self.consumer, partitions, (group, asked));
        committed.map_err(|error| self.consumer.context().refusals.explain(error))
    }

    fn events(&mut self) -> Result<Vec<ConsumerEvent>> {
        self.serve()?;
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
            let Reader { queue, position } = reader;
            let count = queue.read(limit.records - fetched.records, |message| match message {
                Message::Record(record) => {
                    push(batch, &record);
                    fetched.records += 1;
                    fetched.end_of_partition = None;
                    *position = Some(record.offset() + 1);
                }
                Message::EndOfPartition(end) => {
                    fetched.end_of_partition = Some(Offset(end));
                    *position = Some(end);
                }
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
            Some(Code::UnknownTopicOrPartition | Code::UnknownPartition) => {
                let gone = format!("read {partition}: the topic or the partition is gone");
                Err(refused(gone, Code::UnknownTopicOrPartition))
            }
            Some(code) => {
                let needs = [Need::topic("Read", &partition.topic)];
                Err(refused_without(format!("read {partition}"), code, &needs))
            }
        }
    }

    fn last_known_end(&self, partition: &TopicPartition) -> Option<Offset> {
        self.readers.get(partition)?.queue.last_known_end().map(Offset)
    }

    fn wait(&mut self, timeout: Duration) {
        self.signal.wait(timeout);
    }

    fn waker(&self) -> Waker {
        let signal = self.signal.clone();
        Waker::new(move || signal.raise())
    }

    fn commit(&mut self, commits: &Commits, patience: Duration) -> Result<()> {
        let mut list = TopicPartitionList::with_capacity(commits.len());
        for (partition, Commit { offset, metadata }) in commits {
            let mut element = list.add_partition(&partition.topic, partition.partition);
            let named = element.set_offset(RdOffset::Offset(offset.0));
            named.map_err(|cause| failed(format!("name offset {offset} of {partition}"), cause))?;
            element.set_metadata(metadata);
        }
        match self.commits.commit(&list, patience) {
            Ok(Some(())) => Ok(()),
            Ok(None) => {
                let message = format!("the group has not answered a commit for {patience:?}");
                Err(Error::new(ErrorKind::Unavailable, message))
            }
            Err(code) => {
                let topics: BTreeSet<&str> = commits.keys().map(|at| &*at.topic).collect();
                let topics = topics.into_iter().collect::<Vec<_>>().join(", ");
                let needs = [Need::group("Read", &self.group), Need::topic("Read", &topics)];
                Err(refused_without("commit offsets", code, &needs))
            }
        }
    }

    fn close(mut self: Box<Self>, leave: Leave) {
        self.answer_all();
        if leave == Leave::Always {
            // Closing makes a static member stay; a member without topics leaves, whatever it is.
            self.consumer.unsubscribe();
            let mut left = UNSUBSCRIBE;
            while !left.is_zero() && self.has_partitions() {
                self.consumer.poll(UNSUBSCRIBE_STEP);
                left = left.saturating_sub(UNSUBSCRIBE_STEP);
            }
        }
        // Dropping the last reference closes the client, and serves what is still asked.
    }
}

impl fmt::Debug for RdConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RdConsumer").field("partitions", &self.readers.keys()).finish()
    }
}

impl Drop for RdConsumer {
    fn drop(&mut self) {
        // Also on the way of an error.
        self.answer_all();
    }
}

/// Asks a group what is committed of these partitions; those without are left out.
pub(super) fn committed<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    partitions: &[TopicPartition],
    (group, asked): (&str, &str),
) -> Result<Commits> {
    if partitions.is_empty() {
        return Ok(Commits::new());
    }
    let failed = |topic: &str, cause| {
        let needs = [Need::group("Describe", group), Need::topic("Describe", topic)];
        failed_without(asked, cause, &needs)
    };
    let answer = consumer.committed_offsets(partition_list(partitions), COMMITTED);
    let answer = answer.map_err(|cause| failed("", cause))?;
    let mut commits = Commits::new();
    for element in answer.elements() {
        element.error().map_err(|cause| failed(element.topic(), cause))?;
        if let RdOffset::Offset(offset) = element.offset() {
            let partition = TopicPartition::new(element.topic(), element.partition());
            let metadata = element.metadata().to_owned();
            commits.insert(partition, Commit { offset: Offset(offset), metadata });
        }
    }
    Ok(commits)
}

fn partition_list(partitions: &[TopicPartition]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(&partition.topic, partition.partition);
    }
    list
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

fn push(batch: &mut FetchedBatch, message: &kappa_rdkafka_queues::Message<'_>) {
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
