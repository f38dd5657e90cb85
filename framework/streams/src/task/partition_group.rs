//! Which record comes next: the smallest timestamp among the heads of a task's inputs (row T3).

use std::collections::BTreeMap;
use std::time::Duration;

use super::TaskInput;
use super::record_queue::RecordQueue;
use crate::config::TaskIdle;
use crate::error::Result;
use crate::ids::TopicPartition;
use crate::kafka::{Commit, Commits, Consumer, FetchLimit, OffsetMetadata, Progress};
use crate::time::Timestamp;

/// How equal timestamps are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// As the JVM library's heap does: it depends on when records arrived.
    Arrival,
    /// By the input's place in the topology, then the partition: it depends on the contents alone.
    Total,
}

/// Whether a task can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// With the head of this queue.
    Ready(usize),
    /// Not now: nothing is there, or something must be waited for.
    Waiting,
}

/// The inputs of a task.
#[derive(Debug)]
pub(crate) struct PartitionGroup {
    queues: Vec<RecordQueue>,
    order: Order,
    /// Indices of queues that have records: a binary heap like `java.util.PriorityQueue`.
    heap: Vec<usize>,
    /// Since when each input has nothing although it is read to its end.
    idle_since: Vec<Option<Duration>>,
    /// How many records were taken although another input had none and was to be waited for.
    enforced: u64,
}

impl PartitionGroup {
    pub(super) fn new(inputs: Vec<TaskInput>, order: Order) -> Self {
        let queues: Vec<RecordQueue> = inputs.into_iter().map(RecordQueue::new).collect();
        let idle_since = vec![None; queues.len()];
        Self { queues, order, heap: Vec::new(), idle_since, enforced: 0 }
    }

    pub(super) fn fetch(
        &mut self,
        consumer: &mut dyn Consumer,
        limit: FetchLimit,
    ) -> Result<usize> {
        let mut records = 0;
        for index in 0..self.queues.len() {
            let Some(queue) = self.queues.get_mut(index) else { break };
            let was_empty = queue.is_empty();
            records += queue.fetch(consumer, limit)?;
            if was_empty && !queue.is_empty() {
                self.offer(index);
            }
        }
        Ok(records)
    }

