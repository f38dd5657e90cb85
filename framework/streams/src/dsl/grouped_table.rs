//! A table grouped by other keys, and its aggregations (rows SF2 to SF4).

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::kstream::Serdes;
use super::ktable::key_value_factory;
use super::table_view::StoreView;
use super::{Grouped, KStream, KTable, Materialized, prefix};
use crate::ids::TopicRef;
use crate::operators::{Aggregate, Regroup, Sink, TableWriter, Writer};
use crate::record::Change;
use crate::serde::{Changed, Data, DefaultSerde, SerdeRef};
use crate::state::KeyValueStore;
use crate::topology::{
    ChildId, GraphNode, Node, NodeKind, RepartitionSpec, SharedGraph, StoreDemand, StoreKind,
};

/// A table grouped by other keys; aggregations take away what a row was and add what it is now.
pub struct KGroupedTable<K, V> {
    graph: SharedGraph,
    node: Arc<Node<K, Change<V>>>,
    serdes: Serdes<K, V>,
    name: Option<Arc<str>>,
    /// What is behind the named repartition topic, which several aggregations share.
    repartitioned: Arc<OnceLock<(KStream<K, Change<V>>, ChildId)>>,
}

impl<K: Data, V: Data> KTable<K, V> {
    /// Groups the rows by other keys, with the values to be aggregated.
    ///
    /// # Examples
    ///
    /// How many live where, as people move:
    ///
    /// ```
    /// use kappa::prelude::*;
    /// use kappa::testing::TopologyTestDriver;
    ///
    /// # fn main() -> kappa::Result<()> {
    /// let homes: Topic<String, String> = Topic::of("homes");
    /// let builder = StreamsBuilder::new();
    /// builder.table(&homes, "homes").group_by(|who, city| (city, who.clone())).count("people");
    ///
    /// let driver = TopologyTestDriver::new(&builder.build()?)?;
    /// let mut moves = driver.input(&homes);
    /// moves.pipe("ann".to_owned(), "Oslo".to_owned());
    /// moves.pipe("bob".to_owned(), "Oslo".to_owned());
    /// moves.pipe("ann".to_owned(), "Rome".to_owned());
    /// assert_eq!(driver.key_value::<String, i64>("people", &"Oslo".to_owned())?, Some(1));
    /// assert_eq!(driver.key_value::<String, i64>("people", &"Rome".to_owned())?, Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn group_by<K2, V2>(
        &self,
        selector: impl Fn(&K, V) -> (K2, V2) + Send + Sync + 'static,
    ) -> KGroupedTable<K2, V2>
    where
        K2: Data + PartialEq + DefaultSerde,
        V2: Data + DefaultSerde,
    {
        let (keys, values) = (K2::default_serde(), V2::default_serde());
        self.group_by_with(selector, Grouped { keys, values, name: None })
    }

    /// Groups the rows by other keys, with options.
    pub fn group_by_with<K2: Data + PartialEq, V2: Data>(
        &self,
        selector: impl Fn(&K, V) -> (K2, V2) + Send + Sync + 'static,
        grouped: Grouped<K2, V2>,
    ) -> KGroupedTable<K2, V2> {
        self.group_by_or_skip(move |key, value| Some(selector(key, value)), grouped)
    }

    /// Groups the rows by other keys, with options; a row that the selector returns nothing for is in
    /// no group.
    pub fn group_by_or_skip<K2: Data + PartialEq, V2: Data>(
        &self,
        selector: impl Fn(&K, V) -> Option<(K2, V2)> + Send + Sync + 'static,
        grouped: Grouped<K2, V2>,
    ) -> KGroupedTable<K2, V2> {
        let Grouped { keys, values, name } = grouped;
        self.view.send_old_values(true);
        let mut graph = self.graph.lock();
        if let Some(name) = &name {
            graph.check_name("group", name);
        }
        // The group's name is also that of its selection, as in the JVM library.
        let generated = graph.new_name(prefix::TABLE_SELECT);
        let selected = name.clone().unwrap_or(generated);
        let parents = vec![self.node.id()];
        let node = Node::new(graph.add(GraphNode::new(selected, NodeKind::Processor, parents)));
        drop(graph);
        let (child, selector) = (node.clone(), Arc::new(selector));
        self.node.connect(Box::new(move |task| {
            let next = child.downstream(task);
            Box::new(Regroup { selector: selector.clone(), next })
        }));
        let (graph, serdes) = (self.graph.clone(), (keys, values));
        KGroupedTable { graph, node, serdes, name, repartitioned: Arc::default() }
    }
}

