//! Where typed records become bytes for a topic.

use crate::error::{Error, ErrorKind, Result};
use crate::kafka::{Destination, OutTopicId, Partitioner};
use crate::metrics::DropReason;
use crate::processor::{Control, Process, TaskContext};
use crate::record::{Headers, Record};
use crate::serde::{Data, Part, SerdeError, SerdeRef, encode_into};

/// The header that names the schema of a key.
const KEY: &str = Part::Key.schema_header();
/// The header that names the schema of a value.
const VALUE: &str = Part::Value.schema_header();

/// Writes records to a topic.
pub(crate) struct Sink<K, V> {
    pub(crate) topic: OutTopicId,
    pub(crate) writer: Writer<K, V>,
}

/// Encodes records into the outbox; the key chooses the partition, unless a partitioner of the user's
/// does.
#[derive(Clone)]
pub(crate) struct Writer<K, V> {
    keys: SerdeRef<K>,
    values: SerdeRef<V>,
    partitioner: Option<Partitioner<K, V>>,
    /// Whether headers may have to name schemas: not of serdes that have none.
    has_schemas: bool,
    /// The headers of the record that was read which are not true of what is written.
    replaced: &'static [&'static str],
}

impl<K, V> Writer<K, V> {
    /// Writes with these serdes.
    pub(crate) fn new(
        keys: SerdeRef<K>,
        values: SerdeRef<V>,
        partitioner: Option<Partitioner<K, V>>,
    ) -> Self {
        let has_schemas = keys.schema().is_some() || values.schema().is_some();
        let replaced: &[&str] = match (keys.keeps_bytes(), values.keeps_bytes()) {
            (false, false) => &[KEY, VALUE],
            (false, true) => &[KEY],
            (true, false) => &[VALUE],
            (true, true) => &[],
        };
        Self { keys, values, partitioner, has_schemas, replaced }
    }
}

impl<K: Data, V: Data> Writer<K, V> {
    /// Encodes a record into the outbox, unless its key is a null and such are not wanted.
    pub(crate) fn write(
        &self,
        ctx: &mut TaskContext,
        topic: OutTopicId,
        mut record: Record<K, V>,
        null_keys: NullKeys,
    ) -> Result<()> {
        let name = ctx.outbox.serde_topic(topic).clone();
        let arena = ctx.outbox.arena();
        let key = encode_into(&*self.keys, &name, &record.key, arena);
        let key = key.map_err(|cause| unencodable(ctx, "key", &name, cause))?;
        if key.is_none() && null_keys == NullKeys::Skip {
            return Ok(());
        }
        let value = encode_into(&*self.values, &name, &record.value, ctx.outbox.arena());
        let value = value.map_err(|cause| unencodable(ctx, "value", &name, cause))?;
        if self.has_schemas || !record.headers.is_empty() {
            let parts = (key.is_some(), value.is_some());
            record.headers = self.with_schemas(&name, record.headers, parts);
        }
        let Some(partitioner) = &self.partitioner else {
            let arena = ctx.outbox.arena();
            let partitioned_by = key.clone().map(|range| {
                let encoded = arena.get(range.clone()).unwrap_or_default();
                range.start..range.start + self.keys.partitioning_part(encoded).len()
            });
            let at = (record.timestamp, record.headers);
            ctx.outbox.push(Destination::Sink(topic), key, value, partitioned_by, at);
            return Ok(());
        };
        let Record { key: by_key, value: by_value, timestamp, headers } = record;
        let (encoded, at) = ((key, value), (timestamp, headers));
        let Some(partitions) = ctx.outbox.partitions(topic) else {
            let partitioner = partitioner.clone();
            let choose = Box::new(move |count| partitioner(&by_key, &by_value, count));
            ctx.outbox.push_awaiting(topic, encoded, at, choose);
            return Ok(());
        };
        let placement = partitioner(&by_key, &by_value, partitions);
        let placed = ctx.outbox.push_placed(topic, encoded, at, placement);
        if placed.map_err(|error| error.context(processed(ctx)))? == 0 {
            ctx.dropped(DropReason::Unplaced);
        }
        Ok(())
    }
}

impl<K, V> Writer<K, V> {
    /// Adds the headers that name the schemas of key and value, where serdes want that and there are bytes:
    /// a null is of no schema.
    ///
    /// Those of the record that was read go where a serde writes anew: readers would take what is written here
    /// for what they name. They stay where bytes are passed on as they are.
    fn with_schemas(
        &self,
        topic: &str,
        headers: Headers,
        (has_key, has_value): (bool, bool),
    ) -> Headers {
        let headers = headers.without(self.replaced);
        if !self.has_schemas {
            return headers;
        }
        let key = has_key.then(|| self.keys.header(topic)).flatten();
        let value = has_value.then(|| self.values.header(topic)).flatten();
        match (key, value) {
            (None, None) => headers,
            (key, value) => headers.with(key.into_iter().chain(value)),
        }
    }
}

/// What a sink does with null keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NullKeys {
    /// Write them, to any partition.
    Keep,
    /// Leave them out without a word: a repartition topic has no place for them (row SL8).
    Skip,
}

impl<K: Data, V: Data> Process<K, V> for Sink<K, V> {
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, V>) -> Result<()> {
        self.writer.write(ctx, self.topic, record, NullKeys::Keep)
    }

    fn control(&mut self, _ctx: &mut TaskContext, _event: Control) -> Result<()> {
        Ok(())
    }
}

/// Returns which record was processed when something went wrong.
pub(super) fn processed(ctx: &TaskContext) -> String {
    ctx.record().map_or_else(String::new, |at| format!("record {at}"))
}

#[cold]
fn unencodable(ctx: &TaskContext, part: &str, topic: &str, cause: SerdeError) -> Error {
    let at = ctx.record().map(ToString::to_string).unwrap_or_default();
    let message = format!("cannot encode a {part} for {topic} (from {at}): {cause}");
    Error::new(ErrorKind::Serialization, message)
}
