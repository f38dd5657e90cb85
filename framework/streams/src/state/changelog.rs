//! The write path to a store's changelog.

use std::ops::Range;

use crate::ids::StoreId;
use crate::kafka::{Destination, OutTopicId, Outbox};
use crate::record::Headers;
use crate::time::Timestamp;

/// Where a store's updates are logged: plain value, timestamp as the record's (row ST7).
#[derive(Debug, Clone, Copy)]
pub struct Changelog {
    /// The changelog topic.
    pub topic: OutTopicId,
    /// The store.
    pub store: StoreId,
}

impl Changelog {
    /// Logs a row, or its deletion; the value was encoded into the outbox's arena already.
    pub(crate) fn append(
        self,
        outbox: &mut Outbox,
        key: &[u8],
        value: Option<Range<usize>>,
        timestamp: Timestamp,
    ) {
        let arena = outbox.arena();
        let start = arena.len();
        arena.extend_from_slice(key);
        let key = Some(start..arena.len());
        let destination = Destination::Changelog(self.topic, self.store);
        outbox.push(destination, key, value, None, (timestamp, Headers::default()));
    }
}
