use super::*;
use crate::schemas::RegistryErrorKind::{
    Denied, Incompatible, Invalid, NotFound, Unavailable, Unexpected,
};

#[test]
fn a_status_says_what_can_be_done() {
    let raw = |error_code, message: &str| {
        serde_json::from_value(json!({ "error_code": error_code, "message": message })).ok()
    };
    for (status, raw, kind, expected) in [
        (404, raw(40403, "Schema not found"), NotFound, "it answers 40403: Schema not found"),
        (404, None, Unexpected, "it answers 404: no registry there: is schema.registry.url right?"),
        (409, raw(409, "no default"), Incompatible, "it answers 409: no default"),
        (422, raw(42201, "Invalid"), Invalid, "it answers 42201: Invalid"),
        (500, raw(50001, "store"), Unavailable, "it answers 50001: store"),
        (503, None, Unavailable, "it answers 503"),
        (429, None, Unavailable, "it answers 429"),
        (302, None, Unexpected, "it answers 302"),
    ] {
        let error = refusal(status, raw);
        assert_eq!((error.kind(), error.to_string().as_str()), (kind, expected));
    }
    let denied = refusal(401, raw(401, "Unauthorized"));
    assert_eq!(denied.kind(), Denied);
    assert!(denied.to_string().contains("schema.registry.basic.auth.user.info"));
    let long = refusal(500, raw(500, &"x".repeat(10_000)));
    assert!(long.to_string().len() < 600);
}

#[test]
fn subjects_are_escaped_in_paths() {
    assert_eq!(escape("a.b_c-value~"), "a.b_c-value~");
    assert_eq!(escape("a/b?c#d e%é"), "a%2Fb%3Fc%23d%20e%25%C3%A9");
}

#[test]
fn an_answer_becomes_a_schema_or_an_error() {
    let parsed = |value: Value| parse(value.to_string()).and_then(|raw| registered(raw, None));
    let found = parsed(json!({
        "schema": "\"int\"", "guid": "89791762-2336-4186-9674-299b90a802e2",
        "references": [{ "name": "r", "subject": "s", "version": 2 }],
    }))
    .unwrap();
    assert_eq!(found.schema.format, SchemaFormat::Avro);
    assert_eq!(found.schema.references[0].version, 2);
    assert!(found.guid.is_some());
    assert_eq!(parsed(json!({ "schema": "x", "schemaType": "XML" })).unwrap_err().kind(), Invalid);
    for wrong in [json!({}), json!([]), json!("<html>"), json!({ "schema": 1 })] {
        assert_eq!(parsed(wrong).unwrap_err().kind(), Unexpected);
    }
}

#[test]
fn without_an_address_there_is_no_registry() {
    let clock = Arc::new(crate::time::SystemClock::start());
    let error = Http::new(SchemaRegistrySettings::default(), clock).err().unwrap();
    assert!(error.to_string().starts_with("setting schema.registry.url is missing"), "{error}");
}

#[test]
fn certificates_are_read_at_the_start() {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let certificate = file("cert.pem", cert.pem());
    let key = file("key.pem", signing_key.serialize_pem());
    let settings = SchemaRegistrySettings {
        urls: vec!["https://localhost:1".to_owned()],
        ca: Some(certificate.clone()),
        identity: Some((certificate.clone(), key)),
        ..SchemaRegistrySettings::default()
    };
    let clock = || Arc::new(crate::time::SystemClock::start());
    Http::new(settings.clone(), clock()).unwrap();
    let without_key = Some((certificate.clone(), certificate));
    let error = Http::new(SchemaRegistrySettings { identity: without_key, ..settings }, clock());
    let error = error.err().unwrap().to_string();
    assert!(error.ends_with("cert.pem has no certificate or key in PEM"), "{error}");
}
