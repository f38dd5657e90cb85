//! What makes rows of the records of a global table's topic.

use std::borrow::Cow;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::record::{Headers, RawRecord};
use crate::serde::{Data, Part, SerdeError, SerdeRef, is_unready};
use crate::state::{Uncommitted, row};

/// Makes rows, whatever the table's types.
pub(crate) trait MakeRow: Send + Sync {
    /// Decodes a record, and adds it as a row; returns false for a null key, which is none (row SF5).
    ///
    /// # Errors
    ///
    /// Where it cannot be decoded; retriable, where it lacks something that was asked for.
    fn put(&self, record: RawRecord<'_>, rows: &mut Uncommitted) -> Result<bool>;

    /// Makes the table ready for its keys to be looked up.
    ///
    /// # Errors
    ///
    /// As [`Serde::prepare`](crate::serde::Serde::prepare).
    fn prepare(&self) -> Result<(), SerdeError>;
}

/// The rows of a topic: its bytes as they came, once they were seen to be values of the table's types.
///
/// A row has no headers: what one says of its record's schema stands before the bytes instead.
pub(crate) struct GlobalRows<K, V> {
    topic: Arc<str>,
    keys: SerdeRef<K>,
    values: SerdeRef<V>,
}

impl<K: Data, V: Data> GlobalRows<K, V> {
    pub(crate) fn new(topic: Arc<str>, keys: SerdeRef<K>, values: SerdeRef<V>) -> Self {
        Self { topic, keys, values }
    }
}

impl<K: Data, V: Data> MakeRow for GlobalRows<K, V> {
    fn put(&self, record: RawRecord<'_>, rows: &mut Uncommitted) -> Result<bool> {
        let (topic, headers) = (&self.topic, record.headers);
        let decode_key = |key| self.keys.decode_record(topic, headers, Some(key));
        let key = record.key.map(decode_key).transpose();
        key.map_err(|cause| undecodable("key", &cause))?;
        let decode_value = |value| self.values.decode_record(topic, headers, Some(value));
        let value = record.value.map(decode_value).transpose();
        value.map_err(|cause| undecodable("value", &cause))?;
        let Some(key) = record.key else { return Ok(false) };
        let key = with_schema(headers, Part::Key, self.keys.schema().is_some(), key);
        let value = record.value.map(|value| {
            let has_schema = self.values.schema().is_some();
            let value = with_schema(headers, Part::Value, has_schema, value);
            row::join(record.timestamp, &value)
        });
        rows.put(&key, value);
        Ok(true)
    }

    fn prepare(&self) -> Result<(), SerdeError> {
        self.keys.prepare(&self.topic)
    }
}

fn with_schema<'b>(
    headers: &Headers,
    part: Part,
    has_schema: bool,
    bytes: &'b [u8],
) -> Cow<'b, [u8]> {
    let named = || headers.last(part.schema_header())?.value.as_deref();
    match has_schema.then(named).flatten() {
        Some(schema) => Cow::Owned([schema, bytes].concat()),
        None => Cow::Borrowed(bytes),
    }
}

#[cold]
fn undecodable(part: &str, cause: &SerdeError) -> Error {
    let kind = if is_unready(cause) { ErrorKind::Unavailable } else { ErrorKind::Deserialization };
    Error::new(kind, format!("cannot decode {part}: {cause}"))
}
