//! What a task sends: caches behind merged inputs, topics that records choose.

use std::collections::BTreeMap;

use super::super::*;
use crate::ids::SubtopologyId;
use crate::kafka::FetchedBatch;
use crate::prelude::*;
use crate::record::{Headers, RawRecord};
use crate::state::CacheBudget;
use crate::topology::TopicNames;

/// Builds the task of a partition, with plenty of cache, over topics of these widths.
pub(super) fn task(topology: &Topology, widths: &[(&str, usize)], partition: i32) -> Task {
    let inputs = widths.iter().map(|&(topic, count)| (Arc::from(topic), count)).collect();
    let outputs = topology.output_topics().into_iter().map(|topic| (topic, 1)).collect();
    let names = TopicNames::live("app");
    let deployment =
        Deployment::new(topology.clone(), names, &inputs, outputs, RunMode::Live).unwrap();
    let id = TaskId::new(SubtopologyId(0), partition);
    let storage = Storage::in_memory();
    let cache = CacheBudget::new(1 << 20);
    let state = TaskState::open(&deployment, id, &storage, cache, None).unwrap();
    let inputs = deployment.inputs(id);
    Task::build(&deployment, inputs, state, Order::Arrival, DeserializationHandler::Fail).unwrap()
}

fn pipe(task: &mut Task, queue: usize, key: &[u8], value: &[u8]) {
    let (timestamp, headers) = (Timestamp::from_millis(1), Headers::default());
    let mut batch = FetchedBatch::default();
    let (key, value) = (Some(key), Some(value));
    batch.push(RawRecord { key, value, timestamp, offset: Offset(0), headers: &headers });
    task.group_mut().push(queue, batch);
    task.process_from(queue).unwrap();
}

pub(super) fn text(name: &str) -> Topic<String, String> {
    Topic::new(name, Utf8, Utf8)
}

/// Counts what is read of a narrow and a wide topic, in a task that has only the wide one.
fn counts_what_is_there(both: impl FnOnce(&StreamsBuilder) -> KStream<String, String>) {
    let builder = StreamsBuilder::new();
    let both = both(&builder);
    let counts = both.group_by_key_with(Grouped::with(Utf8, Utf8)).count("counts");
    counts.to_stream().to(&Topic::new("out", Utf8, Nullable::of(I64)));
    let topology = builder.build().unwrap();

    let mut task = task(&topology, &[("narrow", 1), ("wide", 2)], 1);
    pipe(&mut task, 0, b"key", b"value");
    assert!(task.flush().unwrap());
    let sent: BTreeMap<String, usize> =
        task.outbox().iter().fold(BTreeMap::new(), |mut sent, record| {
            *sent.entry(record.topic.to_string()).or_default() += 1;
            sent
        });
    let expected = [("app-counts-changelog".to_owned(), 1), ("out".to_owned(), 1)];
    assert_eq!(sent, BTreeMap::from(expected));
}

#[test]
fn caches_behind_a_merge_are_flushed_where_one_side_has_no_partition() {
    counts_what_is_there(|builder| {
        builder.stream(&text("narrow")).merge(&builder.stream(&text("wide")))
    });
}

#[test]
fn caches_behind_several_topics_are_flushed_where_one_has_no_partition() {
    counts_what_is_there(|builder| builder.stream_of([&text("narrow"), &text("wide")]));
}

#[test]
fn a_chosen_topic_is_asked_for_once_and_never_made_up() {
    let builder = StreamsBuilder::new();
    let orders = builder.stream(&text("orders"));
    orders.to_dynamic(&Topics::any(Utf8, Utf8), |key, _, _| key.as_str().into());
    let mut task = task(&builder.build().unwrap(), &[("orders", 1)], 0);
    let partitions = |topics: &[Arc<str>]| -> Result<BTreeMap<Arc<str>, usize>> {
        let there = topics.iter().filter(|topic| ***topic != *"missing");
        Ok(there.map(|topic| (topic.clone(), 5)).collect())
    };

    pipe(&mut task, 0, b"there", b"1");
    task.settle_outputs(partitions).unwrap();
    assert_eq!(task.outbox().iter().filter(|record| record.partition.is_some()).count(), 1);
    task.outbox().clear();

    pipe(&mut task, 0, b"there", b"2");
    task.settle_outputs(|_| unreachable!("its partitions are known by now")).unwrap();
    assert_eq!(task.outbox().len(), 1);

    pipe(&mut task, 0, b"missing", b"3");
    let error = task.settle_outputs(partitions).unwrap_err();
    expect_test::expect!["a record was written to the topic missing, which does not exist: create it, since topics that records choose are never created by the application"]
        .assert_eq(&error.report());
}
