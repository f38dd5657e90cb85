//! Which topics are an application's own: by name, since Kafka keeps no owner.
//!
//! A prefix does not tell: the topics of `orders-eu` begin with `orders-`, too. So what is deleted are
//! the names that follow from the topology; what is only alike is shown, and deleted by name alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::ids::TopicRef;
use crate::topology::{TopicNames, Topology};

/// Topics that exist and may be an application's own.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Owned {
    /// Those whose names follow from the topology.
    pub(super) derived: Vec<String>,
    /// Others with the application's prefix and an ending of internal topics.
    pub(super) alike: Vec<String>,
}

/// How names of internal topics end; the last two are a named foreign-key join's.
const ENDINGS: [&str; 4] = [
    "-changelog",
    "-repartition",
    "-subscription-registration-topic",
    "-subscription-response-topic",
];
/// What is in the names of the topics of a foreign-key join without a name; they end in `-topic`.
const FOREIGN_KEY_JOIN: &str = "-KTABLE-FK-JOIN-SUBSCRIPTION-";

/// Finds an application's own topics among all that exist.
pub(super) fn find(topology: &Topology, names: &TopicNames, existing: Vec<String>) -> Owned {
    let derived = derived(topology, names);
    // Whatever their names: what others write or read is never ours to delete.
    let (inputs, outputs) = (topology.input_topics(), topology.output_topics());
    let mut owned = Owned::default();
    for topic in existing {
        let is_external = inputs.contains(topic.as_str()) || outputs.contains(topic.as_str());
        if is_external {
            continue;
        }
        if derived.contains(topic.as_str()) {
            owned.derived.push(topic);
        } else if is_internal(&topic, names) {
            owned.alike.push(topic);
        }
    }
    owned.derived.sort();
    owned.alike.sort();
    owned
}

impl Owned {
    /// Returns the topics that are wanted.
    ///
    /// # Errors
    ///
    /// Where one is not named like an internal topic of the application, or does not exist.
    pub(super) fn only(&self, wanted: &[String], names: &TopicNames) -> Result<Vec<String>> {
        let application = names.application_id();
        for topic in wanted {
            if !is_internal(topic, names) {
                return Err(Error::config(format!(
                    "{topic} is not named like an internal topic of {application}: those begin with \
                     `{application}-` and end with `-changelog`, `-repartition` or, for foreign-key \
                     joins, `-topic`"
                )));
            }
            if !self.derived.contains(topic) && !self.alike.contains(topic) {
                return Err(Error::config(format!(
                    "there is no internal topic {topic} of {application}: run without \
                     --internal-topics and --yes to see those there are"
                )));
            }
        }
        let wanted: BTreeSet<&String> = wanted.iter().collect();
        Ok(wanted.into_iter().cloned().collect())
    }
}

/// Returns the names of the internal topics that a topology has, whether they exist or not.
fn derived(topology: &Topology, names: &TopicNames) -> BTreeSet<Arc<str>> {
    let graph = topology.graph();
    let sources = graph.sources.iter().map(|source| &source.topic);
    let internal = sources.filter(|topic| matches!(topic, TopicRef::Internal(_)));
    let repartitions = internal.map(|topic| names.source(topic));
    let logged = graph.stores.iter().filter(|store| store.logged);
    repartitions.chain(logged.map(|store| names.changelog(&store.name))).collect()
}

fn is_internal(topic: &str, names: &TopicNames) -> bool {
    let rest = topic.strip_prefix(names.application_id()).and_then(|rest| rest.strip_prefix('-'));
    rest.is_some_and(|rest| {
        let ends = ENDINGS.iter().any(|ending| rest.len() > ending.len() && rest.ends_with(ending));
        ends || (topic.contains(FOREIGN_KEY_JOIN) && rest.ends_with("-topic"))
    })
}

#[cfg(test)]
mod tests;
