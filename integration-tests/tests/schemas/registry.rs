//! All formats over a registry; and over the embedded one, which restarts, refuses and fails.

use integration_tests::waiting::eventually;
use integration_tests::{Deadline, Registry as Served, unique};
use kappa::Headers;
use kappa::config::SchemaRegistrySettings;
use kappa::schemas::avro::AvroSchema;
use kappa::schemas::protobuf::ProtobufSchema;
use kappa::schemas::{Registry, RegistryErrorKind};
use kappa::serde::{SchemaReference, Serde, SerdeError, Unready};
use kappa_registry::{Credential, Fault, FaultRule, Server, ServerConfig};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::flights::{self, AVRO, Departed, DepartedMessage, PROTO, departed, message};

pub(crate) fn client(url: &str, auto_register: bool) -> Registry {
    let urls = vec![url.to_owned()];
    let settings = SchemaRegistrySettings { urls, auto_register, ..Default::default() };
    Registry::over_http(&settings).unwrap()
}

/// Writes a value as the engine does: ready before the first record, and with its header.
pub(crate) fn write<T>(serde: &dyn Serde<T>, topic: &str, value: &T) -> (Headers, Vec<u8>) {
    serde.prepare(topic).unwrap();
    let mut bytes = Vec::new();
    serde.encode_record(topic, value, &mut bytes).unwrap();
    (serde.header(topic).into_iter().collect(), bytes)
}

/// Reads a record as the engine does: again as long as it is not ready.
pub(crate) fn read<T>(
    serde: &dyn Serde<T>,
    headers: &Headers,
    bytes: &[u8],
) -> Result<T, SerdeError> {
    eventually("an answer", Deadline::seconds(30), || {
        let answer = serde.decode_record("t", headers, Some(bytes));
        let is_unready = matches!(&answer, Err(error) if error.is::<Unready>());
        (!is_unready).then_some(answer)
    })
}

/// Returns how long the id in a header is: not every registry gives GUIDs.
fn id_length(served: &Served, header: &[u8]) -> usize {
    match header[0] {
        1 => 17,
        0 if served.server().is_none() => 5,
        magic => panic!("no GUID of the embedded registry's, but {magic}"),
    }
}

#[test]
fn each_format_comes_back_by_prefix_and_by_header() {
    let served = Served::start();
    let writer = client(served.url(), true);
    let proto = || ProtobufSchema::new(PROTO, "flights.Departed").unwrap();
    let [avro_topic, json_topic, proto_topic] = ["avro", "json", "proto"].map(unique);
    for in_header in [false, true] {
        // Whoever reads has a cache of its own, and registers nothing.
        let reader = client(served.url(), false);
        let (avro, json) = (flights::avro(&writer), flights::json(&writer));
        let protobuf = writer.protobuf::<DepartedMessage>(proto());
        let (avro, json, protobuf) = if in_header {
            (avro.id_in_header(), json.id_in_header(), protobuf.id_in_header())
        } else {
            (avro, json, protobuf)
        };
        let (headers, bytes) = write(&avro, &avro_topic, &departed());
        assert_eq!(headers.is_empty(), !in_header);
        assert_eq!(bytes.len(), if in_header { 7 } else { 12 });
        assert_eq!(read(&flights::avro(&reader), &headers, &bytes).unwrap(), departed());
        let (headers, bytes) = write(&json, &json_topic, &departed());
        assert_eq!(read(&flights::json(&reader), &headers, &bytes).unwrap(), departed());
        let (headers, bytes) = write(&protobuf, &proto_topic, &message());
        // The second message of the file: one index, 1, zig-zag.
        let header = headers.iter().next().and_then(|header| header.value.clone());
        let indexes = match header {
            Some(header) => header[id_length(&served, &header)..].to_vec(),
            None => bytes[5..7].to_vec(),
        };
        assert_eq!(indexes, [2, 2]);
        assert_eq!(
            read(&reader.protobuf::<DepartedMessage>(proto()), &headers, &bytes).unwrap(),
            message()
        );
        if !in_header {
            // Whoever only looks them up finds the ids that were given.
            let protobuf = reader.protobuf::<DepartedMessage>(proto());
            assert_eq!(write(&protobuf, &proto_topic, &message()).1, bytes);
            let again = write(&flights::avro(&reader), &avro_topic, &departed());
            assert_eq!(again, write(&avro, &avro_topic, &departed()));
            let again = write(&flights::json(&reader), &json_topic, &departed());
            assert_eq!(again, write(&json, &json_topic, &departed()));
        }
    }
    // The wrong kind, and the wrong message of the right file.
    let (headers, bytes) = write(&flights::avro(&writer), &avro_topic, &departed());
    let error = read(&writer.protobuf::<DepartedMessage>(proto()), &headers, &bytes);
    // What follows the id is no message index, or the id is of another format.
    error.unwrap_err();
    let other = ProtobufSchema::new(PROTO, "flights.Other").unwrap();
    let (headers, bytes) = write(&writer.protobuf::<()>(other), &proto_topic, &());
    let error = read(&writer.protobuf::<DepartedMessage>(proto()), &headers, &bytes);
    let error = error.unwrap_err().to_string();
    let expected = "it is message flights.Other, and flights.Departed is read here";
    assert!(error.ends_with(expected), "{error}");
}

