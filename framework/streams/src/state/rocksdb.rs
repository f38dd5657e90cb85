//! Committed rows in RocksDB: one database per task, one column family per store, offsets in their own.
//!
//! Nothing else of the library names the `rocksdb` crate. The write-ahead log is off: what survives a
//! kill is the last flush, whole across all families (`atomic_flush`), with the changelog offsets it
//! stands for; the tail after them comes from the changelog.

mod backend;
mod options;
mod statistics;

pub use backend::RocksDbBackend;
pub use options::{RocksDbMemory, Statistics};
