//! What an application must be allowed to do on a cluster that asks, and nothing beyond it.
//!
//! Two principals: the service has what `run` calls for, on topics by their full names. The operator has
//! what `replay`, `verify`, `results` and `reset` call for, among it the deleting. Neither needs anything
//! of the cluster: an idempotent producer may do with the right to write some topic (KIP-679, Kafka 2.8),
//! and topics are created by the right to create those.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::names::VERSION_SEPARATOR;
use super::{NodeKind, TopicNames, Topology};
use crate::ids::TopicRef;

/// Everything that an application's principals must be allowed.
///
/// # Examples
///
/// ```
/// use kappa::prelude::*;
///
/// # fn main() -> kappa::Result<()> {
/// let orders: Topic<String, i64> = Topic::new("orders", Utf8, I64);
/// let builder = StreamsBuilder::new();
/// builder.stream(&orders).to(&Topic::new("copies", Utf8, I64));
/// let access = builder.build()?.access("copier");
/// assert!(access.to_string().contains(
///     "allow --allow-principal User:copier --operation Read --topic orders"
/// ));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccessList {
    application: String,
    pub(super) rules: Vec<Access>,
    /// Nodes that write to any topic a record chooses: what they may write must be added by hand.
    pub(super) unlisted_outputs: Vec<String>,
}

/// A principal's operations on one resource, or on all whose names begin alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Access {
    /// The name of who is allowed it: `User:` before it makes it Kafka's.
    pub principal: String,
    /// What kind of thing it is allowed on.
    pub resource: Resource,
    /// Whether the name is whole.
    pub pattern: Pattern,
    /// The resource's name, or how it begins.
    pub name: String,
    /// What is allowed.
    pub operations: BTreeSet<Operation>,
}

/// What something is allowed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// A topic.
    Topic,
    /// A consumer group.
    Group,
}

/// How a resource is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// By its name.
    Literal,
    /// By how its name begins.
    Prefixed,
}

/// An operation, as Kafka's authorizer knows it; in the order in which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Operation {
    /// Fetch records, join a group, commit its offsets.
    Read,
    /// Produce records.
    Write,
    /// Create a topic.
    Create,
    /// Delete a topic, its first records, or a group.
    Delete,
    /// See that it exists, its partitions and offsets.
    Describe,
    /// See its settings.
    DescribeConfigs,
}

impl Resource {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Group => "group",
        }
    }
}

impl Operation {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Read => "Read",
            Self::Write => "Write",
            Self::Create => "Create",
            Self::Delete => "Delete",
            Self::Describe => "Describe",
            Self::DescribeConfigs => "DescribeConfigs",
        }
    }
}

// Whoever may read, write or delete something may describe it too: so Kafka's authorizer has it.

/// Reads topics, or is a member of a group.
const READ: &[Operation] = &[Operation::Read];
const WRITE: &[Operation] = &[Operation::Write];
/// Makes topics, and writes and reads them.
const OWN: &[Operation] = &[Operation::Read, Operation::Write, Operation::Create];
/// Makes topics anew: a replay starts over.
const REMAKE: &[Operation] =
    &[Operation::Read, Operation::Write, Operation::Create, Operation::Delete];

impl AccessList {
    /// Works out what an application with this `application.id` must be allowed.
    pub(super) fn of(topology: &Topology, application: &str) -> Self {
        let nodes = topology.graph().nodes.iter();
        let unlisted = nodes.filter(|node| node.kind == NodeKind::DynamicSink(None));
        let mut rules = service(topology, application);
        rules.extend(operator(topology, application));
        Self {
            application: application.to_owned(),
            rules,
            unlisted_outputs: unlisted.map(|node| node.name.as_ref().to_owned()).collect(),
        }
    }

    /// Returns the rules: the service's, then the operator's.
    #[must_use]
    pub fn rules(&self) -> &[Access] {
        &self.rules
    }
}

/// Returns what `run` calls for.
fn service(topology: &Topology, application: &str) -> Vec<Access> {
    let names = TopicNames::live(application);
    let mut rules = Rules::default();
    for topic in topology.input_topics() {
        rules.topic(&topic, READ);
    }
    for topic in topology.output_topics() {
        rules.topic(&topic, WRITE);
        let creation = topology.graph().creation.get(&topic);
        if creation.is_some_and(|creation| creation.partitions > 0) {
            rules.topic(&topic, &[Operation::Create]);
        }
    }
    for topic in repartitions(topology, &names) {
        rules.topic(&topic, OWN);
        // What was processed of them is deleted, by the right to delete their topic.
        rules.topic(&topic, &[Operation::Delete]);
    }
    for topic in changelogs(topology, &names) {
        rules.topic(&topic, OWN);
    }
    rules.add(Resource::Group, Pattern::Literal, application, READ);
    rules.of(&service_principal(application))
}

