//! The administrator port: every call waits for its answer, with a bound.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigSource, NewTopic as RdNewTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::metadata::MetadataTopic;
use rdkafka::topic_partition_list::{Offset as RdOffset, TopicPartitionList};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::consumer::offset_list;
use super::context::Logging;
use super::error::{Need, failed, failed_without, refused_without, uncreated};
use super::refusals::Refusals;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Offset, TopicPartition};
use crate::kafka::{Admin, GroupMember, NewTopic, Offsets};
use crate::time::{Clock, SystemClock, Timestamp};

/// An administrator of librdkafka's, with a consumer for what only consumers may ask.
pub(super) struct RdAdmin {
    config: ClientConfig,
    refusals: Refusals,
    admin: AdminClient<Logging>,
    reader: BaseConsumer<Logging>,
    clock: SystemClock,
}

/// How long one question may take.
const ANSWER: Duration = Duration::from_secs(15);
/// How long a created topic may take to be usable, or a deleted one to be gone.
const SETTLE: Duration = Duration::from_secs(60);
/// How long is listened for what a client was told meanwhile, and how often.
const NEWS: Duration = Duration::from_millis(20);
const NEWS_MAX: usize = 20;
const GROUP_DENIED: RDKafkaErrorCode = RDKafkaErrorCode::GroupAuthorizationFailed;
/// How often is looked whether it is.
const SETTLE_STEP: Duration = Duration::from_millis(50);

impl RdAdmin {
    pub(super) fn create(config: ClientConfig, refusals: &Refusals) -> Result<Self> {
        let create = |cause| uncreated("create an administrator", &config, cause);
        let context = Logging { refusals: refusals.clone() };
        let admin = config.create_with_context(context.clone()).map_err(create)?;
        let reader = config.create_with_context(context).map_err(create)?;
        let refusals = refusals.clone();
        Ok(Self { config, refusals, admin, reader, clock: SystemClock::start() })
    }

    /// Returns a client that may ask about a group without being its member.
    fn group(&self, group: &str) -> Result<BaseConsumer<Logging>> {
        let mut config = self.config.clone();
        config.set("group.id", group).set("enable.auto.commit", "false");
        // Its own: what it is denied is about this group.
        let created = config.create_with_context(Logging { refusals: Refusals::of_group(group) });
        created.map_err(|cause| failed(format!("ask about group {group}"), cause))
    }

    /// Returns a topic's partition count, or nothing if it does not exist.
    fn partition_count(&self, topic: &str) -> Result<Option<usize>> {
        let metadata = self.reader.fetch_metadata(Some(topic), ANSWER);
        let metadata = metadata.map_err(|cause| self.unreached(cause))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let Some(found) = found else { return Ok(None) };
        match found.error().map(RDKafkaErrorCode::from) {
            None => usable_partitions(found).map(Some),
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                Ok(None)
            }
            Some(code) => {
                let needs = [Need::topic("Describe", topic)];
                Err(refused_without(format!("read about topic {topic}"), code, &needs))
            }
        }
    }

    /// Says why the cluster cannot be reached, as far as it is known.
    #[cold]
    fn unreached(&self, cause: KafkaError) -> Error {
        self.refusals.explain(failed("reach the Kafka cluster", cause))
    }

    /// Waits until a topic is as wanted.
    fn settle(&self, topic: &str, done: impl Fn(Option<usize>) -> bool) -> Result<()> {
        let start = self.clock.monotonic();
        loop {
            match self.partition_count(topic) {
                Ok(count) if done(count) => return Ok(()),
                Err(error) if !error.is_retriable() => return Err(error),
                _ => {}
            }
            if self.clock.monotonic().saturating_sub(start) > SETTLE {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!("topic {topic} is not as asked after {SETTLE:?}"),
                ));
            }
            self.clock.pause(SETTLE_STEP);
        }
    }

    /// Asks for the offset of each partition at a time, or for its first one or its end; nothing where
    /// no record is so late.
    fn find_offsets(
        &self,
        partitions: &[TopicPartition],
        which: RdOffset,
    ) -> Result<BTreeMap<TopicPartition, Option<Offset>>> {
        if partitions.is_empty() {
            return Ok(BTreeMap::new());
        }
        // ListOffsets takes -1 and -2 in the place of a timestamp: all partitions in one question.
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            let added = list.add_partition_offset(&partition.topic, partition.partition, which);
            added.map_err(|cause| failed(format!("ask for offsets of {partition}"), cause))?;
        }
        let answer = self.reader.offsets_for_times(list, ANSWER);
        let answer = answer.map_err(|cause| failed("ask for offsets", cause))?;
        let mut offsets = BTreeMap::new();
        for element in answer.elements() {
            let partition = TopicPartition::new(element.topic(), element.partition());
            let asked = format!("ask for offsets of {partition}");
            let needs = [Need::topic("Describe", element.topic())];
            element.error().map_err(|cause| failed_without(&asked, cause, &needs))?;
            let offset = match element.offset() {
                RdOffset::Offset(offset) => Some(Offset(offset)),
                _ => None,
            };
            offsets.insert(partition, offset);
        }
        Ok(offsets)
    }

    fn list_offsets(&self, partitions: &[TopicPartition], which: RdOffset) -> Result<Offsets> {
        let found = self.find_offsets(partitions, which)?.into_iter();
        let offsets = found.map(|(partition, offset)| match offset {
            Some(offset) => Ok((partition, offset)),
            None => {
                let message = format!("cannot ask for offsets of {partition}");
                Err(Error::new(ErrorKind::Unavailable, message))
            }
        });
        offsets.collect()
    }
}

