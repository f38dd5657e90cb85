//! Grades: what of a case agrees with the Java library (FORMAT.md, section 10).

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::case::{Case, Node};
use super::run::Outcome;

/// What is compared on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grade {
    Error,
    OutputPerTopic,
    TotalOrder,
    Stores,
    Dropped,
    Describe,
    InternalTopics,
    Bytes,
}

pub(crate) const GRADES: [Grade; 8] = [
    Grade::Error,
    Grade::OutputPerTopic,
    Grade::TotalOrder,
    Grade::Stores,
    Grade::Dropped,
    Grade::Describe,
    Grade::InternalTopics,
    Grade::Bytes,
];

/// One grade of one case.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The case says nothing of it.
    Silent,
    Agrees,
    /// It differs in a way that is known and meant.
    Deviates(Deviation),
    Disagrees(String),
}

/// Differences from the JVM library that are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deviation {
    /// The JVM library flushes caches in the order its stores were declared, ours upstream first along
    /// the branches of the tree, and a small cache is full at other times: records of different topics
    /// change places, those of one topic do not.
    FlushOrder,
    /// Records with nulls that several operators behind one repartition topic drop, or that a left join
    /// far behind lets through it, are counted by the JVM library once per operator; ours are dropped
    /// before the topic, once.
    NullsBeforeRepartition,
}

/// Grades a case.
pub(crate) fn grade(grade: Grade, case: &Case, ours: &Outcome) -> Verdict {
    match compare(grade, case, ours) {
        None => Verdict::Silent,
        Some(Ok(())) => Verdict::Agrees,
        Some(Err(text)) => match deviation(grade, case, ours) {
            Some(deviation) => Verdict::Deviates(deviation),
            None => Verdict::Disagrees(text),
        },
    }
}

/// Compares one grade; nothing where the case says nothing of it.
fn compare(grade: Grade, case: &Case, ours: &Outcome) -> Option<Result<(), String>> {
    let expect = case.expect();
    let failed = !expect["error"].is_null();
    let built = !expect["describe"].is_null();
    match grade {
        Grade::Error => {
            let error = &expect["error"];
            let theirs = match error {
                Json::Null => Json::Null,
                _ => json!([error["phase"], error["step"], error["kind"]]),
            };
            let why = |text| format!("{text} ({})", ours.error_text);
            Some(equal(&theirs, &ours.error).map_err(why))
        }
        Grade::OutputPerTopic if built => Some(per_topic(&list(&expect["output"]), &ours.output)),
        Grade::TotalOrder if built => Some(in_order(&list(&expect["output"]), &ours.output)),
        Grade::Stores if built && !failed => Some(stores(expect, ours)),
        Grade::Dropped if built && !failed => {
            let by_task = expect["dropped"].as_object();
            let theirs = by_task.into_iter().flatten().filter_map(|(_, count)| count.as_u64());
            Some(equal(&json!(theirs.sum::<u64>()), &json!(ours.dropped)))
        }
        Grade::Describe if built => Some(lines(&expect["describe"], &ours.describe)),
        Grade::InternalTopics if built => Some(internal_topics(case, ours)),
        Grade::Bytes if expect["bytes"].is_array() => {
            let (theirs, ours) = bytes(expect, ours);
            Some(in_order(&theirs, &ours))
        }
        _ => None,
    }
}

/// Returns whether a difference is one that is meant.
fn deviation(grade: Grade, case: &Case, ours: &Outcome) -> Option<Deviation> {
    let expect = case.expect();
    let is_rekeyed = |node: Node<'_>| {
        matches!(node.op(), "map" | "select_key" | "group_by") || node.has("key_fn")
    };
    let rekeyed = case.nodes().any(is_rekeyed);
    let joins = case.nodes().filter(|node| node.op() == "join_table").count();
    let relaxed = case.nodes().any(is_left_join) || joins > 1;
    let same_per_topic = match grade {
        Grade::Dropped => {
            let shared = case.nodes().any(|group| is_shared_group(case, group));
            return (rekeyed && (relaxed || shared)).then_some(Deviation::NullsBeforeRepartition);
        }
        Grade::TotalOrder => per_topic(&list(&expect["output"]), &ours.output).is_ok(),
        Grade::Bytes => {
            let (mut theirs, mut ours) = bytes(expect, ours);
            for records in [&mut theirs, &mut ours] {
                records.retain(|record| !(record["key"].is_null() && is_sent(record)));
            }
            if relaxed && in_order(&theirs, &ours).is_ok() {
                return Some(Deviation::NullsBeforeRepartition);
            }
            per_topic(&theirs, &ours).is_ok()
        }
        _ => return None,
    };
    let stores = expect["stores"].as_object().map_or(0, serde_json::Map::len);
    let has_nulls = case.steps().iter().any(|step| step["value"].is_null());
    match same_per_topic {
        true if case.cache_bytes() > 0 && stores > 1 => Some(Deviation::FlushOrder),
        // What is not sent does not queue up, either, and so ties are decided otherwise.
        true if rekeyed && has_nulls => Some(Deviation::NullsBeforeRepartition),
        _ => None,
    }
}

/// Returns whether several aggregations share a group's repartition topic.
fn is_shared_group(case: &Case, group: Node<'_>) -> bool {
    let uses = case.nodes().filter(|node| node.inputs().contains(&group.id())).count();
    matches!(group.op(), "group_by" | "group_by_key") && group.has("name") && uses > 1
}

fn is_left_join(node: Node<'_>) -> bool {
    node.op() == "join_table" && node.text("kind") == Some("left")
}

