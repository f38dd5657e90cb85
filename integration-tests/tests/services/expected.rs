//! What the services must publish, computed from the input topics without the engine.

use std::collections::BTreeMap;
use std::time::Duration;

use integration_tests::clients;
use rdkafka::Message;
use rdkafka::consumer::Consumer;
use serde_json::{Value, json};

use crate::registry;

const HOUR_MS: i64 = 3_600_000;
const LATE_MINUTES: i64 = 15;

/// Returns a service's results by key.
pub(crate) fn of(service: &str, bootstrap: &str) -> BTreeMap<String, Value> {
    let departures = read(bootstrap, "flights.departed", 4);
    match service {
        "airline-delays" => airline_delays(bootstrap, &departures),
        _ => airport_hours(&departures),
    }
}

#[derive(Default)]
struct Totals {
    departures: i64,
    delayed: i64,
    sum: i64,
    max: Option<i64>,
}

impl Totals {
    fn add(&mut self, departure: &Value) {
        // Its name in the second version of the schema, or in the first.
        let delay = departure.get("delay_minutes").unwrap_or(&departure["dep_delay"]);
        let delay = delay.as_i64().expect("a delay");
        self.departures += 1;
        self.delayed += i64::from(delay >= LATE_MINUTES);
        self.sum += delay;
        self.max = self.max.max(Some(delay));
    }
}

fn airline_delays(bootstrap: &str, departures: &[Value]) -> BTreeMap<String, Value> {
    let names: BTreeMap<String, String> = read(bootstrap, "airlines", 1)
        .iter()
        .map(|airline| (text(&airline["carrier"]), text(&airline["name"])))
        .collect();
    let mut totals: BTreeMap<String, Totals> = BTreeMap::new();
    for departure in departures {
        totals.entry(text(&departure["carrier"])).or_default().add(departure);
    }
    let rows = totals.into_iter().map(|(carrier, totals)| {
        let row = json!({
            "airline": names[&carrier],
            "departures": totals.departures,
            "delayed": totals.delayed,
            "total_delay_minutes": totals.sum,
            "max_delay_minutes": totals.max,
        });
        (carrier, row)
    });
    rows.collect()
}

fn airport_hours(departures: &[Value]) -> BTreeMap<String, Value> {
    let mut totals: BTreeMap<(String, i64), Totals> = BTreeMap::new();
    for departure in departures {
        let at = departure["departed_at"].as_i64().expect("a time");
        let hour = (text(&departure["origin"]), at - at % HOUR_MS);
        totals.entry(hour).or_default().add(departure);
    }
    let rows = totals.into_iter().map(|((origin, start), totals)| {
        let row = json!({
            "origin": origin,
            "window_start": start,
            "departures": totals.departures,
            "total_delay_minutes": totals.sum,
            "max_delay_minutes": totals.max,
        });
        (format!("{origin}@{start}"), row)
    });
    rows.collect()
}

fn read(bootstrap: &str, topic: &str, partitions: i32) -> Vec<Value> {
    let consumer = clients::consumer(bootstrap, None, &[]);
    let records: i64 = (0..partitions)
        .map(|partition| {
            let marks = consumer.fetch_watermarks(topic, partition, Duration::from_secs(10));
            marks.expect("the topic is there").1
        })
        .sum();
    clients::assign_from_start(&consumer, topic, partitions);
    let records = clients::read(&consumer, usize::try_from(records).expect("a count"));
    let mut schemas = registry::Schemas::default();
    records.iter().map(|record| schemas.read(record.payload().expect("a value"))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}
