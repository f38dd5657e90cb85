//! Writing a table's rows, and forwarding what a flush of them brings.

use std::sync::Arc;

use crate::error::Result;
use crate::processor::{Control, Edge, TaskContext};
use crate::record::{Change, Headers};
use crate::state::{Flushed, StoreRef, TableStore};
use crate::time::Timestamp;

/// A store and the edge that its flushed rows go down.
///
/// Nothing is held of the store while a row is forwarded, so operators downstream may read it.
pub(crate) struct TableWriter<S: TableStore> {
    store: StoreRef<S>,
    flushed: Vec<Flushed<S::Key, S::Value>>,
    initial: Option<Initial<S::Value>>,
    next: Edge<S::Key, Change<S::Value>>,
}

/// Makes the aggregate that a new row begins with.
pub(crate) type Initial<A> = Arc<dyn Fn() -> A + Send + Sync>;

impl<S: TableStore> TableWriter<S> {
    pub(crate) fn new(store: StoreRef<S>, next: Edge<S::Key, Change<S::Value>>) -> Self {
        Self { store, flushed: Vec::new(), initial: None, next }
    }

    /// Forwards the initial aggregate as the value before a new row, where there is no cache: so the
    /// JVM library does it for streams.
    pub(crate) fn beginning_with(self, initial: Option<Initial<S::Value>>) -> Self {
        Self { initial, ..self }
    }

    /// Returns the store.
    pub(crate) fn store(&self) -> StoreRef<S> {
        self.store
    }

    /// Folds into a row, and forwards at once where there is no cache or no room in it.
    pub(crate) fn update(
        &mut self,
        ctx: &mut TaskContext,
        key: S::Key,
        written_by: (Timestamp, Headers),
        fold: impl FnOnce(&S::Key, Option<S::Value>) -> Option<S::Value>,
    ) -> Result<()> {
        let access = ctx.stores.access(self.store);
        access.store.update(access.backend, key, written_by, fold)?;
        self.settle(ctx)
    }

    /// Flushes while the store asks for it, after a write.
    pub(crate) fn settle(&mut self, ctx: &mut TaskContext) -> Result<()> {
        while ctx.stores.access(self.store).store.wants_flush() {
            self.flush(ctx)?;
        }
        Ok(())
    }

    /// Flushes after a write of which the value before was computed: without a cache it is what goes
    /// downstream, as in the JVM library, and not what the store held.
    pub(crate) fn settle_computed(
        &mut self,
        ctx: &mut TaskContext,
        old: Option<S::Value>,
    ) -> Result<()> {
        let access = ctx.stores.access(self.store);
        if access.store.is_cached() {
            return self.settle(ctx);
        }
        access.store.flush(access.backend, &mut ctx.outbox, &mut self.flushed)?;
        for mut change in self.flushed.drain(..) {
            change.value.old.clone_from(&old);
            self.next.process(ctx, change)?;
        }
        Ok(())
    }

    /// Passes a control event on, after the rows it makes known.
    pub(crate) fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        match event {
            Control::Flush => self.flush(ctx)?,
        }
        self.next.control(ctx, event)
    }

    fn flush(&mut self, ctx: &mut TaskContext) -> Result<()> {
        let access = ctx.stores.access(self.store);
        access.store.flush(access.backend, &mut ctx.outbox, &mut self.flushed)?;
        let initial = self.initial.as_ref().filter(|_| !access.store.is_cached());
        for mut change in self.flushed.drain(..) {
            if let (Some(initial), None) = (initial, &change.value.old) {
                change.value.old = Some(initial());
            }
            self.next.process(ctx, change)?;
        }
        Ok(())
    }
}
