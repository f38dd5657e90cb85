//! A small broker that speaks the Kafka protocol, for development and tests.
//!
//! It lets stock Kafka clients (librdkafka is what it is tested with) produce, fetch, form consumer
//! groups and administer topics on a machine where nothing is installed. It starts in milliseconds.
//!
//! It is **not** for production: there is one node, everything is in memory and gone at exit, and
//! nothing checks who a client is. Apache Kafka is the reference for what it does: the same
//! conformance checks (`integration-tests/tests/conformance`) run on both, and where they differ,
//! this one is wrong. What it does not do yet: transactions; retention and compaction (records stay
//! until their topic or the beginning of its log is deleted); keeping anything over a restart. It
//! stores batches as they are sent, whatever `compression.type` says.
//!
//! # In a test
//!
//! ```
//! use kappa_broker::{Server, ServerConfig};
//!
//! // Port 0 is any free one. The broker has a thread of its own and ends with this handle.
//! let server = Server::start(ServerConfig::default())?;
//! let bootstrap_servers = server.bootstrap();
//! assert!(bootstrap_servers.starts_with("127.0.0.1:"));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Without a socket
//!
//! [`Broker`] is the same broker as a state machine: requests and time go in, answers come out. It
//! reads no clock and draws no random number, so a simulation can drive it from a seed.
//!
//! # Where things are
//!
//! - `server`, `server/{connection,frame,clock}`: sockets, the thread, the clock.
//! - `broker`, `broker/dispatch`, `api`, `reply`: from a request's bytes to its handler, and back.
//! - `produce`, `fetch`, `list_offsets`, `cluster`, `producer_ids`: the handlers that touch logs.
//! - `log`: one partition: batches, idempotent producers, times.
//! - `topics`: names, settings, administration.
//! - `groups`: the group coordinator.

mod api;
mod broker;
mod cluster;
mod config;
mod error;
mod fetch;
mod groups;
mod list_offsets;
mod log;
mod produce;
mod producer_ids;
mod reply;
mod server;
mod time;
mod topics;

#[cfg(test)]
mod testing;

pub use broker::Broker;
pub use config::{BrokerConfig, GroupConfig};
pub use reply::{Answer, ConnectionId, Frame, Replies};
pub use server::{Server, ServerConfig};
pub use time::Millis;
