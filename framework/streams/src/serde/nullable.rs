//! Kafka's null as `None`.

use std::fmt;
use std::sync::Arc;

use super::{Encoded, Schema, Serde, SerdeError, SerdeRef};
use crate::record::{Header, Headers};

/// Adds a null to a serde: `None` is Kafka's null, `Some` is what the inner serde writes.
///
/// # Examples
///
/// ```
/// use kappa::Topic;
/// use kappa::serde::{I64, Nullable, Utf8};
///
/// // A compacted topic whose nulls are deletes.
/// let balances: Topic<String, Option<i64>> = Topic::new("balances", Utf8, Nullable::of(I64));
/// ```
pub struct Nullable<T>(SerdeRef<T>);

impl<T> Nullable<T> {
    /// Wraps a serde.
    #[must_use]
    pub fn of(inner: impl Serde<T> + 'static) -> Self {
        Self(Arc::new(inner))
    }

    /// Wraps a shared serde.
    #[must_use]
    pub fn shared(inner: SerdeRef<T>) -> Self {
        Self(inner)
    }
}

impl<T> fmt::Debug for Nullable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Nullable").field(&self.0).finish()
    }
}

impl<T> Serde<Option<T>> for Nullable<T> {
    fn encode(&self, topic: &str, value: &Option<T>, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        match value {
            Some(value) => self.0.encode(topic, value, out),
            None => Err("a null has no bytes".into()),
        }
    }

    fn decode(&self, topic: &str, bytes: &[u8]) -> Result<Option<T>, SerdeError> {
        self.0.decode(topic, bytes).map(Some)
    }

    fn encode_nullable(
        &self,
        topic: &str,
        value: &Option<T>,
        out: &mut Vec<u8>,
    ) -> Result<Encoded, SerdeError> {
        match value {
            Some(value) => self.0.encode_nullable(topic, value, out),
            None => Ok(Encoded::Null),
        }
    }

    fn encode_record(
        &self,
        topic: &str,
        value: &Option<T>,
        out: &mut Vec<u8>,
    ) -> Result<Encoded, SerdeError> {
        match value {
            Some(value) => self.0.encode_record(topic, value, out),
            None => Ok(Encoded::Null),
        }
    }

    fn decode_nullable(&self, topic: &str, bytes: Option<&[u8]>) -> Result<Option<T>, SerdeError> {
        bytes.map(|bytes| self.0.decode(topic, bytes)).transpose()
    }

    fn decode_record(
        &self,
        topic: &str,
        headers: &Headers,
        bytes: Option<&[u8]>,
    ) -> Result<Option<T>, SerdeError> {
        let decode = |bytes| self.0.decode_record(topic, headers, Some(bytes));
        bytes.map(decode).transpose()
    }

    fn prepare(&self, topic: &str) -> Result<(), SerdeError> {
        self.0.prepare(topic)
    }

    fn header(&self, topic: &str) -> Option<Header> {
        self.0.header(topic)
    }

    fn schema(&self) -> Option<&Schema> {
        self.0.schema()
    }

    fn keeps_bytes(&self) -> bool {
        self.0.keeps_bytes()
    }

    fn partitioning_part<'a>(&self, encoded: &'a [u8]) -> &'a [u8] {
        self.0.partitioning_part(encoded)
    }
}
