//! Pushing spans to a collector: OTLP over HTTP, in batches, from a thread of its own.
//!
//! A span that has ended costs the thread that ends it the making of its attributes. Where the queue is
//! full, because the collector is slow or gone, spans are dropped and counted: nobody waits for them.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanExporter, SpanLinks, SpanProcessor,
};

use super::environment::{Environment, TRACES};
use super::http_client;
use super::semconv::{self, Names};
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::trace::{Operation, Sampler, Span, SpanSink, TraceContext, Tracing};

/// A thread that pushes spans; dropping it pushes what is left, within a few seconds.
#[derive(Debug)]
pub(super) struct SpanPush {
    sink: Arc<Sink>,
    sampler: Sampler,
    with_keys: bool,
}

/// How many spans may wait: a turn of a task, each record traced, is a few thousand.
const QUEUE_MAX: usize = 8_192;
/// How many go with one request.
const BATCH_MAX: usize = 512;
/// How long a span waits for others to go with.
const DELAY: Duration = Duration::from_secs(1);
/// How long the last push may take: a supervisor kills what does not end.
const LAST_PUSH: Duration = Duration::from_secs(5);

impl SpanPush {
    /// Starts to push; nothing where the environment names no collector, or nothing is ever sampled.
    ///
    /// # Errors
    ///
    /// Where settings or environment make no sense.
    pub(super) fn start(
        environment: &Environment,
        resource: &Resource,
        settings: &Settings,
    ) -> Result<Option<Self>> {
        let Some(collector) = environment.collector(TRACES)? else { return Ok(None) };
        let sampler = sampler(environment, settings)?;
        if sampler.is_off() {
            return Ok(None);
        }
        let exporter = OtlpExporter::builder()
            .with_http()
            .with_http_client(http_client::of(&collector)?)
            .with_endpoint(collector.url.clone())
            .with_timeout(collector.timeout)
            .with_headers(collector.headers.iter().cloned().collect::<HashMap<_, _>>())
            .build()
            .map_err(|cause| Error::config("cannot export traces").with_source(cause))?;
        let queue_max = environment.count("OTEL_BSP_MAX_QUEUE_SIZE", QUEUE_MAX)?;
        let batch_max = environment.count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", BATCH_MAX)?;
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(queue_max)
            .with_max_export_batch_size(batch_max.min(queue_max))
            .with_scheduled_delay(environment.millis("OTEL_BSP_SCHEDULE_DELAY", DELAY)?)
            .build();
        let names = Names::opted(environment.get("OTEL_SEMCONV_STABILITY_OPT_IN"));
        let address = collector.address().to_owned();
        let counts = Arc::new(Counts { queue_max, address, ..Counts::default() });
        let exporter = Counted { inner: exporter, counts: counts.clone() };
        let mut processor = BatchSpanProcessor::new(exporter, config);
        processor.set_resource(resource);
        let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
            .with_version(env!("CARGO_PKG_VERSION"))
            .with_schema_url(names.schema_url())
            .build();
        let group = settings.application_id.as_str().into();
        let sink = Arc::new(Sink { processor, counts, names, scope, group });
        Ok(Some(Self { sink, sampler, with_keys: settings.trace_keys }))
    }

    /// Returns how an application traces that pushes its spans here.
    pub(super) fn tracing(&self) -> Tracing {
        Tracing { sampler: self.sampler, sink: self.sink.clone(), with_keys: self.with_keys }
    }
}

impl Drop for SpanPush {
    fn drop(&mut self) {
        // A collector that does not answer keeps nobody: the thread ends with the process.
        let _ = self.sink.processor.shutdown_with_timeout(LAST_PUSH);
        let counts = &self.sink.counts;
        let lost = counts.dropped.load(Ordering::Relaxed) + counts.failed.load(Ordering::Relaxed);
        let left = counts.queued.load(Ordering::Relaxed);
        if lost > 0 || left > 0 {
            tracing::warn!("{lost} spans were lost, {left} not sent in time");
        }
    }
}

/// Returns which records are traced: as the settings say, else the environment, else those alone whose
/// writers have them sampled.
fn sampler(environment: &Environment, settings: &Settings) -> Result<Sampler> {
    // A ratio of the application's own settings is meant, whichever sampler others are told to use.
    let others = environment.get("OTEL_TRACES_SAMPLER").filter(|_| settings.trace_ratio.is_none());
    let ratio = match settings.trace_ratio {
        Some(ratio) => ratio,
        None => {
            // Who asks for a sampler by OpenTelemetry's variable is given OpenTelemetry's default.
            let is_theirs = settings.trace_sampler.is_none() && others.is_some();
            let default = if is_theirs { 1.0 } else { 0.0 };
            environment.ratio("OTEL_TRACES_SAMPLER_ARG", default)?
        }
    };
    if let Some(name) = &settings.trace_sampler {
        let known = Sampler::named(name, ratio);
        return known.ok_or_else(|| Error::config(format!("unknown sampler `{name}`")));
    }
    let name = others.unwrap_or("parentbased_traceidratio");
    Sampler::named(name, ratio).ok_or_else(|| {
        Error::config(format!(
            "environment variable OTEL_TRACES_SAMPLER: expected always_on, always_off, traceidratio, \
             or one of these with `parentbased_` in front, found `{name}`"
        ))
    })
}

