//! Every setting of the library, declared once: name, default, range and what it does.

/// A setting as declared.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name, Kafka's where Kafka has it.
    pub name: &'static str,
    /// Its default; none if it must be set or is off.
    pub default: Option<&'static str>,
    /// What its values are.
    pub kind: Kind,
    /// What it does.
    pub doc: &'static str,
}

/// What the values of a setting are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text but none.
    Text,
    /// A text that is not shown; it may be in a file of its own, `<name>.file`.
    Secret,
    /// A path.
    Path,
    /// Whole milliseconds within bounds, both included.
    Millis(i64, i64),
    /// Whole bytes within bounds, both included.
    Bytes(i64, i64),
    /// A whole number within bounds, both included.
    Count(i64, i64),
    /// A share, from 0 to 1.
    Ratio,
    /// One of these words.
    Choice(&'static [&'static str]),
}

const DAY_MS: i64 = 86_400_000;
/// A bound against slips of the keyboard rather than a limit of the engine.
const CENTURY_MS: i64 = 36_525 * DAY_MS;
/// Yes and no.
const BOOL: &[&str] = &["true", "false"];
/// How subjects are named, by Confluent's short and long names.
const STRATEGIES: &[&str] = &[
    "TopicNameStrategy",
    "RecordNameStrategy",
    "TopicRecordNameStrategy",
    "io.confluent.kafka.serializers.subject.TopicNameStrategy",
    "io.confluent.kafka.serializers.subject.RecordNameStrategy",
    "io.confluent.kafka.serializers.subject.TopicRecordNameStrategy",
];
const MIB: i64 = 1 << 20;
const TIB: i64 = 1 << 40;

const fn setting(
    name: &'static str,
    default: Option<&'static str>,
    kind: Kind,
    doc: &'static str,
) -> Setting {
    Setting { name, default, kind, doc }
}

/// Returns whether a setting of this name is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.name == name && setting.kind == Kind::Secret)
}

