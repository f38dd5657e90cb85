//! Records and settings that are wrong: one clear error each, or handled as configured, and nothing
//! lost.

use integration_tests::admin::{FOREVER, create_topic};
use integration_tests::{Cluster, clients, unique};
use kappa::config::StreamsConfig;
use kappa::prelude::*;
use rdkafka::producer::BaseRecord;
use serde::{Deserialize, Serialize};

use crate::app::{App, feed, feed_partition, result_texts, rows, texts};
use crate::topologies::one_to_one;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    amount: i64,
}

/// Copies the amounts of orders in JSON.
fn amounts(bootstrap: &str) -> crate::topologies::OneToOne {
    one_to_one(bootstrap, 2, |builder, input, output| {
        let orders: Topic<String, Order> = Topic::new(input, Utf8, Json);
        let amounts = builder.stream(&orders).map_values(|order| order.amount.to_string());
        amounts.to(&result_texts(output));
    })
}

const GOOD: &str = r#"{"amount":1}"#;

#[test]
fn a_value_that_is_not_json_stops_the_application_at_it_and_loses_nothing() {
    let cluster = Cluster::start();
    let sums = amounts(cluster.bootstrap());
    let (input, bootstrap) = (sums.input.as_str(), cluster.bootstrap());
    feed_partition(bootstrap, input, 1, &[("a", GOOD, 1), ("b", "{not json", 2), ("c", GOOD, 3)]);
    let error = sums.app.fail();
    assert!(error.is_deserialization());
    assert!(error.to_string().contains(&format!("cannot decode value of {input}-1@1")), "{error}");
    // What was before it is done and committed; it is not read again.
    assert_eq!(sums.app.latest(&sums.output), rows(&[("a", "1")]));

    let tolerant = sums.app.set("deserialization.exception.handler", "continue");
    let progress = tolerant.catch_up();
    assert_eq!(progress.processed, 2, "the record that cannot be decoded, and the one after it");
    assert_eq!(progress.dropped.total(), 1);
    assert_eq!(tolerant.latest(&sums.output), rows(&[("a", "1"), ("c", "1")]));
}

