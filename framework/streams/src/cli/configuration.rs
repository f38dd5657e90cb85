//! Settings from all their sources.

use super::App;
use super::arguments::{Arguments, LogFormat};
use crate::config::{Settings, StreamsConfig};
use crate::error::{Error, Result};

/// Returns the settings of a run.
pub(super) fn settings(app: &App, arguments: &Arguments) -> Result<Settings> {
    layers(app, arguments)?.resolve()
}

/// Returns the settings as given, each from the last of its sources.
pub(super) fn layers(app: &App, arguments: &Arguments) -> Result<StreamsConfig> {
    let mut config = StreamsConfig::new(app.name);
    for (name, value) in &app.defaults {
        config = config.with_default(name, value)?;
    }
    if let Some(path) = &arguments.config {
        config = config.with_file(path)?;
    }
    config = config.with_process_environment()?;
    if let Some(servers) = &arguments.bootstrap_servers {
        config = config.with_argument("bootstrap.servers", servers)?;
    }
    if let Some(directory) = &arguments.state_dir {
        config = config.with_argument("state.dir", &directory.to_string_lossy())?;
    }
    if let Some(address) = &arguments.http {
        config = config.with_argument("http.listen", address)?;
    }
    if let Some(format) = arguments.log_format {
        let format = if format == LogFormat::Json { "json" } else { "pretty" };
        config = config.with_argument("log.format", format)?;
    }
    for setting in &arguments.set {
        let Some((name, value)) = setting.split_once('=') else {
            // Its first word only: the rest may be a secret.
            let found = setting.split_whitespace().next().unwrap_or_default();
            return Err(Error::config(format!("expected --set NAME=VALUE, found `{found}`")));
        };
        config = config.with_argument(name.trim(), value)?;
    }
    Ok(config)
}
