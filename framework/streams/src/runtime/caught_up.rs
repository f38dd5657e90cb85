//! Whether an application has read everything there is.

use std::sync::Arc;

use super::application::Application;
use crate::error::Result;
use crate::ids::{Offset, TopicPartition};
use crate::kafka::{Admin, Offsets};
use crate::task::TaskInput;

/// Watches a group's committed offsets until they are at the ends of all inputs.
///
/// External inputs count as far as they reached when watching began. Repartition topics are written
/// meanwhile: their ends are taken once all that feeds them is committed, stage by stage. Offsets are
/// the group's, so that it does not matter which instance has done the work.
#[derive(Debug)]
pub(super) struct CaughtUp {
    /// Partitions by stage: external inputs first, then repartition topics in the order they feed one
    /// another.
    stages: Vec<Vec<TopicPartition>>,
    stage: usize,
    ends: Offsets,
}

impl CaughtUp {
    pub(super) fn begin(app: &Arc<Application>, admin: &dyn Admin) -> Result<Self> {
        let stages = stages(app);
        let first = stages.first().map_or(&[][..], Vec::as_slice);
        let ends = admin.end_offsets(first)?;
        Ok(Self { stages, stage: 0, ends })
    }

    /// Looks at what is committed now; returns whether it is all there is.
    pub(super) fn is_done(&mut self, app: &Arc<Application>, admin: &dyn Admin) -> Result<bool> {
        let group = app.deployment.names().application_id();
        while let Some(partitions) = self.stages.get(self.stage) {
            let committed = admin.committed(group, partitions)?;
            let starts = admin.start_offsets(partitions)?;
            if !partitions.iter().all(|at| has_reached(at, &self.ends, &committed, &starts)) {
                return Ok(false);
            }
            self.stage += 1;
            let next = self.stages.get(self.stage).map_or(&[][..], Vec::as_slice);
            self.ends = admin.end_offsets(next)?;
        }
        Ok(true)
    }
}

/// Returns whether a partition is committed up to its end, or has nothing to read before it.
pub(super) fn has_reached(
    partition: &TopicPartition,
    ends: &Offsets,
    committed: &Offsets,
    starts: &Offsets,
) -> bool {
    let end = ends.get(partition).copied().unwrap_or(Offset::ZERO);
    let start = starts.get(partition).copied().unwrap_or(Offset::ZERO);
    committed.get(partition).copied().unwrap_or(start).max(start) >= end
}

/// Returns the partitions of external inputs, then those of repartition topics: one stage per step that
/// records can make from topic to topic.
fn stages(app: &Arc<Application>) -> Vec<Vec<TopicPartition>> {
    let (external, internal): (Vec<TaskInput>, Vec<TaskInput>) =
        app.deployment.all_partitions().into_iter().partition(|input| input.external);
    let names = |inputs: Vec<TaskInput>| -> Vec<TopicPartition> {
        inputs.into_iter().map(|input| (*input.partition).clone()).collect()
    };
    let mut stages = vec![names(external)];
    let internal = names(internal);
    // A record passes through each repartition topic once at most, so that looking at all of them as
    // often as there are topics covers every way.
    for _ in app.deployment.repartition_topics() {
        stages.push(internal.clone());
    }
    stages
}
