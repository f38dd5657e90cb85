//! Secrets in files: `sasl.password.file` names the file that has `sasl.password`, as platforms mount them.

use std::sync::Arc;

use super::{SETTINGS, Source, clients};
use crate::error::{Error, Result};

const ENDING: &str = ".file";

/// Returns the name of the secret that a setting names the file of; nothing for other settings.
pub(super) fn named(setting: &str) -> Option<&str> {
    let name = setting.strip_suffix(ENDING)?;
    let is_its_own = clients::is_client_setting(setting);
    let is_known = clients::is_client_setting(name) || SETTINGS.iter().any(|own| own.name == name);
    (!is_its_own && is_known && clients::is_secret(name)).then_some(name)
}

/// Reads a secret; a line break at its end is an editor's, and no part of it.
///
/// # Errors
///
/// Where the file cannot be read.
pub(super) fn read(setting: &str, path: &str, source: Source) -> Result<(String, Source)> {
    let text = std::fs::read_to_string(path.trim()).map_err(|cause| {
        let message = format!("cannot read the file of setting {setting}, {path} (from {source})");
        Error::config(message).with_source(cause)
    })?;
    let secret = text.trim_end_matches(['\n', '\r']).to_owned();
    if secret.is_empty() {
        let message = format!("the file of setting {setting}, {path}, is empty (from {source})");
        return Err(Error::config(message));
    }
    Ok((secret, Source::Secret(path.trim().into(), Arc::new(source))))
}
