//! Driving a built case, and what came of it, in the terms of the format.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use kappa::prelude::*;
use kappa::serde::Bytes;
use kappa::testing::{OutputRecord, TopologyTestDriver};
use kappa::{Error, ErrorKind, Header, Headers, Record};
use serde_json::{Value as Json, json};

use super::build::Built;
use super::case::Case;
use super::value::{Neutral, Val, Value, json_of, windowed_json};

/// What ours did with a case.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// `[phase, step, kind]`, or null.
    pub(crate) error: Json,
    /// The error's text, for the report.
    pub(crate) error_text: String,
    /// Records of sink topics in total order.
    pub(crate) output: Vec<Json>,
    /// Records of internal topics, and of sinks with windowed keys, in bytes.
    pub(crate) bytes: Vec<Json>,
    /// Rows by store, in the order of the expectation.
    pub(crate) stores: Vec<(String, Json)>,
    pub(crate) dropped: u64,
    pub(crate) describe: String,
}

/// The application id of vectors and of the driver.
const VECTOR_ID: &str = "app-";
const DRIVER_ID: &str = "test-app-";

/// Runs a case.
pub(crate) fn run(case: &Case, built: Built) -> Outcome {
    let mut outcome = Outcome::default();
    let topology = match &built.topology {
        Ok(topology) => topology,
        Err(error) => {
            outcome.fail("build", None, error);
            return outcome;
        }
    };
    outcome.describe = topology.describe();
    let handler = kappa::config::DeserializationHandler::Fail;
    let driver = match TopologyTestDriver::with_cache(topology, case.cache_bytes(), handler) {
        Ok(driver) => driver,
        Err(error) => {
            outcome.fail("start", None, &error);
            return outcome;
        }
    };
    for (number, step) in case.steps().iter().enumerate() {
        if step["op"] != "pipe" {
            // Nothing here looks at the wall clock.
            continue;
        }
        let piped = quietly(|| pipe(&driver, &built, step));
        for (topic, record) in driver.take_produced() {
            outcome.produced(number, &topic, &record, &built);
        }
        match piped {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                outcome.fail("run", Some(number), &error);
                return outcome;
            }
            None => {
                outcome.error = json!(["run", number, "user"]);
                return outcome;
            }
        }
    }
    outcome.dropped = driver.dropped_records().total();
    for (name, expected) in case.expect()["stores"].as_object().into_iter().flatten() {
        outcome.stores.push((name.clone(), rows(&driver, name, &topology.describe(), expected)));
    }
    outcome
}

impl Outcome {
    fn fail(&mut self, phase: &str, step: Option<usize>, error: &Error) {
        let kind = match error.kind() {
            // What the JVM library's extractor throws is no error of a serde.
            ErrorKind::Deserialization if error.to_string().contains("timestamp") => "streams",
            ErrorKind::Deserialization | ErrorKind::Serialization => "serde",
            ErrorKind::Topology => "invalid_topology",
            ErrorKind::Processing => "user",
            _ => "other",
        };
        self.error = json!([phase, step, kind]);
        self.error_text = error.report();
    }

    fn produced(&mut self, step: usize, topic: &str, record: &OutputRecord, built: &Built) {
        let sink = built.sinks.get(topic);
        if let Some(serdes) = sink {
            let read = |serde: Neutral, bytes: &Option<Vec<u8>>| {
                serde
                    .json(bytes.as_deref())
                    .unwrap_or_else(|error| json!({"unreadable": error.to_string()}))
            };
            let mut shown = json!({
                "step": step,
                "topic": topic,
                "key": read(serdes.key, &record.key),
                "value": read(serdes.value, &record.value),
                "ts": record.timestamp.as_millis(),
            });
            add_headers(&mut shown, &record.headers, |value| json!(String::from_utf8_lossy(value)));
            self.output.push(shown);
        }
        if sink.is_none_or(|serdes| serdes.key.is_windowed()) {
            let name = topic.strip_prefix(DRIVER_ID).map(|name| format!("{VECTOR_ID}{name}"));
            let hex = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(to_hex);
            let mut shown = json!({
                "step": step,
                "topic": name.as_deref().unwrap_or(topic),
                "key": hex(&record.key),
                "value": hex(&record.value),
                "ts": record.timestamp.as_millis(),
            });
            add_headers(&mut shown, &record.headers, |value| json!(to_hex(value)));
            self.bytes.push(shown);
        }
    }
}

fn add_headers(shown: &mut Json, headers: &Headers, text: impl Fn(&[u8]) -> Json) {
    if !headers.is_empty() {
        let pair = |header: &Header| {
            json!([&*header.name, header.value.as_deref().map_or(Json::Null, &text)])
        };
        shown["headers"] = headers.iter().map(pair).collect();
    }
}

