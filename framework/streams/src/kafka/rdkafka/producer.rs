//! The producer port: idempotent, its delivery reports served by the thread that owns it.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header as RdHeader, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode;

use super::context::{DeliveryContext, NO_CHANGELOG};
use super::error::{Need, failed_without, uncreated};
use super::refusals::Refusals;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Offset, TopicPartition};
use crate::kafka::{ChangelogToken, OutgoingRecord, Patience, Producer};
use crate::time::{Clock, SystemClock, Timestamp};

/// A producer of librdkafka's.
pub(super) struct RdProducer {
    producer: BaseProducer<DeliveryContext>,
    patience: Patience,
    clock: SystemClock,
}

/// How long the first pause between two looks for delivery reports is; each is twice the one before.
///
/// The client's own waits are of no use: `flush` works in steps of 100 ms, and `poll` spins through the
/// last millisecond of its time, since it waits in whole ones.
const PAUSE_MIN: Duration = Duration::from_micros(50);
/// How long a pause gets: what it adds to a commit at most.
const PAUSE_MAX: Duration = Duration::from_millis(1);
/// How long is waited for acknowledgements once the run is to stop: a supervisor kills what does not
/// end (Kubernetes after 30 s), and what is not acknowledged is done again.
const LAST_WAIT: Duration = Duration::from_secs(10);

impl RdProducer {
    pub(super) fn create(
        config: &ClientConfig,
        patience: Patience,
        refusals: &Refusals,
    ) -> Result<Self> {
        let refusals = refusals.clone();
        let context = DeliveryContext { refusals, reports: Mutex::default() };
        let producer = config.create_with_context(context);
        let producer = producer.map_err(|cause| uncreated("create a producer", config, cause))?;
        Ok(Self { producer, patience, clock: SystemClock::start() })
    }

    /// Fails if a record failed for good, now or ever: it is gone from the client's queue.
    fn check(&self) -> Result<()> {
        let context = self.producer.context();
        match &context.reports.lock().unwrap_or_else(PoisonError::into_inner).failure {
            None => context.refusals.check(),
            Some((at, cause)) => {
                let needs = [Need::topic("Write", &at.topic)];
                Err(failed_without(format!("write to {at}"), cause.clone(), &needs))
            }
        }
    }

    /// Serves delivery reports until `is_done`.
    fn wait_until(&self, mut is_done: impl FnMut(&Self) -> bool) -> Result<()> {
        let start = self.clock.monotonic();
        let mut over_since = None;
        let mut pause = PAUSE_MIN;
        while !is_done(self) {
            let before = self.producer.in_flight_count();
            self.producer.poll(Duration::ZERO);
            self.check()?;
            if self.producer.in_flight_count() < before {
                pause = PAUSE_MIN;
                continue;
            }
            self.clock.pause(pause);
            pause = (pause * 2).min(PAUSE_MAX);
            let now = self.clock.monotonic();
            if self.patience.is_over() {
                let since = *over_since.get_or_insert(now);
                if now.saturating_sub(since) > LAST_WAIT {
                    return Err(self.unacknowledged(ErrorKind::Interrupted, LAST_WAIT));
                }
            }
            if now.saturating_sub(start) > self.patience.timeout {
                return Err(self.unacknowledged(ErrorKind::Unavailable, self.patience.timeout));
            }
        }
        self.check()
    }

    #[cold]
    fn unacknowledged(&self, kind: ErrorKind, waited: Duration) -> Error {
        let left = self.producer.in_flight_count();
        Error::new(kind, format!("{left} records were not acknowledged within {waited:?}"))
    }
}

impl RdProducer {
    #[cold]
    fn unsendable(&self, record: &OutgoingRecord<'_>, cause: KafkaError) -> Error {
        let refusals = &self.producer.context().refusals;
        // A client that has failed for good says only that; why is told apart, and may still be under way.
        if let Some((code, reason)) = self.producer.client().fatal_error() {
            refusals.note(&KafkaError::Global(code), &reason);
        }
        if let Err(refusal) = refusals.check() {
            return refusal;
        }
        let at = match record.partition {
            Some(partition) => TopicPartition::new(record.topic, partition).to_string(),
            None => record.topic.to_owned(),
        };
        let size = record.value.map_or(0, <[u8]>::len);
        let needs = [Need::topic("Write", record.topic)];
        failed_without(format!("write a value of {size} bytes to {at}"), cause, &needs)
    }
}

impl Producer for RdProducer {
    fn send(&mut self, record: OutgoingRecord<'_>) -> Result<()> {
        let token = record.changelog.map_or(NO_CHANGELOG, |token| token.0);
        let mut out: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(record.topic, token).timestamp(sendable(record.timestamp));
        out.key = record.key;
        out.payload = record.value;
        out.partition = record.partition;
        if !record.headers.is_empty() {
            let headers = record.headers.iter().fold(OwnedHeaders::new(), |headers, header| {
                headers.insert(RdHeader { key: &header.name, value: header.value.as_deref() })
            });
            out = out.headers(headers);
        }
        let Err((cause, back)) = self.producer.send(out) else { return Ok(()) };
        if cause != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
            return Err(self.unsendable(&record, cause));
        }
        let mut waiting = Some(back);
        let mut refused = None;
        self.wait_until(|it| {
            let Some(back) = waiting.take() else { return true };
            match it.producer.send(back) {
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    waiting = Some(back);
                }
                Err((cause, _)) => refused = Some(cause),
                Ok(()) => {}
            }
            waiting.is_none()
        })?;
        refused.map_or(Ok(()), |cause| Err(self.unsendable(&record, cause)))
    }

    fn poll(&mut self) -> Result<()> {
        self.producer.poll(Duration::ZERO);
        self.check()
    }

    fn drain(&mut self) -> Result<()> {
        self.wait_until(|it| it.producer.in_flight_count() == 0)
    }

    fn acknowledged(&mut self, visit: &mut dyn FnMut(ChangelogToken, Offset)) {
        let context = self.producer.context();
        let mut reports = context.reports.lock().unwrap_or_else(PoisonError::into_inner);
        for (token, offset) in reports.offsets.drain() {
            visit(ChangelogToken(token), Offset(offset));
        }
    }
}

/// librdkafka takes the timestamp 0 for "now"; the first millisecond after it is the nearest to be had.
fn sendable(timestamp: Timestamp) -> i64 {
    match timestamp.as_millis() {
        0 => 1,
        millis => millis,
    }
}

impl fmt::Debug for RdProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RdProducer").finish_non_exhaustive()
    }
}
