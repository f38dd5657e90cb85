//! One branch of a split stream (row SL3).

use std::sync::Arc;

use crate::error::Result;
use crate::processor::{Control, Edge, Process, TaskContext};
use crate::record::Record;
use crate::serde::Data;

/// Sends a record to the branch if its predicate holds, else to the branches after it: a split is a
/// chain of these, so that the first match wins.
pub(crate) struct Branch<K, V, F> {
    pub(crate) predicate: Arc<F>,
    pub(crate) matching: Edge<K, V>,
    pub(crate) others: Edge<K, V>,
}

impl<K, V, F> Process<K, V> for Branch<K, V, F>
where
    K: Data,
    V: Data,
    F: Fn(&K, &V) -> bool + Send + Sync,
{
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, V>) -> Result<()> {
        if (self.predicate)(&record.key, &record.value) {
            self.matching.process(ctx, record)
        } else {
            self.others.process(ctx, record)
        }
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.matching.control(ctx, event)?;
        self.others.control(ctx, event)
    }
}
