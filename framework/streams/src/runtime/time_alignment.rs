//! Keeping partitions together in event time (`max.partition.skew.ms`).
//!
//! A catch-up at full speed reads days of one partition in one poll. Re-keyed downstream, these days
//! make the other partitions' records late for their windows. So no external partition with data may
//! run ahead of the slowest one of its thread by more than a bound. Across threads and instances
//! nothing is aligned.

use std::time::Duration;

use crate::task::{PartitionGroup, RecordQueue};
use crate::time::Timestamp;

/// Returns up to which event time external inputs may be processed now.
///
/// A partition that is read to its end holds nobody back. One that may have records on the broker
/// holds the others where it stands itself, also before its first record has come.
pub(super) fn limit<'a>(
    groups: impl Iterator<Item = &'a PartitionGroup>,
    skew: Option<Duration>,
) -> Timestamp {
    let Some(skew) = skew else { return Timestamp::MAX };
    let external = groups.flat_map(PartitionGroup::queues).filter(|queue| queue.is_external());
    let behind = external.filter(|queue| !(queue.is_empty() && queue.is_at_end()));
    let slowest = behind.map(RecordQueue::time).min();
    slowest.map_or(Timestamp::MAX, |slowest| slowest.saturating_add(skew))
}
