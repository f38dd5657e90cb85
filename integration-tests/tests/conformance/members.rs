//! Members that come back, and members that do not.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use integration_tests::admin::create_topic;
use integration_tests::clients::{consumer_config, drain, next_record, producer, send};
use integration_tests::{Deadline, unique};
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::producer::BaseRecord;

/// As short as a real Kafka allows by default.
const SESSION: (&str, &str) = ("session.timeout.ms", "6000");

crate::checks! {
    a_static_member_that_restarts_disturbs_nobody,
    a_member_that_is_gone_is_replaced,
    a_leaving_member_hands_over_at_once,
    the_second_bearer_of_a_name_fences_the_first,
}

/// Counts how often a member's assignment changed.
#[derive(Clone, Default)]
struct Watch(Arc<Mutex<Vec<String>>>);

impl Watch {
    fn events(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl ClientContext for Watch {}

impl ConsumerContext for Watch {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        self.0.lock().unwrap().push(format!("{rebalance:?}"));
    }
}

type Member = BaseConsumer<Watch>;

fn member(bootstrap: &str, group: &str, topic: &str, settings: &[(&str, &str)]) -> (Member, Watch) {
    let mut config = consumer_config(bootstrap, Some(group), settings);
    config.set(SESSION.0, SESSION.1);
    let watch = Watch::default();
    let member: Member = config.create_with_context(watch.clone()).unwrap();
    member.subscribe(&[topic]).unwrap();
    (member, watch)
}

fn partitions(member: &Member) -> BTreeSet<i32> {
    member.assignment().unwrap().elements().iter().map(|it| it.partition()).collect()
}

/// Polls members until they have so many partitions each.
fn settle(members: &[&Member], shares: &[usize]) {
    let deadline = Deadline::seconds(40);
    loop {
        for member in members {
            _ = next_record(member, Duration::from_millis(10));
        }
        let have: Vec<_> = members.iter().map(|member| partitions(member).len()).collect();
        if have == shares {
            return;
        }
        deadline.check(&format!("a share of {shares:?} instead of {have:?}"));
    }
}

/// Polls a member for a while in which nothing should happen to it.
fn keep_alive(member: &Member, time: Duration) {
    let end = Deadline::after(time);
    while end.is_open() {
        _ = next_record(member, Duration::from_millis(10));
    }
}

fn a_static_member_that_restarts_disturbs_nobody(bootstrap: &str) {
    let (topic, group) = (unique("static"), unique("statics"));
    create_topic(bootstrap, &topic, 4, &[]);
    let (a, _) = member(bootstrap, &group, &topic, &[("group.instance.id", "a")]);
    let (b, watch) = member(bootstrap, &group, &topic, &[("group.instance.id", "b")]);
    settle(&[&a, &b], &[2, 2]);
    let (share_of_a, events_of_b) = (partitions(&a), watch.events());
    drop(a);
    keep_alive(&b, Duration::from_millis(500));
    let (a, _) = member(bootstrap, &group, &topic, &[("group.instance.id", "a")]);
    settle(&[&a, &b], &[2, 2]);
    assert_eq!(partitions(&a), share_of_a);
    // Longer than a heartbeat, by which the other would have heard of a rebalance.
    keep_alive(&b, Duration::from_millis(3_500));
    assert_eq!(watch.events(), events_of_b);
}

fn a_member_that_is_gone_is_replaced(bootstrap: &str) {
    let (topic, group) = (unique("crash"), unique("crashing"));
    create_topic(bootstrap, &topic, 4, &[]);
    // A static member says nothing when it closes: to the broker that is a crash.
    let (gone, _) = member(bootstrap, &group, &topic, &[("group.instance.id", "gone")]);
    let (left, _) = member(bootstrap, &group, &topic, &[]);
    settle(&[&gone, &left], &[2, 2]);
    drop(gone);
    settle(&[&left], &[4]);
}

fn a_leaving_member_hands_over_at_once(bootstrap: &str) {
    let (topic, group) = (unique("leave"), unique("leaving"));
    create_topic(bootstrap, &topic, 4, &[]);
    let producer = producer(bootstrap, &[]);
    send(&producer, BaseRecord::<(), _>::to(&topic).payload("v"));
    drain(&producer);
    let beat = [("heartbeat.interval.ms", "200"), ("session.timeout.ms", "30000")];
    let (leaving, _) = member(bootstrap, &group, &topic, &beat);
    let (staying, _) = member(bootstrap, &group, &topic, &beat);
    settle(&[&leaving, &staying], &[2, 2]);
    drop(leaving);
    settle(&[&staying], &[4]);
}

fn the_second_bearer_of_a_name_fences_the_first(bootstrap: &str) {
    let (topic, group) = (unique("fence"), unique("fencing"));
    create_topic(bootstrap, &topic, 2, &[]);
    let settings = [("group.instance.id", "same"), ("heartbeat.interval.ms", "200")];
    let (first, _) = member(bootstrap, &group, &topic, &settings);
    settle(&[&first], &[2]);
    let (second, _) = member(bootstrap, &group, &topic, &settings);
    settle(&[&second], &[2]);
    let deadline = Deadline::seconds(20);
    let error = loop {
        match first.poll(Duration::from_millis(100)) {
            Some(Err(error)) => break error,
            _ => deadline.check("the end of the first bearer"),
        }
    };
    let fenced = rdkafka::error::RDKafkaErrorCode::FencedInstanceId;
    assert!(format!("{error:?}").contains("Fatal") || error.rdkafka_error_code() == Some(fenced));
    let (code, _) = first.client().fatal_error().unwrap();
    assert_eq!(code, fenced);
}
