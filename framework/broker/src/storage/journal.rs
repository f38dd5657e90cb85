//! The journal: one frame for each change of a fact.
//!
//! A frame is its length, the checksum of its bytes and a checksum of those two, four bytes each,
//! and then the bytes. So a frame that ends with the file is told from a length that is wrong.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use bytes::{BufMut, BytesMut};
use tracing::warn;

use crate::changes::{Image, Step, codec};
use crate::storage::{about, malformed};

/// What the file begins with.
const MAGIC: &[u8] = b"kappa-broker journal 1\n";
const FRAME_HEADER_BYTES: usize = 12;

/// Below this size it is not written anew while the broker runs.
const GROWN_BYTES_MIN: u64 = 8 << 20;
/// How many times as large as it was when new it may become.
const GROWTH_MAX: u64 = 4;

/// The open journal.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// Frames that are not written yet.
    unwritten: BytesMut,
    size: u64,
    size_when_new: u64,
}

impl Journal {
    /// Opens the journal and shows the steps in it.
    pub(super) fn open(path: PathBuf, mut show: impl FnMut(Step)) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(|e| about(&path, "cannot open", &e))?;
        let bytes = fs::read(&path).map_err(|e| about(&path, "cannot read", &e))?;
        let mut journal =
            Self { path, file, unwritten: BytesMut::new(), size: 0, size_when_new: 0 };
        let mut rest = match bytes.strip_prefix(MAGIC) {
            Some(rest) => rest,
            // A new one, or one whose first write was cut short.
            None if MAGIC.starts_with(&bytes) => return Ok(journal),
            None => return Err(malformed(&journal.path, 0, "this is no journal of kappa-broker")),
        };
        while !rest.is_empty() {
            let position = bytes.len() - rest.len();
            let wrong = |why| malformed(&journal.path, position as u64, why);
            let Some((frame, behind)) = split_frame(rest).map_err(wrong)? else {
                let (path, cut) = (journal.path.display(), rest.len());
                warn!("{path}: {cut} bytes at its end, written in part, are cut off");
                break;
            };
            show(codec::decode(frame).ok_or("there is no such change").map_err(wrong)?);
            rest = behind;
        }
        journal.size = (bytes.len() - rest.len()) as u64;
        Ok(journal)
    }

    /// Adds a step, to be written by [`flush`](Self::flush).
    pub(super) fn append(&mut self, step: &Step) {
        put_frame(&mut self.unwritten, step);
    }

    /// Writes what was added.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&self.unwritten);
        written.map_err(|e| about(&self.path, "cannot write to", &e))?;
        self.size += self.unwritten.len() as u64;
        self.unwritten.clear();
        Ok(())
    }

    /// Returns how many bytes have been written.
    #[cfg(test)]
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns whether it is time to write it anew.
    pub(super) fn has_grown(&self) -> bool {
        self.size > GROWN_BYTES_MIN.max(self.size_when_new.saturating_mul(GROWTH_MAX))
    }

    /// Writes it anew, with nothing but what holds.
    pub(super) fn rewrite(&mut self, image: &Image) -> io::Result<()> {
        let mut bytes = BytesMut::from(MAGIC);
        for fact in image.facts() {
            put_frame(&mut bytes, &Step::Set(fact.clone()));
        }
        let new = self.path.with_extension("new");
        let replaced = File::create(&new).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_data()?;
            // In one step: whoever looks finds the one or the other.
            fs::rename(&new, &self.path)?;
            File::options().append(true).open(&self.path)
        });
        self.file = replaced.map_err(|e| about(&self.path, "cannot write anew", &e))?;
        self.size = bytes.len() as u64;
        self.size_when_new = self.size;
        Ok(())
    }
}

fn put_frame(out: &mut BytesMut, step: &Step) {
    let mut bytes = BytesMut::new();
    codec::encode(step, &mut bytes);
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut header = BytesMut::new();
    header.put_u32(length);
    header.put_u32(crc32c::crc32c(&bytes));
    out.put_slice(&header);
    out.put_u32(crc32c::crc32c(&header));
    out.put_slice(&bytes);
}

/// Splits off the first frame; nothing if it is not all there, and an error if it is no frame.
fn split_frame(bytes: &[u8]) -> Result<Option<(&[u8], &[u8])>, &'static str> {
    let Some((header, rest)) = bytes.split_first_chunk::<FRAME_HEADER_BYTES>() else {
        return Ok(None);
    };
    let [l0, l1, l2, l3, c0, c1, c2, c3, h0, h1, h2, h3] = *header;
    let checked = [l0, l1, l2, l3, c0, c1, c2, c3];
    if crc32c::crc32c(&checked) != u32::from_be_bytes([h0, h1, h2, h3]) {
        return Err("the checksum of a length does not match");
    }
    let length = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
    let Some((frame, behind)) = rest.split_at_checked(length) else { return Ok(None) };
    if crc32c::crc32c(frame) != u32::from_be_bytes([c0, c1, c2, c3]) {
        return Err("the checksum of a change does not match");
    }
    Ok(Some((frame, behind)))
}
