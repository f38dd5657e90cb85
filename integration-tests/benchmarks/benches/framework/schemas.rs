//! Values that name their schema in a registry, beside the bare library.

use std::hint::black_box;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use criterion::Criterion;
use kappa::Headers;
use kappa::schemas::Registry;
use kappa::schemas::avro::AvroSchema;
use kappa::serde::{Serde, Unready};
use serde::{Deserialize, Serialize};

use crate::cpu_time::CpuTime;

const TOPIC: &str = "topic";
/// What the id of a schema takes.
const PREFIX_LEN: usize = 5;

/// As wide as the records of a service are.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Flight {
    carrier: String,
    number: i32,
    origin: String,
    destination: String,
    departure_ms: i64,
    delay_minutes: Option<i32>,
}

const FLIGHT: &str = r#"{"type": "record", "name": "Flight", "fields": [
    {"name": "carrier", "type": "string"}, {"name": "number", "type": "int"},
    {"name": "origin", "type": "string"}, {"name": "destination", "type": "string"},
    {"name": "departure_ms", "type": "long"},
    {"name": "delay_minutes", "type": ["null", "int"], "default": null}]}"#;

/// An older version: a field has another name, one has another type, one is not there.
const OLDER: &str = r#"{"type": "record", "name": "Flight", "fields": [
    {"name": "airline", "type": "string"}, {"name": "number", "type": "int"},
    {"name": "origin", "type": "string"}, {"name": "destination", "type": "string"},
    {"name": "departure_ms", "type": "int"}]}"#;

#[derive(Debug, Serialize, Deserialize)]
struct OlderFlight {
    airline: String,
    number: i32,
    origin: String,
    destination: String,
    departure_ms: i32,
}

pub(crate) fn benches(criterion: &mut Criterion<CpuTime>) {
    let flight = Flight {
        carrier: "UA".to_owned(),
        number: 1_545,
        origin: "EWR".to_owned(),
        destination: "IAH".to_owned(),
        departure_ms: 1_357_034_400_000,
        delay_minutes: Some(2),
    };
    let bare = bare(criterion, &flight);
    let framed = over_registry(criterion, &flight);
    assert_eq!(framed.get(PREFIX_LEN..), Some(&*bare), "both write the same");
    older(criterion);
}

/// The library that parses the schemas here, by its way without a tree of values.
fn bare(criterion: &mut Criterion<CpuTime>, flight: &Flight) -> Vec<u8> {
    let schema = Schema::parse_str(FLIGHT).unwrap();
    let writer = GenericDatumWriter::builder(&schema).build().unwrap();
    let reader = GenericDatumReader::builder(&schema).build().unwrap();
    let mut group = criterion.benchmark_group("schemas/apache-avro");
    let mut bytes = Vec::new();
    group.bench_function("encode", |bencher| {
        bencher.iter(|| {
            bytes.clear();
            writer.write_ser(&mut bytes, black_box(flight)).unwrap();
        });
    });
    bytes.clear();
    writer.write_ser(&mut bytes, flight).unwrap();
    group.bench_function("decode", |bencher| {
        bencher.iter(|| reader.read_deser::<Flight>(&mut black_box(bytes.as_slice())).unwrap());
    });
    group.finish();
    bytes
}

fn over_registry(criterion: &mut Criterion<CpuTime>, flight: &Flight) -> Vec<u8> {
    let serde = Registry::in_memory().avro::<Flight>(AvroSchema::parse(FLIGHT).unwrap());
    let mut group = criterion.benchmark_group("schemas/avro");
    let mut bytes = Vec::new();
    serde.prepare(TOPIC).unwrap();
    group.bench_function("encode", |bencher| {
        bencher.iter(|| {
            bytes.clear();
            serde.encode(TOPIC, black_box(flight), &mut bytes).unwrap();
        });
    });
    bytes.clear();
    serde.encode(TOPIC, flight, &mut bytes).unwrap();
    decode(&mut group, &serde, &bytes);
    group.finish();
    bytes
}

/// What an older version costs to be read as the one of today.
fn older(criterion: &mut Criterion<CpuTime>) {
    let registry = Registry::in_memory();
    let old = registry.avro::<OlderFlight>(AvroSchema::parse(OLDER).unwrap());
    let mut bytes = Vec::new();
    let flight = OlderFlight {
        airline: "UA".to_owned(),
        number: 1_545,
        origin: "EWR".to_owned(),
        destination: "IAH".to_owned(),
        departure_ms: 1_357_034_400,
    };
    old.encode(TOPIC, &flight, &mut bytes).unwrap();
    let now = FLIGHT.replace(r#""carrier","#, r#""carrier", "aliases": ["airline"],"#);
    let serde = registry.avro::<Flight>(AvroSchema::parse(&now).unwrap());
    let mut group = criterion.benchmark_group("schemas/avro-older");
    decode(&mut group, &serde, &bytes);
    group.finish();
}

fn decode(
    group: &mut criterion::BenchmarkGroup<'_, CpuTime>,
    serde: &impl Serde<Flight>,
    bytes: &[u8],
) {
    let none = Headers::default();
    // The first record has its schema asked for, in the background.
    while let Err(error) = serde.decode_record(TOPIC, &none, Some(bytes)) {
        assert!(error.is::<Unready>(), "{error}");
        std::thread::yield_now();
    }
    group.bench_function("decode", |bencher| {
        bencher.iter(|| serde.decode_record(TOPIC, &none, Some(black_box(bytes))).unwrap());
    });
}