impl Admin for RdAdmin {
    fn reach(&self, timeout: Duration) -> Result<()> {
        if self.reader.client().fetch_cluster_id(timeout).is_some() {
            return Ok(());
        }
        listen(&self.reader);
        self.refusals.check()?;
        let hint = self.refusals.hint();
        let why = hint.unwrap_or_else(|| format!("no answer within {timeout:?}"));
        Err(Error::new(ErrorKind::Unavailable, why))
    }

    fn partition_counts(&self, topics: &[Arc<str>]) -> Result<BTreeMap<Arc<str>, usize>> {
        let mut counts = BTreeMap::new();
        for topic in topics {
            if let Some(count) = self.partition_count(topic)? {
                counts.insert(topic.clone(), count);
            }
        }
        Ok(counts)
    }

    fn topic_names(&self) -> Result<Vec<String>> {
        let metadata = self.reader.fetch_metadata(None, ANSWER);
        let metadata = metadata.map_err(|cause| self.unreached(cause))?;
        Ok(metadata.topics().iter().map(|topic| topic.name().to_owned()).collect())
    }

    fn create_topics(&self, topics: &[NewTopic]) -> Result<()> {
        if topics.is_empty() {
            return Ok(());
        }
        let wanted: Vec<RdNewTopic<'_>> = topics.iter().map(new_topic).collect();
        let created = pollster::block_on(self.admin.create_topics(&wanted, &options()));
        for result in answer("create topics", created)? {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code)) => {
                    let needs = [Need::topic("Create", &topic)];
                    return Err(refused_without(format!("create topic {topic}"), code, &needs));
                }
            }
        }
        topics.iter().try_for_each(|topic| self.settle(&topic.name, |count| count.is_some()))
    }

    fn delete_topics(&self, topics: &[String]) -> Result<()> {
        if topics.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        let deleted = pollster::block_on(self.admin.delete_topics(&names, &options()));
        for result in answer("delete topics", deleted)? {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => {}
                Err((topic, code)) => {
                    let needs = [Need::topic("Delete", &topic)];
                    return Err(refused_without(format!("delete topic {topic}"), code, &needs));
                }
            }
        }
        topics.iter().try_for_each(|topic| self.settle(topic, |count| count.is_none()))
    }

    fn topic_settings(&self, topic: &str) -> Result<BTreeMap<String, String>> {
        let asked = format!("read the settings of topic {topic}");
        let specifier = [ResourceSpecifier::Topic(topic)];
        let described = pollster::block_on(self.admin.describe_configs(&specifier, &options()));
        let resource = answer(&asked, described)?.into_iter().next();
        let Some(resource) = resource else {
            return Err(Error::new(ErrorKind::Kafka, format!("cannot {asked}")));
        };
        let needs = [Need::topic("DescribeConfigs", topic)];
        let resource = resource.map_err(|code| refused_without(&asked, code, &needs))?;
        if resource.entries.is_empty() {
            // A topic has dozens, defaults among them. The client (rdkafka 0.39) drops the code of a refusal,
            // and a version's topics would be made without the settings of the live ones.
            let code = RDKafkaErrorCode::TopicAuthorizationFailed;
            return Err(refused_without(&asked, code, &needs));
        }
        let own = resource.entries.into_iter().filter(|entry| {
            entry.source == ConfigSource::DynamicTopic && !entry.is_read_only && !entry.is_sensitive
        });
        Ok(own.filter_map(|entry| Some((entry.name, entry.value?))).collect())
    }

    fn start_offsets(&self, partitions: &[TopicPartition]) -> Result<Offsets> {
        self.list_offsets(partitions, RdOffset::Beginning)
    }

    fn end_offsets(&self, partitions: &[TopicPartition]) -> Result<Offsets> {
        self.list_offsets(partitions, RdOffset::End)
    }

    fn offsets_at(&self, partitions: &[TopicPartition], time: Timestamp) -> Result<Offsets> {
        // Below zero are the marks of ends and beginnings, and no record.
        let time = RdOffset::Offset(time.as_millis().max(0));
        let found = self.find_offsets(partitions, time)?.into_iter();
        Ok(found.filter_map(|(partition, offset)| Some((partition, offset?))).collect())
    }

    fn group_members(&self, group: &str) -> Result<Vec<GroupMember>> {
        let groups = self.reader.client().fetch_group_list(Some(group), ANSWER);
        let asked = format!("ask for the members of group {group}");
        let needs = [Need::group("Describe", group)];
        let groups = groups.map_err(|cause| failed_without(asked, cause, &needs))?;
        let members = groups.groups().iter().filter(|found| found.name() == group);
        let members = members.flat_map(|group| group.members()).map(|member| GroupMember {
            id: member.id().to_owned(),
            client_id: member.client_id().to_owned(),
            host: member.client_host().to_owned(),
        });
        Ok(members.collect())
    }

    fn committed(&self, group: &str, partitions: &[TopicPartition]) -> Result<Offsets> {
        let asked = format!("read the committed offsets of group {group}");
        let client = self.group(group)?;
        let commits = super::consumer::committed(&client, partitions, (group, &asked));
        // A right that is missing looks like silence to who waits for the answer.
        let commits = commits.map_err(|error| {
            listen(&client);
            client.context().refusals.explain(error)
        })?;
        Ok(commits.into_iter().map(|(partition, commit)| (partition, commit.offset)).collect())
    }

    fn commit(&self, group: &str, offsets: &Offsets) -> Result<()> {
        if offsets.is_empty() {
            return Ok(());
        }
        let committed = self.group(group)?.commit(&offset_list(offsets)?, CommitMode::Sync);
        committed.map_err(|cause| match cause.rdkafka_error_code() {
            Some(RDKafkaErrorCode::UnknownMemberId | RDKafkaErrorCode::IllegalGeneration) => {
                let message = format!("group {group} has members: stop its instances first");
                Error::new(ErrorKind::Kafka, message).with_source(cause)
            }
            _ => {
                let topics: BTreeSet<&str> = offsets.keys().map(|at| &*at.topic).collect();
                let topics = topics.into_iter().collect::<Vec<_>>().join(", ");
                let needs = [Need::group("Read", group), Need::topic("Read", &topics)];
                failed_without(format!("commit offsets for group {group}"), cause, &needs)
            }
        })
    }

    fn delete_group(&self, group: &str) -> Result<()> {
        let deleted = pollster::block_on(self.admin.delete_groups(&[group], &options()));
        for result in answer(format!("delete group {group}"), deleted)? {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::GroupIdNotFound)) => {}
                Err((group, code)) => {
                    let needs = [Need::group("Delete", &group)];
                    return Err(refused_without(format!("delete group {group}"), code, &needs));
                }
            }
        }
        Ok(())
    }

    fn delete_records(&self, before: &Offsets) -> Result<()> {
        if before.is_empty() {
            return Ok(());
        }
        let list = offset_list(before)?;
        let deleted = pollster::block_on(self.admin.delete_records(&list, &options()));
        let deleted = answer("delete processed records", deleted)?;
        for element in deleted.elements() {
            let at = format!("{}-{}", element.topic(), element.partition());
            let (doing, result) = (format!("delete processed records of {at}"), element.error());
            let needs = [Need::topic("Delete", element.topic())];
            result.map_err(|cause| failed_without(doing, cause, &needs))?;
        }
        Ok(())
    }
}

