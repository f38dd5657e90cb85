//! The embedded broker's data directory: what was acknowledged survives, however the broker ends.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use integration_tests::waiting::{Deadline, block_on, eventually};
use integration_tests::wire::Wire;
use integration_tests::{BrokerProcess, admin, clients};
use kafka_protocol::messages::{ConsumerGroupDescribeRequest, DescribeGroupsRequest, GroupId};
use kafka_protocol::protocol::StrBytes;
use kappa_broker::{
    ApiKey, BrokerConfig, CrashPoint, Fault, FaultRule, GroupConfig, ResponseError, Server,
    ServerConfig,
};
use rdkafka::admin::ResourceSpecifier;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

const TOPIC: &str = "t";
const FAST: [(&str, &str); 4] = [
    ("reconnect.backoff.ms", "10"),
    ("reconnect.backoff.max.ms", "50"),
    ("retry.backoff.ms", "20"),
    ("enable.idempotence", "true"),
];

/// Notes which records are acknowledged, and at which offset.
#[derive(Default)]
struct Acknowledged(Mutex<Vec<(i64, u32)>>);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Ok(record) = result {
            self.0.lock().unwrap().push((record.offset(), number(record.payload())));
        }
    }
}

fn number(payload: Option<&[u8]>) -> u32 {
    u32::from_be_bytes(payload.unwrap()[..4].try_into().unwrap())
}

/// Makes a producer that does not give up, nor sends anything twice.
fn producer(bootstrap: &str, linger: &str) -> BaseProducer<Acknowledged> {
    let mut config = rdkafka::ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("linger.ms", linger);
    FAST.iter().for_each(|(name, value)| _ = config.set(*name, *value));
    config.create_with_context(Acknowledged::default()).unwrap()
}

/// Returns how many records are known to be acknowledged.
fn acknowledged(producer: &BaseProducer<Acknowledged>) -> u32 {
    u32::try_from(producer.context().0.lock().unwrap().len()).unwrap()
}

/// Waits until everything sent is acknowledged.
fn drain(producer: &BaseProducer<Acknowledged>) {
    let deadline = Deadline::seconds(60);
    while producer.in_flight_count() > 0 {
        deadline.check("the acknowledgement of all records");
        producer.poll(Duration::from_millis(1));
    }
}

/// Returns all records of partition 0: offsets and numbers.
fn stored(bootstrap: &str, count: usize) -> Vec<(i64, u32)> {
    let consumer = clients::consumer(bootstrap, None, &[]);
    clients::assign_from_start(&consumer, TOPIC, 1);
    let records = clients::read(&consumer, count);
    let (_, end) = consumer.fetch_watermarks(TOPIC, 0, Duration::from_secs(10)).unwrap();
    assert_eq!(end, count as i64, "as many as were sent");
    records.iter().map(|it| (it.offset(), number(it.payload()))).collect()
}

fn on_disk(directory: &tempfile::TempDir) -> ServerConfig {
    ServerConfig { data: Some(directory.path().to_owned()), ..ServerConfig::default() }
}

#[test]
fn what_was_acknowledged_is_there_once_wherever_the_process_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let mut broker = BrokerProcess::start(directory.path());
    admin::create_topic(broker.bootstrap(), TOPIC, 1, &[]);
    let producer = producer(broker.bootstrap(), "1");
    let mut sent = 0_u32;
    for round in 0..8_u64 {
        // Somewhere within the next records, at another place in every round and run.
        let random = u64::from(std::process::id()).wrapping_mul(round * 2_654_435_761 + 97) >> 4;
        let (until, kill_at) = (sent + 3_000, sent + (random % 2_500) as u32);
        while sent < until {
            let payload = [&sent.to_be_bytes()[..], &[b'v'; 300]].concat();
            if producer.send(BaseRecord::<(), _>::to(TOPIC).payload(&payload)).is_ok() {
                sent += 1;
                if sent == kill_at {
                    broker.kill_and_restart(directory.path());
                }
            }
            producer.poll(Duration::ZERO);
        }
    }
    drain(&producer);
    let stored = stored(broker.bootstrap(), sent as usize);
    let numbers: Vec<u32> = stored.iter().map(|(_, number)| *number).collect();
    assert!(numbers.iter().copied().eq(0..sent), "each once, and in order");
    let mut acknowledged = producer.context().0.lock().unwrap().clone();
    acknowledged.sort_unstable();
    // A retry of what was there may be told no offset; whatever was told is true.
    acknowledged.retain(|(offset, _)| *offset >= 0);
    let stored: BTreeSet<_> = stored.into_iter().collect();
    assert!(acknowledged.iter().all(|it| stored.contains(it)));
    assert!(acknowledged.len() > 1_000);
}

