//! Joins of tables with tables of the same key (rows J12, J17).

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::ktable::key_value_factory;
use super::table_view::{JoinedView, StoreView, TableView};
use super::{KTable, Materialized, prefix};
use crate::operators::{MaterializedJoin, TableJoin, TableWriter};
use crate::processor::{Edge, TaskBuilder};
use crate::record::Change;
use crate::serde::Data;
use crate::topology::{GraphNode, Node, NodeKind, StoreDemand, StoreKind};

/// Which sides must have a row for there to be a joined one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Both,
    Left,
    Either,
}

/// A joined table follows both of its sides; its rows have the later one's timestamp. Rows are
/// computed as they are asked for; the `_materialized` forms keep them.
///
/// Joined tables must have as many partitions, which the start of the application checks.
impl<K: Data, V: Data> KTable<K, V> {
    /// Joins rows of the same key; there is a row where both sides have one.
    ///
    /// # Examples
    ///
    /// ```
    /// use kappa::prelude::*;
    /// use kappa::testing::TopologyTestDriver;
    ///
    /// # fn main() -> kappa::Result<()> {
    /// let (names, cities) = (Topic::<String, String>::of("names"), Topic::of("cities"));
    /// let labels: Topic<String, Option<String>> = Topic::new("labels", Utf8, Nullable::of(Utf8));
    /// let builder = StreamsBuilder::new();
    /// let cities_by_id: KTable<String, String> = builder.table(&cities, "cities");
    /// builder
    ///     .table(&names, "names")
    ///     .join(&cities_by_id, |name, city| format!("{name}, {city}"))
    ///     .to_stream()
    ///     .to(&labels);
    ///
    /// let driver = TopologyTestDriver::new(&builder.build()?)?;
    /// driver.input(&names).pipe("7".to_owned(), "Ann".to_owned());
    /// driver.input(&cities).pipe("7".to_owned(), "Oslo".to_owned());
    /// assert_eq!(driver.output(&labels).read_map()["7"].as_deref(), Some("Ann, Oslo"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn join<V2: Data, VO: Data>(
        &self,
        other: &KTable<K, V2>,
        joiner: impl Fn(&V, &V2) -> VO + Send + Sync + 'static,
    ) -> KTable<K, VO> {
        self.join_or_delete(other, move |left, right| Some(joiner(left, right)))
    }

    /// Joins rows of the same key; there is a row where this side has one.
    pub fn left_join<V2: Data, VO: Data>(
        &self,
        other: &KTable<K, V2>,
        joiner: impl Fn(&V, Option<&V2>) -> VO + Send + Sync + 'static,
    ) -> KTable<K, VO> {
        self.left_join_or_delete(other, move |left, right| Some(joiner(left, right)))
    }

    /// Joins rows of the same key; there is a row where either side has one, and never two nothings.
    pub fn outer_join<V2: Data, VO: Data>(
        &self,
        other: &KTable<K, V2>,
        joiner: impl Fn(Option<&V>, Option<&V2>) -> VO + Send + Sync + 'static,
    ) -> KTable<K, VO> {
        self.outer_join_or_delete(other, move |left, right| Some(joiner(left, right)))
    }

    /// Joins as [`join`](Self::join); where the joiner returns nothing, there is no row.
    pub fn join_or_delete<V2: Data, VO: Data>(
        &self,
        other: &KTable<K, V2>,
        joiner: impl Fn(&V, &V2) -> Option<VO> + Send + Sync + 'static,
    ) -> KTable<K, VO> {
        self.joined(other, Needs::Both, move |left, right| joiner(left?, right?), None)
    }

    /// Joins as [`left_join`](Self::left_join); where the joiner returns nothing, there is no row.
    pub fn left_join_or_delete<V2: Data, VO: Data>(
        &self,
        other: &KTable<K, V2>,
        joiner: impl Fn(&V, Option<&V2>) -> Option<VO> + Send + Sync + 'static,
    ) -> KTable<K, VO> {
        self.joined(other, Needs::Left, move |left, right| joiner(left?, right), None)
    }

    /// Joins as [`outer_join`](Self::outer_join); where the joiner returns nothing, there is no row.
    pub fn outer_join_or_delete<V2: Data, VO: Data>(
        &self,
        other: &KTable<K, V2>,
        joiner: impl Fn(Option<&V>, Option<&V2>) -> Option<VO> + Send + Sync + 'static,
    ) -> KTable<K, VO> {
        self.joined(other, Needs::Either, joiner, None)
    }

    /// Joins as [`join`](Self::join), into rows that are kept.
    pub fn join_materialized<V2: Data, VO: Data>(
        &self,
        other: &KTable<K, V2>,
        joiner: impl Fn(&V, &V2) -> VO + Send + Sync + 'static,
        store: impl Into<Materialized<K, VO>>,
    ) -> KTable<K, VO> {
        let joiner = move |left: &V, right: &V2| Some(joiner(left, right));
        self.join_or_delete_materialized(other, joiner, store)
    }

    /// Joins as [`left_join`](Self::left_join), into rows that are kept.
    pub fn left_join_materialized<V2: Data, VO: Data>(
        &self,
        other: &KTable<K, V2>,
        joiner: impl Fn(&V, Option<&V2>) -> VO + Send + Sync + 'static,
        store: impl Into<Materialized<K, VO>>,
    ) -> KTable<K, VO> {
        let joiner = move |left: &V, right: Option<&V2>| Some(joiner(left, right));
        self.left_join_or_delete_materialized(other, joiner, store)
    }

    /// Joins as [`outer_join`](Self::outer_join), into rows that are kept.
    pub fn outer_join_materialized<V2: Data, VO: Data>(
        &self,
        other: &KTable<K, V2>,
        joiner: impl Fn(Option<&V>, Option<&V2>) -> VO + Send + Sync + 'static,
        store: impl Into<Materialized<K, VO>>,
    ) -> KTable<K, VO> {
        let joiner = move |left: Option<&V>, right: Option<&V2>| Some(joiner(left, right));
        self.outer_join_or_delete_materialized(other, joiner, store)
    }

    /// Joins as [`join_or_delete`](Self::join_or_delete), into rows that are kept.
    pub fn join_or_delete_materialized<V2: Data, VO: Data>(
        &self,
        other: &KTable<K, V2>,
        joiner: impl Fn(&V, &V2) -> Option<VO> + Send + Sync + 'static,
        store: impl Into<Materialized<K, VO>>,
    ) -> KTable<K, VO> {
        let joiner = move |left: Option<&V>, right: Option<&V2>| joiner(left?, right?);
        self.joined(other, Needs::Both, joiner, Some(store.into()))
    }

    /// Joins as [`left_join_or_delete`](Self::left_join_or_delete), into rows that are kept.
    pub fn left_join_or_delete_materialized<V2: Data, VO: Data>(
        &self,
        other: &KTable<K, V2>,
        joiner: impl Fn(&V, Option<&V2>) -> Option<VO> + Send + Sync + 'static,
        store: impl Into<Materialized<K, VO>>,
    ) -> KTable<K, VO> {
        let joiner = move |left: Option<&V>, right: Option<&V2>| joiner(left?, right);
        self.joined(other, Needs::Left, joiner, Some(store.into()))
    }

    /// Joins as [`outer_join_or_delete`](Self::outer_join_or_delete), into rows that are kept.
    pub fn outer_join_or_delete_materialized<V2: Data, VO: Data>(
        &self,
        other: &KTable<K, V2>,
        joiner: impl Fn(Option<&V>, Option<&V2>) -> Option<VO> + Send + Sync + 'static,
        store: impl Into<Materialized<K, VO>>,
    ) -> KTable<K, VO> {
        self.joined(other, Needs::Either, joiner, Some(store.into()))
    }

    /// Declares the join's three nodes: one for the changes of each side, one for what comes of them.
    fn joined<V2: Data, VO: Data, F>(
        &self,
        other: &KTable<K, V2>,
        needs: Needs,
        joiner: F,
        kept: Option<Materialized<K, VO>>,
    ) -> KTable<K, VO>
    where
        F: Fn(Option<&V>, Option<&V2>) -> Option<VO> + Send + Sync + 'static,
    {
        assert!(self.graph.is(&other.graph), "joined tables come from one builder");
        // What a side was tells whether it had a row to begin with (row J12).
        if needs != Needs::Both {
            self.view.send_old_values(true);
        }
        if needs == Needs::Either {
            other.view.send_old_values(true);
        }
        let mut graph = self.graph.lock();
        let store = kept.as_ref().map(|kept| graph.store_name(&kept.stored, prefix::TABLE_MERGE));
        let [merge, this_side, other_side] =
            [prefix::TABLE_MERGE, prefix::TABLE_JOIN_THIS, prefix::TABLE_JOIN_OTHER]
                .map(|prefix| graph.new_name(prefix));
        let sources = &self.sources | &other.sources;
        graph.copartitioned.push(sources.clone());
        let mut side = |name, parent, stores| {
            let mut node = GraphNode::new(name, NodeKind::Processor, vec![parent]);
            node.stores = stores;
            graph.add(node)
        };
        let this_side = side(this_side, self.node.id(), other.view.require());
        let other_side = side(other_side, other.node.id(), self.view.require());
        let mut merge = GraphNode::new(merge, NodeKind::Processor, vec![this_side, other_side]);
        merge.stores.extend(store.clone());
        let node: Arc<Node<K, Change<VO>>> = Node::new(graph.add(merge));
        let kept = kept.zip(store).map(|(kept, store)| {
            let demand = StoreDemand::new(true);
            let make = key_value_factory((kept.keys.clone(), kept.values.clone()));
            graph.declare_store(&store, StoreKind::KeyValue, &kept.stored, demand.clone(), make);
            (StoreView { store, demand }, (Some(kept.keys), Some(kept.values)))
        });
        drop(graph);
        let (kept, serdes) = kept
            .map_or((None, (self.serdes.0.clone(), None)), |(view, serdes)| (Some(view), serdes));

        let (joiner, old_values) = (Arc::new(joiner), Arc::<AtomicBool>::default());
        self.connect_join(other, needs, &joiner, &old_values, merged(&node, kept.as_ref()));
        let (left, right) = (self.view.clone(), other.view.clone());
        let view: Arc<dyn TableView<K, VO>> =
            Arc::new(JoinedView { left, right, joiner, old_values, kept });
        KTable { graph: self.graph.clone(), node, serdes, sources, view }
    }

    /// Makes each side's changes look the other side up.
    fn connect_join<V2: Data, VO: Data, F>(
        &self,
        other: &KTable<K, V2>,
        needs: Needs,
        joiner: &Arc<F>,
        old_values: &Arc<AtomicBool>,
        merged: impl Fn(&mut TaskBuilder) -> Edge<K, Change<VO>> + Clone + Send + Sync + 'static,
    ) where
        F: Fn(Option<&V>, Option<&V2>) -> Option<VO> + Send + Sync + 'static,
    {
        let (needs_left, needs_right) = (needs != Needs::Either, needs == Needs::Both);
        let (right, asked) = (other.view.clone(), old_values.clone());
        let (from_left, merge) = (joiner.clone(), merged.clone());
        self.node.connect(Box::new(move |task| {
            Box::new(TableJoin {
                next: merge(task),
                other: right.getter(task),
                joiner: from_left.clone(),
                needs_this: needs_left,
                needs_other: needs_right,
                old_values: asked.load(Ordering::Relaxed),
                this: PhantomData,
            })
        }));
        let (left, asked, joiner) = (self.view.clone(), old_values.clone(), joiner.clone());
        let from_right = Arc::new(move |right: Option<&V2>, left: Option<&V>| joiner(left, right));
        other.node.connect(Box::new(move |task| {
            Box::new(TableJoin {
                next: merged(task),
                other: left.getter(task),
                joiner: from_right.clone(),
                needs_this: needs_right,
                needs_other: needs_left,
                old_values: asked.load(Ordering::Relaxed),
                this: PhantomData,
            })
        }));
    }
}

/// Returns how one task's end of a join is made, which both sides lead to.
fn merged<K: Data, VO: Data>(
    node: &Arc<Node<K, Change<VO>>>,
    kept: Option<&StoreView>,
) -> impl Fn(&mut TaskBuilder) -> Edge<K, Change<VO>> + Clone + use<K, VO> {
    let (node, store) = (node.clone(), kept.map(|view| view.store.clone()));
    move |task| {
        task.fan_in(node.id(), |task| {
            let next = node.downstream(task);
            let Some(store) = &store else { return next };
            let table = TableWriter::new(task.store(store), next);
            Box::new(MaterializedJoin { table })
        })
    }
}
