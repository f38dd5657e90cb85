//! From the neutral topology to one of ours.

use std::collections::HashMap;
use std::time::Duration;

use kappa::prelude::*;

use super::case::{Case, Node};
use super::functions;
use super::grouped::{Aggregation, AnyGrouped, Fold};
use super::scope::{self, Outside};
use super::streams::{AnyStream, JoinKind, Serdes, Stream};
use super::tables::{self, AnyTable, GroupedTable, Join, Kept, TableJoinKind};
use super::value::{Neutral, Val};

/// A case's topology, built or refused, with what is known of its topics and stores.
pub(crate) struct Built {
    pub(crate) topology: kappa::Result<Topology>,
    /// Serdes of input topics.
    pub(crate) sources: HashMap<String, Serdes>,
    /// Serdes of output topics.
    pub(crate) sinks: HashMap<String, Serdes>,
}

enum Handle {
    Stream(Box<dyn AnyStream>),
    Table(Box<dyn AnyTable>),
    Global(GlobalKTable<Val, Val>),
    Grouped(Box<dyn AnyGrouped>),
    GroupedTable(GroupedTable),
    Windowed { grouped: String, windows: TimeWindows, emits_final: bool },
}

struct Builder<'c> {
    case: &'c Case,
    builder: StreamsBuilder,
    handles: HashMap<String, Handle>,
    sources: HashMap<String, Serdes>,
    sinks: HashMap<String, Serdes>,
}

/// Builds a case's topology, or says why it is left out.
pub(crate) fn build(case: &Case) -> Result<Built, Outside> {
    scope::check(case)?;
    let mut building = Builder {
        case,
        builder: StreamsBuilder::new(),
        handles: HashMap::new(),
        sources: HashMap::new(),
        sinks: HashMap::new(),
    };
    for node in case.nodes() {
        if let Some(handle) = building.node(node)? {
            building.handles.insert(node.id().to_owned(), handle);
        }
    }
    let Builder { builder, sources, sinks, .. } = building;
    Ok(Built { topology: builder.build(), sources, sinks })
}

fn function<T>(found: Option<T>, spec: &str) -> Result<T, Outside> {
    found.ok_or_else(|| Outside::Function(spec.to_owned()))
}

fn serde(node: Node<'_>, field: &str) -> Result<Neutral, Outside> {
    let name = node.text(field).unwrap_or("str");
    function(Neutral::named(name), name)
}

fn serdes(node: Node<'_>) -> Result<Serdes, Outside> {
    Ok(Serdes { key: serde(node, "key")?, value: serde(node, "value")? })
}

