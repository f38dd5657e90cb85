//! Live results against a rerun's, key by key, at the same cut.
//!
//! First the cut: live must have committed exactly what the rerun has read, no less and no more, and
//! its repartition topics must be empty of work. Then the results: the last value of each key of every
//! output topic, partition by partition, byte by byte, since both were written by the same binary.

mod comparison;
mod cut;

use std::fmt;
use std::sync::Arc;

pub use comparison::{Difference, TopicComparison};
pub use cut::CutMismatch;
use serde::Serialize;

use super::replay::check_version;
use super::stop::Stop;
use super::topic_reader::Reading;
use super::topics;
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::kafka::Clients;
use crate::task::{Deployment, RunMode};
use crate::topology::{TopicNames, Topology};

/// A comparison to be made.
pub struct Verify {
    topology: Topology,
    settings: Settings,
    version: String,
    clients: Arc<dyn Clients>,
    show: ShowValue,
}

/// Says what a value is, to people.
type ShowValue = Box<dyn Fn(&[u8]) -> String + Send + Sync>;

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// The same keys have the same values.
    Equal {
        /// What was compared.
        topics: Vec<TopicComparison>,
    },
    /// Some keys differ.
    Different {
        /// What was compared, with the first keys that differ.
        topics: Vec<TopicComparison>,
    },
    /// Live and rerun have not read the same: nothing was compared.
    NotSameCut {
        /// Where they differ.
        partitions: Vec<CutMismatch>,
    },
}

impl Verify {
    /// Plans a comparison over librdkafka.
    #[cfg(feature = "rdkafka")]
    #[must_use]
    pub fn new(topology: Topology, settings: Settings, version: &str) -> Self {
        let names = TopicNames::versioned(&settings.application_id, version);
        let clients = crate::kafka::rdkafka::RdKafka::new(&settings, names.application_id());
        Self::with_clients(topology, settings, version, Arc::new(clients))
    }

    /// Plans a comparison over other Kafka clients.
    #[must_use]
    pub fn with_clients(
        topology: Topology,
        settings: Settings,
        version: &str,
        clients: Arc<dyn Clients>,
    ) -> Self {
        let show = Box::new(|value: &[u8]| String::from_utf8_lossy(value).into_owned());
        Self { topology, settings, version: version.to_owned(), clients, show }
    }

    /// Has values that differ shown in another way than as text.
    #[must_use]
    pub fn showing(self, show: impl Fn(&[u8]) -> String + Send + Sync + 'static) -> Self {
        Self { show: Box::new(show), ..self }
    }

    /// Compares; changes nothing.
    ///
    /// # Errors
    ///
    /// Where the version's name cannot be one, Kafka does not answer in time, topics are missing, the
    /// topology writes none, or a stop is asked for.
    pub fn run(&self, stop: &Stop) -> Result<Verdict> {
        check_version(&self.version)?;
        self.topology.refuse_unlisted_outputs()?;
        let outputs = self.topology.output_topics();
        if outputs.is_empty() {
            return Err(Error::topology(
                "the topology writes no topic: there is nothing to compare",
            ));
        }
        let admin = self.clients.admin()?;
        topics::wait_for_cluster(&*admin, &self.settings, stop)?;
        let live = TopicNames::live(&self.settings.application_id);
        let rerun = TopicNames::versioned(&self.settings.application_id, &self.version);
        let external = topics::inputs(&*admin, &self.topology)?;
        let topology = self.topology.clone();
        let deployment =
            Deployment::new(topology, live.clone(), &external, Default::default(), RunMode::Live)?;
        let mismatches = || cut::mismatches(&*admin, &deployment, &rerun, &external);
        let partitions = mismatches()?;
        if !partitions.is_empty() {
            return Ok(Verdict::NotSameCut { partitions });
        }
        let mut compared = Vec::new();
        for topic in outputs {
            let pair = (live.sink(&topic), rerun.sink(&topic));
            let reading = Reading::new(&self.settings, stop);
            let (clients, show) = (&*self.clients, &*self.show);
            compared.push(comparison::compare(clients, &*admin, pair, reading, show)?);
        }
        // Live may have gone on, or the version been made anew, while results were read.
        let partitions = mismatches()?;
        if !partitions.is_empty() {
            return Ok(Verdict::NotSameCut { partitions });
        }
        Ok(if compared.iter().all(TopicComparison::is_equal) {
            Verdict::Equal { topics: compared }
        } else {
            Verdict::Different { topics: compared }
        })
    }
}

impl fmt::Debug for Verify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verify").field("version", &self.version).finish_non_exhaustive()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equal { topics } => {
                for topic in topics {
                    writeln!(f, "{topic}")?;
                }
                f.write_str("EQUAL")
            }
            Self::Different { topics } => {
                for topic in topics {
                    writeln!(f, "{topic}")?;
                }
                f.write_str("DIFFERENT")
            }
            Self::NotSameCut { partitions } => {
                writeln!(f, "live and rerun have not read the same, so nothing was compared:")?;
                for partition in partitions {
                    writeln!(f, "  {partition}")?;
                }
                f.write_str("let live catch up and stop feeding, replay again, then verify")
            }
        }
    }
}
