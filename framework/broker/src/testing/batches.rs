//! Record batches as producers send them.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::ProduceRequest;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::records::{
    Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

use crate::log::records::{pack, put_varint};
use crate::testing::topic_name;

/// What to put into a batch.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) times: Vec<i64>,
    pub(crate) key: Option<&'static str>,
    pub(crate) value_bytes: usize,
    pub(crate) producer: (i64, i16, i32),
    pub(crate) codec: Compression,
    pub(crate) is_transactional: bool,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            times: vec![1_000],
            key: Some("k"),
            value_bytes: 10,
            producer: (-1, -1, -1),
            codec: Compression::None,
            is_transactional: false,
        }
    }
}

impl Batch {
    /// So many records of the same time.
    pub(crate) fn of(count: usize) -> Self {
        Self::at(&vec![1_000; count])
    }

    /// Records of these times.
    pub(crate) fn at(times: &[i64]) -> Self {
        Self { times: times.to_vec(), ..Self::default() }
    }

    /// So many records of an idempotent producer.
    pub(crate) fn from_producer(id: i64, epoch: i16, sequence: i32, count: usize) -> Self {
        Self { producer: (id, epoch, sequence), ..Self::of(count) }
    }

    pub(crate) fn encode(&self) -> Bytes {
        let (producer_id, producer_epoch, sequence) = self.producer;
        let record = |(time, i): (&i64, i32)| Record {
            transactional: self.is_transactional,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: -1,
            producer_id,
            producer_epoch,
            timestamp_type: TimestampType::Creation,
            offset: i64::from(i),
            sequence: sequence.wrapping_add(i),
            timestamp: *time,
            key: self.key.map(|key| Bytes::from_static(key.as_bytes())),
            value: Some(Bytes::from(vec![b'v'; self.value_bytes])),
            headers: Default::default(),
        };
        let records: Vec<_> = self.times.iter().zip(0..).map(record).collect();
        let mut batch = BytesMut::new();
        let options = RecordEncodeOptions { version: 2, compression: self.codec };
        RecordBatchEncoder::encode(&mut batch, &records, &options).unwrap();
        batch.freeze()
    }
}

/// A record of its own key, time and value; no value is a tombstone.
pub(crate) type Keyed<'a> = (&'a str, i64, Option<&'a str>);

/// Encodes records, each with two headers of the same name, which no decoder may lose.
pub(crate) fn keyed(records: &[Keyed<'_>], producer: (i64, i16, i32), compression: i16) -> Bytes {
    let mut unpacked = BytesMut::new();
    let base = records[0].1;
    for ((key, time, value), delta) in records.iter().zip(0..) {
        let mut record = BytesMut::from(&[0][..]);
        put_varint(&mut record, time - base);
        put_varint(&mut record, delta);
        put_bytes(&mut record, Some(key));
        put_bytes(&mut record, *value);
        record.extend_from_slice(b"\x04\x02h\x021\x02h\x022");
        put_varint(&mut unpacked, record.len() as i64);
        unpacked.extend_from_slice(&record);
    }
    let last = records.len() as i32 - 1;
    let mut batch = BytesMut::zeroed(61);
    batch.extend_from_slice(&pack(&unpacked, compression).unwrap());
    let length = batch.len() as i32 - 12;
    let latest = records.iter().map(|it| it.1).max().unwrap();
    let mut set = |at: usize, bytes: &[u8]| batch[at..at + bytes.len()].copy_from_slice(bytes);
    set(8, &length.to_be_bytes());
    set(16, &[2]);
    set(21, &compression.to_be_bytes());
    set(23, &last.to_be_bytes());
    set(27, &base.to_be_bytes());
    set(35, &latest.to_be_bytes());
    set(43, &producer.0.to_be_bytes());
    set(51, &producer.1.to_be_bytes());
    set(53, &producer.2.to_be_bytes());
    set(57, &(last + 1).to_be_bytes());
    let crc = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
    batch.freeze()
}

fn put_bytes(out: &mut BytesMut, text: Option<&str>) {
    put_varint(out, text.map_or(-1, |text| text.len() as i64));
    out.extend_from_slice(text.unwrap_or_default().as_bytes());
}

/// Makes a request that produces to partition 0 of a topic.
pub(crate) fn produce(topic: &str, records: Bytes) -> ProduceRequest {
    produce_to(topic, &[(0, records)])
}

/// Makes a request that produces to these partitions of a topic.
pub(crate) fn produce_to(topic: &str, partitions: &[(i32, Bytes)]) -> ProduceRequest {
    let partitions = partitions.iter().map(|(index, records)| {
        PartitionProduceData::default().with_index(*index).with_records(Some(records.clone()))
    });
    let topic = TopicProduceData::default().with_name(topic_name(topic));
    ProduceRequest::default()
        .with_transactional_id(None)
        .with_acks(-1)
        .with_topic_data(vec![topic.with_partition_data(partitions.collect())])
}
