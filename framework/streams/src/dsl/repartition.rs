//! The way through a repartition topic, which re-keyed streams take by themselves.

use std::sync::Arc;

use super::kstream::Serdes;
use super::{KStream, prefix};
use crate::ids::TopicRef;
use crate::operators::{Repartition, Sink};
use crate::serde::Data;
use crate::topology::{GraphNode, NodeKind};

/// What ends the name of a repartition topic.
const SUFFIX: &str = "-repartition";

impl<K: Data, V: Data> KStream<K, V> {
    /// Returns the stream behind a repartition topic whose name begins with `prefix`; its serdes must
    /// be known by now.
    pub(super) fn through_repartition(&self, prefix: &Arc<str>) -> Self {
        match self.known_serdes("the repartitioning") {
            Some(serdes) => self.repartition(prefix, serdes),
            // The error is noted; what is declared on is never built.
            None => self.clone(),
        }
    }

    /// Returns the stream behind a new repartition topic with these serdes.
    ///
    /// Nodes: a filter for null keys, a sink, and a source; names and the three numbers they burn are
    /// the JVM library's.
    pub(super) fn repartition(&self, prefix: &str, serdes: Serdes<K, V>) -> Self {
        self.count_no_null_keys();
        let topic: Arc<str> = if prefix.ends_with(SUFFIX) {
            prefix.into()
        } else {
            format!("{prefix}{SUFFIX}").into()
        };
        let mut graph = self.graph.lock();
        let mut names = [prefix::SINK, prefix::FILTER, prefix::SOURCE].map(|p| graph.new_name(p));
        if !is_generated(prefix) {
            names = ["sink", "filter", "source"].map(|role| format!("{topic}-{role}").into());
        }
        let [sink_name, filter_name, source_name] = names;
        let internal = TopicRef::Internal(topic);
        let filter = GraphNode::new(filter_name, NodeKind::Processor, vec![self.node.id()]);
        let filter = graph.add(filter);
        let sink_kind = NodeKind::Sink(internal.clone());
        graph.add(GraphNode::new(sink_name, sink_kind, vec![filter]));
        drop(graph);

        let (keys, values) = serdes.clone();
        let sink_topic = internal.clone();
        self.node.connect(Box::new(move |task| {
            let topic = task.output(&sink_topic);
            Box::new(Repartition(Sink { topic, keys: keys.clone(), values: values.clone() }))
        }));
        Self::source(&self.graph, source_name, internal, serdes)
    }

    /// Returns the stream behind the repartition topic that joins need; joining it twice makes one.
    pub(super) fn repartitioned_for_join(&self) -> Self {
        if !self.rekeyed {
            return self.clone();
        }
        if let Some(known) = self.repartitioned.get() {
            let mut graph = self.graph.lock();
            // Burned also where the topic is reused, as in the JVM library.
            for prefix in [prefix::SINK, prefix::FILTER, prefix::SOURCE] {
                graph.new_name(prefix);
            }
            return known.clone();
        }
        let behind = self.through_repartition(&self.name);
        self.repartitioned.get_or_init(|| behind).clone()
    }
}

/// Returns whether a name was generated, as `KSTREAM-KEY-SELECT-0000000001` is.
fn is_generated(name: &str) -> bool {
    let number = name.rsplit_once('-').map_or("", |(_, number)| number);
    name.starts_with("KSTREAM") && number.len() == 10 && number.bytes().all(|b| b.is_ascii_digit())
}
