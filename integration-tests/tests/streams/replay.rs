//! Reruns from offset zero.

use integration_tests::admin::{self, FOREVER, create_topic, options};
use integration_tests::waiting::block_on;
use integration_tests::{Cluster, clients, unique};
use kappa::prelude::*;
use kappa::runtime::verify::Verdict;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::app::{
    App, Seen, feed, feed_partition, number_table, result_texts, rows, text_table, texts,
};
use crate::topologies::{OneToOne, windowed_count, word_count};

fn assert_equal(verdict: &Verdict) {
    assert!(matches!(verdict, Verdict::Equal { .. }), "{verdict}");
}

#[test]
fn a_rerun_is_beside_the_live_application_and_equal_to_it() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    feed(cluster.bootstrap(), &input, &[("1", "a", 1), ("2", "b", 2), ("3", "a", 3)]);
    app.catch_up();
    let report = app.replay("v2");
    assert_eq!(report.input_records, 3);
    assert_eq!(report.processed_records, 6);
    assert_eq!(report.outputs, [format!("{output}--v2")]);
    assert_eq!(report.sealed.iter().map(|sealed| sealed.end).sum::<i64>(), 3);
    assert!(report.warnings.is_empty(), "{report}");
    let expected = rows(&[("a", "2"), ("b", "1")]);
    assert_eq!(app.latest(&format!("{output}--v2")), expected);
    assert_eq!(app.latest(&output), expected, "live is as it was");
    assert_equal(&app.verify("v2"));
}

#[test]
fn a_second_replay_of_a_version_starts_over() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    feed(cluster.bootstrap(), &input, &[("1", "a", 1)]);
    app.catch_up();
    app.replay("again");
    feed(cluster.bootstrap(), &input, &[("2", "a", 2)]);
    let report = app.replay("again");
    assert_eq!(report.input_records, 2);
    assert_eq!(app.latest(&format!("{output}--again")), rows(&[("a", "2")]), "not three");
    // Versions do not know of one another.
    app.replay("other");
    assert_eq!(app.latest(&format!("{output}--other")), rows(&[("a", "2")]));
}

#[test]
fn late_or_not_is_decided_by_event_time_and_not_by_arrival() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = windowed_count(cluster.bootstrap());
    // One partition is days ahead of the other; in event time nothing is late.
    let day = 86_400_000;
    let ahead: Vec<(String, i64)> = (1..=50).map(|n| (format!("k{n}"), n * day)).collect();
    let ahead: Vec<_> = ahead.iter().map(|(key, at)| (key.as_str(), "w", *at)).collect();
    feed_partition(cluster.bootstrap(), &input, 0, &ahead);
    let behind: Vec<_> = ahead.iter().map(|(key, word, at)| (*key, *word, at + 1)).collect();
    feed_partition(cluster.bootstrap(), &input, 1, &behind);

    let report = app.replay("v");
    assert!(report.dropped_records.is_empty(), "{report}");
    let latest = app.latest(&format!("{output}--v"));
    assert_eq!(latest.len(), 50);
    assert!(latest.values().all(|count| count == "2"));

    // Live does the same where partitions are kept together in event time.
    let app = app.set("max.partition.skew.ms", "10000");
    assert_eq!(app.catch_up().dropped.total(), 0);
    assert_equal(&app.verify("v"));
}

#[test]
fn a_burst_that_comes_while_all_is_idle_is_kept_together_in_event_time() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = windowed_count(cluster.bootstrap());
    let app = app.set("max.partition.skew.ms", "10000");
    for partition in [0, 1] {
        feed_partition(cluster.bootstrap(), &input, partition, &[("k0", "w", 1_000)]);
    }
    let streams = app.streams();
    streams.start().unwrap();
    streams.wait_until_caught_up(|_| {}).unwrap();
    let day = 86_400_000;
    let days: Vec<(String, i64)> = (1..=50).map(|n| (format!("k{n}"), n * day)).collect();
    let burst: Vec<_> = days.iter().map(|(key, at)| (key.as_str(), "w", *at)).collect();
    // One after the other, as they would be fetched from two brokers.
    for partition in [0, 1] {
        feed_partition(cluster.bootstrap(), &input, partition, &burst);
    }
    streams.wait_until_caught_up(|_| {}).unwrap();
    streams.close().unwrap();
    assert_eq!(streams.progress().dropped.total(), 0);
    app.replay("v");
    assert_equal(&app.verify("v"));
    assert!(app.latest(&output).values().all(|count| count == "2"));
}

