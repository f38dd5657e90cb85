//! One upstream, several downstreams.

use super::{Control, Edge, Process, TaskContext};
use crate::error::Result;
use crate::record::Record;
use crate::serde::Data;

/// Hands each record to every edge, in order of declaration; all but the last get a clone.
pub struct FanOut<K, V> {
    first: Vec<Edge<K, V>>,
    last: Edge<K, V>,
}

impl<K, V> FanOut<K, V> {
    /// Makes a fan-out to two edges or more.
    #[must_use]
    pub fn new(first: Vec<Edge<K, V>>, last: Edge<K, V>) -> Self {
        Self { first, last }
    }
}

impl<K, V> std::fmt::Debug for FanOut<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FanOut({})", self.first.len() + 1)
    }
}

impl<K: Data, V: Data> Process<K, V> for FanOut<K, V> {
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, V>) -> Result<()> {
        for edge in &mut self.first {
            edge.process(ctx, record.clone())?;
        }
        self.last.process(ctx, record)
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        for edge in &mut self.first {
            edge.control(ctx, event)?;
        }
        self.last.control(ctx, event)
    }
}
