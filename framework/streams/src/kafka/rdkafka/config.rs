//! What the clients are told, with the reason where it is not librdkafka's default.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use crate::config::{GroupProtocol, Settings};
use crate::kafka::ConsumerRole;
use crate::time::millis;

/// Fetch at least this much ahead for a partition, in KiB, however small the memory setting is.
const QUEUED_KIB_MIN: usize = 256;
/// And this many records.
const QUEUED_RECORDS_MIN: usize = 1_000;
const KIB: usize = 1 << 10;
/// What librdkafka allocates for a record that waits, beside the record's own bytes; its limits in KiB
/// count the record's only.
const RECORD_OVERHEAD: usize = 400;
/// What waits to be sent: as much as the JVM client's `buffer.memory`, and with at most this many records
/// the overhead is about as much again. More makes nothing faster.
const PRODUCER_KIB: &str = "32768";
const PRODUCER_RECORDS: &str = "100000";
/// However little patience there is, a record gets a chance.
const MESSAGE_TIMEOUT_MIN: Duration = Duration::from_secs(10);

/// Returns the settings of a consumer.
pub(super) fn consumer(
    settings: &Settings,
    group: &str,
    role: ConsumerRole,
    partitions: usize,
) -> ClientConfig {
    // Half of the input memory is librdkafka's, the other half the tasks' record queues'. Of its half
    // one part is for the bytes of records, one for what it adds to each: small ones cost more than that.
    let share = settings.input_buffer_bytes_max / 2 / settings.threads / partitions;
    let queued_kib = (share / 2 / KIB).max(QUEUED_KIB_MIN).to_string();
    let queued_records = (share / 2 / RECORD_OVERHEAD).max(QUEUED_RECORDS_MIN).to_string();
    let (prefix, who) = match role {
        ConsumerRole::Main(thread) => ("main.consumer.", format!("consumer-{thread}")),
        ConsumerRole::Restore(thread) => ("restore.consumer.", format!("restore-{thread}")),
        ConsumerRole::Global => ("global.consumer.", "global".to_owned()),
        ConsumerRole::Bounded => ("consumer.", "bounded".to_owned()),
    };
    let max_poll_interval = millis(settings.max_poll_interval_default());
    let mut config = common(&[
        ("client.id", &format!("{group}-{who}")),
        // Half a second less to wait for the news that an empty partition is read to its end.
        ("fetch.wait.max.ms", "100"),
        // A consumer that outruns its fetch queue would otherwise sleep a second at a time.
        ("fetch.queue.backoff.ms", "5"),
        ("queued.max.messages.kbytes", &queued_kib),
        ("queued.min.messages", &queued_records),
        ("allow.auto.create.topics", "false"),
        // As the JVM library: what was never read is read from the start.
        ("auto.offset.reset", "earliest"),
        ("max.poll.interval.ms", &max_poll_interval.to_string()),
    ]);
    if settings.group_protocol == GroupProtocol::Classic {
        // A dynamic member that was killed blocks the others no longer than this.
        config.set("session.timeout.ms", "10000");
    }
    apply(&mut config, settings.clients.for_client(&["consumer.", prefix]));
    if !matches!(role, ConsumerRole::Main(_)) {
        // What is gone must be told: a reader that jumps ahead would take a part for the whole.
        config.set("auto.offset.reset", "error");
    }
    if let ConsumerRole::Main(thread) = role
        && let Some(instance) = config.get("group.instance.id").map(|id| format!("{id}-{thread}"))
    {
        config.set("group.instance.id", instance);
    }
    // Of these the engine's correctness is made; they cannot be set.
    config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true");
    // Tasks move one at a time; the others never stop.
    match (role, settings.group_protocol) {
        (ConsumerRole::Main(_), GroupProtocol::Consumer) => {
            config.set("group.protocol", "consumer");
        }
        _ => {
            config.set("partition.assignment.strategy", "cooperative-sticky");
        }
    }
    config
}

/// Returns the settings of a stream thread's producer.
pub(super) fn producer(settings: &Settings, group: &str, thread: usize) -> ClientConfig {
    let message_timeout = millis(settings.task_timeout.max(MESSAGE_TIMEOUT_MIN)).to_string();
    let mut config = common(&[
        ("client.id", &format!("{group}-producer-{thread}")),
        // A record that is given up is the end of its thread: so not before Kafka is.
        ("message.timeout.ms", &message_timeout),
        // Records come in runs, so batches fill without waiting; a commit waits for what lingers.
        ("linger.ms", "5"),
        ("queue.buffering.max.messages", PRODUCER_RECORDS),
        ("queue.buffering.max.kbytes", PRODUCER_KIB),
    ]);
    apply(&mut config, settings.clients.for_client(&["producer."]));
    // Only this partitions records without a key as the Java client does; those with one come with
    // their partition.
    config.set("enable.idempotence", "true").set("partitioner", "murmur2_random");
    config
}

/// Returns the settings of an administrator.
pub(super) fn admin(settings: &Settings, group: &str) -> ClientConfig {
    let mut config = common(&[("client.id", &format!("{group}-admin"))]);
    apply(&mut config, settings.clients.for_client(&["admin."]));
    // Ends are asked for as those see them who read up to them.
    if let Some(level) = settings.clients.for_client(&["consumer."]).remove("isolation.level") {
        config.set("isolation.level", level);
    }
    config
}

fn common(defaults: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set_log_level(RDKafkaLogLevel::Info);
    for (name, value) in defaults {
        config.set(*name, *value);
    }
    config
}

fn apply(config: &mut ClientConfig, settings: BTreeMap<String, String>) {
    for (name, value) in settings {
        config.set(name, value);
    }
    // Nobody reads them, and what nobody reads piles up in the client's queue.
    config.set("statistics.interval.ms", "0");
    if config.get("bootstrap.servers").is_none() {
        config.set("bootstrap.servers", "localhost:9092");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StreamsConfig;

    fn settings(given: &[(&str, &str)]) -> Settings {
        let config = given.iter().fold(StreamsConfig::new("app"), |config, (name, value)| {
            config.with_argument(name, value).unwrap()
        });
        config.resolve().unwrap()
    }

    #[test]
    fn the_users_settings_win_but_for_what_correctness_needs() {
        let settings = settings(&[
            ("consumer.fetch.wait.max.ms", "10"),
            ("group.instance.id", "pod-1"),
            ("producer.linger.ms", "0"),
            ("consumer.auto.offset.reset", "latest"),
        ]);
        let main = consumer(&settings, "app", ConsumerRole::Main(2), 4);
        assert_eq!(main.get("fetch.wait.max.ms"), Some("10"));
        assert_eq!(main.get("group.instance.id"), Some("pod-1-2"));
        assert_eq!(main.get("auto.offset.reset"), Some("latest"));
        assert_eq!(main.get("queued.max.messages.kbytes"), Some("4096"), "half of a share");
        assert_eq!(main.get("queued.min.messages"), Some("10485"), "the other half");
        let restore = consumer(&settings, "app", ConsumerRole::Restore(2), 4);
        assert_eq!(restore.get("auto.offset.reset"), Some("error"), "never to jump ahead");
        assert_eq!(restore.get("group.instance.id"), None);
        let producer = producer(&settings, "app", 0);
        assert_eq!(producer.get("linger.ms"), Some("0"));
        assert_eq!(producer.get("enable.idempotence"), Some("true"));
    }
}
