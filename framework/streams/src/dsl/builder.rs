//! Where a topology begins and ends.

use std::sync::Arc;

use super::kstream::Serdes;
use super::ktable::{self, TableParts};
use super::{GlobalKTable, KStream, KTable, Stored, Topic, prefix};
use crate::error::{Error, Result};
use crate::ids::TopicRef;
use crate::operators::{StreamSource, TableReader};
use crate::processor::TaskBuilder;
use crate::serde::Data;
use crate::state::GlobalRows;
use crate::topology::{
    GlobalTableSpec, GraphNode, Node, NodeKind, SharedGraph, SourceSpec, Topology,
};

/// Declares streams and tables over topics, and builds the topology.
///
/// # Examples
///
/// ```
/// use kappa::prelude::*;
///
/// # fn main() -> kappa::Result<()> {
/// let orders: Topic<String, i64> = Topic::new("orders", Utf8, I64);
/// let large: Topic<String, i64> = Topic::new("large-orders", Utf8, I64);
///
/// let builder = StreamsBuilder::new();
/// builder.stream(&orders).filter(|_, amount| *amount > 100).to(&large);
/// let topology = builder.build()?;
/// # assert_eq!(topology.output_topics().len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct StreamsBuilder {
    pub(super) graph: SharedGraph,
    /// The name that the next source is given.
    pub(super) chosen_name: Option<Arc<str>>,
}

impl StreamsBuilder {
    /// Starts an empty topology.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a topic as a stream: every record is an event.
    #[must_use]
    pub fn stream<K: Data, V: Data>(&self, topic: &Topic<K, V>) -> KStream<K, V> {
        self.stream_of([topic])
    }

