//! Whether live and a rerun have read the same.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::error::Result;
use crate::ids::{Offset, TopicPartition};
use crate::kafka::{Admin, Offsets};
use crate::task::Deployment;
use crate::topology::TopicNames;

/// A partition of which live and rerun have not read the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CutMismatch {
    /// The partition.
    pub partition: String,
    /// What live has committed.
    pub live: Option<i64>,
    /// What it should have: where the rerun ended, or the end of a repartition topic.
    pub expected: Option<i64>,
    /// In words.
    pub why: &'static str,
}

impl fmt::Display for CutMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |offset: Option<i64>| offset.map_or("nothing".to_owned(), |o| o.to_string());
        let Self { partition, live, expected, why } = self;
        write!(f, "{partition}: live {}, expected {}: {why}", shown(*live), shown(*expected))
    }
}

/// Returns the partitions of which live and rerun have not read the same; none if the cut is the same.
pub(super) fn mismatches(
    admin: &dyn Admin,
    live: &Deployment,
    rerun: &TopicNames,
    input_counts: &BTreeMap<Arc<str>, usize>,
) -> Result<Vec<CutMismatch>> {
    let (external, internal): (Vec<_>, Vec<_>) =
        live.all_partitions().into_iter().partition(|input| input.external);
    let names = |inputs: Vec<crate::task::TaskInput>| -> Vec<TopicPartition> {
        inputs.into_iter().map(|input| (*input.partition).clone()).collect()
    };
    let (external, internal) = (names(external), names(internal));
    let mut found = Vec::new();
    found.extend(inputs(admin, live, rerun, &external)?);
    found.extend(drained(admin, live, &internal)?);
    found.extend(global_tables(admin, live, rerun, input_counts)?);
    found.extend(trimmed(admin, live, rerun)?);
    Ok(found)
}

fn inputs(
    admin: &dyn Admin,
    live: &Deployment,
    rerun: &TopicNames,
    partitions: &[TopicPartition],
) -> Result<Vec<CutMismatch>> {
    let group = live.names().application_id();
    let committed = admin.committed(group, partitions)?;
    let ends = admin.committed(rerun.application_id(), partitions)?;
    let starts = admin.start_offsets(partitions)?;
    Ok(partitions
        .iter()
        .filter_map(|partition| {
            let Some(&end) = ends.get(partition) else {
                let why = "this version has no finished replay that has read it";
                return Some(mismatch(partition, committed.get(partition), None, why));
            };
            // A partition of which nothing was ever there to read has no committed offset.
            let start = starts.get(partition).copied().unwrap_or(Offset::ZERO);
            let at = committed.get(partition).copied().unwrap_or(start.min(end));
            let why = if at < end {
                "live is behind the replay"
            } else {
                "live has gone on since the replay"
            };
            (at != end).then(|| mismatch(partition, committed.get(partition), Some(end), why))
        })
        .collect())
}

/// Live's repartition topics must be processed to their ends, or results are still under way.
fn drained(
    admin: &dyn Admin,
    live: &Deployment,
    partitions: &[TopicPartition],
) -> Result<Vec<CutMismatch>> {
    let names: Vec<Arc<str>> =
        live.repartition_topics().into_iter().map(|(name, _)| name).collect();
    let existing = admin.partition_counts(&names)?;
    let partitions: Vec<TopicPartition> = partitions
        .iter()
        .filter(|partition| existing.contains_key(&partition.topic))
        .cloned()
        .collect();
    let committed = admin.committed(live.names().application_id(), &partitions)?;
    let ends = admin.end_offsets(&partitions)?;
    let starts = admin.start_offsets(&partitions)?;
    Ok(ends
        .iter()
        .filter_map(|(partition, end)| {
            let start = starts.get(partition).copied().unwrap_or(Offset::ZERO);
            let at = committed.get(partition).copied().unwrap_or(start).max(start);
            let why = "live has not processed all of this repartition topic";
            (at < *end).then(|| mismatch(partition, committed.get(partition), Some(*end), why))
        })
        .collect())
}

/// The topics of global tables must not have grown since the rerun; live follows them without offsets.
fn global_tables(
    admin: &dyn Admin,
    live: &Deployment,
    rerun: &TopicNames,
    counts: &BTreeMap<Arc<str>, usize>,
) -> Result<Vec<CutMismatch>> {
    let globals = live.topology().graph().globals.iter();
    let partitions: Vec<TopicPartition> = globals
        .flat_map(|global| {
            let count = counts.get(&global.topic).copied().unwrap_or(0);
            let count = i32::try_from(count).unwrap_or(i32::MAX);
            (0..count).map(|partition| TopicPartition::new(global.topic.clone(), partition))
        })
        .collect();
    let read: Offsets = admin.committed(rerun.application_id(), &partitions)?;
    let ends = admin.end_offsets(&partitions)?;
    Ok(ends
        .iter()
        .filter(|(partition, end)| read.get(*partition) != Some(*end))
        .map(|(partition, end)| {
            let why = "the global table has been updated since the replay";
            mismatch(partition, Some(end), read.get(partition).copied(), why)
        })
        .collect())
}

/// Results whose beginning is deleted are not all there: what is left may be equal by chance.
fn trimmed(admin: &dyn Admin, live: &Deployment, rerun: &TopicNames) -> Result<Vec<CutMismatch>> {
    let outputs = live.topology().output_topics();
    let sides = outputs.iter().flat_map(|topic| [live.names().sink(topic), rerun.sink(topic)]);
    let counts = admin.partition_counts(&sides.collect::<Vec<_>>())?;
    let partitions: Vec<TopicPartition> = counts
        .into_iter()
        .flat_map(|(topic, count)| {
            let count = i32::try_from(count).unwrap_or(i32::MAX);
            (0..count).map(move |partition| TopicPartition::new(topic.clone(), partition))
        })
        .collect();
    let starts = admin.start_offsets(&partitions)?;
    let deleted = starts.iter().filter(|(_, start)| **start > Offset::ZERO);
    let why =
        "the beginning of these results is deleted: keep them (retention.ms=-1, or compaction)";
    Ok(deleted.map(|(at, start)| mismatch(at, Some(start), Some(Offset::ZERO), why)).collect())
}

fn mismatch(
    partition: &TopicPartition,
    live: Option<&Offset>,
    expected: Option<Offset>,
    why: &'static str,
) -> CutMismatch {
    CutMismatch {
        partition: partition.to_string(),
        live: live.map(|offset| offset.0),
        expected: expected.map(|offset| offset.0),
        why,
    }
}
