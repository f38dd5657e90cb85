//! A small broker that speaks the Kafka protocol, for development and tests.
//!
//! It lets stock Kafka clients (librdkafka is what it is tested with) produce, fetch, form consumer
//! groups and administer topics on a machine where nothing is installed. It starts in milliseconds.
//!
//! It is **not** for production: there is one node, records are held in memory, and nothing checks
//! who a client is. Apache Kafka is the reference for what it does: the same
//! conformance checks (`integration-tests/tests/conformance`) run on both, and where they differ,
//! this one is wrong.
//!
//! Records go as in Kafka, by `cleanup.policy`: those older than `retention.ms` or beyond
//! `retention.bytes` by whole segments, and of compacted topics those that are not the last of
//! their key, outside the last segment. There are no segment files: segments are where
//! `segment.bytes` and `segment.ms` would have cut the log, told from the sizes and timestamps of
//! its batches. As in Kafka nobody looks at once: retention every five minutes, the cleaner every
//! 15 seconds; tests set [`BrokerConfig::retention_check_ms`] and
//! [`BrokerConfig::cleaner_backoff_ms`]. A log counts as never cleaned when the broker has started,
//! and committed offsets stay until their group is deleted.
//!
//! Some settings of topics are checked, stored and described, and do nothing: batches are stored as
//! they are sent, whatever `compression.type` and its levels say, and what concerns files, flushes
//! and replicas has no meaning here.
//!
//! Records are checked when they come, as in Kafka, compressed ones too. Refused here and not there
//! are batches that would unpack to more than 256 MiB, and records whose offsets do not count from
//! zero, which Kafka numbers anew. Everything else is limited as well: see [`BrokerConfig`] and
//! [`ServerConfig`]. Once the logs are full, producers are refused with an error that they try
//! again, which looks like a hang: the broker's own log says so.
//!
//! Transactions are those of before KIP-890 bumped the epoch with each of them, which is what
//! librdkafka speaks. Their end is told to all partitions in one step, so that nobody meets one
//! that is half done, and the time of those left open is looked at when it is over instead of every ten
//! seconds. There are no topics `__transaction_state` and `__consumer_offsets` to be read.
//!
//! Members may share topics out among themselves or leave it to the broker
//! (`group.protocol=consumer`, KIP-848, with the assignors `uniform` and `range`). Of the latter,
//! regular expressions are refused, racks are not looked at, and a group goes from one protocol to
//! the other only while it has no members, which Kafka by default does on the fly.
//!
//! # What survives
//!
//! By default nothing does. With [`ServerConfig::data`] (`--data DIR`) everything that was
//! acknowledged survives the end of the process, SIGKILL too: it is written before the answer is
//! sent, though not forced to the disk, so a loss of power may take the last seconds. Records stay
//! in memory besides, so the limits hold when a broker starts from a directory, too. Members of
//! stable groups keep their places and begin their sessions anew, as open transactions do their
//! time; those of groups that the broker leads hear that they are unknown and join anew. Producers
//! are known by those of their batches that are left.
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
//! # When things go wrong
//!
//! A [`FaultRule`] makes requests late, wrong or lost, or ends the broker in the middle of one;
//! [`Server::kill`] ends it at once, and [`Server::restart`] starts it again on the same port, from
//! its directory if it has one.
//!
//! # Without a socket
//!
//! [`Broker`] is the same broker as a state machine: requests and time go in, answers come out. It
//! reads no clock and draws no random number, so a simulation can drive it from a seed.
//!
//! # Where things are
//!
//! - `server`, `server/{listener,connection,frame,clock}`: sockets, the thread, the clock.
//! - `broker`, `broker/dispatch`, `api`, `reply`: from a request's bytes to its handler, and back.
//! - `produce`, `fetch`, `list_offsets`, `cluster`, `producer_ids`: the handlers that touch logs.
//! - `log`: one partition: batches, their records, idempotent producers, transactions, times,
//!   compaction.
//! - `upkeep`: retention and compaction by the clock.
//! - `topics`: names, settings, administration, the memory that records may take.
//! - `groups`: the group coordinator; `groups/consumer`: groups that the broker leads.
//! - `transactions`, `groups/pending`: the transaction coordinator, and offsets that wait for it.
//! - `changes`, `broker/restore`, `log/saved`: what must survive, and starting from it.
//! - `storage`: the data directory.
//! - `faults`: rules by which requests fail in tests.

mod alarms;
mod api;
mod broker;
mod changes;
mod cluster;
mod config;
mod error;
mod faults;
mod fetch;
mod groups;
mod list_offsets;
mod log;
mod produce;
mod producer_ids;
mod reply;
mod server;
mod storage;
mod time;
mod topics;
mod transactions;
mod upkeep;

#[cfg(test)]
mod testing;

pub use broker::Broker;
pub use changes::{Change, Image, RestoreError};
pub use config::{BrokerConfig, GroupConfig, TransactionConfig};
pub use faults::{CrashPoint, Fault, FaultRule};
pub use kafka_protocol::ResponseError;
pub use kafka_protocol::messages::ApiKey;
pub use reply::{Answer, ConnectionId, Frame, Replies};
pub use server::{Server, ServerConfig};
pub use time::Millis;
