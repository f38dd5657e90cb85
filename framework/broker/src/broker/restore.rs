//! Starting from what was kept, and telling what is to be kept.

use crate::broker::Broker;
use crate::changes::facts::Fact;
use crate::changes::{Image, LogId, RestoreError, Step};
use crate::config::BrokerConfig;
use crate::log::producers::ProducersConfig;
use crate::reply::Replies;
use crate::time::Millis;
use crate::topics::settings::TopicConfig;

impl Broker {
    /// Makes a broker that goes on where another has ended, and tells its changes in [`Replies`].
    ///
    /// Members of groups have their full session time-outs again; producers are known by those of
    /// their batches that are left.
    ///
    /// # Errors
    ///
    /// If what is kept contradicts itself, or is more than the configuration allows.
    pub fn restore(
        config: BrokerConfig,
        now: Millis,
        mut image: Image,
    ) -> Result<Self, RestoreError> {
        let mut broker = Self::new(config);
        let mut logs = Vec::new();
        for fact in image.facts() {
            if let Fact::Topic { name, id, partitions, .. } = fact {
                let ids = (0..*partitions).map(|partition| LogId { topic: *id, partition });
                logs.extend(ids.map(|id| (name.clone(), id)));
            }
            broker.recall(now, fact).map_err(RestoreError::new)?;
        }
        for (name, log) in logs {
            let batches = image.take_log(log);
            let producers = broker.producers_config();
            let restored = broker.topics.restore_log(now, &producers, &name, log, batches);
            let partition = log.partition;
            restored
                .map_err(|e| RestoreError::new(format!("log {log} of {name}-{partition}: {e}")))?;
        }
        broker.check_limits()?;
        broker.saved_producer_id = broker.next_producer_id;
        broker.topics.changes.are_wanted = true;
        broker.groups.changes.are_wanted = true;
        broker.transactions.changes.are_wanted = true;
        let cluster = Fact::Cluster { id: broker.cluster_id.clone() };
        broker.topics.changes.push(|| Step::Set(cluster));
        // Nobody waits for an answer yet, and the changes are handed over with the next ones.
        broker.finish_transactions(now, &mut Replies::new());
        broker.schedule_upkeep(now);
        Ok(broker)
    }

    fn recall(&mut self, now: Millis, fact: &Fact) -> Result<(), String> {
        match fact {
            Fact::Cluster { id } => {
                self.cluster_id.clone_from(id);
                self.topics.uuids.set_cluster(id);
            }
            Fact::ProducerIds { next } => self.next_producer_id = *next,
            Fact::Topic { name, id, partitions, overrides } => {
                let config = TopicConfig::new(overrides.clone());
                let config = config.map_err(|e| format!("topic {name}: {}", e.message))?;
                let partitions = usize::try_from(*partitions).unwrap_or(0);
                self.topics.check_room(partitions).map_err(|refusal| {
                    format!("topic {name}: {}, which is partitions_max", refusal.message)
                })?;
                self.topics.create_as(*id, name, config);
                self.topics.grow(name, partitions);
            }
            Fact::LogStart { topic, partition, offset } => {
                let log = self.topics.partition_mut(topic, *partition);
                let log = log.map_err(|_| format!("there is no partition {topic}-{partition}"))?;
                log.begin_at(*offset);
            }
            Fact::Group(group) => self.groups.restore(now, group),
            Fact::Offset { group, topic, partition, committed } => {
                self.groups.restore_offset(now, group, topic, *partition, committed);
            }
            Fact::PendingOffset { group, producer_id, topic, partition, committed } => {
                let partition = (topic.clone(), *partition);
                let groups = &mut self.groups;
                groups.restore_pending_offset(now, group, *producer_id, partition, committed);
            }
            Fact::Transaction(transaction) => self.transactions.restore(now, transaction),
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), RestoreError> {
        let (there, max) = (self.groups.count(), self.config.groups.groups_max);
        if there > max {
            let message = format!("{there} groups are kept, more than groups_max = {max}");
            return Err(RestoreError::new(message));
        }
        let (there, max) = (self.transactions.count(), self.config.transactions.ids_max);
        if there > max {
            let message = format!("{there} transactional ids are kept, more than ids_max = {max}");
            return Err(RestoreError::new(message));
        }
        Ok(())
    }

    /// Hands over what has changed since this was last done.
    pub(crate) fn hand_over_changes(&mut self, replies: &mut Replies) {
        if !self.topics.changes.are_wanted {
            return;
        }
        let next = self.next_producer_id;
        if std::mem::replace(&mut self.saved_producer_id, next) != next {
            self.topics.changes.push(|| Step::Set(Fact::ProducerIds { next }));
        }
        self.topics.collect_changes();
        self.topics.changes.move_to(&mut replies.changes);
        self.groups.changes.move_to(&mut replies.changes);
        // Behind all that belongs to them: a transaction has ended when all have heard of it.
        self.transactions.changes.move_to(&mut replies.changes);
    }

    /// Returns how much is remembered of producers.
    pub(crate) fn producers_config(&self) -> ProducersConfig {
        ProducersConfig {
            producers_max: self.config.producers_per_partition_max,
            expiration_ms: self.config.producer_expiration_ms,
        }
    }
}

#[cfg(test)]
mod tests;
