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
use crate::log::batch::{self, BatchHeader, ZSTD};
use crate::log::records::Records;
use crate::log::{self, Appended, PartitionLog};
use crate::reply::{Answer, Replies};
use crate::time::{Millis, Moment};
use crate::topics::settings::{TimestampType, TopicSettings};

/// The first version whose clients understand zstd.
const ZSTD_VERSION_MIN: i16 = 7;
/// How many bad records a response names.
const RECORD_ERRORS_MAX: usize = 10;

/// A produce request without its records, which stay in the frame.
struct Upload {
    acks: i16,
    transactional_id: Option<String>,
    topics: Vec<TopicUpload>,
}

/// What a request says of all its batches.
#[derive(Clone, Copy)]
struct Manner<'a> {
    version: i16,
    acks: i16,
    transactional_id: Option<&'a str>,
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
        let at = self.moment(now);
        let mut frame = Frame { whole: frame.len(), rest: frame, taken: 0 };
        let mut grown = Vec::new();
        let mut responses = Vec::with_capacity(upload.topics.len());
        let mut first_refusal = None;
        for topic in upload.topics {
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for partition in topic.partitions {
                let piece = frame.take(&partition.records);
                let manner = Manner {
                    version: call.version,
                    acks: upload.acks,
                    transactional_id: upload.transactional_id.as_deref(),
                };
                let result = self.append(at, manner, &topic.name, partition.index, piece);
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
        at: Moment,
        manner: Manner<'_>,
        topic: &str,
        index: i32,
        piece: Piece,
    ) -> Result<Appended, RefusedBatch> {
        let log = self.topics.partition(topic, index)?;
        let (size, header) = batch::find_single(&piece.bytes)?;
        check_codec(&header, manner.version)?;
        let acks = manner.acks;
        if !(-1..=1).contains(&acks) {
            let message = format!("acks must be -1, 0 or 1, not {acks}");
            return Err(Refusal::new(ResponseError::InvalidRequiredAcks, message).into());
        }
        let topic_of = self.topics.get(topic).ok_or_else(Refusal::unknown_partition)?;
        let settings = *topic_of.config.settings();
        let bytes = piece.cut(size);
        batch::check(&bytes, &header, settings.message_bytes_max)?;
        check_records(at.stamp, &settings, &header, &bytes)?;
        if i64::try_from(size).unwrap_or(i64::MAX) > settings.segment_bytes_max {
            let message = format!("the batch has {size} bytes, more than a segment");
            return Err(Refusal::new(ResponseError::RecordListTooLarge, message).into());
        }
        if header.is_transactional() {
            self.check_transaction(log, manner.transactional_id, &header, (topic, index))?;
        }
        let producers = self.producers_config();
        // What is there already takes no room: it is acknowledged even if the logs are full.
        if let Some(earlier) = log.find_duplicate(at, &settings, &producers, &header)? {
            return Ok(earlier);
        }
        self.topics.reserve(log::charge(size))?;
        let log = self.topics.partition_mut(topic, index)?;
        Ok(log.append(at, &settings, &producers, &header, bytes))
    }

    /// Checks that a batch belongs to a transaction that its partition was added to.
    fn check_transaction(
        &self,
        log: &PartitionLog,
        transactional_id: Option<&str>,
        header: &BatchHeader,
        partition: (&str, i32),
    ) -> Result<(), Refusal> {
        let producer = (header.producer_id, header.producer_epoch);
        let Some(id) = transactional_id else {
            let message = "records of a transaction were sent without a transactional id";
            let error = ResponseError::TransactionalIdAuthorizationFailed;
            return Err(Refusal::new(error, message));
        };
        if log.has_open_transaction(producer.0, producer.1) {
            return Ok(());
        }
        self.transactions.check_partition(id, producer, partition).map_err(|error| {
            let (topic, index) = partition;
            let message = format!("{topic}-{index} is not in an open transaction of {id}");
            Refusal::new(error, message)
        })
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
                let records = refused.records.into_iter();
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
        let transactional_id = body.transactional_id.map(|id| id.to_string());
        Ok(Self { acks: body.acks, transactional_id, topics })
    }
}

/// The frame of a request while batches are being split off from its front.
struct Frame {
    whole: usize,
    rest: BytesMut,
    taken: usize,
}

/// What was sent for one partition.
struct Piece {
    bytes: BytesMut,
    frame_bytes: usize,
}

impl Frame {
    /// Takes out a range that lies behind all those taken before.
    fn take(&mut self, range: &Range<usize>) -> Piece {
        let frame_bytes = self.whole;
        if range.start < self.taken {
            // Nothing was sent for this partition.
            return Piece { bytes: BytesMut::new(), frame_bytes };
        }
        let mut bytes = self.rest.split_to((range.end - self.taken).min(self.rest.len()));
        bytes.advance((range.start - self.taken).min(bytes.len()));
        self.taken = range.end;
        Piece { bytes, frame_bytes }
    }
}

impl Piece {
    /// Returns the batch at the front of it. As it would keep the whole frame in memory, it is
    /// copied where it is the smaller part of that.
    fn cut(mut self, size: usize) -> BytesMut {
        self.bytes.truncate(size);
        if self.bytes.len() < self.frame_bytes / 2 {
            return BytesMut::from(self.bytes.as_ref());
        }
        self.bytes
    }
}

fn check_codec(header: &BatchHeader, version: i16) -> Result<(), Refusal> {
    let message = match header.compression() {
        0..ZSTD => return Ok(()),
        ZSTD if version >= ZSTD_VERSION_MIN => return Ok(()),
        ZSTD => format!("version {version} of Produce does not know zstd"),
        other => format!("compression {other} is unknown"),
    };
    Err(Refusal::new(ResponseError::UnsupportedCompressionType, message))
}

/// Checks that the records are what the header says and what the topic's settings ask for.
fn check_records(
    stamp: Millis,
    settings: &TopicSettings,
    header: &BatchHeader,
    batch: &[u8],
) -> Result<(), RefusedBatch> {
    if header.is_stamped() {
        let message = "producers should not set the timestamp type to LogAppendTime";
        return Err(Refusal::new(ResponseError::InvalidTimestamp, message).into());
    }
    let is_timed = settings.timestamp_type == TimestampType::CreateTime;
    let earliest = stamp.as_i64().saturating_sub(settings.timestamp_before_max_ms);
    let times = earliest..=stamp.as_i64().saturating_add(settings.timestamp_after_max_ms);
    let invalid = |message: String| Refusal::new(ResponseError::InvalidRecord, message);
    let records = Records::unpack(batch, header).map_err(invalid)?;
    let mut bad = Vec::new();
    let mut bad_count = 0_u64;
    let mut error = ResponseError::InvalidRecord;
    for (index, head) in (0..).zip(records.heads()) {
        let head = head.map_err(invalid)?;
        let fault = if settings.is_compacted && !head.has_key {
            "Compacted topic cannot accept message without key".to_owned()
        } else if is_timed && head.timestamp != -1 && !times.contains(&head.timestamp) {
            error = ResponseError::InvalidTimestamp;
            format!("timestamp {} is not within {times:?}", head.timestamp)
        } else {
            continue;
        };
        bad_count += 1;
        if bad.len() < RECORD_ERRORS_MAX {
            bad.push((index, fault));
        }
    }
    if bad.is_empty() {
        return Ok(());
    }
    let message = format!("{bad_count} of {} records were rejected", header.count());
    Err(RefusedBatch { refusal: Refusal::new(error, message), records: bad })
}

#[cfg(test)]
mod tests;
