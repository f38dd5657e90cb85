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
    let frame = builder.finish().unwrap();
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
    let frame = builder.finish().unwrap();
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
    let frame = builder.finish().unwrap();
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

#[test]
fn a_response_too_large_for_its_length_closes_the_connection() {
    let piece = Bytes::from(vec![0; 16 << 20]);
    let build = |pieces: usize, rest: usize| {
        let mut builder = FrameBuilder::new(&call(11));
        (0..pieces).for_each(|_| builder.share(&piece));
        builder.share(&piece.slice(..rest));
        let mut replies = Replies::new();
        replies.send(&call(11), builder);
        replies.drain().next().unwrap().1
    };
    // The same memory sixteen times, and eight bytes in front.
    let Answer::Frame(frame) = build(15, (16 << 20) - 8) else { panic!("at the limit") };
    assert_eq!(frame.remaining(), FRAME_BYTES_MAX);
    let Answer::Close(reason) = build(15, (16 << 20) - 7) else { panic!("above the limit") };
    let expected = "a Fetch response of 268435457 bytes is too large, the most is 268435456";
    assert_eq!(reason, expected);
}

#[test]
fn a_message_too_large_is_not_even_written() {
    let mut replies = Replies::new();
    let member = kafka_protocol::messages::join_group_response::JoinGroupResponseMember::default()
        .with_metadata(Bytes::from(vec![0; 1 << 20]));
    let large = kafka_protocol::messages::JoinGroupResponse::default()
        .with_protocol_name(Some(Default::default()))
        .with_members(vec![member; 257]);
    let join = Call { key: ApiKey::JoinGroup, version: 5, ..call(5) };
    replies.respond(&join, &large);
    let answer = replies.drain().next().unwrap().1;
    assert!(
        matches!(answer, Answer::Close(reason) if reason.contains("JoinGroup response of 269"))
    );
}
