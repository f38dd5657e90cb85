//! Departures and delays per airport and hour.
//!
//! Departures are regrouped by the airport they left from and counted in windows of one hour, by the
//! time of the departure. A window takes late records for a day; its row is published with every
//! update.

use std::time::Duration;

use kappa::prelude::*;
use kappa::schemas::Formats;
use serde::{Deserialize, Serialize};

/// What this service needs of a departure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Departure {
    /// The airport it left from.
    pub origin: String,
    /// Minutes of delay; negative where the flight left early. Called `dep_delay` in the first version.
    #[serde(alias = "dep_delay")]
    pub delay_minutes: i64,
}

/// What is counted of a departure, on its way to its airport's task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginDeparture {
    /// The airport it left from.
    pub origin: String,
    /// Minutes of delay.
    pub delay_minutes: i64,
}

/// What is counted in a window.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourTotals {
    /// Departures in this hour.
    pub departures: u64,
    /// The sum of their delays; early departures count negative.
    pub total_delay_minutes: i64,
    /// The largest delay.
    pub max_delay_minutes: i64,
}

/// An airport's hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AirportHour {
    /// The airport.
    pub origin: String,
    /// The first moment of the hour, in milliseconds since the epoch.
    pub window_start: i64,
    /// Departures in this hour.
    pub departures: u64,
    /// The sum of their delays.
    pub total_delay_minutes: i64,
    /// The largest delay.
    pub max_delay_minutes: i64,
}

kappa::avro_records! {
    OriginDeparture => "../../../schemas/airport-hours-hours-repartition-value/1.avsc",
    HourTotals => "../../../schemas/airport-hours-hours-changelog-value/1.avsc",
    AirportHour => "../../../schemas/airport-hours-value/1.avsc";
    reads Departure => "../../../schemas/flights.departed-value/2.avsc",
}

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

impl HourTotals {
    /// Counts a departure.
    #[must_use]
    pub fn count(self, departure: &OriginDeparture) -> Self {
        let delay = departure.delay_minutes;
        let first = self.departures == 0;
        Self {
            departures: self.departures + 1,
            total_delay_minutes: self.total_delay_minutes + delay,
            max_delay_minutes: if first { delay } else { self.max_delay_minutes.max(delay) },
        }
    }
}

/// Departures by flight id.
#[must_use]
pub fn departures(formats: &Formats) -> Topic<String, Departure> {
    Topic::new("flights.departed", Utf8, formats.values())
}

/// Hours by `<origin>@<window start>`; created where it is missing.
///
/// Records have the time of the departures, years ago: a topic that deletes by age would be empty.
#[must_use]
pub fn hours(formats: &Formats) -> Topic<String, Option<AirportHour>> {
    let hours = Nullable::shared(formats.values());
    Topic::new("airport-hours", Utf8, hours).create(4).setting("retention.ms", "-1")
}

/// Builds the topology.
///
/// # Errors
///
/// Where it is declared wrongly; see the tests.
pub fn topology(formats: &Formats) -> kappa::Result<Topology> {
    let builder = StreamsBuilder::new();
    let by_origin = Grouped::with(Utf8, formats.values());
    let totals = Materialized::with(Utf8, formats.values()).r#as("hours");
    builder
        .stream(&departures(formats))
        .map_values(|Departure { origin, delay_minutes }| OriginDeparture { origin, delay_minutes })
        .group_by_with(|_, departure| departure.origin.clone(), by_origin)
        .windowed_by(TimeWindows::tumbling(HOUR).grace(DAY))
        .aggregate(HourTotals::default, |_, departure, hour| hour.count(&departure), totals)
        .to_stream()
        .map(|Windowed { key: origin, window }, totals| {
            let window_start = window.start.as_millis();
            let key = format!("{origin}@{window_start}");
            let hour = totals.map(|totals| AirportHour {
                origin,
                window_start,
                departures: totals.departures,
                total_delay_minutes: totals.total_delay_minutes,
                max_delay_minutes: totals.max_delay_minutes,
            });
            (key, hour)
        })
        .to(&hours(formats));
    builder.build()
}

#[cfg(test)]
mod tests {
    use kappa::schemas::Registry;
    use kappa::testing::{TopologyTestDriver, unreleased_schemas};

    use super::*;

    const HOUR_MS: i64 = 3_600_000;
    const DAY_MS: i64 = 24 * HOUR_MS;

    fn departure(origin: &str, delay_minutes: i64) -> Departure {
        Departure { origin: origin.to_owned(), delay_minutes }
    }

    #[test]
    fn an_hour_takes_late_departures_for_a_day_and_no_longer() {
        let formats = Formats::json();
        let driver = TopologyTestDriver::new(&topology(&formats).unwrap()).unwrap();
        let flights = driver.input(&departures(&formats));
        flights.pipe_at("f1".to_owned(), departure("JFK", -3), 10);
        flights.pipe_at("f2".to_owned(), departure("JFK", 7), HOUR_MS - 1);
        flights.pipe_at("f3".to_owned(), departure("JFK", 0), HOUR_MS);
        // Stream time is one millisecond short of the end of the first hour and a day.
        flights.pipe_at("f4".to_owned(), departure("JFK", 1), HOUR_MS + DAY_MS - 1);
        flights.pipe_at("late".to_owned(), departure("JFK", 100), 5);
        flights.pipe_at("f5".to_owned(), departure("JFK", 1), HOUR_MS + DAY_MS);
        flights.pipe_at("too late".to_owned(), departure("JFK", 900), 5);

        let hours = driver.output(&hours(&formats)).read_map();
        let first = hours["JFK@0"].clone().unwrap();
        assert_eq!((first.departures, first.total_delay_minutes), (3, 104));
        assert_eq!(first.max_delay_minutes, 100);
        assert_eq!(hours[&format!("JFK@{HOUR_MS}")].clone().unwrap().departures, 1);
        assert_eq!(driver.dropped_records().total(), 1);
    }

    #[test]
    fn airports_are_counted_apart() {
        let formats = Formats::json();
        let driver = TopologyTestDriver::new(&topology(&formats).unwrap()).unwrap();
        let flights = driver.input(&departures(&formats));
        flights.pipe_at("f1".to_owned(), departure("EWR", 1), 0);
        flights.pipe_at("f2".to_owned(), departure("LGA", 2), 0);
        assert_eq!(driver.output(&hours(&formats)).read_map().len(), 2);
    }

    #[test]
    fn every_schema_is_one_that_was_released() {
        let topology = topology(&Formats::avro(Registry::in_memory())).unwrap();
        let unreleased = unreleased_schemas(&topology, "airport-hours", "../../schemas");
        assert_eq!(unreleased, Vec::<String>::new());
    }
}
