//! A table over a topic, or over a stream (rows SF5, SL7).

use super::TableWriter;
use crate::error::Result;
use crate::processor::{Control, Edge, Process, TaskContext};
use crate::record::{Change, Record};
use crate::serde::Data;
use crate::state::{KeyValueStore, Stamped};

/// A table whose rows are kept: an out-of-order update is applied like any other.
pub(crate) struct MaterializedTable<K: Data, V: Data> {
    pub(crate) table: TableWriter<KeyValueStore<K, V>>,
    /// Whether the delete of a row that is not there is nobody's business: a filter's, where values
    /// before are known (row SF6).
    pub(crate) skips_absent: bool,
}

impl<K: Data, V: Data> Process<K, Option<V>> for MaterializedTable<K, V> {
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, Option<V>>) -> Result<()> {
        let Record { key, value, timestamp, headers } = record;
        let value = value.map(|value| Stamped { value, timestamp });
        let access = ctx.stores.access(self.table.store());
        let absent = self.skips_absent && value.is_none();
        if absent && access.store.get(access.backend, &key)?.is_none() {
            return Ok(());
        }
        access.store.upsert(access.backend, key, value, (timestamp, headers))?;
        self.table.settle(ctx)
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.table.control(ctx, event)
    }
}

/// A table that nobody looks up: its updates pass through, nothing is kept.
pub(crate) struct PassingTable<K, V> {
    pub(crate) next: Edge<K, Change<V>>,
}

impl<K: Data, V: Data> Process<K, Option<V>> for PassingTable<K, V> {
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, Option<V>>) -> Result<()> {
        self.next.process(ctx, record.map_value(|new| Change { new, old: None }))
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.next.control(ctx, event)
    }
}
