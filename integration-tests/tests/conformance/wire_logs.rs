//! Produce, Fetch and ListOffsets beyond what a client sends: errors, limits, sequences.

use bytes::{Bytes, BytesMut};
use integration_tests::admin::{FOREVER, create_topic};
use integration_tests::unique;
use integration_tests::waiting::timed;
use integration_tests::wire::Wire;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{
    BrokerId, FetchRequest, InitProducerIdRequest, ListOffsetsRequest, ProduceRequest, ProducerId,
    TopicName,
};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

crate::checks! {
    bad_batches_are_refused,
    sequences_are_checked,
    times_too_far_ahead_are_refused,
    a_fetch_outside_the_log_is_refused,
    a_fetch_waits_for_enough_bytes,
    a_fetch_keeps_to_its_limits,
    fetch_sessions_are_not_needed,
    every_kind_of_offset_can_be_asked_for,
}

pub(crate) fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

/// A producer id, its epoch and the sequence number of the first record.
type Sequence = (i64, i16, i32);
const NO_SEQUENCE: Sequence = (-1, -1, -1);

/// Encodes a batch of records with these keys, one millisecond apart.
fn batch(keys: &[Option<&str>], first_time: i64, sequence: Sequence, codec: Compression) -> Bytes {
    let (producer_id, producer_epoch, first_sequence) = sequence;
    let records = keys.iter().zip(0..).map(|(key, i)| Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id,
        producer_epoch,
        timestamp_type: TimestampType::Creation,
        offset: i,
        sequence: first_sequence.wrapping_add(i as i32),
        timestamp: first_time + i,
        key: key.map(|key| Bytes::copy_from_slice(key.as_bytes())),
        value: Some(Bytes::from_static(b"value")),
        headers: Default::default(),
    });
    let records: Vec<_> = records.collect();
    let mut batch = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: codec };
    RecordBatchEncoder::encode(&mut batch, &records, &options).unwrap();
    batch.freeze()
}

fn plain(count: usize) -> Bytes {
    batch(&vec![Some("k"); count], 1_000, NO_SEQUENCE, Compression::None)
}

fn produce(wire: &mut Wire, topic: &str, acks: i16, records: Bytes) -> PartitionProduceResponse {
    produce_version(wire, 8, topic, acks, records)
}

fn produce_version(
    wire: &mut Wire,
    version: i16,
    topic: &str,
    acks: i16,
    records: Bytes,
) -> PartitionProduceResponse {
    let partition = PartitionProduceData::default().with_index(0).with_records(Some(records));
    let topic =
        TopicProduceData::default().with_name(name(topic)).with_partition_data(vec![partition]);
    let request = ProduceRequest::default()
        .with_transactional_id(None)
        .with_acks(acks)
        .with_timeout_ms(10_000)
        .with_topic_data(vec![topic]);
    let mut response = wire.call(version, &request);
    response.responses.remove(0).partition_responses.remove(0)
}

fn error(code: i16) -> Option<ResponseError> {
    ResponseError::try_from_code(code)
}

