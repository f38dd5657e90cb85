//! What can be set on a broker: every setting with its default, unit and reason.

/// The settings of a broker's core.
///
/// Where Kafka has a setting of the same meaning, its name is given. Limits that Kafka does not
/// have keep a runaway test from taking the machine with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerConfig {
    /// The host that clients are told to connect to.
    pub host: String,
    /// The port that clients are told to connect to.
    pub port: u16,
    /// What the cluster id, topic ids and member ids are made from: two brokers that differ here
    /// never hand out the same member id.
    pub seed: u64,
    /// `auto.create.topics.enable`: whether asking for the metadata of an unknown topic creates it.
    /// Off, unlike Kafka's default: a misspelt topic name should fail.
    pub auto_create_topics: bool,
    /// `num.partitions`: partitions of a topic whose creator leaves the number open.
    pub default_partitions: i32,
    /// Partitions of all topics together; creating more is refused, and so is a request to create
    /// more topics than that.
    pub partitions_max: usize,
    /// Bytes of memory that records may take over all topics, 256 for each batch included; more is
    /// refused as a full disk would be, and the log says so once.
    pub log_bytes_max: u64,
    /// `fetch.max.bytes`: records in one response, whatever the client asks for; one batch comes in
    /// any case. A response above 256 MiB closes its connection instead.
    pub fetch_bytes_max: usize,
    /// Idempotent producers remembered per partition; beyond it the one silent for longest goes.
    pub producers_per_partition_max: usize,
    /// `producer.id.expiration.ms`: how long a silent idempotent producer is remembered.
    pub producer_expiration_ms: i64,
    /// `log.retention.check.interval.ms`: how often records are looked for that are too old or too
    /// many.
    pub retention_check_ms: i64,
    /// `log.cleaner.backoff.ms`: how long the cleaner waits when it has found nothing to clean.
    pub cleaner_backoff_ms: i64,
    /// `log.cleaner.dedupe.buffer.size`: bytes that the keys of one cleaning may take; if there are
    /// more keys, the rest of the log is left for the next.
    pub cleaner_keys_bytes_max: usize,
    /// The consumer groups' settings.
    pub groups: GroupConfig,
    /// The transactions' settings.
    pub transactions: TransactionConfig,
}

/// The settings of consumer groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupConfig {
    /// `group.initial.rebalance.delay.ms`: how long the first join of an empty group waits for
    /// others, so that members started together share one rebalance. Kafka: 3 s; here tests wait.
    pub initial_rebalance_delay_ms: i32,
    /// `group.min.session.timeout.ms`. Kafka: 6 s; here tests want members to expire soon.
    pub session_timeout_min_ms: i32,
    /// `group.max.session.timeout.ms`.
    pub session_timeout_max_ms: i32,
    /// `group.consumer.session.timeout.ms`: of members of the consumer group protocol, whom the
    /// broker tells it.
    pub consumer_session_timeout_ms: i32,
    /// `group.consumer.heartbeat.interval.ms`: how often those members are to send a heartbeat.
    /// They hear of changes by their heartbeats alone, so tests may want it shorter.
    pub consumer_heartbeat_interval_ms: i32,
    /// How long a new member may wait in a join before it is taken for gone (fixed in Kafka too).
    pub new_member_timeout_ms: i32,
    /// `group.max.size`: members of one group, those that have only been given an id included.
    pub members_max: usize,
    /// Groups altogether. Beyond it one without members goes: without offsets if there is such a
    /// one, else the one that nobody had to do with for longest.
    pub groups_max: usize,
    /// Bytes of subscriptions that a member may come with, over all the strategies it offers.
    pub member_metadata_bytes_max: usize,
    /// `offset.metadata.max.bytes`: the text that may go with a committed offset.
    pub offset_metadata_bytes_max: usize,
}

/// The settings of transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionConfig {
    /// `transaction.max.timeout.ms`: the longest time that a producer may ask for. When it is over,
    /// an open transaction is aborted; Kafka looks only every ten seconds.
    pub timeout_max_ms: i64,
    /// Transactional ids altogether. Beyond it the one goes that nobody had to do with for longest.
    pub ids_max: usize,
    /// `transactional.id.expiration.ms`: how long an id is remembered after its last transaction.
    pub id_expiration_ms: i64,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 9092,
            seed: 0,
            auto_create_topics: false,
            default_partitions: 1,
            partitions_max: 10_000,
            log_bytes_max: 4 << 30,
            fetch_bytes_max: 55 << 20,
            producers_per_partition_max: 10_000,
            producer_expiration_ms: 86_400_000,
            retention_check_ms: 300_000,
            cleaner_backoff_ms: 15_000,
            cleaner_keys_bytes_max: 128 << 20,
            groups: GroupConfig::default(),
            transactions: TransactionConfig::default(),
        }
    }
}

impl Default for TransactionConfig {
    fn default() -> Self {
        Self { timeout_max_ms: 900_000, ids_max: 10_000, id_expiration_ms: 604_800_000 }
    }
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            initial_rebalance_delay_ms: 50,
            session_timeout_min_ms: 100,
            session_timeout_max_ms: 1_800_000,
            consumer_session_timeout_ms: 45_000,
            consumer_heartbeat_interval_ms: 5_000,
            new_member_timeout_ms: 300_000,
            members_max: 1_000,
            groups_max: 10_000,
            member_metadata_bytes_max: 1 << 20,
            offset_metadata_bytes_max: 4_096,
        }
    }
}
