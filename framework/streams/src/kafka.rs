//! The ports to Kafka: what the engine needs of a consumer, a producer and an administrator.
//!
//! The runtime talks to these traits only. [`rdkafka`] implements them over librdkafka; the place of a
//! second implementation, over the embedded broker's sans-IO core in one thread, is beside it.

mod batch;
mod bound;
mod offset_metadata;
mod outbox;
mod partitioner;
#[cfg(feature = "rdkafka")]
pub mod rdkafka;
mod traced;
mod traced_consumer;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use batch::FetchedBatch;
pub use bound::Bound;
pub use offset_metadata::{OffsetMetadata, Progress};
pub use outbox::{Destination, OutTopic, OutTopicId, Outbox, OutboxRecord};
pub(crate) use partitioner::Partitioner;
pub use partitioner::{Placement, default_partition};
pub use traced::TracedProducer;
pub(crate) use traced_consumer::TracedConsumer;

use crate::error::Result;
use crate::ids::{Offset, TopicPartition};
use crate::record::Headers;
use crate::time::Timestamp;

/// Offsets by partition, in a stable order.
pub type Offsets = BTreeMap<TopicPartition, Offset>;

/// An input offset that a group commits, or has committed, with what a restart is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Where a restart goes on.
    pub offset: Offset,
    /// What it is told, as text: an [`OffsetMetadata`], if it is ours.
    pub metadata: String,
}

/// Commits by partition, in a stable order.
pub type Commits = BTreeMap<TopicPartition, Commit>;

/// Where reading of an assigned partition begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAt {
    /// At the group's committed offset, else as `auto.offset.reset` says.
    Committed,
    /// At the first record there is.
    Beginning,
    /// At an offset.
    Offset(Offset),
}

/// What the group tells a consumer; answered by the thread between two runs of its tasks.
///
/// Groups are cooperative: an event names what changes, and everything else stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsumerEvent {
    /// These partitions come to what the consumer has, perhaps none: answer with
    /// [`Consumer::incremental_assign`].
    Assigned(Vec<TopicPartition>),
    /// These partitions are taken away, and may still be committed: answer with
    /// [`Consumer::incremental_unassign`].
    Revoked(Vec<TopicPartition>),
    /// These partitions were given to others already, and must not be committed: answer with
    /// [`Consumer::incremental_unassign`].
    Lost(Vec<TopicPartition>),
}

/// What one fetch of a partition brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fetched {
    /// The number of records appended to the batch.
    pub records: usize,
    /// The partition's end, if reading reached it: the offset the next record will have.
    ///
    /// It is known even where the last offsets hold no record for the application (transaction
    /// markers, compacted records), which a position never tells.
    pub end_of_partition: Option<Offset>,
}

/// How much one fetch may bring; one record is always allowed.
#[derive(Debug, Clone, Copy)]
pub struct FetchLimit {
    /// The largest number of records.
    pub records: usize,
    /// The number of bytes after which no further record is taken.
    pub bytes: usize,
}

/// Reads partitions, as a member of a group or by itself.
pub trait Consumer: Send {
    /// Joins the group and asks for a share of these topics.
    ///
    /// # Errors
    ///
    /// Where the client refuses the topics.
    fn subscribe(&mut self, topics: &[Arc<str>]) -> Result<()>;

    /// Reads exactly these partitions from now on; for consumers that are not in a group.
    ///
    /// # Errors
    ///
    /// Where the client refuses the assignment.
    fn assign(&mut self, partitions: &[(TopicPartition, StartAt)]) -> Result<()>;

    /// Reads these partitions as well; the answer to [`ConsumerEvent::Assigned`]. They may be more than
    /// the event names: what a member reads beside its group's topics is its own affair.
    ///
    /// # Errors
    ///
    /// Where the client refuses the assignment.
    fn incremental_assign(&mut self, partitions: &[(TopicPartition, StartAt)]) -> Result<()>;

    /// Reads these partitions no more; the answer to [`ConsumerEvent::Revoked`] and
    /// [`ConsumerEvent::Lost`].
    ///
    /// # Errors
    ///
    /// Where the client refuses.
    fn incremental_unassign(&mut self, partitions: &[TopicPartition]) -> Result<()>;

    /// Goes on reading partitions that are assigned at these places. `StartAt::Committed` is for those of
    /// which nothing is committed: where `auto.offset.reset` says.
    ///
    /// # Errors
    ///
    /// Where the client refuses.
    fn seek(&mut self, partitions: &[(TopicPartition, StartAt)]) -> Result<()>;

    /// Returns what the group has committed of these partitions; those without are left out.
    ///
    /// # Errors
    ///
    /// Where the coordinator refuses; retriable where it cannot be reached.
    fn committed(&mut self, partitions: &[TopicPartition]) -> Result<Commits>;

