//! Streams of the format over ours, whatever their types: a key may be null, plain or windowed, a
//! value a [`Val`] or the integer of a count.

use std::any::Any;
use std::cell::OnceCell;

use kappa::prelude::*;

use super::functions::{Joiner, KeyFn, MapValueFn, Predicate, ValueFn};
use super::grouped::{AnyGrouped, GroupedStream};
use super::scope::Outside;
use super::tables::AnyTable;
use super::value::{Joinable, Key, Neutral, TableRef, Val, Value};

/// The serdes a node gives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Serdes {
    pub(crate) key: Neutral,
    pub(crate) value: Neutral,
}

/// How a stream is joined with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinKind {
    Left,
    /// Inner, where the stream's repartition topic may be shared with left joins: null keys stay.
    Inner,
    /// Inner, in a topology without left joins: null keys are dropped first.
    InnerOnly,
}

/// What can be done with a stream.
pub(crate) trait AnyStream {
    fn filter(&self, predicate: Predicate) -> Box<dyn AnyStream>;
    fn map_values(&self, f: ValueFn) -> Box<dyn AnyStream>;
    fn map(&self, key: KeyFn, value: MapValueFn) -> Box<dyn AnyStream>;
    fn select_key(&self, key: KeyFn) -> Box<dyn AnyStream>;
    fn peek(&self) -> Box<dyn AnyStream>;
    fn merge(&self, other: &dyn AnyStream) -> Result<Box<dyn AnyStream>, Outside>;
    fn to(&self, topic: &str, serdes: Serdes);
    fn to_table(&self, stored: Stored, serdes: Serdes) -> Result<Box<dyn AnyTable>, Outside>;
    fn group(&self, serdes: Serdes, name: Option<&str>) -> Result<Box<dyn AnyGrouped>, Outside>;
    fn join_table(
        &self,
        table: TableRef<'_>,
        serdes: Serdes,
        joiner: Joiner,
        kind: JoinKind,
    ) -> Result<Box<dyn AnyStream>, Outside>;
    fn join_global(
        &self,
        table: &GlobalKTable<Val, Val>,
        select: KeyFn,
        joiner: Joiner,
        left: bool,
    ) -> Box<dyn AnyStream>;
    fn as_any(&self) -> &dyn Any;
}

/// A stream, with what it is joined by: joins drop null values, and joining a re-keyed stream twice
/// shares one repartition topic.
pub(crate) struct Stream<K, V> {
    stream: KStream<K, Option<V>>,
    rekeyed: bool,
    for_inner: OnceCell<KStream<Val, V>>,
    for_left: OnceCell<KStream<K, V>>,
}

impl<K: Key, V: Value> Stream<K, V> {
    pub(crate) fn boxed(stream: KStream<K, Option<V>>, rekeyed: bool) -> Box<dyn AnyStream> {
        let (for_inner, for_left) = (OnceCell::new(), OnceCell::new());
        Box::new(Self { stream, rekeyed, for_inner, for_left })
    }
}

impl<K: Key, V: Value> AnyStream for Stream<K, V> {
    fn filter(&self, predicate: Predicate) -> Box<dyn AnyStream> {
        let predicate = move |key: &K, value: &Option<V>| {
            predicate(key.look(), value.as_ref().map(V::to_val).as_ref())
        };
        Self::boxed(self.stream.filter(predicate), self.rekeyed)
    }

    fn map_values(&self, f: ValueFn) -> Box<dyn AnyStream> {
        let mapped = self.stream.map_values(move |value| f(value.as_ref().map(V::to_val).as_ref()));
        Stream::<K, Val>::boxed(mapped, self.rekeyed)
    }

    fn map(&self, key: KeyFn, value: MapValueFn) -> Box<dyn AnyStream> {
        let mapped = self.stream.map(move |k, v| {
            let v = v.as_ref().map(V::to_val);
            (key(k.look(), v.as_ref()), value(k.look(), v.as_ref()))
        });
        Stream::<Option<Val>, Val>::boxed(mapped, true)
    }

    fn select_key(&self, key: KeyFn) -> Box<dyn AnyStream> {
        let select = move |k: &K, v: &Option<V>| key(k.look(), v.as_ref().map(V::to_val).as_ref());
        Stream::<Option<Val>, V>::boxed(self.stream.select_key(select), true)
    }

    fn peek(&self) -> Box<dyn AnyStream> {
        Self::boxed(self.stream.peek(|_, _| {}), self.rekeyed)
    }

