//! What a DSL program declares, in order: nodes, stores, sources, global tables, and their names.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::names;
use super::serdes::{DeclaredSerdes, KeyValueSerdes};
use crate::error::{Error, Result};
use crate::ids::{NodeId, StoreId, TopicRef};
use crate::processor::{Source, TaskBuilder};
use crate::state::{MakeRow, StateStore, StoreEnvironment, StoreType};

/// Makes a source's tree for one task.
pub(crate) type SourceFactory = Arc<dyn Fn(&mut TaskBuilder) -> Box<dyn Source> + Send + Sync>;
/// How a store is made for one task, and the serdes of its rows.
#[derive(Clone)]
pub(crate) struct StoreFactory {
    pub(crate) make: Arc<dyn Fn(StoreEnvironment) -> Box<dyn StateStore> + Send + Sync>,
    pub(crate) serdes: KeyValueSerdes,
}

/// The graph while it is declared; all handles of a builder share it.
#[derive(Clone, Default)]
pub(crate) struct SharedGraph(Arc<Mutex<Graph>>);

impl SharedGraph {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Graph> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the declarations out; what is declared later goes nowhere.
    pub(crate) fn take(&self) -> Graph {
        std::mem::take(&mut *self.lock())
    }

    /// Returns whether two handles were made by the same builder.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// All declarations of a topology.
#[derive(Default)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<GraphNode>,
    pub(crate) stores: Vec<StoreSpec>,
    pub(crate) sources: Vec<SourceSpec>,
    pub(crate) globals: Vec<GlobalTableSpec>,
    /// Sources whose topics must have the same partition count (row R7).
    pub(crate) copartitioned: Vec<BTreeSet<NodeId>>,
    pub(crate) repartitions: Vec<RepartitionSpec>,
    /// The serdes of topics that are read or written.
    pub(crate) serdes: Vec<DeclaredSerdes>,
    /// How to create the topics that are written, where the program says so.
    pub(crate) creation: BTreeMap<Arc<str>, TopicCreation>,
    name_counter: usize,
    places: usize,
    errors: Vec<Error>,
}

/// One node as its name, its place and what it touches.
#[derive(Debug, Clone)]
pub(crate) struct GraphNode {
    pub(crate) name: Arc<str>,
    pub(crate) kind: NodeKind,
    pub(crate) parents: Vec<NodeId>,
    /// Counts up with each declaration, the repeated one of a shared repartition topic included.
    place: usize,
    pub(crate) stores: Vec<Arc<str>>,
    /// Global tables it looks up; they join it with nothing.
    pub(crate) globals: Vec<Arc<str>>,
    /// Whether records with a null key reach it even through a repartition topic: a left join (KIP-962).
    pub(crate) takes_null_keys: bool,
    /// Operators without a counterpart in the JVM library's descriptions.
    pub(crate) hidden: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NodeKind {
    /// Reads these topics.
    Source(Vec<TopicRef>),
    Processor,
    Sink(TopicRef),
    /// Writes to topics of the user's that records choose: among these, or any.
    DynamicSink(Option<BTreeSet<Arc<str>>>),
}

impl NodeKind {
    /// Returns the topics that it writes, as far as they are known before any record.
    pub(crate) fn written(&self) -> Vec<TopicRef> {
        match self {
            Self::Sink(topic) => vec![topic.clone()],
            Self::DynamicSink(Some(topics)) => {
                topics.iter().cloned().map(TopicRef::External).collect()
            }
            Self::DynamicSink(None) | Self::Source(_) | Self::Processor => Vec::new(),
        }
    }

