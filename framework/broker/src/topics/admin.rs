//! Creating and deleting topics, partitions and records.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest,
    CreateTopicsResponse, DeleteRecordsRequest, DeleteRecordsResponse, DeleteTopicsRequest,
    DeleteTopicsResponse, TopicName,
};

use crate::broker::dispatch::Request;
use crate::broker::{Broker, NODE_ID};
use crate::error::{Refusal, outcome};
use crate::reply::Replies;
use crate::topics::settings::TopicConfig;

impl Broker {
    pub(crate) fn create_topics(&mut self, body: CreateTopicsRequest) -> CreateTopicsResponse {
        let twice = named_twice(body.topics.iter().map(|topic| &topic.name));
        let max = self.config.partitions_max;
        let are_too_many = body.topics.len() > max;
        let mut results = Vec::with_capacity(body.topics.len());
        for topic in once(body.topics, |topic| &topic.name) {
            let created = if are_too_many {
                let message = format!("more than {max} topics in one request");
                Err(Refusal::new(ResponseError::PolicyViolation, message))
            } else {
                check_once(&twice, &topic.name)
                    .and_then(|()| self.create_topic(&topic, body.validate_only))
            };
            let (code, message) = outcome(&created);
            let result = CreatableTopicResult::default().with_name(topic.name);
            results.push(result.with_error_code(code).with_error_message(message));
        }
        CreateTopicsResponse::default().with_topics(results)
    }

    fn create_topic(&mut self, topic: &CreatableTopic, validate_only: bool) -> Result<(), Refusal> {
        self.topics.check_new(&topic.name, 0)?;
        let mut overrides = BTreeMap::new();
        for config in &topic.configs {
            let Some(value) = &config.value else {
                let name = &config.name;
                let message = format!("Null value not supported for topic configs: {name}");
                return Err(Refusal::new(ResponseError::InvalidConfig, message));
            };
            overrides.insert(config.name.to_string(), value.to_string());
        }
        let config = TopicConfig::new(overrides)?;
        let partitions = self.count_partitions(topic)?;
        self.topics.check_room(partitions)?;
        if !validate_only {
            self.topics.create(&topic.name, partitions, config);
        }
        Ok(())
    }

    fn count_partitions(&self, topic: &CreatableTopic) -> Result<usize, Refusal> {
        let refuse = |error, message: &str| Err(Refusal::new(error, message));
        if !topic.assignments.is_empty() {
            if topic.replication_factor != -1 || topic.num_partitions != -1 {
                let message = "A manual partition assignment was specified, but the number of \
                    partitions or the replication factor was not set to -1.";
                return refuse(ResponseError::InvalidRequest, message);
            }
            let indexes: BTreeSet<_> =
                topic.assignments.iter().map(|it| it.partition_index).collect();
            if !indexes.iter().copied().eq((0..).take(topic.assignments.len())) {
                let message = "partitions should be a consecutive 0-based integer sequence";
                return refuse(ResponseError::InvalidReplicaAssignment, message);
            }
            for assignment in &topic.assignments {
                check_replicas(&assignment.broker_ids)?;
            }
            return Ok(topic.assignments.len());
        }
        match topic.replication_factor {
            -1 | 1 => {}
            more if more > 1 => {
                let message = "Unable to replicate the partition: only 1 broker is registered.";
                return refuse(ResponseError::InvalidReplicationFactor, message);
            }
            _ => {
                let message = "Replication factor must be larger than 0, or -1 for the default.";
                return refuse(ResponseError::InvalidReplicationFactor, message);
            }
        }
        let count = match topic.num_partitions {
            -1 => self.config.default_partitions,
            count => count,
        };
        match usize::try_from(count) {
            Ok(count) if count > 0 => Ok(count),
            _ => {
                let message = "Number of partitions was set to an invalid non-positive value.";
                refuse(ResponseError::InvalidPartitions, message)
            }
        }
    }

    pub(crate) fn create_partitions(
        &mut self,
        body: CreatePartitionsRequest,
    ) -> CreatePartitionsResponse {
        let twice = named_twice(body.topics.iter().map(|topic| &topic.name));
        let mut results = Vec::with_capacity(body.topics.len());
        for topic in once(body.topics, |topic| &topic.name) {
            let grown = check_once(&twice, &topic.name)
                .and_then(|()| self.grow_topic(&topic, body.validate_only));
            let (code, message) = outcome(&grown);
            let result = CreatePartitionsTopicResult::default().with_name(topic.name);
            results.push(result.with_error_code(code).with_error_message(message));
        }
        CreatePartitionsResponse::default().with_results(results)
    }

