//! The settings of a topic: their names, kinds and defaults as Kafka 4.3 has them.
//!
//! All are stored, checked and described. Those of compression have no effect, as batches are
//! stored as they are sent; nor have those about files and replicas, which there are none of.

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;

use crate::error::Refusal;

/// What values a setting takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Boolean,
    /// A 32-bit integer of at least this.
    Int(i32),
    /// A 32-bit integer within one of these ranges, of which both ends count.
    IntWithin(&'static [(i32, i32)]),
    /// A 64-bit integer of at least this.
    Long(i64),
    /// A number between zero and one.
    Ratio,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some of these words, separated by commas.
    Words(&'static [&'static str]),
    /// Anything: it concerns replicas, of which there are none.
    Text,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) default: &'static str,
    pub(crate) kind: Kind,
    /// The broker setting that gives the default, where describing a topic shows one.
    pub(crate) synonym: Option<&'static str>,
}

const fn setting(
    name: &'static str,
    default: &'static str,
    kind: Kind,
    synonym: &'static str,
) -> Setting {
    let synonym = if synonym.is_empty() { None } else { Some(synonym) };
    Setting { name, default, kind, synonym }
}

const CODECS: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];
/// The default, or one of zlib's.
const GZIP_LEVELS: &[(i32, i32)] = &[(-1, -1), (1, 9)];
const LZ4_LEVELS: &[(i32, i32)] = &[(1, 17)];
const ZSTD_LEVELS: &[(i32, i32)] = &[(-131_072, 22)];
const POLICIES: &[&str] = &["compact", "delete"];
const TIMESTAMP_TYPES: &[&str] = &["CreateTime", "LogAppendTime"];
const FOREVER: &str = "9223372036854775807";

/// Every setting a topic can have, in order of name.
pub(crate) const SETTINGS: &[Setting] = &[
    setting("cleanup.policy", "delete", Kind::Words(POLICIES), "log.cleanup.policy"),
    setting("compression.gzip.level", "-1", Kind::IntWithin(GZIP_LEVELS), "compression.gzip.level"),
    setting("compression.lz4.level", "9", Kind::IntWithin(LZ4_LEVELS), "compression.lz4.level"),
    setting("compression.type", "producer", Kind::Word(CODECS), "compression.type"),
    setting("compression.zstd.level", "3", Kind::IntWithin(ZSTD_LEVELS), "compression.zstd.level"),
    setting("delete.retention.ms", "86400000", Kind::Long(0), "log.cleaner.delete.retention.ms"),
    setting("file.delete.delay.ms", "60000", Kind::Long(0), "log.segment.delete.delay.ms"),
    setting("flush.messages", FOREVER, Kind::Long(1), "log.flush.interval.messages"),
    setting("flush.ms", FOREVER, Kind::Long(0), ""),
    setting("follower.replication.throttled.replicas", "", Kind::Text, ""),
    setting("index.interval.bytes", "4096", Kind::Int(0), "log.index.interval.bytes"),
    setting("leader.replication.throttled.replicas", "", Kind::Text, ""),
    setting("local.retention.bytes", "-2", Kind::Long(-2), "log.local.retention.bytes"),
    setting("local.retention.ms", "-2", Kind::Long(-2), "log.local.retention.ms"),
    setting("max.compaction.lag.ms", FOREVER, Kind::Long(1), "log.cleaner.max.compaction.lag.ms"),
    setting("max.message.bytes", "1048588", Kind::Int(0), "message.max.bytes"),
    setting(
        "message.timestamp.after.max.ms",
        "3600000",
        Kind::Long(0),
        "log.message.timestamp.after.max.ms",
    ),
    setting(
        "message.timestamp.before.max.ms",
        FOREVER,
        Kind::Long(0),
        "log.message.timestamp.before.max.ms",
    ),
    setting(
        "message.timestamp.type",
        "CreateTime",
        Kind::Word(TIMESTAMP_TYPES),
        "log.message.timestamp.type",
    ),
    setting("min.cleanable.dirty.ratio", "0.5", Kind::Ratio, "log.cleaner.min.cleanable.ratio"),
    setting("min.compaction.lag.ms", "0", Kind::Long(0), "log.cleaner.min.compaction.lag.ms"),
    setting("min.insync.replicas", "1", Kind::Int(1), "min.insync.replicas"),
    setting("preallocate", "false", Kind::Boolean, "log.preallocate"),
    setting("remote.log.copy.disable", "false", Kind::Boolean, ""),
    setting("remote.log.delete.on.disable", "false", Kind::Boolean, ""),
    setting("remote.storage.enable", "false", Kind::Boolean, ""),
    setting("retention.bytes", "-1", Kind::Long(i64::MIN), "log.retention.bytes"),
    setting("retention.ms", "604800000", Kind::Long(-1), ""),
    setting("segment.bytes", "1073741824", Kind::Int(1_048_576), "log.segment.bytes"),
    setting("segment.index.bytes", "10485760", Kind::Int(4), "log.index.size.max.bytes"),
    setting("segment.jitter.ms", "0", Kind::Long(0), ""),
    setting("segment.ms", "604800000", Kind::Long(1), ""),
    setting(
        "unclean.leader.election.enable",
        "false",
        Kind::Boolean,
        "unclean.leader.election.enable",
    ),
];

/// Returns the setting of this name.
pub(crate) fn find(name: &str) -> Result<&'static Setting, Refusal> {
    let found = SETTINGS.iter().find(|setting| setting.name == name);
    found.ok_or_else(|| invalid(format!("Unknown topic config name: {name}")))
}

