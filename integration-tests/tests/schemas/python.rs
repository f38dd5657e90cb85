//! Confluent's serializers for Python write what is read here, and read what is written here.
//!
//! The client comes from PyPI, once: see `integration-tests/registry/python`.

use std::io::Write;
use std::process::{Command, Stdio};

use integration_tests::{Registry, unique};
use kappa::schemas::avro::AvroSchema;
use kappa::schemas::protobuf::ProtobufSchema;
use kappa::{Header, Headers};
use serde_json::{Value, json};

use crate::flights::{self, AVRO, DepartedMessage, JSON, departed, message};
use crate::registry::{client, read, write};

/// Returns a Python that has Confluent's client.
fn python() -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/registry/python");
    let found = Command::new(script).stderr(Stdio::inherit()).output().unwrap();
    assert!(found.status.success(), "{script} failed");
    String::from_utf8(found.stdout).unwrap().trim_end().to_owned()
}

/// Runs the peer with an input, and returns its answer.
fn peer(python: &str, url: &str, input: &Value) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas/peer.py");
    let mut process = Command::new(python)
        .args([script, url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(input.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "the peer failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn headers(record: &Value) -> Headers {
    let headers = record["headers"].as_object().unwrap().iter();
    headers.map(|(name, value)| Header::new(name.as_str(), bytes(value))).collect()
}

fn record((headers, value): (Headers, Vec<u8>)) -> Value {
    let headers = headers.iter().map(|header| {
        (header.name.to_string(), Value::from(hex(header.value.as_deref().unwrap())))
    });
    json!({ "value": hex(&value), "headers": headers.collect::<serde_json::Map<_, _>>() })
}

#[test]
fn confluents_python_client_and_this_one_read_each_other() {
    let python = python();
    let served = Registry::start();
    let topics = json!({
        "avro": unique("avro"), "json": unique("json"), "protobuf": unique("protobuf"),
    });
    let topic = |format: &str| topics[format].as_str().unwrap();
    // Confluent's serializer writes headers with GUIDs only, which not every registry gives.
    let probe = AvroSchema::parse(AVRO).unwrap();
    let probe = client(served.url(), true).register(&unique("probe"), probe.schema()).unwrap();
    assert!(probe.guid.is_some() || served.server().is_none());
    let places: &[&str] = if probe.guid.is_some() { &["prefix", "header"] } else { &["prefix"] };
    let schemas = json!({ "avro": AVRO, "json": JSON });
    let input = json!({ "do": "write", "schemas": schemas, "topics": topics, "places": places });
    let theirs = peer(&python, served.url(), &input);
    // They registered the schemas; here they are only looked up.
    let registry = client(served.url(), false);
    let file = theirs["schemas"]["protobuf"].as_str().unwrap();
    let proto = || ProtobufSchema::new(file, "flights.Departed").unwrap();
    let (avro, json) = (flights::avro(&registry), flights::json(&registry));
    let protobuf = registry.protobuf::<DepartedMessage>(proto());
    let mut ours = serde_json::Map::new();
    for &place in places {
        let in_header = place == "header";
        let theirs = |format: &str| &theirs["records"][format][place];
        let (headers_of, value_of) = (headers, |record: &Value| bytes(&record["value"]));
        assert_eq!(headers_of(theirs("avro")).is_empty(), !in_header);
        let read_all = |record: &Value| (headers_of(record), value_of(record));
        let (head, value) = read_all(theirs("avro"));
        assert_eq!(read(&avro, &head, &value).unwrap(), departed());
        let (head, value) = read_all(theirs("json"));
        assert_eq!(read(&json, &head, &value).unwrap(), departed());
        let (head, value) = read_all(theirs("protobuf"));
        assert_eq!(read(&protobuf, &head, &value).unwrap(), message());

        let avro = flights::avro(&registry);
        let json = flights::json(&registry);
        let protobuf = registry.protobuf::<DepartedMessage>(proto());
        let (avro, json, protobuf) = if in_header {
            (avro.id_in_header(), json.id_in_header(), protobuf.id_in_header())
        } else {
            (avro, json, protobuf)
        };
        let written = json!({
            "avro": record(write(&avro, topic("avro"), &departed())),
            "json": record(write(&json, topic("json"), &departed())),
            "protobuf": record(write(&protobuf, topic("protobuf"), &message())),
        });
        // Byte for byte, where a format leaves no choice.
        for format in ["avro", "protobuf"] {
            assert_eq!(&written[format], theirs(format), "{format} by {place}");
        }
        assert_eq!(written["json"]["headers"], theirs("json")["headers"]);
        ours.insert(place.to_owned(), written);
    }
    let input = json!({ "do": "read", "schemas": schemas, "records": ours });
    assert_eq!(peer(&python, served.url(), &input), json!("read"));
}
