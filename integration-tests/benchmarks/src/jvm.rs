//! Kafka Streams' side of each case: a program in `java/`, started here.

use std::process::Command;

use crate::case::{Case, Work};
use crate::engine::Cache;
use crate::measure::COMMIT_INTERVAL_MS;

/// The heap that an operator would give it.
const HEAP: &str = "-Xmx2g";
const MAIN: &str = "kappa.benchmarks.Main";

/// Returns the command that does a case's work.
pub(crate) fn command(classpath: &str, case: Case, work: &Work) -> Command {
    let what = match case {
        Case::Copy => "copy",
        Case::Restore => "restore",
        Case::Start => "start",
        // Under a fresh id: it knows no other way to run again.
        Case::Rerun => "count",
        Case::Count | Case::CountUncached | Case::CountWide | Case::CountWideUncached => "count",
    };
    let cached = case.cache() == Cache::Default;
    let mut command = Command::new("java");
    command.args([HEAP, "-cp", classpath, MAIN]);
    command.args([
        format!("work={what}"),
        format!("bootstrap={}", work.bootstrap),
        format!("application={}", work.application),
        format!("input={}", work.input),
        format!("output={}", work.output()),
        format!("records={}", work.records),
        format!("cached={cached}"),
        format!("commit={COMMIT_INTERVAL_MS}"),
    ]);
    command
}
