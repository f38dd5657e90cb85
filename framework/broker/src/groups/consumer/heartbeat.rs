//! Heartbeats: joining, staying and leaving are one request.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::consumer_group_heartbeat_response::{Assignment, TopicPartitions};
use kafka_protocol::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
use kafka_protocol::protocol::StrBytes;

use crate::config::GroupConfig;
use crate::error::Refusal;
use crate::groups::consumer::ConsumerGroup;
use crate::groups::consumer::assignors::Assignor;
use crate::groups::consumer::member::{AWAY, Member, Partitions, Phase, by_topic};
use crate::groups::consumer::reconciliation::Goal;
use crate::groups::consumer::request::{self, LEAVING};
use crate::groups::group::Group;
use crate::groups::{Context, Groups};
use crate::reply::Replies;
use crate::time::Millis;
use crate::topics::Topics;

/// Who sends a heartbeat, by its connection.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) client_id: StrBytes,
    pub(crate) client_host: StrBytes,
    /// The version of its request.
    pub(crate) version: i16,
}

type Answer = Result<ConsumerGroupHeartbeatResponse, Refusal>;

impl Groups {
    pub(crate) fn consumer_heartbeat(
        &mut self,
        now: Millis,
        topics: &Topics,
        sender: Sender,
        body: ConsumerGroupHeartbeatRequest,
    ) -> ConsumerGroupHeartbeatResponse {
        let beat = self.try_consumer_heartbeat(now, topics, sender, body);
        beat.unwrap_or_else(|refusal| {
            ConsumerGroupHeartbeatResponse::default()
                .with_error_code(refusal.code())
                .with_error_message(refusal.text())
        })
    }

    fn try_consumer_heartbeat(
        &mut self,
        now: Millis,
        topics: &Topics,
        sender: Sender,
        mut body: ConsumerGroupHeartbeatRequest,
    ) -> Answer {
        request::check(&body, sender.version, self.config.member_metadata_bytes_max)?;
        let id = body.group_id.to_string();
        self.find_consumer_group(&id, body.member_epoch == 0)?;
        if body.member_id.is_empty() {
            body.member_id = self.member_ids.next("consumer");
        }
        let mut unused = Replies::new();
        let beat = self.with_group(now, &id, &mut unused, |group, context| {
            group.consumer_heartbeat(context, topics, &sender, &body)
        });
        beat.unwrap_or_else(|| Err(unknown_group(&id)))
    }

    /// Sees to it that there is a group that a member may join, or be in.
    fn find_consumer_group(&mut self, id: &str, is_joining: bool) -> Result<(), Refusal> {
        match self.by_id.get_mut(id) {
            Some(group) if group.consumer.is_some() => {}
            Some(group) if !group.is_deserted() => {
                let message = format!("Group {id} is not a consumer group.");
                return Err(Refusal::new(ResponseError::GroupIdNotFound, message));
            }
            Some(group) if is_joining => group.become_consumer(),
            // It may have had members before a restart.
            Some(_) => {
                let message = format!("Group {id} has no members, join it again.");
                return Err(Refusal::new(ResponseError::UnknownMemberId, message));
            }
            None if !is_joining => return Err(unknown_group(id)),
            None => {
                if !self.has_room() {
                    let message =
                        format!("there are groups_max = {} groups", self.config.groups_max);
                    return Err(Refusal::new(ResponseError::GroupMaxSizeReached, message));
                }
                self.make_room();
                let mut group = Group::new(id.to_owned());
                group.become_consumer();
                self.by_id.insert(id.to_owned(), group);
            }
        }
        Ok(())
    }
}

impl Group {
    /// Goes over to the consumer group protocol, without members.
    fn become_consumer(&mut self) {
        self.consumer = Some(ConsumerGroup::new(self.generation));
        self.protocol_type = Some(StrBytes::from_static_str("consumer"));
        self.protocol = None;
    }

    fn consumer_heartbeat(
        &mut self,
        context: &Context<'_>,
        topics: &Topics,
        sender: &Sender,
        body: &ConsumerGroupHeartbeatRequest,
    ) -> Answer {
        let Some(group) = &mut self.consumer else { return Err(unknown_group(&self.id)) };
        let beat = group.heartbeat(context.now, context.config, topics, sender, body);
        self.note_epoch();
        beat
    }

