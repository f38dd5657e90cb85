//! Keeping partitions together in event time (`max.partition.skew.ms`).
//!
//! A catch-up at full speed reads days of one partition in one poll. Re-keyed downstream, these days
//! make the other partitions' records late for their windows. So no external partition with data may
//! run ahead of the slowest one of its thread by more than a bound. Across threads and instances
//! nothing is aligned.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::ids::TopicPartition;
use crate::task::{PartitionGroup, RecordQueue};
use crate::time::Timestamp;

/// How long an idle partition holds others back that run ahead: its records may have been written with
/// theirs and not have been fetched yet, or be written a moment later.
const PATIENCE: Duration = Duration::from_secs(1);

/// What one thread knows of how far its partitions are.
#[derive(Debug, Default)]
pub(super) struct TimeAlignment {
    /// The partitions when all had been read to their ends last, and how many records of each had come.
    settled: BTreeMap<Arc<TopicPartition>, u64>,
    /// The largest event time by then.
    settled_time: Timestamp,
    is_settled: bool,
    /// Since when idle partitions hold others back, and whether they did for long enough.
    holding_since: Option<Duration>,
    has_held: bool,
}

/// How one external partition stands.
#[derive(Debug, Clone, Copy)]
struct Standing<'a> {
    partition: &'a Arc<TopicPartition>,
    /// Its next record's timestamp.
    head: Option<Timestamp>,
    /// That, or the last one's.
    time: Timestamp,
    /// Whether everything there is was processed, as far as is known.
    is_idle: bool,
    /// How many of its records have come.
    consumed: u64,
}

