//! Secrets in files: `sasl.password.file` names the file that has `sasl.password`, as platforms mount them.

use std::io::Read;
use std::sync::Arc;

use super::{SETTINGS, Source, clients, table};
use crate::error::{Error, Result};

const ENDING: &str = ".file";

/// Returns the name of the secret that a setting names the file of; nothing for other settings.
pub(super) fn named(setting: &str) -> Option<&str> {
    let name = setting.strip_suffix(ENDING)?;
    let is_its_own = clients::is_client_setting(setting);
    let is_known = clients::is_client_setting(name) || SETTINGS.iter().any(|own| own.name == name);
    let is_secret = clients::is_secret(name) || table::is_secret(name);
    (!is_its_own && is_known && is_secret).then_some(name)
}

/// No secret is as long: another file was meant.
const BYTES_MAX: u64 = 64 << 10;
/// The permission to read of everybody on the machine.
const READ_BY_OTHERS: u32 = 0o004;

/// Reads a secret; a line break at its end is an editor's, and no part of it.
///
/// # Errors
///
/// Where the file cannot be read, or has no secret; the message never has what is in it.
pub(super) fn read(setting: &str, path: &str, source: Source) -> Result<(String, Source)> {
    let path = path.trim();
    let file = format!("the file of setting {setting}, {path} (from {source})");
    let text = contents(path)
        .map_err(|cause| Error::config(format!("cannot read {file}")).with_source(cause))?;
    let secret = text.trim_end_matches(['\n', '\r']);
    let wrong = |what: &str| Err(Error::config(format!("{file}, {what}")));
    if text.len() as u64 > BYTES_MAX {
        return wrong("is longer than 64 KiB, as no secret is");
    }
    if secret.is_empty() {
        return wrong("is empty");
    }
    if secret.contains('\0') {
        return wrong("is not text: it has a byte of zero");
    }
    warn_if_others_may_read(path, &file);
    Ok((secret.to_owned(), Source::Secret(path.into(), Arc::new(source))))
}

/// Reads a file that may be a pipe, or without an end.
fn contents(path: &str) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(unix)]
fn warn_if_others_may_read(path: &str, file: &str) {
    use std::os::unix::fs::PermissionsExt;

    let mode = std::fs::metadata(path).map(|found| found.permissions().mode());
    if mode.is_ok_and(|mode| mode & READ_BY_OTHERS != 0) {
        tracing::warn!("{file}, may be read by every user of this machine: take that away (o-r)");
    }
}

#[cfg(not(unix))]
fn warn_if_others_may_read(_path: &str, _file: &str) {}
