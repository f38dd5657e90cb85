use bytes::Bytes;
use kafka_protocol::messages::FetchRequest;
use kafka_protocol::protocol::Encodable;
use kafka_protocol::records::Compression;

use super::*;
use crate::config::BrokerConfig;
use crate::reply::ConnectionId;
use crate::testing::Driver;
use crate::testing::batches::{Batch, produce, produce_to};
use crate::testing::samples::fetch;

fn error(code: i16) -> Option<ResponseError> {
    ResponseError::try_from_code(code)
}

fn driver(settings: &[(&str, &str)]) -> Driver {
    let mut driver = Driver::new();
    driver.create_topic("t", 2, settings);
    driver
}

fn send(driver: &mut Driver, batch: &Batch) -> PartitionProduceResponse {
    let mut response = driver.ask(8, &produce("t", batch.encode()));
    response.responses.remove(0).partition_responses.remove(0)
}

fn send_for_code(driver: &mut Driver, batch: &Batch) -> Option<ResponseError> {
    error(send(driver, batch).error_code)
}

/// Returns the bytes stored for partition 0.
fn stored(driver: &mut Driver) -> Vec<u8> {
    let mut response = driver.ask(11, &fetch("t", &[(0, 0)]));
    response.responses.remove(0).partitions.remove(0).records.unwrap().to_vec()
}

#[test]
fn a_batch_is_stored_as_it_was_sent_but_for_its_offset() {
    let mut driver = driver(&[]);
    let batch = Batch { codec: Compression::Lz4, ..Batch::of(3) }.encode();
    for base in [0, 3] {
        let response = driver.ask(8, &produce("t", batch.clone()));
        let partition = &response.responses[0].partition_responses[0];
        assert_eq!((partition.error_code, partition.base_offset), (0, base));
        assert_eq!((partition.log_append_time_ms, partition.log_start_offset), (-1, 0));
    }
    let stored = stored(&mut driver);
    let (first, second) = stored.split_at(batch.len());
    for (base, stored) in [(0_i64, first), (3, second)] {
        assert_eq!(stored[..8], base.to_be_bytes());
        assert_eq!(stored[8..12], batch[8..12], "length");
        assert_eq!(stored[12..16], [0; 4], "leader epoch");
        assert_eq!(stored[16..], batch[16..]);
    }
}

#[test]
fn one_request_may_fill_several_partitions() {
    let mut driver = driver(&[]);
    let (one, two) = (Batch::of(1).encode(), Batch::of(2).encode());
    let partitions = [(0, one.clone()), (7, two.clone()), (1, two), (0, Bytes::new()), (0, one)];
    let response = driver.ask(8, &produce_to("t", &partitions));
    let got: Vec<_> = response.responses[0]
        .partition_responses
        .iter()
        .map(|it| (it.index, error(it.error_code), it.base_offset))
        .collect();
    let unknown = Some(ResponseError::UnknownTopicOrPartition);
    let invalid = Some(ResponseError::InvalidRecord);
    let expected = [(0, None, 0), (7, unknown, -1), (1, None, 0), (0, invalid, -1), (0, None, 1)];
    assert_eq!(got, expected);
}

#[test]
fn what_follows_a_batch_is_dropped() {
    let mut driver = driver(&[]);
    let batch = Batch::of(1).encode();
    let more = Bytes::from([&batch[..], b"more"].concat());
    let response = driver.ask(8, &produce("t", more));
    assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
    assert_eq!(stored(&mut driver).len(), batch.len());
}

#[test]
fn a_request_that_others_hold_is_not_changed() {
    // The frame of a real connection is taken over; here the test holds on to it.
    let mut driver = driver(&[]);
    let batch = Batch::of(1).encode();
    let copy = batch.to_vec();
    driver.ask(8, &produce("t", batch.clone()));
    driver.ask(8, &produce("t", batch.clone()));
    assert_eq!(batch, copy);
}

#[test]
fn without_acks_there_is_no_answer_but_an_error_closes() {
    let mut driver = driver(&[]);
    let id = driver.connect();
    let request = produce("t", Batch::of(1).encode()).with_acks(0);
    driver.send(id, 8, &request);
    assert!(matches!(driver.raw_answer(id), Some(Answer::Nothing)));
    driver.send(id, 8, &produce("nowhere", Batch::of(1).encode()).with_acks(0));
    let Some(Answer::Close(reason)) = driver.raw_answer(id) else { panic!("still open") };
    assert_eq!(reason, "produce without acks failed: UnknownTopicOrPartition");
    assert_eq!(stored(&mut driver).len(), Batch::of(1).encode().len());
}

