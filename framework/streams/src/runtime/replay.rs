//! The bounded rerun: the same topology from offset zero to ends fixed at its start.
//!
//! A rerun has a version: a group, state and internal topics of its own, and outputs next to the live
//! ones, `<topic>--<version>`. It reads by assignment, so it disturbs nobody. All inputs are merged by
//! event time, so its results depend on the contents of the topics alone. Repartition topics go through
//! Kafka: a topic is **sealed** once everything that feeds it is finished, flushed and acknowledged;
//! its end is asked for then, and what reads it is bounded by that.

mod driver;
mod inputs;
mod monitor;
mod report;
mod stages;
mod workspace;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use monitor::ReplayMonitor;
pub use report::{InputReport, ReplayReport, SealedTopic};

use self::driver::Driver;
use self::inputs::Inputs;
use self::workspace::Workspace;
use super::metrics::ReplayRecorder;
use super::stop::Stop;
use super::{storage, topics};
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::kafka::Clients;
use crate::metrics::Metrics;
use crate::time::{Clock, SystemClock};
use crate::topology::{TopicNames, Topology};

/// A rerun to be made.
///
/// # Examples
///
/// ```no_run
/// use kappa::config::StreamsConfig;
/// use kappa::prelude::*;
/// use kappa::runtime::Stop;
/// use kappa::runtime::replay::Replay;
///
/// # fn rerun(topology: Topology) -> kappa::Result<()> {
/// let settings = StreamsConfig::new("orders-app").resolve()?;
/// let report = Replay::new(topology, settings, "v2")?.run(&Stop::new(), |progress| {
///     println!("{} of {} records", progress.records, progress.records_total);
/// })?;
/// println!("{report}");
/// # Ok(())
/// # }
/// ```
pub struct Replay {
    topology: Topology,
    settings: Settings,
    version: String,
    clients: Arc<dyn Clients>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
}

/// How far a rerun is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayProgress {
    /// The stage at work, from one.
    pub stage: usize,
    /// The number of stages: one more per step through repartition topics.
    pub stages: usize,
    /// Records processed, of all stages.
    pub records: u64,
    /// Records to be processed, as far as is known: repartition topics count once they are sealed.
    pub records_total: u64,
    /// The time since the start.
    pub elapsed: Duration,
}

impl Replay {
    /// Plans a rerun over librdkafka; nothing runs yet.
    ///
    /// # Errors
    ///
    /// Where the version's name cannot be part of a topic's.
    #[cfg(feature = "rdkafka")]
    pub fn new(topology: Topology, settings: Settings, version: &str) -> Result<Self> {
        let names = TopicNames::versioned(&settings.application_id, version);
        let clients = crate::kafka::rdkafka::RdKafka::new(&settings, names.application_id());
        Self::with_clients(topology, settings, version, Arc::new(clients))
    }

    /// Plans a rerun over other Kafka clients; nothing runs yet.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_clients(
        topology: Topology,
        settings: Settings,
        version: &str,
        clients: Arc<dyn Clients>,
    ) -> Result<Self> {
        check_version(version)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let metrics = Metrics::new(settings.metrics_level, clock.clone());
        Ok(Self { topology, settings, version: version.to_owned(), clients, clock, metrics })
    }

    /// Returns the metrics of the rerun: how far it is.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Makes the rerun. One of the same version that was made before is deleted first.
    ///
    /// # Errors
    ///
    /// Where Kafka does not answer in time, topics do not fit, a record cannot be decoded, history is
    /// deleted under the run, another process has the version's state, or a stop is asked for.
    pub fn run(&self, stop: &Stop, mut watch: impl FnMut(&ReplayProgress)) -> Result<ReplayReport> {
        refuse_loops(&self.topology)?;
        self.topology.refuse_unlisted_outputs()?;
        let names = TopicNames::versioned(&self.settings.application_id, &self.version);
        let storage = storage::open(&self.settings, &names)?;
        let admin = self.clients.admin()?;
        topics::wait_for_cluster(&*admin, &self.settings, stop)?;
        let workspace = Workspace {
            topology: &self.topology,
            settings: &self.settings,
            names,
            clients: &*self.clients,
            admin: &*admin,
            storage: &storage,
            clock: &*self.clock,
            stop,
        };
        let start = self.clock.monotonic();
        // Whatever can be found wrong is found before an earlier run's results are deleted.
        let inputs = Inputs::capture(&*admin, &self.topology)?;
        workspace.start_over()?;
        let recorder = ReplayRecorder::new(&self.settings.application_id, &self.version);
        self.metrics.add("replay", recorder.clone());
        let noted = |progress: &ReplayProgress| {
            recorder.note(progress);
            watch(progress);
        };
        let mut driver = Driver::prepare(&workspace, inputs, noted)?;
        driver.run()?;
        driver.finish(&self.version, self.clock.monotonic().saturating_sub(start))
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").field("version", &self.version).finish_non_exhaustive()
    }
}

/// Names of versions become part of topic names, which have 249 characters at most.
const VERSION_LEN_MAX: usize = 40;

pub(in crate::runtime) fn check_version(version: &str) -> Result<()> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if version.is_empty() || version.len() > VERSION_LEN_MAX || !version.chars().all(legal) {
        return Err(Error::config(format!(
            "the version `{version}` may have only letters, digits, `.`, `_` and `-`, and at most \
             {VERSION_LEN_MAX} of them"
        )));
    }
    Ok(())
}

/// A topic that the program both writes and reads has no end that a bounded run could reach.
fn refuse_loops(topology: &Topology) -> Result<()> {
    let inputs = topology.input_topics();
    match topology.output_topics().into_iter().find(|topic| inputs.contains(topic)) {
        None => Ok(()),
        Some(topic) => Err(Error::topology(format!(
            "the topic {topic} is both written and read: a bounded run of a loop has no end"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_must_fit_into_a_topic_name() {
        for version in ["replay", "v2", "fix_2013-01.a"] {
            check_version(version).unwrap();
        }
        for version in ["", "a b", "../x", "ä", &"x".repeat(41)] {
            assert!(check_version(version).unwrap_err().is_config(), "{version}");
        }
    }
}
