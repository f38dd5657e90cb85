//! Starting an application over: its inputs set to other offsets, its internal topics deleted.
//!
//! A reset is planned first, and a plan is a value that can be shown. Its effects come in one order:
//! the group is found without members, offsets are committed (which the coordinator refuses if a member
//! has come meanwhile), topics are deleted, local state is deleted. A reset that dies in the middle is
//! repaired by making it again: what is done already is found done.

mod offsets_file;
mod owned;
mod plan;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use offsets_file::OffsetsFile;
pub use plan::{PartitionChange, ResetPlan, StartPosition};

use self::plan::Facts;
use super::stop::Stop;
use super::topics;
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::ids::{Offset, TopicPartition, TopicRef};
use crate::kafka::{Admin, Clients, Offsets};
use crate::state::StateDirectory;
use crate::topology::{TopicNames, Topology};

/// A reset to be made (row L5).
///
/// # Examples
///
/// ```no_run
/// use kappa::config::StreamsConfig;
/// use kappa::prelude::*;
/// use kappa::runtime::Stop;
/// use kappa::runtime::reset::{Reset, StartPosition};
///
/// # fn start_over(topology: Topology) -> kappa::Result<()> {
/// let settings = StreamsConfig::new("orders-app").resolve()?;
/// let reset = Reset::new(topology, settings).with_local_state();
/// let plan = reset.plan(&StartPosition::Earliest, &Stop::new())?;
/// println!("{plan}");
/// reset.execute(&plan, |done, total| println!("{done} of {total}"))?;
/// # Ok(())
/// # }
/// ```
pub struct Reset {
    topology: Topology,
    settings: Settings,
    names: TopicNames,
    internal_topics: Option<Vec<String>>,
    local_state: bool,
    clients: Arc<dyn Clients>,
}

impl Reset {
    /// Prepares a reset over librdkafka.
    #[cfg(feature = "rdkafka")]
    #[must_use]
    pub fn new(topology: Topology, settings: Settings) -> Self {
        let clients = crate::kafka::rdkafka::RdKafka::new(&settings, &settings.application_id);
        Self::with_clients(topology, settings, Arc::new(clients))
    }

    /// Prepares a reset over other Kafka clients.
    #[must_use]
    pub fn with_clients(topology: Topology, settings: Settings, clients: Arc<dyn Clients>) -> Self {
        let names = TopicNames::live(&settings.application_id);
        Self { topology, settings, names, internal_topics: None, local_state: false, clients }
    }

    /// Deletes these internal topics only, whether this topology has them or an earlier one had.
    #[must_use]
    pub fn only_topics(mut self, topics: Vec<String>) -> Self {
        self.internal_topics = Some(topics);
        self
    }

    /// Deletes the local state of this machine as well.
    #[must_use]
    pub fn with_local_state(mut self) -> Self {
        self.local_state = true;
        self
    }

    /// Returns what a reset would change; changes nothing.
    ///
    /// # Errors
    ///
    /// Where Kafka does not answer in time, the group has members, a topic that was named is none of
    /// the application's internal ones, a file of offsets names other partitions than the inputs', or
    /// a stop is asked for.
    pub fn plan(&self, start: &StartPosition, stop: &Stop) -> Result<ResetPlan> {
        let admin = self.clients.admin()?;
        topics::wait_for_cluster(&*admin, &self.settings, stop)?;
        self.refuse_members(&*admin)?;
        let (partitions, missing) = self.inputs(&*admin)?;
        if let StartPosition::File(file) = start {
            file.check(&partitions)?;
        }
        let facts = self.facts(&*admin, &partitions, start)?;
        let inputs = partitions.into_iter();
        let inputs = inputs.map(|partition| plan::change(partition, &facts, start));
        let inputs = inputs.collect::<Result<Vec<_>>>()?;
        let found = owned::find(&self.topology, &self.names, admin.topic_names()?);
        let (delete_topics, other_topics) = match &self.internal_topics {
            Some(wanted) => (found.only(wanted, &self.names)?, Vec::new()),
            None => (found.derived, found.alike),
        };
        Ok(ResetPlan {
            application: self.settings.application_id.clone(),
            inputs,
            missing_inputs: missing,
            delete_topics,
            other_topics,
            local_state: self.local_state.then(|| self.local_directory()),
        })
    }

