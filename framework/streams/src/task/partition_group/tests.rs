//! Which record comes next, what is waited for, and what is committed.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::*;
use crate::error::Error;
use crate::ids::{Offset, TopicPartition};
use crate::kafka::{ConsumerEvent, Fetched, FetchedBatch, Leave, StartAt, Waker};
use crate::record::{Headers, RawRecord};

/// A consumer whose fetches are written down beforehand, by topic.
#[derive(Default)]
struct Script(HashMap<Arc<str>, VecDeque<Step>>);

/// What one fetch brings: records as (offset, timestamp), and the end if it is reached.
type Step = (Vec<(i64, i64)>, Option<i64>);

impl Consumer for Script {
    fn subscribe(&mut self, _: &[Arc<str>]) -> Result<()> {
        Ok(())
    }

    fn assign(&mut self, _: &[(TopicPartition, StartAt)]) -> Result<()> {
        Ok(())
    }

    fn incremental_assign(&mut self, _: &[(TopicPartition, StartAt)]) -> Result<()> {
        Ok(())
    }

    fn incremental_unassign(&mut self, _: &[TopicPartition]) -> Result<()> {
        Ok(())
    }

    fn seek(&mut self, _: &[(TopicPartition, StartAt)]) -> Result<()> {
        Ok(())
    }

    fn committed(&mut self, _: &[TopicPartition]) -> Result<Commits> {
        Ok(Commits::new())
    }

    fn events(&mut self) -> Result<Vec<ConsumerEvent>> {
        Ok(Vec::new())
    }

    fn fetch(
        &mut self,
        partition: &TopicPartition,
        limit: FetchLimit,
        batch: &mut FetchedBatch,
    ) -> Result<Fetched> {
        let script = self.0.get_mut(&partition.topic).and_then(VecDeque::pop_front);
        let Some((records, end)) = script else { return Ok(Fetched::default()) };
        assert!(records.len() <= limit.records);
        fill(batch, &records);
        Ok(Fetched { records: records.len(), end_of_partition: end.map(Offset) })
    }

    fn wait(&mut self, _: Duration) {}

    fn waker(&self) -> Waker {
        Waker::new(|| {})
    }

    fn commit(&mut self, _: &Commits, _: Duration) -> Result<()> {
        Err(Error::state("nothing is committed here"))
    }

    fn close(self: Box<Self>, _: Leave) {}
}

fn fill(batch: &mut FetchedBatch, records: &[(i64, i64)]) {
    let headers = Headers::default();
    for &(offset, millis) in records {
        let (offset, timestamp) = (Offset(offset), Timestamp::from_millis(millis));
        batch.push(RawRecord {
            key: None,
            value: Some(b"v"),
            timestamp,
            offset,
            headers: &headers,
        });
    }
}

const LIMIT: FetchLimit = FetchLimit { records: 100, bytes: 1 << 20 };

/// A group over topics `t0`, `t1`, ..., of which the last is the application's own.
struct Bench {
    group: PartitionGroup,
    script: Script,
}

fn bench(inputs: usize, order: Order) -> Bench {
    let inputs = (0..inputs).map(|source| TaskInput {
        source,
        partition: Arc::new(TopicPartition::new(format!("t{source}"), 0)),
        external: source + 1 < inputs,
    });
    Bench { group: PartitionGroup::new(inputs.collect(), order), script: Script::default() }
}

impl Bench {
    fn script(&mut self, input: usize, records: &[(i64, i64)], end: Option<i64>) {
        let topic: Arc<str> = format!("t{input}").into();
        self.script.0.entry(topic).or_default().push_back((records.to_vec(), end));
    }

    fn fetch(&mut self) -> usize {
        self.group.fetch(&mut self.script, LIMIT).unwrap()
    }

    /// Gives inputs records with these timestamps, at offsets from 0, and no end.
    fn fill(&mut self, inputs: &[&[i64]]) {
        for (input, times) in inputs.iter().enumerate() {
            let records: Vec<_> = (0..).zip(times.iter().copied()).collect();
            self.script(input, &records, None);
        }
        self.fetch();
    }

    fn next(&mut self, now_ms: u64, idle: TaskIdle) -> Readiness {
        self.group.next(Duration::from_millis(now_ms), idle, Timestamp::MAX)
    }

