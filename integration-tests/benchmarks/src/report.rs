//! The table of a run.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::case::Case;
use crate::measure::Measured;

/// Says what is going on.
pub(crate) fn say(message: &str) {
    // There is nobody to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "bench: {message}");
}

/// Prints a line of results.
pub(crate) fn tell(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("results can be printed");
}

/// Prints what all cases took, each beside the bare clients that do the same.
pub(crate) fn print(records: u64, keys: u64, measured: &[(Case, Measured)]) {
    let mut table = format!(
        "{records} records of 100 bytes, {keys} keys; the cheapest repetition of each, whole processes\n\n\
         {:<16} {:>14} {:>9} {:>8} {:>9}   what\n",
        "case", "CPU us/record", "x bare", "wall s", "peak MiB"
    );
    for (case, took) in measured {
        let bare = measured.iter().find(|(other, _)| *other == case.bare());
        let ratio = bare.map_or_else(String::new, |(_, bare)| {
            format!("{:.2}", ratio(took.cpu_ms, bare.cpu_ms))
        });
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "{:<16} {:>14.3} {:>9} {:>8.1} {:>9}   {}",
            case.name(),
            ratio_per(took.cpu_ms * 1_000, records),
            ratio,
            ratio_per(took.wall_ms, 1_000),
            took.peak_kib / 1_024,
            case.help()
        );
    }
    tell(table.trim_end());
}

fn ratio(of: u64, to: u64) -> f64 {
    ratio_per(of, to.max(1))
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn ratio_per(of: u64, to: u64) -> f64 {
    of as f64 / to as f64
}