    /// Keeps the epoch of its members as its generation, which is written down.
    pub(crate) fn note_epoch(&mut self) {
        if let Some(group) = self.consumer.as_ref().filter(|it| it.epoch != self.generation) {
            self.generation = group.epoch;
            self.is_unsaved = true;
        }
    }
}

impl ConsumerGroup {
    fn heartbeat(
        &mut self,
        now: Millis,
        config: &GroupConfig,
        topics: &Topics,
        sender: &Sender,
        body: &ConsumerGroupHeartbeatRequest,
    ) -> Answer {
        if matches!(body.member_epoch, LEAVING | AWAY) {
            return self.leave(body);
        }
        let id = request::copy(&body.member_id);
        let is_joining = body.member_epoch == 0;
        let owned = request::owned(body);
        self.check_room(&id, config.members_max)?;
        let is_new = self.find_member(&id, body, owned.as_ref())?;
        let Some(member) = self.members.get_mut(&id) else { return Err(unknown_member(&id)) };
        let had = member.assigned.clone();
        let has_changed = member.update(sender, body);
        member.session_deadline = now.after(i64::from(config.consumer_session_timeout_ms));
        // The topics are to be known whatever else is new.
        if self.look_at(topics) | has_changed | is_new {
            self.epoch += 1;
        }
        self.assign();
        let goal = Goal { epoch: self.target_epoch, taken: &self.taken_from(&id) };
        let Some(member) = self.members.get_mut(&id) else { return Err(unknown_member(&id)) };
        member.reconcile(now, goal, owned.as_ref());
        let is_full = body.rebalance_timeout_ms != -1
            && body.subscribed_topic_names.is_some()
            && body.topic_partitions.is_some();
        let is_told = is_joining || is_full || member.assigned != had;
        let assignment = is_told.then(|| response_assignment(&member.assigned));
        let response = ConsumerGroupHeartbeatResponse::default()
            .with_member_id(Some(id))
            .with_member_epoch(member.epoch)
            .with_heartbeat_interval_ms(config.consumer_heartbeat_interval_ms)
            .with_assignment(assignment);
        Ok(response)
    }

    fn check_room(&self, id: &StrBytes, members_max: usize) -> Result<(), Refusal> {
        if self.members.len() < members_max || self.members.contains_key(id) {
            return Ok(());
        }
        let message = format!(
            "The consumer group has reached its maximum capacity of {members_max} members."
        );
        Err(Refusal::new(ResponseError::GroupMaxSizeReached, message))
    }

    /// Sees to it that the sender is a member; returns whether it was none before.
    fn find_member(
        &mut self,
        id: &StrBytes,
        body: &ConsumerGroupHeartbeatRequest,
        owned: Option<&Partitions>,
    ) -> Result<bool, Refusal> {
        let is_joining = body.member_epoch == 0;
        if let Some(instance) = &body.instance_id {
            match self.static_member(instance).cloned() {
                Some(other) if is_joining => return self.return_as(id, other).map(|()| false),
                Some(other) => check_bearer(&other, id)?,
                None if !is_joining => return Err(unknown_instance(instance)),
                None => {}
            }
        }
        match self.members.get(id) {
            Some(_) if is_joining => Ok(false),
            Some(member) => check_epoch(member, body.member_epoch, owned).map(|()| false),
            None if is_joining => {
                self.members.insert(id.clone(), Member::new(id.clone()));
                Ok(true)
            }
            None => Err(unknown_member(id)),
        }
    }

    /// Lets a static member that was away take its place again, under another id.
    fn return_as(&mut self, id: &StrBytes, was: Member) -> Result<(), Refusal> {
        if !was.is_away() {
            let (instance, owner) = (was.instance.unwrap_or_default(), was.id);
            let message = format!(
                "Static member {id} with instance id {instance} cannot join the group because the \
                 instance id is owned by {owner} member."
            );
            return Err(Refusal::new(ResponseError::UnreleasedInstanceId, message));
        }
        self.members.remove(&was.id);
        let (id, phase) = (id.clone(), Phase::Stable);
        let back = Member { id: id.clone(), epoch: 0, previous_epoch: 0, phase, ..was };
        self.members.insert(id, back);
        Ok(())
    }

