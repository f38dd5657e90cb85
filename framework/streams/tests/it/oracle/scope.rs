//! What cases are left out, and why: an explicit list, so that nothing is skipped silently.

use std::fmt;

use super::case::{Case, Node};

/// Why a case is left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outside {
    /// `topology.optimization` is on.
    Optimisation,
    /// Handlers or other settings.
    Settings,
    /// An operator that does not exist here yet.
    Operator(String),
    /// An operator over a table that exists over streams only.
    TableOperator(String),
    /// The name of an operator over a table or a group is given.
    NamedOperator,
    /// Another window than a tumbling one.
    Window(String),
    /// Final emission over a cached store: ours is never cached, on purpose.
    FinalOverCache,
    /// A timestamp extractor.
    Extractor,
    /// Two streams or tables of one topic: refused on purpose, where the JVM library merges them.
    TopicTwice,
    /// A versioned or bounded store.
    Store(&'static str),
    /// A stream-table join with grace.
    JoinGrace,
    /// A named group whose repartition topic plain and windowed aggregations share: values may be null
    /// for the one and not for the other, which are two types here.
    NamedGroupOfTwoTypes,
    /// An operator over windowed keys that wants plain ones.
    WindowedKey(String),
    /// A merge of streams whose keys or values are of different types.
    MergeOfTypes,
    /// A function that is not known here.
    Function(String),
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Optimisation => f.write_str("optimisation is on"),
            Self::Settings => f.write_str("handlers or settings"),
            Self::Operator(op) => write!(f, "operator {op}"),
            Self::TableOperator(op) => write!(f, "operator {op} over a table"),
            Self::NamedOperator => f.write_str("explicit names of table operators"),
            Self::Window(window) => write!(f, "windows: {window}"),
            Self::FinalOverCache => f.write_str("final emission over a cached store"),
            Self::Extractor => f.write_str("timestamp extractors"),
            Self::TopicTwice => f.write_str("one topic declared twice"),
            Self::Store(kind) => write!(f, "{kind} stores"),
            Self::JoinGrace => f.write_str("stream-table join with grace"),
            Self::NamedGroupOfTwoTypes => f.write_str("named group with and without null values"),
            Self::WindowedKey(op) => write!(f, "{op} by windowed keys"),
            Self::MergeOfTypes => f.write_str("merge of different types"),
            Self::Function(name) => write!(f, "function {name}"),
        }
    }
}

/// Operators there are; what an operator's parameters leave out is found while building.
const OPERATORS: &[&str] = &[
    "stream",
    "table",
    "global_table",
    "to",
    "to_dynamic",
    "filter",
    "filter_not",
    "map_values",
    "map",
    "select_key",
    "peek",
    "flat_map",
    "flat_map_values",
    "split",
    "repartition",
    "merge",
    "to_table",
    "group_by_key",
    "group_by",
    "windowed_by",
    "count",
    "reduce",
    "aggregate",
    "to_stream",
    "join_table",
    "join_tables",
    "join_global",
];

/// Operators that cannot be given a name yet.
const NAMELESS: &[&str] = &["count", "reduce", "aggregate", "to_stream"];

/// Returns why a case is left out by what it says of itself, before anything is built.
pub(crate) fn check(case: &Case) -> Result<(), Outside> {
    let config = &case.json["config"];
    if let Some(node) = case.nodes().find(|node| !OPERATORS.contains(&node.op())) {
        return Err(Outside::Operator(node.op().to_owned()));
    }
    if config["optimize"] != "none" {
        return Err(Outside::Optimisation);
    }
    if !config["props"].is_null() {
        return Err(Outside::Settings);
    }
    let topics: Vec<&str> = case.nodes().filter(is_source).flat_map(Node::topics).collect();
    if topics.iter().enumerate().any(|(at, topic)| topics[..at].contains(topic)) {
        return Err(Outside::TopicTwice);
    }
    case.nodes().try_for_each(check_node)
}

fn is_source(node: &Node<'_>) -> bool {
    matches!(node.op(), "stream" | "table" | "global_table")
}

fn check_node(node: Node<'_>) -> Result<(), Outside> {
    if node.has("named") && NAMELESS.contains(&node.op()) {
        return Err(Outside::NamedOperator);
    }
    if node.text("extractor").is_some_and(|name| name != "fail") {
        return Err(Outside::Extractor);
    }
    if node.has("grace") {
        return Err(Outside::JoinGrace);
    }
    if let Some(store) = node.part("store") {
        if store.has("versioned_ms") {
            return Err(Outside::Store("versioned"));
        }
        if store.text("type") == Some("lru") {
            return Err(Outside::Store("bounded"));
        }
    }
    if let Some(window) = node.part("window") {
        let kind = window.text("type").unwrap_or_default();
        if kind != "tumbling" {
            return Err(Outside::Window(kind.to_owned()));
        }
    }
    Ok(())
}
