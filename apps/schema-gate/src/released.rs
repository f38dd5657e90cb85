//! The list of what was released, with fingerprints: a version that somebody may have read data with is
//! not edited any more.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use crate::folder::{File, Folder};

const NAME: &str = "released.json";

/// Fingerprints by path.
#[derive(Debug, Default)]
pub(crate) struct Released(BTreeMap<String, String>);

impl Released {
    /// Reads the list; there may be none yet.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let file = folder.join(NAME);
        if !file.exists() {
            return Ok(Self::default());
        }
        let text = fs::read_to_string(&file).map_err(|error| format!("{NAME}: {error}"))?;
        serde_json::from_str(&text).map(Self).map_err(|error| format!("{NAME}: {error}"))
    }

    /// Writes the list.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), String> {
        let json = serde_json::to_string_pretty(&self.0).map_err(|error| error.to_string())?;
        fs::write(folder.join(NAME), json + "\n").map_err(|error| format!("{NAME}: {error}"))
    }

    /// Lists all that is there.
    pub(crate) fn add_all(&mut self, folder: &Folder) {
        for file in folder.subjects.iter().flat_map(|subject| &subject.files) {
            self.0.insert(file.path.clone(), fingerprint(file));
        }
    }

    /// Returns whether a file was released.
    pub(crate) fn has(&self, file: &File) -> bool {
        self.0.contains_key(&file.path)
    }

    /// Returns whether a file is not what was released.
    pub(crate) fn is_edited(&self, file: &File) -> bool {
        self.0.get(&file.path).is_some_and(|released| *released != fingerprint(file))
    }

    /// Returns what was released and is gone.
    pub(crate) fn gone<'a>(&'a self, folder: &'a Folder) -> impl Iterator<Item = &'a String> {
        let files = || folder.subjects.iter().flat_map(|subject| &subject.files);
        self.0.keys().filter(move |path| files().all(|file| file.path != **path))
    }
}

/// Line ends do not count: a checkout may change them. What a schema refers to is part of it.
fn fingerprint(file: &File) -> String {
    let mut text = file.text.replace("\r\n", "\n");
    if !file.references_text.is_empty() {
        text.push('\0');
        text.push_str(&file.references_text.replace("\r\n", "\n"));
    }
    format!("xxh3:{:016x}", xxh3_64(text.as_bytes()))
}
