//! Joins of a stream with what it can be joined with (rows J9, J11).

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::{GlobalKTable, KStream, KTable, prefix};
use crate::error::Error;
use crate::operators::{GlobalJoin, StreamTableJoin};
use crate::record::KeyOf;
use crate::serde::Data;

/// What a stream can be joined with: a table or a global table keyed `T`.
#[diagnostic::on_unimplemented(
    message = "a stream cannot be joined with `{Self}`",
    note = "join it with `&KTable` or `&GlobalKTable` of the same key type"
)]
pub trait JoinSide<T>: sealed::Sealed {
    /// The type of the other side's values.
    type Value: Data;

    /// Declares the join; `joiner` returns nothing where the record is to be dropped.
    #[doc(hidden)]
    fn join_with<K, V, VO, F>(
        self,
        stream: &KStream<K, V>,
        joiner: F,
        left: bool,
    ) -> KStream<K, VO>
    where
        K: Data + KeyOf<T>,
        V: Data,
        VO: Data,
        F: Fn(&K, V, Option<&Self::Value>) -> Option<VO> + Send + Sync + 'static;
}

mod sealed {
    pub trait Sealed {}
    impl<K, V> Sealed for &super::KTable<K, V> {}
    impl<K, V> Sealed for &super::GlobalKTable<K, V> {}
}

impl<K: Data, V: Data> KStream<K, V> {
    /// Joins each record with the other side's row of its key; records without one are dropped.
    ///
    /// A table is looked up as it is when the record is processed: records of stream and table are
    /// taken in order of their timestamps as far as they are there (row T3).
    pub fn join<T: Data, S: JoinSide<T>, VO: Data>(
        &self,
        other: S,
        joiner: impl Fn(V, &S::Value) -> VO + Send + Sync + 'static,
    ) -> KStream<K, VO>
    where
        K: KeyOf<T>,
    {
        self.join_with_key(other, move |_, value, row| joiner(value, row))
    }

    /// Joins as [`join`](Self::join) does, with a joiner that is given the stream's key, too.
    ///
    /// # Examples
    ///
    /// ```
    /// use kappa::prelude::*;
    ///
    /// let builder = StreamsBuilder::new();
    /// let names = builder.table(&Topic::<String, String>::new("names", Utf8, Utf8), "names");
    /// let visits = builder.stream(&Topic::<String, String>::new("visits", Utf8, Utf8));
    /// let told = visits.join_with_key(&names, |id, page, name| format!("{name} ({id}) saw {page}"));
    /// told.to(&Topic::new("told", Utf8, Utf8));
    /// ```
    pub fn join_with_key<T: Data, S: JoinSide<T>, VO: Data>(
        &self,
        other: S,
        joiner: impl Fn(&K, V, &S::Value) -> VO + Send + Sync + 'static,
    ) -> KStream<K, VO>
    where
        K: KeyOf<T>,
    {
        let joiner =
            move |key: &K, value, row: Option<&S::Value>| row.map(|row| joiner(key, value, row));
        other.join_with(self, joiner, false)
    }

    /// Joins each record with the other side's row of its key, or with nothing.
    pub fn left_join<T: Data, S: JoinSide<T>, VO: Data>(
        &self,
        other: S,
        joiner: impl Fn(V, Option<&S::Value>) -> VO + Send + Sync + 'static,
    ) -> KStream<K, VO>
    where
        K: KeyOf<T>,
    {
        self.left_join_with_key(other, move |_, value, row| joiner(value, row))
    }

    /// Joins as [`left_join`](Self::left_join) does, with a joiner that is given the stream's key, too.
    pub fn left_join_with_key<T: Data, S: JoinSide<T>, VO: Data>(
        &self,
        other: S,
        joiner: impl Fn(&K, V, Option<&S::Value>) -> VO + Send + Sync + 'static,
    ) -> KStream<K, VO>
    where
        K: KeyOf<T>,
    {
        other.join_with(self, move |key, value, row| Some(joiner(key, value, row)), true)
    }

    /// Chooses the key by which a global table is looked up; `None` means that there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use kappa::prelude::*;
    ///
    /// # fn main() -> kappa::Result<()> {
    /// let builder = StreamsBuilder::new();
    /// let names = builder.global_table(&Topic::<String, String>::new("names", Utf8, Utf8), "names");
    /// let visits = builder.stream(&Topic::<String, String>::new("visits", Utf8, Utf8));
    /// visits
    ///     .on(|_, visitor| visitor.clone())
    ///     .join(&names, |visitor, name| format!("{name} ({visitor})"))
    ///     .to(&Topic::new("greetings", Utf8, Utf8));
    /// # builder.build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on<G: Data, S>(&self, select: S) -> OnKey<K, V, G, S>
    where
        S: Fn(&K, &V) -> G + Send + Sync + 'static,
    {
        OnKey { stream: self.clone(), select: Arc::new(select), key: PhantomData }
    }
}

impl<T: Data, VT: Data> JoinSide<T> for &KTable<T, VT> {
    type Value = VT;

