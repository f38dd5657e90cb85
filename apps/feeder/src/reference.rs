//! The reference tables: airlines, airports, planes and weather.

use std::path::Path;

use jiff::Timestamp;
use kappa::schemas::{AvroRecord, Formats};
use kappa::serde::SerdeRef;
use kappa::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::dataset;
use crate::events::{encode, prepared};

/// A row of a reference table as a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReferenceRecord {
    pub(crate) topic: &'static str,
    pub(crate) key: String,
    pub(crate) value: Vec<u8>,
    pub(crate) timestamp_ms: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Airline {
    carrier: String,
    name: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Airport {
    faa: String,
    name: String,
    lat: f64,
    lon: f64,
    alt: i64,
    tz: Option<i64>,
    dst: Option<String>,
    tzone: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Plane {
    tailnum: String,
    year: Option<i64>,
    r#type: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
    engines: Option<i64>,
    seats: Option<i64>,
    speed: Option<i64>,
    engine: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Weather {
    origin: String,
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    temp: Option<f64>,
    dewp: Option<f64>,
    humid: Option<f64>,
    wind_dir: Option<f64>,
    wind_speed: Option<f64>,
    wind_gust: Option<f64>,
    precip: Option<f64>,
    pressure: Option<f64>,
    visib: Option<f64>,
    time_hour: String,
    #[serde(default)]
    observed_at: i64,
}

kappa::avro_records! {
    Airline => "../../../schemas/airlines-value/1.avsc",
    Airport => "../../../schemas/airports-value/1.avsc",
    Plane => "../../../schemas/planes-value/1.avsc",
    Weather => "../../../schemas/weather-value/1.avsc",
}

/// 2013-01-01T00:00:00Z: from when on the tables without times of their own hold.
const BEGINNING_MS: i64 = 1_356_998_400_000;

/// Returns all rows of airlines, airports and planes.
pub(crate) fn tables(formats: &Formats, data: Option<&Path>) -> Result<Vec<ReferenceRecord>> {
    let mut records = Vec::new();
    let airlines = Table::<Airline>::prepare(formats, "airlines")?;
    dataset::rows(data, "airlines", |row: Airline| {
        records.push(airlines.record(&row.carrier, &row, BEGINNING_MS)?);
        Ok(())
    })?;
    let airports = Table::<Airport>::prepare(formats, "airports")?;
    dataset::rows(data, "airports", |row: Airport| {
        records.push(airports.record(&row.faa, &row, BEGINNING_MS)?);
        Ok(())
    })?;
    let planes = Table::<Plane>::prepare(formats, "planes")?;
    dataset::rows(data, "planes", |row: Plane| {
        records.push(planes.record(&row.tailnum, &row, BEGINNING_MS)?);
        Ok(())
    })?;
    Ok(records)
}

/// Returns the weather observed within a span of time, in order of time, then airport.
pub(crate) fn weather(
    formats: &Formats,
    data: Option<&Path>,
    (from_ms, to_ms): (i64, i64),
) -> Result<Vec<ReferenceRecord>> {
    let mut records = Vec::new();
    let table = Table::<Weather>::prepare(formats, "weather")?;
    dataset::rows(data, "weather", |mut row: Weather| {
        let observed: Timestamp = row.time_hour.parse().map_err(|cause: jiff::Error| {
            let message = format!("`{}` in column time_hour is no time", row.time_hour);
            Error::new(ErrorKind::Config, message).with_source(cause)
        })?;
        row.observed_at = observed.as_millisecond();
        if (from_ms..to_ms).contains(&row.observed_at) {
            records.push(table.record(&row.origin, &row, row.observed_at)?);
        }
        Ok(())
    })?;
    records.sort_by(|a, b| (a.timestamp_ms, &a.key).cmp(&(b.timestamp_ms, &b.key)));
    Ok(records)
}

/// A table's topic, and the encoding of its rows.
struct Table<T> {
    topic: &'static str,
    values: SerdeRef<T>,
}

impl<T: AvroRecord> Table<T> {
    fn prepare(formats: &Formats, topic: &'static str) -> Result<Self> {
        Ok(Self { topic, values: prepared(topic, formats.values())? })
    }

    fn record(&self, key: &str, row: &T, timestamp_ms: i64) -> Result<ReferenceRecord> {
        let mut value = Vec::new();
        encode(self.topic, &self.values, row, &mut value)?;
        Ok(ReferenceRecord { topic: self.topic, key: key.to_owned(), value, timestamp_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_tables_can_be_read_and_missing_values_are_null() {
        let records = tables(&Formats::json(), None).unwrap();
        let of = |topic| records.iter().filter(|record| record.topic == topic).count();
        assert_eq!((of("airlines"), of("airports"), of("planes")), (16, 1458, 3322));
        let plane = records.iter().find(|record| record.key == "N10156").unwrap();
        let value: serde_json::Value = serde_json::from_slice(&plane.value).unwrap();
        assert_eq!((value["year"].as_i64(), value["speed"].is_null()), (Some(2004), true));
        assert_eq!(value["type"], "Fixed wing multi engine");
    }

    #[test]
    fn weather_is_in_order_of_time_and_within_its_span() {
        let day = 86_400_000;
        let span = (BEGINNING_MS + day, BEGINNING_MS + 2 * day);
        let records = weather(&Formats::json(), None, span).unwrap();
        assert!(!records.is_empty());
        assert!(records.is_sorted_by_key(|record| record.timestamp_ms));
        assert!(records.iter().all(|record| (span.0..span.1).contains(&record.timestamp_ms)));
    }
}
