use bytes::Bytes;
use kafka_protocol::records::{Compression, RecordBatchDecoder};

use super::*;
use crate::testing::batches::Batch;

fn single(bytes: &[u8]) -> Result<BatchHeader, ResponseError> {
    find_single(bytes).map(|(_, header)| header).map_err(|refusal| refusal.error)
}

#[test]
fn a_header_says_what_was_sent() {
    let sent = Batch { codec: Compression::Zstd, producer: (5, 6, 7), ..Batch::at(&[10, 30, 20]) };
    let bytes = sent.encode();
    let header = single(&bytes).unwrap();
    assert_eq!((header.base_offset, header.count()), (0, 3));
    assert_eq!((header.base_timestamp, header.max_timestamp), (10, 30));
    assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (5, 6, 7));
    assert_eq!((header.last_sequence(), header.compression()), (9, ZSTD));
    assert!(header.has_producer() && !header.is_stamped() && !header.is_transactional());
    assert_eq!(check(&bytes, &header, 1_000), Ok(()));
}

#[test]
fn sequences_go_on_at_zero_behind_the_largest() {
    let header = |first, count| {
        single(&Batch::from_producer(1, 0, first, count).encode()).unwrap().last_sequence()
    };
    assert_eq!(header(i32::MAX, 1), i32::MAX);
    assert_eq!(header(i32::MAX, 2), 0);
    assert_eq!(header(i32::MAX - 1, 4), 1);
}

#[test]
fn the_offset_is_set_without_touching_the_checksum() {
    let sent = Batch::of(3).encode();
    let mut bytes = BytesMut::from(&sent[..]);
    assign(&mut bytes, 41, 0);
    let header = BatchHeader::read(&bytes).unwrap();
    assert_eq!(header.base_offset, 41);
    assert_eq!(bytes[CRC..], sent[CRC..]);
    let mut stored = bytes.freeze();
    let records = RecordBatchDecoder::decode(&mut stored).unwrap().records;
    let offsets: Vec<i64> = records.iter().map(|record| record.offset).collect();
    assert_eq!(offsets, [41, 42, 43]);
}

#[test]
fn a_stamp_sets_time_flag_and_checksum() {
    let sent = Batch::at(&[10, 20]).encode();
    let header = single(&sent).unwrap();
    let mut bytes = BytesMut::from(&sent[..]);
    set_timestamp_type(&mut bytes, &header, false, 20);
    assert_eq!(bytes, sent, "nothing to do");
    set_timestamp_type(&mut bytes, &header, true, 99);
    let stamped = single(&bytes).unwrap();
    assert!(stamped.is_stamped());
    assert_eq!(stamped.max_timestamp, 99);
    assert_eq!(check(&bytes, &stamped, 1_000), Ok(()), "the checksum fits again");
    // A producer cannot stamp where its own time counts: the flag goes.
    set_timestamp_type(&mut bytes, &stamped, false, 99);
    assert!(!single(&bytes).unwrap().is_stamped());
}

#[test]
fn only_one_whole_batch_of_magic_2_is_found() {
    let good = Batch::of(1).encode();
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = good.to_vec();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        Bytes::from(changed)
    };
    assert_eq!(single(&[]), Err(ResponseError::InvalidRecord));
    assert_eq!(single(&good[..good.len() - 1]), Err(ResponseError::InvalidRecord));
    assert_eq!(single(&[&good[..], &good].concat()), Err(ResponseError::InvalidRecord));
    assert_eq!(single(&with(MAGIC, &[1])), Err(ResponseError::InvalidRecord));
    assert_eq!(single(&with(LENGTH, &1_i32.to_be_bytes())), Err(ResponseError::CorruptMessage));
    assert_eq!(single(&with(LENGTH, &(-5_i32).to_be_bytes())), Err(ResponseError::CorruptMessage));
    // Long enough for a batch, too short for its header.
    let short = with(LENGTH, &20_i32.to_be_bytes());
    assert_eq!(single(&short[..32]), Err(ResponseError::CorruptMessage));
    // A rest that is no batch is left out.
    let rest = [&good[..], b"rest"].concat();
    assert_eq!(find_single(&rest).unwrap().0, good.len());
}

#[test]
fn the_checks_come_in_kafkas_order() {
    let refused = |change: &dyn Fn(&mut Vec<u8>), bytes_max| {
        let mut bytes = Batch::from_producer(1, 0, 0, 2).encode().to_vec();
        change(&mut bytes);
        let crc = crc32c::crc32c(&bytes[ATTRIBUTES..]);
        if bytes[CRC..ATTRIBUTES] != [0; 4] {
            bytes[CRC..ATTRIBUTES].copy_from_slice(&crc.to_be_bytes());
        }
        let header = BatchHeader::read(&bytes).unwrap();
        check(&bytes, &header, bytes_max).map_err(|refusal| refusal.error)
    };
    let zero_crc = |bytes: &mut Vec<u8>| bytes[CRC..ATTRIBUTES].fill(0);
    let count = |count: i32| {
        move |bytes: &mut Vec<u8>| bytes[COUNT..COUNT + 4].copy_from_slice(&count.to_be_bytes())
    };
    assert_eq!(refused(&|_| (), 1_000), Ok(()));
    assert_eq!(refused(&|bytes| bytes[7] = 1, 1), Err(ResponseError::InvalidRecord));
    assert_eq!(refused(&zero_crc, 1), Err(ResponseError::MessageTooLarge));
    assert_eq!(refused(&zero_crc, 1_000), Err(ResponseError::CorruptMessage));
    assert_eq!(refused(&count(3), 1_000), Err(ResponseError::InvalidRecord));
    assert_eq!(refused(&count(-1), 1_000), Err(ResponseError::InvalidRecord));
    let control = |bytes: &mut Vec<u8>| bytes[ATTRIBUTES + 1] |= 1 << 5;
    assert_eq!(refused(&control, 1_000), Err(ResponseError::InvalidRecord));
    let no_sequence = |bytes: &mut Vec<u8>| bytes[BASE_SEQUENCE..COUNT].fill(0xff);
    assert_eq!(refused(&no_sequence, 1_000), Err(ResponseError::InvalidRecord));
}