#[test]
fn a_missing_field_is_named() {
    let cluster = Cluster::start();
    let sums = amounts(cluster.bootstrap());
    feed_partition(cluster.bootstrap(), &sums.input, 0, &[("a", r#"{"total":1}"#, 1)]);
    let error = sums.app.fail().to_string();
    assert!(error.contains(&format!("{}-0@0", sums.input)), "{error}");
    assert!(error.contains("missing field `amount`"), "{error}");
}

#[test]
fn a_null_where_the_type_has_none_says_so() {
    let cluster = Cluster::start();
    let sums = amounts(cluster.bootstrap());
    let producer = clients::producer(cluster.bootstrap(), &[]);
    let null: BaseRecord<'_, str, str> = BaseRecord::to(&sums.input).key("a").partition(0);
    clients::send(&producer, null.timestamp(1));
    clients::drain(&producer);
    let error = sums.app.fail().to_string();
    assert!(error.contains(&format!("cannot decode value of {}-0@0", sums.input)), "{error}");
    assert!(error.contains("it is null"), "{error}");
}

#[test]
fn a_negative_timestamp_stops_the_application_at_it() {
    let cluster = Cluster::start();
    let sums = amounts(cluster.bootstrap());
    feed_partition(cluster.bootstrap(), &sums.input, 0, &[("a", GOOD, -1)]);
    let error = sums.app.fail().to_string();
    let expected = format!("record {}-0@0 has the timestamp -1", sums.input);
    assert!(error.contains(&expected), "{error}");
}

#[test]
fn a_panic_in_user_code_names_the_record() {
    let cluster = Cluster::start();
    let picky = one_to_one(cluster.bootstrap(), 1, |builder, input, output| {
        let mapped = builder.stream(&texts(input)).map_values(|value| {
            assert!(value != "bad", "no bad values, please");
            value
        });
        mapped.to(&result_texts(output));
    });
    feed(cluster.bootstrap(), &picky.input, &[("a", "good", 1), ("b", "bad", 2)]);
    let error = picky.app.fail().to_string();
    let expected = format!("panicked while processing {}-0@1: no bad values, please", picky.input);
    assert!(error.contains(&expected), "{error}");
}

#[test]
fn a_topic_that_does_not_exist_is_named() {
    let cluster = Cluster::start();
    let id = unique("app");
    let builder = StreamsBuilder::new();
    builder.stream(&texts(&format!("{id}-absent"))).to(&result_texts(&format!("{id}-out")));
    let app = App::new(cluster.bootstrap(), &id, builder.build().unwrap());
    let error = app.fail().to_string();
    assert!(error.contains(&format!("the input topic {id}-absent does not exist")), "{error}");
}

#[test]
fn an_output_topic_that_nobody_creates_is_named() {
    let cluster = Cluster::start();
    let id = unique("app");
    create_topic(cluster.bootstrap(), &format!("{id}-in"), 1, &[FOREVER]);
    let builder = StreamsBuilder::new();
    builder.stream(&texts(&format!("{id}-in"))).to(&texts(&format!("{id}-out")));
    let app = App::new(cluster.bootstrap(), &id, builder.build().unwrap());
    let error = app.fail().to_string();
    assert!(error.contains(&format!("the output topic {id}-out does not exist")), "{error}");
}

#[test]
fn a_global_table_with_a_record_that_cannot_be_decoded_says_which() {
    let cluster = Cluster::start();
    let id = unique("app");
    let (names, input) = (format!("{id}-names"), format!("{id}-in"));
    create_topic(cluster.bootstrap(), &names, 1, &[("cleanup.policy", "compact")]);
    create_topic(cluster.bootstrap(), &input, 1, &[FOREVER]);
    let builder = StreamsBuilder::new();
    let table: Topic<String, Order> = Topic::new(&names, Utf8, Json);
    let global = builder.global_table(&table, "names");
    let joined = builder.stream(&texts(&input)).join(&global, |_, order| order.amount.to_string());
    joined.to(&result_texts(&format!("{id}-out")));
    let app = App::new(cluster.bootstrap(), &id, builder.build().unwrap());
    feed(cluster.bootstrap(), &names, &[("a", GOOD, 1), ("b", "[]", 1)]);
    let error = app.fail().to_string();
    assert!(error.contains(&format!("{names}-0@1")), "{error}");
}

#[test]
fn a_state_directory_in_use_is_refused_until_it_is_free() {
    let cluster = Cluster::start();
    let sums = amounts(cluster.bootstrap());
    let first = sums.app.streams();
    first.start().unwrap();
    let error = sums.app.fail().to_string();
    assert!(error.contains("is in use by another process"), "{error}");
    assert!(error.contains(&sums.app.id), "{error}");
    first.close().unwrap();
    sums.app.catch_up();
}

#[test]
fn an_unknown_setting_is_refused_before_anything_starts() {
    let error = StreamsConfig::new("app").with_argument("bootstrap.server", "x").unwrap_err();
    assert!(error.to_string().contains("did you mean `bootstrap.servers`?"), "{error}");
    let error = StreamsConfig::new("app").with_argument("consumer.no.such", "x").unwrap_err();
    assert!(error.is_config() && error.to_string().contains("consumer.no.such"), "{error}");
}

#[test]
fn a_setting_that_the_client_refuses_is_named_and_its_value_is_not() {
    let builder = StreamsBuilder::new();
    builder.stream(&texts("in")).to(&texts("out"));
    let app = App::new("127.0.0.1:1", "app", builder.build().unwrap());
    let error = app.set("security.protocol", "hunter2").fail();
    assert!(error.is_config(), "{error:?}");
    let report = error.report();
    assert!(report.contains("`security.protocol`") && !report.contains("hunter2"), "{report}");
}
