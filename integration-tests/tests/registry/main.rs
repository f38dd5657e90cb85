//! What a schema registry must do, on whatever registry is given: the embedded one by default, a
//! real one by `KAPPA_TEST_REGISTRY`.
//!
//! What differs from one real registry to another is not asked here: Apicurio's has no modes and no
//! default level, and keeps texts as they were sent.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a check fails by panicking")]

mod evolution;
mod references;
mod subjects;

use integration_tests::{Registry, unique};
use reqwest::Method;
use serde_json::{Value, json};

/// A subject of a test's own.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    registry: &'a Registry,
    name: String,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(registry: &'a Registry) -> Self {
        Self { registry, name: unique("subject") }
    }

    /// Asks what the path behind the subject's name says.
    pub(crate) fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.registry.ask(method, &format!("/subjects/{}{path}", self.name), body)
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path, None)
    }

    pub(crate) fn try_register(&self, body: &Value) -> (u16, Value) {
        self.ask(Method::POST, "/versions", Some(body))
    }

    /// Registers a schema and returns its id.
    pub(crate) fn register(&self, body: &Value) -> u64 {
        let (status, answer) = self.try_register(body);
        assert_eq!(status, 200, "{answer}");
        answer["id"].as_u64().unwrap()
    }

    pub(crate) fn set_level(&self, level: &str) {
        let path = format!("/config/{}", self.name);
        let body = json!({ "compatibility": level });
        let (status, answer) = self.registry.ask(Method::PUT, &path, Some(&body));
        assert_eq!((status, &answer["compatibility"]), (200, &json!(level)));
    }
}

/// Makes a record of these fields, as it is registered. The name is of a test's own: registries
/// give equal schemas equal ids, and other tests have some.
pub(crate) fn record(name: &str, fields: &[Value]) -> Value {
    let schema = json!({ "type": "record", "name": name, "namespace": "n", "fields": fields });
    json!({ "schema": schema.to_string() })
}

/// Returns a name that a record may have.
pub(crate) fn record_name() -> String {
    unique("R").replace('-', "_")
}

pub(crate) fn a() -> Value {
    json!({ "name": "a", "type": "int" })
}

pub(crate) fn b() -> Value {
    json!({ "name": "b", "type": "int", "default": 0 })
}

pub(crate) fn c() -> Value {
    json!({ "name": "c", "type": "string" })
}

/// Asserts a refusal: its status, and the codes that registries give it.
pub(crate) fn assert_refused(answer: &(u16, Value), status: u16, codes: &[u64]) {
    let code = answer.1["error_code"].as_u64();
    let is_known = code.is_some_and(|code| codes.contains(&code));
    assert!(answer.0 == status && is_known, "{status} {codes:?} expected: {answer:?}");
    assert!(answer.1["message"].is_string(), "{answer:?}");
}
