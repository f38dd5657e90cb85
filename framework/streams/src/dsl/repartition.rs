//! The way through a repartition topic, which re-keyed streams take by themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::kstream::Serdes;
use super::{KStream, prefix};
use crate::ids::TopicRef;
use crate::operators::{Repartition, Sink};
use crate::serde::Data;
use crate::topology::{ChildId, Graph, GraphNode, NodeKind, RepartitionSpec};

/// What ends the name of a repartition topic.
const SUFFIX: &str = "-repartition";

impl<K: Data, V: Data> KStream<K, V> {
    /// Returns the stream behind a repartition topic whose name begins with `prefix`; its serdes must
    /// be known by now.
    pub(super) fn through_repartition(&self, prefix: &Arc<str>) -> Self {
        match self.known_serdes("the repartitioning") {
            Some(serdes) => self.repartition(prefix, serdes).0,
            // The error is noted; what is declared on is never built.
            None => self.clone(),
        }
    }

    /// Returns the stream behind a new repartition topic with these serdes, and the topic's place
    /// among what reads this stream.
    ///
    /// Nodes: a filter for null keys, a sink, and a source; names and the three numbers they burn are
    /// the JVM library's.
    pub(super) fn repartition(&self, prefix: &str, serdes: Serdes<K, V>) -> (Self, ChildId) {
        let topic: Arc<str> = if prefix.ends_with(SUFFIX) {
            prefix.into()
        } else {
            format!("{prefix}{SUFFIX}").into()
        };
        let mut graph = self.graph.lock();
        let mut names = graph.repartition_names();
        if !is_generated(prefix) {
            names = ["sink", "filter", "source"].map(|role| format!("{topic}-{role}").into());
        }
        let [sink_name, filter_name, source_name] = names;
        let internal = TopicRef::Internal(topic);
        let filter = GraphNode::new(filter_name, NodeKind::Processor, vec![self.node.id()]);
        let filter = graph.add(filter);
        let sink_kind = NodeKind::Sink(internal.clone());
        let sink = graph.add(GraphNode::new(sink_name, sink_kind, vec![filter]));
        drop(graph);
        let keeps_null_keys = Arc::new(AtomicBool::new(false));

        let (keys, values) = serdes.clone();
        let (sink_topic, keeps) = (internal.clone(), keeps_null_keys.clone());
        let child = self.node.connect(Box::new(move |task| {
            let topic = task.output(&sink_topic);
            let sink = Sink { topic, keys: keys.clone(), values: values.clone() };
            Box::new(Repartition { sink, keeps_null_keys: keeps.load(Ordering::Relaxed) })
        }));
        let behind = Self::source(&self.graph, source_name, internal, serdes);
        let (source, drops_counted) = (behind.node.id(), self.nulls_counted.clone());
        let spec =
            RepartitionSpec { filter: Some(filter), sink, source, keeps_null_keys, drops_counted };
        self.graph.lock().repartitions.push(spec);
        (behind, child)
    }

    /// Returns the stream behind the repartition topic that joins need; joining it twice makes one.
    pub(super) fn repartitioned_for_join(&self) -> Self {
        if !self.rekeyed {
            return self.clone();
        }
        if let Some(known) = self.repartitioned.get() {
            self.graph.lock().burn_repartition_names();
            return known.clone();
        }
        let behind = self.through_repartition(&self.name);
        self.repartitioned.get_or_init(|| behind).clone()
    }
}

impl Graph {
    /// Returns the names of a repartition topic's sink, filter and source.
    fn repartition_names(&mut self) -> [Arc<str>; 3] {
        [prefix::SINK, prefix::FILTER, prefix::SOURCE].map(|prefix| self.new_name(prefix))
    }

    /// Burns the numbers of a repartition topic that is used once more, as the JVM library does.
    pub(super) fn burn_repartition_names(&mut self) {
        let _ = self.repartition_names();
    }
}

/// Returns whether a name was generated, as `KSTREAM-KEY-SELECT-0000000001` is.
fn is_generated(name: &str) -> bool {
    let number = name.rsplit_once('-').map_or("", |(_, number)| number);
    name.starts_with("KSTREAM") && number.len() == 10 && number.bytes().all(|b| b.is_ascii_digit())
}
