//! The operators: one struct per kind, its closure a type parameter, one edge to what comes next.
//!
//! They know processors and stores only; what connects them to topics, names and tasks is above.

mod branch;
mod drop_nulls;
mod dynamic_sink;
mod global_join;
mod regroup;
mod repartition;
mod sink;
mod source;
mod stateless;
mod stream_table_join;
mod table_getter;
mod table_join;
mod table_map;
mod table_source;
mod table_writer;
mod window_aggregate;
mod window_final;

mod aggregate;

pub(crate) use aggregate::Aggregate;
pub(crate) use branch::Branch;
pub(crate) use drop_nulls::{DropNullKeys, DropNullValues};
pub(crate) use dynamic_sink::{Choice, DynamicSink};
pub(crate) use global_join::GlobalJoin;
pub(crate) use regroup::Regroup;
pub(crate) use repartition::Repartition;
pub(crate) use sink::{Sink, Writer};
pub(crate) use source::{StreamSource, TableReader};
pub(crate) use stateless::{Filter, FlatMap, FlatMapValues, Map, MapValues, Peek};
pub(crate) use stream_table_join::StreamTableJoin;
pub(crate) use table_getter::{MappedGetter, StoreGetter, TableGetter, WindowGetter};
pub(crate) use table_join::{JoinedGetter, MaterializedJoin, TableJoin};
pub(crate) use table_map::{MapRows, MapTable, ToStream};
pub(crate) use table_source::{MaterializedTable, PassingTable};
pub(crate) use table_writer::{Initial, TableWriter};
pub(crate) use window_aggregate::WindowAggregate;
pub(crate) use window_final::FinalWindows;