fn bad_batches_are_refused(bootstrap: &str) {
    let topic = unique("bad-batches");
    create_topic(bootstrap, &topic, 1, &[FOREVER, ("max.message.bytes", "400")]);
    let wire = &mut Wire::connect(bootstrap);
    let good = plain(2);
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.to_vec();
        bytes[at] = byte;
        Bytes::from(bytes)
    };
    let mut refused = |records: Bytes| error(produce(wire, &topic, -1, records).error_code);
    // A byte of a value: the checksum no longer fits.
    assert_eq!(refused(changed(good.len() - 3, b'X')), Some(ResponseError::CorruptMessage));
    assert_eq!(refused(changed(16, 1)), Some(ResponseError::InvalidRecord), "magic 1");
    assert_eq!(refused(changed(7, 1)), Some(ResponseError::InvalidRecord), "base offset 1");
    let twice = Bytes::from([&good[..], &good[..]].concat());
    assert_eq!(refused(twice), Some(ResponseError::InvalidRecord), "two batches");
    assert_eq!(refused(good.slice(..good.len() - 1)), Some(ResponseError::InvalidRecord), "cut");
    assert_eq!(refused(Bytes::new()), Some(ResponseError::InvalidRecord), "nothing");
    assert_eq!(refused(plain(100)), Some(ResponseError::MessageTooLarge));
    let zstd = batch(&[Some("k")], 1_000, NO_SEQUENCE, Compression::Zstd);
    let old = produce_version(wire, 6, &topic, -1, zstd.clone());
    assert_eq!(error(old.error_code), Some(ResponseError::UnsupportedCompressionType));
    let wrong = produce(wire, &topic, 2, good.clone());
    assert_eq!(error(wrong.error_code), Some(ResponseError::InvalidRequiredAcks));
    let unknown = produce(wire, &unique("nowhere"), -1, good.clone());
    assert_eq!(error(unknown.error_code), Some(ResponseError::UnknownTopicOrPartition));
    assert_eq!((unknown.base_offset, unknown.log_start_offset), (-1, -1));
    // None of this left a trace.
    let first = produce(wire, &topic, -1, good);
    assert_eq!((first.error_code, first.base_offset, first.log_append_time_ms), (0, 0, -1));
    let second = produce(wire, &topic, 1, zstd);
    assert_eq!((second.error_code, second.base_offset, second.log_start_offset), (0, 2, 0));
    let followed = Bytes::from([&plain(1)[..], b"more"].concat());
    assert_eq!(produce(wire, &topic, 1, followed).base_offset, 3, "a rest is dropped");
}

fn sequences_are_checked(bootstrap: &str) {
    let topic = unique("sequences");
    create_topic(bootstrap, &topic, 1, &[FOREVER]);
    let wire = &mut Wire::connect(bootstrap);
    let ask = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(60_000)
        .with_producer_id(ProducerId(-1))
        .with_producer_epoch(-1);
    let id = wire.call(4, &ask).producer_id.0;
    let mut send = |epoch, sequence, count: usize| {
        let keys = vec![Some("k"); count];
        let records = batch(&keys, 1_000, (id, epoch, sequence), Compression::None);
        let response = produce(wire, &topic, -1, records);
        error(response.error_code).map_or(Ok(response.base_offset), Err)
    };
    let gap = Err(ResponseError::OutOfOrderSequenceNumber);
    assert_eq!(send(0, 0, 3), Ok(0));
    assert_eq!(send(0, 3, 2), Ok(3));
    assert_eq!(send(0, 3, 2), Ok(3), "a retry gets the first answer");
    assert_eq!(send(0, 0, 3), Ok(0), "so does an older one");
    assert_eq!(send(0, 6, 1), gap);
    assert_eq!(send(0, 3, 1), gap, "part of an old batch is no retry");
    for sequence in 5..10 {
        assert_eq!(send(0, sequence, 1), Ok(i64::from(sequence)));
    }
    assert_eq!(send(0, 3, 2), gap, "only five batches are remembered");
    assert_eq!(send(1, 1, 1), gap, "a new epoch starts at zero");
    assert_eq!(send(1, 0, 1), Ok(10));
    assert_eq!(send(0, 10, 1), Err(ResponseError::InvalidProducerEpoch));
    let id_of_nobody = id + 1_000_000;
    let mut stranger = |sequence| {
        let sequence = (id_of_nobody, 0, sequence);
        let records = batch(&[Some("k"), Some("k")], 1_000, sequence, Compression::None);
        let response = produce(wire, &topic, -1, records);
        error(response.error_code).map_or(Ok(response.base_offset), Err)
    };
    // Of a producer not seen before, any sequence is taken; after the largest comes zero.
    assert_eq!(stranger(i32::MAX - 2), Ok(11));
    assert_eq!(stranger(i32::MAX), Ok(13));
    assert_eq!(stranger(1), Ok(15));
    assert_eq!(stranger(i32::MAX), Ok(13), "a retry over the edge");
}

