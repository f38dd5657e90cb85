//! Offsets by time, watermarks, and deleting the beginning of a log.

use std::time::Duration;

use integration_tests::admin::{self, FOREVER, create_topic, options};
use integration_tests::clients::{assign_from_start, consumer, drain, producer, read, send, value};
use integration_tests::{block_on, unique};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

const WAIT: Duration = Duration::from_secs(20);

crate::checks! {
    watermarks_are_right_after_the_last_acknowledgement,
    offsets_are_found_by_time,
    deleted_records_are_gone,
    a_reader_behind_the_beginning_starts_over,
}

fn fill(producer: &BaseProducer, topic: &str, count: i64) {
    for i in 0..count {
        let payload = format!("{i}");
        let record = BaseRecord::<(), _>::to(topic).payload(&payload);
        send(producer, record.timestamp(1_000 * (i + 1)).partition(0));
    }
    drain(producer);
}

fn watermarks_are_right_after_the_last_acknowledgement(bootstrap: &str) {
    let topic = unique("watermarks");
    create_topic(bootstrap, &topic, 1, &[FOREVER]);
    let consumer = consumer(bootstrap, None, &[]);
    assert_eq!(consumer.fetch_watermarks(&topic, 0, WAIT).unwrap(), (0, 0));
    let producer = producer(bootstrap, &[]);
    for round in 1..=10 {
        fill(&producer, &topic, 1_000);
        assert_eq!(consumer.fetch_watermarks(&topic, 0, WAIT).unwrap(), (0, 1_000 * round));
    }
}

fn offset_at(consumer: &BaseConsumer, topic: &str, time: i64) -> Offset {
    let mut times = TopicPartitionList::new();
    times.add_partition_offset(topic, 0, Offset::Offset(time)).unwrap();
    let found = consumer.offsets_for_times(times, WAIT).unwrap();
    found.find_partition(topic, 0).unwrap().offset()
}

fn offsets_are_found_by_time(bootstrap: &str) {
    for codec in ["none", "lz4", "snappy", "gzip"] {
        let topic = unique("times");
        create_topic(bootstrap, &topic, 1, &[FOREVER]);
        // Few batches, so that most of these records are somewhere inside one.
        let settings = [("compression.type", codec), ("linger.ms", "100")];
        fill(&producer(bootstrap, &settings), &topic, 1_000);
        let consumer = consumer(bootstrap, None, &[]);
        for (time, offset) in [(0, 0), (1_000, 0), (1_001, 1), (500_000, 499), (1_000_000, 999)] {
            let found = offset_at(&consumer, &topic, time);
            assert_eq!(found, Offset::Offset(offset), "{codec}, time {time}");
        }
        assert_eq!(offset_at(&consumer, &topic, 1_000_001), Offset::End, "{codec}");
    }
}

fn delete_before(bootstrap: &str, topic: &str, offset: Offset) -> Offset {
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(topic, 0, offset).unwrap();
    let deleted = block_on(admin::client(bootstrap).delete_records(&offsets, &options())).unwrap();
    let deleted = deleted.find_partition(topic, 0).unwrap();
    deleted.error().unwrap();
    deleted.offset()
}

fn deleted_records_are_gone(bootstrap: &str) {
    let topic = unique("cut");
    create_topic(bootstrap, &topic, 1, &[FOREVER]);
    fill(&producer(bootstrap, &[("linger.ms", "100")]), &topic, 100);
    let reader = consumer(bootstrap, None, &[]);
    assert_eq!(delete_before(bootstrap, &topic, Offset::Offset(42)), Offset::Offset(42));
    assert_eq!(reader.fetch_watermarks(&topic, 0, WAIT).unwrap(), (42, 100));
    assert_eq!(offset_at(&reader, &topic, 1_000), Offset::Offset(42));
    assign_from_start(&reader, &topic, 1);
    let records = read(&reader, 58);
    assert_eq!((records[0].offset(), value(&records[0])), (42, Some("42")));
    // Back is not possible, to the end is.
    assert_eq!(delete_before(bootstrap, &topic, Offset::Offset(10)), Offset::Offset(42));
    assert_eq!(delete_before(bootstrap, &topic, Offset::End), Offset::Offset(100));
    assert_eq!(reader.fetch_watermarks(&topic, 0, WAIT).unwrap(), (100, 100));
}

fn a_reader_behind_the_beginning_starts_over(bootstrap: &str) {
    let topic = unique("behind");
    create_topic(bootstrap, &topic, 1, &[FOREVER]);
    fill(&producer(bootstrap, &[]), &topic, 100);
    delete_before(bootstrap, &topic, Offset::Offset(50));
    let reader = consumer(bootstrap, None, &[]);
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(&topic, 0, Offset::Offset(10)).unwrap();
    reader.assign(&assignment).unwrap();
    // `auto.offset.reset` is `earliest`.
    assert_eq!(read(&reader, 1)[0].offset(), 50);
}
