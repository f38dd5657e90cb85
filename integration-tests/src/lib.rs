//! Support for tests on a running broker.
//!
//! By default every test gets an embedded broker of its own, in this process. With
//! `KAPPA_TEST_BOOTSTRAP=host:port` all run on that one instead: any Apache Kafka of one node. So
//! tests name their topics and groups with [`unique`], and can be run again on the same broker.
//!
//! With `KAPPA_TEST_REGISTRY=URL` the tests that need a schema registry run on that one; else each
//! has an embedded one of its own.
//!
//! Everything here panics with a sentence where something fails, since that is what a test wants.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a failing helper fails its test")]

pub mod admin;
pub mod clients;
pub mod cluster;
pub mod collector;
pub mod processes;
pub mod programs;
pub mod registry;
pub mod waiting;
pub mod wire;

pub use cluster::{Cluster, unique};
pub use programs::{BrokerProcess, program};
pub use registry::Registry;
pub use waiting::{Deadline, block_on};
