use std::collections::BTreeMap;

use super::*;
use crate::ids::SubtopologyId;
use crate::kafka::FetchedBatch;
use crate::prelude::*;
use crate::record::{Headers, RawRecord};
use crate::state::CacheBudget;
use crate::topology::TopicNames;

/// Builds the task of a partition, with plenty of cache, over topics of these widths.
fn task(topology: &Topology, widths: &[(&str, usize)], partition: i32) -> Task {
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

fn text(name: &str) -> Topic<String, String> {
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

/// What a restart of a task goes on from.
mod resuming {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::super::*;
    use crate::ids::SubtopologyId;
    use crate::kafka::{FetchedBatch, Progress};
    use crate::prelude::*;
    use crate::record::{Headers, RawRecord};
    use crate::serde::TimeWindowed;
    use crate::state::{CacheBudget, Rows};
    use crate::topology::{TopicNames, Topology};

    const SIZE: Duration = Duration::from_millis(10);

    /// Counts per window of ten milliseconds, told once; kept for a second.
    fn final_counts() -> Topology {
        let builder = StreamsBuilder::new();
        let keys = TimeWindowed::new(String::default_serde(), SIZE);
        builder
            .stream(&Topic::<String, String>::of("in"))
            .group_by_key()
            .windowed_by(TimeWindows::tumbling(SIZE))
            .emit_final()
            .count(Stored::named("c").retention(Duration::from_secs(1)))
            .to_stream()
            .to(&Topic::new("out", keys, Nullable::of(I64)));
        builder.build().unwrap()
    }

    /// Builds the topology's one task over the rows of an earlier life, if it had one.
    fn build(topology: &Topology, rows: Option<Rows>) -> Task {
        let one = |topics: BTreeSet<_>| topics.into_iter().map(|topic| (topic, 1)).collect();
        let (inputs, sinks) = (one(topology.input_topics()), one(topology.output_topics()));
        let names = TopicNames::live("app");
        let deployment =
            Deployment::new(topology.clone(), names, &inputs, sinks, RunMode::Live).unwrap();
        let id = TaskId::new(SubtopologyId(0), 0);
        let (storage, cache) = (Storage::in_memory(), CacheBudget::new(0));
        let rows = rows.unwrap_or_else(|| Rows::new(None));
        let state = TaskState::take_over(&deployment, id, rows, &storage, cache, None);
        let inputs = deployment.inputs(id);
        Task::build(&deployment, inputs, state, Order::Arrival, DeserializationHandler::Fail)
            .unwrap()
    }

    /// Processes a record, commits, and returns what was sent beside the changelog.
    fn pipe(task: &mut Task, offset: i64, millis: i64) -> usize {
        let mut batch = FetchedBatch::default();
        batch.push(RawRecord {
            key: Some(b"a"),
            value: Some(b"x"),
            timestamp: Timestamp::from_millis(millis),
            offset: Offset(offset),
            headers: &Headers::default(),
        });
        task.group_mut().push(0, batch);
        task.process_from(0).unwrap();
        task.flush().unwrap();
        let sent = task.outbox().iter().filter(|record| record.changelog.is_none()).count();
        task.outbox().clear();
        task.committed([]).unwrap();
        sent
    }

    /// Returns what a restart finds beside the offset of the only input.
    fn metadata(task: &Task) -> BTreeMap<TopicPartition, OffsetMetadata> {
        let commits = task.commits().into_iter();
        let decode = |metadata: &str| OffsetMetadata::decode(metadata).unwrap();
        commits.map(|(partition, commit)| (partition, decode(&commit.metadata))).collect()
    }

    #[test]
    fn windows_that_were_told_before_a_restart_are_not_told_again() {
        let topology = final_counts();
        let mut before = build(&topology, None);
        assert_eq!(
            [pipe(&mut before, 0, 0), pipe(&mut before, 1, 25), pipe(&mut before, 2, 12)],
            [0, 1, 0]
        );
        let committed = metadata(&before);
        let expected = OffsetMetadata {
            partition_time: Timestamp::from_millis(25),
            progress: Progress::from([("c".into(), 25)]),
        };
        assert_eq!(committed[&TopicPartition::new("in", 0)], expected);

        for resumes in [true, false] {
            let mut first = build(&topology, None);
            assert_eq!([pipe(&mut first, 0, 0), pipe(&mut first, 1, 25)], [0, 1]);
            let mut second = build(&topology, Some(first.into_rows()));
            if resumes {
                second.resume(&committed);
                assert_eq!(second.ctx.stream_time().as_millis(), 25);
            }
            // It closes the window from 20 on; the one from 0 on was told.
            assert_eq!(pipe(&mut second, 2, 30), if resumes { 1 } else { 2 });
        }
    }

    #[test]
    fn what_is_committed_is_the_later_of_before_and_since() {
        let topology = final_counts();
        let mut task = build(&topology, None);
        let metadata_of = |millis, progress: &[(&str, i64)]| OffsetMetadata {
            partition_time: Timestamp::from_millis(millis),
            progress: progress.iter().map(|&(store, at)| (store.into(), at)).collect(),
        };
        let input = TopicPartition::new("in", 0);
        let other = TopicPartition::new("another-task", 0);
        task.resume(&BTreeMap::from([
            (input.clone(), metadata_of(50, &[("c", 40), ("gone", 1)])),
            (other, metadata_of(99, &[("c", 99)])),
        ]));
        pipe(&mut task, 7, 45);
        assert_eq!(metadata(&task)[&input], metadata_of(50, &[("c", 40), ("gone", 1)]));
        pipe(&mut task, 8, 52);
        assert_eq!(metadata(&task)[&input], metadata_of(52, &[("c", 52), ("gone", 1)]));
    }
}
