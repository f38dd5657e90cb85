//! Tables of the format over ours.

use std::any::Any;

use kappa::prelude::*;

use super::functions::{Joiner, KeyFn, KeyedValueFn, Predicate};
use super::grouped::{Aggregation, Fold, counted, kept, kept_by};
use super::scope::Outside;
use super::streams::{AnyStream, Serdes, Stream};
use super::value::{Key, TableRef, Val, Value};

/// How a table's rows are kept, where a case says so.
pub(crate) type Kept = Option<(Stored, Serdes)>;

/// A table grouped by other keys, and how it is grouped.
pub(crate) type GroupedTable = KGroupedTable<Val, Val>;
pub(crate) type Regrouped = Grouped<Val, Val>;

/// Aggregates a grouped table; nothing where the aggregation is one of streams.
pub(crate) fn fold(grouped: &GroupedTable, aggregation: Aggregation) -> Option<Box<dyn AnyTable>> {
    let (counts, values) = (counted(&aggregation), kept::<Val>(&aggregation));
    Some(match aggregation.fold {
        Fold::Count => Box::new(grouped.count(counts)),
        Fold::ReduceRows(add, subtract) => {
            let add = move |a, b| add(a, Some(b));
            Box::new(grouped.reduce_or_delete(add, move |a, b| subtract(a, Some(b)), values))
        }
        Fold::AggregateRows(init, add, subtract) => {
            let add = move |key: &Val, v: Val, sum: Val| add(key, Some(&v), &sum);
            let subtract = move |key: &Val, v: Val, sum: Val| subtract(key, Some(&v), &sum);
            let init = move || init.clone();
            Box::new(grouped.aggregate_or_delete(init, add, subtract, values))
        }
        Fold::Reduce(_) | Fold::Aggregate(..) => return None,
    })
}

/// How two tables are joined.
pub(crate) struct Join {
    pub(crate) kind: TableJoinKind,
    pub(crate) joiner: Joiner,
    pub(crate) kept: Kept,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum TableJoinKind {
    Inner,
    Left,
    Outer,
}

/// What can be done with a table.
pub(crate) trait AnyTable {
    fn filter(&self, predicate: Predicate, kept: Kept) -> Box<dyn AnyTable>;
    fn filter_not(&self, predicate: Predicate, kept: Kept) -> Box<dyn AnyTable>;
    fn map_values(&self, f: KeyedValueFn, kept: Kept) -> Box<dyn AnyTable>;
    fn group_by(&self, key: KeyFn, value: KeyedValueFn, grouped: Regrouped) -> GroupedTable;
    fn join(&self, other: &dyn AnyTable, join: Join) -> Result<Box<dyn AnyTable>, Outside>;
    fn to_stream(&self) -> Box<dyn AnyStream>;
    fn as_any(&self) -> &dyn Any;
    /// The table as one that streams are joined with; nothing for windowed keys.
    fn joinable(&self) -> Option<TableRef<'_>>;
}

impl<K: Key, V: Value> AnyTable for KTable<K, V> {
    fn filter(&self, predicate: Predicate, kept: Kept) -> Box<dyn AnyTable> {
        let holds = move |key: &K, value: &V| predicate(key.look(), Some(&value.to_val()));
        Box::new(match kept {
            Some(kept) => self.filter_materialized(holds, kept_by::<K, V>(kept)),
            None => Self::filter(self, holds),
        })
    }

    fn filter_not(&self, predicate: Predicate, kept: Kept) -> Box<dyn AnyTable> {
        let holds = move |key: &K, value: &V| predicate(key.look(), Some(&value.to_val()));
        Box::new(match kept {
            Some(kept) => self.filter_not_materialized(holds, kept_by::<K, V>(kept)),
            None => Self::filter_not(self, holds),
        })
    }

    fn map_values(&self, f: KeyedValueFn, kept: Kept) -> Box<dyn AnyTable> {
        let mapper = move |key: &K, value: V| f(key.look(), Some(&value.to_val()));
        Box::new(match kept {
            Some(kept) => self.map_values_or_delete_materialized(mapper, kept_by::<K, Val>(kept)),
            None => self.map_values_or_delete(mapper),
        })
    }

    fn group_by(&self, key: KeyFn, value: KeyedValueFn, grouped: Regrouped) -> GroupedTable {
        let select = move |k: &K, v: V| {
            let v = v.to_val();
            Some((key(k.look(), Some(&v))?, value(k.look(), Some(&v))?))
        };
        self.group_by_or_skip(select, grouped)
    }

    fn join(&self, other: &dyn AnyTable, join: Join) -> Result<Box<dyn AnyTable>, Outside> {
        if let Some(other) = other.as_any().downcast_ref::<KTable<K, Val>>() {
            return Ok(joined(self, other, join));
        }
        if let Some(other) = other.as_any().downcast_ref::<KTable<K, i64>>() {
            return Ok(joined(self, other, join));
        }
        Err(Outside::WindowedKey("join_tables".to_owned()))
    }

    fn to_stream(&self) -> Box<dyn AnyStream> {
        Stream::boxed(Self::to_stream(self), false)
    }

    fn joinable(&self) -> Option<TableRef<'_>> {
        K::lookup(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn joined<K: Key, V: Value, V2: Value>(
    left: &KTable<K, V>,
    right: &KTable<K, V2>,
    Join { kind, joiner, kept }: Join,
) -> Box<dyn AnyTable> {
    let join = move |left: Option<&V>, right: Option<&V2>| {
        joiner(left.map(V::to_val).as_ref(), right.map(V2::to_val).as_ref())
    };
    let kept = kept.map(kept_by::<K, Val>);
    Box::new(match (kind, kept) {
        (TableJoinKind::Inner, None) => {
            left.join_or_delete(right, move |left, right| join(Some(left), Some(right)))
        }
        (TableJoinKind::Left, None) => {
            left.left_join_or_delete(right, move |left, right| join(Some(left), right))
        }
        (TableJoinKind::Outer, None) => left.outer_join_or_delete(right, join),
        (TableJoinKind::Inner, Some(kept)) => {
            let join = move |left: &V, right: &V2| join(Some(left), Some(right));
            left.join_or_delete_materialized(right, join, kept)
        }
        (TableJoinKind::Left, Some(kept)) => {
            let join = move |left: &V, right: Option<&V2>| join(Some(left), right);
            left.left_join_or_delete_materialized(right, join, kept)
        }
        (TableJoinKind::Outer, Some(kept)) => {
            left.outer_join_or_delete_materialized(right, join, kept)
        }
    })
}
