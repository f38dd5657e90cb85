//! Finding the topics that records choose, the first time they do.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::stop::{Stop, patiently};
use crate::error::Result;
use crate::kafka::{Admin, Clients};
use crate::task::Task;

/// Asks Kafka for topics that records have chosen, without creating any: a producer's own question would.
pub(super) struct DynamicOutputs {
    clients: Arc<dyn Clients>,
    /// Made with the first question, which most applications never have.
    admin: Option<Box<dyn Admin>>,
    stop: Stop,
    timeout: Duration,
}

impl DynamicOutputs {
    /// Makes one that tries for at most this long, or until a stop is asked for.
    pub(super) fn new(clients: &Arc<dyn Clients>, stop: &Stop, timeout: Duration) -> Self {
        Self { clients: clients.clone(), admin: None, stop: stop.clone(), timeout }
    }

    /// Has a task know the topics that its records have chosen since it was drained last.
    ///
    /// # Errors
    ///
    /// Where a topic does not exist, or Kafka does not answer in time.
    pub(super) fn settle(&mut self, task: &mut Task) -> Result<()> {
        task.settle_outputs(|topics| {
            let admin = match &mut self.admin {
                Some(admin) => admin,
                none => none.insert(self.clients.admin()?),
            };
            patiently(&self.stop, self.timeout, || admin.partition_counts(topics))
        })
    }
}

impl fmt::Debug for DynamicOutputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicOutputs").field("asked", &self.admin.is_some()).finish()
    }
}
