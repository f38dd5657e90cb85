//! Checks a folder of schemas before they are released; see `schema-gate --help`.

mod folder;
mod gate;
mod released;
mod schemas;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use self::gate::Report;

/// What went through: exit codes are part of the interface.
const PROBLEMS: u8 = 1;
const USAGE: u8 = 64;

/// Checks a folder of schemas: `<folder>/<subject>/<version>.avsc` (or `.json`, `.proto`).
///
/// Each version must be compatible with the earlier ones of its subject, by BACKWARD_TRANSITIVE or what
/// `<folder>/compatibility.json` says: {"default": "FULL", "subjects": {"flights-value": "BACKWARD"}}.
/// Versions begin at 1 and have no gaps. A version that is listed in `<folder>/released.json` must be as
/// it was when it was released.
///
/// What a schema takes from other subjects stands beside it, in `<version>.references.json`:
/// [{"name": "airport.proto", "subject": "airports-value", "version": 1}]. The name is that of a type in
/// Avro, of an imported file in Protobuf, and what stands before the # of a $ref in JSON.
///
/// Exits with 0 if all is well, 1 if there are problems, 64 if it cannot check.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// The folder of schemas
    #[arg(default_value = "schemas")]
    folder: PathBuf,

    /// List what is not yet released in released.json, if all is well
    #[arg(long)]
    release: bool,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // To the terminal: nobody is left to tell if that fails.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match run(&args) {
        Ok(report) if report.problems.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(PROBLEMS),
        Err(why) => {
            eprintln!("schema-gate: {why}");
            ExitCode::from(USAGE)
        }
    }
}

fn run(args: &Args) -> Result<Report, String> {
    let folder = folder::read(&args.folder)?;
    let mut released = released::Released::read(&args.folder)?;
    let report = gate::report(&folder, &released);
    if args.release && report.problems.is_empty() {
        released.add_all(&folder);
        released.write(&args.folder)?;
    }
    let text = if args.json {
        serde_json::to_string_pretty(&report).map_err(|error| error.to_string())? + "\n"
    } else {
        report.to_string()
    };
    let written = io::stdout().write_all(text.as_bytes());
    written.map_err(|error| format!("cannot print the report: {error}"))?;
    Ok(report)
}