/// The settings, by name.
pub const SETTINGS: &[Setting] = &[
    setting(
        "application.id",
        None,
        Kind::Text,
        "name of the application: its consumer group, the prefix of its internal topics, its state \
         directory; letters, digits, `.`, `_` and `-`",
    ),
    setting(
        "auto.register.schemas",
        Some("false"),
        Kind::Choice(BOOL),
        "whether schemas that are not registered are registered as soon as a topic is written; off, \
         they are looked up, and one that is missing is an error",
    ),
    setting(
        "bootstrap.servers",
        Some("localhost:9092"),
        Kind::Text,
        "brokers to ask first, as host:port, separated by commas",
    ),
    setting(
        "commit.interval.ms",
        Some("30000"),
        Kind::Millis(1, DAY_MS),
        "how often progress is committed; caches are flushed, and with them results sent, as often",
    ),
    setting(
        "default.dsl.store",
        Some("rocksdb"),
        Kind::Choice(&["rocksdb", "in_memory", "rocksDB"]),
        "where stores keep their rows unless they say otherwise",
    ),
    setting(
        "deserialization.exception.handler",
        Some("fail"),
        Kind::Choice(&[
            "fail",
            "continue",
            "org.apache.kafka.streams.errors.LogAndFailExceptionHandler",
            "org.apache.kafka.streams.errors.LogAndContinueExceptionHandler",
        ]),
        "what happens to a record that cannot be decoded: `fail` stops at it and loses nothing, \
         `continue` skips, counts and logs it",
    ),
    setting(
        "group.protocol",
        Some("classic"),
        Kind::Choice(&["classic", "consumer"]),
        "how instances share out the tasks: `classic` by one of them, on any broker; `consumer` by the \
         broker (KIP-848, Kafka 4.0 or later), which then has the session's and the heartbeats' times",
    ),
    setting(
        "health.ready.restore.deadline.ms",
        Some("600000"),
        Kind::Millis(0, DAY_MS),
        "how long a restore keeps an instance from being ready: after that a rollout goes on",
    ),
    setting(
        "health.ready.restore.records.max",
        Some("10000"),
        Kind::Count(0, i64::MAX),
        "an instance that has so many records or fewer to restore, per thread, is ready; 0 asks for all \
         to be restored",
    ),
    setting(
        "http.bearer.token",
        None,
        Kind::Secret,
        "what a request must bring as `Authorization: Bearer ...`, but for probes; 16 characters or more; \
         none asks for nothing",
    ),
    setting(
        "http.connections.max",
        Some("256"),
        Kind::Count(1, 65_536),
        "connections at a time; one more closes the one that has been silent for longest",
    ),
    setting(
        "http.header.timeout.ms",
        Some("10000"),
        Kind::Millis(10, DAY_MS),
        "how long a connection may take to begin and complete the head of its next request (and the \
         handshake of TLS) before it is closed",
    ),
    setting(
        "http.listen",
        Some("127.0.0.1:8080"),
        Kind::Text,
        "where probes, metrics and the topology are answered over HTTP, as host:port (port 0 is a free \
         one), or `off`; where nobody has set it and the port is taken, a free one is used",
    ),
    setting(
        "http.request.timeout.ms",
        Some("10000"),
        Kind::Millis(10, DAY_MS),
        "how long an answer may take to be made; then it is 503",
    ),
    setting(
        "http.requests.per.second.max",
        Some("50"),
        Kind::Count(1, 1_000_000),
        "requests that are answered in a second, of all clients together; more get 429. Probes are not \
         counted",
    ),
    setting(
        "http.tls.certificate.file",
        None,
        Kind::Path,
        "certificate (chain) of the HTTP surface, in PEM; with it and its key only TLS is spoken",
    ),
    setting("http.tls.key.file", None, Kind::Path, "private key of that certificate, in PEM"),
    setting(
        "input.buffer.max.bytes",
        Some("67108864"),
        Kind::Bytes(MIB, TIB),
        "memory for records fetched and not yet processed, of all threads together; a partition that \
         has its share is not read until it has room",
    ),
    setting(
        "input.check.interval.ms",
        Some("60000"),
        Kind::Millis(100, DAY_MS),
        "how often is looked whether the inputs have as many partitions as at the start; an application \
         whose inputs have changed stops",
    ),
    setting(
        "key.subject.name.strategy",
        Some("TopicNameStrategy"),
        Kind::Choice(STRATEGIES),
        "the subject of a topic's keys: `<topic>-key`, the record's name, or `<topic>-<record's name>`",
    ),
    setting(
        "log.format",
        Some("pretty"),
        Kind::Choice(&["pretty", "json"]),
        "how the log on standard error is written: for people, or one JSON object a line",
    ),
    setting(
        "max.partition.skew.ms",
        None,
        Kind::Millis(0, CENTURY_MS),
        "how far, in event time, an external input partition may run ahead of the slowest one of the \
         same thread; off by default",
    ),
    setting(
        "max.task.idle.ms",
        Some("0"),
        Kind::Millis(-1, DAY_MS),
        "how long a task waits for records of an empty input that is read to its end, before it goes \
         on with the others; -1 never waits, not even for records that are on the broker",
    ),
    setting(
        "metrics.recording.level",
        Some("info"),
        Kind::Choice(&["off", "info", "debug", "trace", "INFO", "DEBUG", "TRACE"]),
        "which metrics are recorded; `debug` measures each read of a store below its cache",
    ),
    setting("num.stream.threads", Some("1"), Kind::Count(1, 256), "threads that process records"),
    setting(
        "offset.recommit.interval.ms",
        Some("43200000"),
        Kind::Millis(1_000, DAY_MS),
        "how often offsets that have not moved are committed again, since brokers forget those of a \
         quiet topic after `offsets.retention.minutes`",
    ),
    setting(
        "poll.ms",
        Some("100"),
        Kind::Millis(1, 60_000),
        "the longest time a thread with nothing to do waits before it looks around",
    ),
    setting(
        "processing.guarantee",
        Some("at_least_once"),
        Kind::Choice(&["at_least_once"]),
        "what a crash may do to results; at_least_once may count a record twice",
    ),
    setting(
        "repartition.purge.interval.ms",
        Some("30000"),
        Kind::Millis(1, CENTURY_MS),
        "how often records of repartition topics that were processed are deleted",
    ),
    setting(
        "replication.factor",
        Some("-1"),
        Kind::Count(-1, 32_767),
        "copies of each topic the application creates; -1 is the broker's default",
    ),
    setting(
        "rocksdb.block.cache.bytes",
        Some("67108864"),
        Kind::Bytes(MIB, TIB),
        "memory for blocks read from disk, of all stores of the process together",
    ),
    setting(
        "rocksdb.write.buffer.bytes",
        Some("134217728"),
        Kind::Bytes(MIB, TIB),
        "memory for rows not yet written to disk, of all stores of the process together",
    ),
    setting(
        "schema.registry.basic.auth.user.info",
        None,
        Kind::Text,
        "user and password for the schema registry, as user:password; a secret",
    ),
    setting(
        "schema.registry.bearer.auth.token",
        None,
        Kind::Text,
        "token for the schema registry; a secret",
    ),
    setting(
        "schema.registry.cache.max",
        Some("1000"),
        Kind::Count(1, 100_000),
        "schemas of records that are kept; beyond, those not used for longest are asked for again",
    ),
    setting(
        "schema.registry.request.timeout.ms",
        Some("10000"),
        Kind::Millis(10, 600_000),
        "how long the schema registry may take for one answer; it is asked again, more and more slowly, \
         where that may help",
    ),
    setting(
        "schema.registry.ssl.ca.location",
        None,
        Kind::Path,
        "file of the certificates (PEM) that sign the schema registry's; the system's unless set",
    ),
    setting(
        "schema.registry.ssl.certificate.location",
        None,
        Kind::Path,
        "file of the certificate (PEM) shown to the schema registry",
    ),
    setting(
        "schema.registry.ssl.key.location",
        None,
        Kind::Path,
        "file of the private key (PEM) of the certificate shown to the schema registry",
    ),
    setting(
        "schema.registry.url",
        None,
        Kind::Text,
        "the schema registry, as http://host:port or https://host:port; several, separated by commas, \
         are asked in turn; also read from the environment variable `SCHEMA_REGISTRY_URL`",
    ),
    setting(
        "state.dir",
        Some("/tmp/kappa-streams"),
        Kind::Path,
        "directory of local state; each application has one of its own in it",
    ),
    setting(
        "state.flush.interval.ms",
        Some("60000"),
        Kind::Millis(1_000, DAY_MS),
        "how often rows are written to disk even if memory has room, so that little is restored from \
         the changelog after a crash",
    ),
    setting(
        "statestore.cache.max.bytes",
        Some("10485760"),
        Kind::Bytes(0, TIB),
        "memory of the stores' write-back caches, of all threads together; 0 switches caching off: \
         every update is then sent",
    ),
    setting(
        "statestore.uncommitted.max.bytes",
        Some("67108864"),
        Kind::Bytes(-1, TIB),
        "bytes of flushed rows that may wait for a commit, of all threads together, before it comes \
         early; -1 is no limit",
    ),
    setting(
        "task.timeout.ms",
        Some("300000"),
        Kind::Millis(0, DAY_MS),
        "how long a start, a restore, a commit or a record that lacks its schema waits before the \
         application gives up; a running member that its group has removed waits for Kafka without an end",
    ),
    setting(
        "traces.keys",
        Some("false"),
        Kind::Choice(&["true", "false"]),
        "whether spans have their records' keys, where those are text; keys may be personal data",
    ),
    setting(
        "traces.sampler",
        None,
        Kind::Choice(&[
            "always_on",
            "always_off",
            "traceidratio",
            "parentbased_always_on",
            "parentbased_always_off",
            "parentbased_traceidratio",
        ]),
        "which records are traced, where a collector is named; by default as `OTEL_TRACES_SAMPLER` says, \
         else parentbased_traceidratio: those whose writers have them sampled, and of others the ratio",
    ),
    setting(
        "traces.sampler.ratio",
        None,
        Kind::Ratio,
        "the share of records without a context that begin a trace; by default as \
         `OTEL_TRACES_SAMPLER_ARG` says, else 0",
    ),
    setting(
        "use.latest.version",
        Some("false"),
        Kind::Choice(BOOL),
        "whether records name the latest version of their subject instead of the one that has exactly \
         the program's schema; it must write the same bytes",
    ),
    setting(
        "value.subject.name.strategy",
        Some("TopicNameStrategy"),
        Kind::Choice(STRATEGIES),
        "the subject of a topic's values: `<topic>-value`, the record's name, or \
         `<topic>-<record's name>`",
    ),
    setting(
        "windowstore.changelog.additional.retention.ms",
        Some("86400000"),
        Kind::Millis(0, CENTURY_MS),
        "how much longer than a window store its changelog keeps windows; Kafka measures their age by \
         its own clock, so applications over old data need as much as the data is old",
    ),
];
