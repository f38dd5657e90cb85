//! A registry that is slow, wrong, down or hostile: each has an outcome of its own, and none loses a record.

use std::time::Duration;

use integration_tests::Deadline;
use integration_tests::waiting::eventually;
use kappa::Headers;
use kappa::config::{SchemaRegistrySettings, Settings, StreamsConfig};
use kappa::schemas::avro::{Avro, AvroSchema};
use kappa::schemas::{Registry, RegistryErrorKind};
use kappa::serde::{Serde, SerdeError, Unready};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::stub::{Answer, Stub};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Departed {
    flight: String,
    delay: i32,
}

const SCHEMA: &str = r#"{"type":"record","name":"flights.Departed","fields":[
    {"name":"flight","type":"string"},{"name":"delay","type":"int"}]}"#;

/// `UA 12` with a delay of 5, as Avro.
const PAYLOAD: &[u8] = b"\x0aUA 12\x0a";

fn departed() -> Departed {
    Departed { flight: "UA 12".to_owned(), delay: 5 }
}

fn settings(url: &str, more: &[(&str, &str)]) -> Settings {
    let mut config = StreamsConfig::new("test").with_argument("schema.registry.url", url).unwrap();
    for (name, value) in more {
        config = config.with_argument(name, value).unwrap();
    }
    config.resolve().unwrap()
}

fn registry(url: &str, more: &[(&str, &str)]) -> Registry {
    Registry::new(&settings(url, more)).unwrap()
}

fn avro(registry: &Registry) -> Avro<Departed> {
    registry.avro(AvroSchema::parse(SCHEMA).unwrap())
}

fn record(id: u8) -> Vec<u8> {
    [&[0, 0, 0, 0, id], PAYLOAD].concat()
}

fn decode(serde: &Avro<Departed>, bytes: &[u8]) -> Result<Departed, SerdeError> {
    serde.decode_record("flights", &Headers::default(), Some(bytes))
}

/// Tries a record again as the engine does, until it is no longer only unready.
fn decode_patiently(serde: &Avro<Departed>, bytes: &[u8]) -> Result<Departed, SerdeError> {
    eventually("an answer", Deadline::seconds(30), || {
        let answer = decode(serde, bytes);
        let is_unready = matches!(&answer, Err(error) if error.is::<Unready>());
        (!is_unready).then_some(answer)
    })
}

/// Tries until what keeps a record from being read is known.
fn unready(serde: &Avro<Departed>, bytes: &[u8]) -> String {
    eventually("a reason", Deadline::seconds(30), || {
        let error = decode(serde, bytes).unwrap_err();
        assert!(error.is::<Unready>(), "{error}");
        Some(error.to_string()).filter(|text| text.contains("schema registry"))
    })
}

fn found() -> Answer {
    Answer::Body(200, json!({ "schema": SCHEMA, "schemaType": "AVRO" }).to_string())
}

#[test]
fn a_record_is_read_and_its_schema_asked_for_once() {
    let stub = Stub::start();
    stub.answer("/schemas/ids/7?deleted=true", found());
    let serde = avro(&registry(&stub.url(), &[]));
    assert!(decode(&serde, &record(7)).unwrap_err().is::<Unready>());
    for _ in 0..100 {
        assert_eq!(decode_patiently(&serde, &record(7)).unwrap(), departed());
    }
    assert_eq!(stub.requests().len(), 1);
    // Rows are read by the same schema, without headers.
    assert_eq!(serde.decode("flights", &record(7)).unwrap(), departed());
}

#[test]
fn a_topic_is_looked_up_or_registered_as_the_settings_say() {
    let stub = Stub::start();
    let serde = avro(&registry(&stub.url(), &[]));
    let error = serde.prepare("flights").unwrap_err();
    let expected = format!(
        "the schema of `flights-value` is not registered at {}: register it with `APP schemas \
         --register`, or set auto.register.schemas=true",
        stub.url()
    );
    assert_eq!(error.to_string(), expected);
    let id = || Answer::Body(200, r#"{"id":258,"version":1,"subject":"flights-value"}"#.to_owned());
    stub.answer("/subjects/flights-value?deleted=false", id());
    serde.prepare("flights").unwrap();
    let mut bytes = Vec::new();
    serde.encode("flights", &departed(), &mut bytes).unwrap();
    assert_eq!(bytes, [&[0, 0, 0, 1, 2], PAYLOAD].concat());

    let strategy = ("value.subject.name.strategy", "TopicRecordNameStrategy");
    let auto = registry(&stub.url(), &[("auto.register.schemas", "true"), strategy]);
    stub.answer("/subjects/flights-flights.Departed/versions", id());
    avro(&auto).prepare("flights").unwrap();
    let request = stub.requests().pop().unwrap();
    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body, json!({ "schema": SCHEMA, "schemaType": "AVRO", "references": [] }));
}

