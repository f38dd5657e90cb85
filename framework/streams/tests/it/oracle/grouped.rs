//! Grouped streams of the format over ours.
//!
//! A plain aggregation drops null keys and null values, one over windows null keys only: the two want
//! streams of different types.

use std::cell::OnceCell;

use kappa::RowOf;
use kappa::prelude::*;

use super::functions::{Aggregator, Reducer};
use super::scope::Outside;
use super::streams::Serdes;
use super::tables::AnyTable;
use super::value::{Key, Neutral, Shared, Val, Value};

/// An aggregation, and what its store is told.
pub(crate) struct Aggregation {
    pub(crate) fold: Fold,
    pub(crate) stored: Stored,
    /// Serdes of the store; none where the operator is called without a store.
    pub(crate) serdes: Option<Serdes>,
    /// Whether windows are forwarded once, when they are closed.
    pub(crate) emits_final: bool,
}

pub(crate) enum Fold {
    Count,
    Reduce(Reducer),
    Aggregate(Val, Aggregator),
    /// Of a table: what adds and what subtracts.
    ReduceRows(Reducer, Reducer),
    AggregateRows(Val, Aggregator, Aggregator),
}

/// What can be done with a grouped stream.
pub(crate) trait AnyGrouped {
    fn fold(&self, aggregation: Aggregation) -> Result<Box<dyn AnyTable>, Outside>;
    /// `nulls` says whether values may be null.
    fn fold_windows(
        &self,
        windows: TimeWindows,
        aggregation: Aggregation,
        nulls: bool,
    ) -> Result<Box<dyn AnyTable>, Outside>;
}

/// A grouped stream, grouped for real by its first aggregation.
pub(crate) struct GroupedStream<K, V> {
    stream: KStream<K, Option<V>>,
    /// Whether aggregations share a repartition topic, and with it what is dropped before it.
    shared: bool,
    serdes: Serdes,
    name: Option<String>,
    values: OnceCell<KGroupedStream<Val, V>>,
    optional: OnceCell<KGroupedStream<Val, Option<V>>>,
}

impl<K: Key, V: Value> GroupedStream<K, V> {
    pub(crate) fn new(
        stream: KStream<K, Option<V>>,
        rekeyed: bool,
        serdes: Serdes,
        name: Option<&str>,
    ) -> Self {
        let (values, optional) = (OnceCell::new(), OnceCell::new());
        let shared = rekeyed && name.is_some();
        Self { stream, shared, serdes, name: name.map(str::to_owned), values, optional }
    }

    fn grouped<T: kappa::serde::Data>(
        &self,
        stream: Option<KStream<Val, T>>,
        values: Shared<T>,
    ) -> Result<KGroupedStream<Val, T>, Outside> {
        let stream = stream.ok_or_else(|| Outside::WindowedKey("grouping".to_owned()))?;
        let both = self.values.get().is_some() || self.optional.get().is_some();
        if both {
            return Err(Outside::NamedGroupOfTwoTypes);
        }
        let grouped: Grouped<Val, T> = Grouped::with(self.serdes.key, values);
        let grouped = match &self.name {
            Some(name) => grouped.named(name),
            None => grouped,
        };
        Ok(stream.group_by_key_with(grouped))
    }
}

impl<K: Key, V: Value> GroupedStream<K, V> {
    /// What plain aggregations take: null keys and null values are dropped.
    fn without_nulls(&self) -> Result<KGroupedStream<Val, V>, Outside> {
        if let Some(grouped) = self.values.get() {
            return Ok(grouped.clone());
        }
        let stream = K::plain(&self.stream).map(|stream| stream.drop_null_values());
        let grouped = self.grouped(stream, V::serde(self.serdes.value))?;
        if self.shared {
            let _ = self.values.set(grouped.clone());
        }
        Ok(grouped)
    }

    /// What windowed aggregations take: only null keys are dropped.
    fn with_nulls(&self) -> Result<KGroupedStream<Val, Option<V>>, Outside> {
        if let Some(grouped) = self.optional.get() {
            return Ok(grouped.clone());
        }
        let values = V::nullable(self.serdes.value);
        let grouped = self.grouped(K::plain(&self.stream), values)?;
        if self.shared {
            let _ = self.optional.set(grouped.clone());
        }
        Ok(grouped)
    }
}

