//! Operators over a table's changes.

use std::sync::Arc;

use crate::error::Result;
use crate::processor::{Control, Edge, Process, TaskContext};
use crate::record::{Change, Record};
use crate::serde::Data;

/// Maps or filters a table's changes; nothing is kept, look-ups go through to the table above
/// (row SF6).
pub(crate) struct MapTable<K, V2, F> {
    /// Returns nothing where there is to be no row.
    pub(crate) mapper: Arc<F>,
    /// Whether the value before is computed, too (row SF7).
    pub(crate) old_values: bool,
    /// Whether a change from no row to no row is nobody's business: a filter's, where values before
    /// are known.
    pub(crate) skips_absent: bool,
    pub(crate) next: Edge<K, Change<V2>>,
}

impl<K, V, V2, F> Process<K, Change<V>> for MapTable<K, V2, F>
where
    K: Data,
    V: Data,
    V2: Data,
    F: Fn(&K, V) -> Option<V2> + Send + Sync,
{
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, Change<V>>) -> Result<()> {
        let Record { key, value: change, timestamp, headers } = record;
        let map = |value: Option<V>| value.and_then(|value| (self.mapper)(&key, value));
        let new = map(change.new);
        let old = if self.old_values { map(change.old) } else { None };
        if self.skips_absent && new.is_none() && old.is_none() {
            return Ok(());
        }
        self.next.process(ctx, Record { key, value: Change { new, old }, timestamp, headers })
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.next.control(ctx, event)
    }
}

/// Maps or filters a table's new values into the rows of a table that keeps them.
pub(crate) struct MapRows<K, V2, F> {
    /// Returns nothing where there is to be no row.
    pub(crate) mapper: Arc<F>,
    pub(crate) next: Edge<K, Option<V2>>,
}

impl<K, V, V2, F> Process<K, Change<V>> for MapRows<K, V2, F>
where
    K: Data,
    V: Data,
    V2: Data,
    F: Fn(&K, V) -> Option<V2> + Send + Sync,
{
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, Change<V>>) -> Result<()> {
        let Record { key, value: change, timestamp, headers } = record;
        let value = change.new.and_then(|value| (self.mapper)(&key, value));
        self.next.process(ctx, Record { key, value, timestamp, headers })
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
