//! Totals of departures and delays per airline.
//!
//! Each departure is joined with its airline's name, regrouped by airline and added to the airline's
//! totals. A departure of an airline that has no name (yet) counts all the same; the name is what was
//! last known of it.

use kappa::prelude::*;
use kappa::schemas::Formats;
use serde::{Deserialize, Serialize};

/// What this service needs of a departure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Departure {
    /// Two-character code of the airline.
    pub carrier: String,
    /// Minutes of delay; negative where the flight left early. Called `dep_delay` in the first version.
    #[serde(alias = "dep_delay")]
    pub delay_minutes: i64,
}

/// An airline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Airline {
    /// Its name.
    pub name: String,
}

/// A departure with the name of its airline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedDeparture {
    /// Two-character code of the airline.
    pub carrier: String,
    /// The airline's name, if it is known.
    pub airline: Option<String>,
    /// Minutes of delay.
    pub delay_minutes: i64,
}

/// An airline's totals.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AirlineDelays {
    /// The airline's name, as last known.
    pub airline: Option<String>,
    /// Departures so far.
    pub departures: u64,
    /// Departures that were late by [`LATE_MINUTES`] or more.
    pub delayed: u64,
    /// The sum of all delays; early departures count negative.
    pub total_delay_minutes: i64,
    /// The largest delay.
    pub max_delay_minutes: i64,
}

kappa::avro_records! {
    NamedDeparture => "../../../schemas/airline-delays-totals-repartition-value/1.avsc",
    AirlineDelays => "../../../schemas/airline-delays-value/1.avsc";
    reads Departure => "../../../schemas/flights.departed-value/2.avsc",
    Airline => "../../../schemas/airlines-value/1.avsc",
}

/// From this delay on, a departure counts as delayed: the aviation authority's rule.
pub const LATE_MINUTES: i64 = 15;

impl AirlineDelays {
    /// Counts a departure.
    #[must_use]
    pub fn count(self, departure: NamedDeparture) -> Self {
        let delay = departure.delay_minutes;
        let first = self.departures == 0;
        Self {
            airline: departure.airline.or(self.airline),
            departures: self.departures + 1,
            delayed: self.delayed + u64::from(delay >= LATE_MINUTES),
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

/// Airlines by code.
#[must_use]
pub fn airlines(formats: &Formats) -> Topic<String, Airline> {
    Topic::new("airlines", Utf8, formats.values())
}

/// Totals by airline code; created where it is missing.
#[must_use]
pub fn delays(formats: &Formats) -> Topic<String, Option<AirlineDelays>> {
    let totals = Nullable::shared(formats.values());
    Topic::new("airline-delays", Utf8, totals).create(4).setting("cleanup.policy", "compact")
}

/// Builds the topology.
///
/// # Errors
///
/// Where it is declared wrongly; see the tests.
pub fn topology(formats: &Formats) -> kappa::Result<Topology> {
    let builder = StreamsBuilder::new();
    let names = builder.global_table(&airlines(formats), "airlines");
    let by_carrier = Grouped::with(Utf8, formats.values());
    let totals = Materialized::with(Utf8, formats.values()).r#as("totals");
    builder
        .stream(&departures(formats))
        .on(|_, departure| departure.carrier.clone())
        .left_join(&names, |Departure { carrier, delay_minutes }, airline| NamedDeparture {
            carrier,
            airline: airline.map(|airline| airline.name.clone()),
            delay_minutes,
        })
        .group_by_with(|_, departure| departure.carrier.clone(), by_carrier)
        .aggregate(AirlineDelays::default, |_, departure, totals| totals.count(departure), totals)
        .to_stream()
        .to(&delays(formats));
    builder.build()
}

#[cfg(test)]
mod tests {
    use kappa::schemas::Registry;
    use kappa::testing::{TopologyTestDriver, unreleased_schemas};

    use super::*;

    fn departure(carrier: &str, delay_minutes: i64) -> Departure {
        Departure { carrier: carrier.to_owned(), delay_minutes }
    }

    #[test]
    fn totals_follow_each_departure_and_the_name_comes_when_it_is_known() {
        let formats = Formats::json();
        let driver = TopologyTestDriver::new(&topology(&formats).unwrap()).unwrap();
        let flights = driver.input(&departures(&formats));
        let names = driver.input(&airlines(&formats));
        flights.pipe_at("f1".to_owned(), departure("AA", -5), 1_000);
        names.pipe_at("AA".to_owned(), Airline { name: "American".to_owned() }, 0);
        flights.pipe_at("f2".to_owned(), departure("AA", 15), 2_000);
        flights.pipe_at("f3".to_owned(), departure("UA", 14), 3_000);

        let results = driver.output(&delays(&formats)).read_key_values();
        let shown: Vec<_> = results
            .into_iter()
            .map(|(carrier, totals)| {
                let totals = totals.unwrap();
                let AirlineDelays { airline, departures, delayed, .. } = &totals;
                let (sum, max) = (totals.total_delay_minutes, totals.max_delay_minutes);
                format!("{carrier} {airline:?} {departures} {delayed} {sum} {max}")
            })
            .collect();
        assert_eq!(
            shown,
            ["AA None 1 0 -5 -5", "AA Some(\"American\") 2 1 10 15", "UA None 1 0 14 14"]
        );
    }

    #[test]
    fn the_repartition_and_changelog_topics_are_named_after_the_store() {
        let text = topology(&Formats::json()).unwrap().describe();
        assert!(text.contains("(topic: totals-repartition)"), "{text}");
        assert!(text.contains("(stores: [totals])"), "{text}");
    }

    #[test]
    fn every_schema_is_one_that_was_released() {
        let topology = topology(&Formats::avro(Registry::in_memory())).unwrap();
        let unreleased = unreleased_schemas(&topology, "airline-delays", "../../schemas");
        assert_eq!(unreleased, Vec::<String>::new());
    }
}
