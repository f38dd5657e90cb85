use bytes::{Buf, Bytes};

use super::*;
use crate::config::BrokerConfig;
use crate::reply::Answer;
use crate::testing::samples::{delete_topics, metadata};
use crate::testing::{Driver, text};

fn error(code: i16) -> Option<ResponseError> {
    ResponseError::try_from_code(code)
}

#[test]
fn clients_are_told_what_is_served() {
    let mut driver = Driver::new();
    let request = ApiVersionsRequest::default()
        .with_client_software_name(text("a-client.1"))
        .with_client_software_version(text("0.0.1"));
    let served = driver.ask(3, &request);
    assert_eq!((served.error_code, served.api_keys.len()), (0, APIS.len()));
    assert_eq!(driver.ask(0, &ApiVersionsRequest::default()).api_keys, served.api_keys);
}

#[test]
fn a_newer_client_may_ask_again() {
    let mut driver = Driver::new();
    let id = driver.connect();
    let request = [0, 18, 0, 9, 0, 0, 0, 77];
    driver.send_frame(id, Bytes::copy_from_slice(&request));
    let Some(Answer::Frame(mut frame)) = driver.raw_answer(id) else { panic!("no answer") };
    let expected = [0, 0, 0, 16, 0, 0, 0, 77, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 3];
    assert_eq!(frame.copy_to_bytes(frame.remaining()), &expected[..]);
}

#[test]
fn software_has_a_name() {
    for (name, is_name) in [
        ("librdkafka", true),
        ("a", true),
        ("a-b.c", true),
        ("", false),
        ("-a", false),
        ("a.", false),
        ("a b", false),
    ] {
        assert_eq!(is_software(name), is_name, "{name}");
    }
    let nameless = Driver::new().ask(3, &ApiVersionsRequest::default());
    assert_eq!(error(nameless.error_code), Some(ResponseError::InvalidRequest));
}

#[test]
fn metadata_names_the_broker_and_its_topics() {
    let config = BrokerConfig { port: 1_234, seed: 0xabc, ..BrokerConfig::default() };
    let mut driver = Driver::with(config);
    driver.create_topic("b", 2, &[]);
    driver.create_topic("a", 1, &[]);
    let all = driver.ask(9, &MetadataRequest::default().with_topics(None));
    let broker = &all.brokers[0];
    assert_eq!((broker.node_id.0, &*broker.host, broker.port), (1, "127.0.0.1", 1_234));
    assert_eq!(all.cluster_id.as_deref(), Some("kappa-0000000000000abc"));
    let names: Vec<_> = all.topics.iter().map(|it| it.name.as_ref().unwrap().as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    let partition = &all.topics[1].partitions[1];
    assert_eq!((partition.partition_index, partition.leader_id.0), (1, 1));
    assert_eq!((partition.leader_epoch, partition.isr_nodes.len()), (0, 1));
    let none = driver.ask(9, &MetadataRequest::default().with_topics(Some(Vec::new())));
    assert!(none.topics.is_empty());
}

#[test]
fn a_topic_named_again_is_not_described_again() {
    let mut driver = Driver::new();
    driver.create_topic("a", 2, &[]);
    let response = driver.ask(9, &metadata(&["a", "b", "a", "b", "a"]));
    let names: Vec<_> =
        response.topics.iter().map(|it| it.name.as_ref().unwrap().as_str()).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn unknown_topics_are_created_only_where_both_sides_want_it() {
    for (is_on, is_asked, is_created) in
        [(false, true, false), (true, false, false), (true, true, true)]
    {
        let config = BrokerConfig { auto_create_topics: is_on, ..BrokerConfig::default() };
        let mut driver = Driver::with(config);
        let request = metadata(&["new", "not/new"]).with_allow_auto_topic_creation(is_asked);
        let response = driver.ask(9, &request);
        let unknown = Some(ResponseError::UnknownTopicOrPartition).filter(|_| !is_created);
        assert_eq!(error(response.topics[0].error_code), unknown);
        assert_eq!(response.topics[0].partitions.len(), usize::from(is_created));
        let invalid = Some(ResponseError::InvalidTopicException);
        assert_eq!(error(response.topics[1].error_code), invalid);
        let all = driver.ask(9, &MetadataRequest::default().with_topics(None));
        assert_eq!(all.topics.len(), usize::from(is_created));
    }
}

#[test]
fn groups_and_transactions_are_coordinated_here() {
    let mut driver = Driver::new();
    let mut find = |kind| {
        let request = FindCoordinatorRequest::default().with_key(text("k")).with_key_type(kind);
        let found = driver.ask(2, &request);
        (error(found.error_code), found.node_id.0, found.port)
    };
    assert_eq!(find(GROUP_KEY), (None, NODE_ID, 9_092));
    assert_eq!(find(TRANSACTION_KEY), (None, NODE_ID, 9_092));
    assert_eq!(find(2), (Some(ResponseError::InvalidRequest), -1, -1));
}

#[test]
fn topics_have_ids_that_outlive_the_broker_and_not_the_topic() {
    let mut driver = Driver::kept(BrokerConfig { seed: 7, ..BrokerConfig::default() });
    driver.create_topic("t", 2, &[]);
    let by_name = driver.ask(12, &metadata(&["t"])).topics.remove(0);
    let by_id = |driver: &mut Driver| {
        let topic = MetadataRequestTopic::default().with_name(None).with_topic_id(by_name.topic_id);
        let request = MetadataRequest::default().with_topics(Some(vec![topic]));
        driver.ask(12, &request).topics.remove(0)
    };
    assert!(!by_name.topic_id.is_nil());
    assert_eq!(by_id(&mut driver), by_name);
    driver.restart();
    assert_eq!(by_id(&mut driver), by_name);
    driver.ask(3, &delete_topics(&["t"]));
    driver.create_topic("t", 2, &[]);
    let unknown = by_id(&mut driver);
    assert_eq!(error(unknown.error_code), Some(ResponseError::UnknownTopicId));
    assert_eq!((unknown.name, unknown.topic_id), (None, by_name.topic_id));
    assert_ne!(driver.ask(12, &metadata(&["t"])).topics[0].topic_id, by_name.topic_id);
}
