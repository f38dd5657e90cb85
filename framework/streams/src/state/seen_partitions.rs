//! Which input partitions an application has ever committed, kept on disk.
//!
//! A group that does not know an offset may be new to the partition, or the offset was lost: expired
//! while nobody was a member, or deleted. The first is read from the start, the second must not be:
//! state and results would count its records twice. Only a memory of one's own tells them apart.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{ErrorKind as IoErrorKind, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::ids::TopicPartition;

/// The partitions, in a file where there is a state directory: one `topic-partition` a line.
#[derive(Debug, Default)]
pub(crate) struct SeenPartitions {
    file: Option<PathBuf>,
    seen: Mutex<BTreeSet<TopicPartition>>,
}

impl SeenPartitions {
    /// Reads the file, which need not exist.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or a line is not a partition; the message names the file.
    pub(crate) fn load(file: PathBuf) -> Result<Self> {
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(cause) if cause.kind() == IoErrorKind::NotFound => String::new(),
            Err(cause) => {
                let message = format!("cannot read {}", file.display());
                return Err(Error::state(message).with_source(cause));
            }
        };
        let seen = text.lines().map(|line| {
            parse(line).ok_or_else(|| {
                Error::state(format!("{}: `{line}` is not a partition", file.display()))
            })
        });
        Ok(Self { seen: Mutex::new(seen.collect::<Result<_>>()?), file: Some(file) })
    }

    pub(crate) fn contains(&self, partition: &TopicPartition) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).contains(partition)
    }

    /// Adds partitions; the file is written anew if some were not known.
    ///
    /// # Errors
    ///
    /// Where the file cannot be written.
    pub(crate) fn add<'a>(
        &self,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
    ) -> Result<()> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = seen.len();
        for partition in partitions {
            if !seen.contains(partition) {
                seen.insert(partition.clone());
            }
        }
        let Some(file) = self.file.as_ref().filter(|_| seen.len() > before) else { return Ok(()) };
        let lines: String = seen.iter().map(|partition| format!("{partition}\n")).collect();
        // Whole or not at all: whoever dies between leaves the old file.
        let new = file.with_extension("new");
        let written = File::create(&new)
            .and_then(|mut opened| opened.write_all(lines.as_bytes()).and(opened.sync_all()))
            .and_then(|()| fs::rename(&new, file));
        written.map_err(|cause| {
            Error::state(format!("cannot write {}", file.display())).with_source(cause)
        })
    }
}

fn parse(line: &str) -> Option<TopicPartition> {
    let (topic, partition) = line.rsplit_once('-')?;
    let partition = partition.parse().ok()?;
    (!topic.is_empty()).then(|| TopicPartition::new(topic, partition))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_outlive_the_process_and_a_damaged_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("committed-partitions");
        let (first, second) = (TopicPartition::new("a-b", 0), TopicPartition::new("a-b", 12));
        let seen = SeenPartitions::load(file.clone()).unwrap();
        assert!(!seen.contains(&first));
        seen.add([&first]).unwrap();
        seen.add([&second, &first]).unwrap();
        let seen = SeenPartitions::load(file.clone()).unwrap();
        assert!(seen.contains(&first) && seen.contains(&second));
        assert!(!seen.contains(&TopicPartition::new("a-b", 1)));
        fs::write(&file, "a-b-0\nrubbish\n").unwrap();
        let error = SeenPartitions::load(file).unwrap_err().to_string();
        assert!(error.ends_with("committed-partitions: `rubbish` is not a partition"), "{error}");
    }

    #[test]
    fn without_a_file_the_process_remembers() {
        let seen = SeenPartitions::default();
        let partition = TopicPartition::new("orders", 3);
        seen.add([&partition]).unwrap();
        assert!(seen.contains(&partition));
    }
}
