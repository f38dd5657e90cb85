//! What probes are answered: has it started, is it ready, does it live.
//!
//! An answer follows from what the process knows of itself, and asks nobody: a broker that is down makes
//! no application unhealthy, since restarting it mends nothing. And an answer that is no has its reasons.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use serde::Serialize;

use super::client_state::ClientState;
use super::thread_state::ThreadState;
use crate::config::Settings;
use crate::ids::TaskId;

/// A question about the health of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Was the topology built, has Kafka answered, were topics checked?
    Startup,
    /// Does it do its work, or nearly?
    Ready,
    /// Does each thread go on?
    Live,
}

/// How far an application's start has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum StartStage {
    /// Nothing was done yet.
    Created,
    /// Kafka has not answered yet.
    Kafka,
    /// Topics are checked, and made where they are missing.
    Topics,
    /// The ids of the schemas that are written are asked for.
    Registry,
    /// Global tables are read.
    GlobalTables,
    /// Threads are made.
    Threads,
    /// All of that is done.
    Done,
}

impl fmt::Display for StartStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "not started yet",
            Self::Kafka => "waiting for Kafka",
            Self::Topics => "checking and making topics",
            Self::Registry => "waiting for the schema registry",
            Self::GlobalTables => "reading global tables",
            Self::Threads => "starting threads",
            Self::Done => "started",
        })
    }
}

/// Where the stage is kept.
#[derive(Debug, Default)]
pub(super) struct StageCell(AtomicU8);

impl StageCell {
    pub(super) fn set(&self, stage: StartStage) {
        self.0.store(stage as u8, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> StartStage {
        use StartStage::{Created, Done, GlobalTables, Kafka, Registry, Threads, Topics};
        let stages = [Created, Kafka, Topics, Registry, GlobalTables, Threads, Done];
        let stage = usize::from(self.0.load(Ordering::Relaxed));
        stages.get(stage).copied().unwrap_or(Created)
    }
}

/// What there is to say of an application at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vitals {
    /// How far its start has come.
    pub stage: StartStage,
    /// Its state.
    pub state: ClientState,
    /// Whether it was asked to stop.
    pub is_stopping: bool,
    /// Its stream threads; a rerun has one.
    pub threads: Vec<ThreadVitals>,
    /// What it has done so far, by name: `processed_records` and the like.
    pub progress: BTreeMap<&'static str, u64>,
}

/// What there is to say of one thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadVitals {
    /// The number in its name, from one.
    pub number: usize,
    /// Its state.
    pub state: ThreadState,
    /// How long it has been in that state.
    pub state_for: Duration,
    /// The tasks it runs; those whose state is being restored are not among them yet.
    pub tasks: BTreeSet<TaskId>,
    /// How long its loop has not come round.
    pub silent_for: Duration,
    /// How many changelog records it has still to read at most, where that is known.
    pub to_restore: Option<u64>,
    /// Those of its tasks that wait for something other than records, and have for more than a moment.
    pub waiting: Vec<WaitingTask>,
}

/// A task whose next record cannot be read before something comes that was asked for, such as a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingTask {
    /// The task.
    pub task: TaskId,
    /// What it waits for, and why that does not come.
    pub reason: String,
    /// How long it has waited.
    pub waited: Duration,
}

/// Where health ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthLimits {
    /// How long a thread's loop may take (`max.poll.interval.ms`).
    pub silence_max: Duration,
    /// How many records a thread that is ready may have to restore.
    pub restore_records_max: u64,
    /// How long a restore keeps an application from being ready.
    pub restore_deadline: Duration,
}

impl HealthLimits {
    /// Returns the limits that settings give.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            silence_max: settings.max_poll_interval(),
            restore_records_max: settings.ready_restore_records_max,
            restore_deadline: settings.ready_restore_deadline,
        }
    }
}

/// The answer to a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Whether it is yes.
    #[serde(skip)]
    pub is_yes: bool,
    /// The answer in words: `ready`, `not ready`.
    pub status: &'static str,
    /// Why it is no; or what is not as it should be although it is yes.
    pub reasons: Vec<String>,
    /// What was done so far.
    pub progress: BTreeMap<&'static str, u64>,
}

impl Vitals {
    /// Answers a probe.
    #[must_use]
    pub fn answer(&self, probe: Probe, limits: &HealthLimits) -> Answer {
        let (words, (is_yes, reasons)) = match probe {
            Probe::Startup => (["started", "starting"], self.started()),
            Probe::Ready => (["ready", "not ready"], self.ready(limits)),
            Probe::Live => (["live", "not live"], self.live(limits)),
        };
        let [yes, no] = words;
        let status = if is_yes { yes } else { no };
        Answer { is_yes, status, reasons, progress: self.progress.clone() }
    }

