//! A table's changes on their way to other keys (rows SF3, SF4).

use std::sync::Arc;

use crate::error::Result;
use crate::processor::{Control, Edge, Process, TaskContext};
use crate::record::{Change, Record};
use crate::serde::Data;

/// Sends each row's value before and after to the keys a selector chooses: the old one first, or both
/// as one change where the key stays the same (KIP-904).
pub(crate) struct Regroup<K2, V2, F> {
    /// Returns nothing for a row that belongs to no group.
    pub(crate) selector: Arc<F>,
    pub(crate) next: Edge<K2, Change<V2>>,
}

impl<K, V, K2, V2, F> Process<K, Change<V>> for Regroup<K2, V2, F>
where
    K: Data,
    V: Data,
    K2: Data + PartialEq,
    V2: Data,
    F: Fn(&K, V) -> Option<(K2, V2)> + Send + Sync,
{
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, Change<V>>) -> Result<()> {
        let Record { key, value: change, timestamp, headers } = record;
        let select =
            |value: Option<V>| value.and_then(|value| (self.selector)(&key, value)).unzip();
        let ((new_key, new), (old_key, old)) = (select(change.new), select(change.old));
        let same_key = new_key == old_key;
        let changes = if same_key {
            [new_key.map(|key| (key, Change { new, old })), None]
        } else {
            let left = old_key.map(|key| (key, Change { new: None, old }));
            [left, new_key.map(|key| (key, Change { new, old: None }))]
        };
        for (key, value) in changes.into_iter().flatten() {
            self.next.process(ctx, Record { key, value, timestamp, headers: headers.clone() })?;
        }
        Ok(())
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.next.control(ctx, event)
    }
}
