//! Where metrics are collected.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Attributes, Histogram, Level, Metric, Sample, Value};
use crate::time::{Clock, Timestamp};

/// When samples are collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// By the wall clock.
    pub wall: Timestamp,
    /// By the monotonic clock.
    pub monotonic: Duration,
}

/// Something that has metrics: a client, a thread.
pub trait Collect: Send + Sync {
    /// Adds the values as of now.
    fn collect(&self, into: &mut Collection<'_>);
}

/// Collects samples of one source.
#[derive(Debug)]
pub struct Collection<'a> {
    /// When.
    pub now: Moment,
    level: Level,
    /// Since when what is added is counted.
    since: Timestamp,
    /// Whether the source has ended: what it has counted stays, but nothing is so now.
    has_ended: bool,
    samples: &'a mut Vec<Sample>,
}

impl Collection<'_> {
    /// Adds a count.
    pub fn count(&mut self, metric: Metric, attributes: &Attributes, count: u64) {
        self.add(metric, attributes, || Value::Count(count));
    }

    /// Adds a sum of seconds.
    pub fn seconds(&mut self, metric: Metric, attributes: &Attributes, sum: Duration) {
        self.add(metric, attributes, || Value::Sum(sum.as_secs_f64()));
    }

    /// Adds what is so now.
    pub fn gauge(&mut self, metric: Metric, attributes: &Attributes, value: f64) {
        if !self.has_ended {
            self.add(metric, attributes, || Value::Gauge(value));
        }
    }

    /// Adds how much of something there is now.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a value of a metric needs no more than 52 bits"
    )]
    pub fn amount(&mut self, metric: Metric, attributes: &Attributes, amount: u64) {
        self.gauge(metric, attributes, amount as f64);
    }

    /// Adds durations.
    pub fn durations(&mut self, metric: Metric, attributes: &Attributes, durations: &Histogram) {
        self.add(metric, attributes, || Value::Histogram(Box::new(*durations)));
    }

    /// Says that what is added from here on began to be counted then, and not with its source.
    pub fn began(&mut self, since: Timestamp) {
        self.since = since;
    }

    /// Adds a value of whatever kind.
    pub fn value(&mut self, metric: Metric, attributes: &Attributes, value: &Value) {
        match value {
            Value::Gauge(gauge) => self.gauge(metric, attributes, *gauge),
            value => self.add(metric, attributes, || value.clone()),
        }
    }

    /// Adds which of some states something is in: 1 for that one, 0 for the others.
    pub fn state<'s>(
        &mut self,
        metric: Metric,
        attributes: &Attributes,
        states: impl IntoIterator<Item = (&'s str, bool)>,
    ) {
        for (state, is_it) in states {
            self.gauge(metric, &with(attributes, "state", state), f64::from(u8::from(is_it)));
        }
    }

    /// Returns whether a metric is recorded at all.
    #[must_use]
    pub fn wants(&self, metric: Metric) -> bool {
        metric.level() <= self.level
    }

    fn add(&mut self, metric: Metric, attributes: &Attributes, value: impl FnOnce() -> Value) {
        debug_assert!(
            attributes.iter().map(|(name, _)| name).eq(metric.attributes()),
            "the table gives {metric} other attributes than {attributes:?}"
        );
        if self.wants(metric) {
            let (attributes, since) = (attributes.clone(), self.since);
            self.samples.push(Sample { metric, attributes, value: value(), since });
        }
    }
}

/// Returns the attributes with one more.
pub(crate) fn with(
    attributes: &Attributes,
    name: &'static str,
    value: impl Into<Arc<str>>,
) -> Attributes {
    let mut more = attributes.clone();
    more.push((name, value.into()));
    more
}

/// The metrics of a client; clones show the same.
///
/// # Examples
///
/// ```no_run
/// # fn show(streams: &kappa::runtime::KafkaStreams) {
/// for sample in streams.metrics().snapshot() {
///     println!("{} {:?} {:?}", sample.metric, sample.attributes, sample.value);
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Metrics(Arc<Registry>);

struct Registry {
    level: Level,
    clock: Arc<dyn Clock>,
    sources: Mutex<Vec<Source>>,
    /// How often samples were collected.
    snapshots: AtomicU64,
}

struct Source {
    name: Arc<str>,
    source: Arc<dyn Collect>,
    since: Timestamp,
    has_ended: bool,
}

/// How many sources that have ended are remembered: what they have counted is told as long.
const ENDED_MAX: usize = 64;

