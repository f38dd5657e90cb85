//! Optional arguments: how a table is kept, and how a stream is grouped.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::kafka::{Partitioner, Placement};
use crate::serde::{DefaultSerde, Serde, SerdeRef};
use crate::state::StoreType;

/// How a table's rows are kept: name, cache, changelog, place.
///
/// A name is enough: every place that takes this takes a `&str`.
///
/// # Examples
///
/// ```
/// use kappa::prelude::*;
///
/// let store = Stored::named("customers").caching(false).in_memory();
/// ```
#[derive(Debug, Clone)]
pub struct Stored {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) caching: bool,
    pub(crate) logging: bool,
    pub(crate) store_type: Option<StoreType>,
    pub(crate) retention: Option<Duration>,
}

impl Stored {
    /// Keeps rows in a store of this name; its changelog topic is named after it.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: Some(name.into()), ..Self::unnamed() }
    }

    /// Keeps rows, where needed, in a store with the name that the JVM library would generate.
    ///
    /// Such a name changes when operators are added before it: give names to stores that live long.
    #[must_use]
    pub fn unnamed() -> Self {
        Self { name: None, caching: true, logging: true, store_type: None, retention: None }
    }

    /// Folds several updates of a row into one, until a commit or until the cache is full (the
    /// default), or forwards each.
    #[must_use]
    pub fn caching(mut self, enabled: bool) -> Self {
        self.caching = enabled;
        self
    }

    /// Logs updates to a changelog topic (the default), from which lost state is restored; without it
    /// the state is gone with the disk.
    #[must_use]
    pub fn logging(mut self, enabled: bool) -> Self {
        self.logging = enabled;
        self
    }

    /// Keeps rows in memory, whatever `default.dsl.store` says.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.store_type = Some(StoreType::InMemory);
        self
    }

    /// Keeps rows in RocksDB, whatever `default.dsl.store` says.
    #[must_use]
    pub fn rocksdb(mut self) -> Self {
        self.store_type = Some(StoreType::RocksDb);
        self
    }

    /// Keeps windows this long, instead of their size and grace; never shorter than these.
    #[must_use]
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = Some(retention);
        self
    }
}

impl From<&str> for Stored {
    fn from(name: &str) -> Self {
        Self::named(name)
    }
}

/// How an aggregation's rows are kept, and with which serdes.
///
/// A name is enough where key and value have serdes of their own.
pub struct Materialized<K, V> {
    pub(crate) stored: Stored,
    pub(crate) keys: SerdeRef<K>,
    pub(crate) values: SerdeRef<V>,
    /// Whether serdes were given: the JVM library's `count` then burns one more number.
    pub(crate) explicit: bool,
}

impl<K, V> Materialized<K, V> {
    /// Keeps rows as described, with the types' own serdes.
    #[must_use]
    pub fn stored(stored: impl Into<Stored>) -> Self
    where
        K: DefaultSerde,
        V: DefaultSerde,
    {
        let (keys, values) = (K::default_serde(), V::default_serde());
        Self { stored: stored.into(), keys, values, explicit: false }
    }

    /// Keeps rows in a store of this name, with the types' own serdes.
    #[must_use]
    pub fn named(name: &str) -> Self
    where
        K: DefaultSerde,
        V: DefaultSerde,
    {
        Self::stored(name)
    }

    /// Keeps rows in a store with the name that the JVM library would generate.
    #[must_use]
    pub fn unnamed() -> Self
    where
        K: DefaultSerde,
        V: DefaultSerde,
    {
        Self::stored(Stored::unnamed())
    }

    /// Keeps rows with these serdes, in a store with a generated name unless `as` follows.
    #[must_use]
    pub fn with(keys: impl Serde<K> + 'static, values: impl Serde<V> + 'static) -> Self {
        Self {
            stored: Stored::unnamed(),
            keys: Arc::new(keys),
            values: Arc::new(values),
            explicit: true,
        }
    }

