//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Write a year of real flights to Kafka
///
/// Creates the topics flights.scheduled, flights.departed, flights.landed, airlines, airports, planes
/// and weather where they are missing. Reference tables are written first, then the flights, each topic
/// in order of time. Parts of the year can be fed one after the other with --from and --to.
#[derive(Debug, Parser)]
#[command(
    name = "feeder",
    after_help = "Other client settings come from environment variables: \
                  KAPPA_PRODUCER_LINGER_MS is producer.linger.ms, KAPPA_SECURITY_PROTOCOL is \
                  security.protocol, KAPPA_AUTO_REGISTER_SCHEMAS=true registers the schemas, \
                  KAPPA_LOG_FORMAT=json logs for machines, ..."
)]
pub(crate) struct Arguments {
    /// Brokers to ask first: host:port, several separated by commas [default: localhost:9092]
    #[arg(long, short, value_name = "HOST:PORT")]
    pub(crate) bootstrap_servers: Option<String>,

    /// Directory with flights.csv, airlines.csv, airports.csv, planes.csv and weather.csv, plain or
    /// compressed (.zst) [default: the data inside this program]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// First day, by scheduled departure, UTC
    #[arg(long, default_value = "2013-01-01", value_name = "DATE", value_parser = midnight)]
    pub(crate) from: Timestamp,

    /// Day after the last one
    #[arg(long, default_value = "2014-01-02", value_name = "DATE", value_parser = midnight)]
    pub(crate) to: Timestamp,

    /// How much faster than it really went, for instance 3600; or max
    #[arg(long, default_value = "max", value_name = "TIMES", value_parser = speed)]
    pub(crate) speed: Speed,

    /// Encoding of values: Avro, with the ids of the registry in SCHEMA_REGISTRY_URL; or JSON, without
    /// a registry
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,

    /// Write flights.departed in this version of its schema: the first as an older producer would
    #[arg(long, value_enum, default_value_t, value_name = "VERSION")]
    pub(crate) departures_version: DepartureVersion,

    /// Share of records that begin a trace, from 0 to 1; the collector is the one that
    /// OTEL_EXPORTER_OTLP_ENDPOINT names
    #[arg(long, value_name = "RATIO", value_parser = ratio)]
    pub(crate) trace_ratio: Option<f64>,
}

/// How values are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Avro,
    Json,
}

/// The released versions of `flights.departed-value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum DepartureVersion {
    #[value(name = "1")]
    First,
    #[default]
    #[value(name = "2")]
    Second,
}

/// How fast to feed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Speed {
    /// As fast as it goes.
    Max,
    /// This many times as fast as it went.
    Times(f64),
}

fn midnight(text: &str) -> Result<Timestamp, String> {
    let date: Date = text.parse().map_err(|cause| format!("expected YYYY-MM-DD: {cause}"))?;
    TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).map_err(|cause| cause.to_string())
}

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    match text.parse::<f64>() {
        Ok(times) if times.is_finite() && times > 0.0 => Ok(Speed::Times(times)),
        _ => Err("expected a number above 0, or max".to_owned()),
    }
}

fn ratio(text: &str) -> Result<f64, String> {
    let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_speeds_are_read_or_refused() {
        let parse = |arguments: &[&str]| {
            Arguments::try_parse_from(std::iter::once(&"feeder").chain(arguments))
        };
        let day = parse(&["--from", "2013-01-02", "--speed", "60"]).unwrap();
        assert_eq!(day.from.as_millisecond(), 1_357_084_800_000);
        assert_eq!(day.speed, Speed::Times(60.0));
        assert_eq!(parse(&[]).unwrap().speed, Speed::Max);
        assert_eq!(parse(&["--trace-ratio", "0.5"]).unwrap().trace_ratio, Some(0.5));
        let wrong = [["--from", "yesterday"], ["--speed", "0"], ["--speed", "fast"]];
        for wrong in wrong.into_iter().chain([["--trace-ratio", "2"]]) {
            assert!(parse(&wrong).is_err(), "{wrong:?}");
        }
    }
}
