//! From the start of a process to its first result, and what it takes while nothing comes.

use std::process::Command;
use std::time::Duration;

use integration_tests::waiting::{eventually, timed};
use integration_tests::{Deadline, clients};

use crate::case::Work;
use crate::input::PARTITIONS;
use crate::measure::{LIMIT, Measured, Metric};
use crate::observed::Observed;

/// How long a process is watched doing nothing.
const IDLE: Duration = Duration::from_secs(10);
/// How long one look for the first result takes.
const LOOK: Duration = Duration::from_millis(1);

/// Returns once the process that started this one has seen enough.
pub(crate) fn until_told() {
    // What is read does not matter, and neither does how it ends.
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// Starts a contestant, waits for its first result, and lets it be idle for a while.
pub(crate) fn measure(command: Command, work: &Work) -> Measured {
    let settings = [("fetch.wait.max.ms", "100")];
    let results = clients::consumer(&work.bootstrap, None, &settings);
    clients::assign_from_start(&results, &work.output(), PARTITIONS);
    // Its first answers: so that it is connected when the clock starts.
    let _ = results.poll(Duration::from_millis(500));
    let deadline = Deadline::after(LIMIT);
    let (mut process, first_result) = timed(|| {
        let process = Observed::start(command);
        let first = eventually("the first result", deadline, || results.poll(LOOK));
        first.expect("results can be read");
        process
    });
    let before = process.look();
    let idle = Deadline::after(IDLE);
    let after = eventually("the end of idleness", deadline, || {
        let now = process.look();
        (!idle.is_open()).then_some(now)
    });
    let cpu = after.cpu.saturating_sub(before.cpu);
    process.finish(deadline);
    Measured::from([
        (Metric::FirstResult, first_result.as_secs_f64()),
        (Metric::IdleCpu, cpu.as_secs_f64() * 1_000.0 / IDLE.as_secs_f64()),
        (Metric::IdleMemory, after.resident_mib),
    ])
}
