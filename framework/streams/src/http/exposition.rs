//! What an application says of itself in the Prometheus text format.

use std::fmt::Write;

use crate::runtime::ClientState;
use crate::runtime::health::Vitals;

const STATES: [ClientState; 7] = [
    ClientState::Created,
    ClientState::Rebalancing,
    ClientState::Running,
    ClientState::PendingShutdown,
    ClientState::NotRunning,
    ClientState::PendingError,
    ClientState::Error,
];

/// Returns state, threads and progress in the Prometheus text format.
#[must_use]
pub fn exposition(vitals: &Vitals) -> String {
    let mut text = String::new();
    head(&mut text, "kappa_client_state", "gauge", "1 for the state that the client is in");
    for state in STATES {
        let is = u8::from(state == vitals.state);
        let _ = writeln!(text, "kappa_client_state{{state=\"{state}\"}} {is}");
    }
    for (name, value) in &vitals.progress {
        let name = format!("kappa_{name}");
        head(&mut text, &name, "gauge", "since the start");
        let _ = writeln!(text, "{name} {value}");
    }
    let name = "kappa_thread_silence_seconds";
    head(&mut text, name, "gauge", "how long the loop of a thread has not come round");
    for thread in &vitals.threads {
        let (number, silence) = (thread.number, thread.silent_for.as_secs_f64());
        let _ = writeln!(text, "{name}{{thread=\"{number}\"}} {silence}");
    }
    let name = "kappa_thread_tasks";
    head(&mut text, name, "gauge", "how many tasks a thread runs");
    for thread in &vitals.threads {
        let _ = writeln!(text, "{name}{{thread=\"{}\"}} {}", thread.number, thread.tasks.len());
    }
    text
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}
