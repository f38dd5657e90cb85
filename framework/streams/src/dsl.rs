//! The typed language a topology is written in.
//!
//! A call only records: a node in the graph, and a factory that makes its operator for one task.
//! Nothing runs until a [`Topology`](crate::Topology) is built and given to a runtime.

mod builder;
mod flat;
mod global_ktable;
mod grouped_stream;
mod grouped_table;
mod kstream;
mod kstream_join;
mod ktable;
mod ktable_join;
mod ktable_map;
mod named;
mod nulls;
mod options;
mod output;
mod repartition;
mod split;
mod table_view;
mod topic;
mod topics;
mod windowed_stream;

pub use builder::StreamsBuilder;
pub use global_ktable::GlobalKTable;
pub use grouped_stream::KGroupedStream;
pub use grouped_table::KGroupedTable;
pub use kstream::KStream;
pub use kstream_join::{JoinSide, OnKey};
pub use ktable::KTable;
pub use options::{Grouped, Materialized, Repartitioned, Stored};
pub use output::Produced;
pub use split::Split;
pub use topic::Topic;
pub use topics::Topics;
pub use windowed_stream::WindowedKStream;

/// The names the JVM library gives its operators, which topic names follow from (row ST12).
mod prefix {
    pub(super) const SOURCE: &str = "KSTREAM-SOURCE-";
    pub(super) const SINK: &str = "KSTREAM-SINK-";
    pub(super) const FILTER: &str = "KSTREAM-FILTER-";
    pub(super) const MAP: &str = "KSTREAM-MAP-";
    pub(super) const MAP_VALUES: &str = "KSTREAM-MAPVALUES-";
    pub(super) const KEY_SELECT: &str = "KSTREAM-KEY-SELECT-";
    pub(super) const PEEK: &str = "KSTREAM-PEEK-";
    pub(super) const FOREACH: &str = "KSTREAM-FOREACH-";
    pub(super) const FLAT_MAP: &str = "KSTREAM-FLATMAP-";
    pub(super) const FLAT_MAP_VALUES: &str = "KSTREAM-FLATMAPVALUES-";
    pub(super) const BRANCH: &str = "KSTREAM-BRANCH-";
    pub(super) const REPARTITION: &str = "KSTREAM-REPARTITION-";
    pub(super) const MERGE: &str = "KSTREAM-MERGE-";
    pub(super) const TO_TABLE: &str = "KSTREAM-TOTABLE-";
    pub(super) const JOIN: &str = "KSTREAM-JOIN-";
    pub(super) const LEFT_JOIN: &str = "KSTREAM-LEFTJOIN-";
    pub(super) const AGGREGATE: &str = "KSTREAM-AGGREGATE-";
    pub(super) const REDUCE: &str = "KSTREAM-REDUCE-";
    pub(super) const TABLE_SOURCE: &str = "KTABLE-SOURCE-";
    pub(super) const TABLE_AGGREGATE: &str = "KTABLE-AGGREGATE-";
    pub(super) const TABLE_REDUCE: &str = "KTABLE-REDUCE-";
    pub(super) const TABLE_SELECT: &str = "KTABLE-SELECT-";
    pub(super) const TABLE_FILTER: &str = "KTABLE-FILTER-";
    pub(super) const TABLE_MERGE: &str = "KTABLE-MERGE-";
    pub(super) const TABLE_JOIN_THIS: &str = "KTABLE-JOINTHIS-";
    pub(super) const TABLE_JOIN_OTHER: &str = "KTABLE-JOINOTHER-";
    pub(super) const TABLE_MAP_VALUES: &str = "KTABLE-MAPVALUES-";
    pub(super) const TO_STREAM: &str = "KTABLE-TOSTREAM-";
    /// Ours: the JVM library has no such operator, so it burns no number.
    pub(super) const NULLS: &str = "KAPPA-NULLS-";
}
