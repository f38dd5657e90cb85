//! The order of a commit, for all tasks of a thread: the one place where it is written down.
//!
//! 1. **Flush** caches, upstream first: dirty rows become changelog records and move downstream.
//! 2. **Drain** the outboxes into the producer, and wait for every acknowledgement. They bring the
//!    offsets of the changelog records.
//! 3. **Commit the input offsets**, with the progress of operators that tell results once: from here on
//!    a restart goes on behind them.
//! 4. **Commit the state**: one batch per task with all its rows and the changelog offsets they stand
//!    for.
//!
//! What if the process dies in between? Before 3, inputs are read again: their results are sent twice,
//! and rows whose changelog records were acknowledged count them twice (at least once). Between 3 and
//! 4, local rows are older than the changelog: the next start restores the short tail between. After 4
//! the rows are in memtables: a kill loses those since the last flush, all stores' alike, and with them
//! the offsets, so the tail to restore is only longer.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::ids::{Offset, StoreId, TaskId};
use crate::kafka::{ChangelogToken, Commits, Consumer, OutgoingRecord, Producer};
use crate::task::Task;

/// Acknowledged changelog offsets that no commit has taken yet, and the numbering of changelogs.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    /// Tasks by the slot that their tokens are made of; slots are never used again.
    slots: HashMap<TaskId, usize>,
    next_slot: usize,
    offsets: HashMap<usize, Offset>,
    stores: usize,
}

impl Acknowledged {
    /// Numbers the changelogs of tasks whose topology has this many stores.
    pub(crate) fn new(stores: usize) -> Self {
        Self { stores: stores.max(1), ..Self::default() }
    }

    /// Gives a task a slot of its own, so that reports for an earlier life of it are not taken for
    /// this one's.
    pub(crate) fn add(&mut self, task: TaskId) {
        self.slots.insert(task, self.next_slot);
        self.next_slot += 1;
    }

    /// Forgets a task, and what its changelogs were told.
    pub(crate) fn remove(&mut self, task: TaskId) {
        let _ = self.take(task);
        self.slots.remove(&task);
    }

    /// Takes what the producer has been told since the last call.
    pub(crate) fn collect(&mut self, producer: &mut dyn Producer) {
        let Self { slots, offsets, stores, .. } = self;
        producer.acknowledged(&mut |token, offset| {
            // What comes late for a task that has ended is nobody's.
            if slots.values().any(|slot| *slot == token.0 / *stores) {
                offsets.insert(token.0, offset);
            }
        });
    }

    fn token(&self, task: TaskId, store: StoreId) -> Option<ChangelogToken> {
        let slot = self.slots.get(&task)?;
        Some(ChangelogToken(slot * self.stores + store.0))
    }

    fn take(&mut self, task: TaskId) -> Vec<(StoreId, Offset)> {
        let Some(slot) = self.slots.get(&task) else { return Vec::new() };
        let first = slot * self.stores;
        let mine = (0..self.stores).filter_map(|store| {
            let offset = self.offsets.remove(&(first + store))?;
            Some((StoreId(store), offset))
        });
        mine.collect()
    }
}

/// Hands a task's outbox over to the producer.
pub(crate) fn send(
    task: &mut Task,
    producer: &mut dyn Producer,
    acknowledged: &Acknowledged,
) -> Result<()> {
    let id = task.id();
    let outbox = task.outbox();
    for record in outbox.iter() {
        producer.send(OutgoingRecord {
            topic: record.topic,
            partition: record.partition,
            key: record.key,
            value: record.value,
            timestamp: record.timestamp,
            headers: record.headers,
            changelog: record.changelog.and_then(|store| acknowledged.token(id, store)),
        })?;
    }
    outbox.clear();
    Ok(())
}

/// How a commit ended.
#[derive(Debug)]
pub(crate) enum Committed {
    /// Everything is committed; these are the offsets.
    Done(Commits),
    /// Results are sent, but the coordinator could not take the offsets for now, or has not said that it
    /// did: nothing is lost, and the next commit takes all of it. Local rows stay as they are; they are
    /// older than the changelog then, as after a death between 3 and 4.
    Postponed(Error),
}

impl Committed {
    /// Returns how many commits this was, for metrics: one of nothing is none.
    pub(crate) fn amount(&self) -> usize {
        usize::from(!matches!(self, Self::Done(commits) if commits.is_empty()))
    }
}

/// Commits everything that tasks have done.
///
/// `settle` has a task know the topics that its records choose, before they are sent.
///
/// # Errors
///
/// Where a cache cannot be flushed, a record was not acknowledged (then it may be lost, and nothing that
/// stands for it may be committed any more), the offsets are refused, or the state cannot be written.
pub(crate) fn commit(
    tasks: &mut BTreeMap<TaskId, Task>,
    producer: &mut dyn Producer,
    settle: &mut dyn FnMut(&mut Task) -> Result<()>,
    commit_offsets: &mut dyn FnMut(&Commits) -> Result<()>,
    acknowledged: &mut Acknowledged,
) -> Result<Committed> {
    let mut dirty: Vec<&mut Task> = Vec::new();
    for task in tasks.values_mut() {
        let id = task.id();
        if task.flush().map_err(|error| error.in_task(id))? {
            settle(task)?;
            send(task, producer, acknowledged)?;
            dirty.push(task);
        }
    }
    if dirty.is_empty() {
        return Ok(Committed::Done(Commits::new()));
    }
    producer.drain()?;
    acknowledged.collect(producer);
    let commits: Commits = dirty.iter().flat_map(|task| task.commits()).collect();
    match commit_offsets(&commits) {
        Err(error) if error.is_retriable() => return Ok(Committed::Postponed(error)),
        committed => committed?,
    }
    for task in dirty {
        let acknowledged = acknowledged.take(task.id());
        let id = task.id();
        task.committed(acknowledged).map_err(|error| error.in_task(id))?;
    }
    Ok(Committed::Done(commits))
}

/// Returns how a group's member commits offsets: it waits so long for the answer.
pub(crate) fn as_member(
    consumer: &mut dyn Consumer,
    patience: Duration,
) -> impl FnMut(&Commits) -> Result<()> + use<'_> {
    move |commits| consumer.commit(commits, patience)
}
