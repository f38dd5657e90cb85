//! Keys of windows: the key, then the window's start (row W11).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Encoded, NULL_REFUSED, Schema, Serde, SerdeError, SerdeRef};
use crate::record::{Header, Headers};
use crate::time::millis;
use crate::windows::{Window, Windowed};

/// Windowed keys as the JVM library writes them: the key's bytes, then the start as 8 bytes,
/// big-endian. The end is not written: it is the start plus the size.
pub struct TimeWindowed<K> {
    inner: SerdeRef<K>,
    size_ms: i64,
}

impl<K> TimeWindowed<K> {
    /// Makes the serde of windows of a size.
    #[must_use]
    pub fn new(inner: SerdeRef<K>, size: Duration) -> Self {
        Self { inner, size_ms: millis(size) }
    }
}

impl<K> fmt::Debug for TimeWindowed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeWindowed").field("size_ms", &self.size_ms).finish_non_exhaustive()
    }
}

const START_BYTES: usize = 8;

fn write_start(window: Window, out: &mut Vec<u8>) {
    out.extend_from_slice(&window.start.as_millis().to_be_bytes());
}

impl<K> Serde<Windowed<K>> for TimeWindowed<K> {
    fn encode(
        &self,
        topic: &str,
        value: &Windowed<K>,
        out: &mut Vec<u8>,
    ) -> Result<(), SerdeError> {
        self.inner.encode(topic, &value.key, out)?;
        write_start(value.window, out);
        Ok(())
    }

    fn encode_record(
        &self,
        topic: &str,
        value: &Windowed<K>,
        out: &mut Vec<u8>,
    ) -> Result<Encoded, SerdeError> {
        if self.inner.encode_record(topic, &value.key, out)? == Encoded::Null {
            return Err("a null has no bytes, and so no windows".into());
        }
        write_start(value.window, out);
        Ok(Encoded::Bytes)
    }

    fn decode(&self, topic: &str, bytes: &[u8]) -> Result<Windowed<K>, SerdeError> {
        self.read(bytes, |key| self.inner.decode(topic, key))
    }

    fn decode_record(
        &self,
        topic: &str,
        headers: &Headers,
        bytes: Option<&[u8]>,
    ) -> Result<Windowed<K>, SerdeError> {
        let bytes = bytes.ok_or(NULL_REFUSED)?;
        self.read(bytes, |key| self.inner.decode_record(topic, headers, Some(key)))
    }

    fn prepare(&self, topic: &str) -> Result<(), SerdeError> {
        self.inner.prepare(topic)
    }

    fn header(&self, topic: &str) -> Option<Header> {
        self.inner.header(topic)
    }

    fn schema(&self) -> Option<&Schema> {
        self.inner.schema()
    }

    fn keeps_bytes(&self) -> bool {
        self.inner.keeps_bytes()
    }

    fn partitioning_part<'a>(&self, encoded: &'a [u8]) -> &'a [u8] {
        let key = encoded.split_last_chunk::<START_BYTES>().map_or(encoded, |(key, _)| key);
        self.inner.partitioning_part(key)
    }
}

impl<K> TimeWindowed<K> {
    fn read(
        &self,
        bytes: &[u8],
        decode: impl FnOnce(&[u8]) -> Result<K, SerdeError>,
    ) -> Result<Windowed<K>, SerdeError> {
        let Some((key, start)) = bytes.split_last_chunk::<START_BYTES>() else {
            return Err("a windowed key has at least 8 bytes".into());
        };
        let window = Window::starting_at(i64::from_be_bytes(*start), self.size_ms);
        Ok(Windowed { key: decode(key)?, window })
    }
}

impl<K: 'static> TimeWindowed<K> {
    /// Returns this serde in its shared form.
    #[must_use]
    pub fn shared(self) -> SerdeRef<Windowed<K>> {
        Arc::new(self)
    }
}