/// Counts the assignments of a member.
#[derive(Clone, Default)]
struct Assignments(Arc<AtomicUsize>);

impl ClientContext for Assignments {}

impl ConsumerContext for Assignments {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if matches!(rebalance, Rebalance::Assign(_)) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn groups_offsets_and_settings_survive_a_killed_process() {
    let directory = tempfile::tempdir().unwrap();
    let mut broker = BrokerProcess::start(directory.path());
    let bootstrap = broker.bootstrap().to_owned();
    admin::create_topic(&bootstrap, TOPIC, 1, &[("cleanup.policy", "compact")]);
    let producer = clients::producer(&bootstrap, &FAST);
    let send = |value: &str| {
        clients::send(&producer, BaseRecord::to(TOPIC).key("k").payload(value));
        clients::drain(&producer);
    };
    (0..5).for_each(|i| send(&i.to_string()));
    let settings = [FAST[0], FAST[1], FAST[2]];
    let assignments = Assignments::default();
    let consumer: BaseConsumer<Assignments> =
        clients::consumer_config(&bootstrap, Some("g"), &settings)
            .create_with_context(assignments.clone())
            .unwrap();
    consumer.subscribe(&[TOPIC]).unwrap();
    let next = |what: &str| {
        eventually(what, Deadline::seconds(60), || {
            // While the broker is away there are errors, which are not the test's.
            consumer.poll(Duration::from_millis(50))?.ok().map(|it| it.offset())
        })
    };
    assert!((0..5).all(|offset| next("the records before") == offset));
    let mut committed = TopicPartitionList::new();
    committed.add_partition_offset(TOPIC, 0, Offset::Offset(5)).unwrap();
    consumer.commit(&committed, CommitMode::Sync).unwrap();
    let describe = || {
        let id = GroupId(StrBytes::from_static_str("g"));
        let request = DescribeGroupsRequest::default().with_groups(vec![id]);
        Wire::connect(&bootstrap).call(4, &request).groups.remove(0)
    };
    let before = describe();
    assert_eq!(before.group_state.as_str(), "Stable");
    broker.kill_and_restart(directory.path());
    assert_eq!(describe(), before);
    send("5");
    assert_eq!(next("the record after"), 5);
    assert_eq!(assignments.0.load(Ordering::Relaxed), 1, "its member did not join again");
    assert_eq!(describe(), before);
    drop(consumer);
    let other = clients::consumer(&bootstrap, Some("g"), &settings);
    let found = other.committed_offsets(committed, Duration::from_secs(10)).unwrap();
    assert_eq!(found.elements()[0].offset(), Offset::Offset(5));
    let client = admin::client(&bootstrap);
    let resource = ResourceSpecifier::Topic(TOPIC);
    let described = block_on(client.describe_configs([&resource], &admin::options())).unwrap();
    let policy = described[0].as_ref().unwrap().get("cleanup.policy").unwrap();
    assert_eq!(policy.value.as_deref(), Some("compact"));
}

#[test]
fn a_crash_at_any_point_of_a_produce_loses_and_repeats_nothing() {
    use CrashPoint::{AfterChanges, BeforeAnswering, BeforeWriting};
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start(on_disk(&directory)).unwrap();
    admin::create_topic(server.bootstrap(), TOPIC, 1, &[]);
    let producer = producer(server.bootstrap(), "0");
    let points = [BeforeWriting, BeforeAnswering, AfterChanges(0), AfterChanges(1)];
    for (point, number) in points.into_iter().zip(0_u32..) {
        server.inject(FaultRule::new(ApiKey::Produce, Fault::Crash(point)));
        let payload = number.to_be_bytes();
        producer.send(BaseRecord::<(), _>::to(TOPIC).payload(&payload)).unwrap();
        eventually("the crash", Deadline::seconds(20), || {
            producer.poll(Duration::from_millis(5));
            (!server.is_running()).then_some(())
        });
        assert_eq!(acknowledged(&producer), number, "nobody was told: {point:?}");
        server.restart().unwrap();
        drain(&producer);
    }
    let stored = stored(server.bootstrap(), points.len());
    assert_eq!(stored, (0..).zip(0..4).collect::<Vec<_>>());
}

#[test]
fn faults_meet_a_stock_client() {
    let server = Server::start(ServerConfig::default()).unwrap();
    admin::create_topic(server.bootstrap(), TOPIC, 1, &[]);
    let producer = producer(server.bootstrap(), "0");
    let faults = [
        Fault::DropRequest,
        Fault::DropAnswer,
        Fault::Delay(50),
        Fault::Error(ResponseError::NotLeaderOrFollower),
        Fault::Error(ResponseError::KafkaStorageError),
    ];
    for (fault, number) in faults.into_iter().zip(0_u32..) {
        server.inject(FaultRule::new(ApiKey::Produce, fault).topic(TOPIC).times(2));
        let payload = number.to_be_bytes();
        producer.send(BaseRecord::<(), _>::to(TOPIC).payload(&payload)).unwrap();
        drain(&producer);
    }
    let stored = stored(server.bootstrap(), faults.len());
    assert_eq!(stored, (0..).zip(0..5).collect::<Vec<_>>());
}

#[test]
fn a_broker_that_cannot_write_ends_and_acknowledges_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start(on_disk(&directory)).unwrap();
    admin::create_topic(server.bootstrap(), TOPIC, 1, &[]);
    // As if the disk were full.
    let log = directory.path().join("logs/0-0.log");
    std::os::unix::fs::symlink("/dev/full", &log).unwrap();
    let producer = producer(server.bootstrap(), "0");
    producer.send(BaseRecord::<(), _>::to(TOPIC).payload(&[0; 4])).unwrap();
    eventually("the end of the broker", Deadline::seconds(20), || {
        producer.poll(Duration::from_millis(5));
        (!server.is_running()).then_some(())
    });
    assert_eq!(acknowledged(&producer), 0);
    fs::remove_file(&log).unwrap();
    server.restart().unwrap();
    drain(&producer);
    assert_eq!(stored(server.bootstrap(), 1), [(0, 0)]);
}