    /// Returns what the group has told since the last call, without waiting.
    ///
    /// # Errors
    ///
    /// Fatal errors of the client.
    fn events(&mut self) -> Result<Vec<ConsumerEvent>>;

    /// Appends what was fetched of a partition to a batch, without waiting.
    ///
    /// # Errors
    ///
    /// Where the partition cannot be read: an offset that is gone, a denied topic.
    fn fetch(
        &mut self,
        partition: &TopicPartition,
        limit: FetchLimit,
        batch: &mut FetchedBatch,
    ) -> Result<Fetched>;

    /// Returns a partition's end as the broker told it last, without asking.
    fn last_known_end(&self, _: &TopicPartition) -> Option<Offset> {
        None
    }

    /// Waits until something may have arrived, the waker was called, or the time is over.
    fn wait(&mut self, timeout: Duration);

    /// Returns what ends a `wait` from another thread.
    fn waker(&self) -> Waker;

    /// Commits offsets for the group and waits for the answer, but no longer than this.
    ///
    /// A coordinator that waits for the group's members answers nothing to a member that has asked to
    /// join, commits neither, so that a member would wait with it. An answer that has not come in time is
    /// a retriable error; the offsets may be committed all the same.
    ///
    /// # Errors
    ///
    /// Where the coordinator refuses; retriable where it cannot be reached or has not answered.
    fn commit(&mut self, commits: &Commits, patience: Duration) -> Result<()>;

    /// Ends the client, answering what is still asked; no data is read any more. A dynamic member leaves
    /// its group; a static one stays in it, until its session ends, unless it is to leave.
    fn close(self: Box<Self>, leave: Leave);
}

/// Whether a consumer that is closed leaves its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Leave {
    /// A dynamic member does; a static one comes back.
    #[default]
    IfDynamic,
    /// In any case: it will not come back.
    Always,
}

/// Ends the wait of a consumer's thread.
#[derive(Clone)]
pub struct Waker(Arc<dyn Fn() + Send + Sync>);

impl Waker {
    /// Makes a waker of a function.
    #[must_use]
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(wake))
    }

    /// Ends the wait under way, or the next one.
    pub fn wake(&self) {
        (self.0)();
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waker")
    }
}

/// A record on its way to Kafka.
#[derive(Debug, Clone, Copy)]
pub struct OutgoingRecord<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition; chosen by the client where absent (records without a key).
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value.
    pub value: Option<&'a [u8]>,
    /// The timestamp.
    pub timestamp: Timestamp,
    /// The headers.
    pub headers: &'a Headers,
    /// Whose changelog it is, if any: acknowledgements name it.
    pub changelog: Option<ChangelogToken>,
}

/// Names a changelog partition in acknowledgements, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChangelogToken(pub usize);

/// How long a producer may wait for Kafka, and what cuts its waits short.
#[derive(Clone)]
pub struct Patience {
    /// The longest time without an answer.
    pub timeout: Duration,
    is_over: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Patience {
    /// Waits this long, but hardly any longer once the function says that the run is to stop.
    #[must_use]
    pub fn new(timeout: Duration, is_over: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { timeout, is_over: Arc::new(is_over) }
    }

    /// Returns whether the run is to stop.
    #[must_use]
    pub fn is_over(&self) -> bool {
        (self.is_over)()
    }
}

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Patience({:?})", self.timeout)
    }
}

/// Writes records; all in order per partition, none twice (idempotent).
///
/// A record that failed for good is lost to the producer: every call after it fails, so that nothing
/// that stands for the record is committed.
pub trait Producer: Send {
    /// Hands over a record, waiting for room where the client's queue is full.
    ///
    /// # Errors
    ///
    /// Where the record can never be sent, an earlier one failed for good, or patience is over.
    fn send(&mut self, record: OutgoingRecord<'_>) -> Result<()>;

    /// Serves acknowledgements without waiting.
    ///
    /// # Errors
    ///
    /// Where a record failed for good.
    fn poll(&mut self) -> Result<()>;

    /// Waits until every record is acknowledged.
    ///
    /// # Errors
    ///
    /// Where one failed for good, or patience is over.
    fn drain(&mut self) -> Result<()>;

    /// Visits the last acknowledged offset of each changelog since the previous call.
    fn acknowledged(&mut self, visit: &mut dyn FnMut(ChangelogToken, Offset));
}

/// A topic to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// Its number of partitions.
    pub partitions: usize,
    /// Its replication factor; -1 is the broker's default.
    pub replication_factor: i32,
    /// Its settings, by Kafka's names.
    pub settings: BTreeMap<String, String>,
}