    /// Processes everything that is there: inputs in the order they are taken.
    fn drain(&mut self) -> Vec<usize> {
        let mut taken = Vec::new();
        while let Readiness::Ready(input) = self.next(0, TaskIdle::Never) {
            taken.push(input);
            self.group.advance(input);
        }
        taken
    }

    fn committable(&self) -> Vec<(String, i64)> {
        let commits = self.group.commits(&Progress::new()).into_iter();
        commits.map(|(partition, commit)| (partition.to_string(), commit.offset.0)).collect()
    }
}

const NO_PATIENCE: TaskIdle = TaskIdle::For(Duration::ZERO);
const PATIENCE: TaskIdle = TaskIdle::For(Duration::from_millis(100));

#[test]
fn the_smallest_timestamp_among_the_heads_comes_first() {
    for order in [Order::Arrival, Order::Total] {
        let mut bench = bench(3, order);
        bench.fill(&[&[10, 5, 40], &[20, 30], &[15]]);
        // Within a partition the offsets decide: 5 comes after 10.
        assert_eq!(bench.drain(), [0, 0, 2, 1, 1, 0], "{order:?}");
    }
}

#[test]
fn five_equal_heads_are_taken_as_javas_priority_queue_does_it() {
    let mut bench = bench(5, Order::Arrival);
    bench.fill(&[&[7], &[7], &[7], &[7], &[7]]);
    assert_eq!(bench.drain(), [0, 4, 3, 2, 1]);
}

#[test]
fn equal_heads_that_follow_one_another_are_offered_again() {
    // As `java.util.PriorityQueue` answers, asked with offer(0), offer(1), offer(2) and then, as long
    // as there is one, poll() and offer() of the same again if it has another record.
    let mut bench = bench(3, Order::Arrival);
    bench.fill(&[&[1, 1], &[1, 1], &[1, 2]]);
    assert_eq!(bench.drain(), [0, 2, 0, 1, 1, 2]);
}

#[test]
fn the_total_order_depends_on_contents_alone() {
    let mut all_at_once = bench(3, Order::Total);
    all_at_once.fill(&[&[1, 3], &[1, 1], &[0, 1]]);
    let expected = [2, 0, 1, 1, 2, 0];
    assert_eq!(all_at_once.drain(), expected);

    let mut one_by_one = bench(3, Order::Total);
    for (input, offset, millis) in
        [(2, 0, 0), (1, 0, 1), (1, 1, 1), (0, 0, 1), (2, 1, 1), (0, 1, 3)]
    {
        let mut batch = FetchedBatch::default();
        fill(&mut batch, &[(offset, millis)]);
        one_by_one.group.push(input, batch);
    }
    assert_eq!(one_by_one.drain(), expected);
}

#[test]
fn without_idling_what_is_there_is_taken() {
    let mut bench = bench(2, Order::Arrival);
    bench.fill(&[&[50], &[]]);
    assert_eq!(bench.next(0, TaskIdle::Never), Readiness::Ready(0));
    assert_eq!(bench.next(0, NO_PATIENCE), Readiness::Waiting);
}

#[test]
fn without_patience_an_empty_input_is_waited_for_until_its_end_is_known() {
    let mut bench = bench(2, Order::Arrival);
    assert_eq!(bench.next(0, NO_PATIENCE), Readiness::Waiting, "nothing is there at all");
    bench.fill(&[&[50], &[]]);
    assert_eq!(bench.next(1_000_000, NO_PATIENCE), Readiness::Waiting, "there may be some");
    bench.script(1, &[], Some(0));
    bench.fetch();
    assert_eq!(bench.next(0, NO_PATIENCE), Readiness::Ready(0));
}

#[test]
fn records_that_arrive_make_the_end_unknown_again() {
    let mut bench = bench(2, Order::Arrival);
    bench.script(0, &[(0, 50), (1, 60)], None);
    bench.script(1, &[], Some(0));
    bench.script(1, &[(0, 10)], None);
    bench.fetch();
    assert_eq!(bench.next(0, NO_PATIENCE), Readiness::Ready(0));
    bench.fetch();
    assert_eq!(bench.next(0, NO_PATIENCE), Readiness::Ready(1));
    bench.group.advance(1);
    assert_eq!(bench.next(0, NO_PATIENCE), Readiness::Waiting, "there may be more behind");
}

