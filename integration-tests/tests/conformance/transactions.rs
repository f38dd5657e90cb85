//! Transactions: all of one is read or nothing, and only the newest producer of a name may write.

use std::time::Duration;

use integration_tests::admin::create_topic;
use integration_tests::clients::{assign_from_start, consumer, drain, producer, read, send, value};
use integration_tests::unique;
use integration_tests::waiting::{Deadline, eventually};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

const WAIT: Duration = Duration::from_secs(30);
const UNCOMMITTED: [(&str, &str); 1] = [("isolation.level", "read_uncommitted")];

crate::checks! {
    committed_records_are_read,
    aborted_records_are_left_out,
    an_open_transaction_hides_what_comes_behind_it,
    a_hundred_transactions_are_read_in_order,
    offsets_are_committed_with_their_transaction,
    an_older_producer_is_fenced,
    a_hung_transaction_is_aborted,
}

fn transactional(bootstrap: &str, id: &str, settings: &[(&str, &str)]) -> BaseProducer {
    let settings = [&[("transactional.id", id)], settings].concat();
    let producer = producer(bootstrap, &settings);
    producer.init_transactions(WAIT).unwrap();
    producer
}

fn put(producer: &BaseProducer, topic: &str, values: &[&str]) {
    for value in values {
        send(producer, BaseRecord::<(), _>::to(topic).payload(*value).partition(0));
    }
    drain(producer);
}

/// Writes one transaction.
fn transact(producer: &BaseProducer, topic: &str, values: &[&str], is_commit: bool) {
    producer.begin_transaction().unwrap();
    put(producer, topic, values);
    if is_commit {
        producer.commit_transaction(WAIT).unwrap();
    } else {
        producer.abort_transaction(WAIT).unwrap();
    }
}

/// Returns the first values that a reader sees.
fn values(bootstrap: &str, topic: &str, settings: &[(&str, &str)], count: usize) -> Vec<String> {
    let reader = consumer(bootstrap, None, settings);
    assign_from_start(&reader, topic, 1);
    read(&reader, count).iter().map(|it| value(it).unwrap().to_owned()).collect()
}

/// Returns the end of a partition, as a reader of the isolation level is told.
fn end(reader: &BaseConsumer, topic: &str) -> i64 {
    reader.fetch_watermarks(topic, 0, WAIT).unwrap().1
}

fn committed_records_are_read(bootstrap: &str) {
    let topic = unique("committed");
    create_topic(bootstrap, &topic, 1, &[]);
    let producer = transactional(bootstrap, &topic, &[]);
    transact(&producer, &topic, &["a", "b"], true);
    transact(&producer, &topic, &["c"], true);
    assert_eq!(values(bootstrap, &topic, &[], 3), ["a", "b", "c"]);
    // Each transaction has a marker, which takes an offset and is never seen.
    assert_eq!(end(&consumer(bootstrap, None, &[]), &topic), 5);
}

fn aborted_records_are_left_out(bootstrap: &str) {
    let topic = unique("aborted");
    create_topic(bootstrap, &topic, 1, &[]);
    let producer = transactional(bootstrap, &topic, &[]);
    transact(&producer, &topic, &["a"], false);
    transact(&producer, &topic, &["b"], true);
    transact(&producer, &topic, &["c", "d"], false);
    transact(&producer, &topic, &["e"], true);
    assert_eq!(values(bootstrap, &topic, &[], 2), ["b", "e"]);
    assert_eq!(values(bootstrap, &topic, &UNCOMMITTED, 5), ["a", "b", "c", "d", "e"]);
}

fn an_open_transaction_hides_what_comes_behind_it(bootstrap: &str) {
    let topic = unique("open");
    create_topic(bootstrap, &topic, 1, &[]);
    let (open, other) = (transactional(bootstrap, &topic, &[]), producer(bootstrap, &[]));
    put(&other, &topic, &["before"]);
    open.begin_transaction().unwrap();
    put(&open, &topic, &["open"]);
    put(&other, &topic, &["behind"]);
    assert_eq!(values(bootstrap, &topic, &UNCOMMITTED, 3), ["before", "open", "behind"]);
    let reader = consumer(bootstrap, None, &[]);
    assign_from_start(&reader, &topic, 1);
    assert_eq!(value(&read(&reader, 1)[0]), Some("before"));
    assert_eq!(end(&reader, &topic), 1, "the last stable offset");
    assert!(reader.poll(Duration::from_millis(500)).is_none(), "more than what is stable");
    open.commit_transaction(WAIT).unwrap();
    let rest: Vec<_> = read(&reader, 2).iter().map(|it| value(it).unwrap().to_owned()).collect();
    assert_eq!(rest, ["open", "behind"]);
    assert_eq!(end(&reader, &topic), 4);
}