    /// Reads several topics as one stream: between the records of different topics there is no order but
    /// that of their timestamps.
    ///
    /// # Examples
    ///
    /// ```
    /// use kappa::prelude::*;
    ///
    /// let orders = |name| Topic::<String, i64>::new(name, Utf8, I64);
    /// let (web, shop) = (orders("orders-web"), orders("orders-shop"));
    /// let builder = StreamsBuilder::new();
    /// builder.stream_of([&web, &shop]).group_by_key().count("orders-by-customer");
    /// ```
    #[must_use]
    pub fn stream_of<'a, K: Data, V: Data>(
        &self,
        topics: impl IntoIterator<Item = &'a Topic<K, V>>,
    ) -> KStream<K, V> {
        let read = |topic: &Topic<K, V>| {
            let serdes = (topic.keys().clone(), topic.values().clone());
            (TopicRef::External(topic.name().clone()), serdes)
        };
        let topics: Vec<(TopicRef, Serdes<K, V>)> = topics.into_iter().map(read).collect();
        let mut graph = self.graph.lock();
        topics.iter().for_each(|(topic, _)| graph.check_name("topic", topic.name()));
        let name = graph.operator_name(self.chosen_name.as_ref(), prefix::SOURCE);
        if topics.is_empty() {
            graph.error(Error::topology(format!("the stream {name} reads no topic")));
        }
        drop(graph);
        KStream::source(&self.graph, name, topics)
    }

    /// Reads a topic as a table: a record replaces its key's row, a null value deletes it (row SF5).
    ///
    /// Rows are kept only if something looks them up or the store has a name.
    pub fn table<K: Data, V: Data>(
        &self,
        topic: &Topic<K, V>,
        store: impl Into<Stored>,
    ) -> KTable<K, V> {
        let stored = store.into();
        let mut graph = self.graph.lock();
        graph.check_name("topic", topic.name());
        let store = graph.store_name(&stored, &format!("{}-", topic.name()));
        let chosen = self.chosen_name.as_ref();
        let [source_name, table_name] =
            graph.table_names(chosen, [prefix::SOURCE, prefix::TABLE_SOURCE]);
        let topic_ref = TopicRef::External(topic.name().clone());
        graph.reads(&topic_ref, topic.keys(), topic.values());
        let kind = NodeKind::Source(vec![topic_ref.clone()]);
        let source_id = graph.add(GraphNode::new(source_name, kind, Vec::new()));
        drop(graph);

        let source: Arc<Node<K, Option<V>>> = Node::new(source_id);
        let (keys, values) = (topic.keys().clone(), topic.values().clone());
        let make = {
            let (source, topic_ref, serdes) =
                (source.clone(), topic_ref.clone(), (keys.clone(), values.clone()));
            move |task: &mut TaskBuilder| {
                let (topic, next) = (task.input(&topic_ref), source.downstream(task));
                let (keys, values) = serdes.clone();
                Box::new(TableReader { topic, keys, values, next }) as _
            }
        };
        let spec = SourceSpec { node: source_id, topic: topic_ref, make: Arc::new(make) };
        self.graph.lock().sources.push(spec);
        let sources = std::iter::once(source_id).collect();
        let parts = TableParts { store, stored, sources, serdes: (keys, values) };
        ktable::from_updates(&self.graph, &source, table_name, parts, std::convert::identity)
    }

    /// Reads a topic as a table of which every instance has all rows, and which any key may be looked
    /// up in (row J11). Its updates are not synchronised by time with the streams that read it.
    pub fn global_table<K: Data, V: Data>(
        &self,
        topic: &Topic<K, V>,
        store: impl Into<Stored>,
    ) -> GlobalKTable<K, V> {
        let stored = store.into();
        let mut graph = self.graph.lock();
        graph.check_name("topic", topic.name());
        let store = graph.store_name(&stored, &format!("{}-", topic.name()));
        let chosen = self.chosen_name.as_ref();
        let [source_name, table_name] =
            graph.table_names(chosen, [prefix::SOURCE, prefix::TABLE_SOURCE]);
        let topic_ref = TopicRef::External(topic.name().clone());
        graph.reads(&topic_ref, topic.keys(), topic.values());
        let kind = NodeKind::Source(vec![topic_ref]);
        let source = graph.add(GraphNode::new(source_name, kind, Vec::new()));
        let mut table = GraphNode::new(table_name, NodeKind::Processor, vec![source]);
        table.stores.push(store.clone());
        graph.add(table);

        let (keys, values) = (topic.keys().clone(), topic.values().clone());
        let serdes = (keys.clone(), values.clone());
        let topic = topic.name().clone();
        let rows = Arc::new(GlobalRows::new(topic.clone(), keys, values));
        let spec = GlobalTableSpec { source, topic, store, rows };
        let global = GlobalKTable::new(&self.graph, &spec, serdes);
        graph.globals.push(spec);
        global
    }

    /// Checks what was declared and builds the topology.
    ///
    /// # Errors
    ///
    /// Where a name or a source topic stands twice, a serde is missing, or nothing is read.
    pub fn build(self) -> Result<Topology> {
        Topology::new(self.graph.take())
    }
}

impl<K: Data, V: Data> KStream<K, V> {
    /// Adds a source node and returns its stream.
    pub(super) fn source(
        graph: &SharedGraph,
        name: Arc<str>,
        topics: Vec<(TopicRef, Serdes<K, V>)>,
    ) -> Self {
        let mut declared = graph.lock();
        let kind = NodeKind::Source(topics.iter().map(|(topic, _)| topic.clone()).collect());
        let id = declared.add(GraphNode::new(name.clone(), kind, Vec::new()));
        let node: Arc<Node<K, V>> = Node::new(id);
        let known = topics.first().map(|(_, serdes)| serdes.clone()).unzip();
        let is_one = topics.len() == 1;
        for (topic, (keys, values)) in topics {
            declared.reads(&topic, &keys, &values);
            let (node, read) = (node.clone(), topic.clone());
            let make = move |task: &mut TaskBuilder| {
                let topic = task.input(&read);
                let next = match is_one {
                    true => node.downstream(task),
                    false => task.fan_in(id, |task| node.downstream(task)),
                };
                let (keys, values) = (keys.clone(), values.clone());
                Box::new(StreamSource { topic, keys, values, next }) as _
            };
            declared.sources.push(SourceSpec { node: id, topic, make: Arc::new(make) });
        }
        drop(declared);
        Self::of_source(graph, node, name, known)
    }
}