    /// Keeps rows as described, with the serdes given before.
    #[must_use]
    pub fn r#as(mut self, stored: impl Into<Stored>) -> Self {
        self.stored = stored.into();
        self
    }
}

impl<K, V> fmt::Debug for Materialized<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.stored, f)
    }
}

impl<K: DefaultSerde, V: DefaultSerde> From<&str> for Materialized<K, V> {
    fn from(name: &str) -> Self {
        Self::named(name)
    }
}

impl<K: DefaultSerde, V: DefaultSerde> From<Stored> for Materialized<K, V> {
    fn from(stored: Stored) -> Self {
        Self::stored(stored)
    }
}

/// How a stream is grouped: serdes for the repartition topic it may need, and the topic's name.
///
/// # Examples
///
/// ```
/// use kappa::prelude::*;
///
/// let by_customer: Grouped<String, i64> = Grouped::with(Utf8, I64).named("by-customer");
/// ```
pub struct Grouped<K, V> {
    pub(crate) keys: SerdeRef<K>,
    pub(crate) values: SerdeRef<V>,
    pub(crate) name: Option<Arc<str>>,
}

impl<K, V> Grouped<K, V> {
    /// Groups with these serdes.
    #[must_use]
    pub fn with(keys: impl Serde<K> + 'static, values: impl Serde<V> + 'static) -> Self {
        Self { keys: Arc::new(keys), values: Arc::new(values), name: None }
    }

    /// Names the repartition topic `<application.id>-<name>-repartition`, instead of after the store.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl<K, V> fmt::Debug for Grouped<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grouped").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How a stream is repartitioned: the topic's name, its number of partitions, and what goes where.
///
/// # Examples
///
/// ```
/// use kappa::prelude::*;
///
/// // Customers of one country stay together: the key is `<country>-<customer>`.
/// let by_country: Repartitioned<String, i64> =
///     Repartitioned::with(Utf8, I64).named("by-country").partitions(4).partitioned_by(
///         |key: &String, _, partitions| {
///             let country = key.split('-').next().unwrap_or_default();
///             Placement::Partition(country.len() % partitions)
///         },
///     );
/// ```
pub struct Repartitioned<K, V> {
    pub(crate) serdes: (Option<SerdeRef<K>>, Option<SerdeRef<V>>),
    pub(crate) name: Option<Arc<str>>,
    pub(crate) partitions: Option<usize>,
    pub(crate) partitioner: Option<Partitioner<K, V>>,
}

impl<K, V> Repartitioned<K, V> {
    /// Repartitions with the serdes that the stream has.
    #[must_use]
    pub fn new() -> Self {
        Self { serdes: (None, None), name: None, partitions: None, partitioner: None }
    }

    /// Repartitions with these serdes.
    #[must_use]
    pub fn with(keys: impl Serde<K> + 'static, values: impl Serde<V> + 'static) -> Self {
        Self { serdes: (Some(Arc::new(keys)), Some(Arc::new(values))), ..Self::new() }
    }

    /// Names the topic `<application.id>-<name>-repartition`, instead of by a number.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Fixes the number of partitions; without it there are as many as what is repartitioned has. What
    /// the stream is joined with must then have as many.
    #[must_use]
    pub fn partitions(mut self, partitions: usize) -> Self {
        self.partitions = Some(partitions);
        self
    }

    /// Chooses each record's partition by a function of key, value and number of partitions, instead of
    /// by the key.
    #[must_use]
    pub fn partitioned_by(
        mut self,
        partitioner: impl Fn(&K, &V, usize) -> Placement + Send + Sync + 'static,
    ) -> Self {
        self.partitioner = Some(Arc::new(partitioner));
        self
    }
}

impl<K, V> Default for Repartitioned<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> fmt::Debug for Repartitioned<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repartitioned")
            .field("name", &self.name)
            .field("partitions", &self.partitions)
            .finish_non_exhaustive()
    }
}
