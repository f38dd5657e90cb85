//! Types to bytes and back.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::Criterion;
use kappa::serde::{Bytes, I64, Json, Serde, TimeWindowed, Utf8};
use kappa::time::Timestamp;
use kappa::{Window, Windowed};
use serde::{Deserialize, Serialize};

use crate::cpu_time::CpuTime;

const TOPIC: &str = "topic";
const HOUR_MS: i64 = 3_600_000;
const HOUR: Duration = Duration::from_hours(1);

/// As wide as the records of a service are.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Flight {
    carrier: String,
    number: u32,
    origin: String,
    destination: String,
    departure_ms: i64,
    delay_minutes: Option<i32>,
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
    round_trip(criterion, "json", &Json, &flight);
    round_trip(criterion, "i64", &I64, &42);
    round_trip(criterion, "utf8", &Utf8, &"key-00000042".to_owned());
    round_trip(criterion, "bytes", &Bytes, &vec![b'x'; 88]);
    let start = Timestamp::from_millis(flight.departure_ms);
    let window = Window { start, end: Timestamp::from_millis(start.as_millis() + HOUR_MS) };
    let windowed = Windowed { key: "EWR".to_owned(), window };
    round_trip(criterion, "windowed-key", &TimeWindowed::new(Arc::new(Utf8), HOUR), &windowed);
}

fn round_trip<T>(criterion: &mut Criterion<CpuTime>, name: &str, serde: &impl Serde<T>, value: &T) {
    let mut group = criterion.benchmark_group(format!("serde/{name}"));
    let mut bytes = Vec::new();
    group.bench_function("encode", |bencher| {
        bencher.iter(|| {
            bytes.clear();
            serde.encode(TOPIC, black_box(value), &mut bytes).unwrap();
        });
    });
    bytes.clear();
    serde.encode(TOPIC, value, &mut bytes).unwrap();
    group.bench_function("decode", |bencher| {
        bencher.iter(|| serde.decode(TOPIC, black_box(&bytes)).unwrap());
    });
    group.finish();
}
