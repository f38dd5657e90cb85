//! Serdes over a schema registry: what it answers, and what happens where it does not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a check fails by panicking"
)]

mod faults;
mod flights;
mod python;
mod registry;
mod stub;
