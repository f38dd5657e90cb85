//! Producing and reading back: keys, headers, times, sizes, codecs.

use std::time::Duration;

use integration_tests::admin::{FOREVER, create_topic};
use integration_tests::clients::{assign_from_start, consumer, drain, producer, read, send, value};
use integration_tests::waiting::timed;
use integration_tests::{Deadline, unique};
use rdkafka::consumer::Consumer;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders, Timestamp};
use rdkafka::producer::{BaseRecord, Producer};

crate::checks! {
    keys_headers_and_times_come_back,
    nulls_and_tombstones_come_back,
    a_large_value_comes_back,
    a_value_too_large_is_refused,
    every_codec_comes_back,
    idempotent_producers_write_each_record_once,
    records_without_acknowledgement_arrive,
    the_broker_can_stamp_the_time,
    a_record_is_read_soon_after_it_was_sent,
    a_compacted_topic_wants_keys,
}

fn keys_headers_and_times_come_back(bootstrap: &str) {
    let topic = unique("headers");
    create_topic(bootstrap, &topic, 1, &[FOREVER]);
    let producer = producer(bootstrap, &[]);
    let headers = OwnedHeaders::new()
        .insert(Header { key: "a", value: Some("1") })
        // The same name twice, and a header without a value: both are allowed.
        .insert(Header { key: "a", value: Some("2") })
        .insert(Header::<&str> { key: "none", value: None });
    let record = BaseRecord::to(&topic).key("k").payload("v").timestamp(1_357_016_400_000);
    send(&producer, record.headers(headers));
    drain(&producer);
    let consumer = consumer(bootstrap, None, &[]);
    assign_from_start(&consumer, &topic, 1);
    let record = &read(&consumer, 1)[0];
    assert_eq!((record.key(), value(record)), (Some(&b"k"[..]), Some("v")));
    assert_eq!(record.timestamp(), Timestamp::CreateTime(1_357_016_400_000));
    let headers: Vec<_> = record.headers().unwrap().iter().map(|it| (it.key, it.value)).collect();
    assert_eq!(headers, [("a", Some(&b"1"[..])), ("a", Some(b"2")), ("none", None)]);
}

fn nulls_and_tombstones_come_back(bootstrap: &str) {
    let topic = unique("nulls");
    create_topic(bootstrap, &topic, 1, &[]);
    let producer = producer(bootstrap, &[]);
    send(&producer, BaseRecord::<(), str>::to(&topic).payload("no key"));
    send(&producer, BaseRecord::<str, ()>::to(&topic).key("tombstone"));
    send(&producer, BaseRecord::to(&topic).key("").payload(""));
    drain(&producer);
    let consumer = consumer(bootstrap, None, &[]);
    assign_from_start(&consumer, &topic, 1);
    let records = read(&consumer, 3);
    let records: Vec<_> = records.iter().map(|it| (it.key(), it.payload(), it.offset())).collect();
    let expected: [(Option<&[u8]>, Option<&[u8]>, i64); 3] =
        [(None, Some(b"no key"), 0), (Some(b"tombstone"), None, 1), (Some(b""), Some(b""), 2)];
    assert_eq!(records, expected);
}

fn a_large_value_comes_back(bootstrap: &str) {
    let topic = unique("large");
    create_topic(bootstrap, &topic, 1, &[]);
    let producer = producer(bootstrap, &[]);
    let large: Vec<u8> = (0..900_000_u32).map(|i| (i % 253) as u8).collect();
    send(&producer, BaseRecord::to(&topic).key("k").payload(&large));
    send(&producer, BaseRecord::to(&topic).key("k").payload("small"));
    drain(&producer);
    // A reader whose buffer is smaller than the record gets it all the same.
    let consumer = consumer(bootstrap, None, &[("max.partition.fetch.bytes", "1000")]);
    assign_from_start(&consumer, &topic, 1);
    let records = read(&consumer, 2);
    assert!(records[0].payload() == Some(&large), "another value came back");
    assert_eq!(value(&records[1]), Some("small"));
}

fn a_value_too_large_is_refused(bootstrap: &str) {
    let topic = unique("too-large");
    create_topic(bootstrap, &topic, 1, &[("max.message.bytes", "2000")]);
    let errors = failures(bootstrap, &topic, Some("k"), &[1_000, 5_000, 1_000]);
    assert_eq!(errors, [None, Some("MessageSizeTooLarge".to_owned()), None]);
}

/// Sends values of these sizes one by one and returns the error of each.
fn failures(
    bootstrap: &str,
    topic: &str,
    key: Option<&str>,
    sizes: &[usize],
) -> Vec<Option<String>> {
    let context = reports::Reports::default();
    let producer = reports::producer(bootstrap, context.clone());
    for size in sizes {
        let payload = vec![b'x'; *size];
        let record = BaseRecord::to(topic).payload(&payload);
        let record = if let Some(key) = key { record.key(key) } else { record };
        producer.send(record).map_err(|(error, _)| error).unwrap();
        let deadline = Deadline::seconds(30);
        while producer.in_flight_count() > 0 {
            deadline.check("a delivery report");
            producer.poll(Duration::from_millis(5));
        }
    }
    context.take()
}

mod reports {
    //! A producer that remembers what became of each record.

    use std::sync::{Arc, Mutex};

    use rdkafka::ClientContext;
    use rdkafka::config::ClientConfig;
    use rdkafka::message::DeliveryResult;
    use rdkafka::producer::{BaseProducer, ProducerContext};

    #[derive(Clone, Default)]
    pub(super) struct Reports(Arc<Mutex<Vec<Option<String>>>>);