    /// Returns whether it writes a topic of the application's own.
    pub(crate) fn is_internal_sink(&self) -> bool {
        matches!(self, Self::Sink(TopicRef::Internal(_)))
    }
}

impl GraphNode {
    /// Makes a node below others, without stores.
    pub(crate) fn new(name: Arc<str>, kind: NodeKind, parents: Vec<NodeId>) -> Self {
        let (stores, globals) = (Vec::new(), Vec::new());
        Self {
            name,
            kind,
            parents,
            place: 0,
            stores,
            globals,
            takes_null_keys: false,
            hidden: false,
        }
    }
}

/// A topic that is read, and how.
pub(crate) struct SourceSpec {
    pub(crate) node: NodeId,
    pub(crate) topic: TopicRef,
    pub(crate) make: SourceFactory,
}

/// A repartition topic, and what becomes of null keys in front of it (row SL8).
pub(crate) struct RepartitionSpec {
    /// What drops null keys before it, if anything does.
    pub(crate) filter: Option<NodeId>,
    pub(crate) sink: NodeId,
    pub(crate) source: NodeId,
    /// How many partitions it has, where the program says so (row SL5).
    pub(crate) partitions: Option<usize>,
    /// Set where a left join is behind it, however far: null keys are sent.
    pub(crate) keeps_null_keys: Arc<AtomicBool>,
    /// Tells a `drop_null_keys` right before whether it counts.
    pub(crate) drops_counted: Option<Arc<AtomicBool>>,
}

/// A store, and how it is made.
pub(crate) struct StoreSpec {
    pub(crate) name: Arc<str>,
    pub(crate) kind: StoreKind,
    pub(crate) cached: bool,
    pub(crate) logged: bool,
    pub(crate) store_type: Option<StoreType>,
    pub(crate) demand: Arc<StoreDemand>,
    pub(crate) make: StoreFactory,
}

/// What operators ask of a store while they are declared (row SF7).
#[derive(Debug, Default)]
pub(crate) struct StoreDemand {
    rows: AtomicBool,
    old_values: AtomicBool,
}

impl StoreDemand {
    /// Demands rows from the start, or only once something asks for them: a source table that nobody
    /// looks up keeps none.
    pub(crate) fn new(rows: bool) -> Arc<Self> {
        Arc::new(Self { rows: rows.into(), old_values: false.into() })
    }

    /// Asks for the rows to be kept.
    pub(crate) fn ask_rows(&self) {
        self.rows.store(true, Ordering::Relaxed);
    }

    /// Asks that changes carry the value before.
    pub(crate) fn ask_old_values(&self) {
        self.ask_rows();
        self.old_values.store(true, Ordering::Relaxed);
    }

    /// Returns whether rows are kept.
    pub(crate) fn rows(&self) -> bool {
        self.rows.load(Ordering::Relaxed)
    }

    /// Returns whether changes carry the value before.
    pub(crate) fn old_values(&self) -> bool {
        self.old_values.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreKind {
    KeyValue,
    Window { retention: Duration },
}

/// A global table: its topic, its store, and what makes rows of its records.
pub(crate) struct GlobalTableSpec {
    pub(crate) source: NodeId,
    pub(crate) topic: Arc<str>,
    pub(crate) store: Arc<str>,
    pub(crate) rows: Arc<dyn MakeRow>,
}

/// How to create a topic that the program writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TopicCreation {
    pub(crate) partitions: usize,
    pub(crate) settings: BTreeMap<String, String>,
}

impl Graph {
    /// Returns a generated node name; every call burns a number, as in the JVM library (row ST12).
    pub(crate) fn new_name(&mut self, prefix: &str) -> Arc<str> {
        let name = format!("{prefix}{:010}", self.name_counter);
        self.name_counter += 1;
        name.into()
    }

    /// Returns a generated store name; burns a number, too.
    pub(crate) fn new_store_name(&mut self, prefix: &str) -> Arc<str> {
        self.new_name(&format!("{prefix}STATE-STORE-"))
    }

    /// Adds a node.
    pub(crate) fn add(&mut self, mut node: GraphNode) -> NodeId {
        node.place = self.new_place();
        self.nodes.push(node);
        NodeId(self.nodes.len() - 1)
    }

    fn new_place(&mut self) -> usize {
        self.places += 1;
        self.places
    }

    /// Moves a repartition topic that is used once more to where it is used: there the JVM library
    /// declares it again.
    pub(crate) fn declare_again(&mut self, source: NodeId) {
        let Some(topic) = self.repartitions.iter().find(|topic| topic.source == source) else {
            return;
        };
        for node in [topic.filter, Some(topic.sink), Some(source)].into_iter().flatten() {
            let place = self.new_place();
            if let Some(node) = self.nodes.get_mut(node.0) {
                node.place = place;
            }
        }
    }

    /// Returns the nodes in the order in which the JVM library writes them down: by place, but none
    /// before its parents.
    pub(super) fn order(&self) -> Vec<NodeId> {
        let parents = |node: NodeId| {
            let sinks = self.repartitions.iter().filter(move |topic| topic.source == node);
            let parents = self.node(node).parents.iter().copied();
            parents.chain(sinks.map(|topic| topic.sink))
        };
        let mut children: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        let mut missing: BTreeMap<NodeId, usize> = BTreeMap::new();
        let mut ready = BTreeSet::new();
        for node in (0..self.nodes.len()).map(NodeId) {
            parents(node).for_each(|parent| children.entry(parent).or_default().push(node));
            match parents(node).count() {
                0 => {
                    ready.insert((self.node(node).place, node));
                }
                count => {
                    missing.insert(node, count);
                }
            }
        }
        let mut order = Vec::with_capacity(self.nodes.len());
        while let Some((_, node)) = ready.pop_first() {
            order.push(node);
            for child in children.remove(&node).into_iter().flatten() {
                let missing = missing.entry(child).or_default();
                *missing -= 1;
                if *missing == 0 {
                    ready.insert((self.node(child).place, child));
                }
            }
        }
        order
    }

