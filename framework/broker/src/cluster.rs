//! What clients ask first: which APIs there are, which brokers and topics, who coordinates a group.

use std::collections::BTreeSet;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, BrokerId, FindCoordinatorRequest,
    FindCoordinatorResponse, MetadataRequest, MetadataResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use crate::api::{APIS, Api};
use crate::broker::dispatch::Request;
use crate::broker::{Broker, NODE_ID};
use crate::error::Refusal;
use crate::log::batch::LEADER_EPOCH;
use crate::topics::Topic;
use crate::topics::settings::TopicConfig;

/// The kinds of keys for which there are coordinators.
const GROUP_KEY: i8 = 0;
const TRANSACTION_KEY: i8 = 1;

impl Broker {
    pub(crate) fn api_versions(
        &self,
        request: &Request,
        body: ApiVersionsRequest,
    ) -> ApiVersionsResponse {
        let response = ApiVersionsResponse::default();
        let (name, version) = (&body.client_software_name, &body.client_software_version);
        if request.call.version >= 3 && !(is_software(name) && is_software(version)) {
            return response.with_error_code(ResponseError::InvalidRequest.code());
        }
        response.with_api_keys(served(|_| true))
    }

    pub(crate) fn metadata(&mut self, body: MetadataRequest) -> MetadataResponse {
        let topics = match body.topics {
            None => self.topics.iter().map(|(name, topic)| describe(name, topic)).collect(),
            Some(asked) => {
                // As in Kafka, a topic named again is not described again.
                let mut seen = BTreeSet::new();
                let key = |it: &MetadataRequestTopic| (it.topic_id, it.name.clone());
                let asked = asked.into_iter().filter(|topic| seen.insert(key(topic)));
                let may_create = body.allow_auto_topic_creation;
                let metadata = asked.map(|topic| match topic.name {
                    None if !topic.topic_id.is_nil() => self.metadata_by_id(topic.topic_id),
                    name => self.topic_metadata(name.unwrap_or_default(), may_create),
                });
                metadata.collect()
            }
        };
        let broker = MetadataResponseBroker::default()
            .with_node_id(BrokerId(NODE_ID))
            .with_host(self.host())
            .with_port(i32::from(self.config.port));
        MetadataResponse::default()
            .with_brokers(vec![broker])
            .with_cluster_id(Some(self.cluster_id()))
            .with_controller_id(BrokerId(NODE_ID))
            .with_topics(topics)
    }

    fn metadata_by_id(&self, id: Uuid) -> MetadataResponseTopic {
        let name = self.topics.uuids.name(&id);
        let named = name.and_then(|name| Some(describe(name, self.topics.get(name)?)));
        named.unwrap_or_else(|| {
            let topic = MetadataResponseTopic::default().with_name(None).with_topic_id(id);
            topic.with_error_code(ResponseError::UnknownTopicId.code())
        })
    }

    fn topic_metadata(&mut self, name: TopicName, may_create: bool) -> MetadataResponseTopic {
        if self.topics.get(&name).is_none() {
            let created = if may_create && self.config.auto_create_topics {
                self.create_automatically(&name)
            } else {
                crate::topics::name::check(&name).and(Err(Refusal::unknown_partition()))
            };
            if let Err(refusal) = created {
                let topic = MetadataResponseTopic::default().with_name(Some(name));
                return topic.with_error_code(refusal.code());
            }
        }
        self.topics.get(&name).map(|topic| describe(&name, topic)).unwrap_or_default()
    }

    fn create_automatically(&mut self, name: &str) -> Result<(), Refusal> {
        let partitions = usize::try_from(self.config.default_partitions).unwrap_or(1);
        self.topics.check_new(name, partitions)?;
        self.topics.create(name, partitions, TopicConfig::new(Default::default())?);
        Ok(())
    }

    pub(crate) fn find_coordinator(&self, body: FindCoordinatorRequest) -> FindCoordinatorResponse {
        let refusal = match body.key_type {
            GROUP_KEY | TRANSACTION_KEY => {
                return FindCoordinatorResponse::default()
                    .with_node_id(BrokerId(NODE_ID))
                    .with_host(self.host())
                    .with_port(i32::from(self.config.port));
            }
            other => {
                let message = format!("there is no coordinator for keys of type {other}");
                Refusal::new(ResponseError::InvalidRequest, message)
            }
        };
        FindCoordinatorResponse::default()
            .with_error_code(refusal.code())
            .with_error_message(refusal.text())
            .with_node_id(BrokerId(-1))
            .with_port(-1)
    }

    fn host(&self) -> StrBytes {
        StrBytes::from_string(self.config.host.clone())
    }

    fn cluster_id(&self) -> StrBytes {
        StrBytes::from_string(self.cluster_id.clone())
    }
}

/// Returns the rows of the table of APIs that are wanted, as clients are told of them.
pub(crate) fn served(is_wanted: impl Fn(&Api) -> bool) -> Vec<ApiVersion> {
    let wanted = APIS.iter().filter(|api| is_wanted(api));
    let row = |api: &Api| {
        ApiVersion::default()
            .with_api_key(api.key as i16)
            .with_min_version(api.version_min)
            .with_max_version(api.version_max)
    };
    wanted.map(row).collect()
}

fn describe(name: &str, topic: &Topic) -> MetadataResponseTopic {
    let partition = |index| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(BrokerId(NODE_ID))
            .with_leader_epoch(LEADER_EPOCH)
            .with_replica_nodes(vec![BrokerId(NODE_ID)])
            .with_isr_nodes(vec![BrokerId(NODE_ID)])
    };
    let count = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
    MetadataResponseTopic::default()
        .with_name(Some(TopicName(StrBytes::from_string(name.to_owned()))))
        .with_topic_id(topic.uuid)
        .with_partitions((0..count).map(partition).collect())
}

/// Returns whether this may name a client's software or version: letters and digits, with dots and
/// dashes between them.
fn is_software(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let is_outer = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let mut chars = name.chars();
    name.chars().all(is_inner) && is_outer(chars.next()) && is_outer(name.chars().next_back())
}

#[cfg(test)]
mod tests;
