//! How many partitions repartition topics get, and whether joined topics have as many (row R7).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{NodeKind, Subtopology, Topology};
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
        counts.fix(topology);
        counts.derive(topology)?;
        Ok(counts)
    }

    /// Takes one partition of each topic that the program does not fix the partitions of: all that a test
    /// driver has.
    #[cfg(feature = "testing")]
    pub(crate) fn single(topology: &Topology) -> Self {
        let sources = topology.graph().sources.iter();
        let mut counts = Self(sources.map(|source| (source.topic.clone(), 1)).collect());
        counts.fix(topology);
        counts
    }

    /// Takes the counts that the program says (row SL5).
    fn fix(&mut self, topology: &Topology) {
        for repartition in &topology.graph().repartitions {
            if let (NodeKind::Sink(topic), Some(count)) =
                (&topology.graph().node(repartition.sink).kind, repartition.partitions)
            {
                self.0.insert(topic.clone(), count);
            }
        }
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
        let graph = topology.graph();
        let sources = graph.sources.iter().filter(|source| group.contains(&source.node));
        let is_fixed = |node: NodeId| {
            let mut topics = graph.repartitions.iter();
            topics.any(|topic| topic.source == node && topic.partitions.is_some())
        };
        // What cannot follow the others: topics that are there, and those whose count the program says.
        let given: Vec<(&TopicRef, usize)> = sources
            .clone()
            .filter(|source| matches!(source.topic, TopicRef::External(_)) || is_fixed(source.node))
            .filter_map(|source| Some((&source.topic, self.of(&source.topic)?)))
            .collect();
        if let Some((first, rest)) = given.split_first()
            && let Some(other) = rest.iter().find(|(_, count)| *count != first.1)
        {
            return Err(Error::topology(format!(
                "the joined topics {} and {} have {} and {} partitions: a join needs as many of \
                 each; re-key or repartition one side, or create the topic anew",
                first.0.name(),
                other.0.name(),
                first.1,
                other.1
            )));
        }
        let widest = sources.clone().filter_map(|source| self.of(&source.topic)).max();
        let Some(count) = given.first().map(|(_, count)| *count).or(widest) else {
            return Ok(());
        };
        for source in sources {
            self.0.insert(source.topic.clone(), count);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
