//! Checking what a heartbeat says, before the group has a say.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::ConsumerGroupHeartbeatRequest;
use kafka_protocol::protocol::StrBytes;
use tracing::warn;

use crate::error::Refusal;
use crate::groups::consumer::assignors::Assignor;
use crate::groups::consumer::member::{AWAY, Partitions};

/// The epoch of a member that leaves for good.
pub(super) const LEAVING: i32 = -1;
/// The first version in which clients make the ids of members.
const CLIENT_ID_VERSION_MIN: i16 = 1;

/// Checks a heartbeat by itself.
pub(super) fn check(
    body: &ConsumerGroupHeartbeatRequest,
    version: i16,
    subscription_bytes_max: usize,
) -> Result<(), Refusal> {
    let is_blank = |text: &str| text.trim().is_empty();
    let is_given_blank = |text: &Option<StrBytes>| text.as_deref().is_some_and(is_blank);
    let epoch = body.member_epoch;
    let may_lack_id = epoch == 0 && version < CLIENT_ID_VERSION_MIN;
    let wrong = if is_blank(&body.group_id) {
        "GroupId can't be empty.".to_owned()
    } else if is_blank(&body.member_id) && !may_lack_id {
        "MemberId can't be empty.".to_owned()
    } else if is_given_blank(&body.instance_id) {
        "InstanceId can't be empty.".to_owned()
    } else if is_given_blank(&body.rack_id) {
        "RackId can't be empty.".to_owned()
    } else if epoch < AWAY {
        format!("MemberEpoch is {epoch}, but must be greater than or equal to -2.")
    } else if epoch == AWAY && body.instance_id.is_none() {
        "InstanceId can't be null.".to_owned()
    } else if let Some(wrong) = wrong_join(body).filter(|_| epoch == 0) {
        wrong.to_owned()
    } else if size(body) > subscription_bytes_max {
        format!("the subscription takes more than {subscription_bytes_max} bytes.")
    } else {
        return check_choices(body);
    };
    Err(Refusal::new(ResponseError::InvalidRequest, wrong))
}

/// Says what the first heartbeat of a member lacks.
fn wrong_join(body: &ConsumerGroupHeartbeatRequest) -> Option<&'static str> {
    if body.rebalance_timeout_ms == -1 {
        Some("RebalanceTimeoutMs must be provided in first request.")
    } else if body.topic_partitions.as_ref().is_none_or(|owned| !owned.is_empty()) {
        Some("TopicPartitions must be empty when (re-)joining.")
    } else if body.subscribed_topic_names.is_none() && body.subscribed_topic_regex.is_none() {
        Some("SubscribedTopicNames or SubscribedTopicRegex must be set in first request.")
    } else {
        None
    }
}

fn check_choices(body: &ConsumerGroupHeartbeatRequest) -> Result<(), Refusal> {
    if body.subscribed_topic_regex.as_ref().is_some_and(|regex| !regex.is_empty()) {
        let message = "kappa-broker does not match topics by regular expressions, name them all";
        warn!("group {}: {message}", body.group_id.as_str());
        // The error at which clients give up; with others librdkafka tries again in silence.
        return Err(Refusal::new(ResponseError::UnsupportedVersion, message));
    }
    let unknown = body.server_assignor.as_ref().filter(|it| Assignor::named(it).is_none());
    let Some(name) = unknown else { return Ok(()) };
    let supported = Assignor::ALL.map(Assignor::name).join(", ");
    let message =
        format!("ServerAssignor {name} is not supported. Supported assignors: {supported}.");
    Err(Refusal::new(ResponseError::UnsupportedAssignor, message))
}

/// Returns how much of the request a member keeps.
fn size(body: &ConsumerGroupHeartbeatRequest) -> usize {
    let names = body.subscribed_topic_names.iter().flatten().map(|name| name.len());
    let ids = [Some(&body.member_id), body.instance_id.as_ref(), body.rack_id.as_ref()];
    names.chain(ids.into_iter().flatten().map(|id| id.len())).sum()
}

/// Returns what a member says that it owns, if it does.
pub(super) fn owned(body: &ConsumerGroupHeartbeatRequest) -> Option<Partitions> {
    let topics = body.topic_partitions.as_ref()?;
    let of_topic = topics.iter().map(|topic| (topic.topic_id, &topic.partitions));
    Some(of_topic.flat_map(|(id, indexes)| indexes.iter().map(move |it| (id, *it))).collect())
}

/// Copies a text out of its frame, which would be kept in memory whole.
pub(super) fn copy(text: &StrBytes) -> StrBytes {
    StrBytes::from_string(text.to_string())
}
