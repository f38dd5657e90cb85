//! Settings, checked and typed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::{
    ClientProperties, HttpSettings, Kind, SETTINGS, SchemaRegistrySettings, StreamsConfig,
};
use crate::error::{Error, Result};
use crate::metrics::Level;

/// Where a store keeps its committed rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreType {
    /// In RocksDB, in the task's state directory.
    RocksDb,
    /// In memory; rebuilt from the changelog at every start.
    InMemory,
}

/// What to do with a record that cannot be decoded (row ER1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeserializationHandler {
    /// Stop with an error that names the record; nothing is lost, it is read again after a restart.
    #[default]
    Fail,
    /// Skip the record, count it and log it.
    Continue,
}

/// How long a task waits for an input that has nothing (row T3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskIdle {
    /// Not at all: what is there is taken.
    Never,
    /// While records are on the broker, and this long after they ran out.
    For(Duration),
}

/// Who shares out the tasks among a group's members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupProtocol {
    /// The member that leads the group.
    #[default]
    Classic,
    /// The broker (KIP-848).
    Consumer,
}

/// All settings of an application, typed and within their ranges.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `application.id`
    pub application_id: String,
    /// `commit.interval.ms`
    pub commit_interval: Duration,
    /// `default.dsl.store`
    pub default_store: StoreType,
    /// `deserialization.exception.handler`
    pub deserialization_handler: DeserializationHandler,
    /// `group.protocol`
    pub group_protocol: GroupProtocol,
    /// `health.ready.restore.deadline.ms`
    pub ready_restore_deadline: Duration,
    /// `health.ready.restore.records.max`
    pub ready_restore_records_max: u64,
    /// `http.*`
    pub http: HttpSettings,
    /// `input.buffer.max.bytes`
    pub input_buffer_bytes_max: usize,
    /// `input.check.interval.ms`
    pub input_check_interval: Duration,
    /// `max.partition.skew.ms`
    pub partition_skew_max: Option<Duration>,
    /// `max.task.idle.ms`
    pub task_idle: TaskIdle,
    /// `metrics.recording.level`
    pub metrics_level: Level,
    /// `num.stream.threads`
    pub threads: usize,
    /// `offset.recommit.interval.ms`
    pub offset_recommit_interval: Duration,
    /// `poll.ms`
    pub poll: Duration,
    /// `repartition.purge.interval.ms`
    pub purge_interval: Duration,
    /// `replication.factor`
    pub replication_factor: i32,
    /// `rocksdb.block.cache.bytes`
    pub rocksdb_block_cache_bytes: usize,
    /// `rocksdb.write.buffer.bytes`
    pub rocksdb_write_buffer_bytes: usize,
    /// `schema.registry.*`, and how subjects are named and schemas registered.
    pub schema_registry: SchemaRegistrySettings,
    /// `state.dir`
    pub state_dir: PathBuf,
    /// `state.flush.interval.ms`
    pub state_flush_interval: Duration,
    /// `statestore.cache.max.bytes`
    pub cache_bytes_max: usize,
    /// `statestore.uncommitted.max.bytes`
    pub uncommitted_bytes_max: Option<usize>,
    /// `task.timeout.ms`
    pub task_timeout: Duration,
    /// `traces.keys`
    pub trace_keys: bool,
    /// `traces.sampler`
    pub trace_sampler: Option<String>,
    /// `traces.sampler.ratio`
    pub trace_ratio: Option<f64>,
    /// `windowstore.changelog.additional.retention.ms`
    pub window_changelog_additional_retention: Duration,
    /// `topic.*`: settings of the topics that the application makes for itself.
    pub topic_settings: BTreeMap<String, String>,
    /// What is passed on to the Kafka clients.
    pub clients: ClientProperties,
}

/// How much longer than for Kafka a thread may take between two looks at its group.
const POLL_MARGIN: Duration = Duration::from_secs(300);
/// librdkafka's own limit.
const MAX_POLL_INTERVAL_MAX: Duration = Duration::from_secs(86_400);

/// The longest application id: topic names derived from it must stay within Kafka's 249 characters.
const APPLICATION_ID_LEN_MAX: usize = 100;

