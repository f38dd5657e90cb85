//! The embedded broker's shell: its limits, its end, and who shares it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use integration_tests::waiting::{Deadline, eventually};
use integration_tests::wire::Wire;
use integration_tests::{Cluster, admin, clients, unique};
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{CreateTopicsRequest, FetchRequest, MetadataRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use kappa_broker::{BrokerConfig, Server, ServerConfig};
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::message::Message;
use rdkafka::producer::BaseRecord;

fn metadata() -> MetadataRequest {
    MetadataRequest::default().with_topics(None)
}

#[test]
fn one_connection_too_many_is_closed_until_another_ends() {
    let config = ServerConfig { connections_max: 2, ..ServerConfig::default() };
    let cluster = Cluster::embedded(config);
    let (mut first, mut second) =
        (Wire::connect(cluster.bootstrap()), Wire::connect(cluster.bootstrap()));
    first.call(9, &metadata());
    second.call(9, &metadata());
    assert!(Wire::connect(cluster.bootstrap()).is_closed());
    drop(first);
    eventually("a free place", Deadline::seconds(10), || {
        let mut wire = Wire::connect(cluster.bootstrap());
        wire.send(9, &metadata());
        wire.receive_frame().ok()
    });
    second.call(9, &metadata());
}

#[test]
fn who_leaves_while_it_waits_makes_room_at_once() {
    let config = ServerConfig { connections_max: 1, ..ServerConfig::default() };
    let cluster = Cluster::embedded(config);
    let topic = unique("left");
    admin_by_wire(cluster.bootstrap(), &topic);
    let mut waiting = eventually("the first place", Deadline::seconds(10), || {
        let mut wire = Wire::connect(cluster.bootstrap());
        wire.send(9, &metadata());
        wire.receive_frame().ok().map(|_| wire)
    });
    waiting.send(11, &endless_fetch(&topic));
    drop(waiting);
    // Its answer would have come in a minute.
    eventually("a free place", Deadline::seconds(10), || {
        let mut wire = Wire::connect(cluster.bootstrap());
        wire.send(9, &metadata());
        wire.receive_frame().ok()
    });
}

#[test]
fn a_connection_on_which_nothing_moves_is_closed() {
    let config = ServerConfig { idle_ms_max: 200, ..ServerConfig::default() };
    let cluster = Cluster::embedded(config);
    let mut wire = Wire::connect(cluster.bootstrap());
    wire.call(9, &metadata());
    assert!(wire.is_closed());
}

/// Creates a topic by a connection that is closed right behind it.
fn admin_by_wire(bootstrap: &str, topic: &str) {
    let topic = CreatableTopic::default()
        .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_num_partitions(1)
        .with_replication_factor(1);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]);
    let created = Wire::connect(bootstrap).call(4, &request);
    assert_eq!(created.topics[0].error_code, 0);
}

/// Makes a fetch that is answered in a minute, as no record comes.
fn endless_fetch(topic: &str) -> FetchRequest {
    let partition = FetchPartition::default().with_partition_max_bytes(1);
    let topic =
        FetchTopic::default().with_topic(TopicName(StrBytes::from_string(topic.to_owned())));
    let fetch = FetchRequest::default().with_topics(vec![topic.with_partitions(vec![partition])]);
    fetch.with_max_wait_ms(60_000).with_min_bytes(1).with_max_bytes(1)
}

#[test]
fn a_request_over_the_limit_closes_its_connection() {
    let config = ServerConfig { frame_bytes_max: 100, ..ServerConfig::default() };
    let cluster = Cluster::embedded(config);
    let mut bystander = Wire::connect(cluster.bootstrap());
    let mut wire = Wire::connect(cluster.bootstrap());
    // As large as allowed: it is read whole, and found to be nonsense.
    wire.send_frame(&[0x7f; 100]);
    assert!(wire.is_closed());
    // One byte more: its length is enough to close.
    let mut wire = Wire::connect(cluster.bootstrap());
    wire.send_bytes(&101_u32.to_be_bytes());
    assert!(wire.is_closed());
    bystander.call(9, &metadata());
}

