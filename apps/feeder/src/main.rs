//! Writes the flights that left New York in 2013, and what belongs to them, to Kafka.
//!
//! Each topic is written in order of time, then id, by the Java client's partitioner; reference tables
//! come first. `--speed 1` takes a year; the default goes as fast as it can.

mod arguments;
mod dataset;
mod events;
mod feed;
mod flights;
mod pace;
mod reference;
mod timeline;
mod topics;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return kappa::cli::exit::usage(&error),
    };
    match feed::run(&arguments) {
        Ok(summary) => {
            let _ = writeln!(std::io::stdout(), "{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => kappa::cli::exit::failed(&error),
    }
}
