//! Count, reduce and aggregate by key and time window (rows W1, W2, W8).

use std::sync::Arc;

use super::TableWriter;
use crate::error::Result;
use crate::metrics::DropReason;
use crate::processor::{Control, Process, TaskContext};
use crate::record::Record;
use crate::serde::Data;
use crate::state::WindowStore;
use crate::windows::{TimeWindows, Windowed};

/// Folds the records of each key into a row per window.
pub(crate) struct WindowAggregate<K: Data, A: Data, F> {
    pub(crate) windows: TimeWindows,
    pub(crate) fold: Arc<F>,
    pub(crate) table: TableWriter<WindowStore<K, A>>,
    /// This operator's own stream time: not per key, unknown after a restart (row W2).
    pub(crate) stream_time_ms: i64,
}

impl<K: Data, A: Data, F> WindowAggregate<K, A, F> {
    /// Returns until when windows must have ended to be closed.
    pub(super) fn closed_until_ms(&self) -> i64 {
        self.stream_time_ms.saturating_sub(self.windows.grace_ms())
    }
}

impl<K, V, A, F> Process<K, V> for WindowAggregate<K, A, F>
where
    K: Data,
    V: Data,
    A: Data,
    F: Fn(&K, V, Option<A>) -> Option<A> + Send + Sync,
{
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, V>) -> Result<()> {
        let Record { key, value, timestamp, headers } = record;
        self.stream_time_ms = self.stream_time_ms.max(timestamp.as_millis());
        let closed_until = self.closed_until_ms();
        let mut windows = self.windows.of(timestamp).peekable();
        let mut rest = Some((key, value, headers));
        while let Some(window) = windows.next() {
            // A hopping record may be late for one window and on time for another.
            if window.end.as_millis() <= closed_until {
                ctx.dropped(DropReason::Late);
                continue;
            }
            let mine = if windows.peek().is_some() { rest.clone() } else { rest.take() };
            let Some((key, value, headers)) = mine else { break };
            let fold = &self.fold;
            let key = Windowed { key, window };
            let written_by = (timestamp, headers);
            self.table.update(ctx, key, written_by, |key, old| fold(&key.key, value, old))?;
        }
        Ok(())
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.table.control(ctx, event)
    }
}
