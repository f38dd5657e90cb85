//! Operators over a table's changes.

use std::sync::Arc;

use crate::error::Result;
use crate::processor::{Control, Edge, Process, TaskContext};
use crate::record::{Change, Record};
use crate::serde::Data;

/// Replaces a table's values; nothing is kept, look-ups go through to the table above (row SF6).
pub(crate) struct MapTableValues<K, V2, F> {
    pub(crate) mapper: Arc<F>,
    pub(crate) next: Edge<K, Change<V2>>,
}

impl<K, V, V2, F> Process<K, Change<V>> for MapTableValues<K, V2, F>
where
    K: Data,
    V: Data,
    V2: Data,
    F: Fn(V) -> V2 + Send + Sync,
{
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, Change<V>>) -> Result<()> {
        let map = |value: Option<V>| value.map(|value| (self.mapper)(value));
        let record =
            record.map_value(|change| Change { new: map(change.new), old: map(change.old) });
        self.next.process(ctx, record)
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.next.control(ctx, event)
    }
}

/// A table's updates as a stream: deletes are nulls (row SF9).
pub(crate) struct ToStream<K, V> {
    pub(crate) next: Edge<K, Option<V>>,
}

impl<K: Data, V: Data> Process<K, Change<V>> for ToStream<K, V> {
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, Change<V>>) -> Result<()> {
        self.next.process(ctx, record.map_value(|change| change.new))
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.next.control(ctx, event)
    }
}