impl TimeAlignment {
    /// Returns up to which event time external inputs may be processed now.
    ///
    /// A partition that may have records on the broker holds the others where it stands itself, also
    /// before its first record has come. One that was read to its end holds nobody back, if that was
    /// since everything was read to its end the last time; if it was before, it may have got its part of
    /// what the others have got since, and holds those for a moment that would run ahead of that time.
    pub(super) fn limit<'a>(
        &mut self,
        groups: impl Iterator<Item = &'a PartitionGroup>,
        skew: Option<Duration>,
        now: Duration,
    ) -> Timestamp {
        let Some(skew) = skew else { return Timestamp::MAX };
        let external = groups.flat_map(PartitionGroup::queues).filter(|queue| queue.is_external());
        let standings: Vec<Standing<'_>> = external.map(standing).collect();
        self.limit_of(&standings, skew, now)
    }

    fn limit_of(&mut self, all: &[Standing<'_>], skew: Duration, now: Duration) -> Timestamp {
        if all.iter().all(|one| one.is_idle) {
            if !self.is_settled {
                self.settle(all);
            }
            return Timestamp::MAX;
        }
        self.is_settled = false;
        let slowest = all.iter().filter(|one| !one.is_idle).map(|one| one.time).min();
        let limit = slowest.map_or(Timestamp::MAX, |slowest| slowest.saturating_add(skew));
        let held = self.held_by_idle(all).map_or(Timestamp::MAX, |time| time.saturating_add(skew));
        if held >= limit || !all.iter().filter_map(|one| one.head).any(|head| head > held) {
            return limit.min(held);
        }
        if now.saturating_sub(*self.holding_since.get_or_insert(now)) < PATIENCE {
            return held;
        }
        self.has_held = true;
        limit
    }

    /// Returns the event time at which partitions hold others back that have had no record since all
    /// were read to their ends.
    fn held_by_idle(&self, all: &[Standing<'_>]) -> Option<Timestamp> {
        let is_behind = |one: &&Standing<'_>| {
            one.is_idle && self.settled.get(one.partition) == Some(&one.consumed)
        };
        let is_held = !self.has_held && all.iter().any(|one| is_behind(&one));
        is_held.then_some(self.settled_time)
    }

    fn settle(&mut self, all: &[Standing<'_>]) {
        self.settled = all.iter().map(|one| (one.partition.clone(), one.consumed)).collect();
        self.settled_time = all.iter().map(|one| one.time).max().unwrap_or_default();
        self.is_settled = true;
        self.holding_since = None;
        self.has_held = false;
    }
}

fn standing(queue: &RecordQueue) -> Standing<'_> {
    Standing {
        partition: queue.partition(),
        head: queue.head_time(),
        time: queue.time(),
        is_idle: queue.is_empty() && queue.is_at_end(),
        consumed: queue.consumed_records(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKEW: Duration = Duration::from_millis(100);

    /// Partitions 0 and 1.
    struct Two([Arc<TopicPartition>; 2]);

    impl Two {
        fn new() -> Self {
            Self([0, 1].map(|partition| Arc::new(TopicPartition::new("t", partition))))
        }

        /// One that has had so many records, the last at this time.
        fn idle(&self, at: usize, consumed: u64, time: i64) -> Standing<'_> {
            let time = Timestamp::from_millis(time);
            Standing { partition: &self.0[at], head: None, time, is_idle: true, consumed }
        }

        fn busy(&self, at: usize, consumed: u64, head: i64) -> Standing<'_> {
            let time = Timestamp::from_millis(head);
            Standing { partition: &self.0[at], head: Some(time), time, is_idle: false, consumed }
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn the_slowest_partition_with_data_holds_the_others() {
        let (two, mut alignment) = (Two::new(), TimeAlignment::default());
        let mut limit = |all: &[Standing<'_>]| alignment.limit_of(all, SKEW, Duration::ZERO);
        assert_eq!(limit(&[two.busy(0, 5, 1_000), two.busy(1, 5, 700)]), at(800));
        // Its records may be on their way.
        let unknown = Standing { is_idle: false, ..two.idle(1, 0, 40) };
        assert_eq!(limit(&[two.busy(0, 5, 1_000), unknown]), at(140));
        // It was read to its end since the thread began.
        assert_eq!(limit(&[two.busy(0, 5, 1_000), two.idle(1, 3, 40)]), at(1_100));
        assert_eq!(limit(&[two.idle(0, 9, 2_000), two.idle(1, 3, 40)]), Timestamp::MAX);
    }

    #[test]
    fn an_idle_partition_holds_a_burst_for_a_moment() {
        let (two, mut alignment) = (Two::new(), TimeAlignment::default());
        let mut limit = |all: &[Standing<'_>], millis: u64| {
            alignment.limit_of(all, SKEW, Duration::from_millis(millis))
        };
        assert_eq!(limit(&[two.idle(0, 5, 1_000), two.idle(1, 5, 400)], 0), Timestamp::MAX);
        // In the flow of time nobody is held, however long the other has been idle.
        assert_eq!(limit(&[two.busy(0, 6, 1_050), two.idle(1, 5, 400)], 10), at(1_100));
        // A jump is, until the other's part has come, too.
        assert_eq!(limit(&[two.busy(0, 9, 9_000), two.idle(1, 5, 400)], 20), at(1_100));
        assert_eq!(limit(&[two.busy(0, 9, 9_000), two.busy(1, 9, 1_020)], 500), at(1_120));
        // It has been read to its end since.
        assert_eq!(limit(&[two.busy(0, 9, 9_000), two.idle(1, 9, 8_000)], 600), at(9_100));
        // Nor is one that has none held for long; until all is read again.
        assert_eq!(limit(&[two.idle(0, 9, 9_000), two.idle(1, 9, 8_000)], 700), Timestamp::MAX);
        assert_eq!(limit(&[two.busy(0, 20, 20_000), two.idle(1, 9, 8_000)], 800), at(9_100));
        assert_eq!(limit(&[two.busy(0, 20, 20_000), two.idle(1, 9, 8_000)], 1_799), at(9_100));
        assert_eq!(limit(&[two.busy(0, 20, 20_000), two.idle(1, 9, 8_000)], 1_800), at(20_100));
        assert_eq!(limit(&[two.busy(0, 20, 90_000), two.idle(1, 9, 8_000)], 1_801), at(90_100));
        assert_eq!(limit(&[two.idle(0, 30, 90_000), two.idle(1, 9, 8_000)], 2_000), Timestamp::MAX);
        assert_eq!(limit(&[two.busy(0, 31, 95_000), two.idle(1, 9, 8_000)], 3_000), at(90_100));
    }
}
