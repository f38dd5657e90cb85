//! The data directory: what a broker has acknowledged, on a disk.
//!
//! - `lock` is held by the one broker that may use the directory.
//! - `journal` holds every fact but records: topics, where logs begin, groups, offsets, ids.
//! - `logs/TOPIC-PARTITION.log` holds the batches of one partition, as they were sent. The first
//!   number is that of one life of a topic: the journal says which.
//!
//! Everything is written before it is acknowledged and nothing is kept in buffers, so it survives
//! the end of this process, however sudden. It is not forced to the disk: after a loss of power the
//! last seconds may be missing. What a killed broker wrote in part is cut off when the next one
//! starts; whatever else is malformed keeps it from starting.

mod batches;
mod journal;

use std::fs::{self, File};
use std::io;
use std::path::Path;

use kappa_server_thread::{about, lock};

use crate::changes::{Change, Image, Step};
use crate::storage::batches::BatchFiles;
use crate::storage::journal::Journal;

/// An open data directory.
#[derive(Debug)]
pub(crate) struct DataDir {
    journal: Journal,
    batches: BatchFiles,
    /// What the journal says: how it is written anew when it has grown.
    image: Image,
    /// Locked for as long as it is open.
    _lock: File,
}

impl DataDir {
    /// Opens a directory, which is created if need be, and returns what is in it.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, Image)> {
        fs::create_dir_all(path).map_err(|e| about(path, "cannot create", &e))?;
        let lock = lock(path, "broker")?;
        let mut image = Image::default();
        let mut journal = Journal::open(path.join("journal"), |step| image.apply(Change(step)))?;
        journal.rewrite(&image)?;
        let batches = BatchFiles::open(path.join("logs"))?;
        batches.remove_others(&image.logs())?;
        let mut full = image.clone();
        for log in image.logs() {
            full.set_log(log, batches.read(log)?);
        }
        Ok((Self { journal, batches, image, _lock: lock }, full))
    }

    /// Writes down changes, in order.
    pub(crate) fn write(&mut self, changes: impl Iterator<Item = Change>) -> io::Result<()> {
        for Change(step) in changes {
            match step {
                Step::Append { log, batch } => {
                    // What was said before must not come after.
                    self.journal.flush()?;
                    self.batches.append(log, batch)?;
                }
                Step::Rewrite { log, batches } => {
                    self.journal.flush()?;
                    self.batches.rewrite(log, batches)?;
                }
                Step::Unset(ref key) => {
                    let gone = self.image.logs_of(key);
                    self.journal.append(&step);
                    self.journal.flush()?;
                    self.image.apply(Change(step));
                    gone.into_iter().try_for_each(|log| self.batches.remove(log))?;
                }
                Step::Set(_) => {
                    self.journal.append(&step);
                    self.image.apply(Change(step));
                }
            }
        }
        self.journal.flush()?;
        if self.journal.has_grown() {
            self.journal.rewrite(&self.image)?;
        }
        Ok(())
    }

    /// Returns whether there is something to [go on](Self::go_on) with.
    pub(crate) fn is_busy(&self) -> bool {
        self.batches.is_busy()
    }

    /// Goes on with what takes too long to be done at once: writing the file of a cleaned log anew.
    pub(crate) fn go_on(&mut self) -> io::Result<()> {
        self.batches.go_on()
    }
}

/// Says where a file is not what it should be.
fn malformed(path: &Path, position: u64, why: impl std::fmt::Display) -> io::Error {
    let message = format!("{} is malformed at byte {position}: {why}", path.display());
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests;
