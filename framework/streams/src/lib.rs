//! Kappa Streams: a Kafka Streams-style library; one typed topology, run live or rerun from offset zero.
//!
//! A program declares streams, tables, windows and joins over topics with a
//! [`StreamsBuilder`]. The topology that comes of it runs three ways, by the same code:
//!
//! - **live**, by [`KafkaStreams`](runtime::KafkaStreams): in consumer groups, with state in RocksDB behind
//!   changelog topics;
//! - **again from offset zero**, by [`Replay`](runtime::replay::Replay): a bounded job to ends fixed at its
//!   start, whose results [`Verify`](runtime::verify::Verify) compares with the live ones;
//! - **in a test**, by [`TopologyTestDriver`](testing::TopologyTestDriver): without a broker, and without
//!   C++ to build.
//!
//! [`cli::App`] makes a program of it, with all of these as commands.
//!
//! It is no engine for a cluster of its own: Kafka's groups and topics are. It has no exactly-once
//! guarantee yet, and no processor API.
//!
//! # Example
//!
//! ```
//! use kappa::prelude::*;
//! use kappa::testing::TopologyTestDriver;
//!
//! # fn main() -> kappa::Result<()> {
//! let orders: Topic<String, i64> = Topic::new("orders", Utf8, I64);
//! let totals: Topic<String, Option<i64>> = Topic::new("totals", Utf8, Nullable::of(I64)).create(4);
//!
//! let builder = StreamsBuilder::new();
//! builder
//!     .stream(&orders)
//!     .filter(|_, amount| *amount > 0)
//!     .group_by_key()
//!     .aggregate(|| 0, |_, amount, total| total + amount, "totals-by-customer")
//!     .to_stream()
//!     .to(&totals);
//!
//! let driver = TopologyTestDriver::new(&builder.build()?)?;
//! let mut input = driver.input(&orders);
//! input.pipe("ann".to_owned(), 20);
//! input.pipe("ann".to_owned(), 22);
//! assert_eq!(driver.output(&totals).read_map()["ann"], Some(42));
//! # Ok(())
//! # }
//! ```
//!
//! # Layers
//!
//! From the base up; a module uses its own layer and those before it, which a test holds:
//! [`config`], errors, ids, [`metrics`], records, [`serde`], [`time`], [`trace`], windows < `schemas` < [`kafka`],
//! [`state`] < [`processor`] < operators, topology < [`dsl`] < task < [`runtime`] < `telemetry` < `http` <
//! [`testing`] < [`cli`].

#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod dsl;
mod error;
#[cfg(feature = "http")]
pub mod http;
mod ids;
pub mod kafka;
pub mod metrics;
mod operators;
pub mod prelude;
pub mod processor;
mod record;
pub mod runtime;
#[cfg(any(
    feature = "avro",
    feature = "protobuf",
    feature = "json-schema",
    feature = "schema-registry"
))]
pub mod schemas;
pub mod serde;
pub mod state;
mod task;
#[cfg(feature = "telemetry")]
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
mod topology;
pub mod trace;
mod windows;

pub use dsl::*;
pub use error::{Error, ErrorKind, Result};
pub use ids::{NodeId, Offset, StoreId, SubtopologyId, TaskId, TopicPartition, TopicRef};
pub use record::{Change, Header, Headers, KeyOf, RawRecord, Record, RowOf};
pub use topology::access;
pub use topology::{TopicNames, TopicSchema, Topology, TopologyOutline, Usage};
pub use windows::{TimeWindows, Window, Windowed};

/// The project's front page, whose examples are tests.
#[cfg(all(doctest, feature = "cli", feature = "testing"))]
#[doc = include_str!("../../../README.md")]
struct FrontPage;
