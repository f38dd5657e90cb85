//! The text of a topology, to the letter as the JVM library prints it (row TO1).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::graph::{Graph, GraphNode, NodeKind};
use super::{Topology, subtopology};
use crate::ids::NodeId;

/// Returns the whole text.
pub(super) fn text(topology: &Topology) -> String {
    let graph = topology.graph();
    let mut text = "Topologies:\n ".to_owned();
    for (id, nodes) in subtopology::numbered(graph, subtopology::groups(graph)) {
        if subtopology::is_global(graph, &nodes) {
            let _ =
                writeln!(text, "  Sub-topology: {id} for global-store (will not generate tasks)");
        } else {
            let _ = writeln!(text, "  Sub-topology: {id}");
        }
        let group = Group::new(graph, &nodes);
        for &node in &group.order {
            group.write_node(&mut text, node);
        }
        text.push('\n');
    }
    text
}

/// The nodes of one subtopology that are shown, with the edges between them.
struct Group<'g> {
    graph: &'g Graph,
    successors: BTreeMap<NodeId, Vec<NodeId>>,
    predecessors: BTreeMap<NodeId, Vec<NodeId>>,
    order: Vec<NodeId>,
}

impl<'g> Group<'g> {
    fn new(graph: &'g Graph, nodes: &BTreeSet<NodeId>) -> Self {
        let shown: Vec<NodeId> =
            nodes.iter().copied().filter(|&node| !graph.node(node).hidden).collect();
        let mut successors: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        let mut predecessors: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        for &node in &shown {
            for parent in shown_parents(graph, node) {
                successors.entry(parent).or_default().push(node);
                predecessors.entry(node).or_default().push(parent);
            }
        }
        // Children are declared after their parents, so sizes are complete going backwards.
        let mut sizes: BTreeMap<NodeId, usize> = BTreeMap::new();
        for &node in shown.iter().rev() {
            let below = successors.get(&node).into_iter().flatten();
            let size = 1 + below.filter_map(|child| sizes.get(child)).sum::<usize>();
            sizes.insert(node, size);
        }
        let rank = |node: &NodeId| {
            (Reverse(sizes.get(node).copied().unwrap_or(0)), graph.node(*node).name.clone())
        };
        let mut order = shown;
        order.sort_by_key(rank);
        for edges in successors.values_mut().chain(predecessors.values_mut()) {
            edges.sort_by_key(rank);
        }
        Self { graph, successors, predecessors, order }
    }

    fn write_node(&self, text: &mut String, id: NodeId) {
        let node = self.graph.node(id);
        let (name, before, after) =
            (&node.name, self.names(&self.predecessors, id), self.names(&self.successors, id));
        let _ = match &node.kind {
            NodeKind::Source(topic) => {
                writeln!(text, "    Source: {name} (topics: [{}])\n      --> {after}", topic.name())
            }
            NodeKind::Processor => writeln!(
                text,
                "    Processor: {name} (stores: [{}])\n      --> {after}\n      <-- {before}",
                stores(node)
            ),
            NodeKind::Sink(topic) => {
                writeln!(text, "    Sink: {name} (topic: {})\n      <-- {before}", topic.name())
            }
        };
    }

    fn names(&self, edges: &BTreeMap<NodeId, Vec<NodeId>>, id: NodeId) -> String {
        let names = edges.get(&id).into_iter().flatten().map(|&node| &*self.graph.node(node).name);
        let names: Vec<&str> = names.collect();
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

fn stores(node: &GraphNode) -> String {
    node.stores.iter().map(|store| &**store).collect::<Vec<_>>().join(", ")
}
