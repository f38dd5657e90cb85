//! Where a stream ends in a topic (row SL6).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::{KStream, Topic, Topics, prefix};
use crate::ids::TopicRef;
use crate::kafka::{Partitioner, Placement};
use crate::operators::{Choice, DynamicSink, Sink, Writer};
use crate::processor::WriteContext;
use crate::serde::Data;
use crate::topology::{Graph, GraphNode, NodeKind};

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
        let sink = TopicRef::External(topic.name().clone());
        self.end_in(&mut graph, NodeKind::Sink(sink.clone()));
        if let Some(creation) = topic.creation() {
            graph.creation.insert(topic.name().clone(), creation.clone());
        }
        graph.writes(&sink, topic.keys(), topic.values());
        drop(graph);
        let (keys, values) = (topic.keys().clone(), topic.values().clone());
        let writer = Writer::new(keys, values, produced.partitioner);
        self.node.connect(Box::new(move |task| {
            let topic = task.output(&sink);
            Box::new(Sink { topic, writer: writer.clone() })
        }));
    }

    /// Writes each record to the topic that `choose` names.
    ///
    /// Topics are never created for it: a record for one that does not exist ends the application with an
    /// error. How many partitions a topic has is found out with the first record for it, and taken to stay
    /// so. [`Topics::among`] lists the topics, which `replay` and `verify` ask for.
    ///
    /// # Examples
    ///
    /// ```
    /// use kappa::prelude::*;
    ///
    /// let builder = StreamsBuilder::new();
    /// let orders = builder.stream(&Topic::<String, i64>::new("orders", Utf8, I64));
    /// let by_country = Topics::among(["orders-de", "orders-fr"], Utf8, I64);
    /// orders.to_dynamic(&by_country, |key, _, _| match key.split_once('-') {
    ///     Some(("de", _)) => "orders-de".into(),
    ///     _ => "orders-fr".into(),
    /// });
    /// ```
    pub fn to_dynamic<F>(&self, topics: &Topics<K, V>, choose: F)
    where
        F: for<'a> Fn(&'a K, &'a V, &'a WriteContext<'a>) -> Cow<'a, str> + Send + Sync + 'static,
    {
        self.to_dynamic_with(topics, choose, Produced { partitioner: None });
    }

    /// Writes each record to the topic that `choose` names, with options.
    pub fn to_dynamic_with<F>(&self, topics: &Topics<K, V>, choose: F, produced: Produced<K, V>)
    where
        F: for<'a> Fn(&'a K, &'a V, &'a WriteContext<'a>) -> Cow<'a, str> + Send + Sync + 'static,
    {
        let mut graph = self.graph.lock();
        let listed = topics.names().cloned();
        for topic in listed.iter().flatten() {
            graph.check_name("topic", topic);
            let written = TopicRef::External(topic.clone());
            graph.writes(&written, topics.keys(), topics.values());
            if let Some(creation) = topics.creation() {
                graph.creation.insert(topic.clone(), creation.clone());
            }
        }
        self.end_in(&mut graph, NodeKind::DynamicSink(listed.clone()));
        drop(graph);
        let (keys, values) = (topics.keys().clone(), topics.values().clone());
        let writer = Writer::new(keys, values, produced.partitioner);
        let choose = Arc::new(choose);
        self.node.connect(Box::new(move |task| {
            let topics = match &listed {
                None => Choice::Any,
                Some(listed) => Choice::Among(
                    listed
                        .iter()
                        .map(|name| (name.clone(), task.output(&TopicRef::External(name.clone()))))
                        .collect(),
                ),
            };
            Box::new(DynamicSink { topics, choose: choose.clone(), writer: writer.clone() })
        }));
    }

    /// Declares the node that writes.
    fn end_in(&self, graph: &mut Graph, kind: NodeKind) {
        let name = graph.operator_name(self.chosen_name.as_ref(), prefix::SINK);
        graph.add(GraphNode::new(name, kind, vec![self.node.id()]));
    }
}

impl<K, V> fmt::Debug for Produced<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partitioned = self.partitioner.is_some();
        f.debug_struct("Produced").field("partitioned", &partitioned).finish()
    }
}
