//! Where each record chooses its topic (row SL6).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::Writer;
use super::sink::{NullKeys, processed};
use crate::error::{Error, Result};
use crate::kafka::OutTopicId;
use crate::processor::{Control, Process, TaskContext, WriteContext};
use crate::record::Record;
use crate::serde::Data;

/// The topics that a record may choose from.
pub(crate) enum Choice {
    /// All that exist.
    Any,
    /// These.
    Among(HashMap<Arc<str>, OutTopicId>),
}

/// Writes each record to the topic that `choose` names.
pub(crate) struct DynamicSink<K, V, F> {
    pub(crate) topics: Choice,
    pub(crate) choose: Arc<F>,
    pub(crate) writer: Writer<K, V>,
}

impl<K, V, F> Process<K, V> for DynamicSink<K, V, F>
where
    K: Data,
    V: Data,
    F: for<'a> Fn(&'a K, &'a V, &'a WriteContext<'a>) -> Cow<'a, str> + Send + Sync,
{
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, V>) -> Result<()> {
        let from = ctx.record().cloned();
        let Record { key, value, timestamp, headers } = &record;
        let context = WriteContext { from: from.as_ref(), timestamp: *timestamp, headers };
        let name = (self.choose)(key, value, &context);
        let topic = match &self.topics {
            Choice::Any => ctx.outbox.dynamic(&name),
            Choice::Among(topics) => {
                let listed = topics.get(&*name).copied();
                listed.ok_or_else(|| not_listed(&name).context(processed(ctx)))?
            }
        };
        self.writer.write(ctx, topic, record, NullKeys::Keep)
    }

    fn control(&mut self, _ctx: &mut TaskContext, _event: Control) -> Result<()> {
        Ok(())
    }
}

#[cold]
fn not_listed(topic: &str) -> Error {
    Error::topology(format!(
        "the topic {topic} was chosen, which is not among those listed: add it to `Topics::among`"
    ))
}
