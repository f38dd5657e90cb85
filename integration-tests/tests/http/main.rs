//! The HTTP surface on a real port: what is answered, what is refused, and what cannot hurt it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a check fails by panicking"
)]

mod answers;
mod hostile;
mod silent;
mod support;
mod tls;