    fn grow_topic(
        &mut self,
        asked: &CreatePartitionsTopic,
        validate_only: bool,
    ) -> Result<(), Refusal> {
        let topic = self.topics.get(&asked.name).ok_or_else(Refusal::unknown_partition)?;
        let there = topic.partitions.len();
        let wanted = usize::try_from(asked.count).unwrap_or(0);
        if wanted <= there {
            let name = asked.name.as_str();
            let message = format!("The topic {name} has {there} partition(s), wanted {wanted}.");
            return Err(Refusal::new(ResponseError::InvalidPartitions, message));
        }
        let more = wanted - there;
        if let Some(assignments) = &asked.assignments {
            if assignments.len() != more {
                let given = assignments.len();
                let message = format!("{more} partition(s) to add, but {given} assignment(s).");
                return Err(Refusal::new(ResponseError::InvalidReplicaAssignment, message));
            }
            assignments.iter().try_for_each(|it| check_replicas(&it.broker_ids))?;
        }
        self.topics.check_room(more)?;
        if !validate_only {
            self.topics.grow(&asked.name, wanted);
        }
        Ok(())
    }

    pub(crate) fn delete_topics(
        &mut self,
        request: &Request,
        replies: &mut Replies,
    ) -> Result<(), String> {
        let body: DeleteTopicsRequest = request.body()?;
        let twice = named_twice(body.topic_names.iter());
        let mut results = Vec::with_capacity(body.topic_names.len());
        let mut gone = Vec::new();
        for name in once(body.topic_names, |name| name) {
            let deleted = check_once(&twice, &name).and_then(|()| {
                let count = self.topics.get(&name).map_or(0, |topic| topic.partitions.len());
                gone.extend((0..).take(count).map(|index| (name.to_string(), index)));
                self.topics.remove(&name).then_some(()).ok_or_else(Refusal::unknown_partition)
            });
            if deleted.is_ok() {
                self.groups.forget_topic(&name);
            }
            let code = outcome(&deleted).0;
            let result = DeletableTopicResult::default().with_name(Some(name));
            results.push(result.with_error_code(code));
        }
        replies.respond(&request.call, &DeleteTopicsResponse::default().with_responses(results));
        self.complete_fetches_of(&gone, replies);
        Ok(())
    }

    pub(crate) fn delete_records(&mut self, body: DeleteRecordsRequest) -> DeleteRecordsResponse {
        let mut topics = Vec::with_capacity(body.topics.len());
        for topic in body.topics {
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for asked in topic.partitions {
                let index = asked.partition_index;
                let start = self.delete_before(&topic.name, index, asked.offset);
                let result = DeleteRecordsPartitionResult::default().with_partition_index(index);
                partitions.push(match start {
                    Ok(start) => result.with_low_watermark(start),
                    Err(refusal) => result.with_low_watermark(-1).with_error_code(refusal.code()),
                });
            }
            let result = DeleteRecordsTopicResult::default().with_name(topic.name);
            topics.push(result.with_partitions(partitions));
        }
        DeleteRecordsResponse::default().with_topics(topics)
    }

    fn delete_before(&mut self, topic: &str, index: i32, offset: i64) -> Result<i64, Refusal> {
        let config = self.topics.get(topic).map(|topic| *topic.config.settings());
        if config.is_some_and(|settings| settings.is_compacted && !settings.is_deletable) {
            let message = "records of a topic that is only compacted can not be deleted";
            return Err(Refusal::new(ResponseError::PolicyViolation, message));
        }
        self.topics.delete_before(topic, index, offset)
    }
}

/// Returns the names that one request has more than once.
fn named_twice<'a>(names: impl Iterator<Item = &'a TopicName>) -> BTreeSet<TopicName> {
    let mut seen = BTreeSet::new();
    names.filter(|name| !seen.insert(*name)).cloned().collect()
}

/// Returns what is named, each name once: that is how often it is answered.
fn once<T>(named: Vec<T>, name: impl Fn(&T) -> &TopicName) -> impl Iterator<Item = T> {
    let mut seen = BTreeSet::new();
    named.into_iter().filter(move |it| seen.insert(name(it).clone()))
}

fn check_once(twice: &BTreeSet<TopicName>, name: &TopicName) -> Result<(), Refusal> {
    if twice.contains(name) {
        return Err(Refusal::new(ResponseError::InvalidRequest, "Duplicate topic name."));
    }
    Ok(())
}

fn check_replicas(brokers: &[BrokerId]) -> Result<(), Refusal> {
    if brokers == [BrokerId(NODE_ID)] {
        return Ok(());
    }
    let message = format!("The only broker is {NODE_ID}: {brokers:?} cannot hold a partition.");
    Err(Refusal::new(ResponseError::InvalidReplicaAssignment, message))
}

#[cfg(test)]
mod tests;
