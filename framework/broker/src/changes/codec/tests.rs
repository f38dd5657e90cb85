use super::*;

fn steps() -> Vec<Step> {
    let text = str::to_owned;
    let member = MemberFact {
        id: text("m"),
        instance: Some(text("i")),
        client_id: text("c"),
        client_host: text("/h"),
        session_timeout_ms: 1,
        rebalance_timeout_ms: 2,
        protocols: vec![(text("range"), Bytes::from_static(b"\x00\xff"))],
        assignment: Bytes::from_static(b"\x01"),
    };
    let group = GroupFact {
        id: text("g"),
        generation: 7,
        protocol_type: Some(text("consumer")),
        protocol: None,
        leader: Some(text("m")),
        members: vec![member.clone(), MemberFact { instance: None, ..member }],
    };
    let committed = CommittedFact { offset: 5, leader_epoch: -1, metadata: text("é") };
    let (g, t) = (text("g"), text("t"));
    let overrides = BTreeMap::from([(text("a"), text("1")), (text("b"), text(""))]);
    vec![
        Step::Set(Fact::Cluster { id: text("c") }),
        Step::Set(Fact::ProducerIds { next: i64::MAX }),
        Step::Set(Fact::Topic { name: t.clone(), id: u64::MAX, partitions: 3, overrides }),
        Step::Set(Fact::LogStart { topic: t.clone(), partition: 2, offset: 9 }),
        Step::Set(Fact::Group(group)),
        Step::Set(Fact::Offset { group: g.clone(), topic: t.clone(), partition: 0, committed }),
        Step::Unset(Key::Topic(t)),
        Step::Unset(Key::Group(g)),
    ]
}

#[test]
fn every_step_of_the_journal_can_be_read_back() {
    for step in steps() {
        let mut bytes = BytesMut::new();
        encode(&step, &mut bytes);
        assert_eq!(decode(&bytes), Some(step));
    }
}

#[test]
fn what_is_cut_or_followed_by_more_is_malformed() {
    for step in steps() {
        let mut bytes = BytesMut::new();
        encode(&step, &mut bytes);
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]), None, "{end} bytes of {step:?}");
        }
        bytes.put_u8(0);
        assert_eq!(decode(&bytes), None, "more than {step:?}");
    }
    assert_eq!(decode(&[0]), None);
    // A count that nothing can keep ends where the bytes do.
    assert_eq!(
        decode(&[TOPIC, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]),
        None
    );
}