/// Returns whether a record is on its way through a repartition topic.
fn is_sent(record: &Json) -> bool {
    record["topic"].as_str().is_some_and(|topic| topic.ends_with("-repartition"))
}

/// Both sides' records in bytes, as far as they are compared.
fn bytes(expect: &Json, ours: &Outcome) -> (Vec<Json>, Vec<Json>) {
    (without_sent_nulls(list(&expect["bytes"])), without_sent_nulls(ours.bytes.clone()))
}

fn equal(theirs: &Json, ours: &Json) -> Result<(), String> {
    if theirs == ours { Ok(()) } else { Err(format!("java {theirs}, ours {ours}")) }
}

/// The records of an expectation as a list.
fn list(records: &Json) -> Vec<Json> {
    records.as_array().cloned().unwrap_or_default()
}

fn in_order(theirs: &[Json], ours: &[Json]) -> Result<(), String> {
    for at in 0..theirs.len().max(ours.len()) {
        let (their, our) = (theirs.get(at), ours.get(at));
        if their != our {
            let show = |record: Option<&Json>| record.map_or("nothing".into(), Json::to_string);
            return Err(format!("record {at}: java {}, ours {}", show(their), show(our)));
        }
    }
    Ok(())
}

fn per_topic(theirs: &[Json], ours: &[Json]) -> Result<(), String> {
    let name = |record: &Json| record["topic"].as_str().unwrap_or_default().to_owned();
    let topics: BTreeSet<String> = theirs.iter().chain(ours).map(name).collect();
    for topic in topics {
        // When something came out is part of the total order.
        let of_topic = |records: &[Json]| -> Vec<Json> {
            let mine = records.iter().filter(|record| record["topic"] == topic);
            mine.cloned()
                .map(|mut record| {
                    record["step"].take();
                    record
                })
                .collect()
        };
        in_order(&of_topic(theirs), &of_topic(ours))?;
    }
    Ok(())
}

fn stores(expect: &Json, ours: &Outcome) -> Result<(), String> {
    for (name, rows) in &ours.stores {
        let theirs = &expect["stores"][name];
        if theirs["rows"].is_null() || rows.is_null() {
            continue;
        }
        let their_rows = match theirs["kind"].as_str() {
            Some("tswindow") => readable(expect, name, &theirs["rows"], rows),
            _ => theirs["rows"].clone(),
        };
        equal(&their_rows, rows).map_err(|text| format!("store {name}: {text}"))?;
    }
    Ok(())
}

/// Leaves out the expired rows that the JVM library's cache still lists: its stores hide them, and
/// so do ours with a cache (row ST5). The retention follows from the changelog's; without one, only
/// the rows that ours lists are compared.
fn readable(expect: &Json, store: &str, theirs: &Json, ours: &Json) -> Json {
    const ADDITIONAL_MS: i64 = 86_400_000;
    let changelog = &expect["internal_topics"][format!("app-{store}-changelog")];
    let kept_ms = changelog["config"]["retention.ms"].as_str();
    let kept_ms = kept_ms.and_then(|ms| ms.parse::<i64>().ok()).map(|kept| kept - ADDITIONAL_MS);
    let (theirs, ours) = (list(theirs), list(ours));
    let start = |row: &Json| row[1].as_i64().unwrap_or(0);
    let newest = theirs.iter().map(start).max().unwrap_or(0);
    let live = theirs.into_iter().filter(|row| match kept_ms {
        Some(kept_ms) => start(row) > newest - kept_ms,
        None => ours.contains(row),
    });
    live.collect()
}

fn lines(theirs: &Json, ours: &str) -> Result<(), String> {
    let theirs = theirs.as_str().unwrap_or_default();
    if theirs == ours {
        return Ok(());
    }
    let mut pairs = theirs.split('\n').zip(ours.split('\n')).enumerate();
    let (line, (their, our)) =
        pairs.find(|(_, (their, our))| their != our).unwrap_or((0, ("(longer)", "(or shorter)")));
    Err(format!("line {line}: java `{their}`, ours `{our}`"))
}

/// Leaves out null values on their way to an aggregation or a join that drops them: ours are dropped
/// before the repartition topic already, since the types of its two ends agree.
fn without_sent_nulls(mut records: Vec<Json>) -> Vec<Json> {
    records.retain(|record| !(record["value"].is_null() && is_sent(record)));
    records
}

/// Compares names. Ours follow from the description: sinks that are internal, and stores that are
/// logged; settings are not public here.
fn internal_topics(case: &Case, ours: &Outcome) -> Result<(), String> {
    let theirs = case.expect()["internal_topics"].as_object().into_iter().flatten();
    let theirs: BTreeSet<String> = theirs.map(|(name, _)| name.clone()).collect();
    let mut names = BTreeSet::new();
    let mut global = false;
    for line in ours.describe.lines() {
        if line.contains("Sub-topology:") {
            global = line.contains("will not generate tasks");
        }
        if let Some((_, topic)) = line.split_once("(topic: ") {
            let topic = topic.trim_end_matches(')');
            if topic.ends_with("-repartition") {
                names.insert(format!("app-{topic}"));
            }
        }
        if let Some((_, stores)) = line.split_once("(stores: [").filter(|_| !global) {
            let stores = stores.trim_end_matches("])").split(", ").filter(|s| !s.is_empty());
            names.extend(stores.map(|store| format!("app-{store}-changelog")));
        }
    }
    // Which of the generated names is of a store that is not logged is not known here.
    let not_logged = |node: Node<'_>| node.part("store").is_some_and(|s| s.0["log"] == false);
    if case.nodes().any(not_logged) {
        names.retain(|name| theirs.contains(name));
    }
    equal(&json!(theirs), &json!(names))
}
