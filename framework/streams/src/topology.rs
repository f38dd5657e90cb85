//! The topology: what a program declared, checked, cut into subtopologies, immutable and shared.
//!
//! It knows nodes, stores and topics by name; the typed operators are behind factories that build one
//! task's tree at a time. It does not know tasks or Kafka.

pub mod access;
mod copartition;
mod describe;
mod graph;
mod internal_topics;
mod java_order;
mod mermaid;
mod names;
mod node;
mod outline;
mod serdes;
mod strimzi;
mod subtopology;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use copartition::PartitionCounts;
pub(crate) use graph::{
    GlobalTableSpec, Graph, GraphNode, NodeKind, RepartitionSpec, SharedGraph, SourceSpec,
    StoreDemand, StoreFactory, StoreKind, StoreSpec, TopicCreation,
};
pub(crate) use internal_topics::{ChangelogTopic, changelog_settings, repartition_settings};
pub use names::TopicNames;
pub(crate) use node::{ChildId, Node};
pub use outline::TopologyOutline;
pub(crate) use serdes::KeyValueSerdes;
pub use serdes::{TopicSchema, Usage};
pub(crate) use subtopology::Subtopology;

use self::access::AccessList;
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::ids::{StoreId, SubtopologyId, TopicRef};

/// A finished topology: `Send + Sync`, cheap to clone, the same for live, replay and test driver.
///
/// # Examples
///
/// ```
/// use kappa::prelude::*;
///
/// # fn main() -> kappa::Result<()> {
/// let words: Topic<String, String> = Topic::new("words", Utf8, Utf8);
/// let counts: Topic<String, Option<i64>> = Topic::new("counts", Utf8, Nullable::of(I64));
///
/// let builder = StreamsBuilder::new();
/// builder.stream(&words).group_by(|_, word| word.clone()).count("counts").to_stream().to(&counts);
/// let topology = builder.build()?;
/// assert!(topology.describe().contains("counts-repartition"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Topology(Arc<Parts>);

struct Parts {
    graph: Graph,
    subtopologies: Vec<Subtopology>,
}

impl Topology {
    /// Checks a graph and cuts it into subtopologies.
    pub(crate) fn new(mut graph: Graph) -> Result<Self> {
        graph.check()?;
        graph.drop_unwanted_stores();
        graph.settle_null_keys();
        let subtopologies = subtopology::cut(&graph)?;
        Ok(Self(Arc::new(Parts { graph, subtopologies })))
    }

    /// Returns the topology as text, in the format of the JVM library (row TO1).
    #[must_use]
    pub fn describe(&self) -> String {
        describe::text(self)
    }

    /// Returns the topology as a Mermaid flow chart.
    #[must_use]
    pub fn mermaid(&self) -> String {
        mermaid::flow_chart(self)
    }

    /// Returns the topology as data, with the real names of its topics; `additional_retention` is how much
    /// longer changelogs of windows keep their records.
    #[must_use]
    pub fn outline(&self, names: &TopicNames, additional_retention: Duration) -> TopologyOutline {
        outline::outline(self, names, additional_retention)
    }

    /// Returns what an application of this topology must be allowed on a cluster that asks.
    #[must_use]
    pub fn access(&self, application_id: &str) -> AccessList {
        AccessList::of(self, application_id)
    }

    /// Returns its topics and what it must be allowed as resources of Strimzi, in YAML; `partitions` has the
    /// inputs' counts, or nothing: then the application makes its internal topics by itself.
    ///
    /// # Errors
    ///
    /// Where the counts are not those of all inputs, or do not fit one another.
    pub fn strimzi(
        &self,
        settings: &Settings,
        cluster: &str,
        partitions: &BTreeMap<Arc<str>, usize>,
    ) -> Result<String> {
        strimzi::resources(self, settings, cluster, partitions)
    }

    /// Returns the topics of others that it reads, global tables' included.
    #[must_use]
    pub fn input_topics(&self) -> BTreeSet<Arc<str>> {
        let streams = self.graph().sources.iter().map(|source| &source.topic);
        let external = streams.filter_map(|topic| match topic {
            TopicRef::External(name) => Some(name.clone()),
            TopicRef::Internal(_) => None,
        });
        external.chain(self.graph().globals.iter().map(|global| global.topic.clone())).collect()
    }

    /// Returns the topics of others that it writes; of those that records choose, the ones it lists.
    #[must_use]
    pub fn output_topics(&self) -> BTreeSet<Arc<str>> {
        let written = self.graph().nodes.iter().flat_map(|node| node.kind.written());
        let external = written.filter_map(|topic| match topic {
            TopicRef::External(name) => Some(name),
            TopicRef::Internal(_) => None,
        });
        external.collect()
    }

    /// Refuses operators that write to any topic that a record chooses.
    ///
    /// A rerun has topics of its own in place of those it writes, which are created, emptied and compared:
    /// it must know them before.
    pub(crate) fn refuse_unlisted_outputs(&self) -> Result<()> {
        let mut nodes = self.graph().nodes.iter();
        match nodes.find(|node| node.kind == NodeKind::DynamicSink(None)) {
            None => Ok(()),
            Some(node) => Err(Error::topology(format!(
                "{} writes to any topic that a record chooses, of which a rerun cannot have its own: \
                 list them with `Topics::among`",
                node.name
            ))),
        }
    }

    /// Returns whether the order of a store's updates matters to what comes after it: a repartition topic,
    /// or an operator that has rows or looks them up.
    pub(crate) fn feeds_order(&self, store: &str) -> bool {
        let graph = self.graph();
        let ordered = graph.nodes.iter().filter(|node| {
            node.kind.is_internal_sink() || !node.stores.is_empty() || !node.globals.is_empty()
        });
        let above = graph.with_ancestors(ordered.flat_map(|node| node.parents.iter().copied()));
        let mut nodes = above.iter().map(|&node| graph.node(node));
        nodes.any(|node| node.stores.iter().any(|held| **held == *store))
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.0.graph
    }

    /// Returns the subtopologies that make tasks, in order of their numbers.
    pub(crate) fn subtopologies(&self) -> &[Subtopology] {
        &self.0.subtopologies
    }

    /// Returns a subtopology by its number.
    pub(crate) fn subtopology(&self, id: SubtopologyId) -> Option<&Subtopology> {
        self.subtopologies().iter().find(|subtopology| subtopology.id == id)
    }

    /// Returns the declaration of a store.
    pub(crate) fn store(&self, id: StoreId) -> Option<&StoreSpec> {
        self.graph().stores.get(id.0)
    }
}

impl fmt::Debug for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

#[cfg(test)]
mod tests;
