//! A process that is looked at from outside, as an operator would: its time and its memory.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use integration_tests::Deadline;
use integration_tests::waiting::eventually;

/// A process under observation; killed if it is dropped before its end.
#[derive(Debug)]
pub(crate) struct Observed {
    child: Child,
    /// Reads what the process tells.
    told: Option<JoinHandle<Option<Half>>>,
    peak_mib: f64,
}

/// What a look at a process shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    has_ended: bool,
    /// User and system time so far, of all threads, those that ended included.
    pub(crate) cpu: Duration,
    /// The memory it holds now.
    pub(crate) resident_mib: f64,
}

/// When a process said that it was half done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Half {
    /// How many records it had processed.
    pub(crate) records: u64,
    /// The time it had taken.
    pub(crate) cpu: Duration,
}

/// What a whole process took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    /// User and system time, of all threads.
    pub(crate) cpu: Duration,
    /// The most memory it held.
    pub(crate) peak_mib: f64,
    /// When it was half done, if it said so.
    pub(crate) half: Option<Half>,
}

/// What a process prints when it is half done, before the number of records.
pub(crate) const HALF: &str = "half ";

impl Observed {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a contestant can be started");
        let output = child.stdout.take().expect("standard output was piped");
        let pid = child.id();
        let told = std::thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.fold(None, |half, line| {
                let records = line.strip_prefix(HALF).and_then(|records| records.parse().ok());
                let now = records.map(|records| Half { records, cpu: look(pid).cpu });
                now.or(half)
            })
        });
        Self { child, told: Some(told), peak_mib: 0.0 }
    }

    /// Looks at the process.
    pub(crate) fn look(&mut self) -> Look {
        let look = look(self.child.id());
        self.peak_mib = self.peak_mib.max(memory_mib(self.child.id(), "VmHWM:"));
        look
    }

    /// Tells the process to end where it waits for that, and watches it until it has.
    pub(crate) fn finish(mut self, deadline: Deadline) -> Ended {
        drop(self.child.stdin.take());
        let last = eventually("the end of a contestant", deadline, || {
            let look = self.look();
            look.has_ended.then_some(look)
        });
        let status = self.child.wait().expect("it has ended");
        assert!(status.success(), "a contestant ended with {status}");
        let half = self.told.take().and_then(|told| told.join().ok()).flatten();
        Ended { cpu: last.cpu, peak_mib: self.peak_mib, half }
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        // Fails where it has ended, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks at a process; one that ended but was not waited for still has its times.
fn look(pid: u32) -> Look {
    /// The kernel counts in hundredths of a second towards programs, whatever its own clock is.
    const MILLIS_PER_TICK: u64 = 10;
    /// Where user and system time stand, counted from behind the program's name.
    const TIMES: [usize; 2] = [11, 12];
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = TIMES.map(|at| fields.get(at).and_then(|text| text.parse().ok()).unwrap_or(0));
    Look {
        has_ended: matches!(fields.first(), None | Some(&"Z")),
        cpu: Duration::from_millis(ticks.iter().sum::<u64>() * MILLIS_PER_TICK),
        resident_mib: memory_mib(pid, "VmRSS:"),
    }
}

/// Returns one of the memory sizes of a process; nothing once it has ended.
fn memory_mib(pid: u32, name: &str) -> f64 {
    const KIB_PER_MIB: f64 = 1_024.0;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / KIB_PER_MIB
}