    fn join_with<K, V, VO, F>(self, stream: &KStream<K, V>, joiner: F, left: bool) -> KStream<K, VO>
    where
        K: Data + KeyOf<T>,
        V: Data,
        VO: Data,
        F: Fn(&K, V, Option<&VT>) -> Option<VO> + Send + Sync + 'static,
    {
        assert!(stream.graph.is(&self.graph), "joined stream and table come from one builder");
        let name = stream.chosen_name.clone();
        let stream = KStream { chosen_name: name, ..stream.repartitioned_for_join() };
        let prefix = if left { prefix::LEFT_JOIN } else { prefix::JOIN };
        let joined = stream.child(prefix, (stream.serdes.0.clone(), None), false);
        let joined = KStream { sources: &stream.sources | &self.sources, ..joined };
        let mut graph = stream.graph.lock();
        graph.copartitioned.push(joined.sources.clone());
        if let Some(node) = graph.nodes.get_mut(joined.node.id().0) {
            node.stores = self.view.require();
            node.takes_null_keys = left;
        }
        drop(graph);
        let (node, view, joiner) = (joined.node.clone(), self.view.clone(), Arc::new(joiner));
        stream.node.connect(Box::new(move |task| {
            let next = node.downstream(task);
            let (table, joiner) = (view.getter(task), joiner.clone());
            Box::new(StreamTableJoin { table, joiner, left, next, key: PhantomData })
        }));
        joined
    }
}

impl<T: Data, VT: Data> JoinSide<T> for &GlobalKTable<T, VT> {
    type Value = VT;

    fn join_with<K, V, VO, F>(self, stream: &KStream<K, V>, joiner: F, left: bool) -> KStream<K, VO>
    where
        K: Data + KeyOf<T>,
        V: Data,
        VO: Data,
        F: Fn(&K, V, Option<&VT>) -> Option<VO> + Send + Sync + 'static,
    {
        let select = Arc::new(|key: &K, _: &V| key.key_of().cloned());
        join_global(stream, self, select, joiner, left)
    }
}

/// A stream with the key by which it looks up a global table; made by [`KStream::on`].
pub struct OnKey<K, V, G, S> {
    stream: KStream<K, V>,
    select: Arc<S>,
    key: PhantomData<fn() -> G>,
}

impl<K, V, G, S> OnKey<K, V, G, S>
where
    K: Data,
    V: Data,
    G: Data,
    S: Fn(&K, &V) -> G + Send + Sync + 'static,
{
    /// Joins each record with the row of the chosen key; records without one are dropped.
    pub fn join<T: Data, VT: Data, VO: Data>(
        self,
        table: &GlobalKTable<T, VT>,
        joiner: impl Fn(V, &VT) -> VO + Send + Sync + 'static,
    ) -> KStream<K, VO>
    where
        G: KeyOf<T>,
    {
        self.join_with_key(table, move |_, value, row| joiner(value, row))
    }

    /// Joins as [`join`](Self::join) does, with a joiner that is given the stream's key, too: not the
    /// chosen one.
    pub fn join_with_key<T: Data, VT: Data, VO: Data>(
        self,
        table: &GlobalKTable<T, VT>,
        joiner: impl Fn(&K, V, &VT) -> VO + Send + Sync + 'static,
    ) -> KStream<K, VO>
    where
        G: KeyOf<T>,
    {
        let joiner = move |key: &K, value, row: Option<&VT>| row.map(|row| joiner(key, value, row));
        join_global(&self.stream, table, self.select, joiner, false)
    }

    /// Joins each record with the row of the chosen key, or with nothing.
    pub fn left_join<T: Data, VT: Data, VO: Data>(
        self,
        table: &GlobalKTable<T, VT>,
        joiner: impl Fn(V, Option<&VT>) -> VO + Send + Sync + 'static,
    ) -> KStream<K, VO>
    where
        G: KeyOf<T>,
    {
        self.left_join_with_key(table, move |_, value, row| joiner(value, row))
    }

    /// Joins as [`left_join`](Self::left_join) does, with a joiner that is given the stream's key, too:
    /// not the chosen one.
    pub fn left_join_with_key<T: Data, VT: Data, VO: Data>(
        self,
        table: &GlobalKTable<T, VT>,
        joiner: impl Fn(&K, V, Option<&VT>) -> VO + Send + Sync + 'static,
    ) -> KStream<K, VO>
    where
        G: KeyOf<T>,
    {
        let joiner = move |key: &K, value, row: Option<&VT>| Some(joiner(key, value, row));
        join_global(&self.stream, table, self.select, joiner, true)
    }
}

fn join_global<K, V, T, VT, VO, G, S, F>(
    stream: &KStream<K, V>,
    table: &GlobalKTable<T, VT>,
    select: Arc<S>,
    joiner: F,
    left: bool,
) -> KStream<K, VO>
where
    K: Data,
    V: Data,
    T: Data,
    VT: Data,
    VO: Data,
    G: Data + KeyOf<T>,
    S: Fn(&K, &V) -> G + Send + Sync + 'static,
    F: Fn(&K, V, Option<&VT>) -> Option<VO> + Send + Sync + 'static,
{
    // The JVM library names inner joins with global tables like left ones (row ST12).
    let joined = stream.child(prefix::LEFT_JOIN, (stream.serdes.0.clone(), None), stream.rekeyed);
    if stream.graph.is(&table.graph) {
        let mut graph = stream.graph.lock();
        if let Some(node) = graph.nodes.get_mut(joined.node.id().0) {
            node.globals.push(table.store.clone());
            node.takes_null_keys = left;
        }
    } else {
        let message = format!("{table:?} belongs to another builder than {stream:?}");
        stream.graph.lock().error(Error::topology(message));
    }
    let (node, table, joiner) = (joined.node.clone(), table.clone(), Arc::new(joiner));
    stream.node.connect(Box::new(move |task| {
        let next = node.downstream(task);
        let (select, joiner) = (select.clone(), joiner.clone());
        let table = task.global(&table.store, &table.topic, table.serdes.clone());
        Box::new(GlobalJoin { table, select, joiner, left, next, selected: PhantomData })
    }));
    joined
}

impl<K, V, G, S> fmt::Debug for OnKey<K, V, G, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnKey").field("stream", &self.stream).finish_non_exhaustive()
    }
}
