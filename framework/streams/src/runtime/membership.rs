//! How the tasks of an application are shared out among its stream threads, on all instances.
//!
//! A member hears of tasks; which partitions the group hands out for them is the implementation's
//! affair. [`LeadTopics`] is the one there is: it needs nothing of a broker but consumer groups.

mod lead_topics;

use std::collections::BTreeSet;
use std::fmt;

pub(super) use lead_topics::LeadTopics;

use crate::error::Result;
use crate::ids::{TaskId, TopicPartition};
use crate::kafka::{Consumer, StartAt};

/// What a member is told; everything that is not named stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MemberEvent {
    /// These tasks are the member's from now on, perhaps none: to be answered by
    /// [`Membership::accept`].
    Assigned(BTreeSet<TaskId>),
    /// These tasks are taken away; what they have done may still be committed. To be answered by
    /// [`Membership::release`].
    Revoked(BTreeSet<TaskId>),
    /// These tasks were given to others already, and must not be committed. To be answered by
    /// [`Membership::release`].
    Lost(BTreeSet<TaskId>),
}

/// A stream thread's part in the group.
///
/// Between `join` and the end of its consumer, a member owns the tasks it was assigned until they are
/// revoked or lost. Its thread answers each event, in order, between two runs of its tasks.
pub(super) trait Membership: Send + fmt::Debug {
    /// Asks the group for a share of all tasks.
    ///
    /// # Errors
    ///
    /// Where the client refuses.
    fn join(&mut self, consumer: &mut dyn Consumer) -> Result<()>;

    /// Returns what the group has told since the last call, without waiting.
    ///
    /// # Errors
    ///
    /// Fatal errors of the client; partitions that were not there at the start.
    fn events(&mut self, consumer: &mut dyn Consumer) -> Result<Vec<MemberEvent>>;

    /// Starts to read the inputs of tasks that were assigned.
    ///
    /// # Errors
    ///
    /// Where the client refuses.
    fn accept(
        &mut self,
        consumer: &mut dyn Consumer,
        inputs: &[(TopicPartition, StartAt)],
    ) -> Result<()>;

    /// Ends reading the inputs of tasks that were revoked or lost.
    ///
    /// # Errors
    ///
    /// Where the client refuses.
    fn release(&mut self, consumer: &mut dyn Consumer, inputs: &[TopicPartition]) -> Result<()>;
}
