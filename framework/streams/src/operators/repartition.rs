//! The writing end of a repartition topic.

use super::sink::{NullKeys, Sink};
use crate::error::Result;
use crate::processor::{Control, Process, TaskContext};
use crate::record::Record;
use crate::serde::Data;

/// Writes re-keyed records to their repartition topic; null keys are left out, unless a left join is
/// behind it (row SL8).
pub(crate) struct Repartition<K, V> {
    pub(crate) sink: Sink<K, V>,
    pub(crate) keeps_null_keys: bool,
}

impl<K: Data, V: Data> Process<K, V> for Repartition<K, V> {
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, V>) -> Result<()> {
        let null_keys = if self.keeps_null_keys { NullKeys::Keep } else { NullKeys::Skip };
        self.sink.writer.write(ctx, self.sink.topic, record, null_keys)
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.sink.control(ctx, event)
    }
}
