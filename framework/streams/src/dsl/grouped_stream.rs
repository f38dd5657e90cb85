//! A stream grouped by key, and its aggregations (row SF1).

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::kstream::{KStream, Serdes};
use super::ktable::{KTable, key_value_factory};
use super::table_view::StoreView;
use super::{Grouped, Materialized, Stored, WindowedKStream, prefix};
use crate::error::Error;
use crate::operators::{Aggregate, Initial, TableWriter};
use crate::serde::{Data, DefaultSerde};
use crate::state::KeyValueStore;
use crate::topology::{ChildId, GraphNode, Node, NodeKind, StoreDemand, StoreFactory, StoreKind};
use crate::windows::TimeWindows;

/// A stream grouped by key; aggregations repartition it first if its key changed.
pub struct KGroupedStream<K, V> {
    stream: KStream<K, V>,
    serdes: Serdes<K, V>,
    name: Option<Arc<str>>,
    /// The stream behind the named repartition topic, which several aggregations share.
    repartitioned: Arc<OnceLock<(KStream<K, V>, ChildId)>>,
}

impl<K: Data, V: Data> KStream<K, V> {
    /// Groups the stream by a new key.
    ///
    /// A key that may be absent says `drop_null_keys()` after `select_key` and groups with
    /// [`group_by_key`](Self::group_by_key).
    pub fn group_by<K2: Data + DefaultSerde>(
        &self,
        selector: impl Fn(&K, &V) -> K2 + Send + Sync + 'static,
    ) -> KGroupedStream<K2, V>
    where
        V: DefaultSerde,
    {
        self.select_key(selector).group_by_key()
    }

    /// Groups the stream by a new key, with options.
    pub fn group_by_with<K2: Data>(
        &self,
        selector: impl Fn(&K, &V) -> K2 + Send + Sync + 'static,
        grouped: Grouped<K2, V>,
    ) -> KGroupedStream<K2, V> {
        // The group's name is also that of its key selection, as in the JVM library.
        let chosen_name = grouped.name.clone().or_else(|| self.chosen_name.clone());
        Self { chosen_name, ..self.clone() }.select_key(selector).group_by_key_with(grouped)
    }

    /// Groups the stream by its key.
    #[must_use]
    pub fn group_by_key(&self) -> KGroupedStream<K, V>
    where
        K: DefaultSerde,
        V: DefaultSerde,
    {
        let keys = self.serdes.0.clone().unwrap_or_else(K::default_serde);
        let values = self.serdes.1.clone().unwrap_or_else(V::default_serde);
        self.group_by_key_with(Grouped { keys, values, name: None })
    }

    /// Groups the stream by its key, with options.
    #[must_use]
    pub fn group_by_key_with(&self, grouped: Grouped<K, V>) -> KGroupedStream<K, V> {
        let Grouped { keys, values, name } = grouped;
        let mut graph = self.graph.lock();
        if let Some(name) = &name {
            graph.check_name("group", name);
        }
        if let Some(lost) = &self.chosen_name {
            graph.error(Error::topology(format!(
                "the name `{lost}` is given to no operator, since grouping is none: say \
                 `Grouped::named` to name the repartition topic that a group may need"
            )));
        }
        drop(graph);
        let stream = self.clone();
        KGroupedStream { stream, serdes: (keys, values), name, repartitioned: Arc::default() }
    }
}

impl<K: Data, V: Data> KGroupedStream<K, V> {
    /// Counts the records of each key.
    pub fn count(&self, store: impl Into<Materialized<K, i64>>) -> KTable<K, i64> {
        let materialized = store.into();
        if materialized.stored.name.is_none() && materialized.explicit {
            // The JVM library's `count` burns a number here when it is given an unnamed store.
            self.stream.graph.lock().new_store_name(prefix::AGGREGATE);
        }
        let fold = |_: &K, _: V, count: Option<i64>| Some(count.unwrap_or(0) + 1);
        self.fold(prefix::AGGREGATE, materialized, Some(Arc::new(|| 0)), fold)
    }

    /// Combines the values of each key; the first is taken as it is.
    pub fn reduce(
        &self,
        reducer: impl Fn(V, V) -> V + Send + Sync + 'static,
        store: impl Into<Materialized<K, V>>,
    ) -> KTable<K, V> {
        self.reduce_or_delete(move |old, value| Some(reducer(old, value)), store)
    }

