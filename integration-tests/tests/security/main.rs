//! The services and a real Apache Kafka that asks for TLS, passwords and rules (`make test-security`).
//!
//! The broker is made by `integration-tests/kafka/secured`, which tells of it in `KAPPA_TEST_SECURED_*`:
//! without those these tests fail, they are not skipped. The services' topics have fixed names, so what
//! works on them is one test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a check fails by panicking"
)]

mod connections;
mod rights;
mod rules;
mod secrets;
mod secured;
