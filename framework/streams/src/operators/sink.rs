//! Where typed records become bytes for a topic.

use crate::error::{Error, ErrorKind, Result};
use crate::kafka::{Destination, OutTopicId, Partitioner, Placement};
use crate::metrics::DropReason;
use crate::processor::{Control, Process, TaskContext};
use crate::record::Record;
use crate::serde::{Data, SerdeError, SerdeRef, encode_into};

/// Encodes records into the outbox, for a topic; the key chooses the partition, unless a partitioner of
/// the user's does.
pub(crate) struct Sink<K, V> {
    pub(crate) topic: OutTopicId,
    pub(crate) keys: SerdeRef<K>,
    pub(crate) values: SerdeRef<V>,
    pub(crate) partitioner: Option<Partitioner<K, V>>,
}

impl<K: Data, V: Data> Sink<K, V> {
    /// Encodes a record into the outbox, unless its key is a null and such are not wanted.
    pub(crate) fn encode(
        &self,
        ctx: &mut TaskContext,
        record: Record<K, V>,
        null_keys: NullKeys,
    ) -> Result<()> {
        let topic = ctx.outbox.topic(self.topic).clone();
        let arena = ctx.outbox.arena();
        let start = arena.len();
        let key = encode_into(&*self.keys, &topic, &record.key, arena);
        let key = key.map_err(|cause| unencodable(ctx, "key", &topic, cause))?;
        if key.is_none() && null_keys == NullKeys::Skip {
            return Ok(());
        }
        let placement = self.partitioner.as_ref().map(|partitioner| {
            partitioner(&record.key, &record.value, ctx.outbox.partitions(self.topic))
        });
        let is_nowhere = match &placement {
            Some(Placement::Drop) => true,
            Some(Placement::Partitions(partitions)) => partitions.is_empty(),
            _ => false,
        };
        if is_nowhere {
            ctx.outbox.arena().truncate(start);
            ctx.dropped(DropReason::Unplaced);
            return Ok(());
        }
        let arena = ctx.outbox.arena();
        let value = encode_into(&*self.values, &topic, &record.value, arena);
        let value = value.map_err(|cause| unencodable(ctx, "value", &topic, cause))?;
        let at = (record.timestamp, record.headers);
        match placement {
            None => {
                let arena = ctx.outbox.arena();
                let partitioned_by = key.clone().map(|range| {
                    let encoded = arena.get(range.clone()).unwrap_or_default();
                    range.start..range.start + self.keys.partitioning_part(encoded).len()
                });
                ctx.outbox.push(Destination::Sink(self.topic), key, value, partitioned_by, at);
            }
            // As a producer would choose, which does not know parts of keys.
            Some(Placement::Default | Placement::Drop) => {
                let to = Destination::Sink(self.topic);
                ctx.outbox.push(to, key.clone(), value, key, at);
            }
            Some(Placement::Partition(partition)) => {
                let to = Destination::Partition(self.topic, self.existing(ctx, partition)?);
                ctx.outbox.push(to, key, value, None, at);
            }
            Some(Placement::Partitions(partitions)) => {
                for (nth, partition) in partitions.iter().enumerate() {
                    if partitions.iter().take(nth).any(|earlier| earlier == partition) {
                        continue;
                    }
                    let to = Destination::Partition(self.topic, self.existing(ctx, *partition)?);
                    ctx.outbox.push(to, key.clone(), value.clone(), None, at.clone());
                }
            }
        }
        Ok(())
    }

    /// Returns a partition's number as Kafka has it, if there is such a partition.
    fn existing(&self, ctx: &TaskContext, partition: usize) -> Result<i32> {
        let count = ctx.outbox.partitions(self.topic);
        let number = i32::try_from(partition).ok().filter(|_| partition < count);
        number.ok_or_else(|| {
            let at = ctx.record().map(ToString::to_string).unwrap_or_default();
            let topic = ctx.outbox.topic(self.topic);
            let message = format!(
                "the partitioner of {topic} chose partition {partition} (from {at}), but the topic has \
                 {count} partitions, numbered from 0"
            );
            Error::new(ErrorKind::Processing, message)
        })
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
        self.encode(ctx, record, NullKeys::Keep)
    }

    fn control(&mut self, _ctx: &mut TaskContext, _event: Control) -> Result<()> {
        Ok(())
    }
}

#[cold]
fn unencodable(ctx: &TaskContext, part: &str, topic: &str, cause: SerdeError) -> Error {
    let at = ctx.record().map(ToString::to_string).unwrap_or_default();
    let message = format!("cannot encode a {part} for {topic} (from {at}): {cause}");
    Error::new(ErrorKind::Serialization, message)
}