impl Settings {
    pub(super) fn resolve(config: &StreamsConfig) -> Result<Self> {
        let skew = config.get("max.partition.skew.ms");
        let idle = number(config, "max.task.idle.ms")?;
        let uncommitted = number(config, "statestore.uncommitted.max.bytes")?;
        Ok(Self {
            application_id: application_id(config)?,
            commit_interval: millis(config, "commit.interval.ms")?,
            default_store: match text(config, "default.dsl.store")?.as_str() {
                "in_memory" => StoreType::InMemory,
                _ => StoreType::RocksDb,
            },
            deserialization_handler: deserialization_handler(config)?,
            group_protocol: group_protocol(config)?,
            ready_restore_deadline: millis(config, "health.ready.restore.deadline.ms")?,
            ready_restore_records_max: u64::try_from(number(
                config,
                "health.ready.restore.records.max",
            )?)
            .unwrap_or(0),
            http: HttpSettings::resolve(config)?,
            input_buffer_bytes_max: bytes(config, "input.buffer.max.bytes")?,
            input_check_interval: millis(config, "input.check.interval.ms")?,
            partition_skew_max: skew
                .map(|_| millis(config, "max.partition.skew.ms"))
                .transpose()?,
            task_idle: match u64::try_from(idle) {
                Ok(idle) => TaskIdle::For(Duration::from_millis(idle)),
                Err(_) => TaskIdle::Never,
            },
            metrics_level: match text(config, "metrics.recording.level")?.as_str() {
                "off" => Level::Off,
                "debug" | "DEBUG" => Level::Debug,
                "trace" | "TRACE" => Level::Trace,
                _ => Level::Info,
            },
            threads: bytes(config, "num.stream.threads")?,
            offset_recommit_interval: millis(config, "offset.recommit.interval.ms")?,
            poll: millis(config, "poll.ms")?,
            purge_interval: millis(config, "repartition.purge.interval.ms")?,
            replication_factor: i32::try_from(number(config, "replication.factor")?).unwrap_or(-1),
            rocksdb_block_cache_bytes: bytes(config, "rocksdb.block.cache.bytes")?,
            rocksdb_write_buffer_bytes: bytes(config, "rocksdb.write.buffer.bytes")?,
            schema_registry: SchemaRegistrySettings::of(config)?,
            state_dir: text(config, "state.dir")?.into(),
            state_flush_interval: millis(config, "state.flush.interval.ms")?,
            cache_bytes_max: bytes(config, "statestore.cache.max.bytes")?,
            uncommitted_bytes_max: usize::try_from(uncommitted).ok(),
            task_timeout: millis(config, "task.timeout.ms")?,
            trace_keys: text(config, "traces.keys")? == "true",
            trace_sampler: optional(config, "traces.sampler", text)?,
            trace_ratio: optional(config, "traces.sampler.ratio", ratio)?,
            window_changelog_additional_retention: millis(
                config,
                "windowstore.changelog.additional.retention.ms",
            )?,
            topic_settings: super::topics::of(config),
            clients: clients(config)?,
        })
    }

    /// Returns whether the instance has a name in its group, and so stays in it over restarts.
    #[must_use]
    pub fn is_static_member(&self) -> bool {
        let main = self.clients.for_client(&["consumer.", "main.consumer."]);
        main.contains_key("group.instance.id")
    }

    /// Returns how long a thread may take between two looks at its group: `max.poll.interval.ms` if that
    /// is set, else longer than it may wait for Kafka.
    #[must_use]
    pub fn max_poll_interval(&self) -> Duration {
        let main = self.clients.for_client(&["consumer.", "main.consumer."]);
        let given = main.get("max.poll.interval.ms").and_then(|value| value.parse().ok());
        given.map_or_else(|| self.max_poll_interval_default(), Duration::from_millis)
    }

    /// A thread that waits for Kafka, as it may for so long, is not taken for a dead one.
    pub(crate) fn max_poll_interval_default(&self) -> Duration {
        (self.task_timeout + POLL_MARGIN).min(MAX_POLL_INTERVAL_MAX)
    }
}

fn clients(config: &StreamsConfig) -> Result<ClientProperties> {
    // Checked here although it is only passed on: an empty list waits for ever.
    text(config, "bootstrap.servers")?;
    text(config, "processing.guarantee")?;
    text(config, "log.format")?;
    ClientProperties::of(config)
}

