//! What came of a run: as a table to read, and as a file to keep.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::case::{Case, Contestant, help, name};
use crate::machine::Machine;
use crate::measure::{Measured, Metric, Spread};

/// All repetitions of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Run {
    machine: Machine,
    /// How many records a case takes.
    records: u64,
    /// Whether time was over before all repetitions were made.
    pub(crate) is_cut_short: bool,
    results: BTreeMap<Case, BTreeMap<Contestant, Vec<Measured>>>,
}

/// What a table shows of a metric: its heading and the digits after the point.
const COLUMNS: [(Metric, &str, usize); 7] = [
    (Metric::CpuUsPerRecord, "CPU us/record", 2),
    (Metric::LateCpuUsPerRecord, "late", 2),
    (Metric::WallS, "wall s", 1),
    (Metric::PeakMib, "peak MiB", 0),
    (Metric::FirstResult, "first result s", 2),
    (Metric::IdleCpu, "idle CPU ms/s", 1),
    (Metric::IdleMemory, "idle MiB", 0),
];

impl Run {
    pub(crate) fn new(records: u64, cases: &[Case], contestants: &[Contestant]) -> Self {
        let none = contestants.iter().map(|contestant| (*contestant, Vec::new()));
        let none: BTreeMap<_, _> = none.collect();
        let results = cases.iter().map(|case| (*case, none.clone())).collect();
        Self { machine: Machine::here(), records, is_cut_short: false, results }
    }

    pub(crate) fn add(&mut self, case: Case, contestant: Contestant, measured: Measured) {
        self.results.entry(case).or_default().entry(contestant).or_default().push(measured);
    }

    /// Returns the spread of a metric, by case and contestant, where it was measured.
    pub(crate) fn spreads(&self, metric: Metric) -> Vec<(Case, Vec<(Contestant, Spread)>)> {
        let cases = self.results.iter().map(|(case, contestants)| {
            let measured = contestants.iter().filter_map(|(contestant, repetitions)| {
                Some((*contestant, Spread::of(repetitions, metric)?))
            });
            (*case, measured.collect::<Vec<_>>())
        });
        cases.filter(|(_, spreads)| !spreads.is_empty()).collect()
    }

    /// Returns what the figures stand for.
    pub(crate) fn title(&self) -> String {
        format!("{} records of 100 bytes; {}", self.records, self.machine)
    }
}

/// Says what is going on.
pub(crate) fn say(message: &str) {
    // There is nobody to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "bench: {message}");
}

/// Prints a table for each case: medians, with the least and the most.
pub(crate) fn print(run: &Run) {
    let mut text = format!("{}\nmedian (least-most) of whole processes\n", run.title());
    if run.is_cut_short {
        text.push_str("time was over before all repetitions were made\n");
    }
    for (case, contestants) in &run.results {
        let _ = writeln!(text, "\n{}: {}", name(case), help(case));
        let columns = columns(contestants);
        let _ = write!(text, "{:<8}", "");
        for (_, heading, _) in &columns {
            let _ = write!(text, "{heading:>22}");
        }
        let _ = writeln!(text, "{:>8}{:>8}", "x bare", "x jvm");
        for (contestant, repetitions) in contestants {
            let _ = write!(text, "{:<8}", name(contestant));
            for (metric, _, digits) in &columns {
                let spread = Spread::of(repetitions, *metric);
                let cell = spread.map(|spread| cell(spread, *digits)).unwrap_or_default();
                let _ = write!(text, "{cell:>22}");
            }
            for other in [Contestant::Bare, Contestant::Jvm] {
                let ratio = ratio(contestants, *contestant, other);
                let _ = write!(text, "{:>8}", ratio.unwrap_or_default());
            }
            text.push('\n');
        }
    }
    // Whoever closed it has seen enough.
    let _ = write!(std::io::stdout(), "{text}");
}

/// Writes all figures.
pub(crate) fn write(run: &Run, path: &Path) {
    let text = serde_json::to_string_pretty(run).expect("numbers can be written");
    fs::write(path, text + "\n").expect("the figures can be kept");
    say(&format!("all figures are in {}", path.display()));
}

/// Returns the columns for which there is anything.
fn columns(contestants: &BTreeMap<Contestant, Vec<Measured>>) -> Vec<(Metric, &str, usize)> {
    let measured = |metric: Metric| {
        contestants.values().flatten().any(|measured| measured.contains_key(&metric))
    };
    COLUMNS.into_iter().filter(|(metric, ..)| measured(*metric)).collect()
}

fn cell(Spread { median, min, max }: Spread, digits: usize) -> String {
    format!("{median:.digits$} ({min:.digits$}-{max:.digits$})")
}

/// Returns how much a contestant takes as a multiple of another, by the first metric there is.
fn ratio(
    contestants: &BTreeMap<Contestant, Vec<Measured>>,
    of: Contestant,
    to: Contestant,
) -> Option<String> {
    let (metric, ..) = *columns(contestants).first()?;
    let median = |contestant| Some(Spread::of(contestants.get(&contestant)?, metric)?.median);
    Some(format!("{:.2}", median(of)? / median(to)?))
}
