//! Reading topics from their starts to their ends as they are now.

use std::collections::BTreeMap;

use super::stall::Stall;
use super::stop::Stop;
use crate::config::Settings;
use crate::error::Result;
use crate::ids::TopicPartition;
use crate::kafka::{Bound, Consumer, FetchLimit, FetchedBatch, Offsets, StartAt};
use crate::record::RawRecord;

/// How much of one partition is taken at a time.
const FETCH: FetchLimit = FetchLimit { records: 10_000, bytes: 4 << 20 };

/// How a read is made, and given up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) settings: &'a Settings,
    pub(super) stop: &'a Stop,
}

impl<'a> Reading<'a> {
    /// Reads as the settings say, until a stop is asked for.
    pub(super) fn new(settings: &'a Settings, stop: &'a Stop) -> Self {
        Self { settings, stop }
    }
}

/// Visits the records of partitions from their starts to these ends; each partition's in order.
pub(super) fn read(
    consumer: &mut dyn Consumer,
    ends: &Offsets,
    Reading { settings, stop }: Reading<'_>,
    visit: &mut dyn FnMut(&TopicPartition, RawRecord<'_>) -> Result<()>,
) -> Result<()> {
    let mut bounds: BTreeMap<&TopicPartition, Bound> =
        ends.iter().map(|(partition, end)| (partition, Bound::new(None, *end))).collect();
    bounds.retain(|_, bound| !bound.is_reached());
    let from: Vec<_> =
        bounds.keys().map(|partition| ((*partition).clone(), StartAt::Beginning)).collect();
    consumer.assign(&from)?;
    let mut batch = FetchedBatch::default();
    let mut stall = Stall::new(settings.task_timeout);
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
        let open = || bounds.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        stall.note(came, open)?;
        if !came && !bounds.is_empty() {
            consumer.wait(settings.poll);
        }
    }
    consumer.assign(&[])
}
