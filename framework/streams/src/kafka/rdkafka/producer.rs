//! The producer port: idempotent, its delivery reports served by the thread that owns it.

use std::fmt;
use std::sync::PoisonError;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header as RdHeader, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode;

use super::context::{DeliveryContext, NO_CHANGELOG};
use super::error::failed;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Offset, TopicPartition};
use crate::kafka::{ChangelogToken, OutgoingRecord, Producer};
use crate::time::{Clock, SystemClock, Timestamp};

/// A producer of librdkafka's.
pub(super) struct RdProducer {
    producer: BaseProducer<DeliveryContext>,
    clock: SystemClock,
}

/// How long one wait for delivery reports is: `flush` would wait in steps of 100 ms.
const DRAIN_STEP: Duration = Duration::from_millis(1);
/// How long one wait for room in the client's queue is.
const ROOM_STEP: Duration = Duration::from_millis(10);

impl RdProducer {
    pub(super) fn create(config: &ClientConfig) -> Result<Self> {
        let producer = config.create_with_context(DeliveryContext::default());
        let producer = producer.map_err(|cause| failed("create a producer", cause))?;
        Ok(Self { producer, clock: SystemClock::start() })
    }

    fn check(&self) -> Result<()> {
        let context = self.producer.context();
        let failure = context.reports.lock().unwrap_or_else(PoisonError::into_inner).failure.take();
        match failure {
            None => Ok(()),
            Some((at, cause)) => Err(failed(format!("write to {at}"), cause)),
        }
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
        loop {
            match self.producer.send(out) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    out = back;
                    self.producer.poll(ROOM_STEP);
                    self.check()?;
                }
                Err((cause, _)) => {
                    let at = match record.partition {
                        Some(partition) => TopicPartition::new(record.topic, partition).to_string(),
                        None => record.topic.to_owned(),
                    };
                    let size = record.value.map_or(0, <[u8]>::len);
                    return Err(failed(format!("write a value of {size} bytes to {at}"), cause));
                }
            }
        }
    }

    fn poll(&mut self) -> Result<()> {
        self.producer.poll(Duration::ZERO);
        self.check()
    }

    fn drain(&mut self, timeout: Duration) -> Result<()> {
        let start = self.clock.monotonic();
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(DRAIN_STEP);
            self.check()?;
            if self.clock.monotonic().saturating_sub(start) > timeout {
                let left = self.producer.in_flight_count();
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!("{left} records were not acknowledged within {timeout:?}"),
                ));
            }
        }
        self.check()
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
