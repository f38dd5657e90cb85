//! How many partitions repartition topics get, and whether joined topics have as many (row R7).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Subtopology, Topology};
use crate::error::{Error, Result};
use crate::ids::{NodeId, TopicRef};

/// The partition counts of all topics that tasks read, and with them the number of tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartitionCounts(BTreeMap<TopicRef, usize>);

impl PartitionCounts {
    /// Works the counts out from those of the external input topics.
    ///
    /// # Errors
    ///
    /// Where an input is missing, or joined inputs differ; the message names topics and counts.
    pub(crate) fn resolve(
        topology: &Topology,
        external: &BTreeMap<Arc<str>, usize>,
    ) -> Result<Self> {
        let mut counts = Self(BTreeMap::new());
        for source in &topology.graph().sources {
            if let TopicRef::External(name) = &source.topic {
                let Some(&count) = external.get(name) else {
                    return Err(Error::topology(format!(
                        "the input topic {name} does not exist: create it, or correct its name"
                    )));
                };
                counts.0.insert(source.topic.clone(), count);
            }
        }
        counts.derive(topology)?;
        Ok(counts)
    }

    /// Returns how many partitions a topic has.
    pub(crate) fn of(&self, topic: &TopicRef) -> Option<usize> {
        self.0.get(topic).copied()
    }

    /// Returns how many tasks a subtopology has: as many as its widest input has partitions.
    pub(crate) fn tasks(&self, subtopology: &Subtopology) -> usize {
        subtopology.source_topics.iter().filter_map(|topic| self.of(topic)).max().unwrap_or(0)
    }

    /// Returns the repartition topics with their counts.
    pub(crate) fn internal(&self) -> impl Iterator<Item = (&TopicRef, usize)> {
        let internal = self.0.iter().filter(|(topic, _)| matches!(topic, TopicRef::Internal(_)));
        internal.map(|(topic, &count)| (topic, count))
    }

    /// A repartition topic has as many partitions as the widest input of what writes it, unless it is
    /// joined with others: then as many as they have.
    fn derive(&mut self, topology: &Topology) -> Result<()> {
        let wanted: Vec<&TopicRef> = topology
            .graph()
            .sources
            .iter()
            .map(|source| &source.topic)
            .filter(|topic| matches!(topic, TopicRef::Internal(_)))
            .collect();
        // Each turn settles one topic at least; a chain is never longer than the list.
        for _ in 0..=wanted.len() {
            for topic in &wanted {
                if self.of(topic).is_none()
                    && let Some(count) = self.widest_writer(topology, topic)
                {
                    self.0.insert((*topic).clone(), count);
                }
            }
            for group in &topology.graph().copartitioned {
                self.level(topology, group)?;
            }
        }
        match wanted.iter().find(|topic| self.of(topic).is_none()) {
            Some(topic) => Err(Error::topology(format!(
                "the repartition topic {} is fed only by itself",
                topic.name()
            ))),
            None => Ok(()),
        }
    }

    fn widest_writer(&self, topology: &Topology, topic: &TopicRef) -> Option<usize> {
        let writers = topology.subtopologies().iter();
        let writers = writers.filter(|subtopology| subtopology.sink_topics.contains(topic));
        let inputs = writers.flat_map(|subtopology| &subtopology.source_topics);
        inputs.filter_map(|input| self.of(input)).max()
    }

    fn level(&mut self, topology: &Topology, group: &BTreeSet<NodeId>) -> Result<()> {
        let sources = topology.graph().sources.iter();
        let topics: Vec<&TopicRef> = sources
            .filter(|source| group.contains(&source.node))
            .map(|source| &source.topic)
            .collect();
        let external: Vec<(&TopicRef, usize)> = topics
            .iter()
            .filter(|topic| matches!(topic, TopicRef::External(_)))
            .filter_map(|topic| Some((*topic, self.of(topic)?)))
            .collect();
        if let Some((first, rest)) = external.split_first()
            && let Some(other) = rest.iter().find(|(_, count)| *count != first.1)
        {
            return Err(Error::topology(format!(
                "the joined topics {} and {} have {} and {} partitions: a join needs as many of \
                 each; re-key one side, or create the topic anew",
                first.0.name(),
                other.0.name(),
                first.1,
                other.1
            )));
        }
        let widest = topics.iter().filter_map(|topic| self.of(topic)).max();
        let Some(count) = external.first().map(|(_, count)| *count).or(widest) else {
            return Ok(());
        };
        for topic in topics {
            self.0.insert(topic.clone(), count);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
