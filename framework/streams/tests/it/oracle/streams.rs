//! Streams of the format over ours, whatever their types: a key may be null, plain or windowed, a
//! value a [`Val`] or the integer of a count.

use std::any::Any;
use std::cell::OnceCell;
use std::rc::Rc;

use kappa::prelude::*;
use kappa::serde::Data;

use super::functions::{FlatFn, KeyFn, KeyedJoiner, KeyedValueFn, Predicate};
use super::grouped::{AnyGrouped, GroupedStream};
use super::scope::Outside;
use super::tables::AnyTable;
use super::value::{Joinable, Key, Neutral, TableRef, Val, Value, show};

/// The serdes a node gives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Serdes {
    pub(crate) key: Neutral,
    pub(crate) value: Neutral,
}

/// A branch of a split: its name, if it has one, and what it takes.
pub(crate) type BranchSpec<'a> = (Option<&'a str>, Predicate);

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
    /// The stream whose next operator has this name.
    fn named(&self, name: Option<&str>) -> Box<dyn AnyStream>;
    fn filter(&self, predicate: Predicate) -> Box<dyn AnyStream>;
    fn filter_not(&self, predicate: Predicate) -> Box<dyn AnyStream>;
    fn map_values(&self, f: KeyedValueFn) -> Box<dyn AnyStream>;
    fn map(&self, key: KeyFn, value: KeyedValueFn) -> Box<dyn AnyStream>;
    /// Nothing where windowed keys would stay.
    fn flat_map(&self, f: FlatFn, keeps_keys: bool) -> Option<Box<dyn AnyStream>>;
    fn flat_map_values(&self, f: FlatFn) -> Box<dyn AnyStream>;
    fn select_key(&self, key: KeyFn) -> Box<dyn AnyStream>;
    fn peek(&self) -> Box<dyn AnyStream>;
    fn merge(&self, other: &dyn AnyStream) -> Result<Box<dyn AnyStream>, Outside>;
    /// The branches with their names; the default one last, if there is one.
    fn split(
        &self,
        branches: Vec<BranchSpec<'_>>,
        default: Option<&str>,
    ) -> Vec<(String, Box<dyn AnyStream>)>;
    fn repartition(
        &self,
        serdes: Serdes,
        name: Option<&str>,
        partitions: Option<usize>,
    ) -> Box<dyn AnyStream>;
    fn to(&self, topic: &str, serdes: Serdes);
    /// Writes to the topics whose names are the prefix and what the function shows.
    fn to_dynamic(&self, prefix: &str, choose: KeyFn, serdes: Serdes);
    fn to_table(&self, stored: Stored, serdes: Serdes) -> Result<Box<dyn AnyTable>, Outside>;
    fn group(&self, serdes: Serdes, name: Option<&str>) -> Result<Box<dyn AnyGrouped>, Outside>;
    fn join_table(
        &self,
        table: TableRef<'_>,
        serdes: Serdes,
        joiner: KeyedJoiner,
        kind: JoinKind,
    ) -> Result<Box<dyn AnyStream>, Outside>;
    fn join_global(
        &self,
        table: &GlobalKTable<Val, Val>,
        select: KeyFn,
        joiner: KeyedJoiner,
        left: bool,
    ) -> Box<dyn AnyStream>;
    fn as_any(&self) -> &dyn Any;
}

/// A stream, with what it is joined by: joins drop null values, and joining a re-keyed stream twice
/// shares one repartition topic.
pub(crate) struct Stream<K, V> {
    stream: KStream<K, Option<V>>,
    name: Option<String>,
    rekeyed: bool,
    for_inner: Rc<OnceCell<KStream<Val, V>>>,
    for_left: Rc<OnceCell<KStream<K, V>>>,
}

impl<K: Key, V: Value> Stream<K, V> {
    pub(crate) fn boxed(stream: KStream<K, Option<V>>, rekeyed: bool) -> Box<dyn AnyStream> {
        let (for_inner, for_left) = Default::default();
        Box::new(Self { stream, name: None, rekeyed, for_inner, for_left })
    }

    /// The stream to call an operator on.
    fn stream(&self) -> KStream<K, Option<V>> {
        self.with_name(&self.stream)
    }

    fn with_name<K2: Data, V2: Data>(&self, stream: &KStream<K2, V2>) -> KStream<K2, V2> {
        self.name.as_ref().map_or_else(|| stream.clone(), |name| stream.named(name))
    }
}