/// Settings of a member that the broker has under `group.protocol=consumer`.
const BROKERS_OWN: [&str; 2] = ["session.timeout.ms", "heartbeat.interval.ms"];

fn group_protocol(config: &StreamsConfig) -> Result<GroupProtocol> {
    if text(config, "group.protocol")? == "classic" {
        return Ok(GroupProtocol::Classic);
    }
    let name = |key: &str| BROKERS_OWN.into_iter().find(|own| key.ends_with(own));
    match config.iter().find_map(|(key, _, source)| Some((name(key)?, source))) {
        None => Ok(GroupProtocol::Consumer),
        Some((name, source)) => Err(Error::config(format!(
            "setting `{name}` (from {source}) is the group's on the broker under \
             group.protocol=consumer: leave it out here, and set group.consumer.{name} there"
        ))),
    }
}

fn application_id(config: &StreamsConfig) -> Result<String> {
    let id = text(config, "application.id")?;
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if id.len() > APPLICATION_ID_LEN_MAX || !id.chars().all(legal) || id.starts_with('.') {
        return Err(Error::config(format!(
            "setting application.id: `{id}` may have only letters, digits, `.`, `_` and `-`, must \
             not begin with `.`, and has at most {APPLICATION_ID_LEN_MAX} characters"
        )));
    }
    Ok(id)
}

fn deserialization_handler(config: &StreamsConfig) -> Result<DeserializationHandler> {
    let handler = text(config, "deserialization.exception.handler")?;
    let goes_on = handler == "continue" || handler.ends_with("LogAndContinueExceptionHandler");
    Ok(if goes_on { DeserializationHandler::Continue } else { DeserializationHandler::Fail })
}

/// Returns a value that is not empty and, where only some words are allowed, one of them.
pub(super) fn text(config: &StreamsConfig, name: &str) -> Result<String> {
    let Some((value, source)) = config.get(name) else {
        return Err(Error::config(format!("setting {name} is missing")));
    };
    let value = value.trim();
    let words = match kind(name) {
        Kind::Choice(words) => words,
        _ => &[],
    };
    if value.is_empty() {
        return Err(Error::config(format!("setting {name} is empty (from {source})")));
    }
    if !words.is_empty() && !words.contains(&value) {
        let words = words.join(", ");
        return Err(Error::config(format!(
            "setting {name}: `{value}` is none of {words} (from {source})"
        )));
    }
    Ok(value.to_owned())
}

fn number(config: &StreamsConfig, name: &str) -> Result<i64> {
    let value = text(config, name)?;
    let (unit, min, max) = match kind(name) {
        Kind::Millis(min, max) => ("milliseconds", min, max),
        Kind::Bytes(min, max) => ("bytes", min, max),
        Kind::Count(min, max) => ("things", min, max),
        Kind::Text | Kind::Secret | Kind::Path | Kind::Ratio | Kind::Choice(_) => {
            ("", i64::MIN, i64::MAX)
        }
    };
    let number = value.parse::<i64>().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| {
        let source = config.get(name).map_or(super::Source::Default, |(_, source)| source);
        Error::config(format!(
            "setting {name}: `{value}` is not a whole number of {unit} from {min} to {max} (from \
             {source})"
        ))
    })
}

fn ratio(config: &StreamsConfig, name: &str) -> Result<f64> {
    let value = text(config, name)?;
    let ratio = value.parse::<f64>().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| {
        let source = config.get(name).map_or(super::Source::Default, |(_, source)| source);
        Error::config(format!("setting {name}: `{value}` is no number from 0 to 1 (from {source})"))
    })
}

/// Returns a value that need not be set.
fn optional<T>(
    config: &StreamsConfig,
    name: &str,
    read: impl Fn(&StreamsConfig, &str) -> Result<T>,
) -> Result<Option<T>> {
    config.get(name).map(|_| read(config, name)).transpose()
}

pub(super) fn millis(config: &StreamsConfig, name: &str) -> Result<Duration> {
    let millis = number(config, name)?;
    Ok(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
}

pub(super) fn bytes(config: &StreamsConfig, name: &str) -> Result<usize> {
    Ok(usize::try_from(number(config, name)?).unwrap_or(0))
}

fn kind(name: &str) -> Kind {
    let setting = SETTINGS.iter().find(|setting| setting.name == name);
    setting.map_or(Kind::Text, |setting| setting.kind)
}
