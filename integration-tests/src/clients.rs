//! Stock producers and consumers, with what tests do with them.

use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message, OwnedMessage, ToBytes};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::cluster;
use crate::waiting::Deadline;

/// Makes a producer.
///
/// # Panics
///
/// If librdkafka refuses a setting.
#[must_use]
pub fn producer(bootstrap: &str, settings: &[(&str, &str)]) -> BaseProducer {
    config(bootstrap, settings).create().expect("a producer")
}

/// Makes a consumer, in a group or (without one) for partitions assigned by hand.
///
/// It starts at the beginning where nothing is committed, and commits only when told to.
///
/// # Panics
///
/// If librdkafka refuses a setting.
#[must_use]
pub fn consumer(bootstrap: &str, group: Option<&str>, settings: &[(&str, &str)]) -> BaseConsumer {
    consumer_config(bootstrap, group, settings).create().expect("a consumer")
}

/// Returns the configuration of [`consumer`], for one with a context of its own.
#[must_use]
pub fn consumer_config(
    bootstrap: &str,
    group: Option<&str>,
    settings: &[(&str, &str)],
) -> ClientConfig {
    let mut config = config(bootstrap, &[]);
    config
        // librdkafka wants a name even where there is no group.
        .set("group.id", group.unwrap_or("none"))
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "false")
        .set("fetch.wait.max.ms", "100");
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config
}

fn config(bootstrap: &str, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config
}

/// Sends a record, waiting for room in the producer's queue.
///
/// # Panics
///
/// If the producer refuses it.
pub fn send<K: ToBytes + ?Sized, V: ToBytes + ?Sized>(
    producer: &BaseProducer,
    record: BaseRecord<'_, K, V>,
) {
    let deadline = Deadline::seconds(60);
    let mut record = record;
    while let Err((error, refused)) = producer.send(record) {
        let is_full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
        assert!(error == is_full, "the producer refused a record: {error}");
        deadline.check("room in the producer's queue");
        producer.poll(Duration::from_millis(10));
        record = refused;
    }
}

/// Waits until everything sent is acknowledged.
///
/// Not by `flush`, which works in steps of 100 ms.
///
/// # Panics
///
/// If that takes longer than a minute.
pub fn drain(producer: &BaseProducer) {
    let deadline = Deadline::seconds(60);
    while producer.in_flight_count() > 0 {
        deadline.check("the acknowledgement of all records");
        producer.poll(Duration::from_millis(1));
    }
}

/// Assigns these partitions of a topic from the beginning.
///
/// # Panics
///
/// If librdkafka refuses.
pub fn assign_from_start(consumer: &BaseConsumer, topic: &str, partitions: i32) {
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        let added = assignment.add_partition_offset(topic, partition, Offset::Beginning);
        added.expect("a partition to assign");
    }
    consumer.assign(&assignment).expect("an assignment");
}

/// Returns the next record, if one comes in time.
///
/// That all connections are down librdkafka says for information, and goes on: a real Kafka may drop them.
/// The embedded broker has no reason to, so there it is a failure like others.
///
/// # Panics
///
/// If reading fails.
#[must_use]
pub fn next_record<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    wait: Duration,
) -> Option<BorrowedMessage<'_>> {
    match consumer.poll(wait)? {
        Ok(record) => Some(record),
        Err(KafkaError::MessageConsumption(RDKafkaErrorCode::AllBrokersDown))
            if cluster::given().is_some() =>
        {
            None
        }
        Err(error) => panic!("reading failed: {error}"),
    }
}

/// Reads so many records.
///
/// # Panics
///
/// If reading fails, or they do not come within a minute.
#[expect(clippy::must_use_candidate, reason = "some only want to see the records come")]
pub fn read(consumer: &BaseConsumer, count: usize) -> Vec<OwnedMessage> {
    let deadline = Deadline::seconds(60);
    let mut records = Vec::with_capacity(count);
    while records.len() < count {
        deadline.check(&format!("record {} of {count}", records.len() + 1));
        records.extend(next_record(consumer, Duration::from_millis(100)).map(|it| it.detach()));
    }
    records
}

/// Returns a record's value as text; nothing for a tombstone.
///
/// # Panics
///
/// If it is not text.
#[must_use]
pub fn value(record: &OwnedMessage) -> Option<&str> {
    record.payload().map(|value| std::str::from_utf8(value).expect("text"))
}
