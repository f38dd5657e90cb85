//! The admin requests beyond what a client sends: odd counts, assignments, changes of settings.

use integration_tests::unique;
use integration_tests::wire::Wire;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{
    ApiVersionsRequest, BrokerId, CreatePartitionsRequest, CreateTopicsRequest,
    DeleteRecordsRequest, DescribeConfigsRequest, FindCoordinatorRequest,
    IncrementalAlterConfigsRequest, MetadataRequest, OffsetForLeaderEpochRequest,
};
use kafka_protocol::protocol::StrBytes;

use crate::wire_logs::name;

crate::checks! {
    odd_topics_are_refused,
    partitions_can_be_assigned_by_hand,
    settings_change_one_by_one,
    described_settings_can_be_chosen,
    records_are_deleted_with_care,
    the_leader_never_changes,
    a_newer_client_is_told_what_there_is,
    metadata_in_its_oldest_and_newest_version,
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn error(code: i16) -> Option<ResponseError> {
    ResponseError::try_from_code(code)
}

/// The only broker's id, which a real Kafka may have chosen otherwise.
fn broker_id(wire: &mut Wire) -> BrokerId {
    let metadata = wire.call(9, &MetadataRequest::default().with_topics(Some(Vec::new())));
    metadata.brokers[0].node_id
}

fn topic(of: &str, partitions: i32, replicas: i16) -> CreatableTopic {
    let topic = CreatableTopic::default().with_name(name(of));
    topic.with_num_partitions(partitions).with_replication_factor(replicas)
}

fn create(wire: &mut Wire, topics: Vec<CreatableTopic>) -> Vec<Option<ResponseError>> {
    let request = CreateTopicsRequest::default().with_topics(topics).with_timeout_ms(10_000);
    let response = wire.call(4, &request);
    response.topics.iter().map(|topic| error(topic.error_code)).collect()
}

fn create_one(wire: &mut Wire, topic: CreatableTopic) -> Option<ResponseError> {
    create(wire, vec![topic]).remove(0)
}

fn odd_topics_are_refused(bootstrap: &str) {
    let wire = &mut Wire::connect(bootstrap);
    let of = unique("odd");
    assert_eq!(create_one(wire, topic(&of, 0, 1)), Some(ResponseError::InvalidPartitions));
    assert_eq!(create_one(wire, topic(&of, -5, 1)), Some(ResponseError::InvalidPartitions));
    assert_eq!(create_one(wire, topic(&of, 1, 0)), Some(ResponseError::InvalidReplicationFactor));
    assert_eq!(create_one(wire, topic(&of, 1, 2)), Some(ResponseError::InvalidReplicationFactor));
    let setting = CreatableTopicConfig::default().with_name(text("retention.ms")).with_value(None);
    let without_value = topic(&of, 1, 1).with_configs(vec![setting]);
    assert_eq!(create_one(wire, without_value), Some(ResponseError::InvalidConfig));
    // Nothing of it is there; the broker's defaults make one partition.
    assert_eq!(create_one(wire, topic(&of, -1, -1)), None);
    let (dotted, scored) = (unique("with.dot"), unique("with.dot"));
    assert_eq!(create_one(wire, topic(&dotted, 1, 1)), None);
    let folded = dotted.replace('.', "_");
    assert_eq!(create_one(wire, topic(&folded, 1, 1)), Some(ResponseError::InvalidTopicException));
    let twice = vec![topic(&scored, 1, 1), topic(&scored, 2, 1)];
    let refused = create(wire, twice);
    assert!(refused.iter().all(|it| *it == Some(ResponseError::InvalidRequest)), "{refused:?}");
}

fn partitions_can_be_assigned_by_hand(bootstrap: &str) {
    let wire = &mut Wire::connect(bootstrap);
    let broker = broker_id(wire);
    let of = unique("assigned");
    let assigned = |indexes: &[i32], broker: BrokerId| {
        let assignment = |index: &i32| {
            CreatableReplicaAssignment::default()
                .with_partition_index(*index)
                .with_broker_ids(vec![broker])
        };
        topic(&of, -1, -1).with_assignments(indexes.iter().map(assignment).collect())
    };
    let counted = assigned(&[0], broker).with_num_partitions(1);
    assert_eq!(create_one(wire, counted), Some(ResponseError::InvalidRequest));
    let gap = create_one(wire, assigned(&[0, 2], broker));
    assert_eq!(gap, Some(ResponseError::InvalidReplicaAssignment));
    let elsewhere = create_one(wire, assigned(&[0], BrokerId(99)));
    assert_eq!(elsewhere, Some(ResponseError::InvalidReplicaAssignment));
    assert_eq!(create_one(wire, assigned(&[0, 1], broker)), None);
    let mut grow = |count, brokers: &[BrokerId]| {
        let assignment =
            |it: &BrokerId| CreatePartitionsAssignment::default().with_broker_ids(vec![*it]);
        let topic = CreatePartitionsTopic::default()
            .with_name(name(&of))
            .with_count(count)
            .with_assignments(Some(brokers.iter().map(assignment).collect()));
        let request = CreatePartitionsRequest::default().with_topics(vec![topic]);
        error(wire.call(1, &request.with_timeout_ms(10_000)).results[0].error_code)
    };
    assert_eq!(grow(4, &[broker]), Some(ResponseError::InvalidReplicaAssignment));
    assert_eq!(grow(3, &[BrokerId(99)]), Some(ResponseError::InvalidReplicaAssignment));
    assert_eq!(grow(3, &[broker]), None);
    assert_eq!(grow(2, &[]), Some(ResponseError::InvalidPartitions));
}

fn describe(wire: &mut Wire, topic: &str, keys: &[&str]) -> Vec<(String, Option<String>, i8)> {
    let keys = keys.iter().map(|key| text(key)).collect();
    let resource = DescribeConfigsResource::default()
        .with_resource_type(2)
        .with_resource_name(text(topic))
        .with_configuration_keys(Some(keys));
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
    let mut response = wire.call(1, &request.with_include_synonyms(true));
    let result = response.results.remove(0);
    assert_eq!(error(result.error_code), None, "{:?}", result.error_message);
    let entries = result.configs.into_iter();
    let value = |it: Option<StrBytes>| it.map(|it| it.to_string());
    entries.map(|it| (it.name.to_string(), value(it.value), it.config_source)).collect()
}

fn settings_change_one_by_one(bootstrap: &str) {
    let wire = &mut Wire::connect(bootstrap);
    let of = unique("changing");
    assert_eq!(create_one(wire, topic(&of, 1, 1)), None);
    let mut change = |name: &str, operation: i8, value: Option<&str>| {
        let config = AlterableConfig::default()
            .with_name(text(name))
            .with_config_operation(operation)
            .with_value(value.map(text));
        let resource = AlterConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text(&of))
            .with_configs(vec![config]);
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        error(wire.call(1, &request).responses[0].error_code)
    };
    let (set, delete, append, subtract) = (0, 1, 2, 3);
    assert_eq!(change("retention.ms", set, Some("5000")), None);
    assert_eq!(change("max.message.bytes", set, Some("7000")), None);
    assert_eq!(change("max.message.bytes", delete, None), None);
    assert_eq!(change("cleanup.policy", append, Some("compact")), None);
    assert_eq!(change("cleanup.policy", subtract, Some("delete")), None);
    assert_eq!(change("retention.ms", set, Some("x")), Some(ResponseError::InvalidConfig));
    assert_eq!(change("no.such", set, Some("x")), Some(ResponseError::InvalidConfig));
    assert_eq!(change("retention.ms", append, Some("1")), Some(ResponseError::InvalidConfig));
    assert_eq!(change("retention.ms", set, None), Some(ResponseError::InvalidRequest));
    assert_eq!(change("retention.ms", 9, Some("1")), Some(ResponseError::UnknownServerError));
    let names = ["cleanup.policy", "max.message.bytes", "retention.ms"];
    let described = integration_tests::waiting::eventually(
        "the last change",
        integration_tests::Deadline::seconds(10),
        || {
            let mut described = describe(wire, &of, &names);
            described.sort();
            (described[0].1.as_deref() == Some("compact")).then_some(described)
        },
    );
    let row = |name: &str, value: &str, source| (name.to_owned(), Some(value.to_owned()), source);
    let expected = [
        row("cleanup.policy", "compact", 1),
        row("max.message.bytes", "1048588", 5),
        row("retention.ms", "5000", 1),
    ];
    assert_eq!(described, expected);
}

