//! A version's own topics, group and state: emptied before a run, bounded by what live has now.

use std::sync::Arc;

use crate::config::Settings;
use crate::error::Result;
use crate::ids::TopicPartition;
use crate::ids::TopicRef;
use crate::kafka::{Admin, Clients, Offsets};
use crate::runtime::{stop::Stop, topics};
use crate::task::Storage;
use crate::time::Clock;
use crate::topology::{NodeKind, TopicNames, Topology};

/// What a run works with.
pub(super) struct Workspace<'a> {
    pub(super) topology: &'a Topology,
    pub(super) settings: &'a Settings,
    pub(super) names: TopicNames,
    pub(super) clients: &'a dyn Clients,
    pub(super) admin: &'a dyn Admin,
    pub(super) storage: &'a Storage,
    pub(super) clock: &'a dyn Clock,
    pub(super) stop: &'a Stop,
}

impl Workspace<'_> {
    /// Deletes what an earlier run of the version left: outputs, repartition topics, group and state.
    ///
    /// Only topics whose names follow from this topology and this version are touched.
    pub(super) fn start_over(&self) -> Result<()> {
        self.storage.wipe()?;
        let sinks = self.topology.graph().nodes.iter().filter_map(|node| match &node.kind {
            NodeKind::Sink(topic) => Some(self.names.output(topic)),
            _ => None,
        });
        let sinks: Vec<Arc<str>> = sinks.collect();
        let existing = self.admin.partition_counts(&sinks)?;
        let existing: Vec<String> =
            existing.keys().map(|topic| topic.as_ref().to_owned()).collect();
        if !existing.is_empty() {
            tracing::info!("deleting what an earlier run left: {}", existing.join(", "));
        }
        self.admin.delete_topics(&existing)?;
        self.admin.delete_group(self.names.application_id())
    }

    /// Returns the ends of all external inputs as they are now; they are not asked for again.
    pub(super) fn capture_ends(&self) -> Result<Offsets> {
        let counts = topics::inputs(self.admin, self.topology)?;
        let sources = self.topology.graph().sources.iter();
        let external = sources.filter_map(|source| match &source.topic {
            TopicRef::External(name) => Some((name, *counts.get(name)?)),
            TopicRef::Internal(_) => None,
        });
        let partitions: Vec<TopicPartition> = external
            .flat_map(|(topic, count)| {
                let count = i32::try_from(count).unwrap_or(i32::MAX);
                (0..count).map(|partition| TopicPartition::new(topic.clone(), partition))
            })
            .collect();
        self.admin.end_offsets(&partitions)
    }
}
