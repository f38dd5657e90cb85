//! Settings of the topics the application makes for itself (rows ST10, ST11).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::graph::StoreKind;
use crate::ids::{StoreId, SubtopologyId};
use crate::time::millis;

/// A store's changelog topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangelogTopic {
    pub(crate) store: StoreId,
    pub(crate) subtopology: SubtopologyId,
    pub(crate) name: Arc<str>,
}

/// Returns the settings of a changelog topic.
///
/// A key-value store's is compacted. A window store's also forgets what is older than the store keeps,
/// plus a margin for clocks that differ: Kafka measures age by its own clock, not by event time.
pub(crate) fn changelog_settings(
    kind: StoreKind,
    additional_retention: Duration,
) -> BTreeMap<String, String> {
    let mut settings = vec![("message.timestamp.type", "CreateTime".to_owned())];
    match kind {
        StoreKind::KeyValue => settings.push(("cleanup.policy", "compact".to_owned())),
        StoreKind::Window { retention } => {
            let keep = millis(retention).saturating_add(millis(additional_retention));
            settings.push(("cleanup.policy", "compact,delete".to_owned()));
            settings.push(("retention.ms", keep.to_string()));
        }
    }
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Returns the settings of a repartition topic: nothing is deleted but what was consumed, and that in
/// small segments.
pub(crate) fn repartition_settings() -> BTreeMap<String, String> {
    let settings = [
        ("cleanup.policy", "delete"),
        ("retention.ms", "-1"),
        ("segment.bytes", "52428800"),
        ("message.timestamp.type", "CreateTime"),
    ];
    settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
