//! What a run reads: every partition of its external inputs and global tables, from where to where.
//!
//! Captured once, at the start, before anything is changed; never asked for again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::InputReport;
use crate::error::Result;
use crate::ids::{Offset, TopicPartition};
use crate::kafka::{Admin, Offsets};
use crate::runtime::topics;
use crate::topology::{PartitionCounts, Topology};

/// The inputs of a run, as they were at its start.
#[derive(Debug)]
pub(super) struct Inputs {
    /// Partitions by topic.
    pub(super) counts: BTreeMap<Arc<str>, usize>,
    pub(super) starts: Offsets,
    pub(super) ends: Offsets,
    global: BTreeSet<Arc<str>>,
}

impl Inputs {
    /// Asks where all inputs begin and end now.
    ///
    /// # Errors
    ///
    /// Where an input is missing, or joined ones do not fit.
    pub(super) fn capture(admin: &dyn Admin, topology: &Topology) -> Result<Self> {
        let counts = topics::inputs(admin, topology)?;
        PartitionCounts::resolve(topology, &counts)?;
        let partitions: Vec<TopicPartition> = counts
            .iter()
            .flat_map(|(topic, &count)| {
                let count = i32::try_from(count).unwrap_or(i32::MAX);
                (0..count).map(|partition| TopicPartition::new(topic.clone(), partition))
            })
            .collect();
        // Ends first: what retention deletes in between moves a start, and is told.
        let ends = admin.end_offsets(&partitions)?;
        let starts = admin.start_offsets(&partitions)?;
        let globals = topology.graph().globals.iter();
        Ok(Self { counts, starts, ends, global: globals.map(|it| it.topic.clone()).collect() })
    }

    /// Returns where to start reading a partition.
    pub(super) fn start(&self, partition: &TopicPartition) -> Option<Offset> {
        self.starts.get(partition).copied()
    }

    /// Returns the number of records that streams and tables have, at most.
    pub(super) fn records(&self) -> u64 {
        let streamed = self.ends.iter().filter(|(at, _)| !self.global.contains(&at.topic));
        let spans = streamed.map(|(at, end)| {
            let start = self.start(at).unwrap_or(Offset::ZERO);
            u64::try_from(end.0 - start.0).unwrap_or(0)
        });
        spans.sum()
    }

    /// Returns what was read, for the report.
    pub(super) fn reports(&self) -> Vec<InputReport> {
        let report = |(at, end): (&TopicPartition, &Offset)| InputReport {
            partition: at.to_string(),
            start: self.start(at).unwrap_or(Offset::ZERO).0,
            end: end.0,
        };
        self.ends.iter().map(report).collect()
    }

    /// Returns what a reader of the results should know: history that is gone, partitions that came.
    pub(super) fn warnings(&self, admin: &dyn Admin, topology: &Topology) -> Result<Vec<String>> {
        let trimmed = self.starts.iter().filter(|(_, start)| **start > Offset::ZERO);
        let mut warnings: Vec<String> = trimmed
            .map(|(at, start)| {
                format!("{at} begins at offset {start}: what was before is deleted and not in here")
            })
            .collect();
        for (topic, count) in topics::inputs(admin, topology)? {
            let before = self.counts.get(&topic).copied().unwrap_or(0);
            if count > before {
                warnings.push(format!(
                    "{topic} had {before} partitions at the start and has {count} now: what is in \
                     the new ones is not in here"
                ));
            }
        }
        Ok(warnings)
    }
}
