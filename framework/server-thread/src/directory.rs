//! A directory that one server has for itself.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// Locks a directory for as long as the file is open.
///
/// # Errors
///
/// If another server of its kind uses it, or its file cannot be opened.
pub fn lock(directory: &Path, kind: &str) -> io::Result<File> {
    let path = directory.join("lock");
    let file = File::options().create(true).append(true).open(&path);
    let file = file.map_err(|e| about(&path, "cannot open", &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let message = format!("another {kind} uses the data directory {}", directory.display());
            Err(io::Error::new(io::ErrorKind::ResourceBusy, message))
        }
        Err(TryLockError::Error(e)) => Err(about(&path, "cannot lock", &e)),
    }
}

/// Says which file an error is about.
#[must_use]
pub fn about(path: &Path, what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_one_servers_until_it_ends() {
        let directory = tempfile::tempdir().unwrap();
        let held = lock(directory.path(), "broker").unwrap();
        let refused = lock(directory.path(), "broker").unwrap_err();
        assert!(refused.to_string().starts_with("another broker uses"), "{refused}");
        drop(held);
        lock(directory.path(), "broker").unwrap();
    }
}
