//! The files of batches, one for each partition that ever had one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use tracing::warn;

use crate::changes::LogId;
use crate::log::batch::{self, BatchHeader, HEADER_BYTES};
use crate::storage::{about, malformed};

/// Files kept open; another one closes one of them.
const OPEN_MAX: usize = 256;

/// How much of a file is written anew between two requests.
const STEP_BYTES: usize = 1 << 20;

/// All files of batches.
#[derive(Debug)]
pub(super) struct BatchFiles {
    directory: PathBuf,
    open: BTreeMap<LogId, File>,
    rewrites: BTreeMap<LogId, Rewrite>,
}

/// A file that is being written anew. Until it is whole the old one counts, which gets what is
/// appended meanwhile as well.
#[derive(Debug)]
struct Rewrite {
    file: File,
    unwritten: VecDeque<Bytes>,
}

impl BatchFiles {
    pub(super) fn open(directory: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&directory).map_err(|e| about(&directory, "cannot create", &e))?;
        Ok(Self { directory, open: BTreeMap::new(), rewrites: BTreeMap::new() })
    }

    /// Removes the files of logs that are no more, and those that were to replace another.
    pub(super) fn remove_others(&self, kept: &BTreeSet<LogId>) -> io::Result<()> {
        let names: BTreeSet<_> = kept.iter().map(|log| file_name(*log)).collect();
        let failed = |e: io::Error| about(&self.directory, "cannot list", &e);
        for entry in fs::read_dir(&self.directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            if name.is_some_and(|name| !names.contains(&name)) {
                fs::remove_file(&path).map_err(|e| about(&path, "cannot remove", &e))?;
            }
        }
        Ok(())
    }

    /// Reads all batches of a log. One at the end that was written in part is cut off.
    pub(super) fn read(&self, log: LogId) -> io::Result<Vec<Bytes>> {
        let path = self.path(log);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(about(&path, "cannot open", &e)),
        };
        let size = file.metadata().map_err(|e| about(&path, "cannot read", &e))?.len();
        let mut file = BufReader::new(file);
        let mut batches = Vec::new();
        let mut position = 0;
        while let Some(batch) = read_batch(&path, &mut file, position, size)? {
            position += batch.len() as u64;
            batches.push(batch);
        }
        if position < size {
            let (path, cut) = (path.display(), size - position);
            warn!("{path}: {cut} bytes at its end, written in part, are cut off");
            let file = File::options().write(true).open(self.path(log));
            let cut = file.and_then(|file| file.set_len(position));
            cut.map_err(|e| about(&self.path(log), "cannot cut", &e))?;
        }
        Ok(batches)
    }

    /// Writes a batch behind the others.
    pub(super) fn append(&mut self, log: LogId, batch: Bytes) -> io::Result<()> {
        let path = self.path(log);
        if !self.open.contains_key(&log) {
            if self.open.len() >= OPEN_MAX {
                self.open.pop_first();
            }
            let file = File::options().create(true).append(true).open(&path);
            self.open.insert(log, file.map_err(|e| about(&path, "cannot open", &e))?);
        }
        let written = self.open.get_mut(&log).map(|file| file.write_all(&batch));
        written.unwrap_or(Ok(())).map_err(|e| about(&path, "cannot write to", &e))?;
        if let Some(rewrite) = self.rewrites.get_mut(&log) {
            rewrite.unwritten.push_back(batch);
        }
        Ok(())
    }

    /// Begins to put these batches in place of all that a log has; see [`go_on`](Self::go_on).
    pub(super) fn rewrite(&mut self, log: LogId, batches: Vec<Bytes>) -> io::Result<()> {
        let path = self.new_path(log);
        let file = File::create(&path).map_err(|e| about(&path, "cannot create", &e))?;
        self.rewrites.insert(log, Rewrite { file, unwritten: batches.into() });
        Ok(())
    }

    /// Returns whether a file is being written anew.
    pub(super) fn is_busy(&self) -> bool {
        !self.rewrites.is_empty()
    }

    /// Goes on with a file that is being written anew, for a bounded time.
    pub(super) fn go_on(&mut self) -> io::Result<()> {
        let Some(mut entry) = self.rewrites.first_entry() else { return Ok(()) };
        let log = *entry.key();
        let rewrite = entry.get_mut();
        let mut written = 0;
        while let Some(batch) = rewrite.unwritten.pop_front() {
            let result = rewrite.file.write_all(&batch);
            result
                .map_err(|e| about(&self.directory.join(new_name(log)), "cannot write to", &e))?;
            written += batch.len();
            if written >= STEP_BYTES {
                return Ok(());
            }
        }
        entry.remove();
        self.open.remove(&log);
        let path = self.path(log);
        fs::rename(self.new_path(log), &path).map_err(|e| about(&path, "cannot replace", &e))
    }

    /// Removes the file of a log.
    pub(super) fn remove(&mut self, log: LogId) -> io::Result<()> {
        self.open.remove(&log);
        let is_rewritten = self.rewrites.remove(&log).is_some();
        let new = is_rewritten.then(|| self.new_path(log));
        [self.path(log)].into_iter().chain(new).try_for_each(|path| match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(about(&path, "cannot remove", &e)),
            _ => Ok(()),
        })
    }

    fn new_path(&self, log: LogId) -> PathBuf {
        self.directory.join(new_name(log))
    }

    fn path(&self, log: LogId) -> PathBuf {
        self.directory.join(file_name(log))
    }
}

fn file_name(log: LogId) -> String {
    format!("{log}.log")
}

fn new_name(log: LogId) -> String {
    format!("{log}.log.new")
}

/// Reads one batch; none at the end of the file, or if only a part of it was written.
fn read_batch(
    path: &Path,
    file: &mut impl Read,
    position: u64,
    size: u64,
) -> io::Result<Option<Bytes>> {
    let left = size - position;
    let mut head = [0; HEADER_BYTES];
    if left < head.len() as u64 {
        return Ok(None);
    }
    let failed = |e: io::Error| about(path, "cannot read", &e);
    file.read_exact(&mut head).map_err(failed)?;
    let wrong = |why: &str| malformed(path, position, why);
    let whole = batch::size_of(&head).ok_or_else(|| wrong("this is no batch"))?;
    if whole as u64 > left {
        return Ok(None);
    }
    let mut bytes = BytesMut::zeroed(whole);
    let (front, rest) = bytes.split_at_mut(HEADER_BYTES);
    front.copy_from_slice(&head);
    file.read_exact(rest).map_err(failed)?;
    match BatchHeader::read(&bytes) {
        Some(header) if header.has_checksum_of(&bytes) => Ok(Some(bytes.freeze())),
        _ => Err(wrong("the checksum of a batch does not match")),
    }
}
