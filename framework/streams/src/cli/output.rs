//! Standard output.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};

/// Prints a value as one line of JSON.
pub(super) fn print_json(value: &impl Serialize) -> Result<ExitCode> {
    print_text(serde_json::to_string(value))
}

/// Prints a value as JSON on many lines.
pub(super) fn print_pretty_json(value: &impl Serialize) -> Result<ExitCode> {
    print_text(serde_json::to_string_pretty(value))
}

fn print_text(text: serde_json::Result<String>) -> Result<ExitCode> {
    let text = text.map_err(|cause| {
        Error::new(ErrorKind::Serialization, "cannot print JSON").with_source(cause)
    })?;
    print(format!("{text}\n"))
}

/// Prints a text.
pub(super) fn print(text: impl Display) -> Result<ExitCode> {
    let written = write!(std::io::stdout(), "{text}");
    match written {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // The reader has seen enough, as in `results | head`.
        Err(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(cause) => Err(Error::state("cannot write to standard output").with_source(cause)),
    }
}
