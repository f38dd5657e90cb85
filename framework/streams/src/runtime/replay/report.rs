//! What a rerun did, for people and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::metrics::DroppedRecords;

/// What a rerun did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayReport {
    /// The application.
    pub application: String,
    /// The version.
    pub version: String,
    /// The external inputs, and global tables' topics, with the offsets that were read.
    pub inputs: Vec<InputReport>,
    /// The repartition topics with the ends they were sealed at.
    pub sealed: Vec<SealedTopic>,
    /// The topics the results are in.
    pub outputs: Vec<String>,
    /// Records of external inputs processed.
    pub input_records: u64,
    /// Records processed, those of repartition topics included.
    pub processed_records: u64,
    /// Records written, to outputs and repartition topics.
    pub written_records: u64,
    /// Dropped records by reason.
    pub dropped_records: BTreeMap<String, u64>,
    /// How long it took.
    pub elapsed_seconds: f64,
    /// Records of external inputs per second.
    pub input_records_per_second: f64,
    /// What a reader of the results should know.
    pub warnings: Vec<String>,
}

/// One partition that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InputReport {
    /// The partition.
    pub partition: String,
    /// The first offset there was.
    pub start: i64,
    /// The end that was captured: the first offset that was not read.
    pub end: i64,
}

/// One partition of a repartition topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealedTopic {
    /// The partition.
    pub partition: String,
    /// Its end once everything that feeds it was finished.
    pub end: i64,
}

/// Returns dropped records with their reasons as words.
pub(super) fn dropped(dropped: DroppedRecords) -> BTreeMap<String, u64> {
    dropped.by_reason().map(|(reason, count)| (reason.to_string(), count)).collect()
}

impl fmt::Display for ReplayReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "replay {} of {}", self.version, self.application)?;
        writeln!(
            f,
            "  read     {} records of {} partitions, from their starts to the ends at the start of \
             the run",
            self.input_records,
            self.inputs.len()
        )?;
        if !self.sealed.is_empty() {
            let records: i64 = self.sealed.iter().map(|sealed| sealed.end).sum();
            writeln!(f, "  re-keyed {records} records through {} partitions", self.sealed.len())?;
        }
        writeln!(f, "  wrote    {} records to {}", self.written_records, self.outputs.join(", "))?;
        for (reason, count) in &self.dropped_records {
            writeln!(f, "  dropped  {count} records: {reason}")?;
        }
        for warning in &self.warnings {
            writeln!(f, "  warning  {warning}")?;
        }
        write!(
            f,
            "  took     {:.1} s, {:.0} records/s",
            self.elapsed_seconds, self.input_records_per_second
        )
    }
}
