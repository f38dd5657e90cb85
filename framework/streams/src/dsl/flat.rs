//! From one record to any number of records (rows SL1, SL2).

use std::sync::Arc;

use super::{KStream, prefix};
use crate::operators::{FlatMap, FlatMapValues};
use crate::serde::Data;

impl<K: Data, V: Data> KStream<K, V> {
    /// Replaces each record by those that the mapper returns, in their order; all have the timestamp and
    /// the headers of the one they come from. What groups or joins next repartitions by the new keys.
    ///
    /// # Examples
    ///
    /// ```
    /// use kappa::prelude::*;
    ///
    /// let builder = StreamsBuilder::new();
    /// let routes = builder.stream(&Topic::<String, String>::new("routes", Utf8, Utf8));
    /// // Each flight from one airport to another is a departure and an arrival.
    /// let ends = routes.flat_map(|from, to| [(from, "departs".to_owned()), (to, "arrives".to_owned())]);
    /// ends.to(&Topic::new("ends", Utf8, Utf8));
    /// ```
    pub fn flat_map<K2: Data, V2: Data, I: IntoIterator<Item = (K2, V2)>>(
        &self,
        mapper: impl Fn(K, V) -> I + Send + Sync + 'static,
    ) -> KStream<K2, V2> {
        let mapper = Arc::new(mapper);
        let child = self.child(prefix::FLAT_MAP, (None, None), true);
        self.attach(&child, move |next| Box::new(FlatMap { mapper: mapper.clone(), next }));
        child
    }

    /// Replaces each value by those that the mapper returns, in their order; keys, and with them
    /// partitions, stay.
    ///
    /// # Examples
    ///
    /// ```
    /// use kappa::prelude::*;
    ///
    /// let builder = StreamsBuilder::new();
    /// let orders = builder.stream(&Topic::<String, String>::new("orders", Utf8, Utf8));
    /// let items = orders.flat_map_values(|order| {
    ///     order.split(',').map(str::to_owned).collect::<Vec<_>>()
    /// });
    /// items.to(&Topic::new("items", Utf8, Utf8));
    /// ```
    pub fn flat_map_values<V2: Data, I: IntoIterator<Item = V2>>(
        &self,
        mapper: impl Fn(V) -> I + Send + Sync + 'static,
    ) -> KStream<K, V2> {
        self.flat_map_values_with_key(move |_, value| mapper(value))
    }

    /// Replaces each value as [`flat_map_values`](Self::flat_map_values) does, with a mapper that is given
    /// the key, too.
    pub fn flat_map_values_with_key<V2: Data, I: IntoIterator<Item = V2>>(
        &self,
        mapper: impl Fn(&K, V) -> I + Send + Sync + 'static,
    ) -> KStream<K, V2> {
        let mapper = Arc::new(mapper);
        let serdes = (self.serdes.0.clone(), None);
        let child = self.child(prefix::FLAT_MAP_VALUES, serdes, self.rekeyed);
        self.attach(&child, move |next| Box::new(FlatMapValues { mapper: mapper.clone(), next }));
        child
    }
}