impl Setting {
    fn check(&self, value: &str) -> Result<(), Refusal> {
        let (name, trimmed) = (self.name, value.trim());
        let is_valid = match self.kind {
            Kind::Boolean => matches!(trimmed.to_ascii_lowercase().as_str(), "true" | "false"),
            Kind::Int(min) => trimmed.parse().is_ok_and(|value: i32| value >= min),
            Kind::IntWithin(ranges) => trimmed.parse().is_ok_and(|value: i32| {
                ranges.iter().any(|(min, max)| (*min..=*max).contains(&value))
            }),
            Kind::Long(min) => trimmed.parse().is_ok_and(|value: i64| value >= min),
            Kind::Ratio => trimmed.parse().is_ok_and(|value: f64| (0.0..=1.0).contains(&value)),
            Kind::Word(words) => words.contains(&trimmed),
            Kind::Words(words) => list(value).all(|word| words.contains(&word)),
            Kind::Text => true,
        };
        if is_valid {
            return Ok(());
        }
        Err(invalid(format!("Invalid value {value} for configuration {name}: {}", self.expected())))
    }

    fn expected(&self) -> String {
        match self.kind {
            Kind::Boolean => "expected true or false".to_owned(),
            Kind::Int(min) => format!("expected a 32-bit integer of at least {min}"),
            Kind::IntWithin(ranges) => {
                let range = |(min, max): &(i32, i32)| match min == max {
                    true => min.to_string(),
                    false => format!("{min} to {max}"),
                };
                let ranges: Vec<_> = ranges.iter().map(range).collect();
                format!("expected {}", ranges.join(" or "))
            }
            Kind::Long(min) => format!("expected a 64-bit integer of at least {min}"),
            Kind::Ratio => "expected a number from 0 to 1".to_owned(),
            Kind::Word(words) => format!("expected one of {}", words.join(", ")),
            Kind::Words(words) => format!("expected some of {}", words.join(", ")),
            Kind::Text => String::new(),
        }
    }
}

/// Splits the value of a setting that is a list.
pub(crate) fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|word| !word.is_empty())
}

/// Whose time a record carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimestampType {
    CreateTime,
    LogAppendTime,
}

/// The settings that the broker acts on, with defaults filled in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TopicSettings {
    pub(crate) is_compacted: bool,
    pub(crate) is_deletable: bool,
    pub(crate) message_bytes_max: i64,
    pub(crate) segment_bytes_max: i64,
    pub(crate) segment_ms: i64,
    /// No limit if negative, as for the next.
    pub(crate) retention_ms: i64,
    pub(crate) retention_bytes: i64,
    pub(crate) delete_retention_ms: i64,
    pub(crate) compaction_lag_min_ms: i64,
    pub(crate) compaction_lag_max_ms: i64,
    pub(crate) dirty_ratio_min: f64,
    pub(crate) timestamp_type: TimestampType,
    pub(crate) timestamp_before_max_ms: i64,
    pub(crate) timestamp_after_max_ms: i64,
}

/// What was set for one topic, and what follows from it.
#[derive(Debug, Clone)]
pub(crate) struct TopicConfig {
    overrides: BTreeMap<String, String>,
    settings: TopicSettings,
}

impl TopicConfig {
    /// Checks what is to be set for a topic.
    pub(crate) fn new(overrides: BTreeMap<String, String>) -> Result<Self, Refusal> {
        for (name, value) in &overrides {
            find(name)?.check(value)?;
        }
        let text = |name: &str| {
            let default = SETTINGS.iter().find(|it| it.name == name).map_or("", |it| it.default);
            overrides.get(name).map_or(default, String::as_str).trim()
        };
        let number = |name: &str| text(name).parse().unwrap_or(i64::MAX);
        let (min, max) = (number("min.compaction.lag.ms"), number("max.compaction.lag.ms"));
        if min > max {
            return Err(invalid(format!(
                "conflict topic config setting min.compaction.lag.ms ({min}) > \
                 max.compaction.lag.ms ({max})"
            )));
        }
        let settings = TopicSettings {
            is_compacted: list(text("cleanup.policy")).any(|policy| policy == "compact"),
            is_deletable: list(text("cleanup.policy")).any(|policy| policy == "delete"),
            message_bytes_max: number("max.message.bytes"),
            segment_bytes_max: number("segment.bytes"),
            segment_ms: number("segment.ms"),
            retention_ms: number("retention.ms"),
            retention_bytes: number("retention.bytes"),
            delete_retention_ms: number("delete.retention.ms"),
            compaction_lag_min_ms: min,
            compaction_lag_max_ms: max,
            dirty_ratio_min: text("min.cleanable.dirty.ratio").parse().unwrap_or(0.5),
            timestamp_type: match text("message.timestamp.type") {
                "LogAppendTime" => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            },
            timestamp_before_max_ms: number("message.timestamp.before.max.ms"),
            timestamp_after_max_ms: number("message.timestamp.after.max.ms"),
        };
        Ok(Self { overrides, settings })
    }

    /// Returns what was set for this topic alone.
    pub(crate) fn overrides(&self) -> &BTreeMap<String, String> {
        &self.overrides
    }

    /// Returns what the broker acts on.
    pub(crate) fn settings(&self) -> &TopicSettings {
        &self.settings
    }
}

fn invalid(message: String) -> Refusal {
    Refusal::new(ResponseError::InvalidConfig, message)
}

#[cfg(test)]
mod tests;