#[test]
fn requests_sent_ahead_are_answered_in_order() {
    let cluster = Cluster::embedded(ServerConfig::default());
    let mut wire = Wire::connect(cluster.bootstrap());
    let request = metadata();
    (0..100).for_each(|_| wire.send(9, &request));
    for number in 1..=100_u32 {
        assert_eq!(wire.receive_frame().unwrap()[..4], number.to_be_bytes());
    }
}

#[test]
fn connections_wait_their_turn_when_many_ask_at_once() {
    let config = ServerConfig { requests_waiting_max: 1, ..ServerConfig::default() };
    let cluster = Cluster::embedded(config);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut wire = Wire::connect(cluster.bootstrap());
                (0..50).for_each(|_| _ = wire.call(9, &metadata()));
            });
        }
    });
}

#[test]
fn stopping_closes_what_is_open_and_frees_the_port() {
    let server = Server::start(ServerConfig::default()).unwrap();
    let bootstrap = server.bootstrap().to_owned();
    let port = bootstrap.rsplit(':').next().unwrap().parse().unwrap();
    admin::create_topic(&bootstrap, "t", 1, &[]);
    let (mut idle, mut waiting) = (Wire::connect(&bootstrap), Wire::connect(&bootstrap));
    idle.call(9, &metadata());
    // One of them waits for an answer that will never come.
    waiting.send(11, &endless_fetch("t"));
    let taken = Server::start(ServerConfig { port, ..ServerConfig::default() }).unwrap_err();
    assert!(taken.to_string().starts_with(&format!("cannot listen on {bootstrap}")), "{taken}");
    server.stop();
    assert!(idle.is_closed() && waiting.is_closed());
    let again = Server::start(ServerConfig { port, ..ServerConfig::default() }).unwrap();
    assert_eq!(again.bootstrap(), bootstrap);
    // It knows nothing of its former life.
    assert!(Wire::connect(&bootstrap).call(9, &metadata()).topics.is_empty());
}

#[test]
fn two_brokers_know_nothing_of_each_other() {
    let clusters = [0, 1].map(|_| Cluster::embedded(ServerConfig::default()));
    let [one, other] = clusters.each_ref().map(Cluster::bootstrap);
    assert_ne!(one, other);
    admin::create_topic(one, "t", 1, &[]);
    let described = Wire::connect(other).call(9, &metadata());
    assert!(described.topics.is_empty());
    let cluster_of = |bootstrap| Wire::connect(bootstrap).call(9, &metadata()).cluster_id;
    assert_ne!(cluster_of(one), cluster_of(other));
}

#[test]
fn a_topic_can_be_created_by_its_first_record_if_that_is_wanted() {
    let broker =
        BrokerConfig { auto_create_topics: true, default_partitions: 3, ..BrokerConfig::default() };
    let cluster = Cluster::embedded(ServerConfig { broker, ..ServerConfig::default() });
    let topic = unique("by-itself");
    let producer = clients::producer(cluster.bootstrap(), &[]);
    clients::send(&producer, BaseRecord::<(), _>::to(&topic).payload("v"));
    clients::drain(&producer);
    let consumer = clients::consumer(cluster.bootstrap(), None, &[]);
    clients::assign_from_start(&consumer, &topic, 3);
    assert_eq!(clients::read(&consumer, 1)[0].payload(), Some(&b"v"[..]));
}

