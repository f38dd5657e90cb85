//! Between optional keys and values and plain ones.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::kstream::KnownSerdes;
use super::{KStream, prefix};
use crate::operators::{DropNullKeys, DropNullValues, Map};
use crate::serde::{Data, Nullable, SerdeRef};
use crate::topology::{GraphNode, Node, NodeKind};

impl<K: Data, V: Data> KStream<Option<K>, V> {
    /// Drops records with a null key, and counts them, as grouping and joining do in the JVM library.
    #[must_use]
    pub fn drop_null_keys(&self) -> KStream<K, V> {
        let counted = Arc::new(AtomicBool::new(true));
        let mut child = self.hidden_child((None, self.serdes.1.clone()));
        child.nulls_counted = Some(counted.clone());
        self.attach(&child, move |next| Box::new(DropNullKeys { counted: counted.clone(), next }));
        child
    }
}

impl<K: Data, V: Data> KStream<K, Option<V>> {
    /// Drops records with a null value, and counts them, as aggregating does in the JVM library.
    #[must_use]
    pub fn drop_null_values(&self) -> KStream<K, V> {
        let mut child = self.hidden_child((self.serdes.0.clone(), None));
        child.nulls_counted.clone_from(&self.nulls_counted);
        self.attach(&child, move |next| Box::new(DropNullValues { next }));
        child
    }
}

impl<K: Data, V: Data> KStream<K, V> {
    /// Returns the stream with keys that might be null, though none is: to merge it with one whose keys may
    /// be.
    #[must_use]
    pub fn optional_keys(&self) -> KStream<Option<K>, V> {
        let keys = self.serdes.0.clone();
        let keys = keys.map(|keys| Arc::new(Nullable::shared(keys)) as SerdeRef<_>);
        let child = self.hidden_child((keys, self.serdes.1.clone()));
        let mapper = Arc::new(|key, value| (Some(key), value));
        self.attach(&child, move |next| Box::new(Map { mapper: mapper.clone(), next }));
        child
    }

    /// Declares a child node that the JVM library has no counterpart for.
    fn hidden_child<K2: Data, V2: Data>(&self, serdes: KnownSerdes<K2, V2>) -> KStream<K2, V2> {
        let mut graph = self.graph.lock();
        let name = format!("{}{}", prefix::NULLS, graph.nodes.len()).into();
        let parents = vec![self.node.id()];
        let mut node = GraphNode::new(name, NodeKind::Processor, parents);
        node.hidden = true;
        let id = graph.add(node);
        KStream {
            graph: self.graph.clone(),
            node: Node::new(id),
            // Names that follow from the stream's are those of the operator before.
            name: self.name.clone(),
            serdes,
            sources: self.sources.clone(),
            rekeyed: self.rekeyed,
            repartitioned: Arc::default(),
            nulls_counted: None,
            chosen_name: self.chosen_name.clone(),
        }
    }
}
