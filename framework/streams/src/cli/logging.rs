//! The log on standard error: what `RUST_LOG` says, as `log.format` says.

mod json;

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use self::json::JsonLines;
use super::App;
use super::arguments::{Arguments, LogFormat};
use super::configuration;
use crate::config::StreamsConfig;
use crate::error::Error;

/// What is logged unless `RUST_LOG` says otherwise; librdkafka's own lines only from warnings on.
const DEFAULT: &str = "info,librdkafka=warn";

/// Whether lines are JSON: then everything on standard error is.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Starts logging.
pub(super) fn start(app: &App, arguments: &Arguments) -> Result<(), String> {
    start_as(format(app, arguments))
}

/// Starts the log on standard error of a program that is no [`App`], as the setting `log.format` and
/// `RUST_LOG` say; a second start in one process changes nothing.
///
/// # Errors
///
/// Where `RUST_LOG` is no filter of logs.
pub fn start_logging(config: &StreamsConfig) -> crate::Result<()> {
    let is_json = matches!(config.get("log.format"), Some(("json", _)));
    let format = if is_json { LogFormat::Json } else { LogFormat::Pretty };
    start_as(format).map_err(Error::config)
}

fn start_as(format: LogFormat) -> Result<(), String> {
    let wanted = std::env::var("RUST_LOG").unwrap_or_else(|_| DEFAULT.to_owned());
    let targets: Targets = wanted
        .parse()
        .map_err(|cause| format!("RUST_LOG=`{wanted}` is not a log filter: {cause}"))?;
    IS_JSON.store(format == LogFormat::Json, Ordering::Relaxed);
    if format == LogFormat::Json {
        // The error that comes of it names the record; this names the line of code.
        std::panic::set_hook(Box::new(|panic| tracing::warn!("{panic}")));
    }
    let lines = match format {
        LogFormat::Json => JsonLines::new(std::io::stderr).boxed(),
        LogFormat::Pretty => tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_thread_names(true)
            .with_ansi(std::io::stderr().is_terminal())
            .boxed(),
    };
    // A second start in one process keeps the first one's.
    let _ = tracing_subscriber::registry().with(lines).with(targets).try_init();
    Ok(())
}

/// Returns how lines are written. What is wrong with the settings is said by the command that needs them.
fn format(app: &App, arguments: &Arguments) -> LogFormat {
    let config = configuration::layers(app, arguments);
    match config.as_ref().ok().and_then(|config| config.get("log.format")) {
        Some(("json", _)) => LogFormat::Json,
        Some(_) => LogFormat::Pretty,
        None => arguments.log_format.unwrap_or(LogFormat::Pretty),
    }
}

/// Says why the program ends, unless the log has it already.
pub(super) fn failed(error: &Error) {
    if error.is_logged() && LevelFilter::current() >= LevelFilter::ERROR {
        return;
    }
    say(&format!("error: {}", error.report()), || tracing::error!("{}", error.report()));
}

/// Writes a line to standard error, or an event where all lines are JSON.
pub(super) fn say(line: &str, event: impl FnOnce()) {
    if IS_JSON.load(Ordering::Relaxed) {
        event();
    } else {
        // There is nobody to tell when standard error is closed.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}
