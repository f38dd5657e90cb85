//! A stream of events, and the operators that look at one record at a time (rows SL1, SL2, SL4).

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use super::ktable::{self, TableParts};
use super::{KTable, Materialized, prefix};
use crate::error::Error;
use crate::ids::NodeId;
use crate::operators::{Filter, Map, MapValues, Peek};
use crate::processor::{Edge, TaskBuilder};
use crate::record::RowOf;
use crate::serde::{Data, Serde, SerdeRef};
use crate::topology::{GraphNode, Node, NodeKind, SharedGraph};

/// The serdes of a stream's keys and values.
pub(super) type Serdes<K, V> = (SerdeRef<K>, SerdeRef<V>);
/// The same, as far as they are known: an operator that changes a type loses its serde.
pub(super) type KnownSerdes<K, V> = (Option<SerdeRef<K>>, Option<SerdeRef<V>>);

/// A stream of events; cheap to clone, and every use of it gets every record.
pub struct KStream<K, V> {
    pub(super) graph: SharedGraph,
    pub(super) node: Arc<Node<K, V>>,
    pub(super) name: Arc<str>,
    pub(super) serdes: KnownSerdes<K, V>,
    /// The source nodes it comes from, which must be co-partitioned with what it is joined with.
    pub(super) sources: BTreeSet<NodeId>,
    /// Whether the key changed since, so that records may be in the wrong partition (row SL2).
    pub(super) rekeyed: bool,
    /// The stream behind its last repartition topic, once a join asked for one.
    pub(super) repartitioned: Arc<Mutex<Option<Self>>>,
    /// Whether the drops of a `drop_null_keys` right before count: said by a repartition topic behind.
    pub(super) nulls_counted: Option<Arc<AtomicBool>>,
    /// The name that the next operator is given.
    pub(super) chosen_name: Option<Arc<str>>,
}

impl<K: Data, V: Data> KStream<K, V> {
    pub(super) fn of_source(
        graph: &SharedGraph,
        node: Arc<Node<K, V>>,
        name: Arc<str>,
        serdes: KnownSerdes<K, V>,
    ) -> Self {
        Self {
            graph: graph.clone(),
            name,
            serdes,
            sources: std::iter::once(node.id()).collect(),
            rekeyed: false,
            repartitioned: Arc::default(),
            nulls_counted: None,
            chosen_name: None,
            node,
        }
    }

    /// Keeps the records that the predicate holds for.
    #[must_use]
    pub fn filter(&self, predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        let predicate = Arc::new(predicate);
        let child = self.child(prefix::FILTER, self.serdes.clone(), self.rekeyed);
        self.attach(&child, move |next| {
            let predicate = predicate.clone();
            Box::new(Filter { predicate, next })
        });
        child
    }

    /// Keeps the records that the predicate does not hold for.
    #[must_use]
    pub fn filter_not(&self, predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        self.filter(move |key, value| !predicate(key, value))
    }

    /// Replaces each value; keys, and with them partitions, stay.
    pub fn map_values<V2: Data>(
        &self,
        mapper: impl Fn(V) -> V2 + Send + Sync + 'static,
    ) -> KStream<K, V2> {
        self.map_values_with_key(move |_, value| mapper(value))
    }

    /// Replaces each value by what follows from key and value; keys, and with them partitions, stay.
    ///
    /// # Examples
    ///
    /// ```
    /// use kappa::prelude::*;
    ///
    /// let builder = StreamsBuilder::new();
    /// let orders = builder.stream(&Topic::<String, i64>::new("orders", Utf8, I64));
    /// let lines = orders.map_values_with_key(|customer, amount| format!("{customer}: {amount}"));
    /// lines.to(&Topic::new("lines", Utf8, Utf8));
    /// ```
    pub fn map_values_with_key<V2: Data>(
        &self,
        mapper: impl Fn(&K, V) -> V2 + Send + Sync + 'static,
    ) -> KStream<K, V2> {
        let mapper = Arc::new(mapper);
        let child = self.child(prefix::MAP_VALUES, (self.serdes.0.clone(), None), self.rekeyed);
        self.attach(&child, move |next| Box::new(MapValues { mapper: mapper.clone(), next }));
        child
    }

    /// Replaces each record's key and value. What groups or joins next repartitions by the new key.
    pub fn map<K2: Data, V2: Data>(
        &self,
        mapper: impl Fn(K, V) -> (K2, V2) + Send + Sync + 'static,
    ) -> KStream<K2, V2> {
        let mapper = Arc::new(mapper);
        let child = self.child(prefix::MAP, (None, None), true);
        self.attach(&child, move |next| Box::new(Map { mapper: mapper.clone(), next }));
        child
    }

    /// Replaces each record's key. What groups or joins next repartitions by the new key.
    pub fn select_key<K2: Data>(
        &self,
        selector: impl Fn(&K, &V) -> K2 + Send + Sync + 'static,
    ) -> KStream<K2, V> {
        let mapper = Arc::new(move |key: K, value: V| (selector(&key, &value), value));
        let serdes = (None, self.serdes.1.clone());
        let child = self.child(prefix::KEY_SELECT, serdes, true);
        self.attach(&child, move |next| Box::new(Map { mapper: mapper.clone(), next }));
        child
    }

    /// Shows each record to a function, and passes it on unchanged.
    #[must_use]
    pub fn peek(&self, action: impl Fn(&K, &V) + Send + Sync + 'static) -> Self {
        let action = Arc::new(action);
        let child = self.child(prefix::PEEK, self.serdes.clone(), self.rekeyed);
        self.attach(&child, move |next| Box::new(Peek { action: action.clone(), next }));
        child
    }