/// Returns all records of a topic by partition and offset.
fn all_records(bootstrap: &str, topic: &str, count: usize) -> Vec<String> {
    use rdkafka::Message;
    let consumer = clients::consumer(bootstrap, None, &[]);
    clients::assign_from_start(&consumer, topic, 2);
    let mut records: Vec<_> = clients::read(&consumer, count)
        .iter()
        .map(|record| {
            let bytes = (record.key(), record.payload(), record.timestamp().to_millis());
            format!("{:02} {:08} {bytes:?}", record.partition(), record.offset())
        })
        .collect();
    records.sort();
    records
}

#[test]
fn two_reruns_write_the_same_bytes_in_the_same_order() {
    let cluster = Cluster::start();
    // Without a cache, with one, and with one that is flushed whenever a little waits for a commit.
    for (cache, uncommitted) in
        [("0", "-1"), ("1000000", "-1"), ("1000000", "3000"), ("2000", "-1")]
    {
        let OneToOne { app, input, output } = word_count(cluster.bootstrap());
        let app = app.set("statestore.cache.max.bytes", cache);
        let app = app.set("statestore.uncommitted.max.bytes", uncommitted);
        let words: Vec<String> = (0..500).map(|n| format!("w{}", (n * 7) % 41)).collect();
        let records: Vec<_> =
            words.iter().zip(1..).map(|(word, at)| (word.as_str(), word.as_str(), at)).collect();
        feed(cluster.bootstrap(), &input, &records);
        let written = app.replay("one").written_records;
        assert_eq!(app.replay("two").written_records, written);
        let results = usize::try_from(written).unwrap() - records.len();
        let read =
            |version| all_records(cluster.bootstrap(), &format!("{output}--{version}"), results);
        assert_eq!(read("one"), read("two"), "cache {cache}, uncommitted {uncommitted}");
    }
}

#[test]
fn inputs_are_read_to_their_ends_at_the_start_and_no_further() {
    let cluster = Cluster::start();
    let id = unique("app");
    let (input, output) = (format!("{id}-in"), format!("{id}-out"));
    create_topic(cluster.bootstrap(), &input, 1, &[FOREVER]);
    // The program itself makes the topic grow while it is read.
    let (seen, bootstrap, growing) =
        (Seen::default(), cluster.bootstrap().to_owned(), input.clone());
    let peek = seen.clone();
    let builder = StreamsBuilder::new();
    let stream = builder.stream(&texts(&input)).peek(move |_, value| {
        peek.add(value.clone());
        feed(&bootstrap, &growing, &[("k", "added", 9)]);
    });
    stream.to(&result_texts(&output));
    let app = App::new(cluster.bootstrap(), &id, builder.build().unwrap());
    feed(cluster.bootstrap(), &input, &[("k", "1", 1), ("k", "2", 2)]);
    let report = app.replay("v");
    assert_eq!(seen.all(), ["1", "2"]);
    assert_eq!((report.inputs[0].start, report.inputs[0].end), (0, 2));
}

#[test]
fn two_steps_through_repartition_topics_are_sealed_one_after_the_other() {
    let cluster = Cluster::start();
    let id = unique("app");
    let (input, output) = (format!("{id}-in"), format!("{id}-out"));
    create_topic(cluster.bootstrap(), &input, 2, &[FOREVER]);
    let builder = StreamsBuilder::new();
    let lengths = builder
        .stream(&texts(&input))
        .group_by(|_, word| word.clone())
        .count("words")
        .to_stream()
        .map_values(|count| count.unwrap_or(0));
    lengths
        .group_by(|word, _| word.len().to_string())
        .aggregate(|| 0, |_, _, updates| updates + 1, "lengths")
        .to_stream()
        .to(&number_table(&output, 1));
    let app = App::new(cluster.bootstrap(), &id, builder.build().unwrap());
    feed(
        cluster.bootstrap(),
        &input,
        &[("1", "aa", 1), ("2", "bb", 2), ("3", "aa", 3), ("4", "c", 4)],
    );
    let report = app.replay("v");
    // A table that goes on through a topic is not folded in a rerun: three updates of words of two.
    assert_eq!(app.latest(&format!("{output}--v")), rows(&[("1", "1"), ("2", "3")]));
    let total = |name: &str| {
        let of = report.sealed.iter().filter(|sealed| sealed.partition.contains(name));
        of.map(|sealed| sealed.end).sum::<i64>()
    };
    assert_eq!((total("words-repartition"), total("lengths-repartition")), (4, 4));
}

