//! In which order subtopologies run, and which inputs a repartition topic waits for.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{NodeId, SubtopologyId, TopicRef};
use crate::topology::{Graph, NodeKind, Subtopology, Topology};

/// Subtopologies that run together: one, or several that feed one another.
pub(super) type Stage = Vec<SubtopologyId>;

/// Returns the stages in the order of their data: each begins when what it reads is sealed.
pub(super) fn order(topology: &Topology) -> Vec<Stage> {
    let subtopologies = topology.subtopologies();
    let reach: BTreeMap<SubtopologyId, BTreeSet<SubtopologyId>> = subtopologies
        .iter()
        .map(|subtopology| (subtopology.id, downstream(subtopologies, subtopology.id)))
        .collect();
    let reaches = |from: SubtopologyId, to: SubtopologyId| {
        reach.get(&from).is_some_and(|reached| reached.contains(&to))
    };
    let mut stages: Vec<Stage> = Vec::new();
    for subtopology in subtopologies {
        let id = subtopology.id;
        let joined = stages
            .iter_mut()
            .find(|stage| stage.iter().any(|&other| reaches(id, other) && reaches(other, id)));
        match joined {
            Some(stage) => stage.push(id),
            None => stages.push(vec![id]),
        }
    }
    // Who reaches more comes first: a stage reaches everything that its successors reach, and them.
    stages.sort_by_key(|stage| {
        let reached = stage.first().and_then(|id| reach.get(id)).map_or(0, BTreeSet::len);
        (std::cmp::Reverse(reached), stage.first().copied())
    });
    stages
}

/// Returns a subtopology, and all that its records can come to through repartition topics.
fn downstream(all: &[Subtopology], from: SubtopologyId) -> BTreeSet<SubtopologyId> {
    let mut reached = BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(id) = open.pop() {
        let written = all.iter().filter(|sub| sub.id == id).flat_map(|sub| &sub.sink_topics);
        let written: BTreeSet<&TopicRef> = written.collect();
        for reader in all {
            let reads = reader.source_topics.iter().any(|topic| written.contains(topic));
            if reads && reached.insert(reader.id) {
                open.push(reader.id);
            }
        }
    }
    reached
}

/// Returns, for each repartition topic, the topology's sources from which it is fed: by node, not by
/// subtopology, since one may write a topic that it reads.
pub(super) fn feeders(topology: &Topology) -> BTreeMap<TopicRef, BTreeSet<usize>> {
    let graph = topology.graph();
    let mut feeders: BTreeMap<TopicRef, BTreeSet<usize>> = BTreeMap::new();
    for (at, node) in graph.nodes.iter().enumerate() {
        if let NodeKind::Sink(topic @ TopicRef::Internal(_)) = &node.kind {
            feeders.entry(topic.clone()).or_default().extend(sources_above(graph, NodeId(at)));
        }
    }
    feeders
}

fn sources_above(graph: &Graph, node: NodeId) -> BTreeSet<usize> {
    let seen = graph.with_ancestors([node]);
    let sources = graph.sources.iter().enumerate();
    sources.filter(|(_, source)| seen.contains(&source.node)).map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    fn topic(name: &str) -> Topic<String, String> {
        Topic::new(name, Utf8, Utf8)
    }

    #[test]
    fn a_stage_follows_those_that_feed_it() {
        let builder = StreamsBuilder::new();
        let counts = builder.stream(&topic("a")).group_by(|_, v| v.clone()).count("first");
        let totals = counts.to_stream().map_values(|n| n.unwrap_or(0));
        totals.group_by(|_, n| n.to_string()).count("second");
        let topology = builder.build().unwrap();
        let stages = order(&topology);
        assert_eq!(
            stages,
            [vec![SubtopologyId(0)], vec![SubtopologyId(1)], vec![SubtopologyId(2)]]
        );

        let feeders = feeders(&topology);
        let fed_by = |name: &str| feeders[&TopicRef::Internal(name.into())].clone();
        assert_eq!(fed_by("first-repartition"), BTreeSet::from([0]));
        let second = fed_by("second-repartition");
        assert_eq!(second.len(), 1);
        assert!(
            !second.contains(&0),
            "what is behind a repartition topic feeds, not what is before"
        );
    }

    #[test]
    fn what_feeds_a_loop_comes_before_it_whatever_was_declared_first() {
        let builder = StreamsBuilder::new();
        let table = builder.table(&topic("t"), "t");
        let rekey = |stream: &KStream<String, String>| {
            stream.select_key(|_, v| v.clone()).with_serdes(Utf8, Utf8)
        };
        let once = rekey(&builder.stream(&topic("s"))).join(&table, |left, _| left);
        rekey(&once.with_serdes(Utf8, Utf8)).join(&table, |left, _| left).to(&topic("out"));
        let topology = builder.build().unwrap();
        let reads = |id: SubtopologyId| {
            let topics = &topology.subtopology(id).unwrap().source_topics;
            topics.iter().any(|topic| &**topic.name() == "s")
        };
        let stages = order(&topology);
        assert_eq!(stages.len(), 2);
        assert!(reads(stages[0][0]) && !reads(stages[1][0]));
    }

    #[test]
    fn a_subtopology_that_reads_what_it_writes_is_one_stage() {
        // The re-keyed stream comes back to the table that it was joined with before.
        let builder = StreamsBuilder::new();
        let table = builder.table(&topic("t"), "t");
        let joined =
            builder.stream(&topic("s")).join(&table, |left, right| format!("{left}{right}"));
        let again = joined.select_key(|_, v| v.clone()).with_serdes(Utf8, Utf8);
        again.join(&table, |left, _| left).to(&topic("out"));
        let topology = builder.build().unwrap();
        assert_eq!(order(&topology).len(), 1);
        let feeders = feeders(&topology);
        let fed_by = feeders.values().next().unwrap();
        let read = |at: &usize| topology.graph().sources[*at].topic.name().to_string();
        assert_eq!(fed_by.iter().map(read).collect::<Vec<_>>(), ["s"]);
    }
}
