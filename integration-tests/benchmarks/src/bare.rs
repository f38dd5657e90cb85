//! The same work with nothing but clients: what the engine is measured against.

use std::collections::HashMap;
use std::time::Duration;

use integration_tests::{Deadline, clients};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::case::Work;
use crate::input::PARTITIONS;
use crate::measure::{LIMIT, tell_half};

const POLL: Duration = Duration::from_millis(100);
/// `flush` would wait in steps of 100 ms.
const DRAIN: Duration = Duration::from_millis(1);

/// Reads each record and writes it to another topic.
pub(crate) fn copy(work: &Work) {
    let output = work.output();
    let producer = producer(work);
    for_each(work, &work.input, |record| {
        write(&producer, &output, record.key(), record.payload().unwrap_or_default());
    });
    drain(&producer);
}

/// Counts by key in a hash map, and writes the count to two topics for each record.
pub(crate) fn count(work: &Work, then: impl FnOnce()) {
    let (changelog, output) = (work.changelog(), work.output());
    let producer = producer(work);
    let mut counts: HashMap<Vec<u8>, i64> = HashMap::new();
    let _idle = for_each(work, &work.input, |record| {
        let key = record.key().unwrap_or_default();
        let count = match counts.get_mut(key) {
            Some(count) => count,
            None => counts.entry(key.to_vec()).or_default(),
        };
        *count += 1;
        let count = count.to_be_bytes();
        write(&producer, &changelog, Some(key), &count);
        write(&producer, &output, Some(key), &count);
    });
    drain(&producer);
    then();
}

/// Reads a changelog into a hash map.
pub(crate) fn restore(work: &Work) {
    let mut rows: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
    for_each(work, &work.changelog(), |record| {
        let (key, value) = (record.key().unwrap_or_default(), record.payload().unwrap_or_default());
        match rows.get_mut(key) {
            Some(row) => value.clone_into(row),
            None => drop(rows.insert(key.to_vec(), value.to_vec())),
        }
    });
}

/// As the engine's producer: idempotent, with the same batches.
fn producer(work: &Work) -> BaseProducer {
    let settings = [
        ("enable.idempotence", "true"),
        ("partitioner", "murmur2_random"),
        ("linger.ms", "5"),
        ("queue.buffering.max.messages", "100000"),
        ("queue.buffering.max.kbytes", "32768"),
    ];
    clients::producer(&work.bootstrap, &settings)
}

fn consumer(work: &Work, topic: &str) -> BaseConsumer {
    let settings = [("fetch.queue.backoff.ms", "5"), ("queued.max.messages.kbytes", "16384")];
    let consumer = clients::consumer(&work.bootstrap, None, &settings);
    let mut partitions = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        let added = partitions.add_partition_offset(topic, partition, Offset::Beginning);
        added.expect("the beginning is an offset");
    }
    consumer.assign(&partitions).expect("partitions can be assigned");
    consumer
}

/// Returns the consumer, which may be kept to see what it costs while nothing comes.
fn for_each(work: &Work, topic: &str, mut act: impl FnMut(&BorrowedMessage<'_>)) -> BaseConsumer {
    let consumer = consumer(work, topic);
    let deadline = Deadline::after(LIMIT);
    let mut done = 0;
    while done < work.records {
        match consumer.poll(POLL) {
            Some(record) => {
                act(&record.expect("the input can be read"));
                done += 1;
                if done == work.records / 2 {
                    tell_half(done);
                }
            }
            None => deadline.check("the rest of the input"),
        }
    }
    consumer
}

fn write(producer: &BaseProducer, topic: &str, key: Option<&[u8]>, value: &[u8]) {
    let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic).payload(value);
    record.key = key;
    clients::send(producer, record);
}

fn drain(producer: &BaseProducer) {
    let deadline = Deadline::after(LIMIT);
    while producer.in_flight_count() > 0 {
        producer.poll(DRAIN);
        deadline.check("the acknowledgements");
    }
}
