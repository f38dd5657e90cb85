//! The topology in other words: for people, for tools, and for who makes topics and grants rights.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::arguments::Arguments;
use super::output::{print, print_pretty_json};
use super::{App, configuration};
use crate::error::{Error, Result};
use crate::topology::TopicNames;

/// In which words.
#[derive(Debug, Args)]
pub(super) struct TopologyArguments {
    /// In which form
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// How many partitions an input has; for each of them, where internal topics are wanted too
    #[arg(long, value_name = "TOPIC=N", value_parser = parse_partitions)]
    partitions: Vec<(Arc<str>, usize)>,

    /// The name of the Kafka resource that Strimzi runs
    #[arg(long, value_name = "NAME", default_value = "kafka")]
    cluster: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Kafka Streams' description
    Text,
    /// A chart
    Mermaid,
    /// Nodes, stores and topics, for tools
    Json,
    /// What it must be allowed on a cluster: a script of kafka-acls.sh, or JSON with --json
    Acls,
    /// Topics and users as resources of Strimzi
    Strimzi,
}

/// Shows the topology.
pub(super) fn topology(
    app: &App,
    arguments: &Arguments,
    wanted: &TopologyArguments,
) -> Result<ExitCode> {
    let topology = app.declaration.shape()?;
    if wanted.format != Format::Strimzi && !wanted.partitions.is_empty() {
        return Err(Error::config("--partitions goes with --format strimzi only"));
    }
    match wanted.format {
        Format::Text if !arguments.json => return print(topology.describe()),
        Format::Mermaid => return print(topology.mermaid()),
        Format::Text | Format::Json | Format::Acls | Format::Strimzi => {}
    }
    let settings = configuration::settings(app, arguments)?;
    match wanted.format {
        Format::Acls => {
            let access = topology.access(&settings.application_id);
            if arguments.json { print_pretty_json(&access) } else { print(access) }
        }
        Format::Strimzi => {
            let partitions: BTreeMap<Arc<str>, usize> = wanted.partitions.iter().cloned().collect();
            print(topology.strimzi(&settings, &wanted.cluster, &partitions)?)
        }
        Format::Text | Format::Mermaid | Format::Json => {
            let names = TopicNames::live(&settings.application_id);
            let retention = settings.window_changelog_additional_retention;
            print_pretty_json(&topology.outline(&names, retention))
        }
    }
}

fn parse_partitions(text: &str) -> Result<(Arc<str>, usize), String> {
    let (topic, count) = text.split_once('=').ok_or("expected TOPIC=N")?;
    match count.parse::<usize>() {
        Ok(count) if count > 0 && !topic.is_empty() => Ok((topic.into(), count)),
        _ => Err("expected TOPIC=N, N from one".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_a_topic_and_a_number() {
        assert_eq!(parse_partitions("a.b=12"), Ok(("a.b".into(), 12)));
        for wrong in ["", "a", "a=", "a=0", "=3", "a=-1", "a=b"] {
            assert!(parse_partitions(wrong).is_err(), "{wrong}");
        }
    }
}
