//! Writing everything to Kafka.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kappa::cli::{Progress, heed_signals, start_logging};
use kappa::config::{Settings, StreamsConfig};
use kappa::kafka::rdkafka::RdKafka;
use kappa::kafka::{
    Admin, Clients, OutgoingRecord, Patience, Producer, TracedProducer, default_partition,
};
use kappa::runtime::Stop;
use kappa::schemas::{Formats, Registry};
use kappa::telemetry::Telemetry;
use kappa::time::{SystemClock, Timestamp};
use kappa::trace::{IdGenerator, Tracing};
use kappa::{Error, ErrorKind, Headers, Result};

use crate::arguments::{Arguments, Format};
use crate::events::EventValues;
use crate::pace::Pace;
use crate::reference::{self, ReferenceRecord};
use crate::timeline::Timeline;
use crate::topics;

/// What was written.
#[derive(Debug)]
pub(crate) struct Summary {
    reference: u64,
    events: u64,
    elapsed: Duration,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reference, events, elapsed } = self;
        let seconds = elapsed.as_secs_f64();
        write!(f, "wrote {events} flight events and {reference} reference rows in {seconds:.1} s")
    }
}

/// How long an acknowledgement may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often progress is shown and acknowledgements are served, in records.
const STEP: u64 = 1_000;

/// Creates the topics, then writes reference tables and flights.
pub(crate) fn run(arguments: &Arguments) -> Result<Summary> {
    let config = config(arguments)?;
    start_logging(&config)?;
    let settings = config.resolve()?;
    let stop = Stop::new();
    heed_signals(&stop)?;
    let span = (arguments.from.as_millisecond(), arguments.to.as_millisecond());
    let data = arguments.data.as_deref();
    let formats = formats(arguments, &settings)?;
    let events = EventValues::prepare(&formats, arguments.departures_version)?;
    // Read first: what is wrong with the data is said before anything is written.
    let tables = reference::tables(&formats, data)?;
    let weather = reference::weather(&formats, data, span)?;
    let timeline = Timeline::read(data, span)?;

    let clients = RdKafka::new(&settings, "feeder");
    let admin = clients.admin()?;
    kappa::runtime::wait_for_cluster(&*admin, &settings, &stop)?;
    let mut telemetry = Telemetry::start(&settings)?;
    let tracing = telemetry.trace(&settings)?;
    if arguments.trace_ratio.is_some() && tracing.is_none() {
        return Err(Error::new(
            ErrorKind::Config,
            "--trace-ratio needs a collector: OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318",
        ));
    }
    let mut feed = Feed::open(&clients, &*admin, events, (&stop, tracing.as_ref()))?;
    let total = (tables.len() + weather.len() + timeline.len()) as u64;
    let mut progress = Progress::start("feeding flights", Some(total));
    for record in &tables {
        feed.reference(record)?;
    }
    // Whoever joins flights with airlines or planes finds them there.
    feed.producer.drain()?;
    let fed = feed.by_time(arguments, &timeline, &weather, (&mut progress, total), &stop);
    feed.producer.drain()?;
    let elapsed = progress.finish();
    fed?;
    Ok(Summary { reference: feed.reference, events: feed.events, elapsed })
}

/// Returns the producer with the traces that it begins, if it does.
fn traced(producer: Box<dyn Producer>, tracing: Option<&Tracing>) -> Box<dyn Producer> {
    let Some(tracing) = tracing else { return producer };
    let (clock, ids) = (Arc::new(SystemClock::start()), IdGenerator::random());
    Box::new(TracedProducer::starting(producer, tracing, ids, (clock, "feeder-producer-0".into())))
}

