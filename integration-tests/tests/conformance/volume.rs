//! Many records: throughput is printed, completeness is checked.

use std::time::Duration;

use integration_tests::admin::{FOREVER, create_topic};
use integration_tests::clients::{assign_from_start, consumer, drain, next_record, producer, send};
use integration_tests::waiting::timed;
use integration_tests::{Deadline, unique};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::BaseRecord;

const PARTITIONS: i32 = 4;

/// A record as the demo has them.
const FLIGHT: &str = concat!(
    r#"{"id":"2013-01-01-UA-1545-EWR","carrier":"UA","tailnum":"N14228","origin":"EWR","#,
    r#""dest":"IAH","scheduled_at":1357034100000,"departed_at":1357034220000,"dep_delay":2}"#
);

crate::checks! {
    two_hundred_thousand_records_come_back,
    a_hundred_and_twenty_megabytes_come_back,
    a_million_records_take_seconds,
}

/// Reads all records of a topic and hands each to `look`.
fn read_all(consumer: &BaseConsumer, count: usize, mut look: impl FnMut(i32, i64, &[u8])) {
    let deadline = Deadline::seconds(120);
    let mut seen = 0;
    while seen < count {
        if let Some(record) = next_record(consumer, Duration::from_millis(100)) {
            look(record.partition(), record.offset(), record.payload().unwrap());
            seen += 1;
        } else {
            deadline.check(&format!("record {seen} of {count}"));
        }
    }
}

fn two_hundred_thousand_records_come_back(bootstrap: &str) {
    const COUNT: u32 = 200_000;
    let topic = unique("many");
    create_topic(bootstrap, &topic, PARTITIONS, &[FOREVER]);
    let producer = producer(bootstrap, &[]);
    for i in 0..COUNT {
        let (key, payload) = (format!("key-{}", i % 1_000), i.to_be_bytes());
        let headers = OwnedHeaders::new().insert(Header { key: "n", value: Some(&payload) });
        let record = BaseRecord::to(&topic).key(&key).payload(&payload);
        send(&producer, record.headers(headers).timestamp(i64::from(i)));
    }
    drain(&producer);
    let consumer = consumer(bootstrap, None, &[]);
    let ends = (0..PARTITIONS).map(|partition| {
        consumer.fetch_watermarks(&topic, partition, Duration::from_secs(20)).unwrap().1
    });
    assert_eq!(ends.sum::<i64>(), i64::from(COUNT), "right after the last acknowledgement");
    assign_from_start(&consumer, &topic, PARTITIONS);
    let mut next = [0; PARTITIONS as usize];
    let mut sum = 0;
    read_all(&consumer, COUNT as usize, |partition, offset, payload| {
        let next = &mut next[partition as usize];
        assert_eq!(offset, *next, "no gap and no repetition in partition {partition}");
        *next += 1;
        sum += u64::from(u32::from_be_bytes(payload.try_into().unwrap()));
    });
    assert_eq!(sum, u64::from(COUNT) * u64::from(COUNT - 1) / 2);
}

fn a_hundred_and_twenty_megabytes_come_back(bootstrap: &str) {
    const COUNT: usize = 1_200;
    let topic = unique("megabytes");
    create_topic(bootstrap, &topic, 1, &[]);
    let producer = producer(bootstrap, &[]);
    for i in 0..COUNT {
        let payload = vec![(i % 251) as u8; 100_000];
        send(&producer, BaseRecord::<(), _>::to(&topic).payload(&payload));
    }
    drain(&producer);
    let consumer = consumer(bootstrap, None, &[]);
    assign_from_start(&consumer, &topic, 1);
    read_all(&consumer, COUNT, |_, offset, payload| {
        let byte = (offset % 251) as u8;
        assert!(payload.len() == 100_000 && payload.iter().all(|it| *it == byte), "at {offset}");
    });
}

fn a_million_records_take_seconds(bootstrap: &str) {
    for codec in ["none", "lz4"] {
        let count = 1_000_000_usize;
        let topic = unique("million");
        create_topic(bootstrap, &topic, PARTITIONS, &[]);
        let settings = [
            ("compression.type", codec),
            ("linger.ms", "20"),
            ("queue.buffering.max.messages", "1000000"),
            ("batch.num.messages", "10000"),
        ];
        let producer = producer(bootstrap, &settings);
        let payload = FLIGHT;
        let ((), produced) = timed(|| {
            for i in 0..count {
                let record = BaseRecord::<(), _>::to(&topic).payload(payload);
                send(&producer, record.partition((i % PARTITIONS as usize) as i32));
                if i % 1_000 == 0 {
                    producer.poll(Duration::ZERO);
                }
            }
            drain(&producer);
        });
        let settings = [("queued.min.messages", "1000000"), ("fetch.message.max.bytes", "4194304")];
        let consumer = consumer(bootstrap, None, &settings);
        let ((), consumed) = timed(|| {
            assign_from_start(&consumer, &topic, PARTITIONS);
            read_all(&consumer, count, |_, _, _| {});
        });
        let rate = |time: Duration| (count as f64 / time.as_secs_f64() / 1_000.0).round();
        println!(
            "{codec}, {} bytes: produced {} k/s, read {} k/s",
            payload.len(),
            rate(produced),
            rate(consumed)
        );
    }
}