pub(crate) fn counted(aggregation: &Aggregation) -> Materialized<Val, i64> {
    let stored = aggregation.stored.clone();
    match aggregation.serdes {
        Some(serdes) => Materialized::with(serdes.key, serdes.value).r#as(stored),
        None => Materialized::stored(stored),
    }
}

/// What `count()` is told where no store is given.
impl kappa::serde::DefaultSerde for Val {
    fn default_serde() -> kappa::serde::SerdeRef<Self> {
        std::sync::Arc::new(Neutral::Str)
    }
}

pub(crate) fn kept<V: Value>(aggregation: &Aggregation) -> Materialized<Val, V> {
    let text = Serdes { key: Neutral::Str, value: Neutral::Str };
    kept_by((aggregation.stored.clone(), aggregation.serdes.unwrap_or(text)))
}

/// What an operator is told of the store of its rows.
pub(crate) fn kept_by<K: Key, V: Value>((stored, serdes): (Stored, Serdes)) -> Materialized<K, V> {
    Materialized::with(K::serde(serdes.key), V::serde(serdes.value)).r#as(stored)
}

impl<K: Key, V: Value> AnyGrouped for GroupedStream<K, V> {
    fn fold(&self, aggregation: Aggregation) -> Result<Box<dyn AnyTable>, Outside> {
        let grouped = self.without_nulls()?;
        let counted = counted(&aggregation);
        let (values, reduced) = (kept::<Val>(&aggregation), kept::<V>(&aggregation));
        Ok(match aggregation.fold {
            Fold::Count => Box::new(grouped.count(counted)),
            Fold::Reduce(f) => {
                let reduce = move |a: V, b: V| f(a.to_val(), Some(b.to_val())).map(V::of_val);
                Box::new(grouped.reduce_or_delete(reduce, reduced))
            }
            Fold::Aggregate(init, f) => {
                let add = move |key: &Val, v: V, sum: Val| f(key, Some(&v.to_val()), &sum);
                Box::new(grouped.aggregate_or_delete(move || init.clone(), add, values))
            }
            Fold::ReduceRows(..) | Fold::AggregateRows(..) => return Err(of_tables()),
        })
    }

    fn fold_windows(
        &self,
        windows: TimeWindows,
        aggregation: Aggregation,
        nulls: bool,
    ) -> Result<Box<dyn AnyTable>, Outside> {
        if nulls {
            fold_windows::<_, V>(self.with_nulls()?.windowed_by(windows), aggregation)
        } else {
            fold_windows(self.without_nulls()?.windowed_by(windows), aggregation)
        }
    }
}

fn fold_windows<T, V>(
    windowed: WindowedKStream<Val, T>,
    aggregation: Aggregation,
) -> Result<Box<dyn AnyTable>, Outside>
where
    T: kappa::serde::Data + RowOf<V>,
    V: Value,
{
    let counted = counted(&aggregation);
    let (values, reduced) = (kept::<Val>(&aggregation), kept::<V>(&aggregation));
    let windowed = if aggregation.emits_final { windowed.emit_final() } else { windowed };
    let val = |value: T| value.into_row().map(|value| value.to_val());
    Ok(match aggregation.fold {
        Fold::Count => Box::new(windowed.count(counted)),
        Fold::Reduce(f) => {
            let reduce = move |a: V, b: T| f(a.to_val(), val(b)).map(V::of_val);
            Box::new(windowed.reduce_or_delete(reduce, reduced))
        }
        Fold::Aggregate(init, f) => {
            let add = move |key: &Val, v: T, sum: Val| f(key, val(v).as_ref(), &sum);
            Box::new(windowed.aggregate_or_delete(move || init.clone(), add, values))
        }
        Fold::ReduceRows(..) | Fold::AggregateRows(..) => return Err(of_tables()),
    })
}

fn of_tables() -> Outside {
    Outside::Operator("aggregation of a table".to_owned())
}
