//! What a reset would change, worked out of what the cluster holds.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::OffsetsFile;
use crate::error::{Error, Result};
use crate::ids::{Offset, TopicPartition};
use crate::kafka::Offsets;
use crate::time::Timestamp;

/// Where an application's inputs are read from after a reset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StartPosition {
    /// The first records there are.
    #[default]
    Earliest,
    /// The ends: only what comes is read.
    Latest,
    /// Where the group is: only internal topics are deleted.
    Current,
    /// The first records at or after a time.
    Time(Timestamp),
    /// So many records after where the group is, or before it.
    Shift(i64),
    /// The same offset in every partition.
    Offset(Offset),
    /// Partition by partition as a file says; those it does not name stay where they are.
    File(OffsetsFile),
}

/// What happens to one partition of an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartitionChange {
    /// Its topic.
    pub topic: String,
    /// Its number.
    pub partition: i32,
    /// What the group has committed, if anything.
    pub from: Option<i64>,
    /// What it will have committed, if anything.
    pub to: Option<i64>,
    /// Why it is not the offset that was asked for.
    pub note: Option<&'static str>,
}

/// Everything that a reset would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResetPlan {
    /// The application, and with it the group.
    pub application: String,
    /// The partitions of the inputs.
    pub inputs: Vec<PartitionChange>,
    /// Inputs that do not exist; nothing happens to them.
    pub missing_inputs: Vec<String>,
    /// Internal topics that are deleted, with the group's offsets in them.
    pub delete_topics: Vec<String>,
    /// Topics that are left alone although they are named like internal ones of the application: an
    /// earlier topology made them, or another application whose name begins like this one's.
    pub other_topics: Vec<String>,
    /// The directory of local state that is deleted.
    pub local_state: Option<PathBuf>,
}

/// What the cluster holds of the inputs.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) starts: Offsets,
    pub(super) ends: Offsets,
    pub(super) committed: Offsets,
    /// The first offsets at or after the time that was asked for.
    pub(super) at_time: Offsets,
}

const BEFORE_START: &str = "before the first record: set to it";
const BEYOND_END: &str = "beyond the end: set to it";
const NOTHING_SINCE: &str = "no record at or after the time: set to the end";
const NO_OFFSET: &str = "nothing was committed: counted from the first record";
const NOT_IN_FILE: &str = "not in the file: stays";

/// Returns what happens to a partition.
pub(super) fn change(
    partition: TopicPartition,
    facts: &Facts,
    start: &StartPosition,
) -> Result<PartitionChange> {
    let (Some(&first), Some(&end)) = (facts.starts.get(&partition), facts.ends.get(&partition))
    else {
        return Err(Error::state(format!("the offsets of {partition} are unknown")));
    };
    let from = facts.committed.get(&partition).copied();
    let stays = |note| (from, note);
    let (to, note) = match start {
        StartPosition::Earliest => (Some(first), None),
        StartPosition::Latest => (Some(end), None),
        StartPosition::Current => stays(None),
        StartPosition::Time(_) => match facts.at_time.get(&partition) {
            Some(&at) => clamped(at, first, end),
            None => (Some(end), Some(NOTHING_SINCE)),
        },
        StartPosition::Shift(by) => {
            let base = from.unwrap_or(first);
            let (to, note) = clamped(Offset(base.0.saturating_add(*by)), first, end);
            (to, note.or(from.is_none().then_some(NO_OFFSET)))
        }
        StartPosition::Offset(offset) => clamped(*offset, first, end),
        StartPosition::File(file) => match file.offset(&partition) {
            Some(offset) => clamped(offset, first, end),
            None => stays(Some(NOT_IN_FILE)),
        },
    };
    Ok(PartitionChange {
        topic: partition.topic.as_ref().to_owned(),
        partition: partition.partition,
        from: from.map(|offset| offset.0),
        to: to.map(|offset| offset.0),
        note,
    })
}

/// Returns the nearest offset that exists, and a note where it is another one.
fn clamped(offset: Offset, first: Offset, end: Offset) -> (Option<Offset>, Option<&'static str>) {
    match offset {
        offset if offset < first => (Some(first), Some(BEFORE_START)),
        offset if offset > end => (Some(end), Some(BEYOND_END)),
        offset => (Some(offset), None),
    }
}

impl ResetPlan {
    /// Returns the offsets to be committed. What stays is committed again: so the coordinator refuses
    /// the whole if somebody is in the group.
    pub(super) fn offsets(&self) -> Offsets {
        let changes = self.inputs.iter().filter_map(|change| {
            let partition = TopicPartition::new(change.topic.as_str(), change.partition);
            Some((partition, Offset(change.to?)))
        });
        changes.collect()
    }
}

impl fmt::Display for ResetPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = |change: &PartitionChange| format!("{}-{}", change.topic, change.partition);
        let widths = self.inputs.iter().map(|change| label(change).len());
        let width = widths.max().unwrap_or(0).max("INPUT".len());
        writeln!(f, "{:width$}  {:>12}  {:>12}", "INPUT", "FROM", "TO")?;
        for change in &self.inputs {
            let (from, to) = (shown(change.from), shown(change.to));
            let partition = label(change);
            write!(f, "{partition:width$}  {from:>12}  {to:>12}")?;
            match change.note {
                Some(note) => writeln!(f, "  ({note})")?,
                None => writeln!(f)?,
            }
        }
        list(f, "Inputs that do not exist", &self.missing_inputs)?;
        if self.delete_topics.is_empty() {
            writeln!(f, "No internal topic to delete.")?;
        }
        list(
            f,
            "Internal topics to delete, with the group's offsets in them",
            &self.delete_topics,
        )?;
        let other = "Named alike, but not of this topology, so left alone (an earlier one's, or \
                     another application's; --internal-topics deletes by name)";
        list(f, other, &self.other_topics)?;
        match &self.local_state {
            Some(path) => write!(f, "Local state to delete: {}", path.display()),
            None => f.write_str(
                "Local state is left: instances throw it away where it does not fit the new \
                 changelogs; --local-state deletes this machine's",
            ),
        }
    }
}

fn shown(offset: Option<i64>) -> String {
    offset.map_or_else(|| "none".to_owned(), |offset| offset.to_string())
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, topics: &[String]) -> fmt::Result {
    if topics.is_empty() {
        return Ok(());
    }
    writeln!(f, "{title}:")?;
    topics.iter().try_for_each(|topic| writeln!(f, "  {topic}"))
}

#[cfg(test)]
mod tests;
