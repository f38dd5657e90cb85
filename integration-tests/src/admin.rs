//! Administering topics and groups, for tests that need some.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;

use crate::clients;
use crate::waiting::{Deadline, block_on, eventually};

/// An admin client with its usual options.
pub type Admin = AdminClient<DefaultClientContext>;

/// Keeps records whatever their time: a real Kafka deletes what is older than a week by its own
/// timestamp, within seconds.
pub const FOREVER: (&str, &str) = ("retention.ms", "-1");

/// Makes an admin client.
///
/// # Panics
///
/// If librdkafka refuses.
#[must_use]
pub fn client(bootstrap: &str) -> Admin {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config.create().expect("an admin client")
}

/// Returns the options with which all requests here are sent.
#[must_use]
pub fn options() -> AdminOptions {
    let timeout = Some(Duration::from_secs(20));
    AdminOptions::new().request_timeout(timeout).operation_timeout(timeout)
}

/// Tries to create one topic.
///
/// # Errors
///
/// With the broker's error code.
///
/// # Panics
///
/// If the request itself fails.
pub fn try_create_topic(
    admin: &Admin,
    name: &str,
    partitions: i32,
    settings: &[(&str, &str)],
) -> Result<(), RDKafkaErrorCode> {
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let topic = settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value));
    let results = block_on(admin.create_topics([&topic], &options()));
    let mut results = results.expect("the create request is answered");
    let result = results.pop().expect("one result for one topic");
    result.map(|_name| ()).map_err(|(_name, code)| code)
}

/// Creates a topic and waits until clients are told of it.
///
/// # Panics
///
/// If that fails.
pub fn create_topic(bootstrap: &str, name: &str, partitions: i32, settings: &[(&str, &str)]) {
    let admin = client(bootstrap);
    try_create_topic(&admin, name, partitions, settings).expect("the topic is created");
    wait_for_partitions(bootstrap, name, usize::try_from(partitions).unwrap_or(0));
}

/// Waits until clients are told of so many partitions: a real Kafka takes a moment.
///
/// # Panics
///
/// If that does not come about.
pub fn wait_for_partitions(bootstrap: &str, topic: &str, count: usize) {
    let consumer = clients::consumer(bootstrap, None, &[]);
    eventually("the topic's metadata", Deadline::seconds(20), || {
        let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10)).ok()?;
        let [topic] = metadata.topics() else { return None };
        let all_led = topic.partitions().iter().all(|it| it.error().is_none() && it.leader() >= 0);
        (topic.error().is_none() && topic.partitions().len() == count && all_led).then_some(())
    });
}
