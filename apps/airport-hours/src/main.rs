//! The service `airport-hours`; see the library for what it does.

use std::process::ExitCode;

use kappa::cli::App;

fn main() -> ExitCode {
    App::with_formats("airport-hours", airport_hours::topology)
        .about("Departures and delays per airport and hour, live or again from offset zero")
        .default_setting("commit.interval.ms", "1000")
        // A catch-up reads days of one partition at once; regrouped, they would make the others' records
        // late. A quarter of a day is well within the day of grace.
        .default_setting("max.partition.skew.ms", "21600000")
        // Kafka measures the age of windows by its own clock, and these flights left years ago: their
        // changelog is kept for a hundred years, or open windows could not be restored.
        .default_setting("windowstore.changelog.additional.retention.ms", "3153600000000")
        .main()
}