    /// Makes a reset as planned; reports how many of its steps are done.
    ///
    /// # Errors
    ///
    /// Where the group has members by now, another process has the local state, or Kafka refuses a
    /// change: what is done stays done, and the reset can be made again.
    pub fn execute(&self, plan: &ResetPlan, mut report: impl FnMut(u64, u64)) -> Result<()> {
        let admin = self.clients.admin()?;
        self.refuse_members(&*admin)?;
        // The lock first: where a live instance has it, nothing is changed.
        let state = plan.local_state.as_ref().filter(|path| path.exists());
        let state = state
            .map(|_| StateDirectory::open(&self.settings.state_dir, self.names.application_id()));
        let state = state.transpose()?;
        let total = 1 + plan.delete_topics.len() as u64 + u64::from(state.is_some());
        let mut done = 0;
        let mut step = || {
            done += 1;
            report(done, total);
        };
        let mut offsets = plan.offsets();
        offsets.extend(self.forgotten(&*admin, plan)?);
        admin.commit(&plan.application, &offsets)?;
        step();
        for topic in &plan.delete_topics {
            admin.delete_topics(std::slice::from_ref(topic))?;
            step();
        }
        if let Some(state) = state {
            state.wipe()?;
            step();
        }
        Ok(())
    }

    /// Refuses a group that somebody is in: its offsets are not ours to change.
    fn refuse_members(&self, admin: &dyn Admin) -> Result<()> {
        let group = self.names.application_id();
        let members = admin.group_members(group)?;
        if members.is_empty() {
            return Ok(());
        }
        let members: Vec<String> = members.iter().map(ToString::to_string).collect();
        Err(Error::state(format!(
            "the application {group} is running, with {} in its group: {}; stop all instances, and \
             try again: a static member, or one that was killed, stays for session.timeout.ms",
            if members.len() == 1 { "a member" } else { "members" },
            members.join(", ")
        )))
    }

    /// Returns the partitions that the group reads, and the topics it should read that do not exist.
    /// Topics of global tables are read from their beginning anyway, and not by the group.
    fn inputs(&self, admin: &dyn Admin) -> Result<(Vec<TopicPartition>, Vec<String>)> {
        let sources = self.topology.graph().sources.iter();
        let mut wanted: Vec<Arc<str>> = sources
            .filter_map(|source| match &source.topic {
                TopicRef::External(name) => Some(name.clone()),
                TopicRef::Internal(_) => None,
            })
            .collect();
        wanted.sort();
        wanted.dedup();
        let counts = admin.partition_counts(&wanted)?;
        let missing = wanted.iter().filter(|topic| !counts.contains_key(*topic));
        let missing = missing.map(|topic| topic.as_ref().to_owned()).collect();
        Ok((partitions(&counts), missing))
    }

    fn facts(
        &self,
        admin: &dyn Admin,
        partitions: &[TopicPartition],
        start: &StartPosition,
    ) -> Result<Facts> {
        Ok(Facts {
            starts: admin.start_offsets(partitions)?,
            ends: admin.end_offsets(partitions)?,
            committed: admin.committed(self.names.application_id(), partitions)?,
            at_time: match start {
                StartPosition::Time(time) => admin.offsets_at(partitions, *time)?,
                _ => Offsets::new(),
            },
        })
    }

    /// Returns the offsets of internal topics that are to be forgotten, as zero. Kafka forgets them with
    /// their topic, but takes its time, and zero is right in a topic that is made anew, too.
    fn forgotten(&self, admin: &dyn Admin, plan: &ResetPlan) -> Result<Offsets> {
        let topics: Vec<Arc<str>> =
            plan.delete_topics.iter().map(|topic| topic.as_str().into()).collect();
        let partitions = partitions(&admin.partition_counts(&topics)?);
        let committed = admin.committed(self.names.application_id(), &partitions)?;
        Ok(committed.into_keys().map(|partition| (partition, Offset::ZERO)).collect())
    }

    fn local_directory(&self) -> PathBuf {
        self.settings.state_dir.join(self.names.application_id())
    }
}

impl fmt::Debug for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reset").field("names", &self.names).finish_non_exhaustive()
    }
}

fn partitions(counts: &std::collections::BTreeMap<Arc<str>, usize>) -> Vec<TopicPartition> {
    let partitions = counts.iter().flat_map(|(topic, &count)| {
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        (0..count).map(|partition| TopicPartition::new(topic.clone(), partition))
    });
    partitions.collect()
}