fn config(arguments: &Arguments) -> Result<StreamsConfig> {
    let mut config = StreamsConfig::new("feeder")
        .with_default("producer.linger.ms", "50")?
        .with_default("producer.compression.type", "lz4")?
        .with_process_environment()?;
    if let Some(servers) = &arguments.bootstrap_servers {
        config = config.with_argument("bootstrap.servers", servers)?;
    }
    // Only where it is asked for: the environment's sampler may be meant for the services.
    let (sampler, ratio) = match arguments.trace_ratio {
        Some(ratio) => ("parentbased_traceidratio", ratio),
        None => ("always_off", 0.0),
    };
    config = config.with_argument("traces.sampler", sampler)?;
    config.with_argument("traces.sampler.ratio", &ratio.to_string())
}

/// Returns how values are encoded.
fn formats(arguments: &Arguments, settings: &Settings) -> Result<Formats> {
    Ok(match arguments.format {
        Format::Avro => Formats::avro(Registry::new(settings)?),
        Format::Json => Formats::json(),
    })
}

struct Feed {
    values: EventValues,
    producer: Box<dyn Producer>,
    partitions: std::collections::BTreeMap<Arc<str>, usize>,
    value: Vec<u8>,
    reference: u64,
    events: u64,
}

impl Feed {
    fn open(
        clients: &dyn Clients,
        admin: &dyn Admin,
        values: EventValues,
        (stop, tracing): (&Stop, Option<&Tracing>),
    ) -> Result<Self> {
        let topics = topics::all();
        let names: Vec<Arc<str>> = topics.iter().map(|topic| topic.name.as_str().into()).collect();
        let existing = admin.partition_counts(&names)?;
        let missing: Vec<_> = topics
            .into_iter()
            .filter(|topic| !existing.contains_key(topic.name.as_str()))
            .collect();
        admin.create_topics(&missing)?;
        let partitions = admin.partition_counts(&names)?;
        let stop = stop.clone();
        let producer = clients.producer(0, Patience::new(PATIENCE, move || stop.is_asked()))?;
        let producer = traced(producer, tracing);
        Ok(Self { values, producer, partitions, value: Vec::new(), reference: 0, events: 0 })
    }

    /// Writes weather and flights in one order of time.
    fn by_time(
        &mut self,
        arguments: &Arguments,
        timeline: &Timeline,
        weather: &[ReferenceRecord],
        (progress, total): (&mut Progress, u64),
        stop: &Stop,
    ) -> Result<()> {
        let mut pace = Pace::start(arguments.speed);
        let mut weather = weather.iter().peekable();
        for (at, kind, flight) in timeline.iter() {
            while let Some(observed) = weather.next_if(|record| record.timestamp_ms <= at) {
                self.reference(observed)?;
            }
            let ahead = pace.ahead(at);
            if !ahead.is_zero() {
                self.producer.poll()?;
                Pace::wait(ahead, stop);
            }
            let mut value = std::mem::take(&mut self.value);
            value.clear();
            self.values.write(kind, flight, &mut value)?;
            self.send(kind.topic(), flight.id.as_bytes(), &value, at)?;
            self.value = value;
            self.events += 1;
            if self.events.is_multiple_of(STEP) || !ahead.is_zero() {
                stop.check()?;
                self.producer.poll()?;
                progress.update(self.events + self.reference, Some(total));
            }
        }
        weather.try_for_each(|observed| self.reference(observed))
    }

    fn reference(&mut self, record: &ReferenceRecord) -> Result<()> {
        self.reference += 1;
        self.send(record.topic, record.key.as_bytes(), &record.value, record.timestamp_ms)
    }

    fn send(&mut self, topic: &str, key: &[u8], value: &[u8], at_ms: i64) -> Result<()> {
        let partitions = self.partitions.get(topic).copied().unwrap_or(1);
        self.producer.send(OutgoingRecord {
            topic,
            partition: Some(default_partition(key, partitions)),
            key: Some(key),
            value: Some(value),
            timestamp: Timestamp::from_millis(at_ms),
            headers: &Headers::default(),
            changelog: None,
        })
    }
}
