//! Where metrics, traces and logs go: OTLP, Prometheus, standard error.
//!
//! What is pushed, and where to, say the environment variables of OpenTelemetry. Nothing here slows or
//! stops an application: a collector that is down costs one warning, and what it missed of counters comes
//! with the next push.

mod environment;
mod otlp_metrics;
mod prometheus;
mod resource;

use self::environment::Environment;
use self::otlp_metrics::MetricsPush;
pub use self::prometheus::prometheus_text;
use crate::config::Settings;
use crate::error::Result;
use crate::metrics::Metrics;

/// The exporters of a program; dropping it sends what is left, within a few seconds.
///
/// # Examples
///
/// ```no_run
/// use kappa::config::StreamsConfig;
/// use kappa::runtime::KafkaStreams;
/// use kappa::telemetry::Telemetry;
///
/// # fn run(topology: kappa::Topology) -> kappa::Result<()> {
/// let settings = StreamsConfig::new("copy").with_process_environment()?.resolve()?;
/// let mut telemetry = Telemetry::start(&settings)?;
/// let streams = KafkaStreams::new(topology, settings);
/// telemetry.push(&streams.metrics())?;
/// streams.start()?;
/// streams.wait()
/// # }
/// ```
#[derive(Debug)]
pub struct Telemetry {
    environment: Environment,
    resource: opentelemetry_sdk::Resource,
    metrics: Option<MetricsPush>,
}

impl Telemetry {
    /// Reads the environment; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Where the environment names what cannot be had.
    pub fn start(settings: &Settings) -> Result<Self> {
        let environment = Environment::of_process();
        let resource = resource::of(settings, &environment);
        Ok(Self { environment, resource, metrics: None })
    }

    /// Begins to push metrics, if the environment names a collector.
    ///
    /// # Errors
    ///
    /// Where the environment names what cannot be had.
    pub fn push(&mut self, metrics: &Metrics) -> Result<()> {
        self.metrics = MetricsPush::start(&self.environment, &self.resource, metrics)?;
        Ok(())
    }
}