fn a_hundred_transactions_are_read_in_order(bootstrap: &str) {
    let topic = unique("hundred");
    create_topic(bootstrap, &topic, 1, &[]);
    let producer = transactional(bootstrap, &topic, &[("linger.ms", "0")]);
    let mut expected = Vec::new();
    for i in 0..100 {
        let values: Vec<String> = (0..10).map(|j| format!("{i}.{j}")).collect();
        let all: Vec<&str> = values.iter().map(String::as_str).collect();
        transact(&producer, &topic, &all, i % 5 != 3);
        expected.extend(values.into_iter().filter(|_| i % 5 != 3));
    }
    assert_eq!(values(bootstrap, &topic, &[], expected.len()), expected);
    assert_eq!(end(&consumer(bootstrap, None, &[]), &topic), 1_100);
}

fn offsets_are_committed_with_their_transaction(bootstrap: &str) {
    let (topic, group) = (unique("source"), unique("offsets"));
    create_topic(bootstrap, &topic, 1, &[]);
    put(&producer(bootstrap, &[]), &topic, &["a", "b", "c"]);
    let reader = consumer(bootstrap, Some(&group), &[]);
    reader.subscribe(&[&topic]).unwrap();
    read(&reader, 3);
    let committed = || {
        let mut asked = TopicPartitionList::new();
        asked.add_partition(&topic, 0);
        let found = reader.committed_offsets(asked, WAIT).unwrap();
        found.elements()[0].offset()
    };
    let producer = transactional(bootstrap, &group, &[]);
    let mut offsets = TopicPartitionList::new();
    for (offset, is_commit) in [(2, false), (3, true)] {
        offsets.add_partition_offset(&topic, 0, Offset::Offset(offset)).unwrap();
        producer.begin_transaction().unwrap();
        let metadata = reader.group_metadata().unwrap();
        producer.send_offsets_to_transaction(&offsets, &metadata, WAIT).unwrap();
        if is_commit {
            producer.commit_transaction(WAIT).unwrap();
            assert_eq!(committed(), Offset::Offset(3));
        } else {
            producer.abort_transaction(WAIT).unwrap();
            assert_eq!(committed(), Offset::Invalid);
        }
    }
}

/// Returns the error with which a transaction cannot be committed.
fn refused(producer: &BaseProducer) -> RDKafkaErrorCode {
    match producer.commit_transaction(WAIT) {
        Err(KafkaError::Transaction(error)) => error.code(),
        other => panic!("{other:?} instead of an error"),
    }
}

fn an_older_producer_is_fenced(bootstrap: &str) {
    let topic = unique("fenced");
    create_topic(bootstrap, &topic, 1, &[]);
    let older = transactional(bootstrap, &topic, &[]);
    older.begin_transaction().unwrap();
    put(&older, &topic, &["older"]);
    let newer = transactional(bootstrap, &topic, &[]);
    transact(&newer, &topic, &["newer"], true);
    // What the older one still sends is not written, and it cannot end its transaction.
    let late = older.send(BaseRecord::<(), _>::to(&topic).payload("late").partition(0));
    late.map_err(|(error, _)| error).unwrap();
    let codes = [RDKafkaErrorCode::Fenced, RDKafkaErrorCode::InvalidProducerEpoch];
    let refused = refused(&older);
    assert!(codes.contains(&refused), "{refused:?}");
    assert_eq!(values(bootstrap, &topic, &[], 1), ["newer"]);
    assert_eq!(values(bootstrap, &topic, &UNCOMMITTED, 2), ["older", "newer"]);
    assert_eq!(end(&consumer(bootstrap, None, &[]), &topic), 4, "two records, two markers");
}

fn a_hung_transaction_is_aborted(bootstrap: &str) {
    let topic = unique("hung");
    create_topic(bootstrap, &topic, 1, &[]);
    let settings = [("transaction.timeout.ms", "1000"), ("message.timeout.ms", "1000")];
    let hung = transactional(bootstrap, &topic, &settings);
    hung.begin_transaction().unwrap();
    put(&hung, &topic, &["hung"]);
    put(&producer(bootstrap, &[]), &topic, &["behind"]);
    let reader = consumer(bootstrap, None, &[]);
    assert_eq!(end(&reader, &topic), 0);
    // Kafka looks for such transactions every ten seconds.
    eventually("the end of the hung transaction", Deadline::seconds(40), || {
        (end(&reader, &topic) == 3).then_some(())
    });
    assert_eq!(values(bootstrap, &topic, &[], 1), ["behind"]);
    let codes = [RDKafkaErrorCode::Fenced, RDKafkaErrorCode::InvalidProducerEpoch];
    let refused = refused(&hung);
    assert!(codes.contains(&refused), "{refused:?}");
    // Its name is free for another.
    transact(&transactional(bootstrap, &topic, &[]), &topic, &["after"], true);
    assert_eq!(values(bootstrap, &topic, &[], 2), ["behind", "after"]);
}
