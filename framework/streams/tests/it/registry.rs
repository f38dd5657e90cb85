//! Topologies whose records name their schemas in a registry.

use kappa::prelude::*;
use kappa::schemas::Registry;
use kappa::schemas::avro::AvroSchema;
use kappa::serde::Part;
use kappa::testing::TopologyTestDriver;
use kappa::{Headers, Record};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    customer: String,
    amount: i64,
}

const ORDER: &str = r#"{"type": "record", "name": "Order", "fields": [
    {"name": "customer", "type": "string"}, {"name": "amount", "type": "long"}]}"#;

/// By prefix into headers and back, with a repartition and a store between.
#[test]
fn ids_in_prefixes_and_in_headers_go_through_a_topology() {
    for (read_header, written_header) in [(false, true), (true, false), (true, true)] {
        let registry = Registry::in_memory();
        let serde = |in_header: bool| {
            let serde = registry.avro::<Order>(AvroSchema::parse(ORDER).unwrap());
            if in_header { serde.id_in_header().shared() } else { serde.shared() }
        };
        let orders: Topic<String, Order> = Topic::new("orders", Utf8, serde(read_header));
        let largest: Topic<String, Option<Order>> =
            Topic::new("largest", Utf8, Nullable::shared(serde(written_header)));

        let builder = StreamsBuilder::new();
        builder
            .stream(&orders)
            .group_by_with(|_, order| order.customer.clone(), Grouped::with(Utf8, serde(true)))
            .reduce(
                |old, new| if new.amount > old.amount { new } else { old },
                Materialized::with(Utf8, serde(true)),
            )
            .to_stream()
            .to(&largest);
        let driver = TopologyTestDriver::new(&builder.build().unwrap()).unwrap();
        let mut input = driver.input(&orders);
        for amount in [20, 22, 21] {
            input.pipe("x".to_owned(), Order { customer: "ann".to_owned(), amount });
        }
        let read = driver.output(&largest).read_map();
        let amount = read["ann"].as_ref().map(|order| order.amount);
        assert_eq!(amount, Some(22), "read by header: {read_header}, written: {written_header}");
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Place {
    city: String,
}

const PLACE: &str = r#"{"type": "record", "name": "Place", "fields": [
    {"name": "city", "type": "string"}]}"#;

/// A global table keeps the bytes of its topic, which are no values without their headers.
#[test]
fn a_global_table_is_looked_up_whose_records_name_their_schemas_in_headers() {
    for in_header in [false, true] {
        let registry = Registry::in_memory();
        let places = registry.avro::<Place>(AvroSchema::parse(PLACE).unwrap()).for_key();
        let orders = registry.avro::<Order>(AvroSchema::parse(ORDER).unwrap());
        let (places, orders) = match in_header {
            true => (places.id_in_header().shared(), orders.id_in_header().shared()),
            false => (places.shared(), orders.shared()),
        };
        let table: Topic<Place, Order> = Topic::new("table", places, orders);
        let input: Topic<String, String> = Topic::new("in", Utf8, Utf8);
        let output: Topic<String, i64> = Topic::new("out", Utf8, I64);

        let builder = StreamsBuilder::new();
        let global = builder.global_table(&table, "global");
        let places = builder.stream(&input).on(|_, city| Place { city: city.clone() });
        places.join(&global, |_, order| order.amount).to(&output);
        let driver = TopologyTestDriver::new(&builder.build().unwrap()).unwrap();
        let order = Order { customer: "ann".to_owned(), amount: 7 };
        driver.input(&table).pipe(Place { city: "Oslo".to_owned() }, order);
        driver.input(&input).pipe("k".to_owned(), "Oslo".to_owned());
        driver.input(&input).pipe("k".to_owned(), "Rome".to_owned());
        let found = driver.output(&output).read_key_values();
        assert_eq!(found, [("k".to_owned(), 7)], "in headers: {in_header}");
    }
}

#[test]
fn a_null_is_of_no_schema() {
    let registry = Registry::in_memory();
    let keys = || {
        let keys = registry.avro::<String>(AvroSchema::parse(r#""string""#).unwrap());
        Nullable::of(keys.for_key().id_in_header())
    };
    let values = || {
        let values = registry.avro::<Order>(AvroSchema::parse(ORDER).unwrap());
        Nullable::of(values.id_in_header())
    };
    let named = |headers: &Headers| {
        let has = |part: Part| headers.last(part.schema_header()).is_some();
        format!("key-{}-value-{}", has(Part::Key), has(Part::Value))
    };
    let orders: Topic<Option<String>, Option<Order>> = Topic::new("in", keys(), values());
    let builder = StreamsBuilder::new();
    let written = Topics::any(keys(), values());
    // The topic says how the driver wrote what is read.
    builder.stream(&orders).to_dynamic(&written, move |_, _, at| named(at.headers).into());
    let driver = TopologyTestDriver::new(&builder.build().unwrap()).unwrap();

    let key = || Some("a".to_owned());
    let value = || Some(Order { customer: "ann".to_owned(), amount: 20 });
    for (key, value) in [(key(), value()), (key(), None), (None, value()), (None, None)] {
        let expected = format!("key-{}-value-{}", key.is_some(), value.is_some());
        let record = Record::new(key, value, Timestamp::from_millis(1));
        driver.input(&orders).try_pipe(record).unwrap();
        let (topic, record) = driver.take_produced().pop().unwrap();
        assert_eq!((&*topic, named(&record.headers)), (&*expected, expected.clone()));
    }
}

/// The bytes of a key decide its partition, so that topics which are joined must have it in the same ones.
#[test]
fn a_repartition_topic_has_keys_in_the_bytes_of_other_topics() {
    let registry = Registry::in_memory();
    let keys = || registry.avro::<String>(AvroSchema::parse(r#""string""#).unwrap()).for_key();
    for in_header in [false, true] {
        let keys = || if in_header { keys().id_in_header().shared() } else { keys().shared() };
        let orders: Topic<String, i64> = Topic::new("orders", keys(), I64);
        let builder = StreamsBuilder::new();
        let moved = builder.stream(&orders).repartition(Repartitioned::new().named("moved"));
        moved.to(&Topic::new("foo-repartition", keys(), I64));
        let driver = TopologyTestDriver::new(&builder.build().unwrap()).unwrap();
        driver.input(&orders).pipe("ann".to_owned(), 1);
        let produced = driver.take_produced();
        let topics: Vec<&str> = produced.iter().map(|(topic, _)| &**topic).collect();
        assert_eq!(topics, ["test-app-moved-repartition", "foo-repartition"]);
        for (topic, record) in &produced {
            let key = record.key.as_deref().unwrap();
            assert!(key.ends_with(b"\x06ann"), "{topic}");
            assert_eq!(key.len(), if in_header { 4 } else { 9 }, "{topic}");
            assert_eq!(record.headers.is_empty(), !in_header, "{topic}");
        }
    }
}
