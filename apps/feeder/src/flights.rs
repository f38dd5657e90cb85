//! A row of the flights table, and the events it becomes.

use jiff::Timestamp;
use kappa::{Error, ErrorKind, Result};
use serde::Deserialize;

/// A row, as far as events need it.
#[derive(Debug, Deserialize)]
pub(crate) struct FlightRow {
    dep_delay: Option<i64>,
    arr_delay: Option<i64>,
    carrier: String,
    flight: i32,
    tailnum: Option<String>,
    origin: String,
    dest: String,
    air_time: Option<i64>,
    distance: i64,
    minute: i64,
    time_hour: String,
}

/// A flight: what was planned and what became of it. Times are in milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flight {
    pub(crate) id: String,
    pub(crate) carrier: String,
    pub(crate) flight: i32,
    pub(crate) tailnum: Option<String>,
    pub(crate) origin: String,
    pub(crate) dest: String,
    pub(crate) distance: i64,
    pub(crate) scheduled_at: i64,
    pub(crate) dep_delay: Option<i64>,
    pub(crate) air_time: Option<i64>,
    pub(crate) arr_delay: Option<i64>,
}

const MINUTE_MS: i64 = 60_000;

impl Flight {
    /// Reads a row.
    pub(crate) fn of(row: FlightRow) -> Result<Self> {
        let hour: Timestamp = row.time_hour.parse().map_err(|cause: jiff::Error| {
            let message = format!("`{}` in column time_hour is no time", row.time_hour);
            Error::new(ErrorKind::Config, message).with_source(cause)
        })?;
        let (carrier, flight, origin) = (row.carrier, row.flight, row.origin);
        Ok(Self {
            id: format!("{}-{carrier}{flight}-{origin}", hour.strftime("%Y%m%d%H")),
            carrier,
            flight,
            tailnum: row.tailnum,
            origin,
            dest: row.dest,
            distance: row.distance,
            scheduled_at: hour.as_millisecond() + row.minute * MINUTE_MS,
            dep_delay: row.dep_delay,
            air_time: row.air_time,
            arr_delay: row.arr_delay,
        })
    }

    /// Returns when it left, if it did.
    pub(crate) fn departed_at(&self) -> Option<i64> {
        Some(self.scheduled_at + self.dep_delay? * MINUTE_MS)
    }

    /// Returns when it landed, if that is known.
    pub(crate) fn landed_at(&self) -> Option<i64> {
        Some(self.departed_at()? + self.air_time? * MINUTE_MS)
    }
}

/// What happened to a flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EventKind {
    Scheduled,
    Departed,
    Landed,
}

impl EventKind {
    pub(crate) const ALL: [Self; 3] = [Self::Scheduled, Self::Departed, Self::Landed];

    /// Returns the topic of such events.
    pub(crate) fn topic(self) -> &'static str {
        match self {
            Self::Scheduled => "flights.scheduled",
            Self::Departed => "flights.departed",
            Self::Landed => "flights.landed",
        }
    }

    /// Returns when it happened to a flight, if it did.
    pub(crate) fn happened_at(self, flight: &Flight) -> Option<i64> {
        match self {
            Self::Scheduled => Some(flight.scheduled_at),
            Self::Departed => flight.departed_at(),
            Self::Landed => flight.landed_at(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight(dep_delay: Option<i64>, air_time: Option<i64>) -> Flight {
        Flight::of(FlightRow {
            dep_delay,
            arr_delay: None,
            carrier: "UA".to_owned(),
            flight: 1545,
            tailnum: None,
            origin: "EWR".to_owned(),
            dest: "IAH".to_owned(),
            air_time,
            distance: 1400,
            minute: 15,
            time_hour: "2013-01-01T10:00:00Z".to_owned(),
        })
        .unwrap()
    }

    #[test]
    fn a_row_becomes_up_to_three_events() {
        let flown = flight(Some(2), Some(227));
        assert_eq!(flown.id, "2013010110-UA1545-EWR");
        assert_eq!(flown.scheduled_at, 1_357_035_300_000);
        assert_eq!(flown.departed_at(), Some(1_357_035_420_000));
        assert_eq!(flown.landed_at(), Some(1_357_035_420_000 + 227 * MINUTE_MS));
        assert_eq!(flight(None, None).departed_at(), None);
        assert_eq!(flight(Some(-3), None).landed_at(), None);
    }
}