#[test]
fn what_is_not_registered_is_told_and_what_no_one_has_is_the_records_fault() {
    let served = Served::start();
    let registry = client(served.url(), false);
    let serde = flights::avro(&registry);
    let topic = unique("absent");
    let error = serde.prepare(&topic).unwrap_err();
    assert!(!error.is::<Unready>(), "{error}");
    let expected = format!("the schema of `{topic}-value` is not registered at {}", served.url());
    assert!(error.to_string().starts_with(&expected), "{error}");
    let bytes = [&[0, 0x7f, 0xff, 0xff, 0xfe][..], b"\x0aUA 12\x0a"].concat();
    let error = read(&serde, &Headers::default(), &bytes).unwrap_err().to_string();
    assert!(error.starts_with("schema 2147483646 cannot be used: "), "{error}");
    assert!(error.contains("40403"), "{error}");
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct DepartedTwo {
    number: String,
    delay: i64,
    gate: Option<String>,
}

/// A field renamed, one promoted and one added.
const SECOND: &str = r#"{"type": "record", "name": "Departed", "namespace": "flights", "fields": [
    {"name": "number", "type": "string", "aliases": ["flight"]}, {"name": "delay", "type": "long"},
    {"name": "gate", "type": ["null", "string"], "default": null}]}"#;

#[test]
fn old_records_are_read_after_the_schema_has_evolved() {
    let served = Served::start();
    let registry = client(served.url(), true);
    let topic = unique("evolved");
    let subject = format!("{topic}-value");
    let (headers, old) = write(&flights::avro(&registry), &topic, &departed());
    // Not every registry has a level where none was set.
    let level = json!({ "compatibility": "BACKWARD" });
    assert_eq!(served.ask(Method::PUT, &format!("/config/{subject}"), Some(&level)).0, 200);
    let second = AvroSchema::parse(SECOND).unwrap();
    assert_eq!(registry.incompatibilities(&subject, second.schema()).unwrap(), [""; 0]);
    let serde = registry.avro::<DepartedTwo>(second);
    let expected = DepartedTwo { number: "UA 12".to_owned(), delay: 5, gate: None };
    assert_eq!(read(&serde, &headers, &old).unwrap(), expected);
    let (headers, new) = write(&serde, &topic, &expected);
    assert_ne!(old[..5], new[..5]);
    assert_eq!(read(&serde, &headers, &new).unwrap(), expected);

    let added = r#"{"name": "seat", "type": "string"}, {"name": "gate"#;
    let breaking = AvroSchema::parse(&SECOND.replace(r#"{"name": "gate"#, added)).unwrap();
    let wrong = registry.incompatibilities(&subject, breaking.schema()).unwrap();
    assert!(wrong.join(" ").contains("seat"), "{wrong:?}");
    let error = registry.register(&subject, breaking.schema()).unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Incompatible);
}

#[test]
fn a_schema_of_another_subject_is_fetched_with_the_one_that_uses_it() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Turned {
        first: Departed,
        gate: String,
    }
    let served = Served::start();
    let registry = client(served.url(), true);
    let departed_schema = AvroSchema::parse(AVRO).unwrap();
    let subject = unique("departed");
    registry.register(&subject, departed_schema.schema()).unwrap();
    let name = "flights.Departed".to_owned();
    let reference = SchemaReference { name, subject, version: 1 };
    let schema = |gate: &str| {
        let text = format!(
            r#"{{"type": "record", "name": "flights.Turned", "fields": [
                {{"name": "first", "type": "flights.Departed"}},
                {{"name": "gate", "type": "string", "doc": "{gate}"}}]}}"#
        );
        let schema = AvroSchema::parse_with(&text, std::slice::from_ref(&departed_schema)).unwrap();
        schema.with_references(vec![reference.clone()])
    };
    let value = Turned { first: departed(), gate: "B 2".to_owned() };
    let (headers, bytes) = write(&registry.avro(schema("where")), &unique("turned"), &value);
    let reader = client(served.url(), false).avro::<Turned>(schema("other"));
    assert_eq!(read(&reader, &headers, &bytes).unwrap(), value);
}

