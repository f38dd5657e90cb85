//! Records that go: superseded ones of compacted topics, and those too old or too many.

use std::collections::BTreeMap;
use std::time::Duration;

use integration_tests::admin::{FOREVER, create_topic};
use integration_tests::clients::{assign_from_start, consumer, drain, next_record, producer, send};
use integration_tests::waiting::eventually;
use integration_tests::{Deadline, unique};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord};

crate::checks! {
    compaction_keeps_the_last_value_of_every_key,
    compaction_works_under_compression,
    old_records_go,
    records_beyond_the_size_go,
}

/// The smallest segment there can be: what is in the last one stays.
const SMALL_SEGMENTS: (&str, &str) = ("segment.bytes", "1048576");
/// Of topics that are compacted too the cleaner lets old records go, every 15 seconds; of others a
/// real Kafka only does it every five minutes.
const BOTH: (&str, &str) = ("cleanup.policy", "compact,delete");
const NEVER_COMPACTED: (&str, &str) = ("min.cleanable.dirty.ratio", "1");
const KEYS: usize = 50;

/// What was written to partition 0 of a topic: a value says its number, and that of its key.
struct Written {
    topic: String,
    producer: BaseProducer,
    count: usize,
}

impl Written {
    fn new(bootstrap: &str, prefix: &str, settings: &[(&str, &str)], codec: &str) -> Self {
        let topic = unique(prefix);
        create_topic(bootstrap, &topic, 1, settings);
        let producer = producer(bootstrap, &[("compression.type", codec), ("linger.ms", "20")]);
        Self { topic, producer, count: 0 }
    }

    /// Writes so many megabytes in records of a kilobyte that cannot be compressed away.
    fn megabytes(&mut self, megabytes: usize) {
        for _ in 0..megabytes * 1_024 {
            let mut noise = self.count as u64 + 1;
            let mut value = format!("{:010}", self.count).into_bytes();
            while value.len() < 1_024 {
                noise ^= noise << 13;
                noise ^= noise >> 7;
                noise ^= noise << 17;
                value.extend(noise.to_le_bytes());
            }
            let key = format!("key-{}", self.count % KEYS);
            // Two headers of one name: a cleaner that takes records apart might lose one.
            let headers = OwnedHeaders::new()
                .insert(Header { key: "h", value: Some("1") })
                .insert(Header { key: "h", value: Some("2") });
            let record = BaseRecord::to(&self.topic).key(&key).payload(&value);
            send(&self.producer, record.headers(headers));
            self.count += 1;
        }
        drain(&self.producer);
    }

    fn delete_key(&mut self, key: &str) {
        send(&self.producer, BaseRecord::<_, ()>::to(&self.topic).key(key));
        drain(&self.producer);
        self.count += 1;
    }
}

fn watermarks(consumer: &BaseConsumer, topic: &str) -> (i64, i64) {
    consumer.fetch_watermarks(topic, 0, Duration::from_secs(20)).unwrap()
}

/// Reads a topic of one partition from its beginning to its end, and returns how many records there
/// are and the last of each key, with its offset.
fn read_through(bootstrap: &str, topic: &str) -> (usize, BTreeMap<String, (i64, Option<String>)>) {
    let consumer = consumer(bootstrap, None, &[]);
    let (_, end) = watermarks(&consumer, topic);
    assign_from_start(&consumer, topic, 1);
    let deadline = Deadline::seconds(60);
    let (mut count, mut last) = (0, BTreeMap::new());
    loop {
        deadline.check(&format!("the end of {topic}"));
        let Some(record) = next_record(&consumer, Duration::from_millis(100)) else { continue };
        let key = String::from_utf8(record.key().unwrap().to_vec()).unwrap();
        if let Some(headers) = record.headers() {
            assert_eq!(rdkafka::message::Headers::count(headers), 2, "at {}", record.offset());
        }
        let value = record.payload().map(|it| String::from_utf8(it[..10].to_vec()).unwrap());
        count += 1;
        last.insert(key, (record.offset(), value));
        if record.offset() == end - 1 {
            return (count, last);
        }
    }
}

fn check_compaction(bootstrap: &str, codec: &str) {
    let settings = [
        ("cleanup.policy", "compact"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("delete.retention.ms", "0"),
        SMALL_SEGMENTS,
    ];
    let mut written = Written::new(bootstrap, "compacted", &settings, codec);
    send(&written.producer, BaseRecord::to(&written.topic).key("gone").payload("0123456789"));
    written.count = 1;
    written.megabytes(5);
    written.delete_key("gone");
    written.megabytes(2);
    let mut rounds = 0;
    eventually("the end of a tombstone", Deadline::seconds(120), || {
        let (count, last) = read_through(bootstrap, &written.topic);
        // Whatever has been cleaned by now, the last of every key is where it was.
        for key in 0..KEYS {
            let number = (written.count - KEYS..written.count).find(|it| it % KEYS == key).unwrap();
            let expected = (number as i64, Some(format!("{number:010}")));
            assert_eq!(last[&format!("key-{key}")], expected, "after {rounds} rounds");
        }
        let gone = last.get("gone").map(|(_, value)| value.clone());
        assert!(gone.is_none_or(|value| value.is_none()), "its value is superseded");
        if count < written.count / 2 && !last.contains_key("gone") {
            return Some(());
        }
        // A pass begins when there is something new, and takes a tombstone that a former one saw.
        written.megabytes(2);
        rounds += 1;
        None
    });
}

fn compaction_keeps_the_last_value_of_every_key(bootstrap: &str) {
    check_compaction(bootstrap, "none");
}

fn compaction_works_under_compression(bootstrap: &str) {
    // zstd is not built into the client.
    for codec in ["gzip", "snappy", "lz4"] {
        check_compaction(bootstrap, codec);
    }
}

fn old_records_go(bootstrap: &str) {
    let settings = [BOTH, NEVER_COMPACTED, ("retention.ms", "1000"), SMALL_SEGMENTS];
    let mut written = Written::new(bootstrap, "old", &settings, "none");
    written.megabytes(3);
    let consumer = consumer(bootstrap, None, &[]);
    let end = written.count as i64;
    eventually("the end of all records", Deadline::seconds(120), || {
        (watermarks(&consumer, &written.topic) == (end, end)).then_some(())
    });
    // Offsets go on where they were.
    send(&written.producer, BaseRecord::to(&written.topic).key("k").payload("new"));
    drain(&written.producer);
    assert_eq!(watermarks(&consumer, &written.topic).1, end + 1);
}

fn records_beyond_the_size_go(bootstrap: &str) {
    let settings = [BOTH, NEVER_COMPACTED, ("retention.bytes", "3000000"), FOREVER, SMALL_SEGMENTS];
    let mut written = Written::new(bootstrap, "large", &settings, "none");
    written.megabytes(8);
    let consumer = consumer(bootstrap, None, &[]);
    let (mut low, mut high) = (0, 0);
    eventually("the end of the first records", Deadline::seconds(120), || {
        (low, high) = watermarks(&consumer, &written.topic);
        // Of records of a bit more than a kilobyte: what may stay, and a segment at most beside it.
        (high - low < 4_000).then_some(())
    });
    assert_eq!(high, written.count as i64);
    assert!(high - low > 2_500, "{low} to {high}: no more goes than must");
    let (count, last) = read_through(bootstrap, &written.topic);
    assert_eq!((count as i64, last.len()), (high - low, KEYS));
}
