//! Batched reads of one partition through librdkafka, with the offset of its end.
//!
//! The safe `rdkafka` crate hands out one message per call and drops the offset of an end-of-partition
//! event. A stream engine needs both: a batch costs half of what single polls cost, and only the
//! event's offset says that a bounded run has read everything, where the last offsets hold no record
//! (transaction markers, compacted records). This crate is the workspace's only unsafe code; it calls
//! `rd_kafka_consume_batch_queue` on a partition's own queue and nothing else.
//!
//! Read against librdkafka 2.12.1, pinned through `rdkafka-sys`. One trap is known there: a batch that
//! contains an end-of-partition event moves the *application position* one past the end. Nothing here
//! or in the engine uses that position (offsets are committed explicitly), but librdkafka resumes a
//! *paused* partition from it: so partitions are never paused, their queue is just not read.

mod message;
mod reader;

pub use message::{HeaderIter, Message};
pub use reader::{Fetched, PartitionReader};
