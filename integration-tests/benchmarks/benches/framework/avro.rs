//! Avro beside apache-avro's own `serde` interface: the same schema, and an older one of the writer.

use std::hint::black_box;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use criterion::Criterion;
use kappa::schemas::avro::{AvroCodec, AvroSchema};
use serde::{Deserialize, Serialize};

use crate::cpu_time::CpuTime;

const SCHEMA: &str = r#"{"type": "record", "name": "flights.Flight", "fields": [
    {"name": "carrier", "type": "string"},
    {"name": "number", "type": "int"},
    {"name": "origin", "type": "string"},
    {"name": "destination", "type": "string"},
    {"name": "departure", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "departure_delay", "type": ["null", "int"], "default": null},
    {"name": "arrival_delay", "type": ["null", "int"], "default": null},
    {"name": "distance", "type": "double"},
    {"name": "air_time", "type": ["null", "float"], "default": null},
    {"name": "cancelled", "type": "boolean"},
    {"name": "date", "type": {"type": "int", "logicalType": "date"}},
    {"name": "tail", "type": ["null", "string"], "default": null}]}"#;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flight {
    carrier: String,
    number: i32,
    origin: String,
    destination: String,
    departure: i64,
    departure_delay: Option<i32>,
    arrival_delay: Option<i32>,
    distance: f64,
    air_time: Option<f32>,
    cancelled: bool,
    date: i32,
    tail: Option<String>,
}

pub(crate) fn benches(criterion: &mut Criterion<CpuTime>) {
    let flight = Flight {
        carrier: "UA".to_owned(),
        number: 1_545,
        origin: "EWR".to_owned(),
        destination: "IAH".to_owned(),
        departure: 1_357_034_400_000,
        departure_delay: Some(2),
        arrival_delay: Some(11),
        distance: 1400.0,
        air_time: Some(227.0),
        cancelled: false,
        date: 15_706,
        tail: Some("N14228".to_owned()),
    };
    same_schema(criterion, &flight);
    older_schema(criterion, &Flight { tail: None, ..flight });
}

fn same_schema(criterion: &mut Criterion<CpuTime>, flight: &Flight) {
    let schema = AvroSchema::parse(SCHEMA).unwrap();
    let codec = AvroCodec::<Flight>::new(schema.clone());
    let own = codec.resolve(&schema).unwrap();
    let theirs = Schema::parse_str(SCHEMA).unwrap();
    let writer = GenericDatumWriter::builder(&theirs).build().unwrap();
    let reader = GenericDatumReader::builder(&theirs).build().unwrap();
    let mut bytes = Vec::new();
    let mut group = criterion.benchmark_group("avro");
    group.bench_function("encode", |bencher| {
        bencher.iter(|| {
            bytes.clear();
            codec.encode(black_box(flight), &mut bytes).unwrap();
        });
    });
    let written = bytes.clone();
    group.bench_function("encode/apache-avro", |bencher| {
        bencher.iter(|| {
            bytes.clear();
            writer.write_ser(&mut bytes, black_box(flight)).unwrap();
        });
    });
    assert_eq!(written, bytes, "both write the same");
    group.bench_function("decode", |bencher| {
        bencher.iter(|| codec.decode(&own, black_box(&written)).unwrap());
    });
    group.bench_function("decode/apache-avro", |bencher| {
        bencher.iter(|| reader.read_deser::<Flight>(&mut black_box(written.as_slice())).unwrap());
    });
    group.finish();
}

/// The writer has a field more and one less, and the distance as a whole number.
fn older_schema(criterion: &mut Criterion<CpuTime>, flight: &Flight) {
    let older =
        SCHEMA.replace(r#""distance", "type": "double""#, r#""distance", "type": "int""#).replace(
            r#""tail", "type": ["null", "string"], "default": null"#,
            r#""gone", "type": "int""#,
        );
    let (older, schema) = (AvroSchema::parse(&older).unwrap(), AvroSchema::parse(SCHEMA).unwrap());
    let codec = AvroCodec::<Flight>::new(schema);
    let resolved = codec.resolve(&older).unwrap();
    let (writer, reader) =
        (Schema::parse_str(older.text()).unwrap(), Schema::parse_str(SCHEMA).unwrap());
    let resolving = GenericDatumReader::builder(&writer).reader_schema(&reader).build().unwrap();
    let written = older_bytes(&older, flight);
    let read = codec.decode(&resolved, &written).unwrap();
    assert_eq!(read, *flight, "what the writer lacks is the default");
    let mut group = criterion.benchmark_group("avro");
    group.bench_function("resolve", |bencher| {
        bencher.iter(|| codec.decode(&resolved, black_box(&written)).unwrap());
    });
    group.bench_function("resolve/apache-avro", |bencher| {
        bencher.iter(|| {
            let value = resolving.read_value(&mut black_box(written.as_slice())).unwrap();
            apache_avro::from_value::<Flight>(&value).unwrap()
        });
    });
    group.finish();
}

fn older_bytes(schema: &AvroSchema, flight: &Flight) -> Vec<u8> {
    #[derive(Serialize)]
    struct Older<'a> {
        carrier: &'a str,
        number: i32,
        origin: &'a str,
        destination: &'a str,
        departure: i64,
        departure_delay: Option<i32>,
        arrival_delay: Option<i32>,
        distance: i32,
        air_time: Option<f32>,
        cancelled: bool,
        date: i32,
        gone: i32,
    }
    let older = Older {
        carrier: &flight.carrier,
        number: flight.number,
        origin: &flight.origin,
        destination: &flight.destination,
        departure: flight.departure,
        departure_delay: flight.departure_delay,
        arrival_delay: flight.arrival_delay,
        distance: 1400,
        air_time: flight.air_time,
        cancelled: flight.cancelled,
        date: flight.date,
        gone: 1,
    };
    let mut bytes = Vec::new();
    AvroCodec::<Older<'_>>::new(schema.clone()).encode(&older, &mut bytes).unwrap();
    bytes
}
