//! The engine on a running broker: the embedded one by default, any Kafka with
//! `KAPPA_TEST_BOOTSTRAP=host:port`.
//!
//! Topologies here are small and have topics and groups of their own, so that all tests can share one
//! broker and be run again on it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a check fails by panicking"
)]

mod app;
mod bad_input;
mod finals;
mod internal_topics;
mod lifecycle;
mod metrics;
mod outages;
mod outputs;
mod rebalance;
mod replay;
mod reset;
mod restore;
mod topologies;
mod traces;
mod verify;
mod waiting;
