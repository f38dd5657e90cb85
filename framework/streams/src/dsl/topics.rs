//! Topics of one type, of which each record chooses one.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::serde::{Serde, SerdeRef};
use crate::topology::TopicCreation;

/// Topics whose records have the same types, for [`KStream::to_dynamic`](crate::KStream::to_dynamic).
///
/// # Examples
///
/// ```
/// use kappa::prelude::*;
///
/// let by_country: Topics<String, i64> = Topics::among(["orders-de", "orders-fr"], Utf8, I64);
/// let anywhere: Topics<String, i64> = Topics::any(Utf8, I64);
/// ```
pub struct Topics<K, V> {
    names: Option<BTreeSet<Arc<str>>>,
    keys: SerdeRef<K>,
    values: SerdeRef<V>,
    creation: Option<TopicCreation>,
}

impl<K, V> Topics<K, V> {
    /// All topics that exist. What is written so cannot be rerun: a rerun writes to topics of its own,
    /// which it must know before.
    #[must_use]
    pub fn any(keys: impl Serde<K> + 'static, values: impl Serde<V> + 'static) -> Self {
        Self { names: None, keys: Arc::new(keys), values: Arc::new(values), creation: None }
    }

    /// These topics, which must exist when the application starts. A rerun writes to `<topic>--<version>`
    /// in place of each, as it does for any other output.
    #[must_use]
    pub fn among<N: AsRef<str>>(
        names: impl IntoIterator<Item = N>,
        keys: impl Serde<K> + 'static,
        values: impl Serde<V> + 'static,
    ) -> Self {
        let names = names.into_iter().map(|name| name.as_ref().into()).collect();
        Self { names: Some(names), ..Self::any(keys, values) }
    }

    /// Has the application create those listed that are missing when it starts, with this many partitions.
    #[must_use]
    pub fn create(mut self, partitions: usize) -> Self {
        self.creation.get_or_insert_default().partitions = partitions;
        self
    }

    /// Returns the names of the topics, if they are listed.
    #[must_use]
    pub fn names(&self) -> Option<&BTreeSet<Arc<str>>> {
        self.names.as_ref()
    }

    pub(crate) fn keys(&self) -> &SerdeRef<K> {
        &self.keys
    }

    pub(crate) fn values(&self) -> &SerdeRef<V> {
        &self.values
    }

    pub(crate) fn creation(&self) -> Option<&TopicCreation> {
        self.creation.as_ref()
    }
}

impl<K, V> fmt::Debug for Topics<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Topics").field(&self.names).finish()
    }
}
