//! Tables of the format over ours.

use kappa::prelude::*;

use super::functions::{MapValueFn, Predicate};
use super::grouped::kept_by;
use super::streams::{AnyStream, Serdes, Stream};
use super::value::{Key, TableRef, Val, Value};

/// How a table's rows are kept, where a case says so.
pub(crate) type Kept = Option<(Stored, Serdes)>;

/// What can be done with a table.
pub(crate) trait AnyTable {
    fn filter(&self, predicate: Predicate, kept: Kept) -> Box<dyn AnyTable>;
    fn filter_not(&self, predicate: Predicate, kept: Kept) -> Box<dyn AnyTable>;
    fn map_values(&self, f: MapValueFn, kept: Kept) -> Box<dyn AnyTable>;
    fn to_stream(&self) -> Box<dyn AnyStream>;
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

    fn map_values(&self, f: MapValueFn, kept: Kept) -> Box<dyn AnyTable> {
        let mapper = move |key: &K, value: V| f(key.look(), Some(&value.to_val()));
        Box::new(match kept {
            Some(kept) => self.map_values_or_delete_materialized(mapper, kept_by::<K, Val>(kept)),
            None => self.map_values_or_delete(mapper),
        })
    }

    fn to_stream(&self) -> Box<dyn AnyStream> {
        Stream::boxed(Self::to_stream(self), false)
    }

    fn joinable(&self) -> Option<TableRef<'_>> {
        K::lookup(self)
    }
}
