//! All events in the order they happened.

use std::path::Path;

use kappa::Result;

use crate::dataset;
use crate::flights::{EventKind, Flight, FlightRow};

/// The flights of a span of time, and their events by time.
#[derive(Debug)]
pub(crate) struct Timeline {
    flights: Vec<Flight>,
    /// Time, kind and flight, in order of time; within a topic, of id.
    events: Vec<(i64, EventKind, u32)>,
}

impl Timeline {
    /// Reads the flights scheduled within a span of time.
    pub(crate) fn read(data: Option<&Path>, (from_ms, to_ms): (i64, i64)) -> Result<Self> {
        let mut flights = Vec::new();
        dataset::rows(data, "flights", |row: FlightRow| {
            let flight = Flight::of(row)?;
            if (from_ms..to_ms).contains(&flight.scheduled_at) {
                flights.push(flight);
            }
            Ok(())
        })?;
        // Once by id, so that a stable order by time is one by time, then id.
        flights.sort_by(|a, b| a.id.cmp(&b.id));
        let mut events = Vec::with_capacity(flights.len() * EventKind::ALL.len());
        for (index, flight) in (0..).zip(&flights) {
            for kind in EventKind::ALL {
                if let Some(at) = kind.happened_at(flight) {
                    events.push((at, kind, index));
                }
            }
        }
        events.sort_unstable();
        Ok(Self { flights, events })
    }

    /// Returns the number of events.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// Visits the events in the order they happened: time, kind and flight.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, EventKind, &Flight)> {
        self.events.iter().filter_map(|&(at, kind, index)| {
            Some((at, kind, self.flights.get(usize::try_from(index).ok()?)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_in_order_of_time_then_id() {
        let day = 86_400_000;
        let from = 1_356_998_400_000;
        let timeline = Timeline::read(None, (from, from + 2 * day)).unwrap();
        for wanted in EventKind::ALL {
            let events = timeline.iter().filter(|(_, kind, _)| *kind == wanted);
            let order: Vec<_> = events.map(|(at, _, flight)| (at, flight.id.clone())).collect();
            assert!(order.len() > 1_500, "{wanted:?}: {}", order.len());
            assert!(order.is_sorted(), "{wanted:?}");
        }
    }
}
