//! How the process ends.

use std::process::ExitCode;

use clap::error::ErrorKind as ClapKind;

use super::logging;
use crate::error::{Error, ErrorKind};

/// Results differ.
pub const DIFFERENT: u8 = 1;
/// Live and rerun have not read the same.
pub const NOT_SAME_CUT: u8 = 2;
/// Wrong arguments or settings (as `EX_USAGE` of sysexits).
const CONFIG: u8 = 64;
/// Failed; trying again does not help (`EX_SOFTWARE`).
const FAILED: u8 = 70;
/// Failed; trying again may help (`EX_TEMPFAIL`).
const UNAVAILABLE: u8 = 75;
/// Ended by Ctrl-C or SIGTERM before it was done, as shells say it.
pub const INTERRUPTED: u8 = 130;

/// Ends with what the argument parser says: help is no error.
#[must_use]
pub fn usage(error: &clap::Error) -> ExitCode {
    let shown = error.print();
    match error.kind() {
        ClapKind::DisplayHelp | ClapKind::DisplayVersion if shown.is_ok() => ExitCode::SUCCESS,
        _ => ExitCode::from(CONFIG),
    }
}

/// Ends with a wrong setting.
pub(super) fn config(message: &str) -> ExitCode {
    logging::say(message, || tracing::error!("{message}"));
    ExitCode::from(CONFIG)
}

/// Ends with an error: the message on standard error, its kind as the status.
#[must_use]
pub fn failed(error: &Error) -> ExitCode {
    logging::failed(error);
    ExitCode::from(match error.kind() {
        ErrorKind::Config => CONFIG,
        ErrorKind::Unavailable => UNAVAILABLE,
        ErrorKind::Interrupted => INTERRUPTED,
        _ => FAILED,
    })
}
