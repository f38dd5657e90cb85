//! Rubbish: whoever sends it loses the connection, and nobody else notices.

use integration_tests::wire::Wire;
use kafka_protocol::messages::MetadataRequest;

crate::checks! {
    rubbish_closes_only_its_own_connection,
}

fn rubbish_closes_only_its_own_connection(bootstrap: &str) {
    let bystander = &mut Wire::connect(bootstrap);
    let metadata = MetadataRequest::default().with_topics(Some(Vec::new()));
    bystander.call(9, &metadata);
    let frames: [(&str, &[u8]); 6] = [
        ("an empty frame", &[]),
        ("half a header", &[0, 3, 0]),
        ("an unknown API", &[0x7f, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff]),
        ("an unknown version", &[0, 3, 0x7f, 0xff, 0, 0, 0, 1, 0xff, 0xff]),
        ("a body that is cut", &[0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 9]),
        ("two billion topics", &[0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]),
    ];
    for (what, frame) in frames {
        let mut wire = Wire::connect(bootstrap);
        wire.send_frame(frame);
        assert!(wire.is_closed(), "{what}");
        bystander.call(9, &metadata);
    }
    for length in [i32::MAX, -1, i32::MIN] {
        let mut wire = Wire::connect(bootstrap);
        wire.send_bytes(&length.to_be_bytes());
        assert!(wire.is_closed(), "a length of {length}");
        bystander.call(9, &metadata);
    }
}
