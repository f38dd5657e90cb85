//! A consumer whose fetches are spans, where they bring records that are traced; there is none where traces
//! are off.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{
    Commits, Consumer, ConsumerEvent, FetchLimit, Fetched, FetchedBatch, Leave, StartAt, Waker,
};
use crate::error::Result;
use crate::ids::{Offset, TopicPartition};
use crate::time::Clock;
use crate::trace::{IdGenerator, LINKS_MAX, Operation, Span, SpanRecord, TraceContext, Tracing};

/// Fetches what another consumer fetches. A fetch that brings records whose writers have them traced is a
/// span, linked with theirs: the records go on one by one, each in its own trace.
///
/// A record without headers costs one look at them, and one whose context is not sampled a look at its flags.
pub(crate) struct TracedConsumer {
    inner: Box<dyn Consumer>,
    tracing: Tracing,
    ids: IdGenerator,
    clock: Arc<dyn Clock>,
    client: Arc<str>,
}

impl TracedConsumer {
    pub(crate) fn new(
        inner: Box<dyn Consumer>,
        tracing: &Tracing,
        ids: IdGenerator,
        (clock, client): (Arc<dyn Clock>, Arc<str>),
    ) -> Self {
        Self { inner, tracing: tracing.clone(), ids, clock, client }
    }

    /// Returns the contexts of those records, from a place on, that are traced already. Where traces begin is
    /// decided later, record by record.
    fn traced(&self, batch: &FetchedBatch, from: usize) -> Vec<TraceContext> {
        let sampler = self.tracing.sampler;
        let parents = batch.headers_from(from).filter(|headers| !headers.is_empty());
        let parents = parents.filter_map(|headers| sampler.parent_of(headers));
        parents.filter(|parent| sampler.takes(*parent)).take(LINKS_MAX).collect()
    }

    fn tell(
        &mut self,
        partition: &TopicPartition,
        start: Duration,
        links: Vec<TraceContext>,
        count: usize,
    ) {
        self.tracing.sink.ended(Span {
            operation: Operation::Poll,
            context: self.ids.root(),
            parent: None,
            trace_state: None,
            start,
            end: self.clock.since_epoch().max(start),
            client: self.client.clone(),
            record: Some(SpanRecord {
                topic: partition.topic.clone(),
                partition: Some(partition.partition),
                offset: None,
                body_bytes: None,
                key: None,
            }),
            task: None,
            error: None,
            links,
            records: Some(count),
        });
    }
}

impl Consumer for TracedConsumer {
    fn subscribe(&mut self, topics: &[Arc<str>]) -> Result<()> {
        self.inner.subscribe(topics)
    }

    fn assign(&mut self, partitions: &[(TopicPartition, StartAt)]) -> Result<()> {
        self.inner.assign(partitions)
    }

    fn incremental_assign(&mut self, partitions: &[(TopicPartition, StartAt)]) -> Result<()> {
        self.inner.incremental_assign(partitions)
    }

    fn incremental_unassign(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        self.inner.incremental_unassign(partitions)
    }

    fn seek(&mut self, partitions: &[(TopicPartition, StartAt)]) -> Result<()> {
        self.inner.seek(partitions)
    }

    fn committed(&mut self, partitions: &[TopicPartition]) -> Result<Commits> {
        self.inner.committed(partitions)
    }

    fn events(&mut self) -> Result<Vec<ConsumerEvent>> {
        self.inner.events()
    }

    fn fetch(
        &mut self,
        partition: &TopicPartition,
        limit: FetchLimit,
        batch: &mut FetchedBatch,
    ) -> Result<Fetched> {
        let (before, start) = (batch.len(), self.clock.since_epoch());
        let fetched = self.inner.fetch(partition, limit, batch)?;
        let links = self.traced(batch, before);
        if !links.is_empty() {
            self.tell(partition, start, links, fetched.records);
        }
        Ok(fetched)
    }

    fn last_known_end(&self, partition: &TopicPartition) -> Option<Offset> {
        self.inner.last_known_end(partition)
    }

    fn wait(&mut self, timeout: Duration) {
        self.inner.wait(timeout);
    }

    fn waker(&self) -> Waker {
        self.inner.waker()
    }

    fn commit(&mut self, commits: &Commits, patience: Duration) -> Result<()> {
        self.inner.commit(commits, patience)
    }

    fn close(self: Box<Self>, leave: Leave) {
        self.inner.close(leave);
    }
}

impl fmt::Debug for TracedConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedConsumer").field("client", &self.client).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
