//! Count, reduce and aggregate by key (row SF1).

use std::sync::Arc;

use super::TableWriter;
use crate::error::Result;
use crate::processor::{Control, Process, TaskContext};
use crate::record::Record;
use crate::serde::Data;
use crate::state::KeyValueStore;

/// Folds the records of each key into one row.
///
/// `fold` gets the row's value, or nothing for a new row; returning nothing deletes the row.
pub(crate) struct Aggregate<K: Data, A: Data, F> {
    pub(crate) fold: Arc<F>,
    pub(crate) table: TableWriter<KeyValueStore<K, A>>,
}

impl<K, V, A, F> Process<K, V> for Aggregate<K, A, F>
where
    K: Data,
    V: Data,
    A: Data,
    F: Fn(&K, V, Option<A>) -> Option<A> + Send + Sync,
{
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, V>) -> Result<()> {
        let Record { key, value, timestamp, headers } = record;
        let fold = &self.fold;
        self.table.update(ctx, key, (timestamp, headers), |key, old| fold(key, value, old))
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.table.control(ctx, event)
    }
}