impl Metrics {
    /// Makes the metrics of a client, without any source.
    #[must_use]
    pub fn new(level: Level, clock: Arc<dyn Clock>) -> Self {
        let (sources, snapshots) = (Mutex::default(), AtomicU64::new(0));
        Self(Arc::new(Registry { level, clock, sources, snapshots }))
    }

    /// Returns up to which level metrics are recorded.
    #[must_use]
    pub fn level(&self) -> Level {
        self.0.level
    }

    /// Returns whether nothing is recorded at all.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.0.level == Level::Off
    }

    /// Returns all values as of now, in the order of the table, then of their attributes.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Sample> {
        self.0.snapshots.fetch_add(1, Ordering::Relaxed);
        let clock = &self.0.clock;
        let now = Moment { wall: clock.wall_clock(), monotonic: clock.monotonic() };
        let mut samples = Vec::new();
        for Source { source, since, has_ended, .. } in &*self.sources() {
            let (level, since, has_ended, samples) =
                (self.0.level, *since, *has_ended, &mut samples);
            source.collect(&mut Collection { now, level, since, has_ended, samples });
        }
        samples.sort_by(|a, b| (a.metric, &a.attributes).cmp(&(b.metric, &b.attributes)));
        samples
    }

    /// Returns the time by the wall clock: since when something new is counted.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.wall_clock()
    }

    /// Returns how often samples were collected: what is dear to find out waits until somebody asks.
    pub(crate) fn snapshots(&self) -> u64 {
        self.0.snapshots.load(Ordering::Relaxed)
    }

    /// Adds a source of samples, in the place of one that had its name.
    pub(crate) fn add(&self, name: impl Into<Arc<str>>, source: Arc<dyn Collect>) {
        let (name, since) = (name.into(), self.now());
        let mut sources = self.sources();
        sources.retain(|known| known.name != name);
        sources.push(Source { name, source, since, has_ended: false });
    }

    /// Notes that a source has ended: only what it has counted is told from now on.
    pub(crate) fn end(&self, name: &str) {
        let mut sources = self.sources();
        for source in sources.iter_mut().filter(|known| *known.name == *name) {
            source.has_ended = true;
        }
        let ended = sources.iter().filter(|source| source.has_ended).count();
        let mut forgotten = ended.saturating_sub(ENDED_MAX);
        sources.retain(|source| {
            let keep = !source.has_ended || forgotten == 0;
            forgotten -= usize::from(!keep);
            keep
        });
    }

    fn sources(&self) -> MutexGuard<'_, Vec<Source>> {
        self.0.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("level", &self.0.level).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ManualClock;

    struct Fixed;

    impl Collect for Fixed {
        fn collect(&self, into: &mut Collection<'_>) {
            let attributes = vec![("thread-id", Arc::from("t"))];
            into.amount(Metric::ThreadTasksRunning, &attributes, 3);
            into.count(Metric::ThreadProcessRecords, &attributes, 7);
            let of_store =
                ["thread-id", "task-id", "state-id"].map(|name| (name, Arc::from("t"))).to_vec();
            into.durations(Metric::StoreReadDuration, &of_store, &Histogram::default());
        }
    }

    fn metrics(level: Level) -> Metrics {
        Metrics::new(level, Arc::new(ManualClock::default()))
    }

    #[test]
    fn levels_leave_out_and_ended_sources_tell_their_counts_only() {
        let metrics_at = metrics(Level::Info);
        metrics_at.add("thread", Arc::new(Fixed));
        metrics_at.add("thread", Arc::new(Fixed));
        let names: Vec<_> = metrics_at.snapshot().iter().map(|sample| sample.metric).collect();
        assert_eq!(names, [Metric::ThreadProcessRecords, Metric::ThreadTasksRunning]);
        metrics_at.end("thread");
        let left = metrics_at.snapshot();
        assert_eq!(left.len(), 1);
        assert_eq!((left[0].metric, left[0].value.number()), (Metric::ThreadProcessRecords, 7.0));

        let debug = metrics(Level::Debug);
        debug.add("thread", Arc::new(Fixed));
        assert_eq!(debug.snapshot().len(), 3);
        let off = metrics(Level::Off);
        off.add("thread", Arc::new(Fixed));
        assert_eq!(off.snapshot(), []);
    }

    #[test]
    fn sources_that_ended_are_forgotten_oldest_first() {
        let metrics = metrics(Level::Info);
        for at in 0..=ENDED_MAX {
            metrics.add(format!("thread {at}"), Arc::new(Fixed));
            metrics.end(&format!("thread {at}"));
        }
        let sources = metrics.sources();
        assert_eq!(sources.len(), ENDED_MAX);
        assert_eq!(&*sources[0].name, "thread 1");
    }
}
