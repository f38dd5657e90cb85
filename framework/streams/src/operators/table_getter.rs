//! Looking up a table's row from another operator of the same task.

use std::sync::Arc;

use crate::error::Result;
use crate::processor::TaskContext;
use crate::serde::Data;
use crate::state::{KeyValueStore, Stamped, StoreRef, WindowStore};
use crate::windows::Windowed;

/// A way to a table's current rows.
pub(crate) trait TableGetter<K, V>: Send {
    /// Returns the row as it is now: what caches hold counts.
    fn get<'a>(&'a mut self, ctx: &'a mut TaskContext, key: &K) -> Result<Option<Stamped<&'a V>>>;
}

/// Looks into the table's own store.
pub(crate) struct StoreGetter<K, V>(pub(crate) StoreRef<KeyValueStore<K, V>>);

impl<K: Data, V: Data> TableGetter<K, V> for StoreGetter<K, V> {
    fn get<'a>(&'a mut self, ctx: &'a mut TaskContext, key: &K) -> Result<Option<Stamped<&'a V>>> {
        let access = ctx.stores.access(self.0);
        Ok(access.store.get(access.backend, key)?.map(Stamped::as_ref))
    }
}

/// Looks into a windowed table's own store.
pub(crate) struct WindowGetter<K, V>(pub(crate) StoreRef<WindowStore<K, V>>);

impl<K: Data, V: Data> TableGetter<Windowed<K>, V> for WindowGetter<K, V> {
    fn get<'a>(
        &'a mut self,
        ctx: &'a mut TaskContext,
        key: &Windowed<K>,
    ) -> Result<Option<Stamped<&'a V>>> {
        let access = ctx.stores.access(self.0);
        Ok(access.store.get(access.backend, key)?.map(Stamped::as_ref))
    }
}

/// Computes a mapped or filtered table's row from the table above (row SF6).
pub(crate) struct MappedGetter<K, V, V2, F> {
    parent: Box<dyn TableGetter<K, V>>,
    mapper: Arc<F>,
    mapped: Option<V2>,
}

impl<K, V, V2, F> MappedGetter<K, V, V2, F> {
    pub(crate) fn new(parent: Box<dyn TableGetter<K, V>>, mapper: Arc<F>) -> Self {
        Self { parent, mapper, mapped: None }
    }
}

impl<K, V, V2, F> TableGetter<K, V2> for MappedGetter<K, V, V2, F>
where
    K: Data,
    V: Data,
    V2: Data,
    F: Fn(&K, V) -> Option<V2> + Send + Sync,
{
    fn get<'a>(&'a mut self, ctx: &'a mut TaskContext, key: &K) -> Result<Option<Stamped<&'a V2>>> {
        let Some(row) = self.parent.get(ctx, key)? else { return Ok(None) };
        let timestamp = row.timestamp;
        self.mapped = (self.mapper)(key, row.value.clone());
        Ok(self.mapped.as_ref().map(|value| Stamped { value, timestamp }))
    }
}