    impl Reports {
        pub(super) fn take(&self) -> Vec<Option<String>> {
            std::mem::take(&mut self.0.lock().unwrap())
        }
    }

    impl ClientContext for Reports {}

    impl ProducerContext for Reports {
        type DeliveryOpaque = ();

        fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
            let error = result.as_ref().err();
            let code = error.map(|(e, _)| format!("{:?}", e.rdkafka_error_code().unwrap()));
            self.0.lock().unwrap().push(code);
        }
    }

    pub(super) fn producer(bootstrap: &str, reports: Reports) -> BaseProducer<Reports> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap);
        config.create_with_context(reports).unwrap()
    }
}

fn every_codec_comes_back(bootstrap: &str) {
    for codec in ["none", "gzip", "snappy", "lz4"] {
        let topic = unique(codec);
        create_topic(bootstrap, &topic, 1, &[FOREVER]);
        let producer = producer(bootstrap, &[("compression.type", codec), ("linger.ms", "50")]);
        for i in 0..1_000 {
            let payload = format!("record {i} of many that look much the same");
            send(&producer, BaseRecord::to(&topic).key("k").payload(&payload).timestamp(1_000 + i));
        }
        drain(&producer);
        let consumer = consumer(bootstrap, None, &[]);
        assign_from_start(&consumer, &topic, 1);
        for (i, record) in (0..).zip(read(&consumer, 1_000)) {
            assert_eq!(record.offset(), i, "{codec}");
            assert_eq!(record.timestamp(), Timestamp::CreateTime(1_000 + i), "{codec}");
            let expected = format!("record {i} of many that look much the same");
            assert_eq!(value(&record), Some(expected.as_str()), "{codec}");
        }
    }
}

fn idempotent_producers_write_each_record_once(bootstrap: &str) {
    let topic = unique("idempotent");
    create_topic(bootstrap, &topic, 2, &[]);
    for first in [0, 5_000] {
        // Each producer has an id of its own and starts at sequence 0.
        let settings = [("enable.idempotence", "true"), ("batch.num.messages", "100")];
        let producer = producer(bootstrap, &settings);
        for i in first..first + 5_000 {
            let payload = i.to_string();
            let record = BaseRecord::<(), _>::to(&topic).payload(&payload);
            send(&producer, record.partition(i % 2));
        }
        drain(&producer);
    }
    let consumer = consumer(bootstrap, None, &[]);
    assign_from_start(&consumer, &topic, 2);
    let records = read(&consumer, 10_000);
    let mut next = [0, 1];
    for record in &records {
        let partition = record.partition() as usize;
        assert_eq!(value(record), Some(next[partition].to_string().as_str()));
        next[partition] += 2;
    }
}

fn records_without_acknowledgement_arrive(bootstrap: &str) {
    let topic = unique("no-acks");
    create_topic(bootstrap, &topic, 1, &[]);
    let producer = producer(bootstrap, &[("acks", "0")]);
    for i in 0..1_000 {
        send(&producer, BaseRecord::<(), _>::to(&topic).payload(&i.to_string()));
    }
    drain(&producer);
    let consumer = consumer(bootstrap, None, &[]);
    assign_from_start(&consumer, &topic, 1);
    assert_eq!(value(&read(&consumer, 1_000)[999]), Some("999"));
}

fn the_broker_can_stamp_the_time(bootstrap: &str) {
    let topic = unique("stamped");
    create_topic(bootstrap, &topic, 1, &[("message.timestamp.type", "LogAppendTime")]);
    let producer = producer(bootstrap, &[("compression.type", "lz4"), ("linger.ms", "20")]);
    for _ in 0..10 {
        send(&producer, BaseRecord::<(), _>::to(&topic).payload("v").timestamp(1_000));
    }
    drain(&producer);
    let consumer = consumer(bootstrap, None, &[("check.crcs", "true")]);
    assign_from_start(&consumer, &topic, 1);
    let records = read(&consumer, 10);
    let Timestamp::LogAppendTime(stamp) = records[0].timestamp() else { panic!("not stamped") };
    assert!(stamp > 1_700_000_000_000, "{stamp}");
}

fn a_record_is_read_soon_after_it_was_sent(bootstrap: &str) {
    let topic = unique("latency");
    create_topic(bootstrap, &topic, 1, &[]);
    let producer = producer(bootstrap, &[("linger.ms", "0")]);
    let settings = [("fetch.wait.max.ms", "5000"), ("fetch.min.bytes", "1")];
    let consumer = consumer(bootstrap, None, &settings);
    assign_from_start(&consumer, &topic, 1);
    let mut latencies = Vec::new();
    for i in 0..20 {
        let ((), latency) = timed(|| {
            send(&producer, BaseRecord::<(), _>::to(&topic).payload(&i.to_string()));
            producer.poll(Duration::ZERO);
            assert_eq!(value(&read(&consumer, 1)[0]), Some(i.to_string().as_str()));
        });
        latencies.push(latency);
    }
    latencies.sort();
    // A reader that waits for new records is woken by them, not by the end of its wait.
    assert!(latencies[10] < Duration::from_secs(1), "half of them took {:?}", latencies[10]);
    println!("from send to read: median {:?}, worst {:?}", latencies[10], latencies[19]);
    drop(consumer.unassign());
}

fn a_compacted_topic_wants_keys(bootstrap: &str) {
    let topic = unique("keyed");
    create_topic(bootstrap, &topic, 1, &[("cleanup.policy", "compact")]);
    assert_eq!(failures(bootstrap, &topic, None, &[10]), [Some("InvalidRecord".to_owned())]);
    assert_eq!(failures(bootstrap, &topic, Some("k"), &[10]), [None]);
}
