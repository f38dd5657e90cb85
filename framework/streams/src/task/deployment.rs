//! A topology against the topics of one cluster: real names, partition counts, and so its tasks.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::error::Result;
use crate::ids::{StoreId, TaskId, TopicPartition, TopicRef};
use crate::kafka::{OutTopic, Outbox};
use crate::processor::{GlobalTables, TaskEnvironment};
use crate::state::{CacheBudget, Changelog};
use crate::topology::{ChangelogTopic, PartitionCounts, TopicNames, Topology};

/// A topology with everything that is known once its topics are.
#[derive(Debug)]
pub(crate) struct Deployment {
    topology: Topology,
    names: TopicNames,
    counts: PartitionCounts,
    /// Partition counts of the user's topics that are written.
    sinks: BTreeMap<Arc<str>, usize>,
    mode: RunMode,
}

/// What a topology is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunMode {
    /// To go on for ever: state is logged, so that it can be restored.
    Live,
    /// To an end: state is not logged, since a run that is ended early starts over.
    Bounded,
}

/// One partition that a task reads.
#[derive(Debug, Clone)]
pub(crate) struct TaskInput {
    /// The index of the topology's source.
    pub(crate) source: usize,
    /// The partition, by its real name; shared with every record's context.
    pub(crate) partition: Arc<TopicPartition>,
    /// Whether others write it, and not this application.
    pub(crate) external: bool,
}

impl Deployment {
    /// Puts a topology onto a cluster.
    ///
    /// `external` has the partition counts of input topics, `sinks` those of output topics.
    pub(crate) fn new(
        topology: Topology,
        names: TopicNames,
        external: &BTreeMap<Arc<str>, usize>,
        sinks: BTreeMap<Arc<str>, usize>,
        mode: RunMode,
    ) -> Result<Self> {
        let counts = PartitionCounts::resolve(&topology, external)?;
        Ok(Self { topology, names, counts, sinks, mode })
    }

    /// Puts a topology into a test driver, where a topic is one queue whatever its partitions.
    #[cfg(feature = "testing")]
    pub(crate) fn driven(topology: Topology, names: TopicNames) -> Self {
        let counts = PartitionCounts::single(&topology);
        let created = &topology.graph().creation;
        let partitions =
            |topic: &Arc<str>| created.get(topic).map_or(1, |new| new.partitions.max(1));
        let outputs = topology.output_topics().into_iter();
        let sinks = outputs.map(|topic| (topic.clone(), partitions(&topic))).collect();
        Self { topology, names, counts, sinks, mode: RunMode::Live }
    }

    pub(crate) fn topology(&self) -> &Topology {
        &self.topology
    }

    pub(crate) fn names(&self) -> &TopicNames {
        &self.names
    }

    /// Returns all tasks, in order.
    pub(crate) fn tasks(&self) -> Vec<TaskId> {
        let subtopologies = self.topology.subtopologies().iter();
        let tasks = subtopologies.flat_map(|subtopology| {
            let count = i32::try_from(self.counts.tasks(subtopology)).unwrap_or(i32::MAX);
            (0..count).map(|partition| TaskId::new(subtopology.id, partition))
        });
        tasks.collect()
    }

    /// Returns the partitions a task reads, in the topology's order.
    pub(crate) fn inputs(&self, task: TaskId) -> Vec<TaskInput> {
        let Some(subtopology) = self.topology.subtopology(task.subtopology) else {
            return Vec::new();
        };
        let partition = usize::try_from(task.partition).unwrap_or(usize::MAX);
        let sources = subtopology.sources.iter().filter_map(|&source| {
            let topic = &self.topology.graph().sources.get(source)?.topic;
            let exists = self.counts.of(topic).is_some_and(|count| partition < count);
            exists.then(|| self.input(source, topic, task.partition))
        });
        sources.collect()
    }

    /// Returns the first partition of every input, for the test driver's one task.
    #[cfg(feature = "testing")]
    pub(crate) fn all_inputs(&self) -> Vec<TaskInput> {
        let sources = self.topology.graph().sources.iter().enumerate();
        sources.map(|(source, spec)| self.input(source, &spec.topic, 0)).collect()
    }

    fn input(&self, source: usize, topic: &TopicRef, partition: i32) -> TaskInput {
        let partition = TopicPartition { topic: self.names.source(topic), partition };
        let external = matches!(topic, TopicRef::External(_));
        TaskInput { source, partition: Arc::new(partition), external }
    }

    /// Returns the real names of the topics that stand for their subtopologies in the group: of each the
    /// first with the most partitions, since there is a task for each.
    pub(crate) fn lead_topics(&self) -> Vec<Arc<str>> {
        let subtopologies = self.topology.subtopologies().iter();
        let leads = subtopologies.filter_map(|subtopology| {
            let tasks = self.counts.tasks(subtopology);
            let mut topics = subtopology.source_topics.iter();
            let lead = topics.find(|topic| self.counts.of(topic) == Some(tasks))?;
            Some(self.names.source(lead))
        });
        leads.collect()
    }

