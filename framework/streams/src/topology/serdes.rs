//! The serdes of topics, whatever their types: made ready before the first record, and told to tools.

use std::fmt;
use std::sync::Arc;

use super::{Graph, TopicNames, Topology};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::TopicRef;
use crate::serde::{Part, Schema, SerdeError, SerdeRef, is_unready};

/// A serde without its type.
pub(crate) trait TopicSerde: Send + Sync {
    /// See [`Serde::prepare`](crate::serde::Serde::prepare).
    fn prepare(&self, topic: &str) -> Result<(), SerdeError>;

    /// See [`Serde::schema`](crate::serde::Serde::schema).
    fn schema(&self) -> Option<&Schema>;
}

impl<T> TopicSerde for SerdeRef<T> {
    fn prepare(&self, topic: &str) -> Result<(), SerdeError> {
        (**self).prepare(topic)
    }

    fn schema(&self) -> Option<&Schema> {
        (**self).schema()
    }
}

/// The serdes of a topic's keys and values.
#[derive(Clone)]
pub(crate) struct KeyValueSerdes {
    keys: Arc<dyn TopicSerde>,
    values: Arc<dyn TopicSerde>,
}

impl KeyValueSerdes {
    pub(crate) fn new<K: 'static, V: 'static>(keys: &SerdeRef<K>, values: &SerdeRef<V>) -> Self {
        Self { keys: Arc::new(keys.clone()), values: Arc::new(values.clone()) }
    }

    fn parts(&self) -> [(Part, &dyn TopicSerde); 2] {
        [(Part::Key, &*self.keys), (Part::Value, &*self.values)]
    }
}

impl fmt::Debug for KeyValueSerdes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyValueSerdes")
    }
}

/// A topic that the topology names, what for, and its serdes.
#[derive(Debug, Clone)]
pub(crate) struct DeclaredSerdes {
    pub(crate) topic: TopicRef,
    pub(crate) usage: Usage,
    pub(crate) serdes: KeyValueSerdes,
}

/// What a topology does with a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Usage {
    /// It reads what others write.
    Reads,
    /// It writes, and may read what it wrote.
    Writes,
}

/// A schema that a topology reads a topic with, or writes it with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSchema {
    /// The topic, by the name that serdes are told: the live one.
    pub topic: Arc<str>,
    /// Key or value.
    pub part: Part,
    /// Whether it is written.
    pub usage: Usage,
    /// The schema.
    pub schema: Schema,
}

impl Graph {
    /// Notes the serdes of a topic that is read; what a topology writes for itself is noted there.
    pub(crate) fn reads<K: 'static, V: 'static>(
        &mut self,
        topic: &TopicRef,
        keys: &SerdeRef<K>,
        values: &SerdeRef<V>,
    ) {
        if matches!(topic, TopicRef::External(_)) {
            self.note_serdes(topic, Usage::Reads, KeyValueSerdes::new(keys, values));
        }
    }

    /// Notes the serdes of a topic that is written.
    pub(crate) fn writes<K: 'static, V: 'static>(
        &mut self,
        topic: &TopicRef,
        keys: &SerdeRef<K>,
        values: &SerdeRef<V>,
    ) {
        self.note_serdes(topic, Usage::Writes, KeyValueSerdes::new(keys, values));
    }

    fn note_serdes(&mut self, topic: &TopicRef, usage: Usage, serdes: KeyValueSerdes) {
        self.serdes.push(DeclaredSerdes { topic: topic.clone(), usage, serdes });
    }
}

impl Topology {
    /// Returns the schemas of keys and values by topic, of those serdes that have one: inputs, outputs,
    /// repartition topics and changelogs.
    #[must_use]
    pub fn schemas(&self, names: &TopicNames) -> Vec<TopicSchema> {
        let mut schemas: Vec<TopicSchema> = Vec::new();
        for (topic, usage, serdes) in self.topic_serdes(names) {
            for (part, serde) in serdes.parts() {
                let Some(schema) = serde.schema().cloned() else { continue };
                let found = TopicSchema { topic: topic.clone(), part, usage, schema };
                if !schemas.contains(&found) {
                    schemas.push(found);
                }
            }
        }
        schemas.sort_by(|a, b| (&a.topic, a.part, a.usage).cmp(&(&b.topic, b.part, b.usage)));
        schemas
    }

    /// Makes the serdes of everything that is written ready for it, and of keys that are looked up.
    ///
    /// # Errors
    ///
    /// Where a topic cannot be written so; retriable, if that may change by itself.
    pub(crate) fn prepare_serdes(&self, names: &TopicNames) -> Result<()> {
        let written = self.topic_serdes(names);
        for (topic, _, serdes) in written.filter(|(_, usage, _)| *usage == Usage::Writes) {
            for (_, serde) in serdes.parts() {
                serde.prepare(&topic).map_err(|cause| unprepared("write to", &topic, cause))?;
            }
        }
        for global in &self.graph().globals {
            let prepared = global.rows.prepare();
            prepared.map_err(|cause| unprepared("look up keys of", &global.topic, cause))?;
        }
        Ok(())
    }

    fn topic_serdes<'a>(
        &'a self,
        names: &'a TopicNames,
    ) -> impl Iterator<Item = (Arc<str>, Usage, &'a KeyValueSerdes)> {
        let declared = self.graph().serdes.iter();
        let declared = declared.map(|DeclaredSerdes { topic, usage, serdes }| {
            (names.serde_topic(topic), *usage, serdes)
        });
        // A table that nobody looks up keeps no rows.
        let kept = self.subtopologies().iter().flat_map(|subtopology| &subtopology.stores);
        let kept = kept.filter_map(|&store| self.store(store));
        let kept = kept
            .map(|store| (names.serde_changelog(&store.name), Usage::Writes, &store.make.serdes));
        declared.chain(kept)
    }
}

#[cold]
fn unprepared(what: &str, topic: &str, cause: SerdeError) -> Error {
    let kind = if is_unready(&cause) { ErrorKind::Unavailable } else { ErrorKind::Config };
    Error::new(kind, format!("cannot {what} {topic}: {cause}"))
}
