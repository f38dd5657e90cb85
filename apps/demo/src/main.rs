//! What `make demo` runs: a broker, a year of real flights, two services live, the rerun of each from
//! offset zero, and one verdict.
//!
//! It does nothing that a user could not type: but for a small schema registry, which is in this process
//! where none is named, it starts the programs built beside it and reads what they print.

mod cluster;
mod programs;
mod registry;
mod steps;
mod table;

use std::process::ExitCode;

use clap::Parser;
use kappa::cli::{exit, heed_signals};
use kappa::runtime::Stop;

/// Run the flight services live, run them again from offset zero, and compare
#[derive(Debug, Parser)]
#[command(name = "demo")]
struct Arguments {
    /// A Kafka to run on, as host:port [default: the embedded broker, in a process of its own]
    #[arg(long, value_name = "HOST:PORT")]
    kafka: Option<String>,

    /// A schema registry, as http://host:port [default: an embedded one]
    #[arg(long, value_name = "URL")]
    registry: Option<String>,

    /// Delete the demo's topics and groups there first
    #[arg(long, requires = "kafka")]
    fresh: bool,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::usage(&error),
    };
    let stop = Stop::new();
    let kafka = (arguments.kafka.as_deref(), arguments.fresh);
    let ran =
        heed_signals(&stop).and_then(|()| steps::run(kafka, arguments.registry.as_deref(), &stop));
    match ran {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(exit::DIFFERENT),
        Err(error) => exit::failed(&error),
    }
}