    /// What comes after the topics takes as long as it needs: who is killed while global tables are read
    /// reads them from the beginning, and is killed again. Readiness tells that it is not done.
    fn started(&self) -> (bool, Vec<String>) {
        let is_done = self.stage == StartStage::Done;
        let reasons = if is_done { Vec::new() } else { vec![self.stage_reason()] };
        (self.stage > StartStage::Topics, reasons)
    }

    fn stage_reason(&self) -> String {
        match self.state {
            ClientState::PendingError | ClientState::Error => {
                format!("the start has failed while {}", self.stage)
            }
            _ => self.stage.to_string(),
        }
    }

    fn ready(&self, limits: &HealthLimits) -> (bool, Vec<String>) {
        let no = |reason: String| (false, vec![reason]);
        match self.state {
            ClientState::PendingError | ClientState::Error => {
                no(format!("the client is {}: it has failed", self.state))
            }
            ClientState::PendingShutdown | ClientState::NotRunning => {
                no(format!("the client is {}: it was asked to stop", self.state))
            }
            _ if self.is_stopping => no("it was asked to stop".to_owned()),
            _ if self.stage != StartStage::Done => no(self.stage_reason()),
            ClientState::Created | ClientState::Running => (true, self.waiting().collect()),
            ClientState::Rebalancing => {
                let threads = self.open_threads();
                let (holding, mut reasons) =
                    threads.fold((0, Vec::new()), |(holding, mut all), it| {
                        let (holds, reason) = it.unready(limits);
                        all.extend(reason);
                        (holding + usize::from(holds), all)
                    });
                reasons.extend(self.waiting());
                // Without a thread there is nobody to do the work.
                (holding == 0 && !self.threads.is_empty(), reasons)
            }
        }
    }

    fn open_threads(&self) -> impl Iterator<Item = &ThreadVitals> {
        self.threads.iter().filter(|thread| !thread.is_ending())
    }

    /// Tasks that wait make nobody unready: a registry that is down is mended by no restart, and holds no
    /// rollout back. But whoever asks is told.
    fn waiting(&self) -> impl Iterator<Item = String> {
        let waiting = self.open_threads().flat_map(|thread| &thread.waiting);
        waiting.map(|WaitingTask { task, reason, waited }| {
            format!("task {task} has waited for {}: {reason}", seconds(*waited))
        })
    }

    fn live(&self, limits: &HealthLimits) -> (bool, Vec<String>) {
        let mut reasons = Vec::new();
        if self.state == ClientState::Error {
            reasons.push("the client has ended: ERROR".to_owned());
        }
        for thread in &self.threads {
            let (number, state) = (thread.number, thread.state);
            if state == ThreadState::Dead {
                // Where all of them end it is as it should be.
                if self.state.is_open() && !self.is_stopping {
                    reasons.push(format!("thread {number} is DEAD"));
                }
            } else if thread.silent_for > limits.silence_max {
                reasons.push(format!(
                    "thread {number} ({state}) has not come round for {}; max.poll.interval.ms \
                     allows {}",
                    seconds(thread.silent_for),
                    seconds(limits.silence_max)
                ));
            }
        }
        (reasons.is_empty(), reasons)
    }
}

impl ThreadVitals {
    fn is_ending(&self) -> bool {
        matches!(self.state, ThreadState::PendingShutdown | ThreadState::Dead)
    }

    /// Returns whether a thread keeps a client that rebalances from being ready, and what is to say of it.
    fn unready(&self, limits: &HealthLimits) -> (bool, Option<String>) {
        let (number, state) = (self.number, self.state);
        let is = format!("thread {number} is {state}");
        match state {
            ThreadState::Running | ThreadState::PendingShutdown | ThreadState::Dead => {
                (false, None)
            }
            ThreadState::Starting => (true, Some(format!("{is}: joining the group"))),
            ThreadState::PartitionsRevoked => (true, Some(format!("{is}: it has no tasks now"))),
            ThreadState::PartitionsAssigned => {
                let left = self.to_restore.map(|left| format!(", {} records to go", grouped(left)));
                let restoring = format!("{is}: restoring{}", left.unwrap_or_default());
                let is_near =
                    self.to_restore.is_some_and(|left| left <= limits.restore_records_max);
                if is_near && limits.restore_records_max > 0 {
                    return (false, Some(restoring));
                }
                if self.state_for >= limits.restore_deadline {
                    let deadline = seconds(limits.restore_deadline);
                    let late = format!("{restoring}, for longer than the deadline of {deadline}");
                    return (false, Some(late));
                }
                (true, Some(restoring))
            }
        }
    }
}

/// Returns a number with its thousands set apart: `12,345`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs())
}

#[cfg(test)]
mod tests;
