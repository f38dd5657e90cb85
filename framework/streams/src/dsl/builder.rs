//! Where a topology begins and ends.

use std::sync::Arc;

use super::ktable::{self, TableParts};
use super::{GlobalKTable, KStream, KTable, Stored, Topic, prefix};
use crate::error::Result;
use crate::ids::TopicRef;
use crate::operators::{StreamSource, TableReader};
use crate::processor::TaskBuilder;
use crate::serde::Data;
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
    graph: SharedGraph,
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
        let mut graph = self.graph.lock();
        graph.check_name("topic", topic.name());
        let name = graph.new_name(prefix::SOURCE);
        drop(graph);
        let topic_ref = TopicRef::External(topic.name().clone());
        let serdes = (topic.keys().clone(), topic.values().clone());
        KStream::source(&self.graph, name, topic_ref, serdes)
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
        let source_name = graph.new_name(prefix::SOURCE);
        let table_name = graph.new_name(prefix::TABLE_SOURCE);
        let topic_ref = TopicRef::External(topic.name().clone());
        let kind = NodeKind::Source(topic_ref.clone());
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
        let source_name = graph.new_name(prefix::SOURCE);
        let table_name = graph.new_name(prefix::TABLE_SOURCE);
        let kind = NodeKind::Source(TopicRef::External(topic.name().clone()));
        let source = graph.add(GraphNode::new(source_name, kind, Vec::new()));
        let mut table = GraphNode::new(table_name, NodeKind::Processor, vec![source]);
        table.stores.push(store.clone());
        graph.add(table);

        let (keys, values) = (topic.keys().clone(), topic.values().clone());
        let (name, serdes) = (topic.name().clone(), (keys.clone(), values.clone()));
        let check = move |record: crate::record::RawRecord<'_>| {
            let key = record.key.map(|key| keys.decode(&name, key)).transpose();
            key.map_err(|cause| format!("cannot decode key: {cause}"))?;
            let value = record.value.map(|value| values.decode(&name, value)).transpose();
            value.map_err(|cause| format!("cannot decode value: {cause}")).map(drop)
        };
        let topic = topic.name().clone();
        let spec = GlobalTableSpec { source, topic, store, check: Arc::new(check) };
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
        topic: TopicRef,
        serdes: super::kstream::Serdes<K, V>,
    ) -> Self {
        let kind = NodeKind::Source(topic.clone());
        let id = graph.lock().add(GraphNode::new(name.clone(), kind, Vec::new()));
        let node: Arc<Node<K, V>> = Node::new(id);
        let make = {
            let (node, topic, serdes) = (node.clone(), topic.clone(), serdes.clone());
            move |task: &mut TaskBuilder| {
                let (topic, next) = (task.input(&topic), node.downstream(task));
                let (keys, values) = serdes.clone();
                Box::new(StreamSource { topic, keys, values, next }) as _
            }
        };
        graph.lock().sources.push(SourceSpec { node: id, topic, make: Arc::new(make) });
        let (keys, values) = serdes;
        Self::of_source(graph, node, name, (Some(keys), Some(values)))
    }
}