#[test]
fn a_subtopology_that_reads_what_it_writes_comes_to_an_end() {
    let cluster = Cluster::start();
    let id = unique("app");
    let topics = ["events", "table", "out"].map(|name| format!("{id}-{name}"));
    let [events, table, output] = &topics;
    create_topic(cluster.bootstrap(), events, 2, &[FOREVER]);
    create_topic(cluster.bootstrap(), table, 2, &[FOREVER]);
    let builder = StreamsBuilder::new();
    let rows_of = builder.table(&texts(table), "rows");
    let first = builder.stream(&texts(events)).join(&rows_of, |_, row| row.clone());
    // Looked up again under the value of the first look-up.
    let again = first.select_key(|_, row| row.clone()).with_serdes(Utf8, Utf8);
    again.join(&rows_of, |first, second| format!("{first}>{second}")).to(&result_texts(output));
    let app = App::new(cluster.bootstrap(), &id, builder.build().unwrap());
    feed(cluster.bootstrap(), table, &[("a", "b", 1), ("b", "c", 1)]);
    feed(cluster.bootstrap(), events, &[("a", "x", 2), ("b", "y", 2)]);
    app.catch_up();
    app.replay("v");
    assert_eq!(app.latest(&format!("{output}--v")), rows(&[("b", "b>c")]));
    assert_equal(&app.verify("v"));
}

#[test]
fn a_table_is_as_it_was_when_the_event_happened() {
    let cluster = Cluster::start();
    let id = unique("app");
    let topics = ["events", "prices", "out"].map(|name| format!("{id}-{name}"));
    let [events, prices, output] = &topics;
    create_topic(cluster.bootstrap(), events, 1, &[FOREVER]);
    create_topic(cluster.bootstrap(), prices, 1, &[FOREVER]);
    let builder = StreamsBuilder::new();
    let table = builder.table(&texts(prices), "prices");
    let priced = builder
        .stream(&texts(events))
        .left_join(&table, |event, price| (event.clone(), price.cloned().unwrap_or_default()));
    priced.map(|_, (event, price)| (event, price)).to(&result_texts(output));
    let app = App::new(cluster.bootstrap(), &id, builder.build().unwrap());
    // All prices are written before all events: only their timestamps tell which held when.
    feed(cluster.bootstrap(), prices, &[("p", "10", 100), ("p", "20", 200)]);
    feed(cluster.bootstrap(), events, &[("p", "e50", 50), ("p", "e150", 150), ("p", "e250", 250)]);
    app.replay("v");
    let expected = rows(&[("e150", "10"), ("e250", "20"), ("e50", "")]);
    assert_eq!(app.latest(&format!("{output}--v")), expected);
}

#[test]
fn history_that_was_deleted_is_said_to_be_missing() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    feed_partition(cluster.bootstrap(), &input, 0, &[("1", "a", 1), ("2", "a", 2)]);
    let mut before = TopicPartitionList::new();
    before.add_partition_offset(&input, 0, Offset::Offset(1)).unwrap();
    let admin = admin::client(cluster.bootstrap());
    block_on(admin.delete_records(&before, &options())).unwrap();
    let report = app.replay("v");
    assert_eq!(report.input_records, 1);
    assert!(report.warnings[0].contains(&format!("{input}-0 begins at offset 1")), "{report}");
    assert_eq!(app.latest(&format!("{output}--v")), rows(&[("a", "1")]));
}

