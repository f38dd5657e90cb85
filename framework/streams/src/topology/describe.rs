//! The text of a topology, to the letter as the JVM library prints it (row TO1).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::graph::{Graph, GraphNode, NodeKind};
use super::java_order::{TreeSet, hash_order};
use super::{Topology, subtopology};
use crate::ids::{NodeId, TopicRef};

/// Returns the whole text.
pub(super) fn text(topology: &Topology) -> String {
    let graph = topology.graph();
    let mut text = "Topologies:\n ".to_owned();
    for (id, nodes) in subtopology::numbered(graph) {
        let global = subtopology::is_global(graph, &nodes);
        let kind = if global { " for global store (will not generate tasks)" } else { "" };
        let _ = writeln!(text, "  Sub-topology: {id}{kind}");
        let group = Group::new(graph, &nodes);
        for &node in &group.order {
            group.write_node(&mut text, node);
        }
        if !global {
            text.push('\n');
        }
    }
    text
}

/// The nodes of one subtopology that are shown, parents before their children.
struct Group<'g> {
    graph: &'g Graph,
    nodes: Vec<Shown>,
    /// Indices of the nodes, in order of appearance.
    order: Vec<usize>,
}

struct Shown {
    id: NodeId,
    /// The number of nodes below it, and itself: by every way that leads to them.
    size: usize,
    /// Indices of its neighbours.
    before: TreeSet,
    after: TreeSet,
}

impl<'g> Group<'g> {
    fn new(graph: &'g Graph, nodes: &BTreeSet<NodeId>) -> Self {
        let written = graph.order().into_iter();
        let shown = written.filter(|node| nodes.contains(node) && !graph.node(*node).hidden);
        let nodes = shown.map(|id| {
            let (before, after) = (TreeSet::default(), TreeSet::default());
            Shown { id, size: 1, before, after }
        });
        let mut group = Self { graph, nodes: nodes.collect(), order: Vec::new() };
        for at in hash_order(group.nodes.iter().map(|node| &*graph.node(node.id).name)) {
            for parent in shown_parents(graph, group.node(at).id) {
                let parent = group.nodes.iter().position(|node| node.id == parent);
                if let Some(parent) = parent {
                    group.connect(parent, at);
                }
            }
        }
        let mut order: Vec<usize> = (0..group.nodes.len()).collect();
        order.sort_by(|&one, &other| group.compare(one, other));
        group.order = order;
        group
    }

    /// Makes two nodes neighbours, as of the sizes that are known by now.
    fn connect(&mut self, parent: usize, child: usize) {
        let mut before = std::mem::take(&mut self.node_mut(child).before);
        before.insert(parent, |one, other| self.compare(one, other));
        self.node_mut(child).before = before;
        let mut after = std::mem::take(&mut self.node_mut(parent).after);
        after.insert(child, |one, other| self.compare(one, other));
        self.node_mut(parent).after = after;

        // Parents are before their children, so ways are complete going backwards.
        let size = self.node(child).size;
        let mut ways = BTreeMap::from([(parent, 1_usize)]);
        while let Some((at, ways_here)) = ways.pop_last() {
            let node = self.node_mut(at);
            node.size = node.size.saturating_add(size.saturating_mul(ways_here));
            for above in self.node(at).before.values() {
                let ways = ways.entry(above).or_default();
                *ways = ways.saturating_add(ways_here);
            }
        }
    }

    /// Larger nodes come first, then those whose names do.
    fn compare(&self, one: usize, other: usize) -> Ordering {
        let (one, other) = (self.node(one), self.node(other));
        let name = |node: &Shown| &self.graph.node(node.id).name;
        other.size.cmp(&one.size).then_with(|| name(one).cmp(name(other)))
    }

    #[expect(clippy::indexing_slicing, reason = "indices are those of the group's own nodes")]
    fn node(&self, at: usize) -> &Shown {
        &self.nodes[at]
    }

    #[expect(clippy::indexing_slicing, reason = "indices are those of the group's own nodes")]
    fn node_mut(&mut self, at: usize) -> &mut Shown {
        &mut self.nodes[at]
    }

    fn write_node(&self, text: &mut String, at: usize) {
        let shown = self.node(at);
        let node = self.graph.node(shown.id);
        let (name, before, after) =
            (&node.name, self.names(&shown.before), self.names(&shown.after));
        let _ = match &node.kind {
            NodeKind::Source(topics) => writeln!(
                text,
                "    Source: {name} (topics: [{}])\n      --> {after}",
                topic_names(topics)
            ),
            NodeKind::Processor => writeln!(
                text,
                "    Processor: {name} (stores: [{}])\n      --> {after}\n      <-- {before}",
                stores(node)
            ),
            NodeKind::Sink(topic) => {
                writeln!(text, "    Sink: {name} (topic: {})\n      <-- {before}", topic.name())
            }
            NodeKind::DynamicSink(_) => {
                writeln!(text, "    Sink: {name} (extractor class: dynamic)\n      <-- {before}")
            }
        };
    }

    fn names(&self, neighbours: &TreeSet) -> String {
        let neighbours = neighbours.values().into_iter();
        let names: Vec<&str> =
            neighbours.map(|at| &*self.graph.node(self.node(at).id).name).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}

/// Returns a node's parents, or theirs where a parent is not shown.
fn shown_parents(graph: &Graph, node: NodeId) -> Vec<NodeId> {
    let mut parents = Vec::new();
    for &parent in &graph.node(node).parents {
        if graph.node(parent).hidden {
            parents.extend(shown_parents(graph, parent));
        } else {
            parents.push(parent);
        }
    }
    parents
}

/// Returns names as Java shows a hash set of them.
fn topic_names(topics: &[TopicRef]) -> String {
    let names: Vec<&str> = topics.iter().map(|topic| &**topic.name()).collect();
    let order = hash_order(names.iter().copied()).into_iter();
    order.filter_map(|at| names.get(at).copied()).collect::<Vec<_>>().join(", ")
}

fn stores(node: &GraphNode) -> String {
    let stores: Vec<&str> = node.stores.iter().map(|store| &**store).collect();
    let order = hash_order(stores.iter().copied()).into_iter();
    order.filter_map(|at| stores.get(at).copied()).collect::<Vec<_>>().join(", ")
}
