//! Table-table joins: each side triggers, and looks the other one up (rows J12, J17).

use std::sync::Arc;

use super::{TableGetter, TableWriter};
use crate::error::Result;
use crate::processor::{Control, Edge, Process, TaskContext};
use crate::record::{Change, Record};
use crate::serde::Data;
use crate::state::{KeyValueStore, Stamped};

/// Joins one side's changes with the other side's rows.
pub(crate) struct TableJoin<K, V, VX, VO, F> {
    pub(crate) other: Box<dyn TableGetter<K, VX>>,
    /// Gets this side's value and the other's; returns nothing where there is to be no row.
    pub(crate) joiner: Arc<F>,
    /// Whether there is only a row where this side has one.
    pub(crate) needs_this: bool,
    /// Whether there is only a row where the other side has one: without it, not even a delete is
    /// forwarded.
    pub(crate) needs_other: bool,
    /// Whether the value before is computed, too (row SF7).
    pub(crate) old_values: bool,
    pub(crate) next: Edge<K, Change<VO>>,
    pub(crate) this: std::marker::PhantomData<fn(V)>,
}

impl<K, V, VX, VO, F> Process<K, Change<V>> for TableJoin<K, V, VX, VO, F>
where
    K: Data,
    V: Data,
    VX: Data,
    VO: Data,
    F: Fn(Option<&V>, Option<&VX>) -> Option<VO> + Send + Sync,
{
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, Change<V>>) -> Result<()> {
        let Record { key, value: change, mut timestamp, headers } = record;
        let other = self.other.get(ctx, &key)?;
        let nothing = change.new.is_none() && change.old.is_none();
        if other.is_none() && (self.needs_other || nothing) {
            return Ok(());
        }
        if let Some(other) = &other {
            timestamp = timestamp.max(other.timestamp);
        }
        let other = other.map(|other| other.value);
        let join = |this: Option<&V>| {
            let is_row = this.is_some() || (other.is_some() && !self.needs_this);
            if is_row { (self.joiner)(this, other) } else { None }
        };
        let new = join(change.new.as_ref());
        let old = if self.old_values { join(change.old.as_ref()) } else { None };
        self.next.process(ctx, Record { key, value: Change { new, old }, timestamp, headers })
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.next.control(ctx, event)
    }
}

/// Keeps a joined table's rows.
pub(crate) struct MaterializedJoin<K: Data, VO: Data> {
    pub(crate) table: TableWriter<KeyValueStore<K, VO>>,
}

impl<K: Data, VO: Data> Process<K, Change<VO>> for MaterializedJoin<K, VO> {
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, Change<VO>>) -> Result<()> {
        let Record { key, value: change, timestamp, headers } = record;
        let value = change.new.map(|value| Stamped { value, timestamp });
        let access = ctx.stores.access(self.table.store());
        access.store.upsert(access.backend, key, value, (timestamp, headers))?;
        self.table.settle_computed(ctx, change.old)
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.table.control(ctx, event)
    }
}

/// Computes a joined table's row from those of both sides.
pub(crate) struct JoinedGetter<K, V1, V2, VO, F> {
    pub(crate) left: Box<dyn TableGetter<K, V1>>,
    pub(crate) right: Box<dyn TableGetter<K, V2>>,
    /// Gets whatever is there; returns nothing where there is to be no row.
    pub(crate) joiner: Arc<F>,
    pub(crate) joined: Option<VO>,
}

impl<K, V1, V2, VO, F> TableGetter<K, VO> for JoinedGetter<K, V1, V2, VO, F>
where
    K: Data,
    V1: Data,
    V2: Data,
    VO: Data,
    F: Fn(Option<&V1>, Option<&V2>) -> Option<VO> + Send + Sync,
{
    fn get<'a>(&'a mut self, ctx: &'a mut TaskContext, key: &K) -> Result<Option<Stamped<&'a VO>>> {
        // Cloned, since nothing is held of a store while another is read.
        let left = self.left.get(ctx, key)?.map(|row| (row.value.clone(), row.timestamp));
        let right = self.right.get(ctx, key)?;
        let times = left.iter().map(|(_, at)| *at).chain(right.iter().map(|row| row.timestamp));
        let Some(timestamp) = times.max() else { return Ok(None) };
        let (left, right) = (left.as_ref().map(|(value, _)| value), right.map(|row| row.value));
        self.joined = (self.joiner)(left, right);
        Ok(self.joined.as_ref().map(|value| Stamped { value, timestamp }))
    }
}
