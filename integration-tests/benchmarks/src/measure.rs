//! One repetition of a case by one contestant, and what all of them come to.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use integration_tests::Deadline;
use integration_tests::waiting::timed;
use serde::Serialize;

use crate::observed::{HALF, Observed};

/// How long a repetition may take at all.
pub(crate) const LIMIT: Duration = Duration::from_secs(600);
/// How often everybody commits, in milliseconds.
pub(crate) const COMMIT_INTERVAL_MS: &str = "1000";

/// What is measured of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metric {
    /// User and system time of all of it, in microseconds per record.
    CpuUsPerRecord,
    /// The same of the second half of the records, when a JVM is warm.
    LateCpuUsPerRecord,
    /// The time that passed, in seconds.
    WallS,
    /// The most memory it held.
    PeakMib,
    /// The time from the start of the process to its first result, in seconds.
    FirstResult,
    /// Processor time while nothing comes, in milliseconds per second.
    IdleCpu,
    /// Memory while nothing comes.
    IdleMemory,
}

/// What one repetition took.
pub(crate) type Measured = BTreeMap<Metric, f64>;

/// What the repetitions of one contestant took.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Returns the spread of a metric over repetitions, if it was measured.
    pub(crate) fn of(repetitions: &[Measured], metric: Metric) -> Option<Self> {
        let values = repetitions.iter().filter_map(|measured| measured.get(&metric));
        let mut values: Vec<f64> = values.copied().collect();
        values.sort_unstable_by(f64::total_cmp);
        let middle = values.len() / 2;
        let upper = *values.get(middle)?;
        let lower = if values.len().is_multiple_of(2) { *values.get(middle - 1)? } else { upper };
        let median = f64::midpoint(lower, upper);
        Some(Self { median, min: *values.first()?, max: *values.last()? })
    }
}

/// Watches a process from its start to its end.
pub(crate) fn whole(command: Command, records: u64) -> Measured {
    let deadline = Deadline::after(LIMIT);
    let (ended, wall) = timed(|| Observed::start(command).finish(deadline));
    let mut measured = Measured::from([
        (Metric::CpuUsPerRecord, per_record(ended.cpu, records)),
        (Metric::WallS, wall.as_secs_f64()),
        (Metric::PeakMib, ended.peak_mib),
    ]);
    if let Some(half) = ended.half.filter(|half| half.records < records) {
        let late = per_record(ended.cpu.saturating_sub(half.cpu), records - half.records);
        measured.insert(Metric::LateCpuUsPerRecord, late);
    }
    measured
}

/// Says how far this process is, to the one that measures it.
pub(crate) fn tell_half(records: u64) {
    let mut output = std::io::stdout();
    writeln!(output, "{HALF}{records}").expect("somebody reads it");
    output.flush().expect("somebody reads it");
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn per_record(time: Duration, records: u64) -> f64 {
    time.as_secs_f64() * 1e6 / records.max(1) as f64
}