    fn merge(&self, other: &dyn AnyStream) -> Result<Box<dyn AnyStream>, Outside> {
        let other = other.as_any().downcast_ref::<Self>().ok_or(Outside::MergeOfKeyTypes)?;
        let merged = self.stream.merge(&other.stream);
        Ok(Self::boxed(merged, self.rekeyed || other.rekeyed))
    }

    fn to(&self, topic: &str, serdes: Serdes) {
        self.stream.to(&Topic::new(topic, K::serde(serdes.key), V::nullable(serdes.value)));
    }

    fn to_table(&self, stored: Stored, serdes: Serdes) -> Result<Box<dyn AnyTable>, Outside> {
        let stream = K::plain(&self.stream);
        let stream = stream.ok_or_else(|| Outside::WindowedKey("to_table".to_owned()))?;
        let materialized = Materialized::with(serdes.key, V::serde(serdes.value)).r#as(stored);
        let stream = stream.with_serdes(serdes.key, V::nullable(serdes.value));
        Ok(Box::new(stream.to_table::<V>(materialized)))
    }

    fn group(&self, serdes: Serdes, name: Option<&str>) -> Result<Box<dyn AnyGrouped>, Outside> {
        Ok(Box::new(GroupedStream::new(self.stream.clone(), self.rekeyed, serdes, name)))
    }

    fn join_table(
        &self,
        table: TableRef<'_>,
        serdes: Serdes,
        joiner: Joiner,
        kind: JoinKind,
    ) -> Result<Box<dyn AnyStream>, Outside> {
        let outside = || Outside::WindowedKey("join_table".to_owned());
        if kind == JoinKind::InnerOnly {
            // Null keys first: on their way to a repartition topic they are dropped without a word.
            if let Some(stream) = self.for_inner.get() {
                return Ok(joined(stream, table, joiner, false));
            }
            let stream = K::plain(&self.stream).ok_or_else(outside)?.drop_null_values();
            let stream = stream.with_serdes(serdes.key, V::serde(serdes.value));
            if self.rekeyed {
                let _ = self.for_inner.set(stream.clone());
            }
            return Ok(joined(&stream, table, joiner, false));
        }
        let stream = self.for_left.get().cloned().unwrap_or_else(|| {
            let (keys, values) = (K::serde(serdes.key), V::serde(serdes.value));
            self.stream.drop_null_values().with_serdes(keys, values)
        });
        if self.rekeyed {
            let _ = self.for_left.set(stream.clone());
        }
        let left = kind == JoinKind::Left;
        match K::joinable(&stream).ok_or_else(outside)? {
            Joinable::Optional(stream) => Ok(joined(stream, table, joiner, left)),
            Joinable::Plain(stream) => Ok(joined(stream, table, joiner, left)),
        }
    }

    fn join_global(
        &self,
        table: &GlobalKTable<Val, Val>,
        select: KeyFn,
        joiner: Joiner,
        left: bool,
    ) -> Box<dyn AnyStream> {
        let stream = self.stream.drop_null_values();
        let on = stream.on(move |key: &K, value: &V| select(key.look(), Some(&value.to_val())));
        let joined = if left {
            on.left_join(table, move |value, row| joiner(Some(&value.to_val()), row))
        } else {
            on.join(table, move |value, row| joiner(Some(&value.to_val()), Some(row)))
        };
        Stream::<K, Val>::boxed(joined, self.rekeyed)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn joined<K, V>(
    stream: &KStream<K, V>,
    table: TableRef<'_>,
    joiner: Joiner,
    left: bool,
) -> Box<dyn AnyStream>
where
    K: Key + kappa::KeyOf<Val>,
    V: Value,
{
    let join = move |value: V, row: Option<Val>| joiner(Some(&value.to_val()), row.as_ref());
    let joined = match (table, left) {
        (TableRef::Val(table), true) => {
            stream.left_join(table, move |value, row: Option<&Val>| join(value, row.cloned()))
        }
        (TableRef::Val(table), false) => {
            stream.join(table, move |value, row: &Val| join(value, Some(row.clone())))
        }
        (TableRef::Int(table), true) => stream
            .left_join(table, move |value, row: Option<&i64>| join(value, row.map(i64::to_val))),
        (TableRef::Int(table), false) => {
            stream.join(table, move |value, row: &i64| join(value, Some(row.to_val())))
        }
    };
    Stream::<K, Val>::boxed(joined, false)
}
