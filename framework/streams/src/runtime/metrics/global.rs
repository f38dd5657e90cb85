//! How much was read into global tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Published;
use crate::metrics::{Collect, Collection, Metric};

/// Counts records by topic; there is one writer.
#[derive(Debug, Default)]
pub(crate) struct GlobalRecorder(Published<BTreeMap<Arc<str>, u64>>);

impl GlobalRecorder {
    pub(crate) fn consumed(&self, topic: &Arc<str>, records: usize) {
        if records == 0 {
            return;
        }
        let records = u64::try_from(records).unwrap_or(0);
        let mut topics = self.0.lock();
        match topics.get_mut(topic) {
            Some(count) => *count += records,
            None => drop(topics.insert(topic.clone(), records)),
        }
    }
}

impl Collect for GlobalRecorder {
    fn collect(&self, into: &mut Collection<'_>) {
        for (topic, count) in &*self.0.lock() {
            let attributes = vec![("topic", topic.clone())];
            into.count(Metric::GlobalRecordsConsumed, &attributes, *count);
        }
    }
}
