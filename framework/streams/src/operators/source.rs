//! Where bytes become typed records.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::metrics::DropReason;
use crate::processor::{Control, Edge, Source, TaskContext};
use crate::record::{RawRecord, Record};
use crate::serde::{Data, SerdeError, SerdeRef};

/// Reads a stream's topic: nulls are what the topic's types make of them.
pub(crate) struct StreamSource<K, V> {
    pub(crate) topic: Arc<str>,
    pub(crate) keys: SerdeRef<K>,
    pub(crate) values: SerdeRef<V>,
    pub(crate) next: Edge<K, V>,
}

impl<K: Data, V: Data> Source for StreamSource<K, V> {
    fn process(&mut self, ctx: &mut TaskContext, raw: RawRecord<'_>) -> Result<()> {
        let key = self.keys.decode_nullable(&self.topic, raw.key);
        let key = key.map_err(|cause| undecodable(ctx, "key", cause))?;
        let value = self.values.decode_nullable(&self.topic, raw.value);
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
        let key = self.keys.decode(&self.topic, key);
        let key = key.map_err(|cause| undecodable(ctx, "key", cause))?;
        let value = raw.value.map(|value| self.values.decode(&self.topic, value)).transpose();
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
    let message = format!("cannot decode {part} of {at}: {cause}");
    Error::new(ErrorKind::Deserialization, message)
}
