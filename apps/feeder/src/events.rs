//! What is written about a flight, by topic, and how it is encoded.

use kappa::schemas::Formats;
use kappa::serde::SerdeRef;
use kappa::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::arguments::DepartureVersion;
use crate::flights::{EventKind, Flight};

/// The value of `flights.scheduled`.
#[derive(Debug, Serialize, Deserialize)]
struct FlightScheduled {
    id: String,
    carrier: String,
    flight: i32,
    tailnum: Option<String>,
    origin: String,
    dest: String,
    distance: i64,
    scheduled_at: i64,
}

/// The value of `flights.departed`.
#[derive(Debug, Serialize, Deserialize)]
struct FlightDeparted {
    id: String,
    carrier: String,
    tailnum: Option<String>,
    origin: String,
    dest: String,
    scheduled_at: i64,
    departed_at: i64,
    delay_minutes: i64,
    flight: Option<i32>,
}

/// The value of `flights.departed` in its first version.
#[derive(Debug, Serialize, Deserialize)]
struct FirstDeparted {
    id: String,
    carrier: String,
    tailnum: Option<String>,
    origin: String,
    dest: String,
    scheduled_at: i64,
    departed_at: i64,
    dep_delay: i64,
}

/// The value of `flights.landed`.
#[derive(Debug, Serialize, Deserialize)]
struct FlightLanded {
    id: String,
    carrier: String,
    tailnum: Option<String>,
    origin: String,
    dest: String,
    departed_at: i64,
    landed_at: i64,
    air_time: i64,
    arr_delay: Option<i64>,
    distance: i64,
}

kappa::avro_records! {
    FlightScheduled => "../../../schemas/flights.scheduled-value/1.avsc",
    FirstDeparted => "../../../schemas/flights.departed-value/1.avsc",
    FlightDeparted => "../../../schemas/flights.departed-value/2.avsc",
    FlightLanded => "../../../schemas/flights.landed-value/1.avsc",
}

/// The encodings of all events.
#[derive(Debug)]
pub(crate) struct EventValues {
    scheduled: SerdeRef<FlightScheduled>,
    departed: Departed,
    landed: SerdeRef<FlightLanded>,
}

#[derive(Debug)]
enum Departed {
    First(SerdeRef<FirstDeparted>),
    Second(SerdeRef<FlightDeparted>),
}

impl EventValues {
    /// Makes ready to write events, departures in a version of their schema.
    pub(crate) fn prepare(formats: &Formats, departures: DepartureVersion) -> Result<Self> {
        let [scheduled, departed, landed] = EventKind::ALL.map(EventKind::topic);
        Ok(Self {
            scheduled: prepared(scheduled, formats.values())?,
            departed: match departures {
                DepartureVersion::First => Departed::First(prepared(departed, formats.values())?),
                DepartureVersion::Second => Departed::Second(prepared(departed, formats.values())?),
            },
            landed: prepared(landed, formats.values())?,
        })
    }

    /// Writes the value of an event that happened.
    pub(crate) fn write(&self, kind: EventKind, flight: &Flight, out: &mut Vec<u8>) -> Result<()> {
        let topic = kind.topic();
        match kind {
            EventKind::Scheduled => encode(topic, &self.scheduled, &scheduled(flight), out),
            EventKind::Departed => match &self.departed {
                Departed::First(serde) => encode(topic, serde, &first_departed(flight), out),
                Departed::Second(serde) => encode(topic, serde, &departed(flight), out),
            },
            EventKind::Landed => encode(topic, &self.landed, &landed(flight), out),
        }
    }
}

/// Makes a serde ready to write to a topic.
pub(crate) fn prepared<T>(topic: &str, serde: SerdeRef<T>) -> Result<SerdeRef<T>> {
    let ready = serde.prepare(topic);
    ready.map_err(|cause| unwritable(ErrorKind::Unavailable, topic, cause))?;
    Ok(serde)
}

/// Encodes a value for a topic.
pub(crate) fn encode<T>(
    topic: &str,
    serde: &SerdeRef<T>,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<()> {
    let written = serde.encode(topic, value, out);
    written.map_err(|cause| unwritable(ErrorKind::Serialization, topic, cause))
}

fn unwritable(kind: ErrorKind, topic: &str, cause: kappa::serde::SerdeError) -> Error {
    Error::new(kind, format!("cannot write to {topic}")).with_source(cause)
}

fn scheduled(flight: &Flight) -> FlightScheduled {
    let Flight { id, carrier, flight: number, tailnum, origin, dest, .. } = flight.clone();
    let Flight { distance, scheduled_at, .. } = *flight;
    FlightScheduled { id, carrier, flight: number, tailnum, origin, dest, distance, scheduled_at }
}

fn departed(flight: &Flight) -> FlightDeparted {
    let Flight { id, carrier, flight: number, tailnum, origin, dest, .. } = flight.clone();
    FlightDeparted {
        id,
        carrier,
        tailnum,
        origin,
        dest,
        scheduled_at: flight.scheduled_at,
        departed_at: flight.departed_at().unwrap_or_default(),
        delay_minutes: flight.dep_delay.unwrap_or_default(),
        flight: Some(number),
    }
}

fn first_departed(flight: &Flight) -> FirstDeparted {
    let FlightDeparted { id, carrier, tailnum, origin, dest, .. } = departed(flight);
    FirstDeparted {
        id,
        carrier,
        tailnum,
        origin,
        dest,
        scheduled_at: flight.scheduled_at,
        departed_at: flight.departed_at().unwrap_or_default(),
        dep_delay: flight.dep_delay.unwrap_or_default(),
    }
}

fn landed(flight: &Flight) -> FlightLanded {
    let Flight { id, carrier, tailnum, origin, dest, .. } = flight.clone();
    FlightLanded {
        id,
        carrier,
        tailnum,
        origin,
        dest,
        departed_at: flight.departed_at().unwrap_or_default(),
        landed_at: flight.landed_at().unwrap_or_default(),
        air_time: flight.air_time.unwrap_or_default(),
        arr_delay: flight.arr_delay,
        distance: flight.distance,
    }
}
