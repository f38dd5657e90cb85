//! Serdes over a schema registry: what it answers, and what happens where it does not.
//!
//! What a registry does as it should runs on any: the embedded one by default, a real one by
//! `KAPPA_TEST_REGISTRY`. Faults are the embedded one's and a stub's, which can be told to have them.
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
