//! The bytes of row keys.
//!
//! A plain key is its serde's bytes. A window's key is the key's bytes, the window's start as 8 bytes
//! and a sequence number as 4 (row W11): that is what stands in the changelog, as the JVM library
//! writes it. In the backend it is preceded by the number of its time segment, so that expiry drops
//! whole key ranges.

use crate::serde::{SerdeError, SerdeRef};
use crate::windows::{Window, Windowed};

/// How a store's keys become row keys.
pub(crate) trait KeyLayout<K>: Send + Sync {
    /// Returns how many leading bytes of a row key the changelog does not carry.
    fn prefix_len(&self) -> usize;

    /// Appends a key's row key.
    fn encode(&self, topic: &str, key: &K, out: &mut Vec<u8>) -> Result<(), SerdeError>;

    /// Appends the row key of a changelog record's key.
    fn row_key(&self, changelog_key: &[u8], out: &mut Vec<u8>) -> Result<(), SerdeError>;

    /// Reads the key back from a changelog record's key.
    fn decode(&self, topic: &str, changelog_key: &[u8]) -> Result<K, SerdeError>;
}

/// Keys as their serde writes them.
pub(crate) struct PlainKeys<K>(pub(crate) SerdeRef<K>);

impl<K> KeyLayout<K> for PlainKeys<K> {
    fn prefix_len(&self) -> usize {
        0
    }

    fn encode(&self, topic: &str, key: &K, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        self.0.encode(topic, key, out)
    }

    fn row_key(&self, changelog_key: &[u8], out: &mut Vec<u8>) -> Result<(), SerdeError> {
        out.extend_from_slice(changelog_key);
        Ok(())
    }

    fn decode(&self, topic: &str, changelog_key: &[u8]) -> Result<K, SerdeError> {
        self.0.decode(topic, changelog_key)
    }
}

/// Keys of windows, by time segment.
pub(crate) struct WindowKeys<K> {
    pub(crate) inner: SerdeRef<K>,
    pub(crate) size_ms: i64,
    pub(crate) segment_ms: i64,
}

pub(crate) const SEGMENT_BYTES: usize = 8;
const START_BYTES: usize = 8;
const SEQUENCE_BYTES: usize = 4;

impl<K> WindowKeys<K> {
    /// Returns the segment of a window's start.
    pub(crate) fn segment(&self, start_ms: i64) -> i64 {
        start_ms.max(0) / self.segment_ms.max(1)
    }
}

impl<K> KeyLayout<Windowed<K>> for WindowKeys<K> {
    fn prefix_len(&self) -> usize {
        SEGMENT_BYTES
    }

    fn encode(&self, topic: &str, key: &Windowed<K>, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        let start = key.window.start.as_millis();
        out.extend_from_slice(&self.segment(start).to_be_bytes());
        self.inner.encode(topic, &key.key, out)?;
        out.extend_from_slice(&start.to_be_bytes());
        out.extend_from_slice(&[0; SEQUENCE_BYTES]);
        Ok(())
    }

    fn row_key(&self, changelog_key: &[u8], out: &mut Vec<u8>) -> Result<(), SerdeError> {
        let (_, start) = split_start(changelog_key)?;
        out.extend_from_slice(&self.segment(start).to_be_bytes());
        out.extend_from_slice(changelog_key);
        Ok(())
    }

    fn decode(&self, topic: &str, changelog_key: &[u8]) -> Result<Windowed<K>, SerdeError> {
        let (key, start) = split_start(changelog_key)?;
        let key = self.inner.decode(topic, key)?;
        Ok(Windowed { key, window: Window::starting_at(start, self.size_ms) })
    }
}

/// Splits a window's changelog key into the key's bytes and the window's start.
pub(crate) fn split_start(changelog_key: &[u8]) -> Result<(&[u8], i64), SerdeError> {
    changelog_key
        .split_last_chunk::<SEQUENCE_BYTES>()
        .and_then(|(rest, _sequence)| rest.split_last_chunk::<START_BYTES>())
        .map(|(key, start)| (key, i64::from_be_bytes(*start)))
        .ok_or_else(|| "a window's key has at least 12 bytes".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serde::DefaultSerde;

    fn keys() -> WindowKeys<String> {
        WindowKeys { inner: String::default_serde(), size_ms: 10, segment_ms: 100 }
    }

    fn windowed(key: &str, start: i64) -> Windowed<String> {
        Windowed { key: key.to_owned(), window: Window::starting_at(start, 10) }
    }

    #[test]
    fn a_window_key_is_segment_key_start_sequence_and_comes_back() {
        let mut row = Vec::new();
        keys().encode("t", &windowed("ab", 250), &mut row).unwrap();
        let expected = [0, 0, 0, 0, 0, 0, 0, 2, b'a', b'b', 0, 0, 0, 0, 0, 0, 0, 250, 0, 0, 0, 0];
        assert_eq!(row, expected);

        let mut again = Vec::new();
        keys().row_key(&row[SEGMENT_BYTES..], &mut again).unwrap();
        assert_eq!(again, row);
        assert_eq!(keys().decode("t", &row[SEGMENT_BYTES..]).unwrap(), windowed("ab", 250));
        assert!(keys().decode("t", &row[..11]).is_err());
    }

    #[test]
    fn rows_of_a_later_segment_sort_behind_all_of_an_earlier_one() {
        let mut rows: Vec<Vec<u8>> = Vec::new();
        for (key, start) in [("z", 99), ("", 100), ("a", 0), ("b", 1_000_000)] {
            let mut row = Vec::new();
            keys().encode("t", &windowed(key, start), &mut row).unwrap();
            rows.push(row);
        }
        let by_start = [2, 0, 1, 3].map(|at: usize| rows[at].clone());
        rows.sort();
        assert_eq!(rows, by_start);
    }
}
