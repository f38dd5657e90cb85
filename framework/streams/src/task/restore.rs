//! Bringing a task's stores up to the end of their changelogs.
//!
//! The records go through the same overlay and the same commit as any other write: reduced to the last
//! one of each key, in key order, with the offset they stand for.

use std::collections::BTreeMap;

use super::{Deployment, TaskState};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Offset, StoreId, TaskId, TopicPartition};
use crate::kafka::{Bound, Fetched, FetchedBatch, Offsets, StartAt};

/// A task whose stores are being restored.
#[derive(Debug)]
pub(crate) struct Restoring {
    state: TaskState,
    changelogs: BTreeMap<TopicPartition, Progress>,
    restored: u64,
}

#[derive(Debug)]
struct Progress {
    store: StoreId,
    bound: Bound,
}

/// How far a restore is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RestoreProgress {
    pub(crate) restored: u64,
    pub(crate) is_done: bool,
}

impl Restoring {
    /// Returns the changelog partitions of a task's logged stores.
    pub(crate) fn partitions(
        deployment: &Deployment,
        id: TaskId,
    ) -> Vec<(StoreId, TopicPartition)> {
        let topics = deployment.changelog_topics().into_iter();
        let mine = topics.filter(|(topic, _)| topic.subtopology == id.subtopology);
        mine.map(|(topic, _)| (topic.store, TopicPartition::new(topic.name, id.partition)))
            .collect()
    }

    /// Starts to restore a task's stores up to the ends of their changelogs as they are now.
    ///
    /// # Errors
    ///
    /// A corruption error where local rows stand for more than the changelog has: it was deleted and
    /// made anew.
    pub(crate) fn start(deployment: &Deployment, state: TaskState, ends: &Offsets) -> Result<Self> {
        let logged = state.stores.logged()?;
        let mut changelogs = BTreeMap::new();
        for (store, partition) in Self::partitions(deployment, state.id) {
            let end = ends.get(&partition).copied().unwrap_or(Offset::ZERO);
            let found = logged.iter().find(|logged| logged.id == store);
            let next = found.and_then(|logged| logged.offset);
            if let Some(next) = next.filter(|next| *next > end) {
                return Err(Error::new(
                    ErrorKind::Corrupted,
                    format!(
                        "the local state of task {} stands for offset {next} of {partition}, which \
                         ends at {end}",
                        state.id
                    ),
                ));
            }
            changelogs.insert(partition, Progress { store, bound: Bound::new(next, end) });
        }
        Ok(Self { state, changelogs, restored: 0 })
    }

    /// Returns the partitions that are to be read, and from where.
    pub(crate) fn to_read(&self) -> Vec<(TopicPartition, StartAt)> {
        let open = self.changelogs.iter().filter(|(_, progress)| !progress.bound.is_reached());
        open.map(|(partition, progress)| {
            let next = progress.bound.next();
            (partition.clone(), next.map_or(StartAt::Beginning, StartAt::Offset))
        })
        .collect()
    }

    /// Takes in what was fetched of a changelog; rows are written whenever there are this many bytes of
    /// them, and at the end.
    pub(crate) fn apply(
        &mut self,
        partition: &TopicPartition,
        batch: &mut FetchedBatch,
        fetched: Fetched,
        unwritten_bytes_max: usize,
    ) -> Result<()> {
        let Some(progress) = self.changelogs.get_mut(partition) else { return Ok(()) };
        progress.bound.clip(batch, fetched);
        let store = self.state.stores.by_id(progress.store)?;
        for record in (0..batch.len()).filter_map(|at| batch.get(at)) {
            let restored = store.restore(record);
            restored.map_err(|error| error.context(format!("{partition}@{}", record.offset)))?;
            self.restored += 1;
        }
        // What was read past the end belongs to another owner's future, not to these rows.
        let to = progress.bound.next().map(|next| next.min(progress.bound.end()));
        if let Some(to) = to {
            store.set_offset(to);
        }
        let is_full = self.state.stores.uncommitted_bytes() >= unwritten_bytes_max;
        if progress.bound.is_reached() || is_full {
            self.state.stores.commit()?;
        }
        Ok(())
    }

    /// Returns how many offsets are left to the ends of the changelogs, those without a record too.
    pub(crate) fn remaining(&self) -> u64 {
        let open = self.changelogs.values().filter(|progress| !progress.bound.is_reached());
        let left = open.map(|progress| {
            let next = progress.bound.next().unwrap_or(Offset::ZERO);
            u64::try_from(progress.bound.end().0 - next.0).unwrap_or(0)
        });
        left.sum()
    }

    pub(crate) fn progress(&self) -> RestoreProgress {
        let is_done = self.changelogs.values().all(|progress| progress.bound.is_reached());
        RestoreProgress { restored: self.restored, is_done }
    }

    /// Returns the restored state.
    pub(crate) fn finish(self) -> TaskState {
        self.state
    }
}
