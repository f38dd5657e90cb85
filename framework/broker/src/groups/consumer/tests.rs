use std::collections::BTreeSet;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::consumer_group_describe_response::DescribedGroup;
use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, GroupId,
};
use uuid::Uuid;

use crate::config::{BrokerConfig, GroupConfig};
use crate::testing::samples::{self, TOPIC};
use crate::testing::{Driver, text, topic_name};

mod fuzz;
mod membership;
mod offsets;
mod refusals;
mod statics;

const GROUP: &str = "g";
const REBALANCE_MS: i32 = 20_000;

/// A member as its client sees it: it does at once what it is told, unless it is slow.
#[derive(Debug, Clone)]
struct Client {
    id: String,
    instance: Option<String>,
    topics: Vec<String>,
    epoch: i32,
    owned: BTreeSet<(Uuid, i32)>,
    /// Whether its next heartbeat says what it owns.
    is_owned_new: bool,
    /// Whether its last heartbeat was not answered, so that it says everything again.
    is_retrying: bool,
}

impl Client {
    fn new(id: &str, topics: &[&str]) -> Self {
        Self {
            id: id.to_owned(),
            instance: None,
            topics: topics.iter().map(|it| (*it).to_owned()).collect(),
            epoch: 0,
            owned: BTreeSet::new(),
            is_owned_new: false,
            is_retrying: false,
        }
    }

    fn named(id: &str, instance: &str) -> Self {
        Self { instance: Some(instance.to_owned()), ..Self::new(id, &[TOPIC]) }
    }

    fn request(&self) -> ConsumerGroupHeartbeatRequest {
        let request = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(GroupId(text(GROUP)))
            .with_member_id(text(&self.id))
            .with_instance_id(self.instance.as_deref().map(text))
            .with_member_epoch(self.epoch)
            .with_rebalance_timeout_ms(-1)
            .with_subscribed_topic_names(None)
            .with_topic_partitions(self.is_owned_new.then(|| owned(&self.owned)));
        if self.epoch != 0 && !self.is_retrying {
            return request;
        }
        let names = self.topics.iter().map(|it| topic_name(it)).collect();
        request
            .with_rebalance_timeout_ms(REBALANCE_MS)
            .with_subscribed_topic_names(Some(names))
            .with_topic_partitions(Some(owned(&self.owned)))
    }

    /// Sends a heartbeat and does what the answer says.
    fn beat(&mut self, driver: &mut Driver) -> Result<(), ResponseError> {
        let response = send(driver, &self.request())?;
        self.epoch = response.member_epoch;
        (self.is_owned_new, self.is_retrying) = (false, false);
        if let Some(assignment) = response.assignment {
            let topics = assignment.topic_partitions.into_iter();
            let now: BTreeSet<(Uuid, i32)> = topics
                .flat_map(|it| it.partitions.into_iter().map(move |index| (it.topic_id, index)))
                .collect();
            self.is_owned_new = now != self.owned;
            self.owned = now;
        }
        Ok(())
    }

    fn leave(&self, driver: &mut Driver, epoch: i32) -> Result<i32, ResponseError> {
        let request = Self { epoch, ..self.clone() }.request();
        send(driver, &request).map(|response| response.member_epoch)
    }

    fn indexes(&self) -> Vec<i32> {
        self.owned.iter().map(|(_, index)| *index).collect()
    }
}

fn owned(partitions: &BTreeSet<(Uuid, i32)>) -> Vec<TopicPartitions> {
    let topic = |(id, index): &(Uuid, i32)| {
        TopicPartitions::default().with_topic_id(*id).with_partitions(vec![*index])
    };
    partitions.iter().map(topic).collect()
}

fn error(code: i16) -> Option<ResponseError> {
    ResponseError::try_from_code(code)
}

fn send(
    driver: &mut Driver,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<ConsumerGroupHeartbeatResponse, ResponseError> {
    let response = driver.ask(1, request);
    error(response.error_code).map_or(Ok(response), Err)
}

/// Makes a broker with one topic.
fn driver(partitions: i32) -> Driver {
    with(GroupConfig::default(), partitions)
}

fn with(groups: GroupConfig, partitions: i32) -> Driver {
    let mut driver = Driver::kept(BrokerConfig { groups, ..BrokerConfig::default() });
    driver.create_topic(TOPIC, partitions, &[]);
    driver
}

/// Lets members send heartbeats until each has what it is to have.
fn settle(driver: &mut Driver, clients: &mut [Client]) {
    for _ in 0..6 {
        clients.iter_mut().for_each(|client| client.beat(driver).unwrap());
    }
    assert_eq!(describe(driver).group_state.as_str(), "Stable");
    assert!(clients.windows(2).all(|pair| pair[0].epoch == pair[1].epoch), "{clients:?}");
}

fn joined(driver: &mut Driver, ids: &[&str]) -> Vec<Client> {
    let mut clients: Vec<_> = ids.iter().map(|id| Client::new(id, &[TOPIC])).collect();
    settle(driver, &mut clients);
    clients
}

fn describe(driver: &mut Driver) -> DescribedGroup {
    driver.ask(1, &samples::describe_consumer_group(GROUP)).groups.remove(0)
}

/// Returns how many partitions each has.
fn shares(clients: &[Client]) -> Vec<usize> {
    clients.iter().map(|client| client.owned.len()).collect()
}
