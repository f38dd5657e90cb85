//! A topic with the types and serdes of its records.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::serde::{DefaultSerde, Serde, SerdeRef};
use crate::topology::TopicCreation;

/// A topic, declared once and shared by topology, test driver and tools.
///
/// Whether keys or values may be null is part of the type: `Topic<String, Option<Order>>`.
///
/// # Examples
///
/// ```
/// use kappa::prelude::*;
///
/// let words: Topic<String, String> = Topic::new("words", Utf8, Utf8);
/// // Created at start where it is missing, with 4 partitions, compacted.
/// let counts: Topic<String, Option<i64>> =
///     Topic::new("counts", Utf8, Nullable::of(I64)).create(4).setting("cleanup.policy", "compact");
/// ```
pub struct Topic<K, V> {
    name: Arc<str>,
    keys: SerdeRef<K>,
    values: SerdeRef<V>,
    creation: Option<TopicCreation>,
}

impl<K, V> Topic<K, V> {
    /// Declares a topic with the serdes of its keys and values.
    #[must_use]
    pub fn new(name: &str, keys: impl Serde<K> + 'static, values: impl Serde<V> + 'static) -> Self {
        Self { name: name.into(), keys: Arc::new(keys), values: Arc::new(values), creation: None }
    }

    /// Declares a topic whose types have serdes of their own.
    #[must_use]
    pub fn of(name: &str) -> Self
    where
        K: DefaultSerde,
        V: DefaultSerde,
    {
        let (keys, values) = (K::default_serde(), V::default_serde());
        Self { name: name.into(), keys, values, creation: None }
    }

    /// Has the application create the topic at its start, with this many partitions, where it writes it
    /// and the topic does not exist.
    #[must_use]
    pub fn create(mut self, partitions: usize) -> Self {
        self.creation.get_or_insert_default().partitions = partitions;
        self
    }

    /// Sets a setting, by Kafka's name, for when the application creates the topic.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        let settings: &mut BTreeMap<_, _> = &mut self.creation.get_or_insert_default().settings;
        settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Returns the topic's name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Returns the serde of its keys.
    #[must_use]
    pub fn keys(&self) -> &SerdeRef<K> {
        &self.keys
    }

    /// Returns the serde of its values.
    #[must_use]
    pub fn values(&self) -> &SerdeRef<V> {
        &self.values
    }

    pub(crate) fn creation(&self) -> Option<&TopicCreation> {
        self.creation.as_ref()
    }
}

impl<K, V> Clone for Topic<K, V> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            keys: self.keys.clone(),
            values: self.values.clone(),
            creation: self.creation.clone(),
        }
    }
}

impl<K, V> fmt::Debug for Topic<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({})", self.name)
    }
}
