use super::*;

#[test]
fn sinks_partition_by_key_and_changelogs_by_task() {
    let mut outbox = Outbox::new(3);
    let sink = outbox.register(OutTopic::new("out", 4));
    let log = outbox.register(OutTopic::new("log", 4));
    assert_eq!(outbox.register(OutTopic::new("out", 4)), sink);

    outbox.arena().extend_from_slice(b"keyvalue");
    let at = (Timestamp::from_millis(9), Headers::default());
    outbox.push(Destination::Sink(sink), Some(0..3), Some(3..8), Some(0..3), at.clone());
    outbox.push(Destination::Changelog(log, StoreId(1)), Some(0..3), None, None, at.clone());
    outbox.push(Destination::Sink(sink), None, Some(3..8), None, at);

    let records: Vec<_> = outbox.iter().collect();
    assert_eq!(records[0].partition, Some(default_partition(b"key", 4)));
    assert_eq!((records[0].key, records[0].value), (Some(&b"key"[..]), Some(&b"value"[..])));
    assert_eq!((records[1].partition, records[1].changelog), (Some(3), Some(StoreId(1))));
    assert_eq!((&**records[1].topic, records[1].value), ("log", None));
    assert_eq!(records[2].partition, None);
    outbox.clear();
    assert!(outbox.is_empty());
}

#[test]
fn records_for_a_new_topic_wait_until_its_partitions_are_known() {
    let mut outbox = Outbox::new(0);
    let known = outbox.register(OutTopic::new("known", 3));
    let at = || (Timestamp::from_millis(9), Headers::default());
    outbox.arena().extend_from_slice(b"k");
    assert_eq!(outbox.dynamic("known"), known);
    outbox.push(Destination::Sink(known), None, None, None, at());
    let new = outbox.dynamic("new");
    assert_eq!((new, outbox.partitions(new)), (outbox.dynamic("new"), None));
    outbox.push(Destination::Sink(new), Some(0..1), None, Some(0..1), at());
    for placement in [Placement::Drop, Placement::Partitions(vec![1, 6, 1])] {
        outbox.push_awaiting(new, (Some(0..1), None), at(), Box::new(|_| placement));
    }
    outbox.push(Destination::Sink(known), None, None, None, at());
    let names: Vec<Arc<str>> = vec!["new".into()];
    assert_eq!(outbox.unknown_topics(), names);

    let dropped = outbox.learn(&BTreeMap::from([("new".into(), 7)])).unwrap();
    assert_eq!((dropped, outbox.partitions(new)), (1, Some(7)));
    let went: Vec<_> =
        outbox.iter().map(|record| (record.topic.to_string(), record.partition)).collect();
    let (known, new) = (|| "known".to_owned(), || "new".to_owned());
    let by_key = Some(default_partition(b"k", 7));
    let expected =
        [(known(), None), (new(), by_key), (new(), Some(1)), (new(), Some(6)), (known(), None)];
    assert_eq!(went, expected);
    assert!(outbox.unknown_topics().is_empty());
}

#[test]
fn a_topic_that_is_not_there_is_named() {
    let mut outbox = Outbox::new(0);
    let new = outbox.dynamic("new");
    let at = (Timestamp::from_millis(9), Headers::default());
    outbox.push(Destination::Sink(new), None, None, None, at);
    let error = outbox.learn(&BTreeMap::new()).unwrap_err();
    assert!(error.to_string().contains("the topic new, which does not exist: create it"));
}

#[test]
fn only_so_many_topics_are_remembered() {
    let mut outbox = Outbox::new(0);
    let known = outbox.register(OutTopic::new("known", 3));
    for number in 0..=DYNAMIC_TOPICS_MAX {
        outbox.dynamic(&number.to_string());
    }
    outbox.clear();
    assert_eq!((outbox.topics.len(), outbox.partitions(known)), (1, Some(3)));
}

#[test]
fn in_a_rerun_records_without_a_key_go_by_their_task() {
    let mut outbox = Outbox::new(7).placing_keyless();
    let sink = outbox.register(OutTopic::new("out", 4));
    let at = (Timestamp::from_millis(9), Headers::default());
    outbox.push(Destination::Sink(sink), None, None, None, at);
    assert_eq!(outbox.iter().next().and_then(|record| record.partition), Some(3));
}
