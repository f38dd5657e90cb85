//! Running a topology: threads, group membership, commits, restore; rerunning it as a bounded job,
//! and starting it over.
//!
//! Effects live here. Tasks below are synchronous state; threads own them and everything else reaches
//! them by messages. The one order of commit is in [`commit`].

mod application;
mod caught_up;
mod client_state;
mod commit;
mod dynamic_outputs;
mod global_tables;
mod heartbeat;
mod housekeeping;
mod kafka_streams;
pub(crate) mod logged;
mod membership;
mod metrics;
mod owned_offsets;
mod panics;
mod spans;
mod stall;
mod state_updater;
mod stop;
pub(crate) mod storage;
mod stream_thread;
mod task_manager;
mod task_registry;
mod thread_state;
mod time_alignment;
mod topic_reader;
mod topics;

pub mod health;
pub mod replay;
pub mod reset;
pub mod results;
pub mod verify;
mod waiting;
mod waiting_tasks;

pub use client_state::ClientState;
pub use kafka_streams::{KafkaStreams, OnClose, Progress};
pub use stop::Stop;
pub use thread_state::{ThreadMetadata, ThreadState};
pub use topics::wait_for_cluster;

/// How long closing takes at most while Kafka answers: 20 tries to commit of 0.6 s each, 10 s for the last
/// one, 10 s for acknowledgements, 5 s to leave the group, and time to write memtables to disk. What
/// supervises a process must not kill it before.
pub const CLOSE_MAX: std::time::Duration = std::time::Duration::from_secs(45);