impl<K: Data, V: Data> KGroupedTable<K, V> {
    /// Counts the rows of each group. The count of a group that has lost its last row is 0.
    pub fn count(&self, store: impl Into<Materialized<K, i64>>) -> KTable<K, i64> {
        self.aggregate_as(
            prefix::TABLE_AGGREGATE,
            store.into(),
            |_, _, count: Option<i64>| Some(count.unwrap_or(0) + 1),
            |_, _, count| Some(count - 1),
        )
    }

    /// Combines the values of each group; the first is taken as it is.
    ///
    /// The subtractor takes away what a row was before the adder adds what it is now.
    pub fn reduce(
        &self,
        adder: impl Fn(V, V) -> V + Send + Sync + 'static,
        subtractor: impl Fn(V, V) -> V + Send + Sync + 'static,
        store: impl Into<Materialized<K, V>>,
    ) -> KTable<K, V> {
        let adder = move |old, value| Some(adder(old, value));
        self.reduce_or_delete(adder, move |old, value| Some(subtractor(old, value)), store)
    }

    /// Combines the values of each group; where adder or subtractor return nothing, the row is
    /// deleted, and the next value is taken as it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use kappa::prelude::*;
    ///
    /// # fn main() -> kappa::Result<()> {
    /// let builder = StreamsBuilder::new();
    /// let accounts = builder.table(&Topic::<String, i64>::of("accounts"), "accounts");
    /// let by_bank = accounts.group_by(|iban, amount| (iban.chars().take(8).collect::<String>(), amount));
    /// by_bank.reduce_or_delete(
    ///     |total, amount| Some(total + amount),
    ///     |total, amount| Some(total - amount).filter(|left| *left != 0),
    ///     "totals-by-bank",
    /// );
    /// # builder.build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn reduce_or_delete(
        &self,
        adder: impl Fn(V, V) -> Option<V> + Send + Sync + 'static,
        subtractor: impl Fn(V, V) -> Option<V> + Send + Sync + 'static,
        store: impl Into<Materialized<K, V>>,
    ) -> KTable<K, V> {
        let adder = move |_: &K, value: V, old: Option<V>| match old {
            Some(old) => adder(old, value),
            None => Some(value),
        };
        let subtractor = move |_: &K, value, old| subtractor(old, value);
        self.aggregate_as(prefix::TABLE_REDUCE, store.into(), adder, subtractor)
    }

    /// Folds the values of each group into an aggregate that begins with `init`.
    ///
    /// The subtractor takes away what a row was before the adder adds what it is now.
    pub fn aggregate<A: Data>(
        &self,
        init: impl Fn() -> A + Send + Sync + 'static,
        adder: impl Fn(&K, V, A) -> A + Send + Sync + 'static,
        subtractor: impl Fn(&K, V, A) -> A + Send + Sync + 'static,
        store: impl Into<Materialized<K, A>>,
    ) -> KTable<K, A> {
        let adder = move |key: &K, value, aggregate| Some(adder(key, value, aggregate));
        let subtractor = move |key: &K, value, aggregate| Some(subtractor(key, value, aggregate));
        self.aggregate_or_delete(init, adder, subtractor, store)
    }

    /// Folds the values of each group into an aggregate; where adder or subtractor return nothing, the
    /// row is deleted, and the next value begins anew with `init`.
    pub fn aggregate_or_delete<A: Data>(
        &self,
        init: impl Fn() -> A + Send + Sync + 'static,
        adder: impl Fn(&K, V, A) -> Option<A> + Send + Sync + 'static,
        subtractor: impl Fn(&K, V, A) -> Option<A> + Send + Sync + 'static,
        store: impl Into<Materialized<K, A>>,
    ) -> KTable<K, A> {
        let adder =
            move |key: &K, value, old: Option<A>| adder(key, value, old.unwrap_or_else(&init));
        self.aggregate_as(prefix::TABLE_AGGREGATE, store.into(), adder, subtractor)
    }

    fn aggregate_as<A: Data>(
        &self,
        prefix: &str,
        materialized: Materialized<K, A>,
        adder: impl Fn(&K, V, Option<A>) -> Option<A> + Send + Sync + 'static,
        subtractor: impl Fn(&K, V, A) -> Option<A> + Send + Sync + 'static,
    ) -> KTable<K, A> {
        let Materialized { stored, keys, values, .. } = materialized;
        let mut graph = self.graph.lock();
        // In the JVM library a reduce's generated store is named like an aggregate's (row ST12).
        let store = graph.store_name(&stored, prefix::TABLE_AGGREGATE);
        let ends = [prefix::SINK, prefix::SOURCE].map(|prefix| graph.new_name(prefix));
        let name = graph.new_name(prefix);
        drop(graph);
        let upstream = self.upstream(&store, ends);
        let demand = StoreDemand::new(true);
        let mut graph = self.graph.lock();
        let mut declared = GraphNode::new(name, NodeKind::Processor, vec![upstream.node.id()]);
        declared.stores.push(store.clone());
        let node = Node::new(graph.add(declared));
        let make = key_value_factory((keys.clone(), values.clone()));
        graph.declare_store(&store, StoreKind::KeyValue, &stored, demand.clone(), make);
        drop(graph);

        let fold = move |key: &K, change: Change<V>, aggregate: Option<A>| {
            let left = match (change.old, aggregate) {
                (Some(old), Some(aggregate)) => subtractor(key, old, aggregate),
                (_, aggregate) => aggregate,
            };
            match change.new {
                Some(new) => adder(key, new, left),
                None => left,
            }
        };
        let (child, kept, fold) = (node.clone(), store.clone(), Arc::new(fold));
        upstream.node.connect(Box::new(move |task| {
            let next = child.downstream(task);
            let store = task.store::<KeyValueStore<K, A>>(&kept);
            Box::new(Aggregate { fold: fold.clone(), table: TableWriter::new(store, next) })
        }));
        KTable {
            graph: self.graph.clone(),
            node,
            serdes: (Some(keys), Some(values)),
            sources: upstream.sources,
            view: Arc::new(StoreView { store, demand }),
        }
    }

    /// Returns the changes behind the repartition topic of the group's name, or of the store's.
    fn upstream(&self, store: &Arc<str>, ends: [Arc<str>; 2]) -> KStream<K, Change<V>> {
        let Some(name) = &self.name else { return self.repartition(store, ends).0 };
        if let Some((known, child)) = self.repartitioned.get() {
            self.graph.lock().declare_again(known.node.id());
            self.node.connect_again(*child);
            return known.clone();
        }
        let behind = self.repartition(name, ends);
        self.repartitioned.get_or_init(|| behind).0.clone()
    }

    fn repartition(
        &self,
        name: &str,
        [sink_name, source_name]: [Arc<str>; 2],
    ) -> (KStream<K, Change<V>>, ChildId) {
        let topic = TopicRef::Internal(format!("{name}-repartition").into());
        let (keys, values) = self.serdes.clone();
        let changes: SerdeRef<Change<V>> = Arc::new(Changed(values));
        let kind = NodeKind::Sink(topic.clone());
        let mut graph = self.graph.lock();
        let sink = graph.add(GraphNode::new(sink_name, kind, vec![self.node.id()]));
        graph.writes(&topic, &keys, &changes);
        drop(graph);
        let serdes = (keys.clone(), changes.clone());
        let (to, writer) = (topic.clone(), Writer::new(keys, changes, None));
        let child = self.node.connect(Box::new(move |task| {
            Box::new(Sink { topic: task.output(&to), writer: writer.clone() })
        }));
        let behind = KStream::source(&self.graph, source_name, vec![(topic, serdes)]);
        let source = behind.node.id();
        let (keeps_null_keys, drops_counted) = (Arc::default(), None);
        let spec = RepartitionSpec {
            filter: None,
            sink,
            source,
            partitions: None,
            keeps_null_keys,
            drops_counted,
        };
        self.graph.lock().repartitions.push(spec);
        (behind, child)
    }
}

impl<K, V> Clone for KGroupedTable<K, V> {
    fn clone(&self) -> Self {
        Self {
            graph: self.graph.clone(),
            node: self.node.clone(),
            serdes: self.serdes.clone(),
            name: self.name.clone(),
            repartitioned: self.repartitioned.clone(),
        }
    }
}

impl<K, V> fmt::Debug for KGroupedTable<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KGroupedTable({:?})", self.node)
    }
}
