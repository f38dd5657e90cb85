//! The state directory of an application, and the lock that keeps it to one process.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::ids::TaskId;
use crate::state::SeenPartitions;

/// `<state.dir>/<application.id>`, locked while this lives.
///
/// The operating system frees the lock when the process ends, however it ends.
#[derive(Debug)]
pub struct StateDirectory {
    path: PathBuf,
    _lock: File,
}

const LOCK_FILE: &str = ".lock";
const SEEN_PARTITIONS: &str = "committed-partitions";
const GLOBAL: &str = "global";
const DATABASE: &str = "rocksdb";
/// Its time says when the task was last here.
const SEEN_FILE: &str = "last-seen";
const SEEN_TEXT: &str = "The time of this file says when the task was last here.\n";

impl StateDirectory {
    /// Creates the directory where it is missing, and locks it.
    ///
    /// # Errors
    ///
    /// Where it cannot be created, or another process has it.
    pub fn open(state_dir: &Path, application_id: &str) -> Result<Self> {
        let path = state_dir.join(application_id);
        let shown = path.display();
        let unusable = |cause| {
            Error::state(format!("cannot use the state directory {shown}")).with_source(cause)
        };
        fs::create_dir_all(&path).map_err(unusable)?;
        let lock_file = path.join(LOCK_FILE);
        let mut options = File::options();
        let lock = options.create(true).truncate(false).write(true).open(lock_file);
        let lock = lock.map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::Error(cause)) => Err(unusable(cause)),
            Err(TryLockError::WouldBlock) => Err(Error::state(format!(
                "the state directory {shown} is in use by another process: stop it, or give this \
                 instance a `state.dir` of its own"
            ))),
        }
    }

    /// Returns where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the partitions of which the application has committed an offset here.
    ///
    /// # Errors
    ///
    /// Where the file of them cannot be read.
    pub(crate) fn seen_partitions(&self) -> Result<SeenPartitions> {
        SeenPartitions::load(self.path.join(SEEN_PARTITIONS))
    }

    /// Returns the place of a task's state; nothing is created yet.
    pub(crate) fn task(&self, task: TaskId) -> TaskDirectory {
        TaskDirectory { path: self.path.join(task.to_string()) }
    }

    /// Returns the place of the global tables' state; nothing is created yet.
    pub(crate) fn global(&self) -> TaskDirectory {
        TaskDirectory { path: self.path.join(GLOBAL) }
    }

    /// Deletes all state, and keeps the lock.
    ///
    /// # Errors
    ///
    /// Where something cannot be deleted.
    pub fn wipe(&self) -> Result<()> {
        let failed = |cause| {
            let message = format!("cannot empty the state directory {}", self.path.display());
            Error::state(message).with_source(cause)
        };
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name() == LOCK_FILE {
                continue;
            }
            let removed = if entry.file_type().map_err(failed)?.is_dir() {
                fs::remove_dir_all(entry.path())
            } else {
                fs::remove_file(entry.path())
            };
            removed.map_err(failed)?;
        }
        Ok(())
    }
}

/// The place of one task's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskDirectory {
    path: PathBuf,
}

impl TaskDirectory {
    /// Returns where the task's database is.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Notes that the task is here, and its state up to date.
    ///
    /// # Errors
    ///
    /// Where the note cannot be written.
    pub(crate) fn touch(&self) -> Result<()> {
        let written = fs::create_dir_all(&self.path)
            .and_then(|()| fs::write(self.path.join(SEEN_FILE), SEEN_TEXT));
        written.map_err(|cause| {
            let message = format!("cannot write to the state directory {}", self.path.display());
            Error::state(message).with_source(cause)
        })
    }

    /// Returns whether the task was elsewhere for longer than this, or for no one knows how long.
    pub(crate) fn was_away_for(&self, limit: Duration) -> bool {
        let seen = fs::metadata(self.path.join(SEEN_FILE)).and_then(|seen| seen.modified());
        let away = seen.ok().and_then(|seen| seen.elapsed().ok());
        self.database().exists() && away.is_none_or(|away| away > limit)
    }

    /// Deletes the task's state, if there is any.
    pub(crate) fn wipe(&self) -> Result<()> {
        match fs::remove_dir_all(&self.path) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                let message = format!("cannot delete the state in {}", self.path.display());
                Err(Error::state(message).with_source(cause))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SubtopologyId;

    #[test]
    fn is_for_one_owner_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = StateDirectory::open(dir.path(), "app").unwrap();
        let second = StateDirectory::open(dir.path(), "app").unwrap_err();
        assert!(second.to_string().contains("is in use by another process"), "{second}");
        StateDirectory::open(dir.path(), "other-app").unwrap();
        drop(first);
        StateDirectory::open(dir.path(), "app").unwrap();
    }

    #[test]
    fn wiping_keeps_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(dir.path(), "app").unwrap();
        let task = state.task(TaskId::new(SubtopologyId(1), 2));
        fs::create_dir_all(task.database()).unwrap();
        fs::write(state.path().join("note"), "x").unwrap();
        state.wipe().unwrap();
        assert!(!task.database().exists());
        assert!(StateDirectory::open(dir.path(), "app").is_err());
        task.wipe().unwrap();
    }

    #[test]
    fn a_task_that_was_not_seen_for_long_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(dir.path(), "app").unwrap();
        let task = state.task(TaskId::new(SubtopologyId(0), 0));
        let hour = Duration::from_secs(3600);
        assert!(!task.was_away_for(hour), "it was never here");
        fs::create_dir_all(task.database()).unwrap();
        assert!(task.was_away_for(hour), "no one knows for how long");
        task.touch().unwrap();
        assert!(!task.was_away_for(hour));
        let long_ago = std::time::UNIX_EPOCH + hour;
        let seen = File::options().write(true).open(task.path.join(SEEN_FILE)).unwrap();
        seen.set_modified(long_ago).unwrap();
        assert!(task.was_away_for(hour));
    }

    #[test]
    fn a_path_that_is_a_file_is_a_clear_error() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "x").unwrap();
        let error = StateDirectory::open(&dir.path().join("file"), "app").unwrap_err();
        assert!(error.to_string().starts_with("cannot use the state directory"), "{error}");
    }
}