/// A member of a group, as the coordinator tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMember {
    /// The id that the coordinator gave it.
    pub id: String,
    /// Its `client.id`.
    pub client_id: String,
    /// Where it is.
    pub host: String,
}

impl fmt::Display for GroupMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.client_id, self.host.trim_start_matches('/'))
    }
}

/// Asks and changes what a cluster holds. Calls wait for the answer, bounded by the client's time-outs.
///
/// Every call may fail as [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable), retriable, where the
/// cluster cannot be reached.
pub trait Admin: Send {
    /// Returns whether the cluster answers within a time.
    ///
    /// # Errors
    ///
    /// Where it does not; retriable unless it refuses us.
    fn reach(&self, timeout: Duration) -> Result<()>;

    /// Returns the partition counts of those of the topics that exist.
    ///
    /// # Errors
    ///
    /// Where the cluster cannot be reached or denies it.
    fn partition_counts(&self, topics: &[Arc<str>]) -> Result<BTreeMap<Arc<str>, usize>>;

    /// Returns the names of all topics.
    ///
    /// # Errors
    ///
    /// Where the cluster cannot be reached.
    fn topic_names(&self) -> Result<Vec<String>>;

    /// Creates topics and waits until they can be used; one that exists is left as it is.
    ///
    /// # Errors
    ///
    /// Where a topic is refused; the message names it.
    fn create_topics(&self, topics: &[NewTopic]) -> Result<()>;

    /// Deletes topics and waits until they are gone; one that does not exist is fine.
    ///
    /// # Errors
    ///
    /// Where a topic cannot be deleted; the message names it.
    fn delete_topics(&self, topics: &[String]) -> Result<()>;

    /// Returns the settings of a topic that were set for it, not those it inherits.
    ///
    /// # Errors
    ///
    /// Where the topic does not exist or its settings may not be read.
    fn topic_settings(&self, topic: &str) -> Result<BTreeMap<String, String>>;

    /// Returns the first offset of each partition.
    ///
    /// # Errors
    ///
    /// Where a partition does not exist.
    fn start_offsets(&self, partitions: &[TopicPartition]) -> Result<Offsets>;

    /// Returns the end of each partition: the last stable offset, as a reader sees it.
    ///
    /// # Errors
    ///
    /// Where a partition does not exist.
    fn end_offsets(&self, partitions: &[TopicPartition]) -> Result<Offsets>;

    /// Returns the first offset of each partition whose record is of a time or later; partitions without
    /// such a record are left out.
    ///
    /// # Errors
    ///
    /// Where a partition does not exist.
    fn offsets_at(&self, partitions: &[TopicPartition], time: Timestamp) -> Result<Offsets>;

    /// Returns the members of a group; none if it does not exist.
    ///
    /// # Errors
    ///
    /// Where the coordinator refuses.
    fn group_members(&self, group: &str) -> Result<Vec<GroupMember>>;

    /// Returns a group's committed offsets; partitions without one are left out.
    ///
    /// # Errors
    ///
    /// Where the coordinator refuses.
    fn committed(&self, group: &str, partitions: &[TopicPartition]) -> Result<Offsets>;

    /// Commits offsets for a group that has no members.
    ///
    /// # Errors
    ///
    /// Where the group has members.
    fn commit(&self, group: &str, offsets: &Offsets) -> Result<()>;

    /// Deletes a group with its offsets; one that does not exist is fine.
    ///
    /// # Errors
    ///
    /// Where the group has members.
    fn delete_group(&self, group: &str) -> Result<()>;

    /// Deletes the records before an offset of each partition.
    ///
    /// # Errors
    ///
    /// Where a topic's policy forbids it.
    fn delete_records(&self, before: &Offsets) -> Result<()>;
}

/// Which of the runtime's consumers a client is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumerRole {
    /// Reads input as a member of the application's group; the number is the thread's.
    Main(usize),
    /// Reads changelogs into stores.
    Restore(usize),
    /// Reads the topics of global tables.
    Global,
    /// Reads the inputs of a bounded run, and what verification compares.
    Bounded,
}

/// Makes clients; one implementation per way to reach Kafka.
pub trait Clients: Send + Sync + fmt::Debug {
    /// Makes a consumer for a role, which may have to buffer this many partitions.
    ///
    /// # Errors
    ///
    /// Where the client's settings are refused.
    fn consumer(&self, role: ConsumerRole, partitions: usize) -> Result<Box<dyn Consumer>>;

    /// Makes a producer for a stream thread.
    ///
    /// # Errors
    ///
    /// Where the client's settings are refused.
    fn producer(&self, thread: usize, patience: Patience) -> Result<Box<dyn Producer>>;

    /// Makes an administrator.
    ///
    /// # Errors
    ///
    /// Where the client's settings are refused.
    fn admin(&self) -> Result<Box<dyn Admin>>;
}