    /// Combines the values of each key; where the reducer returns nothing, the row is deleted, and the
    /// next value is taken as it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use kappa::prelude::*;
    ///
    /// # fn main() -> kappa::Result<()> {
    /// let builder = StreamsBuilder::new();
    /// let bookings = builder.stream(&Topic::<String, i64>::new("bookings", Utf8, I64));
    /// let open = bookings.group_by_key().reduce_or_delete(
    ///     |balance, booked| Some(balance + booked).filter(|balance| *balance != 0),
    ///     "open-balances",
    /// );
    /// open.to_stream().to(&Topic::new("open-balances", Utf8, Nullable::of(I64)));
    /// # builder.build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn reduce_or_delete(
        &self,
        reducer: impl Fn(V, V) -> Option<V> + Send + Sync + 'static,
        store: impl Into<Materialized<K, V>>,
    ) -> KTable<K, V> {
        let fold = move |_: &K, value: V, old: Option<V>| match old {
            Some(old) => reducer(old, value),
            None => Some(value),
        };
        self.fold(prefix::REDUCE, store.into(), None, fold)
    }

    /// Folds the values of each key into an aggregate that begins with `init`.
    pub fn aggregate<A: Data>(
        &self,
        init: impl Fn() -> A + Send + Sync + 'static,
        aggregator: impl Fn(&K, V, A) -> A + Send + Sync + 'static,
        store: impl Into<Materialized<K, A>>,
    ) -> KTable<K, A> {
        let aggregator = move |key: &K, value, aggregate| Some(aggregator(key, value, aggregate));
        self.aggregate_or_delete(init, aggregator, store)
    }

    /// Folds the values of each key into an aggregate; where the aggregator returns nothing, the row is
    /// deleted, and the next value begins anew with `init`.
    pub fn aggregate_or_delete<A: Data>(
        &self,
        init: impl Fn() -> A + Send + Sync + 'static,
        aggregator: impl Fn(&K, V, A) -> Option<A> + Send + Sync + 'static,
        store: impl Into<Materialized<K, A>>,
    ) -> KTable<K, A> {
        let init = Arc::new(init);
        let initial: Initial<A> = init.clone();
        let fold = move |key: &K, value: V, old: Option<A>| {
            aggregator(key, value, old.unwrap_or_else(&*init))
        };
        self.fold(prefix::AGGREGATE, store.into(), Some(initial), fold)
    }

    /// Puts the records of each key into windows of time.
    #[must_use]
    pub fn windowed_by(&self, windows: TimeWindows) -> WindowedKStream<K, V> {
        WindowedKStream::new(self.clone(), windows)
    }

    fn fold<A: Data, F>(
        &self,
        prefix: &str,
        materialized: Materialized<K, A>,
        initial: Option<Initial<A>>,
        fold: F,
    ) -> KTable<K, A>
    where
        F: Fn(&K, V, Option<A>) -> Option<A> + Send + Sync + 'static,
    {
        let Materialized { stored, keys, values, .. } = materialized;
        let make = key_value_factory((keys.clone(), values.clone()));
        let place = self.place(prefix, &stored, StoreKind::KeyValue, make);
        let node = Node::new(place.node);
        let (child, store, fold) = (node.clone(), place.store.clone(), Arc::new(fold));
        let demand = place.demand.clone();
        place.upstream.node.connect(Box::new(move |task| {
            let next = child.downstream(task);
            let store = task.store::<KeyValueStore<K, A>>(&store);
            let initial = initial.clone().filter(|_| demand.old_values());
            let table = TableWriter::new(store, next).beginning_with(initial);
            Box::new(Aggregate { fold: fold.clone(), table })
        }));
        KTable {
            graph: self.stream.graph.clone(),
            node,
            serdes: (Some(keys), Some(values)),
            sources: place.upstream.sources,
            view: Arc::new(StoreView { store: place.store, demand: place.demand }),
        }
    }

    /// Declares an aggregation's names, repartition topic, node and store, in the JVM library's order.
    pub(super) fn place(
        &self,
        prefix: &str,
        stored: &Stored,
        kind: StoreKind,
        make: StoreFactory,
    ) -> Place<K, V> {
        let mut graph = self.stream.graph.lock();
        let store = graph.store_name(stored, prefix);
        let name = graph.new_name(prefix);
        drop(graph);
        let upstream = self.upstream(&store);
        let mut graph = self.stream.graph.lock();
        let parents = vec![upstream.node.id()];
        let mut node = GraphNode::new(name, NodeKind::Processor, parents);
        node.stores.push(store.clone());
        let node = graph.add(node);
        let demand = StoreDemand::new(true);
        graph.declare_store(&store, kind, stored, demand.clone(), make);
        drop(graph);
        Place { upstream, node, store, demand }
    }

    /// Returns the stream with each key in its partition.
    fn upstream(&self, store: &Arc<str>) -> KStream<K, V> {
        if !self.stream.rekeyed {
            return self.stream.clone();
        }
        let serdes = self.serdes.clone();
        match &self.name {
            None => self.stream.through(store, serdes, (None, None)).0,
            Some(name) => {
                if let Some((known, child)) = self.repartitioned.get() {
                    let mut graph = self.graph().lock();
                    graph.burn_repartition_names();
                    graph.declare_again(known.node.id());
                    drop(graph);
                    self.stream.node.connect_again(*child);
                    return known.clone();
                }
                let behind = self.stream.through(name, serdes, (None, None));
                self.repartitioned.get_or_init(|| behind).0.clone()
            }
        }
    }
}

/// Where an aggregation stands.
pub(super) struct Place<K, V> {
    pub(super) upstream: KStream<K, V>,
    pub(super) node: crate::ids::NodeId,
    pub(super) store: Arc<str>,
    pub(super) demand: Arc<StoreDemand>,
}

impl<K, V> Clone for KGroupedStream<K, V> {
    fn clone(&self) -> Self {
        Self {
            stream: self.stream.clone(),
            serdes: self.serdes.clone(),
            name: self.name.clone(),
            repartitioned: self.repartitioned.clone(),
        }
    }
}

impl<K, V> fmt::Debug for KGroupedStream<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KGroupedStream").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl<K, V> KGroupedStream<K, V> {
    pub(super) fn graph(&self) -> &crate::topology::SharedGraph {
        &self.stream.graph
    }
}
