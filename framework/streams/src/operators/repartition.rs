//! The writing end of a repartition topic.

use super::sink::{NullKeys, Sink};
use crate::error::Result;
use crate::processor::{Control, Process, TaskContext};
use crate::record::Record;
use crate::serde::Data;

/// Writes re-keyed records to their repartition topic; null keys are left out (row SL8).
pub(crate) struct Repartition<K, V>(pub(crate) Sink<K, V>);

impl<K: Data, V: Data> Process<K, V> for Repartition<K, V> {
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, V>) -> Result<()> {
        self.0.encode(ctx, record, NullKeys::Skip)
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.0.control(ctx, event)
    }
}
