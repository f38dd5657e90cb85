//! What is committed beside an input offset, in the JVM library's format (rows T2, E6).

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::serde::SerdeError;
use crate::time::Timestamp;

/// How far operators are, by the names of their stores.
pub type Progress = BTreeMap<Arc<str>, i64>;

/// What a restart is told of a partition, beside where it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetMetadata {
    /// The largest timestamp that was processed of the partition.
    pub partition_time: Timestamp,
    /// How far the operators of the task are that reads it.
    pub progress: Progress,
}

/// The format that has a partition's time only.
const TIME_ONLY: u8 = 1;
/// The format that has progress as well.
const WITH_PROGRESS: u8 = 2;

impl OffsetMetadata {
    /// Returns it as text: in base64 the format's number, the time, and, where there is progress, the
    /// number of entries, each a name with its length and a number; all big-endian.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = vec![WITH_PROGRESS];
        bytes.extend_from_slice(&self.partition_time.as_millis().to_be_bytes());
        if !self.progress.is_empty() {
            bytes.extend_from_slice(&len(self.progress.len()));
        }
        for (name, progress) in &self.progress {
            bytes.extend_from_slice(&len(name.len()));
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(&progress.to_be_bytes());
        }
        STANDARD.encode(bytes)
    }

    /// Reads it from text; an empty one says nothing.
    ///
    /// # Errors
    ///
    /// Where the text is something else, or of a later format.
    pub fn decode(text: &str) -> Result<Self, SerdeError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let bytes = STANDARD.decode(text)?;
        let Some((&format, bytes)) = bytes.split_first() else {
            return Err("it has no format".into());
        };
        if !matches!(format, TIME_ONLY | WITH_PROGRESS) {
            return Err(format!("it is of format {format}").into());
        }
        let mut reader = Reader(bytes);
        let partition_time = Timestamp::from_millis(reader.long()?);
        let mut progress = Progress::new();
        if format == WITH_PROGRESS && !reader.0.is_empty() {
            for _ in 0..reader.len()? {
                let name: Arc<str> = reader.text()?.into();
                progress.insert(name, reader.long()?);
            }
        }
        Ok(Self { partition_time, progress })
    }
}

impl Default for OffsetMetadata {
    fn default() -> Self {
        Self { partition_time: Timestamp::UNKNOWN, progress: Progress::new() }
    }
}

fn len(len: usize) -> [u8; 4] {
    i32::try_from(len).unwrap_or(i32::MAX).to_be_bytes()
}

/// Reads from the front, never beyond the end.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], SerdeError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or("it is shorter than it says")?;
        self.0 = rest;
        Ok(*taken)
    }

    fn long(&mut self) -> Result<i64, SerdeError> {
        self.take().map(i64::from_be_bytes)
    }

    fn len(&mut self) -> Result<usize, SerdeError> {
        Ok(usize::try_from(i32::from_be_bytes(self.take()?))?)
    }

    fn text(&mut self) -> Result<&'a str, SerdeError> {
        let len = self.len()?;
        let (text, rest) = self.0.split_at_checked(len).ok_or("it is shorter than it says")?;
        self.0 = rest;
        Ok(std::str::from_utf8(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(millis: i64, progress: &[(&str, i64)]) -> OffsetMetadata {
        let progress = progress.iter().map(|&(name, at)| (name.into(), at)).collect();
        OffsetMetadata { partition_time: Timestamp::from_millis(millis), progress }
    }

    #[test]
    fn it_has_the_bytes_of_the_java_library() {
        assert_eq!(metadata(5, &[]).encode(), "AgAAAAAAAAAF");
        // Format, time, one entry: the length of its name, the name, the number.
        let bytes = b"\x02\0\0\0\0\0\0\0\x05\0\0\0\x01\0\0\0\x02ab\0\0\0\0\0\0\0\x07";
        assert_eq!(metadata(5, &[("ab", 7)]).encode(), STANDARD.encode(bytes));
    }

    #[test]
    fn what_is_written_is_read() {
        let largest = metadata(i64::MAX, &[("a", -1), ("windows", i64::MAX), ("\u{e9}", 0)]);
        for metadata in [metadata(-1, &[]), metadata(5, &[("ab", 7)]), largest] {
            assert_eq!(OffsetMetadata::decode(&metadata.encode()).unwrap(), metadata);
        }
    }

    #[test]
    fn the_format_before_and_nothing_are_read() {
        assert_eq!(OffsetMetadata::decode("").unwrap(), OffsetMetadata::default());
        let old = STANDARD.encode(b"\x01\0\0\0\0\0\0\0\x05");
        assert_eq!(OffsetMetadata::decode(&old).unwrap(), metadata(5, &[]));
    }

    #[test]
    fn what_is_foreign_or_cut_off_is_an_error_and_no_panic() {
        let error = |text: &str| OffsetMetadata::decode(text).unwrap_err().to_string();
        assert!(error("not base64!").contains("Invalid"));
        assert_eq!(error(&STANDARD.encode(b"\x03whatever")), "it is of format 3");
        let whole = STANDARD.decode(metadata(5, &[("ab", 7)]).encode()).unwrap();
        // After the time alone it is whole.
        for cut in (1..whole.len()).filter(|cut| *cut != 9) {
            let cut = STANDARD.encode(&whole[..cut]);
            assert_eq!(error(&cut), "it is shorter than it says");
        }
        let many = STANDARD.encode(b"\x02\0\0\0\0\0\0\0\x05\x7f\xff\xff\xff");
        assert_eq!(error(&many), "it is shorter than it says");
        let negative = STANDARD.encode(b"\x02\0\0\0\0\0\0\0\x05\xff\xff\xff\xff");
        assert!(OffsetMetadata::decode(&negative).is_err());
    }
}
