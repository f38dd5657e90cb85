//! The queues of librdkafka that the safe `rdkafka` crate does not hand out: those of single partitions,
//! read in batches with the offsets of their ends, and one for the answers to commits.
//!
//! The safe crate hands out one message per call and drops the offset of an end-of-partition event. A
//! stream engine needs both: a batch costs half of what single polls cost, and only the event's offset
//! says that a bounded run has read everything, where the last offsets hold no record (transaction
//! markers, compacted records). It also needs commits that are not waited for without an end, and ends of
//! partitions as they were last told, for the lag, without asking a broker. This crate is the workspace's
//! only unsafe code, and calls nothing else.
//!
//! Read against librdkafka 2.12.1, pinned through `rdkafka-sys`. One trap is known there: a batch that
//! contains an end-of-partition event moves the *application position* one past the end. librdkafka
//! resumes a *paused* partition from it, and it pauses all of a consumer's partitions while a
//! rebalance waits for its answer: so whoever answers seeks to where reading stands before.

mod commits;
mod message;
mod reader;

pub use commits::OffsetCommits;
pub use message::{HeaderIter, Message};
pub use reader::{Fetched, PartitionReader};
