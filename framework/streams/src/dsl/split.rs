//! A stream split into branches (row SL3).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::{KStream, prefix};
use crate::operators::Branch;
use crate::processor::{Discard, Edge, TaskBuilder};
use crate::serde::Data;

/// A stream that is being split; made by [`KStream::split`].
///
/// Each record goes to the first branch whose predicate holds, in the order of their declaration, or to
/// the default branch; without one it is left out.
///
/// # Examples
///
/// ```
/// use kappa::prelude::*;
///
/// let builder = StreamsBuilder::new();
/// let orders = builder.stream(&Topic::<String, i64>::new("orders", Utf8, I64));
/// let sizes = orders.named("size-").split();
/// let large = sizes.branch_named("large", |_, amount| *amount > 1_000);
/// let small = sizes.branch_named("small", |_, amount| *amount > 0);
/// let wrong = sizes.default_branch();
/// large.to(&Topic::new("large-orders", Utf8, I64));
/// # small.for_each(|_, _| {});
/// # wrong.for_each(|_, _| {});
/// ```
#[must_use = "a split without branches goes nowhere"]
pub struct Split<K, V> {
    /// The splitting node; its name is the prefix of its branches' names.
    splitter: KStream<K, V>,
    branches: Branches<K, V>,
}

/// The branches by now, in order; shared with the factory of the operator.
type Branches<K, V> = Arc<Mutex<Vec<MakeBranch<K, V>>>>;

/// Makes a branch for one task, in front of those after it.
type MakeBranch<K, V> = Box<dyn Fn(&mut TaskBuilder, Edge<K, V>) -> Edge<K, V> + Send + Sync>;

impl<K: Data, V: Data> KStream<K, V> {
    /// Begins to split the stream into branches.
    pub fn split(&self) -> Split<K, V> {
        let splitter = self.child(prefix::BRANCH, self.serdes.clone(), self.rekeyed);
        let branches: Branches<K, V> = Arc::default();
        let declared = branches.clone();
        self.node.connect(Box::new(move |task| {
            let declared = declared.lock().unwrap_or_else(PoisonError::into_inner);
            let nowhere: Edge<K, V> = Box::new(Discard);
            declared.iter().rev().fold(nowhere, |others, make| make(task, others))
        }));
        Split { splitter, branches }
    }
}

impl<K: Data, V: Data> Split<K, V> {
    /// Adds a branch for records that the predicate holds for and no branch before took; it is named by
    /// its position, from 1.
    pub fn branch(
        &self,
        predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static,
    ) -> KStream<K, V> {
        let position = self.declared() + 1;
        self.add(&position.to_string(), predicate)
    }

    /// Adds a branch as [`branch`](Self::branch) does, with a name of its own behind that of the split.
    pub fn branch_named(
        &self,
        name: &str,
        predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static,
    ) -> KStream<K, V> {
        self.add(name, predicate)
    }

    /// Returns the stream of the records that no branch took, and ends the split.
    #[must_use]
    pub fn default_branch(self) -> KStream<K, V> {
        self.add("0", |_, _| true)
    }

    /// Ends the split as [`default_branch`](Self::default_branch) does, with a name for the branch.
    #[must_use]
    pub fn default_branch_named(self, name: &str) -> KStream<K, V> {
        self.add(name, |_, _| true)
    }

    fn add(
        &self,
        suffix: &str,
        predicate: impl Fn(&K, &V) -> bool + Send + Sync + 'static,
    ) -> KStream<K, V> {
        let name: Arc<str> = format!("{}{suffix}", self.splitter.name).into();
        self.splitter.graph.lock().check_name("branch", &name);
        let splitter = KStream { chosen_name: Some(name), ..self.splitter.clone() };
        let branch = splitter.child(prefix::BRANCH, splitter.serdes.clone(), splitter.rekeyed);
        let (node, predicate) = (branch.node.clone(), Arc::new(predicate));
        let make = Box::new(move |task: &mut TaskBuilder, others| -> Edge<K, V> {
            let (predicate, matching) = (predicate.clone(), node.downstream(task));
            Box::new(Branch { predicate, matching, others })
        });
        self.branches.lock().unwrap_or_else(PoisonError::into_inner).push(make);
        branch
    }

    fn declared(&self) -> usize {
        self.branches.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl<K, V> fmt::Debug for Split<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Split({})", self.splitter.name)
    }
}
