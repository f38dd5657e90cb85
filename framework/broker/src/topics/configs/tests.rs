use kafka_protocol::protocol::Request;

use super::*;
use crate::testing::Driver;
use crate::testing::samples::{alter_configs, change_configs, describe_configs};

const TOPIC_KIND: i8 = TOPIC;

fn driver() -> Driver {
    let mut driver = Driver::new();
    driver.create_topic("t", 1, &[("retention.ms", "5")]);
    driver
}

fn described(driver: &mut Driver, name: &str) -> DescribeConfigsResourceResult {
    let mut response = driver.ask(1, &describe_configs(TOPIC_KIND, "t", Some(&[name])));
    response.results.remove(0).configs.remove(0)
}

fn value(driver: &mut Driver, name: &str) -> String {
    described(driver, name).value.unwrap().to_string()
}

fn alter<Q: Request>(
    driver: &mut Driver,
    request: &Q,
    code: impl Fn(Q::Response) -> i16,
) -> Option<ResponseError> {
    ResponseError::try_from_code(code(driver.ask(1, request)))
}

#[test]
fn a_description_says_where_a_value_comes_from() {
    let mut driver = driver();
    let own = described(&mut driver, "retention.ms");
    assert_eq!((own.value.as_deref(), own.config_source), (Some("5"), FROM_TOPIC));
    let synonyms: Vec<_> = own.synonyms.iter().map(|it| (&*it.name, it.source)).collect();
    assert_eq!(synonyms, [("retention.ms", FROM_TOPIC)]);
    let default = described(&mut driver, "max.message.bytes");
    assert_eq!((default.value.as_deref(), default.config_source), (Some("1048588"), FROM_DEFAULT));
    let synonyms: Vec<_> = default.synonyms.iter().map(|it| (&*it.name, it.source)).collect();
    assert_eq!(synonyms, [("message.max.bytes", FROM_DEFAULT)]);
}

#[test]
fn all_or_some_settings_are_described() {
    let mut driver = driver();
    let mut count = |kind, name, keys| {
        let response = driver.ask(1, &describe_configs(kind, name, keys));
        let result = &response.results[0];
        (ResponseError::try_from_code(result.error_code), result.configs.len())
    };
    assert_eq!(count(TOPIC, "t", None), (None, SETTINGS.len()));
    assert_eq!(count(TOPIC, "t", Some(&[])), (None, SETTINGS.len()));
    assert_eq!(count(TOPIC, "t", Some(&["flush.ms", "no.such"])), (None, 1));
    assert_eq!(count(BROKER, "1", None), (None, 6));
    assert_eq!(count(BROKER, "", None), (None, 0));
    assert_eq!(count(BROKER, "2", None), (Some(ResponseError::InvalidRequest), 0));
    assert_eq!(count(8, "x", None), (Some(ResponseError::InvalidRequest), 0));
    let unknown = Some(ResponseError::UnknownTopicOrPartition);
    assert_eq!(count(TOPIC, "nowhere", None), (unknown, 0));
    assert_eq!(count(TOPIC, "a/b", None), (Some(ResponseError::InvalidTopicException), 0));
}

#[test]
fn altering_replaces_what_was_set() {
    let mut driver = driver();
    let mut alter_to = |request: AlterConfigsRequest| {
        alter(&mut driver, &request, |response| response.responses[0].error_code)
    };
    let only_asked = alter_configs("t", &[("segment.ms", Some("7"))]).with_validate_only(true);
    assert_eq!(alter_to(only_asked), None);
    let wrong = alter_configs("t", &[("segment.ms", Some("x"))]);
    assert_eq!(alter_to(wrong), Some(ResponseError::InvalidConfig));
    let null = alter_configs("t", &[("segment.ms", None)]);
    assert_eq!(alter_to(null), Some(ResponseError::InvalidRequest));
    let unknown = Some(ResponseError::UnknownTopicOrPartition);
    assert_eq!(alter_to(alter_configs("nowhere", &[])), unknown);
    let mut broker = alter_configs("1", &[]);
    broker.resources[0].resource_type = BROKER;
    assert_eq!(alter_to(broker), Some(ResponseError::InvalidRequest));
    let mut twice = alter_configs("t", &[]);
    twice.resources.push(twice.resources[0].clone());
    assert_eq!(alter_to(twice), Some(ResponseError::InvalidRequest));
    assert_eq!(value(&mut driver, "retention.ms"), "5");
    let good = alter_configs("t", &[("segment.ms", Some("7"))]);
    assert_eq!(alter(&mut driver, &good, |it| it.responses[0].error_code), None);
    assert_eq!(value(&mut driver, "segment.ms"), "7");
    assert_eq!(value(&mut driver, "retention.ms"), "604800000");
}

#[test]
fn changes_are_applied_one_by_one() {
    let mut driver = driver();
    let mut change = |changes: &[(&str, i8, Option<&str>)]| {
        let request = change_configs("t", changes);
        alter(&mut driver, &request, |response| response.responses[0].error_code)
    };
    assert_eq!(change(&[("segment.ms", 0, Some("7")), ("retention.ms", 1, None)]), None);
    assert_eq!(change(&[("cleanup.policy", 2, Some("compact"))]), None);
    assert_eq!(change(&[("cleanup.policy", 2, Some("compact"))]), None, "not twice");
    assert_eq!(change(&[("cleanup.policy", 3, Some("delete"))]), None);
    let invalid = Some(ResponseError::InvalidConfig);
    assert_eq!(change(&[("segment.ms", 2, Some("1"))]), invalid, "no list");
    assert_eq!(change(&[("no.such", 1, None)]), invalid);
    assert_eq!(change(&[("segment.ms", 0, None)]), Some(ResponseError::InvalidRequest));
    assert_eq!(change(&[("segment.ms", 7, None)]), Some(ResponseError::UnknownServerError));
    // One wrong change, and none is applied.
    assert_eq!(change(&[("segment.ms", 0, Some("9")), ("flush.ms", 0, Some("x"))]), invalid);
    assert_eq!(value(&mut driver, "segment.ms"), "7");
    assert_eq!(value(&mut driver, "retention.ms"), "604800000");
    assert_eq!(value(&mut driver, "cleanup.policy"), "compact");
}

#[test]
fn a_resource_named_again_is_not_described_again() {
    let mut driver = driver();
    let mut request = describe_configs(TOPIC, "t", None);
    request.resources.extend(vec![request.resources[0].clone(); 100]);
    request.resources.extend(describe_configs(BROKER, "1", None).resources);
    assert_eq!(driver.ask(1, &request).results.len(), 2);
}

#[test]
fn a_setting_changed_twice_at_once_is_not_changed() {
    let mut driver = driver();
    let changes = [("segment.ms", 0, Some("7")), ("flush.ms", 1, None), ("segment.ms", 1, None)];
    let request = change_configs("t", &changes);
    let code = alter(&mut driver, &request, |response| response.responses[0].error_code);
    assert_eq!(code, Some(ResponseError::InvalidRequest));
    assert_eq!(value(&mut driver, "segment.ms"), "604800000");
}
