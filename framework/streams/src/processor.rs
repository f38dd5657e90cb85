//! The data plane's shape: a tree of operators joined by typed edges.
//!
//! An operator owns the edge to what comes after it, so a task is a tree without shared ownership; the
//! edge is the only virtual call of a hop. Operators read no clock and reach no network: they see
//! records, stores and the outbox of their [`TaskContext`].

mod build;
mod context;
mod fan_in;
mod fan_out;

pub use build::{GlobalTables, TaskBuilder, TaskEnvironment};
pub use context::{RecordContext, TaskContext, WriteContext};
pub use fan_in::FanInSlots;
pub use fan_out::FanOut;

use crate::error::Result;
use crate::record::{RawRecord, Record};

/// The receiving end of an edge: `process` is the data plane, `control` the control plane.
pub trait Process<K, V>: Send {
    /// Takes one record and forwards what follows from it.
    ///
    /// # Errors
    ///
    /// Where a store fails or a result cannot be encoded; the task is then closed dirty.
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, V>) -> Result<()>;

    /// Takes a control event and passes it on, itself first: upstream before downstream.
    ///
    /// # Errors
    ///
    /// As [`process`](Self::process).
    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()>;
}

/// An owned, typed link to an operator.
pub type Edge<K, V> = Box<dyn Process<K, V>>;

/// What travels down the tree beside records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Write what is dirty in caches, and forward it: the first step of a commit.
    Flush,
}

/// The root of a tree: takes bytes of one topic.
pub trait Source: Send {
    /// Decodes a record and hands it down.
    ///
    /// # Errors
    ///
    /// A deserialization error where the record cannot be decoded: then nothing happened. Else as
    /// [`Process::process`].
    fn process(&mut self, ctx: &mut TaskContext, record: RawRecord<'_>) -> Result<()>;

    /// Passes a control event down.
    ///
    /// # Errors
    ///
    /// As [`Process::control`].
    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()>;
}

/// The end of a branch that nothing reads.
#[derive(Debug, Clone, Copy)]
pub struct Discard;

impl<K, V> Process<K, V> for Discard {
    fn process(&mut self, _ctx: &mut TaskContext, _record: Record<K, V>) -> Result<()> {
        Ok(())
    }

    fn control(&mut self, _ctx: &mut TaskContext, _event: Control) -> Result<()> {
        Ok(())
    }
}