/// Returns what `replay`, `verify`, `results` and `reset` call for.
fn operator(topology: &Topology, application: &str) -> Vec<Access> {
    let names = TopicNames::live(application);
    let mut rules = Rules::default();
    for topic in topology.input_topics() {
        rules.topic(&topic, READ);
    }
    for topic in topology.output_topics() {
        // A version's outputs are made with the settings of the live ones, and compared with them.
        rules.topic(&topic, READ);
        rules.topic(&topic, &[Operation::DescribeConfigs]);
        let versions = format!("{topic}{VERSION_SEPARATOR}");
        rules.add(Resource::Topic, Pattern::Prefixed, &versions, REMAKE);
    }
    for topic in repartitions(topology, &names) {
        // A reset forgets the group's offsets in them, by the right to read, and deletes them.
        rules.topic(&topic, READ);
        rules.topic(&topic, &[Operation::Delete]);
    }
    for topic in changelogs(topology, &names) {
        rules.topic(&topic, &[Operation::Delete]);
    }
    let versions = format!("{application}{VERSION_SEPARATOR}");
    rules.add(Resource::Topic, Pattern::Prefixed, &versions, REMAKE);
    // A reset shows what an earlier topology left.
    let alike = format!("{application}-");
    rules.add(Resource::Topic, Pattern::Prefixed, &alike, &[Operation::Describe]);
    rules.add(Resource::Group, Pattern::Literal, application, READ);
    rules.add(Resource::Group, Pattern::Prefixed, &versions, READ);
    rules.add(Resource::Group, Pattern::Prefixed, &versions, &[Operation::Delete]);
    rules.of(&operator_principal(application))
}

/// Returns the name under which an application runs.
pub(super) fn service_principal(application: &str) -> String {
    super::strimzi::principal(application)
}

/// Returns the name under which its reruns and resets are made.
pub(super) fn operator_principal(application: &str) -> String {
    super::strimzi::principal(&format!("{application}-operator"))
}

fn repartitions(topology: &Topology, names: &TopicNames) -> BTreeSet<Arc<str>> {
    let sources = topology.graph().sources.iter().map(|source| &source.topic);
    let internal = sources.filter(|topic| matches!(topic, TopicRef::Internal(_)));
    internal.map(|topic| names.source(topic)).collect()
}

fn changelogs(topology: &Topology, names: &TopicNames) -> BTreeSet<Arc<str>> {
    let logged = topology.graph().stores.iter().filter(|store| store.logged);
    logged.map(|store| names.changelog(&store.name)).collect()
}

/// Operations by what they are allowed on: a topic that is both read and written has one rule.
#[derive(Default)]
struct Rules(BTreeMap<(Resource, Pattern, String), BTreeSet<Operation>>);

impl Rules {
    fn topic(&mut self, name: &str, operations: &[Operation]) {
        self.add(Resource::Topic, Pattern::Literal, name, operations);
    }

    fn add(&mut self, resource: Resource, pattern: Pattern, name: &str, allowed: &[Operation]) {
        let rule = self.0.entry((resource, pattern, name.to_owned())).or_default();
        rule.extend(allowed.iter().copied());
    }

    fn of(self, principal: &str) -> Vec<Access> {
        let rules = self.0.into_iter().map(|((resource, pattern, name), operations)| Access {
            principal: principal.to_owned(),
            resource,
            pattern,
            name,
            operations,
        });
        rules.collect()
    }
}

/// A shell script of Kafka's own tool, one line a rule.
impl fmt::Display for AccessList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let application = &self.application;
        writeln!(f, "#!/bin/sh")?;
        writeln!(f, "# What {application} must be allowed; made by `topology --format acls`.")?;
        for node in &self.unlisted_outputs {
            writeln!(f, "# {node} writes to topics that records choose: add Write on those.")?;
        }
        f.write_str(
            "set -eu\n\
             allow() {\n  \
               kafka-acls.sh --bootstrap-server \"${BOOTSTRAP_SERVERS:?}\" \\\n    \
                 ${COMMAND_CONFIG:+--command-config \"$COMMAND_CONFIG\"} --add \"$@\"\n\
             }\n",
        )?;
        self.rules.iter().try_for_each(|rule| writeln!(f, "allow {rule}"))
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--allow-principal User:{}", self.principal)?;
        for operation in &self.operations {
            write!(f, " --operation {}", operation.name())?;
        }
        write!(f, " --{} {}", self.resource.name(), self.name)?;
        if self.pattern == Pattern::Prefixed {
            f.write_str(" --resource-pattern-type prefixed")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
