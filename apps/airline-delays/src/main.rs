//! The service `airline-delays`; see the library for what it does.

use std::process::ExitCode;

use kappa::cli::App;

fn main() -> ExitCode {
    App::with_formats("airline-delays", airline_delays::topology)
        .about("Totals of departures and delays per airline, live or again from offset zero")
        .default_setting("commit.interval.ms", "1000")
        // Partitions stay within a quarter of a day of one another: see `airport-hours` for why.
        .default_setting("max.partition.skew.ms", "21600000")
        .main()
}
