//! Tables made of another table row by row (rows SF6, SF7).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::kstream::KnownSerdes;
use super::ktable::key_value_factory;
use super::table_view::{MappedView, StoreView, TableView};
use super::{KTable, Materialized, prefix};
use crate::operators::{MapRows, MapTable, MaterializedTable, TableWriter};
use crate::record::Change;
use crate::serde::Data;
use crate::topology::{GraphNode, Node, NodeKind, StoreDemand, StoreKind};

/// Filters and mappers compute rows as they are asked for; only their `_materialized` forms keep them,
/// and those only in a store with a name. An unnamed one changes the names that the JVM library
/// generates, and nothing else.
impl<K: Data, V: Data> KTable<K, V> {
    /// Keeps the rows that the predicate holds for; a row it no longer holds for is deleted.
    ///
    /// # Examples
    ///
    /// ```
    /// use kappa::prelude::*;
    ///
    /// # fn main() -> kappa::Result<()> {
    /// let builder = StreamsBuilder::new();
    /// let stock = builder.table(&Topic::<String, i64>::new("stock", Utf8, I64), "stock");
    /// let scarce = stock.filter(|_, pieces| *pieces < 10);
    /// scarce.to_stream().to(&Topic::new("scarce", Utf8, Nullable::of(I64)));
    /// # builder.build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn filter(&self, predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        self.filtered(predicate, None)
    }

    /// Keeps the rows that the predicate does not hold for.
    #[must_use]
    pub fn filter_not(&self, predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        self.filtered(move |key, value| !predicate(key, value), None)
    }

    /// Filters into rows that are kept.
    ///
    /// # Examples
    ///
    /// ```
    /// use kappa::prelude::*;
    /// use kappa::testing::TopologyTestDriver;
    ///
    /// # fn main() -> kappa::Result<()> {
    /// let topic: Topic<String, i64> = Topic::of("stock");
    /// let builder = StreamsBuilder::new();
    /// builder.table(&topic, "stock").filter_materialized(|_, pieces| *pieces < 10, "scarce");
    ///
    /// let driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input(&topic).pipe("screws".to_owned(), 7);
    /// assert_eq!(driver.key_value::<String, i64>("scarce", &"screws".to_owned())?, Some(7));
    /// # Ok(())
    /// # }
    /// ```
    pub fn filter_materialized(
        &self,
        predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static,
        store: impl Into<Materialized<K, V>>,
    ) -> Self {
        self.filtered(predicate, Some(store.into()))
    }

    /// Filters by the opposite of a predicate, into rows that are kept.
    pub fn filter_not_materialized(
        &self,
        predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static,
        store: impl Into<Materialized<K, V>>,
    ) -> Self {
        self.filtered(move |key, value| !predicate(key, value), Some(store.into()))
    }

    /// Replaces each row's value. Nothing more is kept: look-ups go through to this table (row SF6).
    pub fn map_values<V2: Data>(
        &self,
        mapper: impl Fn(V) -> V2 + Send + Sync + 'static,
    ) -> KTable<K, V2> {
        self.map_values_or_delete(move |_, value| Some(mapper(value)))
    }

    /// Replaces each row's value, by a mapper that is given the key as well.
    pub fn map_values_with_key<V2: Data>(
        &self,
        mapper: impl Fn(&K, V) -> V2 + Send + Sync + 'static,
    ) -> KTable<K, V2> {
        self.map_values_or_delete(move |key, value| Some(mapper(key, value)))
    }

    /// Replaces each row's value; where the mapper returns nothing, there is no row.
    ///
    /// # Examples
    ///
    /// ```
    /// use kappa::prelude::*;
    ///
    /// # fn main() -> kappa::Result<()> {
    /// let builder = StreamsBuilder::new();
    /// let texts = builder.table(&Topic::<String, String>::new("texts", Utf8, Utf8), "texts");
    /// let numbers = texts.map_values_or_delete(|_, text| text.parse::<i64>().ok());
    /// numbers.to_stream().to(&Topic::new("numbers", Utf8, Nullable::of(I64)));
    /// # builder.build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn map_values_or_delete<V2: Data>(
        &self,
        mapper: impl Fn(&K, V) -> Option<V2> + Send + Sync + 'static,
    ) -> KTable<K, V2> {
        let serdes = (self.serdes.0.clone(), None);
        self.mapped(prefix::TABLE_MAP_VALUES, mapper, serdes, None)
    }

    /// Replaces each row's value, by a mapper that is given the key as well, into rows that are kept.
    pub fn map_values_materialized<V2: Data>(
        &self,
        mapper: impl Fn(&K, V) -> V2 + Send + Sync + 'static,
        store: impl Into<Materialized<K, V2>>,
    ) -> KTable<K, V2> {
        self.map_values_or_delete_materialized(move |key, value| Some(mapper(key, value)), store)
    }

    /// Replaces each row's value, into rows that are kept; where the mapper returns nothing, there is
    /// no row.
    pub fn map_values_or_delete_materialized<V2: Data>(
        &self,
        mapper: impl Fn(&K, V) -> Option<V2> + Send + Sync + 'static,
        store: impl Into<Materialized<K, V2>>,
    ) -> KTable<K, V2> {
        self.mapped(prefix::TABLE_MAP_VALUES, mapper, (None, None), Some(store.into()))
    }

    fn filtered(
        &self,
        predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static,
        kept: Option<Materialized<K, V>>,
    ) -> Self {
        let mapper = move |key: &K, value: V| predicate(key, &value).then_some(value);
        self.mapped(prefix::TABLE_FILTER, mapper, self.serdes.clone(), kept)
    }

    /// Declares a table of what a mapper makes of the rows; a filter is one that leaves them alone.
    fn mapped<V2: Data, F>(
        &self,
        prefix: &str,
        mapper: F,
        serdes: KnownSerdes<K, V2>,
        kept: Option<Materialized<K, V2>>,
    ) -> KTable<K, V2>
    where
        F: Fn(&K, V) -> Option<V2> + Send + Sync + 'static,
    {
        let is_filter = prefix == prefix::TABLE_FILTER;
        // A filter wants to know what was before where it is for free, to leave out deletes of rows
        // that never passed; so it does in the JVM library (row SF6).
        let old_values = is_filter && self.view.send_old_values(false);
        let mut graph = self.graph.lock();
        let store = kept.as_ref().map(|kept| graph.store_name(&kept.stored, prefix));
        let parents = vec![self.node.id()];
        let mut declared = GraphNode::new(graph.new_name(prefix), NodeKind::Processor, parents);
        let named = kept.as_ref().is_some_and(|kept| kept.stored.name.is_some());
        let store = store.filter(|_| named);
        declared.stores.extend(store.clone());
        let node: Arc<Node<K, Change<V2>>> = Node::new(graph.add(declared));
        let serdes = match &kept {
            Some(kept) => (Some(kept.keys.clone()), Some(kept.values.clone())),
            None => serdes,
        };
        let (child, mapper) = (node.clone(), Arc::new(mapper));
        let view: Arc<dyn TableView<K, V2>> = if let (Some(kept), Some(store)) = (kept, store) {
            let demand = StoreDemand::new(true);
            if old_values {
                demand.ask_old_values();
            }
            let make = key_value_factory((kept.keys, kept.values));
            graph.declare_store(&store, StoreKind::KeyValue, &kept.stored, demand.clone(), make);
            let view = StoreView { store: store.clone(), demand: demand.clone() };
            self.node.connect(Box::new(move |task| {
                let next = child.downstream(task);
                let table = TableWriter::new(task.store(&store), next);
                let skips_absent = is_filter && demand.old_values();
                let next = Box::new(MaterializedTable { table, skips_absent });
                Box::new(MapRows { mapper: mapper.clone(), next })
            }));
            Arc::new(view)
        } else {
            let asked = Arc::new(AtomicBool::new(old_values));
            let view = MappedView::new(self.view.clone(), mapper.clone(), asked.clone());
            self.node.connect(Box::new(move |task| {
                let (mapper, next) = (mapper.clone(), child.downstream(task));
                let old_values = asked.load(Ordering::Relaxed);
                let skips_absent = is_filter && old_values;
                Box::new(MapTable { mapper, old_values, skips_absent, next })
            }));
            Arc::new(view)
        };
        drop(graph);
        let (graph, sources) = (self.graph.clone(), self.sources.clone());
        KTable { graph, node, serdes, sources, view }
    }
}
