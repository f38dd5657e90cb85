//! Tests of a whole task.

mod outputs;
mod restart;
mod skipped;
