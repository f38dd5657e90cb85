//! Finding and creating topics at start: inputs must exist, outputs and internal topics are made.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use super::stop::Stop;
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::kafka::{Admin, NewTopic};
use crate::task::{Deployment, RunMode};
use crate::time::{Clock, SystemClock};
use crate::topology::{
    PartitionCounts, StoreKind, TopicNames, Topology, changelog_settings, repartition_settings,
};

/// How long one try to reach the cluster takes, and how long between two tries.
const REACH_STEP: Duration = Duration::from_secs(1);

/// Waits until the cluster answers.
///
/// # Errors
///
/// Where it does not within `task.timeout.ms`, or a stop is asked for.
pub fn wait_for_cluster(admin: &dyn Admin, settings: &Settings, stop: &Stop) -> Result<()> {
    let clock = SystemClock::start();
    let start = clock.monotonic();
    let mut told = None;
    loop {
        stop.check()?;
        let Err(error) = admin.reach(REACH_STEP) else {
            if told.is_some() {
                tracing::info!("Kafka answers");
            }
            return Ok(());
        };
        let servers = settings.clients.for_client(&[]).remove("bootstrap.servers");
        let servers = servers.unwrap_or_else(|| "localhost:9092".to_owned());
        if !error.is_retriable() {
            return Err(error);
        }
        if clock.monotonic().saturating_sub(start) > settings.task_timeout {
            let context = format!("no Kafka at {servers} (bootstrap.servers)");
            return Err(error.context(context));
        }
        let why = error.report();
        if told.as_ref() != Some(&why) {
            tracing::warn!("no Kafka at {servers} yet ({why}); trying again until it answers");
            told = Some(why);
        }
        stop.wait(REACH_STEP);
    }
}

/// Creates a topology's outputs that are missing and its own topics, and returns how it runs on them.
///
/// `inputs` has the partition counts of its inputs.
///
/// # Errors
///
/// Where partition counts do not fit, or a topic cannot be created; the message names the topic.
pub(crate) fn prepare(
    admin: &dyn Admin,
    topology: &Topology,
    names: TopicNames,
    settings: &Settings,
    (mode, inputs): (RunMode, &BTreeMap<Arc<str>, usize>),
) -> Result<Deployment> {
    // Before anything is created.
    PartitionCounts::resolve(topology, inputs)?;
    let sinks = create_outputs(admin, topology, &names, settings)?;
    let deployment = Deployment::new(topology.clone(), names, inputs, sinks, mode)?;
    create_internal(admin, &deployment, settings)?;
    Ok(deployment)
}

/// Returns the partition counts of the input topics, global tables' included.
///
/// # Errors
///
/// Where one does not exist.
pub(crate) fn inputs(admin: &dyn Admin, topology: &Topology) -> Result<BTreeMap<Arc<str>, usize>> {
    let wanted: Vec<Arc<str>> = topology.input_topics().into_iter().collect();
    let counts = admin.partition_counts(&wanted)?;
    let missing: Vec<&str> =
        wanted.iter().filter(|topic| !counts.contains_key(*topic)).map(|topic| &**topic).collect();
    if missing.is_empty() {
        return Ok(counts);
    }
    let (subject, object) = match missing.len() {
        1 => ("input topic", "does not exist: create it, or correct its name"),
        _ => ("input topics", "do not exist: create them, or correct their names"),
    };
    Err(Error::topology(format!("the {subject} {} {object}", missing.join(", "))))
}

/// Creates the output topics that are missing; returns the partition counts of all.
fn create_outputs(
    admin: &dyn Admin,
    topology: &Topology,
    names: &TopicNames,
    settings: &Settings,
) -> Result<BTreeMap<Arc<str>, usize>> {
    let topics: BTreeSet<Arc<str>> = topology.output_topics();
    let real: Vec<Arc<str>> = topics.iter().map(|topic| names.sink(topic)).collect();
    let existing = admin.partition_counts(&real)?;
    let mut counts = BTreeMap::new();
    let mut missing = Vec::new();
    for (topic, real) in topics.into_iter().zip(real) {
        let partitions = match existing.get(&real) {
            Some(&partitions) => partitions,
            None => {
                let new = new_output(admin, topology, &topic, &real, settings)?;
                let partitions = new.partitions;
                missing.push(new);
                partitions
            }
        };
        counts.insert(topic, partitions);
    }
    create(admin, &missing)?;
    Ok(counts)
}

/// Returns how a missing output topic is to be created: as the program says or, for a version's, as
/// the live topic is.
fn new_output(
    admin: &dyn Admin,
    topology: &Topology,
    topic: &Arc<str>,
    real: &Arc<str>,
    settings: &Settings,
) -> Result<NewTopic> {
    let of_version = topic != real;
    let live = if of_version {
        admin.partition_counts(std::slice::from_ref(topic))?.get(topic).copied()
    } else {
        None
    };
    let (partitions, topic_settings) = match (live, topology.graph().creation.get(topic)) {
        (Some(partitions), _) => (partitions, admin.topic_settings(topic)?),
        (None, Some(creation)) if creation.partitions > 0 => {
            (creation.partitions, creation.settings.clone())
        }
        _ => {
            return Err(Error::topology(format!(
                "the output topic {topic} does not exist: create it, or declare it with \
                 `.create(partitions)`"
            )));
        }
    };
    Ok(NewTopic {
        name: real.as_ref().to_owned(),
        partitions,
        replication_factor: settings.replication_factor,
        settings: topic_settings,
    })
}

/// Creates repartition and changelog topics that are missing, and checks those that exist.
fn create_internal(admin: &dyn Admin, deployment: &Deployment, settings: &Settings) -> Result<()> {
    let mut wanted: Vec<NewTopic> = Vec::new();
    let mut add = |name: &Arc<str>, partitions, mut settings_of: BTreeMap<String, String>| {
        settings_of.extend(settings.topic_settings.clone());
        wanted.push(NewTopic {
            name: name.as_ref().to_owned(),
            partitions,
            replication_factor: settings.replication_factor,
            settings: settings_of,
        });
    };
    for (name, partitions) in deployment.repartition_topics() {
        add(&name, partitions, repartition_settings());
    }
    for (topic, partitions) in deployment.changelog_topics() {
        let spec = deployment.topology().store(topic.store);
        let kind = spec.map_or(StoreKind::KeyValue, |spec| spec.kind);
        let additional = settings.window_changelog_additional_retention;
        add(&topic.name, partitions, changelog_settings(kind, additional));
    }
    let names: Vec<Arc<str>> = wanted.iter().map(|topic| topic.name.as_str().into()).collect();
    let existing = admin.partition_counts(&names)?;
    for topic in &wanted {
        if let Some(&found) = existing.get(topic.name.as_str())
            && found != topic.partitions
        {
            return Err(Error::topology(format!(
                "the internal topic {} has {found} partitions and needs {}: the partitions of an \
                 input have changed, or it was made by hand; stop all instances and start the \
                 application over with `reset`",
                topic.name, topic.partitions
            )));
        }
    }
    wanted.retain(|topic| !existing.contains_key(topic.name.as_str()));
    create(admin, &wanted)
}

fn create(admin: &dyn Admin, topics: &[NewTopic]) -> Result<()> {
    if topics.is_empty() {
        return Ok(());
    }
    let mut shown = String::new();
    for topic in topics {
        let separator = if shown.is_empty() { "" } else { ", " };
        let _ = write!(shown, "{separator}{} ({})", topic.name, topic.partitions);
    }
    tracing::info!("creating topics (partitions): {shown}");
    admin.create_topics(topics)
}