#[test]
fn what_kafka_refuses_is_refused() {
    let mut driver = driver(&[("max.message.bytes", "1000")]);
    let mut refused = |request: &ProduceRequest, version| {
        let response = driver.ask(version, request);
        let partition = &response.responses[0].partition_responses[0];
        assert_eq!((partition.base_offset, partition.log_append_time_ms), (-1, -1));
        error(partition.error_code).unwrap()
    };
    let good = Batch::of(1).encode();
    let mut corrupt = good.to_vec();
    corrupt[62] ^= 1;
    let of = |records: Bytes| produce("t", records);
    assert_eq!(refused(&of(Bytes::from(corrupt)), 8), ResponseError::CorruptMessage);
    assert_eq!(refused(&of(good.slice(..50)), 8), ResponseError::InvalidRecord);
    let large = Batch { value_bytes: 1_000, ..Batch::default() }.encode();
    assert_eq!(refused(&of(large), 8), ResponseError::MessageTooLarge);
    let zstd = Batch { codec: Compression::Zstd, ..Batch::default() }.encode();
    assert_eq!(refused(&of(zstd), 6), ResponseError::UnsupportedCompressionType);
    for acks in [-2, 2] {
        let request = of(good.clone()).with_acks(acks);
        assert_eq!(refused(&request, 8), ResponseError::InvalidRequiredAcks);
    }
    let transactional = Batch { is_transactional: true, ..Batch::from_producer(1, 0, 0, 1) };
    let unnamed = ResponseError::TransactionalIdAuthorizationFailed;
    assert_eq!(refused(&of(transactional.encode()), 8), unnamed);
    let mut null = of(good);
    null.topic_data[0].partition_data[0].records = None;
    assert_eq!(refused(&null, 8), ResponseError::InvalidRecord);
    assert!(stored(&mut driver).is_empty());
}

#[test]
fn a_batch_larger_than_a_segment_is_refused() {
    let mut driver = driver(&[("max.message.bytes", "3000000"), ("segment.bytes", "1048576")]);
    let batch = Batch { value_bytes: 1_048_576, ..Batch::default() };
    assert_eq!(send_for_code(&mut driver, &batch), Some(ResponseError::RecordListTooLarge));
}

#[test]
fn idempotent_producers_are_checked_per_partition() {
    let mut driver = driver(&[]);
    let at = |sequence| Batch::from_producer(7, 0, sequence, 2);
    assert_eq!(send(&mut driver, &at(0)).base_offset, 0);
    assert_eq!(send(&mut driver, &at(2)).base_offset, 2);
    let again = send(&mut driver, &at(0));
    assert_eq!((again.error_code, again.base_offset), (0, 0));
    let gap = send_for_code(&mut driver, &at(6));
    assert_eq!(gap, Some(ResponseError::OutOfOrderSequenceNumber));
    let newer = Batch::from_producer(7, 1, 0, 1);
    assert_eq!(send(&mut driver, &newer).base_offset, 4);
    assert_eq!(send_for_code(&mut driver, &at(4)), Some(ResponseError::InvalidProducerEpoch));
    // Nothing but what was acknowledged anew is there.
    let size = 2 * at(0).encode().len() + newer.encode().len();
    assert_eq!(stored(&mut driver).len(), size);
}

#[test]
fn the_broker_stamps_where_it_is_told_to() {
    let mut driver = driver(&[("message.timestamp.type", "LogAppendTime")]);
    let batch = Batch { producer: (7, 0, 0), ..Batch::at(&[5, 6]) };
    let now = driver.now;
    assert_eq!(send(&mut driver, &batch).log_append_time_ms, now);
    let stored = stored(&mut driver);
    let header = BatchHeader::read(&stored).unwrap();
    assert!(header.is_stamped());
    assert_eq!(header.max_timestamp, now);
    assert_eq!(batch::check(&stored, &header, 1_000), Ok(()));
    driver.advance(1_000);
    assert_eq!(send(&mut driver, &batch).log_append_time_ms, now, "a retry gets the first time");
}