#[test]
fn an_id_that_does_not_exist_is_the_records_fault() {
    let stub = Stub::start();
    let serde = avro(&registry(&stub.url(), &[]));
    let error = decode_patiently(&serde, &record(9)).unwrap_err().to_string();
    let expected = format!(
        "schema 9 cannot be used: schema registry {}: it answers 40403: Schema not found: was the \
         record written with another registry, or is it damaged?",
        stub.url()
    );
    assert_eq!(error, expected);
    // The registry is spared as long as the refusal is believed.
    for _ in 0..100 {
        decode_patiently(&serde, &record(9)).unwrap_err();
    }
    assert_eq!(stub.requests().len(), 1);
}

#[test]
fn trouble_passes_and_the_record_is_read_then() {
    for (status, text) in
        [(500, "it answers 500"), (503, "it answers 503"), (429, "it answers 429")]
    {
        let stub = Stub::start();
        stub.answer("/schemas/ids/7?deleted=true", Answer::Body(status, String::new()));
        let serde = avro(&registry(&stub.url(), &[]));
        let reason = unready(&serde, &record(7));
        assert!(reason.contains(text) && reason.contains(&stub.url()), "{reason}");
        stub.answer("/schemas/ids/7?deleted=true", found());
        assert_eq!(decode_patiently(&serde, &record(7)).unwrap(), departed());
    }
}

#[test]
fn a_registry_that_is_down_or_silent_is_unready_and_says_so() {
    let gone = Stub::start().url();
    let serde = avro(&registry(&gone, &[]));
    let reason = unready(&serde, &record(7));
    assert!(reason.contains("cannot be reached: ") && reason.contains("refused"), "{reason}");
    let error = serde.prepare("flights").unwrap_err();
    assert!(error.is::<Unready>() && error.to_string().contains("cannot be reached"), "{error}");

    let stub = Stub::start();
    stub.answer("/schemas/ids/7?deleted=true", Answer::Silence);
    let serde = avro(&registry(&stub.url(), &[("schema.registry.request.timeout.ms", "50")]));
    let reason = unready(&serde, &record(7));
    assert!(reason.ends_with("no answer in time"), "{reason}");
    let error = serde.decode("flights", &record(7)).unwrap_err().to_string();
    assert!(error.starts_with("schema 7 was not to be had within 150 ms"), "{error}");
}

