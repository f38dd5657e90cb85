//! Cutting the graph: nodes joined by edges or by stores are one subtopology; a repartition topic is a
//! border, since its sink and its source are not joined by an edge.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::graph::Graph;
use crate::error::{Error, Result};
use crate::ids::{NodeId, StoreId, SubtopologyId, TopicRef};

/// A part of the topology that runs as tasks.
#[derive(Debug, Clone)]
pub(crate) struct Subtopology {
    pub(crate) id: SubtopologyId,
    pub(crate) nodes: BTreeSet<NodeId>,
    /// Indices of the graph's sources, in order of declaration.
    pub(crate) sources: Vec<usize>,
    pub(crate) stores: Vec<StoreId>,
    pub(crate) source_topics: Vec<TopicRef>,
    pub(crate) sink_topics: BTreeSet<TopicRef>,
}

/// Cuts a graph into its subtopologies, without those of global tables.
pub(super) fn cut(graph: &Graph) -> Result<Vec<Subtopology>> {
    let mut subtopologies = Vec::new();
    for (id, nodes) in numbered(graph) {
        if is_global(graph, &nodes) {
            continue;
        }
        let subtopology = describe(graph, id, nodes);
        if subtopology.sources.is_empty() {
            let lost = subtopology.nodes.first().map(|&node| graph.node(node).name.clone());
            let name = lost.unwrap_or_default();
            return Err(Error::topology(format!("operator {name} has no source")));
        }
        subtopologies.push(subtopology);
    }
    Ok(subtopologies)
}

/// Returns all groups of joined nodes with their numbers, global tables' included: the JVM library
/// numbers them in the order in which their first sources are declared, and task ids follow from it
/// (row TO1).
pub(super) fn numbered(graph: &Graph) -> Vec<(SubtopologyId, BTreeSet<NodeId>)> {
    let mut groups = groups(graph);
    let mut numbered = Vec::with_capacity(groups.len());
    for node in graph.order() {
        if let Some(at) = groups.iter().position(|nodes| nodes.contains(&node)) {
            numbered.push((SubtopologyId(numbered.len()), groups.swap_remove(at)));
        }
    }
    numbered
}

/// Returns the sets of nodes that are joined by edges or stores.
fn groups(graph: &Graph) -> Vec<BTreeSet<NodeId>> {
    let mut joined = UnionFind::new(graph.nodes.len());
    let mut owner: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
    let global: BTreeSet<&Arc<str>> = graph.globals.iter().map(|global| &global.store).collect();
    for (at, node) in graph.nodes.iter().enumerate() {
        for parent in &node.parents {
            joined.union(at, parent.0);
        }
        // Global tables are looked up from anywhere; they join nothing.
        for store in node.stores.iter().filter(|store| !global.contains(store)) {
            let first = *owner.entry(store).or_insert(at);
            joined.union(at, first);
        }
    }
    let mut groups: BTreeMap<usize, BTreeSet<NodeId>> = BTreeMap::new();
    for at in 0..graph.nodes.len() {
        groups.entry(joined.root(at)).or_default().insert(NodeId(at));
    }
    groups.into_values().collect()
}

/// Returns whether a group of nodes only maintains a global table.
pub(super) fn is_global(graph: &Graph, nodes: &BTreeSet<NodeId>) -> bool {
    graph.globals.iter().any(|global| nodes.contains(&global.source))
}

fn describe(graph: &Graph, id: SubtopologyId, nodes: BTreeSet<NodeId>) -> Subtopology {
    let sources: Vec<usize> = (0..graph.sources.len())
        .filter(|&at| graph.sources.get(at).is_some_and(|source| nodes.contains(&source.node)))
        .collect();
    let used: BTreeSet<&Arc<str>> =
        nodes.iter().flat_map(|&node| &graph.node(node).stores).collect();
    let stores = graph.stores.iter().enumerate();
    let stores = stores.filter(|(_, store)| used.contains(&store.name));
    let sinks = nodes.iter().flat_map(|&node| graph.node(node).kind.written());
    Subtopology {
        id,
        source_topics: sources
            .iter()
            .filter_map(|&at| graph.sources.get(at))
            .map(|source| source.topic.clone())
            .collect(),
        stores: stores.map(|(at, _)| StoreId(at)).collect(),
        sink_topics: sinks.collect(),
        sources,
        nodes,
    }
}

/// Disjoint sets of numbers.
struct UnionFind(Vec<usize>);

impl UnionFind {
    fn new(len: usize) -> Self {
        Self((0..len).collect())
    }

    fn root(&self, mut at: usize) -> usize {
        while let Some(&parent) = self.0.get(at)
            && parent != at
        {
            at = parent;
        }
        at
    }

    fn union(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        // The smaller number stays the root, so that groups keep the order of declaration.
        if let Some(parent) = self.0.get_mut(one.max(other)) {
            *parent = one.min(other);
        }
    }
}
