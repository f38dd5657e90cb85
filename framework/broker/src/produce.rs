//! Produce: taking batches over from a request's own bytes, partition by partition.

use std::ops::Range;

use bytes::{Buf, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use crate::broker::Broker;
use crate::broker::dispatch::Request;
use crate::error::Refusal;
use crate::log::Appended;
use crate::log::batch::{self, BatchHeader, ZSTD};
use crate::log::producers::ProducersConfig;
use crate::log::records;
use crate::reply::{Answer, Replies};
use crate::time::Millis;
use crate::topics::settings::{TimestampType, TopicSettings};

/// The first version whose clients understand zstd.
const ZSTD_VERSION_MIN: i16 = 7;
/// How many bad records a response names.
const RECORD_ERRORS_MAX: usize = 10;

/// A produce request without its records, which stay in the frame.
struct Upload {
    acks: i16,
    topics: Vec<TopicUpload>,
}

struct TopicUpload {
    name: String,
    partitions: Vec<PartitionUpload>,
}

struct PartitionUpload {
    index: i32,
    /// Where the batch lies in the frame.
    records: Range<usize>,
}

/// Why a batch was refused, with the records at fault where it is about records.
struct RefusedBatch {
    refusal: Refusal,
    records: Vec<(i32, String)>,
}

impl From<Refusal> for RefusedBatch {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, records: Vec::new() }
    }
}

impl Broker {
    pub(crate) fn produce(
        &mut self,
        now: Millis,
        request: Request,
        replies: &mut Replies,
    ) -> Result<(), String> {
        let call = request.call;
        let upload = Upload::read(&request)?;
        // Nothing else holds the frame by now, so it is usually taken over as it is.
        let frame = request.frame.try_into_mut().unwrap_or_else(|it| BytesMut::from(it.as_ref()));
        let mut frame = Frame { rest: frame, taken: 0 };
        let mut grown = Vec::new();
        let mut responses = Vec::with_capacity(upload.topics.len());
        let mut first_refusal = None;
        for topic in upload.topics {
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for partition in topic.partitions {
                let batch = frame.take(partition.records);
                let acks = upload.acks;
                let result =
                    self.append(now, call.version, acks, &topic.name, partition.index, batch);
                match &result {
                    Ok(appended) if appended.is_new => {
                        grown.push((topic.name.clone(), partition.index));
                    }
                    Ok(_) => {}
                    Err(refused) => first_refusal = first_refusal.or(Some(refused.refusal.error)),
                }
                partitions.push(self.partition_response(&topic.name, partition.index, result));
            }
            let name = TopicName(StrBytes::from_string(topic.name));
            let response = TopicProduceResponse::default().with_name(name);
            responses.push(response.with_partition_responses(partitions));
        }
        match (upload.acks, first_refusal) {
            (0, None) => replies.push(call.connection, Answer::Nothing),
            // Without acknowledgements this is the only way to tell the producer.
            (0, Some(error)) => return Err(format!("produce without acks failed: {error}")),
            _ => replies.respond(&call, &ProduceResponse::default().with_responses(responses)),
        }
        self.complete_fetches_of(&grown, replies);
        Ok(())
    }

    fn append(
        &mut self,
        now: Millis,
        version: i16,
        acks: i16,
        topic: &str,
        index: i32,
        mut bytes: BytesMut,
    ) -> Result<Appended, RefusedBatch> {
        self.topics.partition(topic, index)?;
        let (size, header) = batch::find_single(&bytes)?;
        bytes.truncate(size);
        if header.compression() == ZSTD && version < ZSTD_VERSION_MIN {
            let message = format!("version {version} of Produce does not know zstd");
            return Err(Refusal::new(ResponseError::UnsupportedCompressionType, message).into());
        }
        if !(-1..=1).contains(&acks) {
            let message = format!("acks must be -1, 0 or 1, not {acks}");
            return Err(Refusal::new(ResponseError::InvalidRequiredAcks, message).into());
        }
        let topic_of = self.topics.get(topic).ok_or_else(Refusal::unknown_partition)?;
        let settings = *topic_of.config.settings();
        batch::check(&bytes, &header, settings.message_bytes_max)?;
        check_records(now, &settings, &header, &bytes)?;
        if i64::try_from(size).unwrap_or(i64::MAX) > settings.segment_bytes_max {
            let message = format!("the batch has {size} bytes, more than a segment");
            return Err(Refusal::new(ResponseError::RecordListTooLarge, message).into());
        }
        if header.is_transactional() {
            let message = crate::cluster::no_transactions().message;
            return Err(Refusal::new(ResponseError::InvalidTxnState, message).into());
        }
        let producers = ProducersConfig {
            producers_max: self.config.producers_per_partition_max,
            expiration_ms: self.config.producer_expiration_ms,
        };
        self.topics.reserve(size as u64)?;
        let log = self.topics.partition_mut(topic, index)?;
        let appended = log.append(now, &settings, &producers, &header, bytes);
        if !appended.as_ref().is_ok_and(|appended| appended.is_new) {
            self.topics.release(size as u64);
        }
        Ok(appended?)
    }