#[test]
fn wrong_credentials_are_not_the_records_fault_and_are_not_shown() {
    let stub = Stub::start();
    let denied = || Answer::Body(401, r#"{"error_code":401,"message":"Unauthorized"}"#.to_owned());
    stub.answer("/schemas/ids/7?deleted=true", denied());
    stub.answer("/subjects/flights-value?deleted=false", denied());
    let user = ("schema.registry.basic.auth.user.info", "ann:hunter2");
    let serde = avro(&registry(&stub.url(), &[user]));
    let reason = unready(&serde, &record(7));
    assert!(reason.contains("it answers 401: Unauthorized: it does not accept"), "{reason}");
    let error = serde.prepare("flights").unwrap_err();
    assert!(!error.is::<Unready>());
    let shown = format!("{reason} {error} {error:?} {serde:?}");
    assert!(error.to_string().contains("it answers 401") && !shown.contains("hunter2"), "{shown}");
    for request in stub.requests() {
        assert_eq!(request.authorization.as_deref(), Some("Basic YW5uOmh1bnRlcjI="));
    }

    let token = ("schema.registry.bearer.auth.token", "t0ken");
    unready(&avro(&registry(&stub.url(), &[token])), &record(7));
    // The first client goes on asking beside it.
    let requests = stub.requests();
    let mut given = requests.iter().filter_map(|request| request.authorization.as_deref());
    assert!(given.any(|authorization| authorization == "Bearer t0ken"));
}

#[test]
fn schemas_without_end_and_without_sense_are_refused() {
    let stub = Stub::start();
    let deep =
        format!("{}\"int\"{}", "{\"type\":\"array\",\"items\":".repeat(2000), "}".repeat(2000));
    let body = |schema: &str| Answer::Body(200, json!({ "schema": schema }).to_string());
    let path = |id: u8| format!("/schemas/ids/{id}?deleted=true");
    stub.answer(&path(1), Answer::Endless);
    stub.answer(&path(2), body("{"));
    stub.answer(&path(3), body(&deep));
    stub.answer(&path(4), body("\"string\""));
    let reference = json!({ "name": "x", "subject": "x", "version": 1 });
    let circle = json!({ "schema": SCHEMA, "references": [reference] }).to_string();
    stub.answer(&path(5), Answer::Body(200, circle.clone()));
    stub.answer("/subjects/x/versions/1?deleted=true", Answer::Body(200, circle));
    let serde = avro(&registry(&stub.url(), &[]));
    let error = |id| decode_patiently(&serde, &record(id)).unwrap_err().to_string();
    assert!(error(1).contains("the answer is larger than 8388608 bytes"), "{}", error(1));
    for id in 2..5 {
        let error = error(id);
        assert!(error.contains(&format!("schema {id}")), "{error}");
    }
    // References in a circle are asked for once.
    assert_eq!(decode_patiently(&serde, &record(5)).unwrap(), departed());
}

#[test]
fn what_is_no_registry_is_unready_and_says_what_may_be_wrong() {
    let stub = Stub::start();
    let page = |status| Answer::Body(status, "<html>hello</html>".to_owned());
    stub.answer("/schemas/ids/7?deleted=true", page(404));
    let serde = avro(&registry(&stub.url(), &[]));
    assert!(unready(&serde, &record(7)).contains("is schema.registry.url right?"));
    stub.answer("/schemas/ids/8?deleted=true", page(200));
    assert!(unready(&serde, &record(8)).contains("the answer is not a registry's"));
}

#[test]
fn the_next_address_is_asked_where_one_does_not_answer() {
    let (gone, stub) = (Stub::start().url(), Stub::start());
    stub.answer("/schemas/ids/7?deleted=true", found());
    let serde = avro(&registry(&format!("{gone},{}", stub.url()), &[]));
    assert_eq!(decode_patiently(&serde, &record(7)).unwrap(), departed());
}

#[test]
fn compatibility_is_told_in_the_registrys_words() {
    let stub = Stub::start();
    let registry = registry(&stub.url(), &[]);
    let schema = AvroSchema::parse(SCHEMA).unwrap();
    assert!(registry.incompatibilities("s", schema.schema()).unwrap().is_empty());
    let verdict = json!({ "is_compatible": false, "messages": ["delay has no default"] });
    let path = "/compatibility/subjects/s/versions?verbose=true";
    stub.answer(path, Answer::Body(200, verdict.to_string()));
    assert_eq!(registry.incompatibilities("s", schema.schema()).unwrap(), ["delay has no default"]);
    let verdict = json!({ "is_compatible": false, "reason": "seat at /fields/2" });
    stub.answer(path, Answer::Body(200, verdict.to_string()));
    assert_eq!(registry.incompatibilities("s", schema.schema()).unwrap(), ["seat at /fields/2"]);
    stub.answer(
        "/subjects/s/versions",
        Answer::Body(409, r#"{"error_code":409,"message":"no"}"#.to_owned()),
    );
    let error = registry.register("s", schema.schema()).unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Incompatible);
    assert!(error.to_string().starts_with("cannot register the schema of `s`: "), "{error}");
}

#[test]
fn a_certificate_that_cannot_be_read_is_an_error_at_once() {
    let settings = SchemaRegistrySettings {
        urls: vec!["https://localhost:1".to_owned()],
        ca: Some("/absent.pem".into()),
        request_timeout: Duration::from_secs(1),
        ..SchemaRegistrySettings::default()
    };
    let error = Registry::over_http(&settings).unwrap_err().report();
    assert!(error.starts_with("cannot read /absent.pem, for the schema registry: "), "{error}");
}