    /// Adds a store, and returns its number.
    pub(crate) fn add_store(&mut self, store: StoreSpec) -> StoreId {
        self.stores.push(store);
        StoreId(self.stores.len() - 1)
    }

    /// Notes an error, to be returned by `build`.
    pub(crate) fn error(&mut self, error: Error) {
        self.errors.push(error);
    }

    /// Returns a node.
    #[expect(clippy::indexing_slicing, reason = "a NodeId is made by `add` only")]
    pub(crate) fn node(&self, id: NodeId) -> &GraphNode {
        &self.nodes[id.0]
    }

    /// Returns nodes with everything upstream of them.
    pub(crate) fn with_ancestors(
        &self,
        nodes: impl IntoIterator<Item = NodeId>,
    ) -> BTreeSet<NodeId> {
        let mut open: Vec<NodeId> = nodes.into_iter().collect();
        let mut seen: BTreeSet<NodeId> = open.iter().copied().collect();
        while let Some(node) = open.pop() {
            let parents = self.node(node).parents.iter().copied();
            open.extend(parents.filter(|&parent| seen.insert(parent)));
        }
        seen
    }

    /// Notes an error where a name of something that topics are named after is not one of a topic.
    pub(crate) fn check_name(&mut self, what: &str, name: &str) {
        if let Err(error) = names::check(what, name) {
            self.error(error);
        }
    }

    /// Tells each repartition topic whether a left join behind it wants null keys, through other
    /// repartition topics if need be; and, if it does not, what drops them right before it that such
    /// drops are not counted (row SL8).
    pub(super) fn settle_null_keys(&self) {
        let nodes = self.nodes.iter().enumerate();
        let takes = nodes.filter(|(_, node)| node.takes_null_keys).map(|(at, _)| NodeId(at));
        let mut above = self.with_ancestors(takes);
        let mut open: Vec<&RepartitionSpec> = self.repartitions.iter().collect();
        while let Some(at) = open.iter().position(|topic| above.contains(&topic.source)) {
            let topic = open.swap_remove(at);
            topic.keeps_null_keys.store(true, Ordering::Relaxed);
            above.extend(self.with_ancestors([topic.sink]));
        }
        // What is before several of them counts if one of them would have let the null keys through.
        for counted in [false, true] {
            let topics = self.repartitions.iter();
            topics
                .filter(|topic| topic.keeps_null_keys.load(Ordering::Relaxed) == counted)
                .filter_map(|topic| topic.drops_counted.as_ref())
                .for_each(|drops| drops.store(counted, Ordering::Relaxed));
        }
    }

    /// Returns the first thing that is wrong with the declarations.
    pub(super) fn check(&mut self) -> Result<()> {
        if let Some(error) = self.errors.pop() {
            return Err(error);
        }
        if self.sources.is_empty() {
            return Err(Error::topology(
                "the topology reads no topic: begin with `stream` or `table`",
            ));
        }
        unique(self.nodes.iter().map(|node| &node.name), "operators")?;
        let global = self.globals.iter().map(|global| &global.store);
        unique(self.stores.iter().map(|store| &store.name).chain(global), "stores")?;
        let topics = self.sources.iter().map(|source| source.topic.name());
        unique(topics.chain(self.globals.iter().map(|global| &global.topic)), "sources of topic")
    }

    /// Forgets stores that nothing needs, and that nodes have them.
    pub(super) fn drop_unwanted_stores(&mut self) {
        self.stores.retain(|store| store.demand.rows());
        let global = self.globals.iter().map(|global| &global.store);
        let kept: BTreeSet<Arc<str>> =
            self.stores.iter().map(|store| &store.name).chain(global).cloned().collect();
        for node in &mut self.nodes {
            node.stores.retain(|store| kept.contains(store));
        }
    }
}

fn unique<'a>(names: impl Iterator<Item = &'a Arc<str>>, what: &str) -> Result<()> {
    let mut seen: HashMap<&Arc<str>, ()> = HashMap::new();
    for name in names {
        if seen.insert(name, ()).is_some() {
            return Err(Error::topology(format!(
                "there are two {what} {name}: use one stream or table twice instead of declaring it \
                 twice, or give one another name"
            )));
        }
    }
    Ok(())
}

impl fmt::Debug for SharedGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lock().nodes.iter().map(|node| &node.name)).finish()
    }
}