#[test]
fn rubbish_from_many_does_not_disturb_a_producer() {
    let cluster = Cluster::embedded(ServerConfig::default());
    let topic = unique("undisturbed");
    admin::create_topic(cluster.bootstrap(), &topic, 1, &[]);
    thread::scope(|scope| {
        let rubbish = scope.spawn(|| {
            for round in 0..200_u32 {
                let mut wire = Wire::connect(cluster.bootstrap());
                let bytes: Vec<u8> =
                    (0..64).map(|i| (round.wrapping_mul(31) >> (i % 24)) as u8 ^ i).collect();
                wire.send_frame(&bytes);
                assert!(wire.is_closed(), "round {round}");
            }
        });
        let producer = clients::producer(cluster.bootstrap(), &[("linger.ms", "0")]);
        let mut sent = 0;
        while !rubbish.is_finished() || sent < 1_000 {
            clients::send(&producer, BaseRecord::<(), _>::to(&topic).payload(&sent.to_string()));
            sent += 1;
            clients::drain(&producer);
        }
        let consumer = clients::consumer(cluster.bootstrap(), None, &[]);
        clients::assign_from_start(&consumer, &topic, 1);
        let records = clients::read(&consumer, sent);
        assert_eq!(clients::value(&records[sent - 1]), Some((sent - 1).to_string().as_str()));
    });
}

/// Counts what a member of a group is told.
#[derive(Clone, Default)]
struct Rebalances(Arc<AtomicUsize>);

impl ClientContext for Rebalances {}

impl ConsumerContext for Rebalances {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, _: &Rebalance<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn under_load_everything_comes_through_and_no_member_is_taken_for_gone() {
    const CLIENTS: usize = 4;
    const RECORDS: usize = 200_000;
    let directory = tempfile::tempdir().unwrap();
    let data = Some(directory.path().to_owned());
    let cluster = Cluster::embedded(ServerConfig { data, ..ServerConfig::default() });
    let (bootstrap, topic) = (cluster.bootstrap(), unique("load"));
    admin::create_topic(bootstrap, &topic, 8, &[]);
    let rebalances = Rebalances::default();
    let (assigned, read, settled) =
        (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                // A member that is not heard for two seconds is gone.
                let times = [("session.timeout.ms", "2000"), ("heartbeat.interval.ms", "200")];
                let consumer: BaseConsumer<Rebalances> =
                    clients::consumer_config(bootstrap, Some(&topic), &times)
                        .create_with_context(rebalances.clone())
                        .unwrap();
                consumer.subscribe(&[&topic]).unwrap();
                let mut is_assigned = false;
                let deadline = Deadline::seconds(120);
                while read.load(Ordering::Relaxed) < RECORDS {
                    deadline.check("the last record");
                    if let Some(record) = consumer.poll(Duration::from_millis(50)) {
                        assert_eq!(record.unwrap().payload().map(<[u8]>::len), Some(1_024));
                        read.fetch_add(1, Ordering::Relaxed);
                    }
                    if !is_assigned && consumer.assignment().unwrap().count() == 8 / CLIENTS {
                        is_assigned = true;
                        assigned.fetch_add(1, Ordering::Relaxed);
                    }
                }
                settled.fetch_min(rebalances.0.load(Ordering::Relaxed), Ordering::Relaxed);
            });
        }
        eventually("four members with two partitions each", Deadline::seconds(60), || {
            (assigned.load(Ordering::Relaxed) == CLIENTS).then_some(())
        });
        let before = rebalances.0.load(Ordering::Relaxed);
        for number in 0..CLIENTS {
            let topic = &topic;
            scope.spawn(move || {
                let producer = clients::producer(bootstrap, &[("linger.ms", "5")]);
                let payload = [number as u8; 1_024];
                for i in 0..RECORDS / CLIENTS {
                    let record = BaseRecord::<(), _>::to(topic).payload(&payload);
                    clients::send(&producer, record.partition((i % 8) as i32));
                }
                clients::drain(&producer);
            });
        }
        eventually("all records", Deadline::seconds(120), || {
            let all = settled.load(Ordering::Relaxed);
            (all != usize::MAX).then(|| assert_eq!(all, before, "rebalances under load"))
        });
    });
}
