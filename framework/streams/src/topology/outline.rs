//! The topology as data: nodes, stores and topics, for tools. Fields are added to it, never renamed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::graph::{Graph, NodeKind, StoreKind};
use super::internal_topics::{changelog_settings, repartition_settings};
use super::{Subtopology, TopicNames, Topology};
use crate::ids::{NodeId, TopicRef};
use crate::time::millis;

/// A topology as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopologyOutline {
    application: String,
    subtopologies: Vec<SubtopologyOutline>,
    global_tables: Vec<GlobalTableOutline>,
    inputs: Vec<String>,
    outputs: Vec<OutputOutline>,
    internal_topics: Vec<InternalTopicOutline>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct SubtopologyOutline {
    id: usize,
    /// It has as many tasks as the widest of these topics has partitions.
    tasks_as_partitions_of: Vec<String>,
    nodes: Vec<NodeOutline>,
    stores: Vec<StoreOutline>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct NodeOutline {
    name: String,
    kind: &'static str,
    /// What it reads or writes; a dynamic sink without topics writes to any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    topics: Vec<String>,
    stores: Vec<String>,
    global_tables: Vec<String>,
    parents: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct StoreOutline {
    name: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retention_ms: Option<i64>,
    cached: bool,
    changelog: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct GlobalTableOutline {
    store: String,
    topic: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct OutputOutline {
    topic: String,
    /// How many partitions it is created with where it is missing; none if it must be there.
    partitions: Option<usize>,
    settings: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct InternalTopicOutline {
    topic: String,
    kind: &'static str,
    /// How many partitions it has, where the program says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    partitions: Option<usize>,
    /// Otherwise it has as many partitions as the widest of these topics.
    partitions_as: Vec<String>,
    settings: BTreeMap<String, String>,
}

/// Returns the outline of a topology with these names; window changelogs keep so much more.
pub(super) fn outline(
    topology: &Topology,
    names: &TopicNames,
    additional_retention: Duration,
) -> TopologyOutline {
    let graph = topology.graph();
    let subtopologies = topology.subtopologies().iter();
    let global = graph.globals.iter();
    TopologyOutline {
        application: names.application_id().to_owned(),
        subtopologies: subtopologies.map(|part| subtopology(graph, names, part)).collect(),
        global_tables: global
            .map(|table| GlobalTableOutline {
                store: table.store.as_ref().to_owned(),
                topic: table.topic.as_ref().to_owned(),
            })
            .collect(),
        inputs: topology.input_topics().iter().map(owned).collect(),
        outputs: topology.output_topics().iter().map(|topic| output(graph, topic)).collect(),
        internal_topics: internal_topics(topology, names, additional_retention),
    }
}

fn subtopology(graph: &Graph, names: &TopicNames, part: &Subtopology) -> SubtopologyOutline {
    let stores = part.stores.iter().filter_map(|store| graph.stores.get(store.0));
    SubtopologyOutline {
        id: part.id.0,
        tasks_as_partitions_of: real(names, &part.source_topics),
        nodes: part.nodes.iter().map(|&id| node(graph, names, id)).collect(),
        stores: stores
            .map(|store| {
                let (kind, retention_ms) = match store.kind {
                    StoreKind::KeyValue => ("key_value", None),
                    StoreKind::Window { retention } => ("window", Some(millis(retention))),
                };
                let changelog = store.logged.then(|| owned(&names.changelog(&store.name)));
                let (name, cached) = (owned(&store.name), store.cached);
                StoreOutline { name, kind, retention_ms, cached, changelog }
            })
            .collect(),
    }
}

fn node(graph: &Graph, names: &TopicNames, id: NodeId) -> NodeOutline {
    let node = graph.node(id);
    let (kind, topics) = match &node.kind {
        NodeKind::Source(topics) => ("source", real(names, topics)),
        NodeKind::Processor => ("processor", Vec::new()),
        NodeKind::Sink(topic) => ("sink", vec![owned(&names.output(topic))]),
        NodeKind::DynamicSink(topics) => {
            let topics = topics.iter().flatten();
            ("dynamic_sink", topics.map(|topic| owned(&names.sink(topic))).collect())
        }
    };
    NodeOutline {
        name: owned(&node.name),
        kind,
        topics,
        stores: node.stores.iter().map(owned).collect(),
        global_tables: node.globals.iter().map(owned).collect(),
        parents: node.parents.iter().map(|&parent| owned(&graph.node(parent).name)).collect(),
    }
}

fn fixed_partitions(graph: &Graph, topic: &TopicRef) -> Option<usize> {
    let writes =
        |sink| matches!(&graph.node(sink).kind, NodeKind::Sink(written) if written == topic);
    let fixed = graph.repartitions.iter().find(|spec| writes(spec.sink));
    fixed.and_then(|spec| spec.partitions)
}

fn output(graph: &Graph, topic: &Arc<str>) -> OutputOutline {
    let creation = graph.creation.get(topic).filter(|creation| creation.partitions > 0);
    OutputOutline {
        topic: owned(topic),
        partitions: creation.map(|creation| creation.partitions),
        settings: creation.map(|creation| creation.settings.clone()).unwrap_or_default(),
    }
}

/// Returns repartition topics, then changelogs.
fn internal_topics(
    topology: &Topology,
    names: &TopicNames,
    additional_retention: Duration,
) -> Vec<InternalTopicOutline> {
    let graph = topology.graph();
    let sources = graph.sources.iter().map(|source| &source.topic);
    let repartitions: BTreeSet<&TopicRef> =
        sources.filter(|topic| matches!(topic, TopicRef::Internal(_))).collect();
    let mut topics: Vec<InternalTopicOutline> = repartitions
        .into_iter()
        .map(|topic| InternalTopicOutline {
            topic: owned(&names.source(topic)),
            kind: "repartition",
            partitions: fixed_partitions(graph, topic),
            partitions_as: real(names, &leaders(topology, topic)),
            settings: repartition_settings(),
        })
        .collect();
    for part in topology.subtopologies() {
        let stores = part.stores.iter().filter_map(|store| graph.stores.get(store.0));
        topics.extend(stores.filter(|store| store.logged).map(|store| InternalTopicOutline {
            topic: owned(&names.changelog(&store.name)),
            kind: "changelog",
            partitions: None,
            partitions_as: real(names, &part.source_topics),
            settings: changelog_settings(store.kind, additional_retention),
        }));
    }
    topics
}

/// Returns the topics that a repartition topic takes its count from: those it is joined with, else those
/// that what writes it reads (row R7).
fn leaders(topology: &Topology, topic: &TopicRef) -> Vec<TopicRef> {
    let graph = topology.graph();
    let joined = graph.copartitioned.iter().map(|group| {
        let sources = graph.sources.iter().filter(|source| group.contains(&source.node));
        sources.map(|source| source.topic.clone()).collect::<BTreeSet<_>>()
    });
    let joined = joined.filter(|group| group.contains(topic)).flatten();
    let joined: Vec<TopicRef> =
        joined.filter(|other| matches!(other, TopicRef::External(_))).collect();
    if !joined.is_empty() {
        return joined;
    }
    let writers = topology.subtopologies().iter();
    let writers = writers.filter(|part| part.sink_topics.contains(topic));
    writers.flat_map(|part| part.source_topics.iter().cloned()).collect()
}

fn real(names: &TopicNames, topics: &[TopicRef]) -> Vec<String> {
    let topics: BTreeSet<Arc<str>> = topics.iter().map(|topic| names.source(topic)).collect();
    topics.iter().map(owned).collect()
}

fn owned(name: &Arc<str>) -> String {
    name.as_ref().to_owned()
}

#[cfg(all(test, feature = "json"))]
mod tests;
