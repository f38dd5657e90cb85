//! A version's own topics, group and state, emptied before a run.

use std::sync::Arc;

use crate::config::Settings;
use crate::error::Result;
use crate::kafka::{Admin, Clients};
use crate::runtime::stop::Stop;
use crate::task::Storage;
use crate::time::Clock;
use crate::topology::{TopicNames, Topology};

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
    /// Deletes what an earlier run of the version left. First the group: without its offsets no version
    /// counts as finished, whatever else is left if this is interrupted.
    ///
    /// Only topics whose names follow from this topology and this version are touched.
    pub(super) fn start_over(&self) -> Result<()> {
        self.admin.delete_group(self.names.application_id())?;
        let written = self.topology.graph().nodes.iter().flat_map(|node| node.kind.written());
        let sinks: Vec<Arc<str>> = written.map(|topic| self.names.output(&topic)).collect();
        let existing = self.admin.partition_counts(&sinks)?;
        let existing: Vec<String> =
            existing.keys().map(|topic| topic.as_ref().to_owned()).collect();
        if !existing.is_empty() {
            tracing::info!("deleting what an earlier run left: {}", existing.join(", "));
        }
        self.admin.delete_topics(&existing)?;
        self.storage.wipe()
    }
}
