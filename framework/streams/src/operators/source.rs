//! Where bytes become typed records.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::metrics::DropReason;
use crate::processor::{Control, Edge, Source, TaskContext};
use crate::record::{RawRecord, Record};
use crate::serde::{Data, SerdeError, SerdeRef, is_unready};

/// Reads a stream's topic: nulls are what the topic's types make of them.
pub(crate) struct StreamSource<K, V> {
    pub(crate) topic: Arc<str>,
    pub(crate) keys: SerdeRef<K>,
    pub(crate) values: SerdeRef<V>,
    pub(crate) next: Edge<K, V>,
}

impl<K: Data, V: Data> Source for StreamSource<K, V> {
    fn process(&mut self, ctx: &mut TaskContext, raw: RawRecord<'_>) -> Result<()> {
        let key = self.keys.decode_record(&self.topic, raw.headers, raw.key);
        let key = key.map_err(|cause| undecodable(ctx, "key", cause))?;
        let value = self.values.decode_record(&self.topic, raw.headers, raw.value);
        let value = value.map_err(|cause| undecodable(ctx, "value", cause))?;
        let headers = raw.headers.clone();
        self.next.process(ctx, Record { key, value, timestamp: raw.timestamp, headers })
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.next.control(ctx, event)
    }
}

/// Reads a table's topic: a null key is dropped, a null value is a delete (row SF5).
pub(crate) struct TableReader<K, V> {
    pub(crate) topic: Arc<str>,
    pub(crate) keys: SerdeRef<K>,
    pub(crate) values: SerdeRef<V>,
    pub(crate) next: Edge<K, Option<V>>,
}

impl<K: Data, V: Data> Source for TableReader<K, V> {
    fn process(&mut self, ctx: &mut TaskContext, raw: RawRecord<'_>) -> Result<()> {
        let Some(key) = raw.key else {
            ctx.dropped(DropReason::Null);
            return Ok(());
        };
        let key = self.keys.decode_record(&self.topic, raw.headers, Some(key));
        let key = key.map_err(|cause| undecodable(ctx, "key", cause))?;
        let decode = |value| self.values.decode_record(&self.topic, raw.headers, Some(value));
        let value = raw.value.map(decode).transpose();
        let value = value.map_err(|cause| undecodable(ctx, "value", cause))?;
        let headers = raw.headers.clone();
        self.next.process(ctx, Record { key, value, timestamp: raw.timestamp, headers })
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.next.control(ctx, event)
    }
}

#[cold]
fn undecodable(ctx: &TaskContext, part: &str, cause: SerdeError) -> Error {
    let at = ctx.record().map(ToString::to_string).unwrap_or_default();
    // What is lacking has been asked for: the record is tried again.
    let kind = if is_unready(&cause) { ErrorKind::Unavailable } else { ErrorKind::Deserialization };
    Error::new(kind, format!("cannot decode {part} of {at}: {cause}"))
}