#[test]
fn compacted_topics_want_keys() {
    for codec in [Compression::None, Compression::Gzip] {
        let mut driver = driver(&[("cleanup.policy", "compact")]);
        let keyless = Batch { key: None, codec, ..Batch::of(12) };
        let refused = send(&mut driver, &keyless);
        assert_eq!(error(refused.error_code), Some(ResponseError::InvalidRecord));
        let indexes: Vec<_> = refused.record_errors.iter().map(|it| it.batch_index).collect();
        assert_eq!(indexes, (0..10).collect::<Vec<_>>(), "the first ten");
        assert_eq!(send_for_code(&mut driver, &Batch { codec, ..Batch::of(2) }), None);
    }
}

#[test]
fn times_must_be_within_the_topics_bounds() {
    let mut driver = driver(&[("message.timestamp.before.max.ms", "1000")]);
    let now = driver.now;
    let mut code = |time| send_for_code(&mut driver, &Batch::at(&[now, time]));
    let wrong = Some(ResponseError::InvalidTimestamp);
    assert_eq!((code(now - 1_001), code(now - 1_000)), (wrong, None));
    // An hour ahead is Kafka's default.
    assert_eq!((code(now + 3_600_001), code(now + 3_600_000)), (wrong, None));
    assert_eq!(code(-1), None, "no time at all");
}

#[test]
fn the_log_may_hold_so_much_and_no_more() {
    let size = log::charge(Batch::of(1).encode().len());
    let config = BrokerConfig { log_bytes_max: 2 * size + 1, ..BrokerConfig::default() };
    let mut driver = Driver::with(config);
    driver.create_topic("t", 1, &[]);
    let once = Batch::from_producer(1, 0, 0, 1);
    assert_eq!(send_for_code(&mut driver, &once), None);
    assert_eq!(send_for_code(&mut driver, &once), None, "a retry takes no room");
    assert_eq!(send_for_code(&mut driver, &Batch::of(1)), None);
    let full = Some(ResponseError::KafkaStorageError);
    assert_eq!(send_for_code(&mut driver, &Batch::of(1)), full);
    assert_eq!(send_for_code(&mut driver, &once), None, "a retry of what is there is answered");
}

#[test]
fn a_small_part_of_a_frame_does_not_keep_all_of_it() {
    let mut driver = Driver::new();
    driver.create_topic("t", 3, &[]);
    let (small, large) = (Batch::of(1).encode(), Batch { value_bytes: 90_000, ..Batch::default() });
    // What follows a batch is dropped, but came in the same frame.
    let followed = Bytes::from([&small[..], &[0x7f; 9_000]].concat());
    let partitions = [(0, small), (2, followed), (1, large.encode())];
    let mut body = BytesMut::new();
    produce_to("t", &partitions).encode(&mut body, 8).unwrap();
    let header = [0, 0, 0, 8, 0, 0, 0, 1, 0xff, 0xff];
    let frame = Bytes::from([&header[..], &body].concat());
    let within = frame.as_ptr() as usize..frame.as_ptr() as usize + frame.len();
    let id = driver.connect();
    driver.send_frame(id, frame);
    let address = |driver: &Driver, partition| {
        let log = driver.broker.topics.partition("t", partition).unwrap();
        log.read(0, i64::MAX, usize::MAX, true).0[0].as_ptr() as usize
    };
    assert!(!within.contains(&address(&driver, 0)), "the small one is copied");
    assert!(!within.contains(&address(&driver, 2)), "whatever follows it");
    assert!(within.contains(&address(&driver, 1)), "the large one is not");
}

#[test]
fn records_are_what_their_batch_says() {
    let refused = |codec: Compression, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Batch { codec, ..Batch::of(2) }.encode().to_vec();
        change(&mut bytes);
        let length = u32::try_from(bytes.len() - 12).unwrap();
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        let crc = crc32c::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        let response = driver(&[]).ask(8, &produce("t", Bytes::from(bytes)));
        error(response.responses[0].partition_responses[0].error_code)
    };
    use Compression::{Gzip, Lz4, None, Snappy, Zstd};
    let invalid = Some(ResponseError::InvalidRecord);
    let count = |count: u8| {
        move |it: &mut Vec<u8>| {
            it[60] = count;
            it[26] = count - 1;
        }
    };
    for codec in [None, Gzip, Snappy, Lz4, Zstd] {
        assert_eq!(refused(codec, &|_| ()), Option::None, "{codec:?}");
        assert_eq!(refused(codec, &count(1)), invalid, "{codec:?}: one more than said");
        assert_eq!(refused(codec, &count(3)), invalid, "{codec:?}: one fewer than said");
        assert_eq!(refused(codec, &|it| it[61..].fill(b'g')), invalid, "{codec:?}: garbage");
        assert_eq!(refused(codec, &|it| it.truncate(61)), invalid, "{codec:?}: nothing");
    }
    assert_eq!(refused(None, &|it| it[64] = 2), invalid, "an offset delta");
    let unsupported = Some(ResponseError::UnsupportedCompressionType);
    for codec in 5..8 {
        assert_eq!(refused(None, &|it| it[22] = codec), unsupported, "codec {codec}");
    }
    let stamped = Some(ResponseError::InvalidTimestamp);
    assert_eq!(refused(None, &|it| it[22] |= 1 << 3), stamped, "LogAppendTime");
}