#[test]
fn a_directory_is_one_brokers_and_goes_on_from_kill_to_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start(on_disk(&directory)).unwrap();
    let error = Server::start(on_disk(&directory)).unwrap_err().to_string();
    assert!(error.starts_with("another broker uses the data directory "), "{error}");
    admin::create_topic(server.bootstrap(), TOPIC, 1, &[]);
    let bootstrap = server.bootstrap().to_owned();
    server.kill();
    assert!(!server.is_running());
    server.restart().unwrap();
    assert_eq!(server.bootstrap(), bootstrap);
    admin::wait_for_partitions(&bootstrap, TOPIC, 1);
}

/// Returns the values that readers of committed records see, of so many.
fn committed(bootstrap: &str, count: usize) -> Vec<u32> {
    let reader = clients::consumer(bootstrap, None, &[]);
    clients::assign_from_start(&reader, TOPIC, 1);
    clients::read(&reader, count).iter().map(|it| number(it.payload())).collect()
}

#[test]
fn transactions_go_on_where_a_killed_process_left_them() {
    const WAIT: Duration = Duration::from_secs(30);
    let directory = tempfile::tempdir().unwrap();
    let mut broker = BrokerProcess::start(directory.path());
    let bootstrap = broker.bootstrap().to_owned();
    admin::create_topic(&bootstrap, TOPIC, 1, &[]);
    let settings = [&FAST[..], &[("transactional.id", "id")]].concat();
    let producer = clients::producer(&bootstrap, &settings);
    producer.init_transactions(WAIT).unwrap();
    let send = |number: u32| {
        let payload = number.to_be_bytes();
        clients::send(&producer, BaseRecord::<(), _>::to(TOPIC).payload(&payload[..]));
        clients::drain(&producer);
    };
    for round in 0..6 {
        producer.begin_transaction().unwrap();
        send(2 * round);
        broker.kill_and_restart(directory.path());
        send(2 * round + 1);
        if round % 3 == 2 {
            producer.abort_transaction(WAIT).unwrap();
        } else {
            producer.commit_transaction(WAIT).unwrap();
        }
    }
    let expected = [0, 1, 2, 3, 6, 7, 8, 9];
    assert_eq!(committed(&bootstrap, expected.len()), expected);
    broker.kill_and_restart(directory.path());
    assert_eq!(committed(&bootstrap, expected.len()), expected);
}

