//! All formats over the embedded registry, which restarts, refuses and fails.

use integration_tests::Deadline;
use integration_tests::waiting::eventually;
use kappa::Headers;
use kappa::config::SchemaRegistrySettings;
use kappa::schemas::avro::AvroSchema;
use kappa::schemas::protobuf::ProtobufSchema;
use kappa::schemas::{Registry, RegistryErrorKind};
use kappa::serde::{SchemaReference, Serde, SerdeError, Unready};
use kappa_registry::{Credential, Fault, FaultRule, Server, ServerConfig};
use serde::{Deserialize, Serialize};

use crate::flights::{self, AVRO, Departed, DepartedMessage, PROTO, departed, message};

pub(crate) fn server() -> Server {
    Server::start(ServerConfig::default()).unwrap()
}

pub(crate) fn client(server: &Server, auto_register: bool) -> Registry {
    let urls = vec![server.url().to_owned()];
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

#[test]
fn each_format_comes_back_by_prefix_and_by_header() {
    let server = server();
    let writer = client(&server, true);
    let proto = || ProtobufSchema::new(PROTO, "flights.Departed").unwrap();
    for in_header in [false, true] {
        let (avro, json) = (flights::avro(&writer), flights::json(&writer));
        let protobuf = writer.protobuf::<DepartedMessage>(proto());
        let (avro, json, protobuf) = if in_header {
            (avro.id_in_header(), json.id_in_header(), protobuf.id_in_header())
        } else {
            (avro, json, protobuf)
        };
        // Whoever reads has a cache of its own, and registers nothing.
        let reader = client(&server, false);
        let (headers, bytes) = write(&avro, "flights-avro", &departed());
        assert_eq!(headers.is_empty(), !in_header);
        assert_eq!(bytes.len(), if in_header { 7 } else { 12 });
        assert_eq!(read(&flights::avro(&reader), &headers, &bytes).unwrap(), departed());
        let (headers, bytes) = write(&json, "flights-json", &departed());
        assert_eq!(read(&flights::json(&reader), &headers, &bytes).unwrap(), departed());
        let (headers, bytes) = write(&protobuf, "flights-proto", &message());
        // The second message of the file: one index, 1, zig-zag.
        let indexes = headers.iter().next().and_then(|header| header.value.clone());
        let indexes = indexes.map_or(bytes[5..7].to_vec(), |header| header[17..].to_vec());
        assert_eq!(indexes, [2, 2]);
        assert_eq!(
            read(&reader.protobuf::<DepartedMessage>(proto()), &headers, &bytes).unwrap(),
            message()
        );
    }
    // The wrong kind, and the wrong message of the right file.
    let (headers, bytes) = write(&flights::avro(&writer), "flights-avro", &departed());
    let error = read(&writer.protobuf::<DepartedMessage>(proto()), &headers, &bytes);
    // What follows the id is no message index, or the id is of another format.
    error.unwrap_err();
    let other = ProtobufSchema::new(PROTO, "flights.Other").unwrap();
    let (headers, bytes) = write(&writer.protobuf::<()>(other), "flights-proto", &());
    let error = read(&writer.protobuf::<DepartedMessage>(proto()), &headers, &bytes);
    let error = error.unwrap_err().to_string();
    let expected = "it is message flights.Other, and flights.Departed is read here";
    assert!(error.ends_with(expected), "{error}");
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
    let server = server();
    let registry = client(&server, true);
    let (headers, old) = write(&flights::avro(&registry), "t", &departed());
    let second = AvroSchema::parse(SECOND).unwrap();
    assert_eq!(registry.incompatibilities("t-value", second.schema()).unwrap(), [""; 0]);
    let serde = registry.avro::<DepartedTwo>(second);
    let expected = DepartedTwo { number: "UA 12".to_owned(), delay: 5, gate: None };
    assert_eq!(read(&serde, &headers, &old).unwrap(), expected);
    let (headers, new) = write(&serde, "t", &expected);
    assert_eq!((old[4], new[4]), (1, 2));
    assert_eq!(read(&serde, &headers, &new).unwrap(), expected);

    let added = r#"{"name": "seat", "type": "string"}, {"name": "gate"#;
    let breaking = AvroSchema::parse(&SECOND.replace(r#"{"name": "gate"#, added)).unwrap();
    let wrong = registry.incompatibilities("t-value", breaking.schema()).unwrap();
    assert!(wrong.join(" ").contains("seat"), "{wrong:?}");
    let error = registry.register("t-value", breaking.schema()).unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Incompatible);
}

#[test]
fn a_schema_of_another_subject_is_fetched_with_the_one_that_uses_it() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Turned {
        first: Departed,
        gate: String,
    }
    let server = server();
    let registry = client(&server, true);
    let departed_schema = AvroSchema::parse(AVRO).unwrap();
    registry.register("departed", departed_schema.schema()).unwrap();
    let name = "flights.Departed".to_owned();
    let reference = SchemaReference { name, subject: "departed".to_owned(), version: 1 };
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
    let (headers, bytes) = write(&registry.avro(schema("where")), "turned", &value);
    let reader = client(&server, false).avro::<Turned>(schema("other"));
    assert_eq!(read(&reader, &headers, &bytes).unwrap(), value);
}

#[test]
fn trouble_of_the_registry_delays_records_and_loses_none() {
    let directory = tempfile::tempdir().unwrap();
    let data = Some(directory.path().to_owned());
    let mut server = Server::start(ServerConfig { data, ..ServerConfig::default() }).unwrap();
    let registry = client(&server, true);
    let (headers, bytes) = write(&flights::avro(&registry), "t", &departed());

    server.inject(FaultRule::new(Fault::Status(500)).path("/schemas/").times(3));
    let serde = flights::avro(&client(&server, false));
    assert_eq!(read(&serde, &headers, &bytes).unwrap(), departed());

    server.kill();
    let away = client(&server, false);
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
    let server = server();
    let registry = client(&server, true);
    let serde = flights::avro(&registry);
    let (headers, good) = write(&serde, "t", &departed());
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
