use super::*;

fn call(version: i16) -> Call {
    Call { connection: ConnectionId(1), correlation: 7, key: ApiKey::Fetch, version }
}

fn bytes(frame: &Frame) -> Vec<u8> {
    let mut frame = frame.clone();
    frame.copy_to_bytes(frame.remaining()).to_vec()
}

#[test]
fn a_frame_begins_with_its_length_and_number() {
    let mut builder = FrameBuilder::new(&call(11));
    builder.head().put_slice(b"body");
    let frame = builder.finish();
    assert_eq!(bytes(&frame), [0, 0, 0, 8, 0, 0, 0, 7, b'b', b'o', b'd', b'y']);
    assert_eq!(frame.pieces.len(), 1);
}

#[test]
fn large_pieces_are_shared_and_small_ones_copied() {
    let (small, large) = (Bytes::from(vec![1; 10]), Bytes::from(vec![2; SHARED_BYTES_MIN]));
    let mut builder = FrameBuilder::new(&call(11));
    for piece in [&small, &large, &large, &small] {
        builder.share(piece);
    }
    let frame = builder.finish();
    let sizes: Vec<usize> = frame.pieces.iter().map(Bytes::len).collect();
    assert_eq!(sizes, [18, SHARED_BYTES_MIN, SHARED_BYTES_MIN, 10]);
    assert_eq!(frame.pieces[1].as_ptr(), large.as_ptr(), "no copy");
    let whole = bytes(&frame);
    assert_eq!(whole.len(), frame.remaining());
    assert_eq!(whole[..4], u32::try_from(whole.len() - 4).unwrap().to_be_bytes());
    assert_eq!(whole[8..18], small);
}

#[test]
fn a_frame_is_read_in_pieces_of_any_size() {
    let mut builder = FrameBuilder::new(&call(11));
    for fill in 0..5 {
        builder.share(&Bytes::from(vec![fill; SHARED_BYTES_MIN + usize::from(fill)]));
    }
    let frame = builder.finish();
    let whole = bytes(&frame);
    for step in [1, 7, 1_000, 1_025, 5_000] {
        let (mut rest, mut read) = (frame.clone(), Vec::<u8>::new());
        while rest.has_remaining() {
            let mut slices = [IoSlice::new(&[]); 3];
            let filled = rest.chunks_vectored(&mut slices);
            let ahead: Vec<u8> = slices[..filled].iter().flat_map(|it| it.to_vec()).collect();
            let step = step.min(ahead.len());
            read.extend(&ahead[..step]);
            rest.advance(step);
        }
        assert!(read == whole, "in steps of {step}");
    }
}
