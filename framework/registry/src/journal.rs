//! The data directory: what the registry has acknowledged, on a disk.
//!
//! - `lock` is held by the one registry that may use the directory.
//! - `changes.jsonl` has a line of JSON for each request that has changed something: the list of
//!   its changes. It is written before the request is answered, though not forced to the disk, so
//!   it survives the end of the process but not a loss of power. A last line that was written in
//!   part is cut off at the next start; whatever else is malformed keeps the registry from
//!   starting.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use kappa_server_thread::{about, lock};
use tracing::warn;

use crate::changes::Change;
use crate::config::RegistryConfig;
use crate::registry::Registry;

/// Below this size it is not written anew while the registry runs.
const GROWN_BYTES_MIN: u64 = 8 << 20;
/// How many times as large as it was when new it may become.
const GROWTH_MAX: u64 = 4;

/// An open data directory.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    size: u64,
    size_when_new: u64,
    /// Locked for as long as it is open.
    _lock: File,
}

impl Journal {
    /// Opens a directory, which is created if need be, and makes the registry that is in it.
    pub(crate) fn open(directory: &Path, config: RegistryConfig) -> io::Result<(Self, Registry)> {
        fs::create_dir_all(directory).map_err(|e| about(directory, "cannot create", &e))?;
        let lock = lock(directory, "registry")?;
        let path = directory.join("changes.jsonl");
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(|e| about(&path, "cannot open", &e))?;
        let bytes = fs::read(&path).map_err(|e| about(&path, "cannot read", &e))?;
        let registry = Registry::restore(config, read(&path, &bytes)?);
        let mut journal = Self { path, file, size: 0, size_when_new: 0, _lock: lock };
        journal.rewrite(&registry)?;
        Ok((journal, registry))
    }

    /// Writes down what one request has changed.
    pub(crate) fn write(&mut self, changes: &[Change], registry: &Registry) -> io::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let line = line(changes)?;
        self.file.write_all(&line).map_err(|e| about(&self.path, "cannot write to", &e))?;
        self.size += line.len() as u64;
        if self.size > GROWN_BYTES_MIN.max(self.size_when_new.saturating_mul(GROWTH_MAX)) {
            self.rewrite(registry)?;
        }
        Ok(())
    }

    /// Writes it anew, with nothing but what holds.
    fn rewrite(&mut self, registry: &Registry) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut size = 0;
        let replaced = File::create(&new).and_then(|file| {
            let mut file = io::BufWriter::new(file);
            for change in registry.image() {
                let line = line(std::slice::from_ref(&change))?;
                size += line.len() as u64;
                file.write_all(&line)?;
            }
            file.into_inner()?.sync_data()?;
            // In one step: whoever looks finds the one or the other.
            fs::rename(&new, &self.path)?;
            File::options().append(true).open(&self.path)
        });
        self.file = replaced.map_err(|e| about(&self.path, "cannot write anew", &e))?;
        (self.size, self.size_when_new) = (size, size);
        Ok(())
    }
}

fn line(changes: &[Change]) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(changes)?;
    line.push(b'\n');
    Ok(line)
}

fn read(path: &Path, bytes: &[u8]) -> io::Result<Vec<Change>> {
    let mut all = Vec::new();
    for (i, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let Some(line) = line.strip_suffix(b"\n") else {
            let (path, cut) = (path.display(), line.len());
            warn!("{path}: {cut} bytes at its end, written in part, are cut off");
            break;
        };
        let changes: Vec<Change> = serde_json::from_slice(line).map_err(|e| {
            let message = format!("{} is malformed in line {}: {e}", path.display(), i + 1);
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?;
        all.extend(changes);
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
