//! What a metric is, apart from its name: kind of values, unit, level.

use std::fmt;

/// What kind of values a metric has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something that only grows while its source lives.
    Counter,
    /// What is so now.
    Gauge,
    /// Durations in buckets.
    Histogram,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        })
    }
}

/// What a metric's numbers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A state, or information: 1 where it holds.
    State,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// A part of one.
    Ratio,
    /// Records.
    Records,
    /// Records, as OpenTelemetry's conventions for messaging call them.
    Messages,
    /// Rows of a store.
    Rows,
    /// Tasks.
    Tasks,
    /// Threads.
    Threads,
    /// Anything else that is counted.
    Times,
}

impl Unit {
    /// Returns the unit as OpenTelemetry writes it (UCUM).
    #[must_use]
    pub fn ucum(self) -> &'static str {
        match self {
            Self::State | Self::Ratio => "1",
            Self::Seconds => "s",
            Self::Bytes => "By",
            Self::BytesPerSecond => "By/s",
            Self::Records => "{record}",
            Self::Messages => "{message}",
            Self::Rows => "{row}",
            Self::Tasks => "{task}",
            Self::Threads => "{thread}",
            Self::Times => "{time}",
        }
    }
}

/// Up to which level metrics are recorded (`metrics.recording.level`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// None are.
    Off,
    /// What dashboards and alerts need.
    #[default]
    Info,
    /// What costs a little: durations of each read below the caches.
    Debug,
    /// What is large.
    Trace,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        })
    }
}
