//! The commands.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::App;
use super::arguments::Arguments;
use super::formats::FormatArgument;
use super::output::{print, print_json};
use super::platform::compare_with_limit;
use super::progress::{Progress, per_second};
use super::surface::Shown;
use super::{configuration, exit, heed_signals};
use crate::config::Settings;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::replay::{Replay, ReplayMonitor, ReplayReport};
use crate::runtime::verify::{Verdict, Verify};
use crate::runtime::{KafkaStreams, Stop};
use crate::telemetry::Telemetry;
use crate::topology::TopicNames;

/// What a run that ended by itself did.
#[derive(Debug, Serialize)]
struct RunReport {
    application: &'static str,
    processed_records: u64,
    restored_records: u64,
    dropped_records: u64,
    elapsed_seconds: f64,
    records_per_second: f64,
}

/// Runs live.
pub(super) fn run(
    app: &App,
    arguments: &Arguments,
    format: FormatArgument,
    until_caught_up: bool,
) -> Result<ExitCode> {
    let settings = configuration::settings(app, arguments)?;
    compare_with_limit(&settings);
    // Dropped after the client has ended: so the last push has all of it.
    let mut telemetry = Telemetry::start(&settings)?;
    let tracing = telemetry.trace(&settings)?;
    let topology = app.declaration.topology(&settings, format)?;
    let shown = Shown::new(&topology, &settings, TopicNames::live(&settings.application_id))?;
    let streams = Arc::new(KafkaStreams::new(topology, settings).traced(tracing));
    telemetry.push(&streams.metrics())?;
    let stop = streams.stop_handle();
    heed_signals(&stop)?;
    // It answers while the client starts, and until it has ended.
    let _http = shown.serve_client(&streams)?;
    streams.start().or_else(|error| ignore_stop(error, &stop))?;
    if !until_caught_up || stop.is_asked() {
        streams.wait()?;
        let done =
            if until_caught_up { ExitCode::from(exit::INTERRUPTED) } else { ExitCode::SUCCESS };
        return Ok(done);
    }
    let mut progress = Progress::start(app.name, None);
    let caught_up = streams.wait_until_caught_up(|done| progress.update(done.processed, None));
    let elapsed = progress.finish();
    let closed = streams.close();
    if stop_was_signalled(&caught_up) {
        closed?;
        return Ok(ExitCode::from(exit::INTERRUPTED));
    }
    // What ended the threads says more than that they ended.
    closed.and(caught_up)?;
    let done = streams.progress();
    let report = RunReport {
        application: app.name,
        processed_records: done.processed,
        restored_records: done.restored,
        dropped_records: done.dropped.total(),
        elapsed_seconds: elapsed.as_secs_f64(),
        records_per_second: per_second(done.processed, elapsed),
    };
    if arguments.json {
        return print_json(&report);
    }
    let RunReport { processed_records, elapsed_seconds, records_per_second, .. } = &report;
    print(format!(
        "{} has caught up: {processed_records} records in {elapsed_seconds:.1} s, \
         {records_per_second:.0} records/s\n",
        app.name
    ))
}

/// Runs again from offset zero.
pub(super) fn replay(
    app: &App,
    arguments: &Arguments,
    format: FormatArgument,
    (version, report_path): (&str, Option<&Path>),
) -> Result<ExitCode> {
    let settings = configuration::settings(app, arguments)?;
    compare_with_limit(&settings);
    let stop = Stop::new();
    heed_signals(&stop)?;
    let topology = app.declaration.topology(&settings, format)?;
    let names = TopicNames::versioned(&settings.application_id, version);
    let shown = Shown::new(&topology, &settings, names)?;
    let replay = Replay::new(topology, settings.clone(), version)?;
    let path = report_path.map_or_else(|| default_report(&settings, version), Path::to_owned);
    if report_path.is_some() {
        // An earlier run's report must not pass for this one's; and a place that cannot be written is
        // better known now than in the end.
        write(&path, b"")?;
        remove(&path)?;
    }
    let mut telemetry = Telemetry::start(&settings)?;
    telemetry.push(&replay.metrics())?;
    let monitor = Arc::new(ReplayMonitor::new(&stop));
    let _http = shown.serve_replay(&monitor, replay.metrics())?;
    let mut progress = Progress::start(&format!("{}--{version}", app.name), Some(0));
    let report = replay.run(&stop, |done| {
        monitor.note(done);
        progress.update(done.records, Some(done.records_total));
    });
    let _ = progress.finish();
    let report = report?;
    write_report(&path, &report)?;
    if arguments.json {
        return print_json(&report);
    }
    print(format!("{report}\n  report   {}\n", path.display()))
}

/// Compares live results with a rerun's.
pub(super) fn verify(
    app: &App,
    arguments: &Arguments,
    format: FormatArgument,
    version: &str,
) -> Result<ExitCode> {
    let settings = configuration::settings(app, arguments)?;
    let stop = Stop::new();
    heed_signals(&stop)?;
    let topology = app.declaration.topology(&settings, format)?;
    let shown = Mutex::new(app.declaration.shown(&settings, format)?);
    let show = move |value: &[u8]| shown.lock().unwrap_or_else(PoisonError::into_inner).text(value);
    let verdict = Verify::new(topology, settings, version).showing(show).run(&stop)?;
    if arguments.json {
        print_json(&verdict)?;
    } else {
        print(format!("{verdict}\n"))?;
    }
    Ok(match verdict {
        Verdict::Equal { .. } => ExitCode::SUCCESS,
        Verdict::Different { .. } => ExitCode::from(exit::DIFFERENT),
        Verdict::NotSameCut { .. } => ExitCode::from(exit::NOT_SAME_CUT),
    })
}

/// A run that is stopped while it starts ends like any other.
fn ignore_stop(error: Error, stop: &Stop) -> Result<()> {
    if error.is_interrupted() && stop.is_asked() { Ok(()) } else { Err(error) }
}

fn stop_was_signalled(result: &Result<()>) -> bool {
    result.as_ref().is_err_and(Error::is_interrupted)
}

fn default_report(settings: &Settings, version: &str) -> PathBuf {
    let names = TopicNames::versioned(&settings.application_id, version);
    settings.state_dir.join(names.application_id()).join("report.json")
}

/// Writes the report beside its place and moves it there: it is whole, or not there.
fn write_report(path: &Path, report: &ReplayReport) -> Result<()> {
    let text = serde_json::to_vec_pretty(report).map_err(|cause| {
        Error::new(ErrorKind::Serialization, "cannot write the report as JSON").with_source(cause)
    })?;
    let part = path.with_extension("part");
    write(&part, &text)?;
    std::fs::rename(&part, path).map_err(|cause| unwritable(path, cause))
}

fn write(path: &Path, text: &[u8]) -> Result<()> {
    std::fs::write(path, text).map_err(|cause| unwritable(path, cause))
}

fn remove(path: &Path) -> Result<()> {
    std::fs::remove_file(path).map_err(|cause| unwritable(path, cause))
}

fn unwritable(path: &Path, cause: std::io::Error) -> Error {
    let message = format!("cannot write the report to {}", path.display());
    Error::config(message).with_source(cause)
}
