//! The HTTP surface of a run and of a rerun.

use std::sync::Arc;

use crate::config::Settings;
use crate::error::Result;
use crate::http::{Server, Surface, TopologyViews};
use crate::metrics::Metrics;
use crate::runtime::KafkaStreams;
use crate::runtime::health::{HealthLimits, Vitals};
use crate::runtime::replay::ReplayMonitor;
use crate::telemetry::prometheus_text;
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
        let (streams, metrics) = (streams.clone(), streams.metrics());
        self.serve(metrics, move || streams.vitals())
    }

    /// Answers for a rerun, until what comes back is dropped.
    pub(super) fn serve_replay(
        self,
        monitor: &Arc<ReplayMonitor>,
        metrics: Metrics,
    ) -> Result<Option<Server>> {
        let monitor = monitor.clone();
        self.serve(metrics, move || monitor.vitals())
    }

    fn serve(
        self,
        metrics: Metrics,
        vitals: impl Fn() -> Vitals + Send + Sync + 'static,
    ) -> Result<Option<Server>> {
        let surface = Surface {
            application: self.names.application_id().to_owned(),
            topology: self.topology,
            limits: HealthLimits::new(&self.settings),
            vitals: Arc::new(vitals),
            metrics: Arc::new(move || prometheus_text(&metrics)),
        };
        Server::start(&self.settings.http, surface)
    }
}
