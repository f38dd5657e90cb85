//! What transactional producers are told, by error code: what no well-behaved client asks.

use integration_tests::admin::create_topic;
use integration_tests::unique;
use integration_tests::waiting::{Deadline, eventually};
use integration_tests::wire::Wire;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::{
    AddPartitionsToTxnRequest, EndTxnRequest, InitProducerIdRequest, ProducerId, TopicName,
    TransactionalId,
};
use kafka_protocol::protocol::StrBytes;

crate::checks! {
    ends_and_fences_are_told_by_code,
}

type Producer = (ProducerId, i16);

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn init(wire: &mut Wire, id: &str, version: i16, known: Producer) -> Result<Producer, i16> {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(Some(TransactionalId(text(id))))
        .with_transaction_timeout_ms(10_000)
        .with_producer_id(known.0)
        .with_producer_epoch(known.1);
    let given = wire.call(version, &request);
    if given.error_code == 0 {
        Ok((given.producer_id, given.producer_epoch))
    } else {
        Err(given.error_code)
    }
}

fn end(wire: &mut Wire, id: &str, producer: Producer, is_commit: bool) -> i16 {
    let request = EndTxnRequest::default()
        .with_transactional_id(TransactionalId(text(id)))
        .with_producer_id(producer.0)
        .with_producer_epoch(producer.1)
        .with_committed(is_commit);
    wire.call(1, &request).error_code
}

fn add(wire: &mut Wire, id: &str, producer: Producer, topic: &str, indexes: &[i32]) -> Vec<i16> {
    let topic = AddPartitionsToTxnTopic::default().with_name(TopicName(text(topic)));
    let request = AddPartitionsToTxnRequest::default()
        .with_v3_and_below_transactional_id(TransactionalId(text(id)))
        .with_v3_and_below_producer_id(producer.0)
        .with_v3_and_below_producer_epoch(producer.1)
        .with_v3_and_below_topics(vec![topic.with_partitions(indexes.to_vec())]);
    let results = wire.call(0, &request).results_by_topic_v3_and_below.remove(0);
    results.results_by_partition.iter().map(|it| it.partition_error_code).collect()
}

fn ends_and_fences_are_told_by_code(bootstrap: &str) {
    use ResponseError::{
        ConcurrentTransactions, InvalidProducerEpoch, InvalidProducerIdMapping, InvalidTxnState,
        OperationNotAttempted, ProducerFenced, UnknownTopicOrPartition,
    };
    let topic = unique("codes");
    let id = topic.as_str();
    create_topic(bootstrap, &topic, 1, &[]);
    let mut wire = Wire::connect(bootstrap);
    let none = (ProducerId(-1), -1);
    let first =
        eventually("a coordinator", Deadline::seconds(30), || init(&mut wire, id, 4, none).ok());
    assert_eq!(end(&mut wire, id, first, true), InvalidTxnState.code(), "nothing was begun");
    let mut codes = add(&mut wire, id, first, &topic, &[0, 9]);
    // Kafka answers in any order.
    codes.sort_unstable();
    assert_eq!(codes, [UnknownTopicOrPartition.code(), OperationNotAttempted.code()]);
    let stranger = (ProducerId(first.0.0 + 1_000_000), 0);
    assert_eq!(add(&mut wire, id, stranger, &topic, &[0]), [InvalidProducerIdMapping.code()]);
    assert_eq!(add(&mut wire, id, first, &topic, &[0]), [0]);
    // It is aborted and fenced by another, which is to ask again.
    assert_eq!(init(&mut wire, id, 4, none), Err(ConcurrentTransactions.code()));
    let second = eventually("the end of the transaction", Deadline::seconds(30), || {
        init(&mut wire, id, 4, none).ok()
    });
    assert_eq!(second, (first.0, 2));
    assert_eq!(end(&mut wire, id, first, true), InvalidProducerEpoch.code());
    assert_eq!(add(&mut wire, id, first, &topic, &[0]), [InvalidProducerEpoch.code()]);
    assert_eq!(init(&mut wire, id, 4, first), Err(ProducerFenced.code()));
    assert_eq!(init(&mut wire, id, 3, first), Err(InvalidProducerEpoch.code()));
    // One that says who it is goes on, and may ask twice.
    let third = (first.0, 3);
    assert_eq!(init(&mut wire, id, 4, second), Ok(third));
    assert_eq!(init(&mut wire, id, 4, second), Ok(third));
    assert_eq!(add(&mut wire, id, third, &topic, &[0]), [0]);
    assert_eq!(end(&mut wire, id, third, true), 0);
    // An end may be asked for twice, once it is there, but not another one.
    eventually("the end of the transaction", Deadline::seconds(30), || {
        (end(&mut wire, id, third, true) == 0).then_some(())
    });
    assert_eq!(end(&mut wire, id, third, false), InvalidTxnState.code());
}