    fn leave(&mut self, body: &ConsumerGroupHeartbeatRequest) -> Answer {
        let id = &body.member_id;
        if let Some(instance) = &body.instance_id {
            let member = self.static_member(instance).ok_or_else(|| unknown_instance(instance))?;
            check_bearer(member, id)?;
        }
        let Some(member) = self.members.get_mut(id) else { return Err(unknown_member(id)) };
        if body.member_epoch == AWAY {
            // Its session goes on: until its end the place is kept for it.
            member.epoch = AWAY;
            member.revoking.clear();
            member.revocation_deadline = None;
        } else {
            self.remove(id);
        }
        let response = ConsumerGroupHeartbeatResponse::default();
        Ok(response.with_member_id(Some(id.clone())).with_member_epoch(body.member_epoch))
    }
}

impl Member {
    /// Takes over what a heartbeat says; returns whether it subscribes to other topics than before.
    fn update(&mut self, sender: &Sender, body: &ConsumerGroupHeartbeatRequest) -> bool {
        self.client_id = sender.client_id.clone();
        self.client_host = sender.client_host.clone();
        if let Some(instance) = &body.instance_id {
            self.instance = Some(request::copy(instance));
        }
        if let Some(rack) = &body.rack_id {
            self.rack = Some(request::copy(rack));
        }
        if body.rebalance_timeout_ms != -1 {
            self.rebalance_timeout_ms = body.rebalance_timeout_ms;
        }
        if let Some(name) = &body.server_assignor {
            self.assignor = Assignor::named(name);
        }
        let Some(names) = &body.subscribed_topic_names else { return false };
        let topics = names.iter().map(|name| name.to_string()).collect();
        std::mem::replace(&mut self.topics, topics) != self.topics
    }
}

/// Checks that a member comes with its epoch, or with the one before if it may not have heard of
/// it.
fn check_epoch(member: &Member, epoch: i32, owned: Option<&Partitions>) -> Result<(), Refusal> {
    let has_missed_one =
        || epoch == member.previous_epoch && owned.is_some_and(|it| it.is_subset(&member.assigned));
    if epoch == member.epoch || (epoch < member.epoch && has_missed_one()) {
        return Ok(());
    }
    let (which, known) = (if epoch > member.epoch { "greater" } else { "smaller" }, member.epoch);
    let message = format!(
        "The consumer group member has a {which} member epoch ({epoch}) than the one known by the \
         group coordinator ({known}). The member must abandon all its partitions and rejoin."
    );
    Err(Refusal::new(ResponseError::FencedMemberEpoch, message))
}

/// Checks that this is the member with the name, not one that had it before.
fn check_bearer(member: &Member, id: &StrBytes) -> Result<(), Refusal> {
    if member.id == *id {
        return Ok(());
    }
    let (instance, owner) = (member.instance.clone().unwrap_or_default(), &member.id);
    let message =
        format!("Static member {id} with instance id {instance} was fenced by member {owner}.");
    Err(Refusal::new(ResponseError::FencedInstanceId, message))
}

fn unknown_group(id: &str) -> Refusal {
    Refusal::new(ResponseError::GroupIdNotFound, format!("Group {id} not found."))
}

fn unknown_member(id: &StrBytes) -> Refusal {
    Refusal::new(ResponseError::UnknownMemberId, format!("Member {id} is not a member."))
}

fn unknown_instance(instance: &StrBytes) -> Refusal {
    Refusal::new(ResponseError::UnknownMemberId, format!("Instance id {instance} is unknown."))
}

fn response_assignment(partitions: &Partitions) -> Assignment {
    let topics = by_topic(partitions)
        .into_iter()
        .map(|(id, indexes)| TopicPartitions::default().with_topic_id(id).with_partitions(indexes));
    Assignment::default().with_topic_partitions(topics.collect())
}
