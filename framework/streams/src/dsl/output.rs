//! Where a stream ends in a topic (row SL6).

use std::fmt;
use std::sync::Arc;

use super::{KStream, Topic, prefix};
use crate::ids::TopicRef;
use crate::kafka::{Partitioner, Placement};
use crate::operators::Sink;
use crate::serde::Data;
use crate::topology::{GraphNode, NodeKind};

/// How records are written to a topic.
///
/// # Examples
///
/// ```
/// use kappa::prelude::*;
///
/// let builder = StreamsBuilder::new();
/// let prices = builder.stream(&Topic::<String, i64>::new("prices", Utf8, I64));
/// // Every partition's readers are told of a price; a negative one is dropped, and counted.
/// let everywhere = Produced::partitioned_by(|_, price: &i64, partitions| match *price {
///     0.. => Placement::Partitions((0..partitions).collect()),
///     _ => Placement::Drop,
/// });
/// prices.to_with(&Topic::new("prices-for-all", Utf8, I64), everywhere);
/// ```
pub struct Produced<K, V> {
    partitioner: Option<Partitioner<K, V>>,
}

impl<K, V> Produced<K, V> {
    /// Chooses each record's partitions by a function of key, value and number of partitions, instead of
    /// by the key.
    #[must_use]
    pub fn partitioned_by(
        partitioner: impl Fn(&K, &V, usize) -> Placement + Send + Sync + 'static,
    ) -> Self {
        Self { partitioner: Some(Arc::new(partitioner)) }
    }
}

impl<K: Data, V: Data> KStream<K, V> {
    /// Writes the stream to a topic; the key chooses the partition as the Java client would.
    pub fn to(&self, topic: &Topic<K, V>) {
        self.to_with(topic, Produced { partitioner: None });
    }

    /// Writes the stream to a topic, with options.
    pub fn to_with(&self, topic: &Topic<K, V>, produced: Produced<K, V>) {
        let mut graph = self.graph.lock();
        graph.check_name("topic", topic.name());
        let name = graph.operator_name(self.chosen_name.as_ref(), prefix::SINK);
        let sink = TopicRef::External(topic.name().clone());
        let kind = NodeKind::Sink(sink.clone());
        graph.add(GraphNode::new(name, kind, vec![self.node.id()]));
        if let Some(creation) = topic.creation() {
            graph.creation.insert(topic.name().clone(), creation.clone());
        }
        drop(graph);
        let (keys, values) = (topic.keys().clone(), topic.values().clone());
        self.node.connect(Box::new(move |task| {
            let topic = task.output(&sink);
            let (keys, values) = (keys.clone(), values.clone());
            Box::new(Sink { topic, keys, values, partitioner: produced.partitioner.clone() })
        }));
    }
}

impl<K, V> fmt::Debug for Produced<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partitioned = self.partitioner.is_some();
        f.debug_struct("Produced").field("partitioned", &partitioned).finish()
    }
}
