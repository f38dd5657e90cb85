//! Groups that the broker leads: the consumer group protocol of KIP-848.
//!
//! Members say in heartbeats what they subscribe to and what they own, and hear what they may work
//! on. Whenever members, subscriptions or topics change, the group's epoch grows and every member
//! gets a target; each goes to its own in the steps that `reconciliation` describes. Members are
//! not kept: after a restart they hear that nobody knows them, and join anew.
//!
//! As in Kafka, a group without members may go from one protocol to the other. Other than there by
//! default, one with members may not.

pub(crate) mod admission;
pub(crate) mod assignors;
pub(crate) mod description;
pub(crate) mod heartbeat;
pub(crate) mod member;
pub(crate) mod reconciliation;
pub(crate) mod request;

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use crate::groups::consumer::assignors::Assignor;
use crate::groups::consumer::member::{Member, Partitions};
use crate::time::Millis;
use crate::topics::Topics;

/// The topics of a group, by name.
pub(crate) type Subscribed = BTreeMap<String, SubscribedTopic>;

/// A topic as it was when the group last looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SubscribedTopic {
    pub(crate) id: Uuid,
    pub(crate) partitions: i32,
}

/// The part of a group that concerns its members.
#[derive(Debug)]
pub(crate) struct ConsumerGroup {
    /// Grows with everything that changes who is to have what.
    pub(crate) epoch: i32,
    /// The epoch in which the members' targets were made.
    target_epoch: i32,
    assignor: Assignor,
    members: BTreeMap<StrBytes, Member>,
    topics: Subscribed,
}

impl ConsumerGroup {
    pub(crate) fn new(epoch: i32) -> Self {
        let (members, topics) = (BTreeMap::new(), Subscribed::new());
        Self { epoch, target_epoch: epoch, assignor: Assignor::Uniform, members, topics }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn static_member(&self, instance: &StrBytes) -> Option<&Member> {
        self.members.values().find(|member| member.instance.as_ref() == Some(instance))
    }

    /// Returns what others hold of a member's target, unless it has all of that.
    fn taken_from(&self, id: &StrBytes) -> Partitions {
        let unsettled = |member: &&Member| !member.is_settled(self.target_epoch);
        let Some(member) = self.members.get(id).filter(unsettled) else { return Partitions::new() };
        let others = self.members.values().filter(|other| other.id != *id);
        others.flat_map(Member::held).filter(|it| member.target.contains(*it)).copied().collect()
    }

    /// Looks at the topics that members subscribe to; returns whether something about them is new.
    fn look_at(&mut self, topics: &Topics) -> bool {
        let names: BTreeSet<&String> = self.members.values().flat_map(|it| &it.topics).collect();
        let look = |name: &String| {
            let topic = topics.get(name)?;
            let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
            Some((name.clone(), SubscribedTopic { id: topic.uuid, partitions }))
        };
        let now: Subscribed = names.into_iter().filter_map(look).collect();
        std::mem::replace(&mut self.topics, now) != self.topics
    }

    /// Gives every member a new target, if something has changed since the last time.
    fn assign(&mut self) {
        if self.epoch > self.target_epoch {
            self.assignor = Assignor::preferred(self.members.values());
            self.assignor.assign(&mut self.members, &self.topics);
            self.target_epoch = self.epoch;
        }
    }

    /// Removes a member for good; the others hear of what it had with their next heartbeats.
    fn remove(&mut self, id: &StrBytes) {
        if self.members.remove(id).is_some() {
            self.epoch += 1;
        }
    }

    /// Removes the members that were silent, or held on to what they were to give up, for too long.
    pub(crate) fn expire(&mut self, now: Millis) {
        let gone = self.members.values().filter(|member| member.deadline() <= now);
        let gone: Vec<StrBytes> = gone.map(|member| member.id.clone()).collect();
        gone.iter().for_each(|id| self.remove(id));
    }

    /// Returns when this group next has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Millis> {
        self.members.values().map(Member::deadline).min()
    }

    /// Returns the state as tools show it.
    fn state(&self) -> &'static str {
        let is_settled = |it: &Member| it.is_settled(self.epoch) || it.is_away();
        if self.members.is_empty() {
            "Empty"
        } else if self.epoch > self.target_epoch {
            "Assigning"
        } else if self.members.values().all(is_settled) {
            "Stable"
        } else {
            "Reconciling"
        }
    }
}

#[cfg(test)]
mod tests;
