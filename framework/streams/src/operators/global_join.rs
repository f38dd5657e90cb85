//! Stream-global-table join: any key may be looked up, wherever the record is (row J11).

use std::marker::PhantomData;
use std::sync::Arc;

use crate::error::Result;
use crate::metrics::DropReason;
use crate::processor::{Control, Edge, Process, TaskContext};
use crate::record::{KeyOf, Record};
use crate::serde::Data;
use crate::state::GlobalReader;

/// Joins each record with the global row of the key that `select` takes from it.
pub(crate) struct GlobalJoin<K, G, VG, VO, S, GK, F> {
    pub(crate) table: GlobalReader<G, VG>,
    pub(crate) select: Arc<S>,
    pub(crate) joiner: Arc<F>,
    pub(crate) left: bool,
    pub(crate) next: Edge<K, VO>,
    pub(crate) selected: PhantomData<fn() -> GK>,
}

impl<K, V, G, VG, VO, S, GK, F> Process<K, V> for GlobalJoin<K, G, VG, VO, S, GK, F>
where
    K: Data,
    V: Data,
    G: Data,
    VG: Data,
    VO: Data,
    GK: KeyOf<G>,
    S: Fn(&K, &V) -> GK + Send + Sync,
    F: Fn(&K, V, Option<&VG>) -> Option<VO> + Send + Sync,
{
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, V>) -> Result<()> {
        let Record { key, value, timestamp, headers } = record;
        let row = match (self.select)(&key, &value).key_of() {
            Some(key) => self.table.get(key)?,
            None if self.left => None,
            None => {
                ctx.dropped(DropReason::Null);
                return Ok(());
            }
        };
        match (self.joiner)(&key, value, row) {
            Some(value) => self.next.process(ctx, Record { key, value, timestamp, headers }),
            None => Ok(()),
        }
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.next.control(ctx, event)
    }
}
