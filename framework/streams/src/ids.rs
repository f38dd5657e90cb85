//! Names for the things the engine counts: partitions, offsets, tasks, nodes and stores.

use std::fmt;
use std::sync::Arc;

/// A partition of a topic; shown as Kafka's tools do: `orders-3`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic's name; shared, since every batch and every error carries it.
    pub topic: Arc<str>,
    /// The partition's number, from zero.
    pub partition: i32,
}

impl TopicPartition {
    /// Names a partition of a topic.
    #[must_use]
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

impl fmt::Debug for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A topic as a topology names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TopicRef {
    /// A topic of the user's.
    External(Arc<str>),
    /// A topic of the application's own; its real name has the application's id in front.
    Internal(Arc<str>),
}

impl TopicRef {
    /// Returns the name, without the application's id.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        match self {
            Self::External(name) | Self::Internal(name) => name,
        }
    }
}

/// The place of a record in its partition, from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Offset(pub i64);

impl Offset {
    /// The first offset a partition can have.
    pub const ZERO: Self = Self(0);

    /// Returns the offset after this one: what is committed once this record is processed.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A part of a topology between repartition topics, numbered in the order of its sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubtopologyId(pub usize);

impl fmt::Display for SubtopologyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A subtopology applied to one partition of its inputs; shown as `0_3` (row R1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId {
    /// The subtopology it runs.
    pub subtopology: SubtopologyId,
    /// The partition it reads of each of its topics.
    pub partition: i32,
}

impl TaskId {
    /// Names the task of a subtopology for a partition.
    #[must_use]
    pub fn new(subtopology: SubtopologyId, partition: i32) -> Self {
        Self { subtopology, partition }
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.subtopology, self.partition)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A node of the topology graph, numbered in the order of declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// A state store of the topology, numbered in the order of declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoreId(pub usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_ids_as_kafka_does() {
        assert_eq!(TopicPartition::new("orders", 3).to_string(), "orders-3");
        assert_eq!(TaskId::new(SubtopologyId(1), 7).to_string(), "1_7");
        assert_eq!(Offset(41).next(), Offset(42));
    }
}