#[test]
fn a_crash_at_any_point_of_a_commit_shows_all_of_it_or_nothing() {
    const WAIT: Duration = Duration::from_secs(30);
    use CrashPoint::{AfterChanges, BeforeAnswering, BeforeWriting};
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start(on_disk(&directory)).unwrap();
    admin::create_topic(server.bootstrap(), TOPIC, 1, &[]);
    let settings = [&FAST[..], &[("transactional.id", "id")]].concat();
    let producer = clients::producer(server.bootstrap(), &settings);
    producer.init_transactions(WAIT).unwrap();
    let points = [BeforeWriting, AfterChanges(1), AfterChanges(2), BeforeAnswering];
    for (point, number) in points.into_iter().zip(0_u32..) {
        producer.begin_transaction().unwrap();
        let payload = number.to_be_bytes();
        clients::send(&producer, BaseRecord::<(), _>::to(TOPIC).payload(&payload[..]));
        clients::drain(&producer);
        server.inject(FaultRule::new(ApiKey::EndTxn, Fault::Crash(point)));
        std::thread::scope(|scope| {
            let commit = scope.spawn(|| producer.commit_transaction(WAIT));
            eventually("the crash", Deadline::seconds(20), || (!server.is_running()).then_some(()));
            server.restart().unwrap();
            commit.join().unwrap().unwrap();
        });
        let seen = committed(server.bootstrap(), number as usize + 1);
        assert!(seen.into_iter().eq(0..=number), "{point:?}");
    }
}

#[test]
fn members_of_a_group_that_the_broker_leads_join_anew_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let groups = GroupConfig { consumer_heartbeat_interval_ms: 300, ..GroupConfig::default() };
    let broker = BrokerConfig { groups, ..BrokerConfig::default() };
    let mut server = Server::start(ServerConfig { broker, ..on_disk(&directory) }).unwrap();
    let bootstrap = server.bootstrap().to_owned();
    admin::create_topic(&bootstrap, TOPIC, 4, &[]);
    let settings = [FAST[0], FAST[1], FAST[2], ("group.protocol", "consumer")];
    let members = [0, 1].map(|_| clients::consumer(&bootstrap, Some("g"), &settings));
    members.iter().for_each(|member| member.subscribe(&[TOPIC]).unwrap());
    let wait_for_epoch = |above: i32| {
        eventually("an even share", Deadline::seconds(60), || {
            // While the broker is away there are errors, which are not the test's.
            members.iter().for_each(|member| _ = member.poll(Duration::from_millis(20)));
            let request = ConsumerGroupDescribeRequest::default();
            let request = request.with_group_ids(vec![GroupId(StrBytes::from_static_str("g"))]);
            let group = Wire::connect(&bootstrap).call(1, &request).groups.remove(0);
            let is_shared = members.iter().all(|it| it.assignment().unwrap().count() == 2);
            let is_stable = group.group_state.as_str() == "Stable" && group.members.len() == 2;
            (is_stable && is_shared && group.group_epoch > above).then_some(group.group_epoch)
        })
    };
    let epoch = wait_for_epoch(0);
    server.kill();
    server.restart().unwrap();
    wait_for_epoch(epoch);
}
