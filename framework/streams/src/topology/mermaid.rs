//! The topology as a picture: a Mermaid flow chart, which GitHub and many editors draw.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use super::Topology;
use super::graph::{Graph, NodeKind};
use crate::ids::{NodeId, TopicRef};

/// Returns the chart.
pub(super) fn flow_chart(topology: &Topology) -> String {
    let graph = topology.graph();
    let mut chart = "flowchart TD\n".to_owned();
    for topic in topics(graph) {
        let (id, name) = (topic_id(&topic), topic.name());
        let _ = match topic {
            TopicRef::External(_) => writeln!(chart, "  {id}[/\"{name}\"/]"),
            TopicRef::Internal(_) => writeln!(chart, "  {id}[/\"<i>{name}</i>\"/]"),
        };
    }
    for store in &graph.stores {
        let _ = writeln!(chart, "  {}[(\"{}\")]", store_id(&store.name), store.name);
    }
    for global in &graph.globals {
        let _ = writeln!(chart, "  {}[(\"{} (global)\")]", store_id(&global.store), global.store);
    }
    for subtopology in topology.subtopologies() {
        let _ = writeln!(chart, "  subgraph sub{0}[\"sub-topology {0}\"]", subtopology.id);
        for &node in &subtopology.nodes {
            let _ = writeln!(chart, "    {}(\"{}\")", node_id(node), graph.node(node).name);
        }
        chart.push_str("  end\n");
    }
    write_edges(graph, &mut chart);
    chart
}

fn write_edges(graph: &Graph, chart: &mut String) {
    let global: BTreeSet<NodeId> = graph.globals.iter().map(|global| global.source).collect();
    for global in &graph.globals {
        let from = topic_id(&TopicRef::External(global.topic.clone()));
        let _ = writeln!(chart, "  {from} --> {}", store_id(&global.store));
    }
    for (at, node) in graph.nodes.iter().enumerate() {
        let id = NodeId(at);
        let maintains_global =
            global.contains(&id) || node.parents.iter().any(|p| global.contains(p));
        if maintains_global {
            continue;
        }
        if let NodeKind::Source(topics) = &node.kind {
            for topic in topics {
                let _ = writeln!(chart, "  {} --> {}", topic_id(topic), node_id(id));
            }
        }
        for topic in node.kind.written() {
            let _ = writeln!(chart, "  {} --> {}", node_id(id), topic_id(&topic));
        }
        for &parent in &node.parents {
            let _ = writeln!(chart, "  {} --> {}", node_id(parent), node_id(id));
        }
        for store in node.stores.iter().chain(&node.globals) {
            let _ = writeln!(chart, "  {} -.- {}", node_id(id), store_id(store));
        }
    }
}

fn topics(graph: &Graph) -> BTreeSet<TopicRef> {
    let nodes = graph.nodes.iter().flat_map(|node| match &node.kind {
        NodeKind::Source(topics) => topics.clone(),
        kind => kind.written(),
    });
    nodes.collect()
}

fn node_id(node: NodeId) -> String {
    format!("n{}", node.0)
}

fn store_id(store: &Arc<str>) -> String {
    format!("s_{}", identifier(store))
}

fn topic_id(topic: &TopicRef) -> String {
    format!("t_{}", identifier(topic.name()))
}

/// Mermaid's identifiers are letters, digits and underscores; other characters become their number.
fn identifier(name: &str) -> String {
    let mut id = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            id.push(c);
        } else {
            let _ = write!(id, "_{:x}", u32::from(c));
        }
    }
    id
}
