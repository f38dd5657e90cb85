//! Kappa Streams: a Kafka Streams-style library; one typed topology, run live or rerun from offset zero.

#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod dsl;
mod error;
mod ids;
pub mod kafka;
pub mod metrics;
mod operators;
pub mod prelude;
pub mod processor;
mod record;
pub mod runtime;
pub mod serde;
pub mod state;
mod task;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
mod topology;
mod windows;

pub use dsl::*;
pub use error::{Error, ErrorKind, Result};
pub use ids::{NodeId, Offset, StoreId, SubtopologyId, TaskId, TopicPartition, TopicRef};
pub use record::{Change, Header, Headers, KeyOf, RawRecord, Record, RowOf};
pub use topology::{TopicNames, Topology};
pub use windows::{TimeWindows, Window, Windowed};