#[test]
fn patience_is_had_from_when_the_input_ran_out() {
    let mut bench = bench(2, Order::Arrival);
    bench.script(0, &[(0, 50), (1, 60), (2, 70)], None);
    bench.script(1, &[], Some(0));
    bench.fetch();
    assert_eq!(bench.next(1_000, PATIENCE), Readiness::Waiting);
    assert_eq!(bench.next(1_099, PATIENCE), Readiness::Waiting);
    assert_eq!(bench.next(1_100, PATIENCE), Readiness::Ready(0));
    bench.group.advance(0);
    assert_eq!(bench.next(1_101, PATIENCE), Readiness::Ready(0), "idle all the while");
    // A record comes, is taken, and the waiting begins anew.
    bench.script(1, &[(0, 10)], Some(1));
    bench.fetch();
    assert_eq!(bench.next(1_200, PATIENCE), Readiness::Ready(1));
    bench.group.advance(1);
    assert_eq!(bench.next(1_201, PATIENCE), Readiness::Waiting);
    assert_eq!(bench.next(1_301, PATIENCE), Readiness::Ready(0));
}

#[test]
fn each_input_is_waited_for_on_its_own() {
    let mut bench = bench(3, Order::Arrival);
    bench.script(0, &[(0, 50), (1, 60)], None);
    bench.script(1, &[], Some(0));
    bench.script(2, &[], Some(0));
    bench.fetch();
    assert_eq!(bench.next(0, PATIENCE), Readiness::Waiting);
    assert_eq!(bench.next(100, PATIENCE), Readiness::Ready(0));
    // `t1` gets a record and runs out again, while `t2` stays empty: the JVM library has a deadline
    // per partition, so `t1` is waited for once more.
    bench.script(1, &[(0, 10)], Some(1));
    bench.fetch();
    assert_eq!(bench.next(200, PATIENCE), Readiness::Ready(1));
    bench.group.advance(1);
    assert_eq!(bench.next(201, PATIENCE), Readiness::Waiting);
    assert_eq!(bench.next(301, PATIENCE), Readiness::Ready(0));
}

#[test]
fn external_inputs_stop_at_the_time_limit_and_own_ones_do_not() {
    let limit = Timestamp::from_millis(100);
    for (times, expected) in [
        ([[100], [900]], Readiness::Ready(0)),
        ([[101], [900]], Readiness::Waiting),
        ([[900], [101]], Readiness::Ready(1)),
    ] {
        let mut bench = bench(2, Order::Arrival);
        bench.fill(&[&times[0], &times[1]]);
        let next = bench.group.next(Duration::ZERO, TaskIdle::Never, limit);
        assert_eq!(next, expected, "{times:?}");
    }
}

#[test]
fn a_partition_is_committed_once_something_of_it_was_processed() {
    let mut bench = bench(2, Order::Arrival);
    assert!(bench.committable().is_empty());
    bench.script(0, &[(5, 10), (9, 20)], None);
    bench.script(1, &[(3, 30)], Some(4));
    bench.fetch();
    assert!(bench.committable().is_empty(), "fetched is not processed");
    bench.group.advance(0);
    assert_eq!(bench.committable(), [("t0-0".to_owned(), 6)]);
    bench.group.advance(0);
    assert_eq!(bench.committable(), [("t0-0".to_owned(), 10)]);
}

#[test]
fn the_end_is_committed_once_everything_before_it_is_processed() {
    let mut bench = bench(1, Order::Arrival);
    // Offsets 2 to 6 hold transaction markers and compacted records.
    bench.script(0, &[(0, 10), (1, 20)], Some(7));
    bench.fetch();
    bench.group.advance(0);
    assert_eq!(bench.committable(), [("t0-0".to_owned(), 1)]);
    bench.group.advance(0);
    assert_eq!(bench.committable(), [("t0-0".to_owned(), 7)]);
    bench.script(0, &[(7, 30)], None);
    bench.fetch();
    assert_eq!(bench.committable(), [("t0-0".to_owned(), 2)], "7 is not processed yet");
}