#[test]
fn trouble_of_the_registry_delays_records_and_loses_none() {
    let directory = tempfile::tempdir().unwrap();
    let data = Some(directory.path().to_owned());
    let mut server = Server::start(ServerConfig { data, ..ServerConfig::default() }).unwrap();
    let registry = client(server.url(), true);
    let (headers, bytes) = write(&flights::avro(&registry), "t", &departed());

    server.inject(FaultRule::new(Fault::Status(500)).path("/schemas/").times(3));
    let serde = flights::avro(&client(server.url(), false));
    assert_eq!(read(&serde, &headers, &bytes).unwrap(), departed());

    server.kill();
    let away = client(server.url(), false);
    let serde = flights::avro(&away);
    let reason = eventually("a reason", Deadline::seconds(30), || {
        let error = serde.decode_record("t", &headers, Some(&bytes)).unwrap_err();
        assert!(error.is::<Unready>(), "{error}");
        Some(error.to_string()).filter(|text| text.contains("cannot be reached"))
    });
    assert!(reason.contains(server.url()), "{reason}");
    assert!(serde.prepare("t").unwrap_err().is::<Unready>());
    server.restart().unwrap();
    assert_eq!(read(&serde, &headers, &bytes).unwrap(), departed());
}

#[test]
fn who_may_not_ask_is_told_so() {
    let credentials = vec![Credential::basic("ann", "hunter2")];
    let server = Server::start(ServerConfig { credentials, ..ServerConfig::default() }).unwrap();
    let urls = vec![server.url().to_owned()];
    let settings = |user: &str| {
        let basic_auth = Some(user.to_owned());
        let urls = urls.clone();
        SchemaRegistrySettings { urls, basic_auth, auto_register: true, ..Default::default() }
    };
    let right = Registry::over_http(&settings("ann:hunter2")).unwrap();
    let (headers, bytes) = write(&flights::avro(&right), "t", &departed());
    assert_eq!(read(&flights::avro(&right), &headers, &bytes).unwrap(), departed());
    let wrong = Registry::over_http(&settings("ann:hunter3")).unwrap();
    let error = flights::avro(&wrong).prepare("t").unwrap_err();
    assert!(!error.is::<Unready>() && error.to_string().contains("it answers 401"), "{error}");
}

#[test]
fn damaged_bytes_are_errors_and_never_panics() {
    let served = Served::start();
    let registry = client(served.url(), true);
    let serde = flights::avro(&registry);
    let (headers, good) = write(&serde, &unique("damaged"), &departed());
    read(&serde, &headers, &good).unwrap();
    let mut state = 42_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(state >> 40).unwrap()
    };
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        for _ in 0..random() % 4 {
            // Behind the id, so that the registry is not asked for thousands of them.
            let at = 5 + random() % (bytes.len() - 5);
            bytes[at] = u8::try_from(random() % 256).unwrap();
        }
        bytes.truncate(random() % (bytes.len() + 1));
        let _ = serde.decode_record("t", &headers, Some(&bytes));
    }
}
