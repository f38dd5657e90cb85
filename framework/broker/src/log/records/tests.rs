use kafka_protocol::records::Compression;

use super::*;
use crate::testing::batches::Batch;

fn heads_of(batch: &[u8]) -> Result<Vec<RecordHead>, String> {
    Records::unpack(batch, &BatchHeader::read(batch).unwrap())?.heads().collect()
}

#[test]
fn heads_are_read_under_every_codec() {
    use Compression::{Gzip, Lz4, None, Snappy, Zstd};
    for codec in [None, Gzip, Snappy, Lz4, Zstd] {
        let batch = Batch { codec, ..Batch::at(&[70, 50, 3_000_000_000]) };
        let head = |offset_delta, timestamp| RecordHead { offset_delta, timestamp, has_key: true };
        let expected = [head(0, 70), head(1, 50), head(2, 3_000_000_000)];
        assert_eq!(heads_of(&batch.encode()).unwrap(), expected, "{codec:?}");
        let keyless = Batch { key: Option::None, ..batch };
        assert!(heads_of(&keyless.encode()).unwrap().iter().all(|head| !head.has_key));
    }
}

#[test]
fn what_is_not_records_is_an_error() {
    let good = Batch::of(3).encode();
    let check = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.to_vec();
        change(&mut bytes);
        heads_of(&bytes).unwrap_err()
    };
    assert_eq!(check(&|it| it.truncate(it.len() - 1)), "record 2 of 3 is malformed");
    assert_eq!(check(&|it| it.push(0)), "there is more behind 3 records");
    assert_eq!(check(&|it| it[HEADER_BYTES] = 1), "record 0 of 3 is malformed");
    assert_eq!(check(&|it| it[22] = 7), "compression 7 is unknown");
    for codec in 1..5 {
        assert!(!check(&|it| it[22] = codec).is_empty(), "codec {codec}");
    }
    // The offset delta, which is the fourth byte of a record.
    assert_eq!(check(&|it| it[HEADER_BYTES + 3] = 2), "record 0 has the offset delta 1");
    // The key's length, the value's, and the number of headers.
    for (at, byte) in [(4, 100), (6, 100), (17, 2), (17, 1)] {
        assert_eq!(check(&|it| it[HEADER_BYTES + at] = byte), "record 0 of 3 is malformed", "{at}");
    }
    // A varint without an end.
    assert_eq!(check(&|it| it[HEADER_BYTES..].fill(0xff)), "record 0 of 3 is malformed");
}