/// A stream of values of this type with keys that might be null, and whether it is re-keyed.
fn optional<V: Value>(stream: &dyn AnyStream) -> Option<(KStream<Option<Val>, Option<V>>, bool)> {
    if let Some(plain) = stream.as_any().downcast_ref::<Stream<Val, V>>() {
        return Some((Key::optional(&plain.stream())?, plain.rekeyed));
    }
    let stream = stream.as_any().downcast_ref::<Stream<Option<Val>, V>>()?;
    Some((stream.stream(), stream.rekeyed))
}

fn on_values<K: Key, V: Value>(predicate: Predicate) -> impl Fn(&K, &Option<V>) -> bool {
    move |key, value| predicate(key.look(), value.as_ref().map(V::to_val).as_ref())
}

impl<K: Key, V: Value> AnyStream for Stream<K, V> {
    fn named(&self, name: Option<&str>) -> Box<dyn AnyStream> {
        let (for_inner, for_left) = (self.for_inner.clone(), self.for_left.clone());
        let (stream, name) = (self.stream.clone(), name.map(str::to_owned));
        Box::new(Self { stream, name, rekeyed: self.rekeyed, for_inner, for_left })
    }

    fn filter(&self, predicate: Predicate) -> Box<dyn AnyStream> {
        Self::boxed(self.stream().filter(on_values(predicate)), self.rekeyed)
    }

    fn filter_not(&self, predicate: Predicate) -> Box<dyn AnyStream> {
        Self::boxed(self.stream().filter_not(on_values(predicate)), self.rekeyed)
    }

    fn map_values(&self, f: KeyedValueFn) -> Box<dyn AnyStream> {
        let f = move |k: &K, v: Option<V>| f(k.look(), v.as_ref().map(V::to_val).as_ref());
        Stream::<K, Val>::boxed(self.stream().map_values_with_key(f), self.rekeyed)
    }

    fn map(&self, key: KeyFn, value: KeyedValueFn) -> Box<dyn AnyStream> {
        let mapped = self.stream().map(move |k, v| {
            let v = v.as_ref().map(V::to_val);
            (key(k.look(), v.as_ref()), value(k.look(), v.as_ref()))
        });
        Stream::<Option<Val>, Val>::boxed(mapped, true)
    }

    fn flat_map(&self, f: FlatFn, keeps_keys: bool) -> Option<Box<dyn AnyStream>> {
        if keeps_keys && K::IS_WINDOWED {
            return None;
        }
        let mapped = self.stream().flat_map(move |k, v| {
            let pairs = f(k.look(), v.as_ref().map(V::to_val).as_ref());
            pairs.into_iter().map(|(key, value)| (key, Some(value)))
        });
        Some(Stream::<Option<Val>, Val>::boxed(mapped, true))
    }

    fn flat_map_values(&self, f: FlatFn) -> Box<dyn AnyStream> {
        let mapped = self.stream().flat_map_values_with_key(move |k, v| {
            let pairs = f(k.look(), v.as_ref().map(V::to_val).as_ref());
            pairs.into_iter().map(|(_, value)| Some(value))
        });
        Stream::<K, Val>::boxed(mapped, self.rekeyed)
    }

    fn select_key(&self, key: KeyFn) -> Box<dyn AnyStream> {
        let select = move |k: &K, v: &Option<V>| key(k.look(), v.as_ref().map(V::to_val).as_ref());
        Stream::<Option<Val>, V>::boxed(self.stream().select_key(select), true)
    }

    fn peek(&self) -> Box<dyn AnyStream> {
        Self::boxed(self.stream().peek(|_, _| {}), self.rekeyed)
    }

    fn merge(&self, other: &dyn AnyStream) -> Result<Box<dyn AnyStream>, Outside> {
        if let Some(other) = other.as_any().downcast_ref::<Self>() {
            let merged = self.stream().merge(&other.stream);
            return Ok(Self::boxed(merged, self.rekeyed || other.rekeyed));
        }
        let (one, other) = (optional::<V>(self), optional::<V>(other));
        let (Some((one, one_rekeyed)), Some((other, other_rekeyed))) = (one, other) else {
            return Err(Outside::MergeOfTypes);
        };
        Ok(Stream::<Option<Val>, V>::boxed(one.merge(&other), one_rekeyed || other_rekeyed))
    }

