//! Topologies whose records name their schemas in a registry.

use kappa::prelude::*;
use kappa::schemas::Registry;
use kappa::schemas::avro::AvroSchema;
use kappa::testing::TopologyTestDriver;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    customer: String,
    amount: i64,
}

const ORDER: &str = r#"{"type": "record", "name": "Order", "fields": [
    {"name": "customer", "type": "string"}, {"name": "amount", "type": "long"}]}"#;

/// By prefix into headers and back, with a repartition and a store between, which have no headers.
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
