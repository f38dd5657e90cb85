use bytes::{Buf, Bytes};
use kafka_protocol::messages::{FetchRequest, HeartbeatRequest, ProduceRequest};
use kafka_protocol::protocol::Request as Message;

use super::*;
use crate::api::APIS;
use crate::reply::Answer;
use crate::testing::batches::{Batch, produce};
use crate::testing::samples::{self, Visit, fetch, heartbeat, list_offsets};
use crate::testing::{Driver, START};

fn driver() -> Driver {
    let mut driver = Driver::new();
    driver.create_topic("t", 1, &[]);
    driver
}

fn end(driver: &mut Driver) -> i64 {
    driver.ask(5, &list_offsets("t", &[(0, -1)])).topics[0].partitions[0].offset
}

fn reason(driver: &mut Driver, id: ConnectionId) -> String {
    let Some(Answer::Close(reason)) = driver.raw_answer(id) else { panic!("it is not closed") };
    reason
}

fn record() -> ProduceRequest {
    produce("t", Batch::of(1).encode())
}

#[test]
fn a_rule_applies_as_often_as_it_says() {
    let mut driver = driver();
    let error = ResponseError::NotLeaderOrFollower;
    driver.broker.inject(FaultRule::new(ApiKey::Produce, Fault::Error(error)).times(2));
    let send = |driver: &mut Driver| {
        let response = driver.ask(8, &record());
        response.responses[0].partition_responses[0].error_code
    };
    let codes = [0; 4].map(|_| send(&mut driver));
    assert_eq!(codes, [error.code(), error.code(), 0, 0]);
    driver.broker.inject(FaultRule::new(ApiKey::Produce, Fault::Error(error)).always());
    assert_eq!([0; 3].map(|_| send(&mut driver)), [error.code(); 3]);
    driver.broker.clear_faults();
    assert_eq!(send(&mut driver), 0);
    assert_eq!(end(&mut driver), 3);
}

#[test]
fn a_rule_applies_to_its_client_and_topic() {
    let mut driver = driver();
    driver.create_topic("other", 1, &[]);
    let rule = || FaultRule::new(ApiKey::Fetch, Fault::DropRequest).always();
    driver.broker.inject(rule().client_id("somebody else"));
    driver.broker.inject(rule().topic("t"));
    let other = driver.ask(11, &fetch("other", &[(0, 0)]));
    assert_eq!(other.responses[0].partitions[0].error_code, 0);
    let id = driver.connect();
    driver.send(id, 11, &fetch("t", &[(0, 0)]));
    assert_eq!(reason(&mut driver, id), "a fault drops its request");
    driver.broker.clear_faults();
    driver.broker.inject(rule().client_id("client"));
    driver.send(id, 11, &fetch("other", &[(0, 0)]));
    reason(&mut driver, id);
}

#[test]
fn a_dropped_request_does_nothing_and_a_dropped_answer_hides_what_was_done() {
    for (fault, expected) in [(Fault::DropRequest, 0), (Fault::DropAnswer, 1)] {
        let mut driver = driver();
        driver.broker.inject(FaultRule::new(ApiKey::Produce, fault));
        let id = driver.connect();
        driver.send(id, 8, &record());
        reason(&mut driver, id);
        assert_eq!(end(&mut driver), expected, "{fault:?}");
    }
}

#[test]
fn an_answer_that_comes_later_is_dropped_then() {
    let mut driver = driver();
    driver.broker.inject(FaultRule::new(ApiKey::Fetch, Fault::DropAnswer));
    let (id, other) = (driver.connect(), driver.connect());
    let waiting = fetch("t", &[(0, 0)]).with_max_wait_ms(500).with_min_bytes(1);
    driver.send(id, 11, &waiting);
    driver.send(other, 11, &waiting);
    assert!(driver.raw_answer(id).is_none());
    driver.advance(500);
    reason(&mut driver, id);
    assert!(driver.answer::<FetchRequest>(other, 11).is_some());
}

#[test]
fn a_delayed_request_is_looked_at_when_its_time_has_come() {
    let mut driver = driver();
    driver.broker.inject(FaultRule::new(ApiKey::Produce, Fault::Delay(300)));
    let (late, gone) = (driver.connect(), driver.connect());
    driver.send(late, 8, &record());
    driver.broker.inject(FaultRule::new(ApiKey::Produce, Fault::Delay(200)));
    driver.send(gone, 8, &record());
    driver.disconnect(gone);
    assert_eq!(driver.broker.next_deadline().map(Millis::as_i64), Some(START + 300));
    driver.advance(299);
    assert_eq!(end(&mut driver), 0);
    assert!(driver.answer::<ProduceRequest>(late, 8).is_none());
    driver.advance(1);
    assert!(driver.answer::<ProduceRequest>(late, 8).is_some());
    assert_eq!(end(&mut driver), 1);
}

#[test]
fn a_crash_is_told_with_what_the_request_did() {
    let mut broker = Broker::new(Default::default());
    let mut replies = Replies::new();
    broker.inject(FaultRule::new(ApiKey::ApiVersions, Fault::Crash(CrashPoint::BeforeAnswering)));
    let request = Bytes::from_static(&[0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]);
    for expected in [Some(CrashPoint::BeforeAnswering), None] {
        broker.handle(Millis::new(0), ConnectionId(1), request.clone(), &mut replies);
        assert_eq!(replies.take_crash(), expected);
        assert_eq!(replies.drain().count(), 1);
    }
}

#[test]
fn who_is_not_meant_is_not_disturbed() {
    let mut driver = driver();
    driver.broker.inject(FaultRule::new(ApiKey::Heartbeat, Fault::Delay(1_000)).always());
    let id = driver.connect();
    driver.send(id, 3, &heartbeat("g", "m", 1));
    assert!(driver.answer::<HeartbeatRequest>(id, 3).is_none());
    assert_eq!(end(&mut driver), 0);
}

/// Sends every sample and looks for the error in the answer.
struct Refused {
    driver: Driver,
    seen: usize,
}

impl Visit for Refused {
    fn visit<Q: Message>(&mut self, version: i16, body: Bytes) {
        let error = ResponseError::ThrottlingQuotaExceeded;
        let id = self.driver.connect();
        let api = ApiKey::try_from(Q::KEY).unwrap();
        self.driver.broker.inject(FaultRule::new(api, Fault::Error(error)));
        self.driver.send_body::<Q>(id, version, &body);
        let Some(Answer::Frame(mut frame)) = self.driver.raw_answer(id) else {
            panic!("{api:?} in version {version} is not answered")
        };
        let bytes = frame.copy_to_bytes(frame.remaining());
        let code = error.code().to_be_bytes();
        assert!(bytes.windows(2).any(|it| it == code), "{api:?} in version {version}");
        self.seen += 1;
    }
}

#[test]
fn every_api_can_be_refused_in_every_version() {
    let mut refused = Refused { driver: Driver::new(), seen: 0 };
    for api in APIS {
        for version in api.version_min..=api.version_max {
            samples::visit(api.key, version, &mut refused);
        }
    }
    assert!(refused.seen > 50);
}
