//! The typed side of a node: how the operators that read it are made, for one task at a time.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::ids::NodeId;
use crate::processor::{Discard, Edge, FanOut, TaskBuilder};
use crate::serde::Data;

/// Makes the operator that reads a node.
type Connect<K, V> = Box<dyn Fn(&mut TaskBuilder) -> Edge<K, V> + Send + Sync>;

/// A node whose records are keyed `K` with values `V`; shared by the streams that stand for it.
pub(crate) struct Node<K, V> {
    id: NodeId,
    children: Mutex<Vec<(ChildId, Connect<K, V>)>>,
}

/// One of the operators that read a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChildId(usize);

impl<K: Data, V: Data> Node<K, V> {
    pub(crate) fn new(id: NodeId) -> Arc<Self> {
        Arc::new(Self { id, children: Mutex::new(Vec::new()) })
    }

    pub(crate) fn id(&self) -> NodeId {
        self.id
    }

    /// Adds an operator that reads this node.
    pub(crate) fn connect(&self, child: Connect<K, V>) -> ChildId {
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        let id = ChildId(children.len());
        children.push((id, child));
        id
    }

    /// Moves an operator behind all others that read this node.
    pub(crate) fn connect_again(&self, child: ChildId) {
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = children.iter().position(|(id, _)| *id == child) {
            let moved = children.remove(at);
            children.push(moved);
        }
    }

    /// Makes everything downstream of this node, for one task.
    pub(crate) fn downstream(&self, task: &mut TaskBuilder) -> Edge<K, V> {
        let children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        let mut edges: Vec<Edge<K, V>> =
            children.iter().map(|(_, connect)| connect(task)).collect();
        match (edges.pop(), edges.is_empty()) {
            (None, _) => Box::new(Discard),
            (Some(only), true) => only,
            (Some(last), false) => Box::new(FanOut::new(edges, last)),
        }
    }
}

impl<K, V> fmt::Debug for Node<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({})", self.id.0)
    }
}