fn times_too_far_ahead_are_refused(bootstrap: &str) {
    let topic = unique("ahead");
    let bound = ("message.timestamp.before.max.ms", "3600000");
    create_topic(bootstrap, &topic, 1, &[bound]);
    let wire = &mut Wire::connect(bootstrap);
    let ahead = batch(&[Some("k")], 4_102_444_800_000, NO_SEQUENCE, Compression::Lz4);
    let refused = produce(wire, &topic, -1, ahead);
    assert_eq!(error(refused.error_code), Some(ResponseError::InvalidTimestamp));
    assert_eq!(refused.record_errors[0].batch_index, 0);
    let behind = produce(wire, &topic, -1, plain(1));
    assert_eq!(error(behind.error_code), Some(ResponseError::InvalidTimestamp));
}

fn fetch_request(topic: &str, partitions: &[(i32, i64, i32)]) -> FetchRequest {
    let partitions = partitions.iter().map(|(index, offset, bytes_max)| {
        FetchPartition::default()
            .with_partition(*index)
            .with_fetch_offset(*offset)
            .with_partition_max_bytes(*bytes_max)
    });
    let topic = FetchTopic::default().with_topic(name(topic));
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_bytes(1 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![topic.with_partitions(partitions.collect())])
}

fn fetch(wire: &mut Wire, request: &FetchRequest) -> Vec<PartitionData> {
    let mut response = wire.call(11, request);
    assert_eq!((response.error_code, response.session_id), (0, 0));
    response.responses.remove(0).partitions
}

fn a_fetch_outside_the_log_is_refused(bootstrap: &str) {
    let topic = unique("outside");
    create_topic(bootstrap, &topic, 1, &[FOREVER]);
    let wire = &mut Wire::connect(bootstrap);
    produce(wire, &topic, -1, plain(3));
    let mut at = |index, offset, epoch| {
        let mut request = fetch_request(&topic, &[(index, offset, 1_000)]);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        let got = fetch(wire, &request).remove(0);
        let bytes = got.records.as_ref().map_or(0, Bytes::len);
        (error(got.error_code), got.high_watermark, got.log_start_offset, bytes > 0)
    };
    assert_eq!(at(0, 0, -1), (None, 3, 0, true));
    assert_eq!(at(0, 3, 0), (None, 3, 0, false));
    assert_eq!(at(0, 4, -1), (Some(ResponseError::OffsetOutOfRange), -1, -1, false));
    assert_eq!(at(0, -1, -1).0, Some(ResponseError::OffsetOutOfRange));
    assert_eq!(at(7, 0, -1).0, Some(ResponseError::UnknownTopicOrPartition));
    assert_eq!(at(0, 0, 9).0, Some(ResponseError::UnknownLeaderEpoch));
}

fn a_fetch_waits_for_enough_bytes(bootstrap: &str) {
    let topic = unique("patient");
    create_topic(bootstrap, &topic, 1, &[FOREVER]);
    let (wire, other) = (&mut Wire::connect(bootstrap), &mut Wire::connect(bootstrap));
    let wait = |ms, bytes| {
        fetch_request(&topic, &[(0, 0, 1 << 20)]).with_max_wait_ms(ms).with_min_bytes(bytes)
    };
    let (got, time) = timed(|| fetch(wire, &wait(300, 1)));
    assert_eq!(got[0].records.as_ref().map(Bytes::len), Some(0));
    assert!((280..5_000).contains(&time.as_millis()), "waited {time:?} instead of 300 ms");
    // One batch is not enough, two are.
    wire.send(11, &wait(20_000, i32::try_from(plain(3).len() + 1).unwrap()));
    assert_eq!(produce(other, &topic, -1, plain(3)).base_offset, 0);
    assert_eq!(produce(other, &topic, -1, plain(3)).base_offset, 3);
    let (response, time) = timed(|| wire.receive::<FetchRequest>(11));
    assert!(time.as_secs() < 10, "waited {time:?} for what was there");
    let got = &response.responses[0].partitions[0];
    assert_eq!((got.high_watermark, got.last_stable_offset), (6, 6));
    assert_eq!(got.records.as_ref().map(Bytes::len), Some(2 * plain(3).len()));
}

