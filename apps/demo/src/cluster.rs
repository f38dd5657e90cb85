//! The Kafka to run on: the embedded broker, or one that has room for the demo.

use std::collections::BTreeSet;
use std::sync::Arc;

use kappa::config::StreamsConfig;
use kappa::kafka::rdkafka::RdKafka;
use kappa::kafka::{Admin, Clients};
use kappa::runtime::{Stop, wait_for_cluster};
use kappa::{Error, ErrorKind, Result, TopicPartition};

use crate::programs::Running;
use crate::steps::SERVICES;

/// A Kafka, and the broker's process if it is ours.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) bootstrap: String,
    _broker: Option<Running>,
}

/// What the feeder writes.
const FED: [&str; 7] = [
    "flights.scheduled",
    "flights.departed",
    "flights.landed",
    "airlines",
    "airports",
    "planes",
    "weather",
];
/// The services' stores, which their internal topics are named after.
const STORES: [&str; 2] = ["totals", "hours"];
/// What the version of a rerun is called.
const VERSION_SUFFIX: &str = "--replay";

impl Cluster {
    /// Starts the embedded broker.
    pub(crate) fn embedded() -> Result<Self> {
        let mut broker = Running::start("kappa-broker", &[], &[])?;
        let line = broker.first_line()?;
        let Some(bootstrap) = line.strip_prefix("listening on ") else {
            let message = format!("the broker said `{line}` instead of where it listens");
            return Err(Error::new(ErrorKind::Unavailable, message));
        };
        Ok(Self { bootstrap: bootstrap.to_owned(), _broker: Some(broker) })
    }

    /// Takes a running Kafka, if the demo's topics there are empty or may be deleted.
    pub(crate) fn existing(bootstrap: &str, fresh: bool, stop: &Stop) -> Result<Self> {
        let settings = StreamsConfig::new("demo")
            .with_process_environment()?
            .with_argument("bootstrap.servers", bootstrap)?
            .resolve()?;
        let admin = RdKafka::new(&settings, "demo").admin()?;
        wait_for_cluster(&*admin, &settings, stop)?;
        let ours: Vec<Arc<str>> = admin
            .topic_names()?
            .into_iter()
            .filter(|topic| is_ours(topic))
            .map(Arc::from)
            .collect();
        if fresh {
            // Groups first: one that has members is a service that runs, and nothing is deleted then.
            for service in SERVICES {
                admin.delete_group(service)?;
                admin.delete_group(&format!("{service}{VERSION_SUFFIX}"))?;
            }
            admin.delete_topics(&ours.iter().map(|topic| topic.to_string()).collect::<Vec<_>>())?;
        } else {
            refuse_unless_empty(&*admin, bootstrap, &ours)?;
        }
        Ok(Self { bootstrap: bootstrap.to_owned(), _broker: None })
    }
}

/// Returns whether a topic is one that the demo writes.
fn is_ours(topic: &str) -> bool {
    let of_service = |(service, store): (&str, &str)| {
        topic.strip_prefix(service).is_some_and(|rest| {
            let rest = rest.strip_prefix(VERSION_SUFFIX).unwrap_or(rest);
            let internal = rest.strip_prefix('-').and_then(|rest| rest.strip_prefix(store));
            rest.is_empty() || matches!(internal, Some("-repartition" | "-changelog"))
        })
    };
    FED.contains(&topic) || SERVICES.into_iter().zip(STORES).any(of_service)
}

fn refuse_unless_empty(admin: &dyn Admin, bootstrap: &str, topics: &[Arc<str>]) -> Result<()> {
    let counts = admin.partition_counts(topics)?;
    let partitions: Vec<TopicPartition> = counts
        .into_iter()
        .flat_map(|(topic, count)| {
            let count = i32::try_from(count).unwrap_or(i32::MAX);
            (0..count).map(move |partition| TopicPartition::new(topic.clone(), partition))
        })
        .collect();
    let starts = admin.start_offsets(&partitions)?;
    let ends = admin.end_offsets(&partitions)?;
    let filled: BTreeSet<&str> = ends
        .iter()
        .filter(|(partition, end)| starts.get(*partition) != Some(*end))
        .map(|(partition, _)| &*partition.topic)
        .collect();
    if filled.is_empty() {
        return Ok(());
    }
    let filled: Vec<&str> = filled.into_iter().collect();
    Err(Error::new(
        ErrorKind::Topology,
        format!(
            "these topics on {bootstrap} are not empty: {}. The demo would add to them: run it on \
             another Kafka, or with FRESH=1 to have it delete them",
            filled.join(", ")
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_demos_own_topics_are_its_to_delete() {
        for ours in [
            "flights.departed",
            "planes",
            "airline-delays",
            "airline-delays--replay",
            "airline-delays-totals-changelog",
            "airport-hours--replay-hours-repartition",
        ] {
            assert!(is_ours(ours), "{ours}");
        }
        for others in [
            "planes-2",
            "airline-delays-v2",
            "airline-delaysx",
            "airline-delays-v2-totals-changelog",
            "airport-hours-by-region-hours-changelog",
            "airline-delays--v2-totals-repartition",
            "orders",
            "flights",
        ] {
            assert!(!is_ours(others), "{others}");
        }
    }
}
