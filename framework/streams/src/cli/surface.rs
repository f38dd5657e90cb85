//! The HTTP surface of a run and of a rerun.

use std::sync::Arc;

use crate::config::Settings;
use crate::error::Result;
use crate::http::{Server, Surface, TopologyViews, exposition};
use crate::runtime::KafkaStreams;
use crate::runtime::health::{HealthLimits, Vitals};
use crate::runtime::replay::ReplayMonitor;
use crate::topology::{TopicNames, Topology};

/// What is shown of an application before it is made: its topology goes into it.
pub(super) struct Shown {
    settings: Settings,
    names: TopicNames,
    topology: TopologyViews,
}

impl Shown {
    pub(super) fn new(topology: &Topology, settings: &Settings, names: TopicNames) -> Result<Self> {
        let retention = settings.window_changelog_additional_retention;
        let topology = TopologyViews::of(topology, &names, retention)?;
        Ok(Self { settings: settings.clone(), names, topology })
    }

    /// Answers for a client, until what comes back is dropped.
    pub(super) fn serve_client(self, streams: &Arc<KafkaStreams>) -> Result<Option<Server>> {
        let streams = streams.clone();
        self.serve(move || streams.vitals())
    }

    /// Answers for a rerun, until what comes back is dropped.
    pub(super) fn serve_replay(self, monitor: &Arc<ReplayMonitor>) -> Result<Option<Server>> {
        let monitor = monitor.clone();
        self.serve(move || monitor.vitals())
    }

    fn serve(self, vitals: impl Fn() -> Vitals + Send + Sync + 'static) -> Result<Option<Server>> {
        let vitals = Arc::new(vitals);
        let measured = vitals.clone();
        let surface = Surface {
            application: self.names.application_id().to_owned(),
            topology: self.topology,
            limits: HealthLimits::new(&self.settings),
            vitals,
            metrics: Arc::new(move || exposition(&measured())),
        };
        Server::start(&self.settings.http, surface)
    }
}
