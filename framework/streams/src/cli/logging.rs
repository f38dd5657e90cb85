//! Logs on standard error, as `RUST_LOG` says.

use std::io::IsTerminal;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What is logged unless `RUST_LOG` says otherwise; librdkafka's own lines only from warnings on.
const DEFAULT: &str = "info,librdkafka=warn";

/// Starts logging.
pub(super) fn start() -> Result<(), String> {
    let wanted = std::env::var("RUST_LOG").unwrap_or_else(|_| DEFAULT.to_owned());
    let targets: Targets = wanted
        .parse()
        .map_err(|cause| format!("RUST_LOG=`{wanted}` is not a log filter: {cause}"))?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // A second start in one process keeps the first one's.
    let _ = tracing_subscriber::registry().with(lines).with(targets).try_init();
    Ok(())
}
