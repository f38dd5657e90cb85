//! Reading topics from their starts to their ends as they are now.

use std::collections::BTreeMap;
use std::time::Duration;

use super::stop::Stop;
use crate::error::Result;
use crate::ids::TopicPartition;
use crate::kafka::{Bound, Consumer, FetchLimit, FetchedBatch, Offsets, StartAt};
use crate::record::RawRecord;

/// How much of one partition is taken at a time.
const FETCH: FetchLimit = FetchLimit { records: 10_000, bytes: 4 << 20 };

/// Visits the records of partitions from their starts to these ends; each partition's in order.
pub(super) fn read(
    consumer: &mut dyn Consumer,
    ends: &Offsets,
    (poll, stop): (Duration, &Stop),
    visit: &mut dyn FnMut(&TopicPartition, RawRecord<'_>) -> Result<()>,
) -> Result<()> {
    let mut bounds: BTreeMap<&TopicPartition, Bound> =
        ends.iter().map(|(partition, end)| (partition, Bound::new(None, *end))).collect();
    bounds.retain(|_, bound| !bound.is_reached());
    let from: Vec<_> =
        bounds.keys().map(|partition| ((*partition).clone(), StartAt::Beginning)).collect();
    consumer.assign(&from)?;
    let mut batch = FetchedBatch::default();
    while !bounds.is_empty() {
        stop.check()?;
        consumer.events()?;
        let mut came = false;
        for (partition, bound) in &mut bounds {
            batch.clear();
            let fetched = consumer.fetch(partition, FETCH, &mut batch)?;
            bound.clip(&mut batch, fetched);
            for record in (0..batch.len()).filter_map(|at| batch.get(at)) {
                visit(partition, record)?;
            }
            came |= fetched.records > 0;
        }
        bounds.retain(|_, bound| !bound.is_reached());
        if !came && !bounds.is_empty() {
            consumer.wait(poll);
        }
    }
    consumer.unassign()
}
