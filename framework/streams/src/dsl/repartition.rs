//! The way through a repartition topic, which re-keyed streams take by themselves (rows SL5, SL8).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use super::kstream::Serdes;
use super::{KStream, Repartitioned, prefix};
use crate::error::Error;
use crate::ids::TopicRef;
use crate::kafka::Partitioner;
use crate::operators::{Repartition, Sink, Writer};
use crate::serde::Data;
use crate::topology::{ChildId, Graph, GraphNode, NodeKind, RepartitionSpec};

/// What ends the name of a repartition topic.
const SUFFIX: &str = "-repartition";

impl<K: Data, V: Data> KStream<K, V> {
    /// Sends the stream through a topic of the application's own, `<application.id>-<name>-repartition`,
    /// whether its key changed or not: to choose how many partitions what follows has, or which
    /// partition a record goes to (row SL5).
    ///
    /// Records with a null key are left out, unless a left join is behind it (row SL8).
    ///
    /// # Examples
    ///
    /// ```
    /// use kappa::prelude::*;
    ///
    /// let builder = StreamsBuilder::new();
    /// let orders = builder.stream(&Topic::<String, i64>::new("orders", Utf8, I64));
    /// let spread = orders.repartition(Repartitioned::new().named("spread").partitions(12));
    /// spread.for_each(|customer, amount| println!("{customer}: {amount}"));
    /// ```
    #[must_use]
    pub fn repartition(&self, repartitioned: Repartitioned<K, V>) -> Self {
        let Repartitioned { serdes: (keys, values), name, partitions, partitioner } = repartitioned;
        let mut graph = self.graph.lock();
        if partitions == Some(0) {
            let of = &self.name;
            graph.error(Error::topology(format!("no repartitioning of {of} has 0 partitions")));
        }
        let name = name.or_else(|| self.chosen_name.clone());
        if let Some(name) = &name {
            graph.check_name("repartitioning", name);
        }
        let name = name.unwrap_or_else(|| graph.new_name(prefix::REPARTITION));
        drop(graph);
        let keys = keys.or_else(|| self.serdes.0.clone());
        let values = values.or_else(|| self.serdes.1.clone());
        let stream = Self { serdes: (keys, values), ..self.clone() };
        match stream.known_serdes("the repartitioning") {
            Some(serdes) => stream.through(&name, serdes, (partitions, partitioner)).0,
            // The error is noted; what is declared on is never built.
            None => stream,
        }
    }

    /// Returns the stream behind a repartition topic whose name begins with `prefix`; its serdes must
    /// be known by now.
    pub(super) fn through_repartition(&self, prefix: &Arc<str>) -> Self {
        match self.known_serdes("the repartitioning") {
            Some(serdes) => self.through(prefix, serdes, (None, None)).0,
            // The error is noted; what is declared on is never built.
            None => self.clone(),
        }
    }

    /// Returns the stream behind a new repartition topic with these serdes, and the topic's place
    /// among what reads this stream.
    ///
    /// Nodes: a filter for null keys, a sink, and a source; names and the three numbers they burn are
    /// the JVM library's.
    pub(super) fn through(
        &self,
        prefix: &str,
        serdes: Serdes<K, V>,
        (partitions, partitioner): (Option<usize>, Option<Partitioner<K, V>>),
    ) -> (Self, ChildId) {
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
        graph.writes(&internal, &serdes.0, &serdes.1);
        drop(graph);
        let keeps_null_keys = Arc::new(AtomicBool::new(false));

        let (keys, values) = serdes.clone();
        let writer = Writer::new(keys, values, partitioner);
        let (sink_topic, keeps) = (internal.clone(), keeps_null_keys.clone());
        let child = self.node.connect(Box::new(move |task| {
            let topic = task.output(&sink_topic);
            let sink = Sink { topic, writer: writer.clone() };
            Box::new(Repartition { sink, keeps_null_keys: keeps.load(Ordering::Relaxed) })
        }));
        let behind = Self::source(&self.graph, source_name, vec![(internal, serdes)]);
        let (source, drops_counted) = (behind.node.id(), self.nulls_counted.clone());
        let filter = Some(filter);
        let spec =
            RepartitionSpec { filter, sink, source, partitions, keeps_null_keys, drops_counted };
        self.graph.lock().repartitions.push(spec);
        (behind, child)
    }

    /// Returns the stream behind the repartition topic that joins need; joining it twice makes one,
    /// unless the join has a name of its own.
    pub(super) fn repartitioned_for_join(&self) -> Self {
        if !self.rekeyed {
            return self.clone();
        }
        let known = self.repartitioned.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let (None, Some(known)) = (&self.chosen_name, known) {
            self.graph.lock().burn_repartition_names();
            return known;
        }
        let behind = self.through_repartition(self.chosen_name.as_ref().unwrap_or(&self.name));
        let mut known = self.repartitioned.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some(behind.clone());
        behind
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
