//! One topic per subtopology stands for its tasks: the lead.
//!
//! A consumer group shares out partitions, topic by topic; a task needs the partition of one number of
//! several topics at once. So members subscribe to one topic of each subtopology, and whoever is given
//! its partition 3 reads partition 3 of the others as well. With a cooperative assignor tasks then
//! move one at a time, sticky, with all their inputs; the others never stop. Offsets are committed with
//! the group's generation for the other topics too: the broker checks the member, not its topics.
//!
//! The price: the group does not know the other topics. It does not tell when they grow
//! (`runtime/housekeeping/inputs` looks), and brokers let their committed offsets expire
//! (`runtime/owned_offsets` commits them again).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::{MemberEvent, Membership};
use crate::config::GroupProtocol;
use crate::error::{Error, Result};
use crate::ids::{TaskId, TopicPartition};
use crate::kafka::{Consumer, ConsumerEvent, StartAt};
use crate::runtime::application::Application;

/// See the module.
#[derive(Debug)]
pub(in crate::runtime) struct LeadTopics {
    app: Arc<Application>,
    /// Since when the group has not answered the wish to join, and whether that was told.
    unanswered: Option<(Duration, bool)>,
}

/// How long a group may take for its answer before that is worth a line in the log.
const ANSWER: Duration = Duration::from_secs(15);

impl LeadTopics {
    pub(in crate::runtime) fn new(app: &Arc<Application>) -> Self {
        Self { app: app.clone(), unanswered: None }
    }

    /// Tells of a group that does not answer. A broker that does not know the protocol asked for does
    /// not say so: librdkafka asks it again for ever.
    fn wait_for_answer(&mut self) -> Result<()> {
        let Some((since, told)) = self.unanswered else { return Ok(()) };
        let waited = self.app.clock.monotonic().saturating_sub(since);
        let group = self.app.deployment.names().application_id();
        let by_broker = self.app.settings.group_protocol == GroupProtocol::Consumer;
        if by_broker && waited > self.app.settings.task_timeout {
            return Err(Error::config(format!(
                "no answer from group {group} within task.timeout.ms: do the brokers serve \
                 group.protocol=consumer (Kafka 4.0 or later)? `classic` works on any"
            )));
        }
        if !told && waited > ANSWER {
            let hint = match by_broker {
                true => "do the brokers serve group.protocol=consumer (Kafka 4.0 or later)?",
                false => "a rebalance may wait for a member that is busy or was killed",
            };
            tracing::warn!("group {group} has not answered for {waited:?}: {hint}");
            self.unanswered = Some((since, true));
        }
        Ok(())
    }

    fn tasks(&self, partitions: &[TopicPartition]) -> Result<BTreeSet<TaskId>> {
        let tasks = partitions.iter().map(|partition| {
            self.app.deployment.task_of(partition).ok_or_else(|| {
                Error::topology(format!(
                    "partition {partition} was not there at the start: stop all instances; an \
                     application without stores and repartition topics can be started again as it \
                     is, any other must be reset first, since keys have moved between partitions"
                ))
            })
        });
        tasks.collect()
    }
}

impl Membership for LeadTopics {
    fn join(&mut self, consumer: &mut dyn Consumer) -> Result<()> {
        self.unanswered = Some((self.app.clock.monotonic(), false));
        consumer.subscribe(&self.app.deployment.lead_topics())
    }

    fn events(&mut self, consumer: &mut dyn Consumer) -> Result<Vec<MemberEvent>> {
        let events = consumer.events()?;
        if events.is_empty() {
            self.wait_for_answer()?;
        } else {
            self.unanswered = None;
        }
        let events = events.into_iter().map(|event| {
            Ok(match event {
                ConsumerEvent::Assigned(partitions) => {
                    MemberEvent::Assigned(self.tasks(&partitions)?)
                }
                ConsumerEvent::Revoked(partitions) => {
                    MemberEvent::Revoked(self.tasks(&partitions)?)
                }
                ConsumerEvent::Lost(partitions) => MemberEvent::Lost(self.tasks(&partitions)?),
            })
        });
        events.collect()
    }

    fn accept(
        &mut self,
        consumer: &mut dyn Consumer,
        inputs: &[(TopicPartition, StartAt)],
    ) -> Result<()> {
        consumer.incremental_assign(inputs)
    }

    fn release(&mut self, consumer: &mut dyn Consumer, inputs: &[TopicPartition]) -> Result<()> {
        consumer.incremental_unassign(inputs)
    }
}
