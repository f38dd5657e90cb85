//! A table: the latest value of each key, changing over time.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::kstream::{KStream, KnownSerdes, Serdes};
use super::table_view::{StoreView, TableView};
use super::{Stored, prefix};
use crate::ids::NodeId;
use crate::operators::{MapValues, MaterializedTable, PassingTable, TableWriter, ToStream};
use crate::processor::Edge;
use crate::record::Change;
use crate::serde::{Data, Nullable, SerdeRef};
use crate::state::{KeyValueStore, PlainKeys, StoreEnvironment};
use crate::topology::{
    GraphNode, KeyValueSerdes, Node, NodeKind, SharedGraph, StoreDemand, StoreFactory, StoreKind,
    StoreSpec,
};

/// A table: the latest value of each key.
pub struct KTable<K, V> {
    pub(super) graph: SharedGraph,
    pub(super) node: Arc<Node<K, Change<V>>>,
    pub(super) serdes: KnownSerdes<K, V>,
    pub(super) sources: BTreeSet<NodeId>,
    pub(super) view: Arc<dyn TableView<K, V>>,
}

impl<K: Data, V: Data> KTable<K, V> {
    /// Returns the table's updates as a stream; a delete is a `None` (row SF9).
    #[must_use]
    pub fn to_stream(&self) -> KStream<K, Option<V>> {
        let mut graph = self.graph.lock();
        let name = graph.new_name(prefix::TO_STREAM);
        let parents = vec![self.node.id()];
        let id = graph.add(GraphNode::new(name.clone(), NodeKind::Processor, parents));
        drop(graph);
        let node = Node::new(id);
        let child = node.clone();
        self.node.connect(Box::new(move |task| {
            let next = child.downstream(task);
            Box::new(ToStream { next })
        }));
        let (keys, values) = self.serdes.clone();
        let values = values.map(|values| Arc::new(Nullable::shared(values)) as SerdeRef<_>);
        let mut stream = KStream::of_source(&self.graph, node, name, (keys, values));
        stream.sources.clone_from(&self.sources);
        stream
    }
}

/// What a table over updates is made of.
pub(super) struct TableParts<K, V> {
    pub(super) store: Arc<str>,
    pub(super) stored: Stored,
    pub(super) sources: BTreeSet<NodeId>,
    pub(super) serdes: Serdes<K, V>,
}

/// Declares a table over a node of updates, whose rows are kept once something needs them.
pub(super) fn from_updates<K: Data, U: Data, V: Data>(
    graph: &SharedGraph,
    updates: &Arc<Node<K, U>>,
    name: Arc<str>,
    parts: TableParts<K, V>,
    into_row: impl Fn(U) -> Option<V> + Send + Sync + 'static,
) -> KTable<K, V> {
    let TableParts { store, stored, sources, serdes } = parts;
    let demand = StoreDemand::new(stored.name.is_some());
    let mut declared = graph.lock();
    let mut table = GraphNode::new(name, NodeKind::Processor, vec![updates.id()]);
    table.stores.push(store.clone());
    let id = declared.add(table);
    let make = key_value_factory(serdes.clone());
    declared.declare_store(&store, StoreKind::KeyValue, &stored, demand.clone(), make);
    drop(declared);

    let node: Arc<Node<K, Change<V>>> = Node::new(id);
    let (child, kept, asked) = (node.clone(), store.clone(), demand.clone());
    let into_row = Arc::new(move |_: &K, update: U| into_row(update));
    updates.connect(Box::new(move |task| {
        let next = child.downstream(task);
        let table: Edge<K, Option<V>> = if asked.rows() {
            let table = TableWriter::new(task.store(&kept), next);
            Box::new(MaterializedTable { table, skips_absent: false })
        } else {
            Box::new(PassingTable { next })
        };
        Box::new(MapValues { mapper: into_row.clone(), next: table })
    }));
    let (keys, values) = serdes;
    let serdes = (Some(keys), Some(values));
    let view = Arc::new(StoreView { store, demand });
    KTable { graph: graph.clone(), node, serdes, sources, view }
}

/// Returns how a key-value store is made.
pub(super) fn key_value_factory<K: Data, V: Data>((keys, values): Serdes<K, V>) -> StoreFactory {
    let serdes = KeyValueSerdes::new(&keys, &values);
    let make = Arc::new(move |env: StoreEnvironment| {
        let keys = Box::new(PlainKeys(keys.clone()));
        Box::new(KeyValueStore::new(env, keys, values.clone())) as _
    });
    StoreFactory { make, serdes }
}

impl crate::topology::Graph {
    /// Returns the store's name, given or generated.
    pub(super) fn store_name(&mut self, stored: &Stored, prefix: &str) -> Arc<str> {
        if let Some(name) = &stored.name {
            self.check_name("store", name);
        }
        stored.name.clone().unwrap_or_else(|| self.new_store_name(prefix))
    }

    /// Adds a store with its options.
    pub(super) fn declare_store(
        &mut self,
        name: &Arc<str>,
        kind: StoreKind,
        stored: &Stored,
        demand: Arc<StoreDemand>,
        make: StoreFactory,
    ) {
        self.add_store(StoreSpec {
            name: name.clone(),
            kind,
            cached: stored.caching,
            logged: stored.logging,
            store_type: stored.store_type,
            demand,
            make,
        });
    }
}

impl<K, V> Clone for KTable<K, V> {
    fn clone(&self) -> Self {
        Self {
            graph: self.graph.clone(),
            node: self.node.clone(),
            serdes: self.serdes.clone(),
            sources: self.sources.clone(),
            view: self.view.clone(),
        }
    }
}

impl<K, V> fmt::Debug for KTable<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KTable({:?})", self.node)
    }
}
