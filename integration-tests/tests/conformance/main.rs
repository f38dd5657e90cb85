//! Conformance: what a stock client sees, the same on the embedded broker and on a real Kafka.
//!
//! Each check is a function of a bootstrap address. `KAPPA_TEST_BOOTSTRAP=host:port` runs all of
//! them on that broker instead of an embedded one each.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a check fails by panicking, and some print what they measured"
)]

mod cleaning;
mod consumer_groups;
mod groups;
mod members;
mod offsets;
mod produce;
mod topics;
mod transactions;
mod volume;
mod wire_consumer_groups;
mod wire_groups;
mod wire_logs;
mod wire_rubbish;
mod wire_topics;
mod wire_transactions;

use integration_tests::Cluster;
use kappa_broker::{BrokerConfig, ServerConfig};

/// Runs a check on a broker of its own, or on the one given from outside.
fn on_cluster(check: impl FnOnce(&str)) {
    // Nobody wants to wait until records go as long as by Kafka's defaults.
    let broker =
        BrokerConfig { retention_check_ms: 500, cleaner_backoff_ms: 200, ..Default::default() };
    let cluster = Cluster::start_with(ServerConfig { broker, ..Default::default() });
    check(cluster.bootstrap());
}

/// Makes a test of each check.
macro_rules! checks {
    ($($name:ident),+ $(,)?) => {
        mod on_cluster {
            $(#[test]
            fn $name() {
                crate::on_cluster(super::$name);
            })+
        }
    };
}
use checks;
