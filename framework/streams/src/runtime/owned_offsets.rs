//! What the group has committed of the partitions that a thread owns.
//!
//! Brokers delete the committed offsets of topics that no member subscribes to, a week after their last
//! commit (`offsets.retention.minutes`), and members subscribe to lead topics only. So every offset is
//! committed again now and then, moved or not; and one that is gone all the same, of a partition that
//! was committed before, is an error: reading it from the start would count its records twice.

use std::collections::BTreeMap;
use std::time::Duration;

use super::application::Application;
use crate::error::{Error, Result};
use crate::ids::TopicPartition;
use crate::kafka::{Commits, Consumer, OffsetMetadata, StartAt};
use crate::task::TaskInput;

/// How long the coordinator may take to answer when offsets are committed again; nothing hangs on it.
const RENEWAL: Duration = Duration::from_millis(500);

/// The last committed offset of each partition, and when all of them were last committed.
#[derive(Debug)]
pub(super) struct OwnedOffsets {
    offsets: Commits,
    committed_all: Duration,
}

impl OwnedOffsets {
    pub(super) fn new(now: Duration) -> Self {
        Self { offsets: Commits::new(), committed_all: now }
    }

    /// Asks the group where reading of newly owned inputs goes on.
    ///
    /// # Errors
    ///
    /// Where an offset is gone; retriable where the coordinator cannot be reached.
    pub(super) fn take(
        &mut self,
        app: &Application,
        consumer: &mut dyn Consumer,
        inputs: &[TaskInput],
    ) -> Result<Vec<(TopicPartition, StartAt)>> {
        let partitions: Vec<TopicPartition> =
            inputs.iter().map(|input| (*input.partition).clone()).collect();
        let committed = consumer.committed(&partitions)?;
        let lost = inputs.iter().filter(|input| input.external).find(|input| {
            !committed.contains_key(&*input.partition) && app.seen.contains(&input.partition)
        });
        if let Some(lost) = lost {
            let group = app.deployment.names().application_id();
            return Err(Error::state(format!(
                "the committed offset of {} is gone from group {group}, although this application \
                 has committed one: the group was empty for longer than the brokers' \
                 offsets.retention.minutes, or the offset or the topic was deleted. Read from the \
                 start, its records would count twice: run `reset` to begin anew, or commit the \
                 offset to go on from with Kafka's tools",
                lost.partition
            )));
        }
        let starts = partitions.into_iter().map(|partition| {
            let start = committed.get(&partition);
            let start = start.map_or(StartAt::Committed, |commit| StartAt::Offset(commit.offset));
            (partition, start)
        });
        let starts = starts.collect();
        app.seen.add(external(app, &committed))?;
        self.offsets.extend(committed);
        Ok(starts)
    }

    /// Returns what was committed beside the offsets of owned inputs; what is not ours says nothing.
    pub(super) fn metadata(
        &self,
        inputs: &[TaskInput],
    ) -> BTreeMap<TopicPartition, OffsetMetadata> {
        let owned = inputs.iter().filter_map(|input| self.offsets.get_key_value(&*input.partition));
        let decoded = owned.map(|(partition, commit)| {
            let metadata = OffsetMetadata::decode(&commit.metadata).unwrap_or_else(|cause| {
                tracing::warn!(
                    "what is committed beside the offset of {partition} is not ours: {cause}"
                );
                OffsetMetadata::default()
            });
            (partition.clone(), metadata)
        });
        decoded.collect()
    }

    /// Notes what was committed.
    ///
    /// # Errors
    ///
    /// Where the state directory cannot be written.
    pub(super) fn note(&mut self, app: &Application, committed: &Commits) -> Result<()> {
        app.seen.add(external(app, committed))?;
        self.offsets.extend(committed.iter().map(|(at, commit)| (at.clone(), commit.clone())));
        Ok(())
    }

    /// Forgets partitions that are not owned any more.
    pub(super) fn give_up(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.offsets.remove(partition);
        }
    }

    /// Commits all offsets again once their time has come.
    ///
    /// # Errors
    ///
    /// Where the coordinator refuses; retriable where it cannot be reached.
    pub(super) fn renew(
        &mut self,
        consumer: &mut dyn Consumer,
        now: Duration,
        interval: Duration,
    ) -> Result<()> {
        if now < self.committed_all + interval {
            return Ok(());
        }
        if !self.offsets.is_empty() {
            consumer.commit(&self.offsets, RENEWAL)?;
            tracing::debug!("committed {} offsets again", self.offsets.len());
        }
        self.committed_all = now;
        Ok(())
    }
}

/// Returns the partitions among these that others write: repartition topics may be deleted with their
/// offsets, since what was processed of them is purged.
fn external<'a>(
    app: &'a Application,
    offsets: &'a Commits,
) -> impl Iterator<Item = &'a TopicPartition> {
    offsets.keys().filter(|at| app.external.contains_key(&at.topic))
}