    /// Adds records to a queue.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn push(&mut self, index: usize, batch: crate::kafka::FetchedBatch) {
        let Some(queue) = self.queues.get_mut(index) else { return };
        let was_empty = queue.is_empty();
        queue.push(batch);
        if was_empty && !queue.is_empty() {
            self.offer(index);
        }
    }

    /// Returns the queue whose head comes next, if the group is ready.
    pub(super) fn next(
        &mut self,
        now: Duration,
        idle: TaskIdle,
        time_limit: Timestamp,
    ) -> Readiness {
        // Patience runs out while nothing at all is there, too.
        let (waits, lacks) = self.waits_for_empty(now, idle);
        let Some(first) = self.first() else { return Readiness::Waiting };
        let beyond = self.queues.get(first).is_some_and(|queue| {
            queue.is_external() && queue.head_time().is_some_and(|time| time > time_limit)
        });
        if beyond || waits {
            return Readiness::Waiting;
        }
        self.enforced += u64::from(lacks);
        Readiness::Ready(first)
    }

    /// Returns the queue with the smallest head, whether or not others are waited for.
    pub(crate) fn first(&self) -> Option<usize> {
        match self.order {
            Order::Arrival => self.heap.first().copied(),
            Order::Total => {
                let with_records = self.heap.iter().filter_map(|&at| {
                    let queue = self.queues.get(at)?;
                    Some((queue.head_time()?, queue.ordinal(), at))
                });
                with_records.min().map(|(.., at)| at)
            }
        }
    }

    /// Notes that the head of a queue was processed.
    pub(super) fn advance(&mut self, index: usize) {
        self.remove(index);
        if let Some(queue) = self.queues.get_mut(index) {
            queue.advance();
            if !queue.is_empty() {
                self.offer(index);
            }
        }
    }

    pub(crate) fn queue(&self, index: usize) -> Option<&RecordQueue> {
        self.queues.get(index)
    }

    pub(crate) fn queues(&self) -> &[RecordQueue] {
        &self.queues
    }

    pub(crate) fn queue_mut(&mut self, index: usize) -> Option<&mut RecordQueue> {
        self.queues.get_mut(index)
    }

    /// Returns whether some input has another offset to commit than the last one.
    pub(super) fn has_moved(&self) -> bool {
        self.queues.iter().any(RecordQueue::has_moved)
    }

    /// Notes that all offsets were committed.
    pub(super) fn note_committed(&mut self) {
        self.queues.iter_mut().for_each(RecordQueue::note_committed);
    }

    /// Returns the offsets to commit, each with its partition's time and the progress of all.
    pub(super) fn commits(&self, progress: &Progress) -> Commits {
        let commits = self.queues.iter().filter_map(|queue| {
            let offset = queue.committable()?;
            let (partition_time, progress) = (queue.processed_time(), progress.clone());
            let metadata = OffsetMetadata { partition_time, progress }.encode();
            Some(((**queue.partition()).clone(), Commit { offset, metadata }))
        });
        commits.collect()
    }

    /// Returns how many records were taken although another input had none.
    pub(super) fn enforced(&self) -> u64 {
        self.enforced
    }

    /// Restores the times of partitions, and shows what was committed of each.
    pub(super) fn resume(
        &mut self,
        committed: &BTreeMap<TopicPartition, OffsetMetadata>,
        mut show: impl FnMut(&OffsetMetadata),
    ) {
        for queue in &mut self.queues {
            if let Some(metadata) = committed.get(&**queue.partition()) {
                queue.resume(metadata.partition_time);
                show(metadata);
            }
        }
    }

    /// Returns whether an input without records is worth waiting for: as long as there may be some on
    /// the broker, and then as long as the idle time says, for each input on its own; and whether one
    /// was waited for and has nothing still.
    fn waits_for_empty(&mut self, now: Duration, idle: TaskIdle) -> (bool, bool) {
        let TaskIdle::For(patience) = idle else { return (false, false) };
        let (mut waits, mut lacks) = (false, false);
        for (queue, idle_since) in self.queues.iter().zip(&mut self.idle_since) {
            if !queue.is_empty() {
                *idle_since = None;
            } else if !queue.is_at_end() {
                *idle_since = None;
                waits = true;
            } else {
                waits |= now.saturating_sub(*idle_since.get_or_insert(now)) < patience;
                lacks = true;
            }
        }
        (waits, lacks)
    }

    fn time_of(&self, index: usize) -> Timestamp {
        self.queues.get(index).and_then(RecordQueue::head_time).unwrap_or(Timestamp::MAX)
    }

    /// Adds a queue to the heap: it rises while strictly smaller than its parent.
    fn offer(&mut self, index: usize) {
        self.heap.push(index);
        let mut at = self.heap.len() - 1;
        while at > 0 {
            let parent = (at - 1) / 2;
            if self.heap_time(at) >= self.heap_time(parent) {
                break;
            }
            self.heap.swap(at, parent);
            at = parent;
        }
    }

    /// Takes a queue out of the heap; it is the root unless the order is total.
    fn remove(&mut self, index: usize) {
        let Some(mut at) = self.heap.iter().position(|&queue| queue == index) else { return };
        self.heap.swap_remove(at);
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            if left >= self.heap.len() {
                break;
            }
            let right_is_smaller =
                right < self.heap.len() && self.heap_time(right) < self.heap_time(left);
            let child = if right_is_smaller { right } else { left };
            if self.heap_time(at) <= self.heap_time(child) {
                break;
            }
            self.heap.swap(at, child);
            at = child;
        }
    }

    fn heap_time(&self, at: usize) -> Timestamp {
        self.heap.get(at).map_or(Timestamp::MAX, |&queue| self.time_of(queue))
    }
}

#[cfg(test)]
mod tests;