    fn split(
        &self,
        branches: Vec<BranchSpec<'_>>,
        default: Option<&str>,
    ) -> Vec<(String, Box<dyn AnyStream>)> {
        let split = self.stream().split();
        let mut streams = Vec::new();
        for (name, predicate) in branches {
            streams.push(match name {
                Some(name) => split.branch_named(name, on_values(predicate)),
                None => split.branch(on_values(predicate)),
            });
        }
        streams.extend(default.map(|name| match name {
            "" => split.default_branch(),
            name => split.default_branch_named(name),
        }));
        let named = streams.into_iter().map(|stream| {
            let shown = format!("{stream:?}");
            let name = shown.trim_start_matches("KStream(").trim_end_matches(')').to_owned();
            (name, Self::boxed(stream, self.rekeyed))
        });
        named.collect()
    }

    fn repartition(
        &self,
        serdes: Serdes,
        name: Option<&str>,
        partitions: Option<usize>,
    ) -> Box<dyn AnyStream> {
        let mut how = Repartitioned::with(K::serde(serdes.key), V::nullable(serdes.value));
        if let Some(name) = name {
            how = how.named(name);
        }
        if let Some(partitions) = partitions {
            how = how.partitions(partitions);
        }
        Self::boxed(self.stream.repartition(how), false)
    }

    fn to(&self, topic: &str, serdes: Serdes) {
        self.stream().to(&Topic::new(topic, K::serde(serdes.key), V::nullable(serdes.value)));
    }

    fn to_dynamic(&self, prefix: &str, choose: KeyFn, serdes: Serdes) {
        let (prefix, topics) =
            (prefix.to_owned(), Topics::any(K::serde(serdes.key), V::nullable(serdes.value)));
        self.stream().to_dynamic(&topics, move |key, value, _| {
            let chosen = choose(key.look(), value.as_ref().map(V::to_val).as_ref());
            format!("{prefix}{}", show(chosen.as_ref())).into()
        });
    }

    fn to_table(&self, stored: Stored, serdes: Serdes) -> Result<Box<dyn AnyTable>, Outside> {
        let stream = K::plain(&self.stream());
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
        joiner: KeyedJoiner,
        kind: JoinKind,
    ) -> Result<Box<dyn AnyStream>, Outside> {
        let outside = || Outside::WindowedKey("join_table".to_owned());
        if kind == JoinKind::InnerOnly {
            // Null keys first: on their way to a repartition topic they are dropped without a word.
            if let Some(stream) = self.for_inner.get() {
                return Ok(joined(&self.with_name(stream), table, joiner, false));
            }
            let stream = K::plain(&self.stream).ok_or_else(outside)?.drop_null_values();
            let stream = stream.with_serdes(serdes.key, V::serde(serdes.value));
            if self.rekeyed {
                let _ = self.for_inner.set(stream.clone());
            }
            return Ok(joined(&self.with_name(&stream), table, joiner, false));
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
            Joinable::Optional(stream) => Ok(joined(&self.with_name(stream), table, joiner, left)),
            Joinable::Plain(stream) => Ok(joined(&self.with_name(stream), table, joiner, left)),
        }
    }

    fn join_global(
        &self,
        table: &GlobalKTable<Val, Val>,
        select: KeyFn,
        joiner: KeyedJoiner,
        left: bool,
    ) -> Box<dyn AnyStream> {
        let stream = self.stream().drop_null_values();
        let on = stream.on(move |key: &K, value: &V| select(key.look(), Some(&value.to_val())));
        let joined = if left {
            let join =
                move |k: &K, v: V, row: Option<&Val>| joiner(k.look(), Some(&v.to_val()), row);
            on.left_join_with_key(table, join)
        } else {
            let join = move |k: &K, v: V, row: &Val| joiner(k.look(), Some(&v.to_val()), Some(row));
            on.join_with_key(table, join)
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
    joiner: KeyedJoiner,
    left: bool,
) -> Box<dyn AnyStream>
where
    K: Key + kappa::KeyOf<Val>,
    V: Value,
{
    let join = move |key: &K, value: V, row: Option<Val>| {
        joiner(key.look(), Some(&value.to_val()), row.as_ref())
    };
    let joined = match (table, left) {
        (TableRef::Val(table), true) => stream
            .left_join_with_key(table, move |k, v, row: Option<&Val>| join(k, v, row.cloned())),
        (TableRef::Val(table), false) => {
            stream.join_with_key(table, move |k, v, row: &Val| join(k, v, Some(row.clone())))
        }
        (TableRef::Int(table), true) => {
            stream.left_join_with_key(table, move |k, v, row| join(k, v, row.map(i64::to_val)))
        }
        (TableRef::Int(table), false) => {
            stream.join_with_key(table, move |k, v, row: &i64| join(k, v, Some(row.to_val())))
        }
    };
    Stream::<K, Val>::boxed(joined, false)
}
