use super::*;

#[test]
fn an_id_is_a_magic_zero_and_four_bytes() {
    let mut out = Vec::new();
    SchemaId::Id(258).write(&mut out);
    assert_eq!(out, [0, 0, 0, 1, 2]);
    out.push(b'x');
    assert_eq!(SchemaId::read(&out), Ok((SchemaId::Id(258), &b"x"[..])));
}

#[test]
fn a_guid_is_a_magic_one_and_sixteen_bytes() {
    let text = "89791762-2336-4186-9674-299b90a802e2";
    let guid = SchemaId::parse_guid(text).unwrap();
    assert_eq!(guid.to_string(), text);
    assert_eq!(SchemaId::parse_guid(&text.replace('-', "")), Some(guid));
    let mut out = Vec::new();
    guid.write(&mut out);
    assert_eq!((out.len(), out[0], out[1]), (17, 1, 0x89));
    assert_eq!(SchemaId::read(&out), Ok((guid, &b""[..])));
    for wrong in ["", "89", "89791762-2336-4186-9674-299b90a802e2ff", "z9791762-2336"] {
        assert_eq!(SchemaId::parse_guid(wrong), None, "{wrong}");
    }
}

#[test]
fn the_indexes_of_messages_are_confluents() {
    // As Confluent's serializers write them: one zero for the first, else the count and each, zig-zag.
    for (indexes, expected) in [
        (&[0][..], &[0][..]),
        (&[1], &[2, 2]),
        (&[1, 0], &[4, 2, 0]),
        (&[0, 0], &[4, 0, 0]),
        (&[64], &[2, 0x80, 1]),
    ] {
        let mut out = Vec::new();
        write_indexes(indexes, &mut out);
        assert_eq!(out, expected);
        out.push(9);
        let (read, rest) = read_indexes(&out).unwrap();
        assert_eq!((&read[..], rest), (indexes, &[9][..]));
    }
    // The long form of the first message is read as well.
    assert_eq!(read_indexes(&[2, 0]).unwrap().0[..], [0]);
    for wrong in [&[][..], &[2], &[1, 0], &[0x80], &[0xff; 9], &[4, 2], &[0x82, 1, 0]] {
        assert_eq!(read_indexes(wrong), Err(WireFormatError::Indexes), "{wrong:?}");
    }
}

#[test]
fn errors_say_what_is_wrong_and_guess_why() {
    let text = |bytes: &[u8]| SchemaId::read(bytes).unwrap_err().to_string();
    assert_eq!(
        text(b"{\"a\":1}"),
        "does not start with the magic byte 0, but with 0x7b: is it JSON?"
    );
    assert_eq!(
        text(b"\x08abcd"),
        "does not start with the magic byte 0, but with 0x08: was it written with a registry?"
    );
    assert_eq!(text(&[0, 0, 1]), "3 bytes, and the id of its schema alone takes 5");
    assert_eq!(text(&[]), "no bytes: expected the magic byte 0 and a schema's id");
}
