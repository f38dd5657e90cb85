//! Topics and users as resources of the Strimzi operator (`kafka.strimzi.io/v1`).
//!
//! Topics: the outputs that the program creates and, where the inputs' partitions are known, its internal
//! ones, as the application itself would make them. Inputs are others': they stand as comments. Users: the
//! service and the operator of [`access`](super::access), who authenticate by SCRAM.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::sync::Arc;

use super::access::{Access, Pattern};
use super::{
    PartitionCounts, StoreKind, TopicNames, Topology, changelog_settings, repartition_settings,
};
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::ids::TopicRef;

/// How long a name may be where it is a label's value as well.
const LABEL_LEN_MAX: usize = 63;
/// How long a resource's name may be.
const NAME_LEN_MAX: usize = 253;
/// A dash and eight hexadecimal digits.
const MARK_LEN: usize = 9;

/// What all resources share.
struct Labels {
    cluster: String,
    application: String,
}

/// A topic as it is declared to Strimzi.
struct TopicResource {
    name: Arc<str>,
    partitions: usize,
    settings: BTreeMap<String, String>,
}

/// Returns the resources as YAML documents.
pub(super) fn resources(
    topology: &Topology,
    settings: &Settings,
    cluster: &str,
    partitions: &BTreeMap<Arc<str>, usize>,
) -> Result<String> {
    check_partitions(topology, partitions)?;
    let application = &settings.application_id;
    let access = topology.access(application);
    let labels = Labels { cluster: cluster.to_owned(), application: principal(application) };
    let mut text = String::new();
    let _ = writeln!(text, "# Made by `topology --format strimzi`: change the program, not this.");
    for topic in topology.input_topics() {
        let _ = match partitions.get(&topic) {
            Some(count) => writeln!(text, "# reads {topic}, which has {count} partitions"),
            None => writeln!(text, "# reads {topic}"),
        };
    }
    for node in &access.unlisted_outputs {
        let _ = writeln!(text, "# {node} writes to topics that records choose: add them by hand");
    }
    let mut topics = outputs(topology);
    if partitions.is_empty() {
        let _ = writeln!(text, "# internal topics: the application makes them, or --partitions");
    } else {
        topics.extend(internal(topology, settings, partitions)?);
    }
    for topic in &topics {
        write_topic(&mut text, &labels, settings.replication_factor, topic);
    }
    let principals: BTreeSet<&str> =
        access.rules.iter().map(|rule| rule.principal.as_str()).collect();
    for name in principals {
        let rules = access.rules.iter().filter(|rule| rule.principal == name);
        write_user(&mut text, &labels, name, rules);
    }
    Ok(text)
}

/// Refuses counts of topics that are not read, and counts of some inputs only.
fn check_partitions(topology: &Topology, partitions: &BTreeMap<Arc<str>, usize>) -> Result<()> {
    let inputs = topology.input_topics();
    if let Some(unknown) = partitions.keys().find(|topic| !inputs.contains(*topic)) {
        return Err(Error::config(format!("{unknown} is no input of the topology")));
    }
    let sources = topology.graph().sources.iter().filter_map(|source| match &source.topic {
        TopicRef::External(name) => Some(name),
        TopicRef::Internal(_) => None,
    });
    let mut missing = sources.filter(|topic| !partitions.contains_key(*topic));
    match missing.next() {
        Some(topic) if !partitions.is_empty() => Err(Error::config(format!(
            "the partitions of the input {topic} are missing: say --partitions {topic}=N"
        ))),
        _ => Ok(()),
    }
}

/// Returns the outputs that the program says how to create.
fn outputs(topology: &Topology) -> Vec<TopicResource> {
    let outputs = topology.output_topics().into_iter().filter_map(|name| {
        let creation = topology.graph().creation.get(&name)?;
        let settings = creation.settings.clone();
        let partitions = creation.partitions;
        (partitions > 0).then_some(TopicResource { name, partitions, settings })
    });
    outputs.collect()
}

