//! A grouped stream in windows of time, and its aggregations (rows W1, W2, W8).

use std::fmt;
use std::sync::Arc;

use super::ktable::KTable;
use super::table_view::WindowView;
use super::{KGroupedStream, Materialized, prefix};
use crate::operators::{FinalWindows, Initial, TableWriter, WindowAggregate};
use crate::processor::Discard;
use crate::record::RowOf;
use crate::serde::{Data, TimeWindowed};
use crate::state::{StoreType, WindowLayout, WindowOrder, WindowStore};
use crate::topology::{KeyValueSerdes, Node, StoreFactory, StoreKind};
use crate::windows::{TimeWindows, Windowed};

/// A stream grouped by key and time window; a result is emitted with every update of a window, unless
/// [`emit_final`](Self::emit_final) says otherwise.
pub struct WindowedKStream<K, V> {
    grouped: KGroupedStream<K, V>,
    windows: TimeWindows,
    emits_final: bool,
}

impl<K: Data, V: Data> WindowedKStream<K, V> {
    pub(super) fn new(grouped: KGroupedStream<K, V>, windows: TimeWindows) -> Self {
        Self { grouped, windows, emits_final: false }
    }

    /// Emits one result per window, once it is closed: when a record comes that is later than the
    /// window's end and grace, with that record's headers and the result's own timestamp (row E6).
    ///
    /// The store is not cached. Windows are read from it after the record that closes them is in it:
    /// what its retention (size and grace, unless [`retention`](super::Stored::retention) says more)
    /// does not keep by then is lost, as in the JVM library. Where time may leap by more than a window,
    /// keep them longer. A window nobody closes is not emitted, in a bounded run neither.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use kappa::prelude::*;
    ///
    /// # fn main() -> kappa::Result<()> {
    /// let builder = StreamsBuilder::new();
    /// let day = Duration::from_secs(86_400);
    /// builder
    ///     .stream(&Topic::<String, String>::new("clicks", Utf8, Utf8))
    ///     .group_by_key()
    ///     .windowed_by(TimeWindows::tumbling(Duration::from_secs(60)))
    ///     .emit_final()
    ///     .count(Stored::named("clicks-per-minute").retention(day));
    /// # builder.build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn emit_final(self) -> Self {
        Self { emits_final: true, ..self }
    }

    /// Counts the records of each key and window.
    pub fn count(&self, store: impl Into<Materialized<K, i64>>) -> KTable<Windowed<K>, i64> {
        let materialized = store.into();
        if materialized.stored.name.is_none() && materialized.explicit {
            // As in `KGroupedStream::count`.
            self.grouped.graph().lock().new_store_name(prefix::AGGREGATE);
        }
        let fold = |_: &K, _: V, count: Option<i64>| Some(count.unwrap_or(0) + 1);
        self.fold(prefix::AGGREGATE, materialized, Some(Arc::new(|| 0)), fold)
    }

    /// Combines the values of each key and window; the first is taken as it is.
    pub fn reduce(
        &self,
        reducer: impl Fn(V, V) -> V + Send + Sync + 'static,
        store: impl Into<Materialized<K, V>>,
    ) -> KTable<Windowed<K>, V> {
        self.reduce_or_delete(move |old, value: V| Some(reducer(old, value)), store)
    }

    /// Combines the values of each key and window; where the reducer returns nothing, the row is
    /// deleted, and the next value is taken as it is.
    ///
    /// Values may be optional: the first that is there makes the row.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use kappa::prelude::*;
    ///
    /// # fn main() -> kappa::Result<()> {
    /// let readings = Topic::<String, Option<i64>>::new("readings", Utf8, Nullable::of(I64));
    /// let builder = StreamsBuilder::new();
    /// builder
    ///     .stream(&readings)
    ///     .group_by_key_with(Grouped::with(Utf8, Nullable::of(I64)))
    ///     .windowed_by(TimeWindows::tumbling(Duration::from_secs(60)))
    ///     // A reading that is missing makes the whole window void.
    ///     .reduce_or_delete(|highest: i64, read| Some(highest.max(read?)), "highest");
    /// # builder.build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn reduce_or_delete<T: Data>(
        &self,
        reducer: impl Fn(T, V) -> Option<T> + Send + Sync + 'static,
        store: impl Into<Materialized<K, T>>,
    ) -> KTable<Windowed<K>, T>
    where
        V: RowOf<T>,
    {
        let fold = move |_: &K, value: V, old: Option<T>| match old {
            Some(old) => reducer(old, value),
            None => value.into_row(),
        };
        self.fold(prefix::REDUCE, store.into(), None, fold)
    }

    /// Folds the values of each key and window into an aggregate that begins with `init`.
    pub fn aggregate<A: Data>(
        &self,
        init: impl Fn() -> A + Send + Sync + 'static,
        aggregator: impl Fn(&K, V, A) -> A + Send + Sync + 'static,
        store: impl Into<Materialized<K, A>>,
    ) -> KTable<Windowed<K>, A> {
        let aggregator = move |key: &K, value, aggregate| Some(aggregator(key, value, aggregate));
        self.aggregate_or_delete(init, aggregator, store)
    }

    /// Folds the values of each key and window into an aggregate; where the aggregator returns nothing,
    /// the row is deleted, and the next value begins anew with `init`.
    pub fn aggregate_or_delete<A: Data>(
        &self,
        init: impl Fn() -> A + Send + Sync + 'static,
        aggregator: impl Fn(&K, V, A) -> Option<A> + Send + Sync + 'static,
        store: impl Into<Materialized<K, A>>,
    ) -> KTable<Windowed<K>, A> {
        let init = Arc::new(init);
        let initial: Initial<A> = init.clone();
        let fold = move |key: &K, value: V, old: Option<A>| {
            aggregator(key, value, old.unwrap_or_else(&*init))
        };
        self.fold(prefix::AGGREGATE, store.into(), Some(initial), fold)
    }

    fn fold<A: Data, F>(
        &self,
        prefix: &str,
        materialized: Materialized<K, A>,
        initial: Option<Initial<A>>,
        fold: F,
    ) -> KTable<Windowed<K>, A>
    where
        F: Fn(&K, V, Option<A>) -> Option<A> + Send + Sync + 'static,
    {
        let windows = self.windows;
        let Materialized { stored, keys, values, .. } = materialized;
        let retention =
            stored.retention.map_or(windows.retention(), |r| r.max(windows.retention()));
        let (stored, order) = if self.emits_final {
            let on_disk = stored.store_type != Some(StoreType::InMemory);
            (stored.caching(false), WindowOrder::ByTime { on_disk })
        } else {
            (stored, WindowOrder::ByKey)
        };
        let layout = WindowLayout { size: windows.size(), retention, order };
        let make = {
            let (keys, values) = (keys.clone(), values.clone());
            let serdes = KeyValueSerdes::new(&keys, &values);
            let make = Arc::new(move |env| {
                let (keys, values) = (keys.clone(), values.clone());
                Box::new(WindowStore::new(env, keys, values, layout)) as _
            });
            StoreFactory { make, serdes }
        };
        let place = self.grouped.place(prefix, &stored, StoreKind::Window { retention }, make);
        let node = Node::new(place.node);
        let (child, kept, fold) = (node.clone(), place.store.clone(), Arc::new(fold));
        let (demand, emits_final) = (place.demand.clone(), self.emits_final);
        place.upstream.node.connect(Box::new(move |task| {
            let next = child.downstream(task);
            let (store, fold) = (task.store::<WindowStore<K, A>>(&kept), fold.clone());
            if emits_final {
                let table = TableWriter::new(store, Box::new(Discard));
                let aggregate = WindowAggregate { windows, fold, table, stream_time_ms: -1 };
                let store = kept.clone();
                return Box::new(FinalWindows { aggregate, store, emitted_until_ms: None, next });
            }
            let initial = initial.clone().filter(|_| demand.old_values());
            let table = TableWriter::new(store, next).beginning_with(initial);
            Box::new(WindowAggregate { windows, fold, table, stream_time_ms: -1 })
        }));
        let keys = TimeWindowed::new(keys, windows.size()).shared();
        KTable {
            graph: self.grouped.graph().clone(),
            node,
            serdes: (Some(keys), Some(values)),
            sources: place.upstream.sources,
            view: Arc::new(WindowView { store: place.store, demand: place.demand }),
        }
    }
}

impl<K, V> fmt::Debug for WindowedKStream<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WindowedKStream").field("windows", &self.windows).finish_non_exhaustive()
    }
}
