//! A small schema registry that speaks the REST API of Confluent's, for development and tests.
//!
//! It lets clients of that API (the serializers of Confluent's clients for Java and Python, and
//! those of `kappa-streams`) register, evolve and look up schemas on a machine where nothing is
//! installed. It starts in milliseconds.
//!
//! It is **not** for production: there is one node, and schemas are held in memory. Confluent's
//! registry is the reference for what it does; the same checks
//! (`integration-tests/tests/registry`) run on this one and on a real one.
//!
//! # What it knows
//!
//! All of `/subjects`, `/schemas`, `/config`, `/mode` and `/compatibility` that clients use, with
//! soft and permanent deletes, references, global ids that are equal for equal schemas, guids,
//! and Confluent's error codes.
//!
//! - **Avro** schemas are parsed, kept as the Java library writes them, and compared by its rules,
//!   of which logical types are no part.
//! - **JSON** and **Protobuf** schemas are parsed and kept as they are, and compared by the rules of
//!   `kappa-evolution`, which are Confluent's and a little more; what is wrong is told in its words.
//!   Protobuf files of an edition are taken, and are compatible with themselves alone.
//! - Metadata and rules of a schema are kept and handed out, and do nothing.
//!
//! Not known are contexts other than the default one, aliases, data contracts, exporters,
//! associations, tags, the `format` of an answer, and `normalize`: Avro schemas are always
//! compared in one form, others as they are. A refusal because of compatibility has the code 409,
//! as Confluent's had it for long; its source of August 2026 says 40901.
//!
//! # What survives
//!
//! By default nothing does. With [`ServerConfig::data`] everything that was acknowledged survives
//! the end of the process, SIGKILL too: it is written before the answer is sent, though not forced
//! to the disk, so a loss of power may take the last seconds.
//!
//! # In a test
//!
//! ```
//! use kappa_registry::{Server, ServerConfig};
//!
//! // Port 0 is any free one. The registry has a thread of its own and ends with this handle.
//! let server = Server::start(ServerConfig::default())?;
//! let schema_registry_url = server.url();
//! assert!(schema_registry_url.starts_with("http://127.0.0.1:"));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # When things go wrong
//!
//! A [`FaultRule`] makes requests late, refused or lost; [`Server::kill`] ends the registry at
//! once, and [`Server::restart`] starts it again on the same port, from its directory if it has
//! one. [`ServerConfig::credentials`] lets it ask who a client is.
//!
//! # Without a socket
//!
//! [`Registry`] is the same registry as a state machine: requests go in, answers come out, and
//! [changes](Registry::drain_changes) from which it can be [restored](Registry::restore).
//!
//! # Where things are
//!
//! - `server`, `server/{connection,places}`: sockets, the thread, who makes room for whom.
//! - `registry`, `registry/*`: from a request to its answer.
//! - `schema`, `schema/*`: texts: what is a schema, which are equal, and which get on.
//! - `state`, `changes`: what is known, and the facts that make it so.
//! - `journal`: the data directory.
//! - `faults`, `access`: rules by which requests fail in tests, and who may ask.

mod access;
mod changes;
mod config;
mod error;
mod faults;
mod http;
mod journal;
mod model;
mod registry;
mod schema;
mod server;
mod state;

pub use access::Credential;
pub use changes::Change;
pub use config::RegistryConfig;
pub use faults::{Fault, FaultRule};
pub use http::{Method, Request, Response};
pub use model::Level;
pub use registry::Registry;
pub use server::{Server, ServerConfig};