#[test]
fn a_topic_that_is_both_written_and_read_is_refused() {
    let cluster = Cluster::start();
    let id = unique("app");
    let builder = StreamsBuilder::new();
    let topic = result_texts(&format!("{id}-loop"));
    builder.stream(&topic).filter(|_, _| false).to(&topic);
    let app = App::new(cluster.bootstrap(), &id, builder.build().unwrap());
    let error = app.try_replay("v").unwrap_err().to_string();
    assert!(error.contains("a bounded run of a loop has no end"), "{error}");
    assert!(app.try_replay("not/a/name").unwrap_err().is_config());
}

#[test]
fn an_undecodable_record_stops_a_rerun_too() {
    let cluster = Cluster::start();
    let id = unique("app");
    let (input, output) = (format!("{id}-in"), format!("{id}-out"));
    create_topic(cluster.bootstrap(), &input, 1, &[FOREVER]);
    let numbers: Topic<String, i64> = Topic::new(&input, Utf8, crate::app::Decimal);
    let builder = StreamsBuilder::new();
    builder.stream(&numbers).map_values(|n| Some((n * 2).to_string())).to(&text_table(&output, 1));
    let app = App::new(cluster.bootstrap(), &id, builder.build().unwrap());
    feed(cluster.bootstrap(), &input, &[("a", "1", 1), ("b", "two", 2), ("c", "3", 3)]);
    let error = app.try_replay("v").unwrap_err().to_string();
    assert!(error.contains(&format!("cannot decode value of {input}-0@1")), "{error}");
    let tolerant = app.set("deserialization.exception.handler", "continue");
    let report = tolerant.replay("v");
    assert_eq!(report.dropped_records["not decodable"], 1);
    assert_eq!(tolerant.latest(&format!("{output}--v")), rows(&[("a", "2"), ("c", "6")]));
}

#[test]
fn a_loop_that_is_read_in_many_turns_comes_to_an_end() {
    let cluster = Cluster::start();
    let id = unique("app");
    let topics = ["events", "table", "out"].map(|name| format!("{id}-{name}"));
    let [events, table, output] = &topics;
    create_topic(cluster.bootstrap(), events, 2, &[FOREVER]);
    create_topic(cluster.bootstrap(), table, 2, &[FOREVER]);
    let builder = StreamsBuilder::new();
    // The table comes first, so what feeds the loop is declared after it.
    let rows_of = builder.table(&texts(table), "rows");
    let rekey = |stream: &KStream<String, String>| {
        stream.select_key(|_, value| value.clone()).with_serdes(Utf8, Utf8)
    };
    let first = rekey(&builder.stream(&texts(events))).join(&rows_of, |_, row| row.clone());
    let second = rekey(&first).join(&rows_of, |first, second| format!("{first}>{second}"));
    second.to(&result_texts(output));
    let app = App::new(cluster.bootstrap(), &id, builder.build().unwrap());
    feed(cluster.bootstrap(), table, &[("a", "b", 1), ("b", "c", 1), ("c", "b", 1)]);
    // One partition of each repartition topic has its last record long before the other.
    let mut records = vec![("x", "c", 2)];
    records.extend((3..25_000).map(|at| ("x", "a", at)));
    feed(cluster.bootstrap(), events, &records);
    let report = app.replay("v");
    assert_eq!(report.input_records, 3 + 24_998);
    assert!(report.warnings.iter().any(|warning| warning.contains("processed after")), "{report}");
    assert_eq!(app.latest(&format!("{output}--v")), rows(&[("b", "b>c")]));
}

#[test]
fn a_replay_that_cannot_start_leaves_the_earlier_one_as_it_was() {
    let cluster = Cluster::start();
    let OneToOne { app, input, output } = word_count(cluster.bootstrap());
    feed(cluster.bootstrap(), &input, &[("1", "a", 1)]);
    app.replay("v");
    // The same application, with an input that does not exist.
    let builder = StreamsBuilder::new();
    builder.stream(&texts(&format!("{input}-absent"))).to(&result_texts(&output));
    let broken = App::new(cluster.bootstrap(), &app.id, builder.build().unwrap());
    assert!(broken.try_replay("v").unwrap_err().to_string().contains("does not exist"));
    assert_eq!(app.latest(&format!("{output}--v")), rows(&[("a", "1")]));
    app.catch_up();
    assert_equal(&app.verify("v"));
}
