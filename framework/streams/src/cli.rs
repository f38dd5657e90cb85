//! The command line of an application: run, replay, verify, reset, topology, results, config, completion.
//!
//! An application's `main` names it, says how its topology is built, and gives settings of its own as
//! defaults; everything else is here.

mod arguments;
mod commands;
mod completion;
mod config;
mod configuration;
pub mod exit;
mod formats;
mod logging;
mod output;
mod platform;
mod progress;
mod reset;
mod results;
#[cfg(feature = "schema-registry")]
mod schemas;
mod signals;
mod surface;
mod topology;

use std::fmt;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use self::arguments::{Arguments, Command};
use self::formats::Declaration;
pub use self::logging::start_logging;
pub use self::progress::Progress;
pub use self::signals::heed_signals;
use crate::error::Result;
use crate::topology::Topology;

/// An application with a command line.
///
/// # Examples
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use kappa::cli::App;
/// use kappa::prelude::*;
///
/// fn topology() -> kappa::Result<Topology> {
///     let builder = StreamsBuilder::new();
///     let orders: Topic<String, i64> = Topic::new("orders", Utf8, I64);
///     builder.stream(&orders).filter(|_, amount| *amount > 100).to(&Topic::new("large", Utf8, I64));
///     builder.build()
/// }
///
/// fn main() -> ExitCode {
///     App::new("large-orders", topology)
///         .about("Copies large orders")
///         .default_setting("commit.interval.ms", "1000")
///         .main()
/// }
/// ```
pub struct App {
    name: &'static str,
    about: &'static str,
    declaration: Declaration,
    defaults: Vec<(&'static str, &'static str)>,
}

impl App {
    /// Names an application: the name is its `application.id`, and with that its consumer group.
    #[must_use]
    pub fn new(name: &'static str, topology: fn() -> Result<Topology>) -> Self {
        Self { name, about: "", declaration: Declaration::Plain(topology), defaults: Vec::new() }
    }

    /// Names an application whose values are encoded as it is started: as Avro by a schema registry,
    /// unless `--format json` is said.
    #[cfg(feature = "schema-registry")]
    #[must_use]
    pub fn with_formats(
        name: &'static str,
        topology: fn(&crate::schemas::Formats) -> Result<Topology>,
    ) -> Self {
        let declaration = Declaration::WithFormats(topology);
        Self { name, about: "", declaration, defaults: Vec::new() }
    }

    /// Says in one line what the application does.
    #[must_use]
    pub fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Sets a default for a setting; file, environment and command line override it.
    #[must_use]
    pub fn default_setting(mut self, name: &'static str, value: &'static str) -> Self {
        self.defaults.push((name, value));
        self
    }

    /// Runs the command that the process was started with.
    #[must_use]
    pub fn main(self) -> ExitCode {
        let matches = match self.command().try_get_matches() {
            Ok(matches) => matches,
            Err(error) => return exit::usage(&error),
        };
        match Arguments::from_arg_matches(&matches) {
            Ok(arguments) => self.execute(&arguments),
            Err(error) => exit::usage(&error),
        }
    }

    fn command(&self) -> clap::Command {
        let command = Arguments::command().name(self.name).about(self.about);
        self.declaration.describe(command)
    }

    fn execute(&self, arguments: &Arguments) -> ExitCode {
        if let Err(message) = logging::start(self, arguments) {
            return exit::config(&message);
        }
        let done = match &arguments.command {
            Command::Topology(wanted) => topology::topology(self, arguments, wanted),
            Command::Run { until_caught_up, format } => {
                commands::run(self, arguments, *format, *until_caught_up)
            }
            Command::Replay { version, report, format } => {
                commands::replay(self, arguments, *format, (version, report.as_deref()))
            }
            Command::Verify { version, format } => {
                commands::verify(self, arguments, *format, version)
            }
            Command::Config { platform: true, .. } => platform::platform(self, arguments),
            Command::Config { changed, .. } => config::config(self, arguments, *changed),
            Command::Completion { shell } => completion::completion(self, *shell),
            #[cfg(feature = "schema-registry")]
            Command::Schemas { register } => schemas::schemas(self, arguments, *register),
            Command::Reset(wanted) => reset::reset(self, arguments, wanted),
            Command::Results { topic, top, format } => {
                results::results(self, arguments, *format, (topic.as_deref(), *top))
            }
        };
        done.unwrap_or_else(|error| exit::failed(&error))
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("name", &self.name).finish_non_exhaustive()
    }
}
