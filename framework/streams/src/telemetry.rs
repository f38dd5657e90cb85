//! Where metrics, traces and logs go: OTLP, Prometheus, standard error.
//!
//! What is pushed, and where to, say the environment variables of OpenTelemetry. Nothing here slows or
//! stops an application: a collector that is down costs one warning, and what it missed of counters comes
//! with the next push. Spans that it misses are lost.

mod environment;
mod http_client;
mod otlp_metrics;
mod prometheus;
mod resource;
mod semconv;
mod traces;

use self::environment::Environment;
use self::otlp_metrics::MetricsPush;
pub use self::prometheus::prometheus_text;
use self::traces::SpanPush;
use crate::config::Settings;
use crate::error::Result;
use crate::metrics::Metrics;
use crate::trace::Tracing;

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
/// let tracing = telemetry.trace(&settings)?;
/// let streams = KafkaStreams::new(topology, settings).traced(tracing);
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
    spans: Option<SpanPush>,
}

impl Telemetry {
    /// Reads the environment; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Where `OTEL_RESOURCE_ATTRIBUTES` is no list of `name=value`.
    pub fn start(settings: &Settings) -> Result<Self> {
        Self::of(settings, Environment::of_process())
    }

    /// Reads these variables instead of the environment; nothing is sent yet. OpenTelemetry's exporter of
    /// spans has process-wide ways of its own still: it adds the process' `OTEL_EXPORTER_OTLP_HEADERS`.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn with_environment(
        settings: &Settings,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self> {
        Self::of(settings, Environment::given(variables))
    }

    fn of(settings: &Settings, environment: Environment) -> Result<Self> {
        let resource = resource::of(settings, &environment)?;
        Ok(Self { environment, resource, metrics: None, spans: None })
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

    /// Begins to push spans, if the environment names a collector and anything is sampled; returns how to
    /// trace.
    ///
    /// # Errors
    ///
    /// Where the environment or the settings name what cannot be had.
    pub fn trace(&mut self, settings: &Settings) -> Result<Option<Tracing>> {
        self.spans = SpanPush::start(&self.environment, &self.resource, settings)?;
        Ok(self.spans.as_ref().map(SpanPush::tracing))
    }
}
