//! Stream-table join: the stream looks the table up, the table never triggers (row J9).

use std::marker::PhantomData;
use std::sync::Arc;

use super::TableGetter;
use crate::error::Result;
use crate::metrics::DropReason;
use crate::processor::{Control, Edge, Process, TaskContext};
use crate::record::{KeyOf, Record};
use crate::serde::Data;

/// Joins each record with the table's row of its key.
///
/// `joiner` gets nothing where there is no row; returning nothing drops the record, as an inner join
/// does.
pub(crate) struct StreamTableJoin<K, T, VT, VO, F> {
    pub(crate) table: Box<dyn TableGetter<T, VT>>,
    pub(crate) joiner: Arc<F>,
    /// A left join keeps records with a null key (KIP-962); an inner join drops and counts them.
    pub(crate) left: bool,
    pub(crate) next: Edge<K, VO>,
    pub(crate) key: PhantomData<fn(K)>,
}

impl<K, V, T, VT, VO, F> Process<K, V> for StreamTableJoin<K, T, VT, VO, F>
where
    K: Data + KeyOf<T>,
    V: Data,
    T: Data,
    VT: Data,
    VO: Data,
    F: Fn(&K, V, Option<&VT>) -> Option<VO> + Send + Sync,
{
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, V>) -> Result<()> {
        let Record { key, value, timestamp, headers } = record;
        let row = match key.key_of() {
            Some(key) => self.table.get(ctx, key)?,
            None if self.left => None,
            None => {
                ctx.dropped(DropReason::Null);
                return Ok(());
            }
        };
        match (self.joiner)(&key, value, row.map(|row| row.value)) {
            Some(value) => self.next.process(ctx, Record { key, value, timestamp, headers }),
            None => Ok(()),
        }
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.next.control(ctx, event)
    }
}