impl fmt::Debug for RdAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RdAdmin").finish_non_exhaustive()
    }
}

/// Has a client note what it was told meanwhile, up to a bound: each poll ends with the next error.
fn listen(client: &BaseConsumer<Logging>) {
    for _ in 0..NEWS_MAX {
        match client.poll(NEWS) {
            None => return,
            // Others come as errors of the client, too.
            Some(Err(error)) if error.rdkafka_error_code() == Some(GROUP_DENIED) => {
                client.context().refusals.note(&error, &error.to_string());
            }
            Some(_) => {}
        }
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ANSWER)).operation_timeout(Some(ANSWER))
}

fn answer<T>(doing: impl fmt::Display, result: KafkaResult<T>) -> Result<T> {
    result.map_err(|cause| failed(doing, cause))
}

fn new_topic(topic: &NewTopic) -> RdNewTopic<'_> {
    let partitions = i32::try_from(topic.partitions).unwrap_or(i32::MAX);
    let replication = TopicReplication::Fixed(topic.replication_factor);
    let new = RdNewTopic::new(&topic.name, partitions, replication);
    topic.settings.iter().fold(new, |new, (name, value)| new.set(name, value))
}

/// Returns the number of partitions once each has a leader.
fn usable_partitions(topic: &MetadataTopic) -> Result<usize> {
    let partitions = topic.partitions();
    let leaderless = partitions.iter().find(|partition| {
        partition.leader() < 0
            || partition.error() == Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
    });
    match leaderless {
        None => Ok(partitions.len()),
        Some(partition) => Err(Error::new(
            ErrorKind::Unavailable,
            format!("partition {}-{} has no leader", topic.name(), partition.id()),
        )),
    }
}
