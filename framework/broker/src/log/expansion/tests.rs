use bytes::BytesMut;
use kafka_protocol::compression::{Compressor, Decompressor, Gzip, Lz4, Snappy, Zstd};

use super::*;

const CODECS: [i16; 4] = [1, 2, 3, ZSTD];
const MAX: u64 = 4 << 20;

fn check(packed: &[u8], codec: i16) -> Result<(), String> {
    super::check(packed, codec, MAX)
}

fn pack(unpacked: &[u8], codec: i16) -> Vec<u8> {
    let mut packed = BytesMut::new();
    let fill = |out: &mut BytesMut| {
        out.extend_from_slice(unpacked);
        Ok(())
    };
    match codec {
        1 => Gzip::compress(&mut packed, fill),
        2 => Snappy::compress(&mut packed, fill),
        3 => Lz4::compress(&mut packed, fill),
        _ => Zstd::compress(&mut packed, fill),
    }
    .unwrap();
    packed.to_vec()
}

/// Returns what really becomes of it, if anything.
fn unpacked(mut packed: &[u8], codec: i16) -> Option<u64> {
    let size = |unpacked: &mut bytes::Bytes| Ok(unpacked.len() as u64);
    let packed = &mut packed;
    match codec {
        1 => Gzip::decompress(packed, size),
        2 => Snappy::decompress(packed, size),
        3 => Lz4::decompress(packed, size),
        _ => Zstd::decompress(packed, size),
    }
    .ok()
}

/// Texts, noise and runs, as an xorshift gives them.
fn sample(bytes: usize) -> Vec<u8> {
    let mut state = 0x5eed_u64;
    let mut sample = Vec::with_capacity(bytes + 500);
    while sample.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        match state % 3 {
            0 => sample.extend(format!("flight {} is {} late", state % 97, state % 11).bytes()),
            1 => sample.extend(state.to_be_bytes()),
            _ => sample.extend(vec![b'x'; usize::try_from(state % 500).unwrap()]),
        }
    }
    sample.truncate(bytes);
    sample
}

fn yielded(packed: &[u8], codec: i16) -> Option<u64> {
    match codec {
        1 => gzip(packed, MAX),
        2 => snappy(packed),
        3 => lz4(packed),
        _ => zstd(packed),
    }
}

#[test]
fn no_batch_becomes_larger_than_it_is_taken_for() {
    for codec in CODECS {
        for bytes in [0, 1, 100, 5_000, 200_000, 3_000_000] {
            let packed = pack(&sample(bytes), codec);
            let most = yielded(&packed, codec).unwrap();
            assert!(most >= bytes as u64, "codec {codec}: {most} for {bytes}");
            assert_eq!(check(&packed, codec), Ok(()), "codec {codec}, {bytes} bytes");
        }
    }
    // Snappy says its size, zstd that of runs; the others come close.
    assert_eq!(yielded(&pack(&sample(70_000), 2), 2), Some(70_000));
    assert!(yielded(&pack(&sample(3_000_000), 3), 3).unwrap() < 3_100_000);
    assert!(yielded(&pack(&sample(3_000_000), ZSTD), ZSTD).unwrap() < 3_200_000);
}

#[test]
fn deflated_bytes_are_counted_exactly() {
    for bytes in [0, 1, 10, 5_000, 400_000] {
        // Without a name or the like the header has ten bytes.
        let packed = pack(&sample(bytes), 1);
        assert_eq!(deflate::count(&packed[10..], u64::MAX), Some(bytes as u64));
        assert_eq!(deflate::count(&packed[10..packed.len() / 2], u64::MAX), None);
    }
    // A stored block of three bytes, then one of fixed codes that ends at once.
    assert_eq!(deflate::count(&[0, 3, 0, 0xfc, 0xff, 7, 8, 9, 3, 0], 100), Some(3));
    assert_eq!(deflate::count(&[7], 100), None, "there is no fourth kind of block");
}

#[test]
fn bombs_are_refused_before_they_are_unpacked() {
    let bytes = usize::try_from(MAX).unwrap() + 100_000;
    let zeros = vec![0; bytes];
    let too_large = "the records would unpack to more than 4194304 bytes";
    for codec in CODECS {
        let packed = pack(&zeros, codec);
        assert!(packed.len() < bytes / 20, "codec {codec}");
        assert_eq!(check(&packed, codec), Err(too_large.to_owned()), "codec {codec}");
    }
}

#[test]
fn claims_that_cannot_be_kept_are_refused() {
    let malformed = Err("the compressed records are malformed".to_owned());
    // Snappy that claims 4 GiB, once alone and once in a chain of blocks.
    let mut claim = vec![0xff, 0xff, 0xff, 0xff, 0x0f];
    claim.extend([0; 65]);
    assert_eq!(check(&claim, 2), malformed);
    let length = u32::try_from(claim.len()).unwrap().to_be_bytes();
    assert_eq!(check(&[SNAPPY_MAGIC, &length, &claim].concat(), 2), malformed);
    // Zstd of nothing but runs: four bytes yield 128 KiB each, and more are claimed.
    let run = |bytes: u32, is_last: bool| {
        let header = bytes << 3 | 1 << 1 | u32::from(is_last);
        [&header.to_le_bytes()[..3], b"x"].concat()
    };
    let frame = |runs: usize| {
        let head = [&ZSTD_MAGIC.to_le_bytes()[..], &[0, 0x38]].concat();
        [head, run(128 << 10, false).repeat(runs), run(1, true)].concat()
    };
    assert_eq!(check(&frame(31), ZSTD), Ok(()));
    assert!(check(&frame(32), ZSTD).unwrap_err().contains("more than"));
    // Two frames one after the other count together, and what is skipped does not.
    let skipped = [&SKIPPABLE_MAGIC.to_le_bytes()[..], &2_u32.to_le_bytes(), &[0, 0]].concat();
    assert_eq!(check(&[frame(15), skipped, frame(15)].concat(), ZSTD), Ok(()));
    assert!(check(&[frame(15), frame(17)].concat(), ZSTD).is_err());
}

#[test]
fn cuts_and_noise_are_no_frames() {
    for codec in CODECS {
        let packed = pack(&sample(3_000), codec);
        for end in 1..packed.len() {
            let checked = check(&packed[..end], codec);
            assert!(checked.is_err() || matches!(codec, 1 | 2), "codec {codec} cut to {end}");
        }
        let mut noise = sample(10_000);
        for at in 0..packed.len() {
            let mut spoilt = packed.clone();
            spoilt[at] ^= noise.pop().unwrap() | 1;
            // Whatever it says, it is not larger than it is taken for.
            if check(&spoilt, codec).is_ok()
                && let Some(bytes) = unpacked(&spoilt, codec)
            {
                assert!(bytes <= yielded(&spoilt, codec).unwrap(), "codec {codec} at {at}");
            }
            if codec == 1 {
                let exact = deflate::count(spoilt.get(10..).unwrap(), u64::MAX);
                assert!(unpacked(&spoilt, 1).is_none_or(|bytes| exact == Some(bytes)), "{at}");
            }
        }
        let _ = deflate::count(&noise, 1 << 20);
    }
}
