//! Tables of the format over ours.

use kappa::prelude::*;

use super::functions::ValueFn;
use super::streams::{AnyStream, Stream};
use super::value::{Key, TableRef, Val, Value};

/// What can be done with a table.
pub(crate) trait AnyTable {
    /// The mapper never returns null.
    fn map_values(&self, f: ValueFn) -> Box<dyn AnyTable>;
    fn to_stream(&self) -> Box<dyn AnyStream>;
    /// The table as one that streams are joined with; nothing for windowed keys.
    fn joinable(&self) -> Option<TableRef<'_>>;
}

fn mapped<K: Key, V: Value>(table: &KTable<K, V>, f: ValueFn) -> KTable<K, Val> {
    table.map_values(move |value: V| f(Some(&value.to_val())).expect("checked: makes no nulls"))
}

impl<V: Value> AnyTable for KTable<Val, V> {
    fn map_values(&self, f: ValueFn) -> Box<dyn AnyTable> {
        Box::new(mapped(self, f))
    }

    fn to_stream(&self) -> Box<dyn AnyStream> {
        Stream::boxed(Self::to_stream(self), false)
    }

    fn joinable(&self) -> Option<TableRef<'_>> {
        Some(V::lookup(self))
    }
}

impl<V: Value> AnyTable for KTable<Windowed<Val>, V> {
    fn map_values(&self, f: ValueFn) -> Box<dyn AnyTable> {
        Box::new(mapped(self, f))
    }

    fn to_stream(&self) -> Box<dyn AnyStream> {
        Stream::boxed(Self::to_stream(self), false)
    }

    fn joinable(&self) -> Option<TableRef<'_>> {
        None
    }
}