    /// Shows each record to a function, and ends there.
    ///
    /// It may be called again for a record after a restart, as everything is (at least once).
    pub fn for_each(&self, action: impl Fn(&K, &V) + Send + Sync + 'static) {
        let action = Arc::new(action);
        let child = self.child(prefix::FOREACH, self.serdes.clone(), self.rekeyed);
        self.attach(&child, move |next| Box::new(Peek { action: action.clone(), next }));
    }

    /// Returns the records of both streams; each stream's order is kept, between them there is none
    /// (row SL4). Merged with itself, a stream stays what it is, as in the JVM library.
    ///
    /// # Panics
    ///
    /// Panics if the streams belong to different builders.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        assert!(self.graph.is(&other.graph), "merged streams come from one builder");
        let mut merged = self.child(prefix::MERGE, (None, None), self.rekeyed || other.rekeyed);
        merged.sources.extend(&other.sources);
        let id = merged.node.id();
        // In the JVM library an operator is a child of another once, so that a stream merged with
        // itself is that stream.
        let upstreams =
            if self.node.id() == other.node.id() { &[self][..] } else { &[self, other] };
        if let (Some(node), [_, other]) = (self.graph.lock().nodes.get_mut(id.0), upstreams) {
            node.parents.push(other.node.id());
        }
        for upstream in upstreams {
            let node = merged.node.clone();
            let connect =
                move |task: &mut TaskBuilder| task.fan_in(node.id(), |task| node.downstream(task));
            upstream.node.connect(Box::new(connect));
        }
        merged
    }

    /// Reads the stream as a table: a record replaces its key's row, and `None` deletes it (row SL7).
    ///
    /// Where values are optional, say which row type is meant: `stream.to_table::<Order>("orders")`.
    pub fn to_table<T: Data>(&self, store: impl Into<Materialized<K, T>>) -> KTable<K, T>
    where
        V: RowOf<T>,
    {
        let materialized = store.into();
        let mut graph = self.graph.lock();
        let name = graph.operator_name(self.chosen_name.as_ref(), prefix::TO_TABLE);
        let store = graph.store_name(&materialized.stored, prefix::TO_TABLE);
        drop(graph);
        let upstream = if self.rekeyed { self.through_repartition(&name) } else { self.clone() };
        let serdes = (materialized.keys, materialized.values);
        let stored = materialized.stored;
        let parts = TableParts { store, stored, sources: upstream.sources.clone(), serdes };
        ktable::from_updates(&self.graph, &upstream.node, name, parts, V::into_row)
    }

    /// Gives the stream serdes, for the repartition topic that a later operator may need.
    #[must_use]
    pub fn with_serdes(
        &self,
        keys: impl Serde<K> + 'static,
        values: impl Serde<V> + 'static,
    ) -> Self {
        let serdes = (Some(Arc::new(keys) as _), Some(Arc::new(values) as _));
        Self { serdes, repartitioned: Arc::default(), ..self.clone() }
    }

    /// Declares a child node, with the name chosen for it or a generated one.
    pub(super) fn child<K2: Data, V2: Data>(
        &self,
        prefix: &str,
        serdes: KnownSerdes<K2, V2>,
        rekeyed: bool,
    ) -> KStream<K2, V2> {
        let mut graph = self.graph.lock();
        let name = graph.operator_name(self.chosen_name.as_ref(), prefix);
        let parents = vec![self.node.id()];
        let id = graph.add(GraphNode::new(name.clone(), NodeKind::Processor, parents));
        KStream {
            graph: self.graph.clone(),
            node: Node::new(id),
            name,
            serdes,
            sources: self.sources.clone(),
            rekeyed,
            repartitioned: Arc::default(),
            nulls_counted: None,
            chosen_name: None,
        }
    }

    /// Records how a child's operator is made.
    pub(super) fn attach<K2: Data, V2: Data>(
        &self,
        child: &KStream<K2, V2>,
        make: impl Fn(Edge<K2, V2>) -> Edge<K, V> + Send + Sync + 'static,
    ) {
        let node = child.node.clone();
        self.node.connect(Box::new(move |task| make(node.downstream(task))));
    }

    /// Returns both serdes, or notes what is missing for `what` and stands in for it.
    pub(super) fn known_serdes(&self, what: &str) -> Option<Serdes<K, V>> {
        if let (Some(keys), Some(values)) = &self.serdes {
            return Some((keys.clone(), values.clone()));
        }
        let missing = if self.serdes.0.is_none() { "key" } else { "value" };
        let of = &self.name;
        self.graph.lock().error(Error::topology(format!(
            "{what} of {of} needs a repartition topic, but the {missing}'s serde is not known here: \
             say `.with_serdes(..)` before"
        )));
        None
    }
}

impl<K, V> Clone for KStream<K, V> {
    fn clone(&self) -> Self {
        Self {
            graph: self.graph.clone(),
            node: self.node.clone(),
            name: self.name.clone(),
            serdes: self.serdes.clone(),
            sources: self.sources.clone(),
            rekeyed: self.rekeyed,
            repartitioned: self.repartitioned.clone(),
            nulls_counted: self.nulls_counted.clone(),
            chosen_name: self.chosen_name.clone(),
        }
    }
}

impl<K, V> fmt::Debug for KStream<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KStream({})", self.name)
    }
}
