//! Operators that look at one record at a time (rows SL1, SL2): timestamps and headers pass through.

use std::sync::Arc;

use crate::error::Result;
use crate::processor::{Control, Edge, Process, TaskContext};
use crate::record::Record;
use crate::serde::Data;

/// Keeps the records a predicate holds for.
pub(crate) struct Filter<K, V, F> {
    pub(crate) predicate: Arc<F>,
    pub(crate) next: Edge<K, V>,
}

impl<K, V, F> Process<K, V> for Filter<K, V, F>
where
    K: Data,
    V: Data,
    F: Fn(&K, &V) -> bool + Send + Sync,
{
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, V>) -> Result<()> {
        if !(self.predicate)(&record.key, &record.value) {
            return Ok(());
        }
        self.next.process(ctx, record)
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.next.control(ctx, event)
    }
}

/// Replaces values and leaves keys alone.
pub(crate) struct MapValues<K, V2, F> {
    pub(crate) mapper: Arc<F>,
    pub(crate) next: Edge<K, V2>,
}

impl<K, V, V2, F> Process<K, V> for MapValues<K, V2, F>
where
    K: Data,
    V: Data,
    V2: Data,
    F: Fn(&K, V) -> V2 + Send + Sync,
{
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, V>) -> Result<()> {
        let Record { key, value, timestamp, headers } = record;
        let value = (self.mapper)(&key, value);
        self.next.process(ctx, Record { key, value, timestamp, headers })
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.next.control(ctx, event)
    }
}

/// Replaces keys and values.
pub(crate) struct Map<K2, V2, F> {
    pub(crate) mapper: Arc<F>,
    pub(crate) next: Edge<K2, V2>,
}

impl<K, V, K2, V2, F> Process<K, V> for Map<K2, V2, F>
where
    K: Data,
    V: Data,
    K2: Data,
    V2: Data,
    F: Fn(K, V) -> (K2, V2) + Send + Sync,
{
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, V>) -> Result<()> {
        let Record { key, value, timestamp, headers } = record;
        let (key, value) = (self.mapper)(key, value);
        self.next.process(ctx, Record { key, value, timestamp, headers })
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.next.control(ctx, event)
    }
}

/// Replaces each record by any number of others.
pub(crate) struct FlatMap<K2, V2, F> {
    pub(crate) mapper: Arc<F>,
    pub(crate) next: Edge<K2, V2>,
}

impl<K, V, K2, V2, I, F> Process<K, V> for FlatMap<K2, V2, F>
where
    K: Data,
    V: Data,
    K2: Data,
    V2: Data,
    I: IntoIterator<Item = (K2, V2)>,
    F: Fn(K, V) -> I + Send + Sync,
{
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, V>) -> Result<()> {
        let Record { key, value, timestamp, headers } = record;
        for (key, value) in (self.mapper)(key, value) {
            let headers = headers.clone();
            self.next.process(ctx, Record { key, value, timestamp, headers })?;
        }
        Ok(())
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.next.control(ctx, event)
    }
}

/// Replaces each value by any number of others and leaves keys alone.
pub(crate) struct FlatMapValues<K, V2, F> {
    pub(crate) mapper: Arc<F>,
    pub(crate) next: Edge<K, V2>,
}

impl<K, V, V2, I, F> Process<K, V> for FlatMapValues<K, V2, F>
where
    K: Data,
    V: Data,
    V2: Data,
    I: IntoIterator<Item = V2>,
    F: Fn(&K, V) -> I + Send + Sync,
{
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, V>) -> Result<()> {
        let Record { key, value, timestamp, headers } = record;
        let mut values = (self.mapper)(&key, value).into_iter();
        let Some(mut value) = values.next() else { return Ok(()) };
        // The last one takes the key itself: where each value becomes one, none is cloned.
        for following in values {
            let record = Record { key: key.clone(), value, timestamp, headers: headers.clone() };
            self.next.process(ctx, record)?;
            value = following;
        }
        self.next.process(ctx, Record { key, value, timestamp, headers })
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.next.control(ctx, event)
    }
}

/// Shows each record to a function on its way.
pub(crate) struct Peek<K, V, F> {
    pub(crate) action: Arc<F>,
    pub(crate) next: Edge<K, V>,
}

impl<K, V, F> Process<K, V> for Peek<K, V, F>
where
    K: Data,
    V: Data,
    F: Fn(&K, &V) + Send + Sync,
{
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, V>) -> Result<()> {
        (self.action)(&record.key, &record.value);
        self.next.process(ctx, record)
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        self.next.control(ctx, event)
    }
}