fn a_fetch_keeps_to_its_limits(bootstrap: &str) {
    let topic = unique("limits");
    create_topic(bootstrap, &topic, 1, &[FOREVER]);
    let wire = &mut Wire::connect(bootstrap);
    let size = i32::try_from(plain(1).len()).unwrap();
    for _ in 0..5 {
        produce(wire, &topic, -1, plain(1));
    }
    let mut got = |offset, partition_max: i32, max: i32| {
        let request = fetch_request(&topic, &[(0, offset, partition_max)]).with_max_bytes(max);
        fetch(wire, &request).remove(0).records.map_or(0, |records| records.len())
    };
    let size_of = |count: usize| count * size as usize;
    assert_eq!(got(0, 1 << 20, 1 << 20), size_of(5));
    assert_eq!(got(3, 1 << 20, 1 << 20), size_of(2));
    assert_eq!(got(0, size * 2, 1 << 20), size_of(2));
    assert_eq!(got(0, 1 << 20, size * 3), size_of(3));
    // The first batch comes in any case.
    assert_eq!(got(1, 1, 1 << 20), size_of(1));
    assert_eq!(got(1, 1 << 20, 1), size_of(1));
}

fn fetch_sessions_are_not_needed(bootstrap: &str) {
    let topic = unique("session");
    create_topic(bootstrap, &topic, 1, &[FOREVER]);
    let wire = &mut Wire::connect(bootstrap);
    let request = fetch_request(&topic, &[(0, 0, 100)]);
    let unknown = wire.call(11, &request.with_session_id(12_345).with_session_epoch(3));
    assert_eq!(error(unknown.error_code), Some(ResponseError::FetchSessionIdNotFound));
}

fn every_kind_of_offset_can_be_asked_for(bootstrap: &str) {
    let topic = unique("kinds");
    create_topic(bootstrap, &topic, 1, &[FOREVER]);
    let wire = &mut Wire::connect(bootstrap);
    let mut ask = |version, index, time| {
        let partition = ListOffsetsPartition::default()
            .with_partition_index(index)
            .with_current_leader_epoch(-1)
            .with_timestamp(time);
        let topic = ListOffsetsTopic::default().with_name(name(&topic));
        let request = ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_topics(vec![topic.with_partitions(vec![partition])]);
        let found = wire.call(version, &request).topics.remove(0).partitions.remove(0);
        (error(found.error_code), found.timestamp, found.offset)
    };
    assert_eq!(ask(7, 0, -3), (None, -1, -1), "an empty log has no largest time");
    let records = batch(&[Some("a"), Some("b"), Some("c")], 5_000, NO_SEQUENCE, Compression::Gzip);
    produce(&mut Wire::connect(bootstrap), &topic, -1, records);
    produce(&mut Wire::connect(bootstrap), &topic, -1, plain(4));
    for version in [1, 5, 7] {
        assert_eq!(ask(version, 0, -1), (None, -1, 7));
        assert_eq!(ask(version, 0, -2), (None, -1, 0));
        assert_eq!(ask(version, 0, 5_001), (None, 5_001, 1));
        assert_eq!(ask(version, 0, 1_002), (None, 5_000, 0));
        assert_eq!(ask(version, 0, 5_003), (None, -1, -1));
        let unknown = (Some(ResponseError::UnknownTopicOrPartition), -1, -1);
        assert_eq!(ask(version, 9, -1), unknown);
    }
    assert_eq!(ask(7, 0, -3), (None, 5_002, 2));
    assert_eq!(ask(5, 0, -3).0, Some(ResponseError::UnsupportedVersion));
    assert_eq!(ask(7, 0, -9).0, Some(ResponseError::UnsupportedVersion));
}