    fn partition_response(
        &self,
        topic: &str,
        index: i32,
        result: Result<Appended, RefusedBatch>,
    ) -> PartitionProduceResponse {
        let response = PartitionProduceResponse::default().with_index(index);
        match result {
            Ok(appended) => {
                let start = self.topics.partition(topic, index).map_or(-1, |it| it.start_offset());
                response
                    .with_base_offset(appended.base_offset)
                    .with_log_append_time_ms(appended.append_time)
                    .with_log_start_offset(start)
            }
            Err(refused) => {
                let record_error = |(index, message): (i32, String)| {
                    BatchIndexAndErrorMessage::default()
                        .with_batch_index(index)
                        .with_batch_index_error_message(Some(StrBytes::from_string(message)))
                };
                let records = refused.records.into_iter().take(RECORD_ERRORS_MAX);
                response
                    .with_error_code(refused.refusal.code())
                    .with_error_message(refused.refusal.text())
                    .with_base_offset(-1)
                    .with_record_errors(records.map(record_error).collect())
            }
        }
    }
}

impl Upload {
    /// Reads everything but the records, of which it finds the place.
    fn read(request: &Request) -> Result<Self, String> {
        let body: ProduceRequest = request.body()?;
        let mut topics = Vec::with_capacity(body.topic_data.len());
        for topic in body.topic_data {
            let mut partitions = Vec::with_capacity(topic.partition_data.len());
            for partition in topic.partition_data {
                let records = partition.records.unwrap_or_default();
                // The decoder hands out slices of the frame; their addresses say where they lie.
                let start =
                    (records.as_ptr() as usize).wrapping_sub(request.frame.as_ptr() as usize);
                let range = if records.is_empty() { 0..0 } else { start..start + records.len() };
                partitions.push(PartitionUpload { index: partition.index, records: range });
            }
            topics.push(TopicUpload { name: topic.name.to_string(), partitions });
        }
        Ok(Self { acks: body.acks, topics })
    }
}

/// The frame of a request while batches are being split off from its front.
struct Frame {
    rest: BytesMut,
    taken: usize,
}

impl Frame {
    /// Takes out a range that lies behind all those taken before.
    fn take(&mut self, range: Range<usize>) -> BytesMut {
        if range.start < self.taken {
            // Nothing was sent for this partition.
            return BytesMut::new();
        }
        let mut piece = self.rest.split_to((range.end - self.taken).min(self.rest.len()));
        piece.advance((range.start - self.taken).min(piece.len()));
        self.taken = range.end;
        piece
    }
}

/// Checks the records themselves, where the topic's settings ask for it: that is what needs
/// decompression, so it is not done otherwise.
fn check_records(
    now: Millis,
    settings: &TopicSettings,
    header: &BatchHeader,
    batch: &[u8],
) -> Result<(), RefusedBatch> {
    let is_timed = settings.timestamp_type == TimestampType::CreateTime;
    let earliest = now.as_i64().saturating_sub(settings.timestamp_before_max_ms);
    let times = earliest..=now.as_i64().saturating_add(settings.timestamp_after_max_ms);
    let has_bound = settings.timestamp_before_max_ms != i64::MAX;
    let is_ahead = header.max_timestamp > *times.end();
    if !(settings.is_compacted || is_timed && (has_bound || is_ahead)) {
        return Ok(());
    }
    let heads = records::heads(batch, header);
    let heads = heads.map_err(|e| Refusal::new(ResponseError::InvalidRecord, e))?;
    let mut bad = Vec::new();
    let mut error = ResponseError::InvalidRecord;
    for (index, head) in (0..).zip(&heads) {
        if settings.is_compacted && !head.has_key {
            bad.push((index, "Compacted topic cannot accept message without key".to_owned()));
        } else if is_timed && head.timestamp != -1 && !times.contains(&head.timestamp) {
            error = ResponseError::InvalidTimestamp;
            bad.push((index, format!("timestamp {} is not within {times:?}", head.timestamp)));
        }
    }
    if bad.is_empty() {
        return Ok(());
    }
    let message = format!("{} of {} records were rejected", bad.len(), heads.len());
    Err(RefusedBatch { refusal: Refusal::new(error, message), records: bad })
}

#[cfg(test)]
mod tests;
