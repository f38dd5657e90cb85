//! Driver tests of every operator, to be read as documentation.
//!
//! Input is text, a record a line: `topic key=value @timestamp`; `~` is a null, `#name:value` a header.
//! Output is shown the same way, in order over all topics, numbers as numbers and windowed keys as
//! `key[start]`; what was dropped follows.

mod aggregations;
mod bad_input;
mod grouped_tables;
mod joins;
mod names;
mod outputs;
mod repartitions;
mod splits;
mod stateless;
mod table_joins;
mod tables;
mod windows;

use expect_test::Expect;
use kappa::config::DeserializationHandler;
use kappa::prelude::*;
use kappa::serde::Bytes;
use kappa::testing::{OutputRecord, TopologyTestDriver};
use kappa::{Header, Record};

/// How a topology is driven.
#[derive(Clone, Copy)]
struct Options {
    cache_bytes: usize,
    handler: DeserializationHandler,
}

const CACHED: Options = Options { cache_bytes: 1 << 20, handler: DeserializationHandler::Fail };
const UNCACHED: Options = Options { cache_bytes: 0, handler: DeserializationHandler::Fail };
const SKIPPING: Options =
    Options { cache_bytes: 1 << 20, handler: DeserializationHandler::Continue };

/// Builds a topology, pipes the input, and compares everything that comes out.
fn check(build: impl FnOnce(&StreamsBuilder), input: &str, expected: Expect) {
    check_with(CACHED, build, input, expected);
}

fn check_with(
    options: Options,
    build: impl FnOnce(&StreamsBuilder),
    input: &str,
    expected: Expect,
) {
    let driver = drive(options, build);
    let mut shown = String::new();
    for line in input.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let piped = pipe(&driver, line);
        for (topic, record) in driver.take_produced() {
            // What is between an application and itself is another matter.
            if !topic.starts_with("test-app-") {
                shown += &format!("{topic} {}\n", show_record(&record));
            }
        }
        if let Err(error) = piped {
            shown += &format!("error: {}\n", error.report());
            break;
        }
    }
    for (reason, count) in driver.dropped_records().by_reason() {
        shown += &format!("dropped: {count} {reason}\n");
    }
    expected.assert_eq(&shown);
}

fn drive(options: Options, build: impl FnOnce(&StreamsBuilder)) -> TopologyTestDriver {
    let builder = StreamsBuilder::new();
    build(&builder);
    let topology = builder.build().unwrap();
    TopologyTestDriver::with_cache(&topology, options.cache_bytes, options.handler).unwrap()
}

/// Pipes one line of input.
fn pipe(driver: &TopologyTestDriver, line: &str) -> kappa::Result<()> {
    let (topic, rest) = line.split_once(' ').expect("a topic");
    let (record, rest) = rest.rsplit_once('@').expect("a timestamp");
    let (key, value) = record.trim().split_once('=').expect("key=value");
    let (millis, headers) = rest.split_once('#').unwrap_or((rest, ""));
    let headers = headers.split('#').filter_map(|header| header.split_once(':'));
    let headers = headers.map(|(name, value)| Header::new(name, value.trim().as_bytes()));
    let bytes = |text: &str| (text != "~").then(|| text.as_bytes().to_vec());
    let record = Record {
        key: bytes(key),
        value: bytes(value),
        timestamp: Timestamp::from_millis(millis.trim().parse().expect("a number")),
        headers: headers.collect(),
    };
    let (keys, values) = (Nullable::of(Bytes), Nullable::of(Bytes));
    driver.input(&Topic::new(topic, keys, values)).try_pipe(record)
}

fn show_record(record: &OutputRecord) -> String {
    let (key, value) = (show(record.key.as_deref()), show(record.value.as_deref()));
    let mut shown = format!("{key}={value} @{}", record.timestamp);
    for header in record.headers.iter() {
        shown += &format!(" #{}:{}", header.name, show(header.value.as_deref()));
    }
    shown
}

fn show(bytes: Option<&[u8]>) -> String {
    let Some(bytes) = bytes else { return "~".to_owned() };
    match (std::str::from_utf8(bytes), bytes.split_last_chunk::<8>()) {
        (Ok(text), _) if !text.contains(char::is_control) => text.to_owned(),
        (_, Some((&[], number))) => i64::from_be_bytes(*number).to_string(),
        (_, Some((key, start))) => {
            format!("{}[{}]", String::from_utf8_lossy(key), i64::from_be_bytes(*start))
        }
        _ => format!("{bytes:?}"),
    }
}

/// A topic of texts.
fn text(name: &str) -> Topic<String, String> {
    Topic::of(name)
}

/// A topic of texts where a value may be null.
fn nullable(name: &str) -> Topic<String, Option<String>> {
    Topic::new(name, Utf8, Nullable::of(Utf8))
}

/// A topic of texts where key and value may be null.
fn any(name: &str) -> Topic<Option<String>, Option<String>> {
    Topic::new(name, Nullable::of(Utf8), Nullable::of(Utf8))
}

/// A topic of numbers, as counts are written to.
fn numbers(name: &str) -> Topic<String, Option<i64>> {
    Topic::new(name, Utf8, Nullable::of(I64))
}
