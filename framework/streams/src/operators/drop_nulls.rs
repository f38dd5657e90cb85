//! From optional keys or values to plain ones, before an operator that has no use for nulls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Result;
use crate::metrics::DropReason;
use crate::processor::{Control, Edge, Process, TaskContext};
use crate::record::Record;
use crate::serde::Data;

/// Drops records with a null key.
pub(crate) struct DropNullKeys<K, V> {
    /// Whether drops are counted: in front of a repartition topic they are not (row SL8).
    pub(crate) counted: Arc<AtomicBool>,
    pub(crate) next: Edge<K, V>,
}

impl<K: Data, V: Data> Process<Option<K>, V> for DropNullKeys<K, V> {
    fn process(&mut self, ctx: &mut TaskContext, record: Record<Option<K>, V>) -> Result<()> {
        let Record { key: Some(key), value, timestamp, headers } = record else {
            if self.counted.load(Ordering::Relaxed) {
                ctx.dropped(DropReason::Null);
            }
            return Ok(());
        };
        self.next.process(ctx, Record { key, value, timestamp, headers })
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.next.control(ctx, event)
    }
}

/// Drops records with a null value, and counts them.
pub(crate) struct DropNullValues<K, V> {
    pub(crate) next: Edge<K, V>,
}

impl<K: Data, V: Data> Process<K, Option<V>> for DropNullValues<K, V> {
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, Option<V>>) -> Result<()> {
        let Record { key, value: Some(value), timestamp, headers } = record else {
            ctx.dropped(DropReason::Null);
            return Ok(());
        };
        self.next.process(ctx, Record { key, value, timestamp, headers })
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.next.control(ctx, event)
    }
}