    /// Returns the partition counts, at the start, of the topics that others write and tasks read.
    pub(crate) fn external_topics(&self) -> BTreeMap<Arc<str>, usize> {
        let sources = self.topology.graph().sources.iter().map(|source| &source.topic);
        let external = sources.filter(|topic| matches!(topic, TopicRef::External(_)));
        external
            .filter_map(|topic| Some((self.names.source(topic), self.counts.of(topic)?)))
            .collect()
    }

    /// Returns all partitions that tasks read, with whether others write them.
    pub(crate) fn all_partitions(&self) -> Vec<TaskInput> {
        self.tasks().into_iter().flat_map(|task| self.inputs(task)).collect()
    }

    /// Returns the task that reads a partition.
    pub(crate) fn task_of(&self, partition: &TopicPartition) -> Option<TaskId> {
        let reads = |topic: &TopicRef| self.names.source(topic) == partition.topic;
        let mut subtopologies = self.topology.subtopologies().iter();
        let found = subtopologies.find(|sub| sub.source_topics.iter().any(reads))?;
        let task = TaskId::new(found.id, partition.partition);
        let count = i32::try_from(self.counts.tasks(found)).unwrap_or(i32::MAX);
        (task.partition < count).then_some(task)
    }

    /// Returns the repartition topics by real name, with their partition counts.
    pub(crate) fn repartition_topics(&self) -> Vec<(Arc<str>, usize)> {
        let internal = self.counts.internal();
        internal.map(|(topic, count)| (self.names.source(topic), count)).collect()
    }

    /// Returns the changelog topics, with their partition counts; none where nothing is logged.
    pub(crate) fn changelog_topics(&self) -> Vec<(ChangelogTopic, usize)> {
        let mut topics = Vec::new();
        for subtopology in self.topology.subtopologies() {
            for &store in &subtopology.stores {
                let Some(spec) = self.topology.store(store) else { continue };
                if self.mode == RunMode::Live && spec.logged {
                    let name = self.names.changelog(&spec.name);
                    let topic = ChangelogTopic { store, subtopology: subtopology.id, name };
                    topics.push((topic, self.counts.tasks(subtopology)));
                }
            }
        }
        topics
    }

    /// Returns the empty outbox of a task.
    pub(super) fn outbox(&self, task: TaskId) -> Outbox {
        let outbox = Outbox::new(task.partition);
        match self.mode {
            RunMode::Live => outbox,
            RunMode::Bounded => outbox.placing_keyless(),
        }
    }

    /// Returns where a store is logged, if it is.
    pub(super) fn changelog(&self, store: StoreId, outbox: &mut Outbox) -> Option<Changelog> {
        let live = self.mode == RunMode::Live;
        let spec = self.topology.store(store).filter(|spec| live && spec.logged)?;
        let name = self.names.changelog(&spec.name);
        // A changelog's record goes to the task's own partition, whatever the count.
        let topic = outbox.register(OutTopic::new(name, 1));
        Some(Changelog { topic, store })
    }

    /// Returns whether a store folds updates until a commit.
    ///
    /// Live, commits are frequent. In a bounded run they are rare, and what they flush is out of order in
    /// event time by as much as lies between them. At the end of a topology only last values count; where
    /// windows, joins or a repartition topic follow, updates must come in order, so they are not folded.
    pub(super) fn caches(&self, store: StoreId) -> bool {
        let spec = self.topology.store(store);
        spec.is_some_and(|spec| {
            spec.cached && (self.mode == RunMode::Live || !self.topology.feeds_order(&spec.name))
        })
    }

    /// Returns what a task's tree is built from.
    pub(super) fn environment(
        &self,
        inputs: &[TaskInput],
        cache: CacheBudget,
        globals: Option<GlobalTables>,
    ) -> TaskEnvironment {
        let sources = &self.topology.graph().sources;
        let inputs = inputs.iter().filter_map(|input| {
            let topic = sources.get(input.source)?.topic.clone();
            let serde_topic = self.names.serde_topic(&topic);
            Some((topic, serde_topic))
        });
        TaskEnvironment { outputs: self.outputs(), inputs: inputs.collect(), cache, globals }
    }

    fn outputs(&self) -> HashMap<TopicRef, OutTopic> {
        let sinks = self.topology.graph().nodes.iter().flat_map(|node| node.kind.written());
        let known = sinks.filter_map(|topic| {
            let partitions = match &topic {
                TopicRef::External(name) => self.sinks.get(name).copied(),
                TopicRef::Internal(_) => self.counts.of(&topic),
            };
            let name = self.names.output(&topic);
            let out = OutTopic::new(name, partitions?).told(self.names.serde_topic(&topic));
            Some((topic, out))
        });
        known.collect()
    }
}
