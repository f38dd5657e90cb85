//! Final results of windows: each closed window once (rows E6, W2).

use std::sync::Arc;

use super::WindowAggregate;
use crate::error::Result;
use crate::processor::{Control, Edge, Process, TaskContext};
use crate::record::{Change, Headers, Record};
use crate::serde::Data;
use crate::state::WindowStore;
use crate::windows::Windowed;

/// Aggregates without a word, and forwards the rows of a window once it is closed.
///
/// A window is closed by the record that moves this operator's stream time past its end and grace, and
/// forwarded with that record's headers. How far windows are forwarded is the task's progress, which is
/// committed with the input offsets: a restart goes on behind it.
pub(crate) struct FinalWindows<K: Data, A: Data, F> {
    /// Its table's updates go nowhere.
    pub(crate) aggregate: WindowAggregate<K, A, F>,
    /// The store's name, under which progress is kept.
    pub(crate) store: Arc<str>,
    /// Windows that end by then are forwarded.
    pub(crate) emitted_until_ms: Option<i64>,
    pub(crate) next: Edge<Windowed<K>, Change<A>>,
}

/// How many rows are taken from the store at a time.
const ROWS_PER_SCAN: usize = 1_000;

impl<K: Data, A: Data, F> FinalWindows<K, A, F> {
    /// Forwards what has been closed since the last time.
    fn emit(&mut self, ctx: &mut TaskContext, headers: &Headers) -> Result<()> {
        let windows = self.aggregate.windows;
        let closed_until = self.aggregate.closed_until_ms();
        let emitted_until = self.emitted_until_ms.or_else(|| ctx.progress(&self.store));
        let last_start = closed_until.saturating_sub(windows.size_ms());
        if last_start < 0 || emitted_until.is_some_and(|emitted| emitted >= closed_until) {
            return Ok(());
        }
        let first_start = match emitted_until {
            None => 0,
            Some(emitted) => {
                let emitted_start = (emitted - windows.size_ms()).max(0);
                if windows.start_of(emitted_start) == windows.start_of(last_start) {
                    return Ok(());
                }
                emitted_start + 1
            }
        };
        let table: crate::state::StoreRef<WindowStore<K, A>> = self.aggregate.table.store();
        let (mut go_on, mut forwarded) = (None, 0);
        loop {
            let access = ctx.stores.access(table);
            let span = first_start..=last_start;
            let scan = access.store.scan(access.backend, span, go_on, ROWS_PER_SCAN)?;
            for (key, row) in scan.rows {
                forwarded += 1;
                let value = Change { new: Some(row.value), old: None };
                let (timestamp, headers) = (row.timestamp, headers.clone());
                self.next.process(ctx, Record { key, value, timestamp, headers })?;
            }
            go_on = scan.go_on;
            if go_on.is_none() {
                break;
            }
        }
        ctx.forwarded_finals(&self.store, forwarded);
        self.emitted_until_ms = Some(closed_until);
        ctx.note_progress(&self.store, closed_until);
        Ok(())
    }
}

impl<K, V, A, F> Process<K, V> for FinalWindows<K, A, F>
where
    K: Data,
    V: Data,
    A: Data,
    F: Fn(&K, V, Option<A>) -> Option<A> + Send + Sync,
{
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, V>) -> Result<()> {
        let headers = record.headers.clone();
        self.aggregate.process(ctx, record)?;
        self.emit(ctx, &headers)
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        Process::<K, V>::control(&mut self.aggregate, ctx, event)?;
        self.next.control(ctx, event)
    }
}