impl Builder<'_> {
    fn node(&mut self, node: Node<'_>) -> Result<Option<Handle>, Outside> {
        Ok(Some(match node.op() {
            "stream" => self.stream(node)?,
            "table" => self.table(node)?,
            "global_table" => self.global_table(node)?,
            "to" => {
                let (topic, serdes) = (node.text("topic").unwrap_or_default(), serdes(node)?);
                self.receiver(node)?.to(topic, serdes);
                self.sinks.insert(topic.to_owned(), serdes);
                return Ok(None);
            }
            "to_dynamic" => {
                self.choose_topics(node)?;
                return Ok(None);
            }
            "group_by_key" => {
                let stream = self.stream_in(node, 0)?;
                Handle::Grouped(stream.group(serdes(node)?, node.text("name"))?)
            }
            "group_by" => {
                let spec = node.text("key_fn").unwrap_or_default();
                let key = function(functions::key(spec), spec)?;
                if let Handle::Table(table) = self.input(node, 0)? {
                    let value_fn = node.text("value_fn").unwrap_or("id");
                    let value = function(functions::keyed_value(value_fn), value_fn)?;
                    let grouped = serdes(node)?;
                    let grouped = Grouped::with(grouped.key, grouped.value);
                    let grouped = match node.text("name") {
                        Some(name) => grouped.named(name),
                        None => grouped,
                    };
                    return Ok(Some(Handle::GroupedTable(table.group_by(key, value, grouped))));
                }
                // The group's name is that of its key selection, too.
                let stream = self.stream_in(node, 0)?.named(node.text("name")).select_key(key);
                Handle::Grouped(stream.group(serdes(node)?, node.text("name"))?)
            }
            "windowed_by" => Handle::Windowed {
                grouped: node.inputs()[0].to_owned(),
                windows: windows(node.part("window").expect("a window")),
                emits_final: node.text("emit") == Some("final"),
            },
            "count" | "reduce" | "aggregate" => self.fold(node)?,
            "join_tables" => Handle::Table(self.join_tables(node)?),
            "join_table" | "join_global" => Handle::Stream(self.join(node)?),
            "to_stream" => Handle::Stream(self.to_stream(node)?),
            "to_table" => {
                let serdes = match node.part("store") {
                    Some(store) => serdes(store)?,
                    None => Serdes { key: Neutral::Str, value: Neutral::Str },
                };
                let stored = Self::stored(node);
                Handle::Table(self.receiver(node)?.to_table(stored, serdes)?)
            }
            "split" => {
                for (name, stream) in self.split(node)? {
                    self.handles.insert(format!("{}.{name}", node.id()), Handle::Stream(stream));
                }
                return Ok(None);
            }
            _ => self.stateless(node)?,
        }))
    }

    fn stateless(&self, node: Node<'_>) -> Result<Handle, Outside> {
        let spec = |field| node.text(field).unwrap_or_default();
        if let Some(Handle::Table(table)) = self.handles.get(node.inputs()[0]) {
            return Ok(Handle::Table(map_table(node, &**table)?));
        }
        let stream = self.receiver(node)?;
        Ok(Handle::Stream(match node.op() {
            "filter" => stream.filter(function(functions::predicate(spec("pred")), spec("pred"))?),
            "filter_not" => {
                stream.filter_not(function(functions::predicate(spec("pred")), spec("pred"))?)
            }
            "map_values" => {
                stream.map_values(function(functions::keyed_value(spec("fn")), spec("fn"))?)
            }
            "map" => {
                let key = function(functions::key(spec("key_fn")), spec("key_fn"))?;
                let value_fn = node.text("value_fn").unwrap_or("id");
                stream.map(key, function(functions::keyed_value(value_fn), value_fn)?)
            }
            "flat_map" => {
                let f = function(functions::flat(spec("flat")), spec("flat"))?;
                let mapped = stream.flat_map(f, functions::flat_keeps_keys(spec("flat")));
                mapped.ok_or_else(|| Outside::WindowedKey("flat_map".to_owned()))?
            }
            "flat_map_values" => {
                stream.flat_map_values(function(functions::flat(spec("flat")), spec("flat"))?)
            }
            "repartition" => {
                let partitions = node.number("partitions");
                let partitions = partitions.map(|n| usize::try_from(n).expect("a small number"));
                stream.repartition(serdes(node)?, node.text("name"), partitions)
            }
            "select_key" => {
                stream.select_key(function(functions::key(spec("key_fn")), spec("key_fn"))?)
            }
            "peek" => stream.peek(),
            "merge" => stream.merge(self.stream_in(node, 1)?)?,
            op => return Err(Outside::Operator(op.to_owned())),
        }))
    }

    fn stream(&mut self, node: Node<'_>) -> Result<Handle, Outside> {
        let serdes = serdes(node)?;
        let names = node.topics();
        self.sources.extend(names.iter().map(|name| ((*name).to_owned(), serdes)));
        let topic = |name: &&str| -> Topic<Option<Val>, Option<Val>> {
            Topic::new(name, Nullable::of(serdes.key), Nullable::of(serdes.value))
        };
        let topics: Vec<_> = names.iter().map(topic).collect();
        Ok(Handle::Stream(Stream::boxed(self.source(node).stream_of(&topics), false)))
    }

    fn table(&mut self, node: Node<'_>) -> Result<Handle, Outside> {
        let serdes = serdes(node)?;
        let name = node.text("topic").unwrap_or_default();
        self.sources.insert(name.to_owned(), serdes);
        let topic: Topic<Val, Val> = Topic::new(name, serdes.key, serdes.value);
        let stored = Self::stored(node);
        Ok(Handle::Table(Box::new(self.source(node).table(&topic, stored))))
    }

    fn global_table(&mut self, node: Node<'_>) -> Result<Handle, Outside> {
        let serdes = serdes(node)?;
        let name = node.text("topic").unwrap_or_default();
        self.sources.insert(name.to_owned(), serdes);
        let topic: Topic<Val, Val> = Topic::new(name, serdes.key, serdes.value);
        let stored = Self::stored(node);
        Ok(Handle::Global(self.source(node).global_table(&topic, stored)))
    }

    fn fold(&self, node: Node<'_>) -> Result<Handle, Outside> {
        let spec = |field| node.text(field).unwrap_or_default();
        let aggregator = |spec: &str| function(functions::aggregator(spec), spec);
        let reducer = |spec: &str| function(functions::reducer(spec), spec);
        let fold = match node.op() {
            "count" => Fold::Count,
            "reduce" if node.has("adder") => {
                Fold::ReduceRows(reducer(spec("adder"))?, reducer(spec("subtractor"))?)
            }
            "aggregate" if node.has("adder") => {
                let first = function(functions::initial(spec("init")), spec("init"))?;
                let (add, subtract) = (spec("adder"), spec("subtractor"));
                Fold::AggregateRows(first, aggregator(add)?, aggregator(subtract)?)
            }
            "reduce" => Fold::Reduce(reducer(spec("reducer"))?),
            _ => {
                let first = function(functions::initial(spec("init")), spec("init"))?;
                Fold::Aggregate(first, aggregator(spec("agg"))?)
            }
        };
        let serdes = node.part("store").map(serdes).transpose()?;
        let mut stored = Self::stored(node);
        let has_type = node.part("store").is_some_and(|store| store.has("type"));
        if !has_type && self.case.json["config"]["dsl_store"] == "in_memory" {
            stored = stored.in_memory();
        }
        let mut aggregation = Aggregation { fold, stored, serdes, emits_final: false };
        let table = match self.input(node, 0)? {
            Handle::Grouped(grouped) => grouped.fold(aggregation)?,
            Handle::Windowed { grouped, windows, emits_final } => {
                let cached = node.part("store").is_none_or(|store| store.0["cache"] != false);
                if *emits_final && cached && self.case.cache_bytes() > 0 {
                    return Err(Outside::FinalOverCache);
                }
                aggregation.emits_final = *emits_final;
                let Some(Handle::Grouped(grouped)) = self.handles.get(grouped) else {
                    return Err(Outside::Operator("windowed_by".to_owned()));
                };
                grouped.fold_windows(*windows, aggregation, self.has_null_values())?
            }
            Handle::GroupedTable(grouped) => tables::fold(grouped, aggregation)
                .ok_or_else(|| Outside::Operator("aggregation of a stream".to_owned()))?,
            _ => return Err(Outside::TableOperator(node.op().to_owned())),
        };
        Ok(Handle::Table(table))
    }

    fn join(&self, node: Node<'_>) -> Result<Box<dyn AnyStream>, Outside> {
        let spec = |field| node.text(field).unwrap_or_default();
        let joiner = function(functions::keyed_joiner(spec("joiner")), spec("joiner"))?;
        let left = spec("kind") == "left";
        let name = node.text("named").or(node.text("name"));
        let stream = self.stream_in(node, 0)?.named(name);
        match self.input(node, 1)? {
            Handle::Table(table) => {
                let serdes = Serdes { key: serde(node, "key")?, value: serde(node, "left")? };
                let table = table.joinable();
                let table = table.ok_or_else(|| Outside::WindowedKey("join_table".to_owned()))?;
                let is_left =
                    |node: Node<'_>| node.op() == "join_table" && node.text("kind") == Some("left");
                let kind = match left {
                    true => JoinKind::Left,
                    false if self.case.nodes().any(is_left) => JoinKind::Inner,
                    false => JoinKind::InnerOnly,
                };
                stream.join_table(table, serdes, joiner, kind)
            }
            Handle::Global(table) => {
                let key = function(functions::key(spec("key_fn")), spec("key_fn"))?;
                Ok(stream.join_global(table, key, joiner, left))
            }
            _ => Err(Outside::Operator("join".to_owned())),
        }
    }

    fn join_tables(&self, node: Node<'_>) -> Result<Box<dyn AnyTable>, Outside> {
        let spec = node.text("joiner").unwrap_or_default();
        let joiner = function(functions::joiner(spec), spec)?;
        let kind = match node.text("kind") {
            Some("left") => TableJoinKind::Left,
            Some("outer") => TableJoinKind::Outer,
            _ => TableJoinKind::Inner,
        };
        match (self.input(node, 0)?, self.input(node, 1)?) {
            (Handle::Table(left), Handle::Table(right)) => {
                left.join(&**right, Join { kind, joiner, kept: kept(node)? })
            }
            _ => Err(Outside::Operator("join_tables".to_owned())),
        }
    }

    fn to_stream(&self, node: Node<'_>) -> Result<Box<dyn AnyStream>, Outside> {
        let Handle::Table(table) = self.input(node, 0)? else {
            return Err(Outside::Operator("to_stream".to_owned()));
        };
        let stream = table.to_stream();
        match node.text("key_fn") {
            // `toStream(mapper)` is `toStream()` and `selectKey(mapper)`.
            Some(spec) => Ok(stream.select_key(function(functions::key(spec), spec)?)),
            None => Ok(stream),
        }
    }

    fn stored(node: Node<'_>) -> Stored {
        let Some(store) = node.part("store") else { return Stored::unnamed() };
        let mut stored = store.text("name").map_or_else(Stored::unnamed, Stored::named);
        if store.0["cache"] == false {
            stored = stored.caching(false);
        }
        if store.0["log"] == false {
            stored = stored.logging(false);
        }
        stored = match store.text("type") {
            Some("in_memory") => stored.in_memory(),
            Some("rocksdb") => stored.rocksdb(),
            _ => stored,
        };
        match store.number("retention_ms") {
            Some(retention) => stored.retention(Duration::from_millis(retention)),
            None => stored,
        }
    }

    fn input(&self, node: Node<'_>, index: usize) -> Result<&Handle, Outside> {
        let input = node.inputs().get(index).and_then(|&input| self.handles.get(input));
        input.ok_or_else(|| Outside::Operator(format!("{} without input", node.op())))
    }

    fn stream_in(&self, node: Node<'_>, index: usize) -> Result<&dyn AnyStream, Outside> {
        match self.input(node, index)? {
            Handle::Stream(stream) => Ok(&**stream),
            _ => Err(Outside::TableOperator(node.op().to_owned())),
        }
    }

    /// The stream that a node's operator is called on, with the name that the operator is given.
    fn receiver(&self, node: Node<'_>) -> Result<Box<dyn AnyStream>, Outside> {
        Ok(self.stream_in(node, 0)?.named(node.text("named")))
    }

    /// The builder that a node's source is declared with.
    fn source(&self, node: Node<'_>) -> StreamsBuilder {
        let builder = &self.builder;
        node.text("named").map_or_else(|| builder.clone(), |name| builder.named(name))
    }

    fn split(&self, node: Node<'_>) -> Result<Vec<(String, Box<dyn AnyStream>)>, Outside> {
        let branches = node.0["branches"].as_array().into_iter().flatten().map(Node);
        let branches = branches.map(|branch| {
            let spec = branch.text("pred").unwrap_or_default();
            Ok((branch.text("as"), function(functions::predicate(spec), spec)?))
        });
        let branches = branches.collect::<Result<_, Outside>>()?;
        Ok(self.receiver(node)?.split(branches, node.text("default")))
    }

    fn choose_topics(&mut self, node: Node<'_>) -> Result<(), Outside> {
        let (spec, serdes) = (node.text("topic_fn").unwrap_or_default(), serdes(node)?);
        let prefix = node.text("topic_prefix").unwrap_or_default();
        let choose = function(functions::key(spec), spec)?;
        self.receiver(node)?.to_dynamic(prefix, choose, serdes);
        let topics = node.0["topics"].as_array().into_iter().flatten();
        self.sinks.extend(topics.filter_map(|topic| Some((topic.as_str()?.to_owned(), serdes))));
        Ok(())
    }

    fn has_null_values(&self) -> bool {
        let mut steps = self.case.steps().iter();
        let piped = steps.any(|step| step["op"] == "pipe" && step["value"].is_null());
        let mapped = self.case.nodes().any(|node| {
            let fields = ["fn", "value_fn", "joiner"].into_iter();
            fields.filter_map(|field| node.text(field)).any(functions::may_be_null)
        });
        piped || mapped
    }
}

fn map_table(node: Node<'_>, table: &dyn AnyTable) -> Result<Box<dyn AnyTable>, Outside> {
    if node.has("named") {
        return Err(Outside::NamedOperator);
    }
    let spec = |field| node.text(field).unwrap_or_default();
    let kept = kept(node)?;
    let predicate = || function(functions::predicate(spec("pred")), spec("pred"));
    Ok(match node.op() {
        "filter" => table.filter(predicate()?, kept),
        "filter_not" => table.filter_not(predicate()?, kept),
        "map_values" => {
            table.map_values(function(functions::keyed_value(spec("fn")), spec("fn"))?, kept)
        }
        op => return Err(Outside::TableOperator(op.to_owned())),
    })
}

fn kept(node: Node<'_>) -> Result<Kept, Outside> {
    let Some(store) = node.part("store") else { return Ok(None) };
    Ok(Some((Builder::stored(node), serdes(store)?)))
}

fn windows(window: Node<'_>) -> TimeWindows {
    let millis = |field| Duration::from_millis(window.number(field).unwrap_or(0));
    TimeWindows::tumbling(millis("size")).grace(millis("grace"))
}
