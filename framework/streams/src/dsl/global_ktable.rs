//! A table of which every instance has all rows.

use std::fmt;
use std::sync::Arc;

use super::kstream::Serdes;
use crate::serde::Data;
use crate::topology::{GlobalTableSpec, SharedGraph};

/// A table of which every instance has all rows; streams look it up by any key (row J11).
pub struct GlobalKTable<K, V> {
    pub(super) graph: SharedGraph,
    pub(super) topic: Arc<str>,
    pub(super) store: Arc<str>,
    pub(super) serdes: Serdes<K, V>,
}

impl<K: Data, V: Data> GlobalKTable<K, V> {
    pub(super) fn new(graph: &SharedGraph, spec: &GlobalTableSpec, serdes: Serdes<K, V>) -> Self {
        let (topic, store) = (spec.topic.clone(), spec.store.clone());
        Self { graph: graph.clone(), topic, store, serdes }
    }
}

impl<K, V> Clone for GlobalKTable<K, V> {
    fn clone(&self) -> Self {
        Self {
            graph: self.graph.clone(),
            topic: self.topic.clone(),
            store: self.store.clone(),
            serdes: self.serdes.clone(),
        }
    }
}

impl<K, V> fmt::Debug for GlobalKTable<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GlobalKTable({})", self.store)
    }
}