fn described_settings_can_be_chosen(bootstrap: &str) {
    let wire = &mut Wire::connect(bootstrap);
    let of = unique("chosen");
    assert_eq!(create_one(wire, topic(&of, 1, 1)), None);
    let some = describe(wire, &of, &["segment.bytes", "no.such.setting"]);
    assert_eq!(some, [("segment.bytes".to_owned(), Some("1073741824".to_owned()), 5)]);
    assert!(describe(wire, &of, &[]).len() > 30, "all settings, if none is named");
    let mut refused = |kind: i8, name: &str| {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_configuration_keys(None);
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        error(wire.call(1, &request).results[0].error_code)
    };
    assert_eq!(refused(2, &unique("nowhere")), Some(ResponseError::UnknownTopicOrPartition));
    assert_eq!(refused(2, "no/topic"), Some(ResponseError::InvalidTopicException));
    assert_eq!(refused(4, "99"), Some(ResponseError::InvalidRequest));
}

fn records_are_deleted_with_care(bootstrap: &str) {
    let wire = &mut Wire::connect(bootstrap);
    let (cut, compacted) = (unique("careful"), unique("careful"));
    let policy = CreatableTopicConfig::default().with_name(text("cleanup.policy"));
    let policy = policy.with_value(Some(text("compact")));
    let topics = vec![topic(&cut, 1, 1), topic(&compacted, 1, 1).with_configs(vec![policy])];
    assert_eq!(create(wire, topics), [None, None]);
    integration_tests::admin::wait_for_partitions(bootstrap, &compacted, 1);
    let mut delete = |of: &str, index, offset| {
        let partition =
            DeleteRecordsPartition::default().with_partition_index(index).with_offset(offset);
        let topic = DeleteRecordsTopic::default().with_name(name(of));
        let request = DeleteRecordsRequest::default()
            .with_topics(vec![topic.with_partitions(vec![partition])])
            .with_timeout_ms(10_000);
        let deleted = wire.call(1, &request).topics.remove(0).partitions.remove(0);
        (error(deleted.error_code), deleted.low_watermark)
    };
    assert_eq!(delete(&cut, 0, -1), (None, 0));
    assert_eq!(delete(&cut, 0, 1), (Some(ResponseError::OffsetOutOfRange), -1));
    assert_eq!(delete(&cut, 0, -7), (Some(ResponseError::OffsetOutOfRange), -1));
    assert_eq!(delete(&cut, 3, 0), (Some(ResponseError::UnknownTopicOrPartition), -1));
    assert_eq!(delete(&compacted, 0, 0), (Some(ResponseError::PolicyViolation), -1));
}

