//! What a case costs: the processor time of its whole process, start and end included.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use integration_tests::waiting::timed;
use serde::{Deserialize, Serialize};

use crate::case::{Case, Work};

/// What one repetition of a case took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// User and system time of the process, in milliseconds.
    pub(crate) cpu_ms: u64,
    /// The time that passed, in milliseconds.
    pub(crate) wall_ms: u64,
    /// The most memory it held, in KiB.
    pub(crate) peak_kib: u64,
}

impl Measured {
    /// Returns the cheaper of two repetitions, by processor time.
    pub(crate) fn least(self, other: Self) -> Self {
        if other.cpu_ms < self.cpu_ms { other } else { self }
    }
}

/// Does the work and prints what it took, for the process that started this one.
pub(crate) fn tell(work: impl FnOnce()) {
    let ((), wall) = timed(work);
    let measured = Measured { cpu_ms: cpu_ms(), wall_ms: millis(wall), peak_kib: peak_kib() };
    crate::report::tell(&serde_json::to_string(&measured).expect("numbers can be written"));
}

/// Runs a case in a process of its own.
pub(crate) fn child(case: Case, work: &Work) -> Measured {
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program)
        .args(["--bootstrap-servers", &work.bootstrap, "--records", &work.records.to_string()])
        .args(["one", &case.name(), &work.prefix, &work.input])
        .stderr(Stdio::inherit())
        .output()
        .expect("the case can be started");
    assert!(output.status.success(), "{} ended with {}", case.name(), output.status);
    let told = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(told.trim()).expect("a case tells what it took")
}

/// Returns the processor time of this process so far, all threads and those that ended included.
fn cpu_ms() -> u64 {
    /// The kernel counts in hundredths of a second towards programs, whatever its own clock is.
    const MILLIS_PER_TICK: u64 = 10;
    /// Where user and system time stand, counted from behind the program's name.
    const TIMES: [usize; 2] = [11, 12];
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux tells what a process took");
    let (_, fields) = stat.rsplit_once(')').expect("the name is in parentheses");
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = TIMES.map(|at| fields.get(at).and_then(|text| text.parse().ok()).unwrap_or(0_u64));
    ticks.iter().sum::<u64>() * MILLIS_PER_TICK
}

/// Returns the most memory this process ever held.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells what a process holds");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
