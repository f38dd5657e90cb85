//! Scripts that complete commands and arguments in a shell.

use std::process::ExitCode;

use clap_complete::Shell;

use super::App;
use super::output::print;
use crate::error::Result;

/// Prints the script for a shell.
pub(super) fn completion(app: &App, shell: Shell) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut app.command(), app.name, &mut script);
    print(String::from_utf8_lossy(&script))
}
