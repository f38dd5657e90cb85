//! What librdkafka tells its clients: log lines, errors, group events, delivery reports.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{NoCustomPartitioner, ProducerContext};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

use super::refusals::Refusals;
use crate::ids::TopicPartition;
use crate::kafka::ConsumerEvent;

/// Passes librdkafka's log on to `tracing`.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    if facility == "FAIL" && matches!(level, RDKafkaLogLevel::Error) {
        // Comes as an error too, which tells more.
        tracing::debug!(target: "librdkafka", "{facility}: {message}");
        return;
    }
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error
        | RDKafkaLogLevel::Warning => tracing::warn!(target: "librdkafka", "{facility}: {message}"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::info!(target: "librdkafka", "{facility}: {message}");
        }
        RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", "{facility}: {message}"),
    }
}

/// Passes a client's error on to `tracing`: librdkafka tries again by itself unless it is fatal.
pub(super) fn warn(error: &KafkaError, reason: &str) {
    tracing::warn!(target: "librdkafka", "{error}: {reason}");
}

/// The context of clients that only log.
#[derive(Debug, Clone)]
pub(super) struct Logging {
    pub(super) refusals: Refusals,
}

impl ClientContext for Logging {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.refusals.note_log(facility, message);
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.refusals.note(&error, reason);
    }
}

impl ConsumerContext for Logging {}

/// Wakes the thread that waits for a consumer.
#[derive(Debug, Default)]
pub(super) struct Signal {
    raised: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    pub(super) fn raise(&self) {
        *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }

    /// Waits until the signal is raised or the time is over, and lowers it.
    pub(super) fn wait(&self, timeout: Duration) {
        let raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(raised, timeout, |raised| !*raised);
        let (mut raised, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *raised = false;
    }
}

/// Queues a member's group events as values; the thread answers them between two runs.
#[derive(Debug)]
pub(super) struct GroupContext {
    pub(super) refusals: Refusals,
    events: Mutex<Vec<ConsumerEvent>>,
    pub(super) signal: Arc<Signal>,
    /// Set once nobody answers any more: an unanswered event hangs librdkafka's close.
    closing: AtomicBool,
}

impl GroupContext {
    pub(super) fn new(refusals: Refusals) -> Self {
        Self {
            refusals,
            events: Mutex::default(),
            signal: Arc::default(),
            closing: AtomicBool::new(false),
        }
    }

    pub(super) fn take_events(&self) -> Vec<ConsumerEvent> {
        std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn answer_inline(&self) {
        self.closing.store(true, Ordering::Release);
    }
}

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.refusals.note_log(facility, message);
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.refusals.note(&error, reason);
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        if self.closing.load(Ordering::Acquire) {
            if let Err(error) = decline(consumer, &event) {
                warn(&error, "cannot give partitions back while closing");
            }
            return;
        }
        let elements = partitions.elements();
        let named = elements.iter().map(|at| TopicPartition::new(at.topic(), at.partition()));
        let named = named.collect();
        let event = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => ConsumerEvent::Assigned(named),
            _ if consumer.assignment_lost() => ConsumerEvent::Lost(named),
            _ => ConsumerEvent::Revoked(named),
        };
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        self.signal.raise();
    }
}

/// Answers an event with taking nothing and giving everything back: also what is read beside the group's
/// own topics.
fn decline(
    consumer: &BaseConsumer<GroupContext>,
    event: &RDKafkaRespErr,
) -> Result<(), KafkaError> {
    if *event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
        return consumer.incremental_assign(&TopicPartitionList::new());
    }
    consumer.incremental_unassign(&consumer.assignment()?)
}

/// Collects delivery reports: the last offset of each changelog, and the first failure.
#[derive(Debug)]
pub(super) struct DeliveryContext {
    pub(super) refusals: Refusals,
    pub(super) reports: Mutex<Reports>,
}

#[derive(Debug, Default)]
pub(super) struct Reports {
    pub(super) offsets: HashMap<usize, i64>,
    pub(super) failure: Option<(TopicPartition, KafkaError)>,
}

/// The opaque word of records that are no changelog's.
pub(super) const NO_CHANGELOG: usize = usize::MAX;

impl ClientContext for DeliveryContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.refusals.note_log(facility, message);
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.refusals.note(&error, reason);
    }
}

impl ProducerContext<NoCustomPartitioner> for DeliveryContext {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, changelog: usize) {
        match result {
            Ok(_) if changelog == NO_CHANGELOG => {}
            // A broker that has it already may not say where.
            Ok(message) if message.offset() < 0 => {}
            Ok(message) => {
                let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
                let last = reports.offsets.entry(changelog).or_insert(-1);
                *last = (*last).max(message.offset());
            }
            Err((error, message)) => {
                let at = TopicPartition::new(message.topic(), message.partition());
                let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
                reports.failure.get_or_insert((at, error.clone()));
            }
        }
    }
}
