//! Settings of the topics that the application makes for itself: `topic.<name>`, as in the JVM library.

use std::collections::BTreeMap;

use super::StreamsConfig;

/// What the names begin with.
pub(super) const PREFIX: &str = "topic.";

/// Kafka's settings of topics, in order.
pub(super) const NAMES: [&str; 26] = [
    "cleanup.policy",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "delete.retention.ms",
    "file.delete.delay.ms",
    "flush.messages",
    "flush.ms",
    "index.interval.bytes",
    "local.retention.bytes",
    "local.retention.ms",
    "max.compaction.lag.ms",
    "max.message.bytes",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "message.timestamp.type",
    "min.cleanable.dirty.ratio",
    "min.compaction.lag.ms",
    "min.insync.replicas",
    "preallocate",
    "remote.storage.enable",
    "retention.bytes",
    "retention.ms",
    "segment.bytes",
    "segment.ms",
];

/// Returns whether a name sets something of the application's own topics.
pub(super) fn is_topic_setting(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|rest| NAMES.binary_search(&rest).is_ok())
}

/// Returns what is set for the application's own topics.
pub(super) fn of(config: &StreamsConfig) -> BTreeMap<String, String> {
    let set = config.iter().filter(|(name, ..)| is_topic_setting(name));
    let set = set.filter_map(|(name, value, _)| Some((name.strip_prefix(PREFIX)?, value)));
    set.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}