/// Where spans are, and what became of them.
#[derive(Debug, Default)]
struct Counts {
    queue_max: usize,
    address: String,
    queued: AtomicUsize,
    dropped: AtomicU64,
    failed: AtomicU64,
    /// Whether the log has been told that spans are lost.
    is_told: AtomicBool,
}

impl Counts {
    /// Takes a place in the queue, if there is one.
    fn enter(&self) -> bool {
        let queued = self.queued.fetch_add(1, Ordering::Relaxed);
        let has_room = queued < self.queue_max;
        if !has_room {
            self.queued.fetch_sub(1, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            self.tell(&"it is too slow, and the queue is full");
        }
        has_room
    }

    /// Says once that spans are lost.
    fn tell(&self, why: &dyn fmt::Display) {
        if !self.is_told.swap(true, Ordering::Relaxed) {
            tracing::warn!("spans are lost, and no more said of it: {}: {why}", self.address);
        }
    }
}

/// Makes spans what the SDK has them as, and queues them.
struct Sink {
    processor: BatchSpanProcessor,
    counts: Arc<Counts>,
    names: Names,
    scope: InstrumentationScope,
    group: Arc<str>,
}

impl SpanSink for Sink {
    fn ended(&self, span: Span) {
        if self.counts.enter() {
            self.processor.on_end(data(span, self.names, &self.scope, &self.group));
        }
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").field("counts", &self.counts).finish_non_exhaustive()
    }
}

fn data(span: Span, names: Names, scope: &InstrumentationScope, group: &Arc<str>) -> SpanData {
    let (operation, _) = semconv::operation(span.operation);
    let name = match &span.record {
        Some(record) => format!("{operation} {}", record.topic).into(),
        None => operation.into(),
    };
    let mut links = SpanLinks::default();
    links.links.extend(
        span.links.iter().map(|link| Link::new(context(*link, TraceState::NONE), Vec::new(), 0)),
    );
    let state = span.trace_state.as_deref().and_then(|state| std::str::from_utf8(state).ok());
    let state = state.and_then(|state| TraceState::from_str(state).ok()).unwrap_or_default();
    SpanData {
        span_context: context(span.context, state),
        parent_span_id: span.parent.map_or(SpanId::INVALID, |parent| SpanId::from(parent.span.0)),
        parent_span_is_remote: span.parent.is_some_and(|parent| parent.is_remote),
        span_kind: match span.operation {
            Operation::Process => SpanKind::Consumer,
            Operation::Send => SpanKind::Producer,
            Operation::Poll | Operation::Commit => SpanKind::Client,
        },
        name,
        start_time: UNIX_EPOCH + span.start,
        end_time: UNIX_EPOCH + span.end,
        attributes: attributes(&span, names, group),
        dropped_attributes_count: 0,
        events: Default::default(),
        links,
        status: match span.error {
            Some(kind) => Status::error(semconv::error_type(kind)),
            None => Status::Unset,
        },
        instrumentation_scope: scope.clone(),
    }
}

fn context(context: TraceContext, state: TraceState) -> SpanContext {
    let flags = if context.is_sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    let (trace, span) = (TraceId::from(context.trace.0), SpanId::from(context.span.0));
    SpanContext::new(trace, span, flags, false, state)
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn attributes(span: &Span, names: Names, group: &Arc<str>) -> Vec<KeyValue> {
    let mut all = Vec::with_capacity(16);
    let (name, kind) = semconv::operation(span.operation);
    names.add(&mut all, semconv::SYSTEM, semconv::KAFKA);
    all.push(KeyValue::new(semconv::OPERATION_NAME, name));
    all.push(KeyValue::new(semconv::OPERATION_TYPE, kind));
    all.push(KeyValue::new(semconv::CLIENT, span.client.clone()));
    if span.operation != Operation::Send {
        all.push(KeyValue::new(semconv::GROUP, group.clone()));
    }
    if let Some(task) = span.task {
        all.push(KeyValue::new(semconv::TASK, task.to_string()));
    }
    if let Some(record) = &span.record {
        all.push(KeyValue::new(semconv::DESTINATION, record.topic.clone()));
        if let Some(partition) = record.partition {
            all.push(KeyValue::new(semconv::PARTITION, partition.to_string()));
        }
        if let Some(offset) = record.offset {
            names.add(&mut all, semconv::OFFSET, offset.0);
        }
        match (record.body_bytes, span.records) {
            (_, Some(count)) => all.push(KeyValue::new(semconv::BATCH_COUNT, number(count))),
            (Some(bytes), None) => all.push(KeyValue::new(semconv::BODY_SIZE, number(bytes))),
            (None, None) => names.add(&mut all, semconv::TOMBSTONE, true),
        }
        if let Some(key) = &record.key {
            names.add(&mut all, semconv::KEY, key.clone());
        }
    }
    if let Some(kind) = span.error {
        all.push(KeyValue::new(semconv::ERROR_TYPE, semconv::error_type(kind)));
    }
    all
}

/// Exports, and counts what became of it.
#[derive(Debug)]
struct Counted<E> {
    inner: E,
    counts: Arc<Counts>,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let exported = self.inner.export(batch).await;
        // Not before: what is under way takes memory as well.
        self.counts.queued.fetch_sub(count, Ordering::Relaxed);
        if let Err(error) = &exported {
            self.counts.failed.fetch_add(count as u64, Ordering::Relaxed);
            self.counts.tell(error);
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

#[cfg(test)]
mod tests;
