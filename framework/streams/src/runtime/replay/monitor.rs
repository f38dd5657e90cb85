//! The health of a rerun, for those who ask from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::ReplayProgress;
use crate::runtime::client_state::ClientState;
use crate::runtime::health::{StartStage, ThreadVitals, Vitals};
use crate::runtime::stop::Stop;
use crate::runtime::thread_state::ThreadState;
use crate::time::{Clock, SystemClock};

/// Keeps what a rerun has told of its progress; it is ready once it reads.
#[derive(Debug)]
pub struct ReplayMonitor {
    stop: Stop,
    clock: SystemClock,
    last: Mutex<Option<Last>>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    /// When the first was told, and the last.
    first_at: Duration,
    at: Duration,
    progress: ReplayProgress,
}

impl ReplayMonitor {
    /// Makes a monitor of a rerun that is stopped by this.
    #[must_use]
    pub fn new(stop: &Stop) -> Self {
        Self { stop: stop.clone(), clock: SystemClock::start(), last: Mutex::default() }
    }

    /// Takes note of what a rerun tells.
    pub fn note(&self, progress: &ReplayProgress) {
        let at = self.clock.monotonic();
        let mut last = self.last();
        let first_at = last.map_or(at, |last| last.first_at);
        *last = Some(Last { first_at, at, progress: *progress });
    }

    /// Returns what there is to say of the rerun's health now.
    #[must_use]
    pub fn vitals(&self) -> Vitals {
        let (last, now) = (*self.last(), self.clock.monotonic());
        let Some(last) = last else {
            return Vitals {
                stage: StartStage::Topics,
                state: ClientState::Rebalancing,
                is_stopping: self.stop.is_asked(),
                threads: Vec::new(),
                progress: BTreeMap::new(),
            };
        };
        let as_number = |count| u64::try_from(count).unwrap_or(u64::MAX);
        let ReplayProgress { stage, stages, records, records_total, .. } = last.progress;
        Vitals {
            stage: StartStage::Done,
            state: ClientState::Running,
            is_stopping: self.stop.is_asked(),
            threads: vec![ThreadVitals {
                number: 1,
                state: ThreadState::Running,
                state_for: now.saturating_sub(last.first_at),
                tasks: BTreeSet::new(),
                silent_for: now.saturating_sub(last.at),
                to_restore: None,
                // A rerun is no service: it says what it waited for where it gives up.
                waiting: Vec::new(),
            }],
            progress: BTreeMap::from([
                ("processed_records", records),
                ("records_total", records_total),
                ("stage", as_number(stage)),
                ("stages", as_number(stages)),
            ]),
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<Last>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::health::{HealthLimits, Probe};

    #[test]
    fn a_rerun_is_ready_once_it_reads_and_no_more_once_it_is_to_stop() {
        let stop = Stop::new();
        let monitor = ReplayMonitor::new(&stop);
        let hour = Duration::from_secs(3_600);
        let limits =
            HealthLimits { silence_max: hour, restore_records_max: 0, restore_deadline: hour };
        let answers = |expected: [bool; 3]| {
            let probes = [Probe::Startup, Probe::Ready, Probe::Live];
            let found = probes.map(|probe| monitor.vitals().answer(probe, &limits).is_yes);
            assert_eq!(found, expected);
        };
        answers([false, false, true]);
        let progress = ReplayProgress {
            stage: 1,
            stages: 2,
            records: 10,
            records_total: 30,
            elapsed: Duration::ZERO,
        };
        monitor.note(&progress);
        answers([true, true, true]);
        let answer = monitor.vitals().answer(Probe::Live, &limits);
        assert_eq!(answer.progress["records_total"], 30);
        stop.ask();
        answers([true, false, true]);
    }
}