#[test]
fn a_batch_that_unpacks_to_too_much_is_refused() {
    let mut driver = driver(&[]);
    let header = &Batch { codec: Compression::Zstd, ..Batch::of(1) }.encode()[..61];
    // Four bytes stand for a run of 128 KiB, and there are runs of 24 GiB.
    let run = (128_u32 << 10 << 3 | 1 << 1).to_le_bytes();
    let runs = [run[0], run[1], run[2], b'x'].repeat(196_608);
    let mut bytes = [header, &[0x28, 0xb5, 0x2f, 0xfd, 0, 0x38], &runs, &[3, 0, 0, b'x']].concat();
    let length = u32::try_from(bytes.len() - 12).unwrap();
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    let response = driver.ask(8, &produce("t", Bytes::from(bytes)));
    let refused = &response.responses[0].partition_responses[0];
    assert_eq!(error(refused.error_code), Some(ResponseError::InvalidRecord));
    let message = refused.error_message.as_deref();
    assert_eq!(message, Some("the records would unpack to more than 268435456 bytes"));
}

#[test]
fn stamps_follow_the_wall_clock_and_timers_do_not() {
    let mut driver = driver(&[("message.timestamp.type", "LogAppendTime")]);
    driver.create_topic("bounded", 1, &[("message.timestamp.before.max.ms", "1000")]);
    let (reader, hour) = (driver.connect(), 3_600_000);
    driver.send(reader, 11, &fetch("t", &[(1, 0)]).with_max_wait_ms(1_000).with_min_bytes(1));
    driver.broker.set_wall_clock_ahead(hour);
    let stamp = driver.now + hour;
    assert_eq!(send(&mut driver, &Batch::of(1)).log_append_time_ms, stamp);
    let mut code = |time| {
        let response = driver.ask(8, &produce("bounded", Batch::at(&[time]).encode()));
        error(response.responses[0].partition_responses[0].error_code)
    };
    let wrong = Some(ResponseError::InvalidTimestamp);
    assert_eq!((code(stamp), code(stamp - hour)), (None, wrong));
    driver.advance(999);
    assert!(driver.answer::<FetchRequest>(reader, 11).is_none());
    driver.advance(1);
    assert!(driver.answer::<FetchRequest>(reader, 11).is_some());
}

#[test]
fn what_is_due_is_done_before_the_next_request() {
    let mut driver = driver(&[]);
    let reader = driver.connect();
    driver.send(reader, 11, &fetch("t", &[(0, 0)]).with_max_wait_ms(500).with_min_bytes(1));
    // There was always a request to handle, so nobody told the time.
    driver.now += 500;
    let writer = driver.connect();
    driver.send(writer, 8, &produce("t", Batch::of(1).encode()));
    let expired = driver.answer::<FetchRequest>(reader, 11).expect("its time is up");
    assert!(expired.responses[0].partitions[0].records.as_ref().unwrap().is_empty());
}

#[test]
fn readers_hear_of_a_batch_right_behind_its_producer() {
    let mut driver = driver(&[]);
    let reader = driver.connect();
    driver.send(reader, 11, &fetch("t", &[(0, 0)]).with_max_wait_ms(1_000).with_min_bytes(1));
    assert!(driver.answer::<FetchRequest>(reader, 11).is_none());
    let writer: ConnectionId = driver.connect();
    driver.send(writer, 8, &produce("t", Batch::of(1).encode()));
    assert!(driver.answer::<ProduceRequest>(writer, 8).is_some());
    assert!(driver.answer::<FetchRequest>(reader, 11).is_some());
}
