//! Making one task's tree: operators ask for their stores, topics and slots here.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::{Edge, FanInSlots, TaskContext};
use crate::error::{Error, Result};
use crate::ids::{NodeId, TopicRef};
use crate::kafka::{OutTopic, OutTopicId, Outbox};
use crate::serde::{Data, SerdeRef};
use crate::state::{
    CacheBudget, Family, GlobalReader, GlobalStore, StateStore, StoreRef, StoreSet,
};

/// What a task's tree is built from.
#[derive(Debug)]
pub struct TaskEnvironment {
    /// The topics the task writes, with their real names and partition counts.
    pub outputs: HashMap<TopicRef, OutTopic>,
    /// The names of the topics it reads that serdes are told.
    pub inputs: HashMap<TopicRef, Arc<str>>,
    /// The thread's cache budget, for tasks' views of global tables.
    pub cache: CacheBudget,
    /// The global tables.
    pub globals: Option<GlobalTables>,
}

/// The global tables of a process, and which rows are whose.
#[derive(Clone)]
pub struct GlobalTables {
    /// The rows.
    pub store: Arc<GlobalStore>,
    /// The rows' families by store name.
    pub families: Arc<HashMap<Arc<str>, Family>>,
}

impl fmt::Debug for GlobalTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.families.keys()).finish()
    }
}

/// Collects what one task's operators need while its tree is made.
#[derive(Debug)]
pub struct TaskBuilder {
    env: TaskEnvironment,
    stores: StoreSet,
    outbox: Outbox,
    fan_in: FanInSlots,
    errors: Vec<Error>,
}

impl TaskBuilder {
    /// Starts a task that has its stores already.
    #[must_use]
    pub fn new(env: TaskEnvironment, stores: StoreSet, outbox: Outbox) -> Self {
        Self { env, stores, outbox, fan_in: FanInSlots::default(), errors: Vec::new() }
    }

    /// Returns a typed reference to a store of the task.
    #[must_use]
    pub fn store<S: StateStore>(&self, name: &str) -> StoreRef<S> {
        self.stores.reference(name)
    }

    /// Returns where records for a topic go.
    pub fn output(&mut self, topic: &TopicRef) -> OutTopicId {
        let found = self.env.outputs.get(topic).cloned();
        let out = found.unwrap_or_else(|| {
            let name = topic.name();
            self.errors.push(Error::topology(format!("the output topic {name} does not exist")));
            OutTopic::new(name.clone(), 1)
        });
        self.outbox.register(out)
    }

    /// Returns the name of a topic the task reads that serdes are told.
    #[must_use]
    pub fn input(&self, topic: &TopicRef) -> Arc<str> {
        self.env.inputs.get(topic).unwrap_or(topic.name()).clone()
    }

    /// Returns a view of a global table.
    ///
    /// # Panics
    ///
    /// Panics if there is no such table: a bug of the operator that asks.
    #[expect(
        clippy::expect_used,
        reason = "a global join names a table that its topology declares"
    )]
    pub fn global<K: Data, V: Data>(
        &mut self,
        store: &str,
        topic: &Arc<str>,
        serdes: (SerdeRef<K>, SerdeRef<V>),
    ) -> GlobalReader<K, V> {
        let globals = self.env.globals.as_ref().expect("the topology has global tables");
        let family = *globals.families.get(store).expect("the global table is declared");
        let budget = self.env.cache.clone();
        GlobalReader::new(globals.store.clone(), family, topic.clone(), serdes, budget)
    }

    /// Returns an upstream's edge into a node that has several; the first to ask builds it.
    pub fn fan_in<K: Data, V: Data>(
        &mut self,
        node: NodeId,
        build: impl FnOnce(&mut Self) -> Edge<K, V>,
    ) -> Edge<K, V> {
        let slot = self.fan_in.slot_of(node).unwrap_or_else(|| {
            let edge = build(self);
            self.fan_in.insert(node, edge)
        });
        self.fan_in.edge(slot)
    }

    /// Returns the context of the finished task.
    ///
    /// # Errors
    ///
    /// Where an operator asked for a topic that does not exist.
    pub fn finish(mut self) -> Result<TaskContext> {
        match self.errors.pop() {
            Some(error) => Err(error),
            None => Ok(TaskContext::new(self.stores, self.outbox, self.fan_in)),
        }
    }
}