fn pipe(driver: &TopologyTestDriver, built: &Built, step: &Json) -> kappa::Result<()> {
    let topic = step["topic"].as_str().unwrap_or_default();
    let serdes = built.sources.get(topic).expect("a case pipes into its sources");
    let bytes = |serde: Neutral, field: &str| match step[format!("{field}_hex")].as_str() {
        Some(hex) => Some(from_hex(hex)),
        None => serde.bytes(&step[field]),
    };
    let headers = step["headers"].as_array().into_iter().flatten().map(|header| Header {
        name: header[0].as_str().unwrap_or_default().into(),
        value: header[1].as_str().map(|text| text.as_bytes().into()),
    });
    let timestamp = Timestamp::from_millis(step["ts"].as_i64().expect("a timestamp"));
    let record = Record {
        key: bytes(serdes.key, "key"),
        value: bytes(serdes.value, "value"),
        timestamp,
        headers: headers.collect(),
    };
    let (keys, values) = (Nullable::of(Bytes), Nullable::of(Bytes));
    driver.input(&Topic::new(topic, keys, values)).try_pipe(record)
}

/// Reads a store as the expectation lists it; null for a global table's, which the driver hides.
fn rows(driver: &TopologyTestDriver, name: &str, describe: &str, expected: &Json) -> Json {
    if is_global(describe, name) {
        return Json::Null;
    }
    let missing = || json!("no such store");
    let is_count = |rows: &Json, at: usize| rows[0][at].is_i64();
    match expected["kind"].as_str() {
        Some("tskv") => {
            // Only counts have plain integers for values; an empty store may be of either type.
            let ints = read(|| plain::<i64>(driver, name));
            let rows = if is_count(&expected["rows"], 1) { ints.clone() } else { None };
            rows.or_else(|| read(|| plain::<Val>(driver, name)))
                .or(ints)
                .or_else(|| read(|| by_window::<i64>(driver, name)))
                .or_else(|| read(|| by_window::<Val>(driver, name)))
                .unwrap_or_else(missing)
        }
        Some("tswindow") => {
            let ints = read(|| windowed::<i64>(driver, name));
            let rows = if is_count(&expected["rows"], 3) { ints.clone() } else { None };
            rows.or_else(|| read(|| windowed::<Val>(driver, name))).or(ints).unwrap_or_else(missing)
        }
        kind => json!(format!("no stores of kind {kind:?}")),
    }
}

fn is_global(describe: &str, store: &str) -> bool {
    let mut global = false;
    describe.lines().any(|line| {
        if line.contains("Sub-topology:") {
            global = line.contains("will not generate tasks");
        }
        global && line.contains(&format!("(stores: [{store}])"))
    })
}

/// Reads a store of a type, unless it has another one: then the driver panics.
fn read(rows: impl FnOnce() -> kappa::Result<Json>) -> Option<Json> {
    quietly(rows)?.ok()
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Calls what may panic on purpose, without a word; nothing where it did.
fn quietly<T>(call: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                loud(panic);
            }
        }));
    });
    QUIET.set(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    QUIET.set(false);
    result.ok()
}

fn plain<V: Value>(driver: &TopologyTestDriver, name: &str) -> kappa::Result<Json> {
    let rows = driver.key_value_rows::<Val, V>(name)?.into_iter().map(|(key, row)| {
        json!([json_of(Some(&key)), json_of(Some(&row.value.to_val())), row.timestamp.as_millis()])
    });
    Ok(rows.collect())
}

/// The rows of a table that was made of a windowed one and keeps them.
fn by_window<V: Value>(driver: &TopologyTestDriver, name: &str) -> kappa::Result<Json> {
    let rows = driver.key_value_rows::<Windowed<Val>, V>(name)?.into_iter().map(|(key, row)| {
        let value = json_of(Some(&row.value.to_val()));
        json!([windowed_json(&key), value, row.timestamp.as_millis()])
    });
    Ok(rows.collect())
}

fn windowed<V: Value>(driver: &TopologyTestDriver, name: &str) -> kappa::Result<Json> {
    let mut rows = driver.window_rows::<Val, V>(name)?;
    rows.sort_by_key(|(key, _)| (super::value::show(Some(&key.key)).into_bytes(), key.window));
    let rows = rows.into_iter().map(|(key, row)| {
        let shown = windowed_json(&key);
        let value = json_of(Some(&row.value.to_val()));
        json!([shown["key"], shown["start"], shown["end"], value, row.timestamp.as_millis()])
    });
    Ok(rows.collect())
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn from_hex(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("hex digits"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hex digits")).collect()
}