/// Returns repartition topics and changelogs, as `run` would create them.
fn internal(
    topology: &Topology,
    settings: &Settings,
    partitions: &BTreeMap<Arc<str>, usize>,
) -> Result<Vec<TopicResource>> {
    let counts = PartitionCounts::resolve(topology, partitions)?;
    let names = TopicNames::live(&settings.application_id);
    let mut topics: Vec<TopicResource> = counts
        .internal()
        .map(|(topic, partitions)| TopicResource {
            name: names.source(topic),
            partitions,
            settings: repartition_settings(),
        })
        .collect();
    for part in topology.subtopologies() {
        let stores = part.stores.iter().filter_map(|&store| topology.store(store));
        topics.extend(stores.filter(|store| store.logged).map(|store| TopicResource {
            name: names.changelog(&store.name),
            partitions: counts.tasks(part),
            settings: changelog(settings, store.kind),
        }));
    }
    for topic in &mut topics {
        topic.settings.extend(settings.topic_settings.clone());
    }
    Ok(topics)
}

fn changelog(settings: &Settings, kind: StoreKind) -> BTreeMap<String, String> {
    changelog_settings(kind, settings.window_changelog_additional_retention)
}

fn write_topic(text: &mut String, labels: &Labels, replicas: i32, topic: &TopicResource) {
    let TopicResource { name, partitions, settings } = topic;
    let resource = resource_name(name, NAME_LEN_MAX);
    let _ = write!(
        text,
        "---\napiVersion: kafka.strimzi.io/v1\nkind: KafkaTopic\nmetadata:\n  name: {resource}\n\
         {labels}spec:\n  topicName: {}\n  partitions: {partitions}\n",
        quoted(name)
    );
    if replicas > 0 {
        let _ = writeln!(text, "  replicas: {replicas}");
    }
    if !settings.is_empty() {
        let _ = writeln!(text, "  config:");
    }
    for (name, value) in settings {
        let _ = writeln!(text, "    {name}: {}", quoted(value));
    }
}

fn write_user<'a>(
    text: &mut String,
    labels: &Labels,
    name: &str,
    rules: impl Iterator<Item = &'a Access>,
) {
    let _ = write!(
        text,
        "---\napiVersion: kafka.strimzi.io/v1\nkind: KafkaUser\nmetadata:\n  name: {name}\n\
         {labels}spec:\n  authentication:\n    type: scram-sha-512\n  authorization:\n    \
         type: simple\n    acls:\n"
    );
    for rule in rules {
        let pattern = match rule.pattern {
            Pattern::Literal => "literal",
            Pattern::Prefixed => "prefix",
        };
        let operations: Vec<&str> =
            rule.operations.iter().map(|operation| operation.name()).collect();
        let _ = writeln!(
            text,
            "      - resource: {{type: {}, patternType: {pattern}, name: {}}}\n        \
             operations: [{}]",
            rule.resource.name(),
            quoted(&rule.name),
            operations.join(", ")
        );
    }
}

/// Returns the name of a user, which is a label's value too.
pub(super) fn principal(name: &str) -> String {
    resource_name(name, LABEL_LEN_MAX)
}

/// Returns a name that Kubernetes takes for a resource: the same where it can be had, else a like one
/// with a mark, so that two that differ stay two.
fn resource_name(name: &str, len_max: usize) -> String {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let whole = |part: &str| {
        let ends = [part.chars().next(), part.chars().next_back()];
        part.chars().all(legal) && ends.iter().all(|end| end.is_some_and(|end| end != '-'))
    };
    if name.len() <= len_max && name.split('.').all(whole) {
        return name.to_owned();
    }
    let lower = name.chars().map(|c| c.to_ascii_lowercase());
    let alike: String = lower.map(|c| if legal(c) { c } else { '-' }).collect();
    let alike = alike.trim_matches('-').chars().take(len_max - MARK_LEN).collect::<String>();
    let alike = alike.trim_end_matches('-');
    format!("{}-{:08x}", if alike.is_empty() { "x" } else { alike }, mark(name))
}

/// Returns a mark of a name (FNV-1a).
fn mark(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Returns a text as YAML takes it whatever it looks like.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, application } = self;
        writeln!(f, "  labels:\n    strimzi.io/cluster: {}", quoted(cluster))?;
        writeln!(f, "    app.kubernetes.io/name: {}", quoted(application))
    }
}

#[cfg(test)]
mod tests;
