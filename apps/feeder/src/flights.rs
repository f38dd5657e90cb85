//! A row of the flights table, and the events it becomes.

use jiff::Timestamp;
use kappa::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// A row, as far as events need it.
#[derive(Debug, Deserialize)]
pub(crate) struct FlightRow {
    dep_delay: Option<i64>,
    arr_delay: Option<i64>,
    carrier: String,
    flight: u32,
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
    carrier: String,
    flight: u32,
    tailnum: Option<String>,
    origin: String,
    dest: String,
    distance: i64,
    pub(crate) scheduled_at: i64,
    dep_delay: Option<i64>,
    air_time: Option<i64>,
    arr_delay: Option<i64>,
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

/// The value of `flights.scheduled`.
#[derive(Debug, Serialize)]
struct Scheduled<'a> {
    id: &'a str,
    carrier: &'a str,
    flight: u32,
    tailnum: Option<&'a str>,
    origin: &'a str,
    dest: &'a str,
    distance: i64,
    scheduled_at: i64,
}

/// The value of `flights.departed`.
#[derive(Debug, Serialize)]
struct Departed<'a> {
    id: &'a str,
    carrier: &'a str,
    tailnum: Option<&'a str>,
    origin: &'a str,
    dest: &'a str,
    scheduled_at: i64,
    departed_at: Option<i64>,
    dep_delay: Option<i64>,
}

/// The value of `flights.landed`.
#[derive(Debug, Serialize)]
struct Landed<'a> {
    id: &'a str,
    carrier: &'a str,
    tailnum: Option<&'a str>,
    origin: &'a str,
    dest: &'a str,
    departed_at: Option<i64>,
    landed_at: Option<i64>,
    air_time: Option<i64>,
    arr_delay: Option<i64>,
    distance: i64,
}

/// Writes an event's value as JSON.
pub(crate) fn write_value(kind: EventKind, flight: &Flight, out: &mut Vec<u8>) -> Result<()> {
    let Flight { id, carrier, origin, dest, scheduled_at, distance, .. } = flight;
    let (tailnum, scheduled_at, distance) = (flight.tailnum.as_deref(), *scheduled_at, *distance);
    let written = match kind {
        EventKind::Scheduled => {
            let number = flight.flight;
            let flight = number;
            let value =
                Scheduled { id, carrier, flight, tailnum, origin, dest, distance, scheduled_at };
            serde_json::to_writer(out, &value)
        }
        EventKind::Departed => {
            let (departed_at, dep_delay) = (flight.departed_at(), flight.dep_delay);
            let value = Departed {
                id,
                carrier,
                tailnum,
                origin,
                dest,
                scheduled_at,
                departed_at,
                dep_delay,
            };
            serde_json::to_writer(out, &value)
        }
        EventKind::Landed => {
            let value = Landed {
                id,
                carrier,
                tailnum,
                origin,
                dest,
                departed_at: flight.departed_at(),
                landed_at: flight.landed_at(),
                air_time: flight.air_time,
                arr_delay: flight.arr_delay,
                distance,
            };
            serde_json::to_writer(out, &value)
        }
    };
    written.map_err(|cause| {
        Error::new(ErrorKind::Serialization, "cannot write an event").with_source(cause)
    })
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

    #[test]
    fn values_have_the_fields_of_their_topic() {
        let mut out = Vec::new();
        write_value(EventKind::Departed, &flight(Some(2), None), &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"id":"2013010110-UA1545-EWR","carrier":"UA","tailnum":null,"origin":"EWR","#
                .to_owned()
                + r#""dest":"IAH","scheduled_at":1357035300000,"departed_at":1357035420000,"#
                + r#""dep_delay":2}"#
        );
    }
}