fn the_leader_never_changes(bootstrap: &str) {
    let wire = &mut Wire::connect(bootstrap);
    let of = unique("led");
    integration_tests::admin::create_topic(bootstrap, &of, 1, &[]);
    let mut end_of = |index, current, epoch| {
        let partition = OffsetForLeaderPartition::default()
            .with_partition(index)
            .with_current_leader_epoch(current)
            .with_leader_epoch(epoch);
        let topic = OffsetForLeaderTopic::default().with_topic(name(&of));
        let request = OffsetForLeaderEpochRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_topics(vec![topic.with_partitions(vec![partition])]);
        let end = wire.call(3, &request).topics.remove(0).partitions.remove(0);
        (error(end.error_code), end.leader_epoch, end.end_offset)
    };
    assert_eq!(end_of(0, -1, 0), (None, 0, 0));
    assert_eq!(end_of(0, 0, 5), (None, -1, -1));
    assert_eq!(end_of(0, 5, 0).0, Some(ResponseError::UnknownLeaderEpoch));
    assert_eq!(end_of(5, 0, 0).0, Some(ResponseError::UnknownTopicOrPartition));
}

fn a_newer_client_is_told_what_there_is(bootstrap: &str) {
    let wire = &mut Wire::connect(bootstrap);
    // ApiVersions in version 99; the answer is in version 0.
    wire.send_frame(&[0, 18, 0, 99, 0, 0, 0, 5, 0xff, 0xff, 0, 0]);
    let answer = wire.receive_frame().unwrap();
    assert_eq!(answer[..6], [0, 0, 0, 5, 0, 35], "its number, and error 35");
    assert_eq!(answer[6..12], [0, 0, 0, 1, 0, 18], "only this API is named");
    let named = ApiVersionsRequest::default()
        .with_client_software_name(text("wire"))
        .with_client_software_version(text("1.0"));
    let served = wire.call(3, &named);
    assert_eq!(served.error_code, 0);
    assert!(served.api_keys.iter().any(|it| it.api_key == 0 && it.max_version >= 8));
    let nameless = wire.call(3, &named.with_client_software_name(text("-")));
    assert_eq!(error(nameless.error_code), Some(ResponseError::InvalidRequest));
}

fn metadata_in_its_oldest_and_newest_version(bootstrap: &str) {
    let wire = &mut Wire::connect(bootstrap);
    let (of, unknown) = (unique("named"), unique("unknown"));
    integration_tests::admin::create_topic(bootstrap, &of, 2, &[]);
    let ask = |of: &str| MetadataRequestTopic::default().with_name(Some(name(of)));
    let request = MetadataRequest::default()
        .with_topics(Some(vec![ask(&of), ask(&unknown), ask("no/name")]))
        .with_allow_auto_topic_creation(false);
    let response = wire.call(9, &request);
    let of_topic = |asked: &str| {
        let is_asked =
            |it: &&kafka_protocol::messages::metadata_response::MetadataResponseTopic| {
                it.name.as_ref().is_some_and(|it| it.as_str() == asked)
            };
        let found = response.topics.iter().find(is_asked).unwrap();
        (error(found.error_code), found.partitions.len())
    };
    assert_eq!(of_topic(&of), (None, 2));
    assert_eq!(of_topic(&unknown), (Some(ResponseError::UnknownTopicOrPartition), 0));
    assert_eq!(of_topic("no/name"), (Some(ResponseError::InvalidTopicException), 0));
    let all = wire.call(1, &MetadataRequest::default().with_topics(None));
    assert!(all.topics.iter().any(|it| it.name.as_ref().is_some_and(|it| it.as_str() == of)));
    let odd = FindCoordinatorRequest::default().with_key(text("g")).with_key_type(2);
    assert_eq!(error(wire.call(2, &odd).error_code), Some(ResponseError::InvalidRequest));
}
