//! Tests of the library through its public API: one binary, since each links everything again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "tests"
)]

#[cfg(feature = "avro")]
mod avro;
mod docs;
mod dsl;
mod layering;
mod oracle;
#[cfg(all(feature = "avro", feature = "schema-registry"))]
mod registry;