#[test]
fn an_end_that_is_told_after_a_commit_is_committed_too() {
    // The last offsets hold transaction markers: their end comes after the record was committed.
    let mut bench = bench(1, Order::Arrival);
    bench.script(0, &[(0, 10)], None);
    bench.fetch();
    bench.group.advance(0);
    assert!(bench.group.has_moved());
    bench.group.note_committed();
    assert!(!bench.group.has_moved());
    bench.script(0, &[], Some(3));
    bench.fetch();
    assert!(bench.group.has_moved());
    assert_eq!(bench.committable(), [("t0-0".to_owned(), 3)]);
    bench.group.note_committed();
    bench.script(0, &[(3, 20)], None);
    bench.fetch();
    assert!(!bench.group.has_moved(), "what is committed does not go back");
    assert_eq!(bench.committable(), [("t0-0".to_owned(), 3)]);
}

#[test]
fn a_partition_of_markers_only_is_committed_to_its_end_and_an_empty_one_is_not() {
    let mut bench = bench(2, Order::Arrival);
    bench.script(0, &[], Some(5));
    bench.script(1, &[], Some(0));
    bench.fetch();
    assert_eq!(bench.committable(), [("t0-0".to_owned(), 5)]);
}

#[test]
fn a_bounded_run_never_commits_past_its_end() {
    let mut bench = bench(1, Order::Total);
    bench.group.queue_mut(0).unwrap().bound(Offset(2));
    // More came after the end was fixed: it is not taken, and not committed.
    bench.script(0, &[(0, 10), (1, 20), (2, 30)], Some(3));
    bench.fetch();
    assert_eq!(bench.drain(), [0, 0]);
    assert!(bench.group.queue(0).unwrap().is_finished());
    assert_eq!(bench.committable(), [("t0-0".to_owned(), 2)]);
}

#[test]
fn a_queue_that_is_full_is_not_fetched() {
    let mut bench = bench(1, Order::Arrival);
    let full = FetchLimit { records: 100, bytes: 1 };
    bench.script(0, &[(0, 10)], None);
    bench.script(0, &[(1, 20)], None);
    assert_eq!(bench.group.fetch(&mut bench.script, full).unwrap(), 1);
    assert_eq!(bench.group.fetch(&mut bench.script, full).unwrap(), 0);
    bench.drain();
    assert_eq!(bench.group.fetch(&mut bench.script, full).unwrap(), 1);
}

/// The order of `java.util.PriorityQueue` over queues of records, done the plain way.
fn as_in_java(mut queues: Vec<VecDeque<i64>>) -> Vec<usize> {
    let mut heap: Vec<usize> = Vec::new();
    let rise = |heap: &mut Vec<usize>, queues: &[VecDeque<i64>], new: usize| {
        heap.push(new);
        let mut at = heap.len() - 1;
        while at > 0 && queues[heap[at]][0] < queues[heap[(at - 1) / 2]][0] {
            heap.swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    };
    for at in 0..queues.len() {
        if !queues[at].is_empty() {
            rise(&mut heap, &queues, at);
        }
    }
    let mut taken = Vec::new();
    while !heap.is_empty() {
        let root = heap.swap_remove(0);
        let mut at = 0;
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let time = |slot: usize| queues[heap[slot]][0];
            if left >= heap.len() {
                break;
            }
            let child = if right < heap.len() && time(right) < time(left) { right } else { left };
            if time(at) <= time(child) {
                break;
            }
            heap.swap(at, child);
            at = child;
        }
        taken.push(root);
        queues[root].pop_front();
        if !queues[root].is_empty() {
            rise(&mut heap, &queues, root);
        }
    }
    taken
}

#[test]
fn any_queues_are_merged_as_in_java() {
    for seed in 0..300_u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut random = |n: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % n
        };
        let queues: Vec<Vec<i64>> = (0..=random(7))
            .map(|_| (0..random(6)).map(|_| i64::try_from(random(4)).unwrap()).collect())
            .collect();
        let mut bench = bench(queues.len(), Order::Arrival);
        bench.fill(&queues.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let expected = as_in_java(queues.into_iter().map(VecDeque::from).collect());
        assert_eq!(bench.drain(), expected, "seed {seed}");
    }
}
