//! The API without sockets, against what Confluent's registry answers.

mod deletes;
mod evolution;
mod limits;
mod settings;

use serde_json::{Value, json};

use super::*;

/// A record with these fields, as a schema's text.
pub(super) fn record(fields: &[Value]) -> String {
    json!({ "type": "record", "name": "U", "namespace": "n", "fields": fields }).to_string()
}

pub(super) fn a() -> Value {
    json!({ "name": "a", "type": "int" })
}

pub(super) fn b() -> Value {
    json!({ "name": "b", "type": "int", "default": 0 })
}

pub(super) fn c() -> Value {
    json!({ "name": "c", "type": "string" })
}

/// A registry that is asked as by a client.
pub(super) struct Client(pub(super) Registry);

impl Client {
    pub(super) fn new() -> Self {
        Self(Registry::new(RegistryConfig::default()))
    }

    pub(super) fn ask(&mut self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let response = self.0.handle(&Request::new(method, path).body(body));
        (response.status, serde_json::from_slice(&response.body).expect("JSON"))
    }

    pub(super) fn get(&mut self, path: &str) -> Value {
        let (status, body) = self.ask(Method::Get, path, None);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub(super) fn post(&mut self, path: &str, body: Value) -> (u16, Value) {
        self.ask(Method::Post, path, Some(body))
    }

    pub(super) fn delete(&mut self, path: &str) -> (u16, Value) {
        self.ask(Method::Delete, path, None)
    }

    pub(super) fn put(&mut self, path: &str, body: Value) -> (u16, Value) {
        self.ask(Method::Put, path, Some(body))
    }

    /// Registers an Avro schema and returns its id and version.
    pub(super) fn register(&mut self, subject: &str, schema: &str) -> (u64, u64) {
        let (status, body) =
            self.post(&format!("/subjects/{subject}/versions"), json!({ "schema": schema }));
        assert_eq!(status, 200, "{body}");
        (body["id"].as_u64().unwrap(), body["version"].as_u64().unwrap())
    }

    /// Returns the status and the code of what is refused.
    pub(super) fn refused(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, u64) {
        let (status, body) = self.ask(method, path, body);
        assert!(body["message"].is_string(), "{path}: {status} {body}");
        (status, body["error_code"].as_u64().expect("a code"))
    }

    pub(super) fn get_refused(&mut self, path: &str) -> (u16, u64) {
        self.refused(Method::Get, path, None)
    }
}

#[test]
fn ids_are_global_and_equal_for_equal_schemas() {
    let mut client = Client::new();
    let text = record(&[a()]);
    assert_eq!(client.register("orders-value", &text), (1, 1));
    assert_eq!(client.register("orders-value", &text), (1, 1));
    assert_eq!(client.register("others-value", &text), (1, 1));
    let spaced = text.replace(',', " ,\n ");
    assert_eq!(client.register("orders-value", &spaced), (1, 1));
    assert_eq!(client.register("orders-value", &record(&[a(), b()])), (2, 2));
    assert_eq!(client.get("/subjects"), json!(["orders-value", "others-value"]));
    assert_eq!(client.get("/subjects?subjectPrefix=ot"), json!(["others-value"]));
    assert_eq!(client.get("/subjects?offset=1&limit=1"), json!(["others-value"]));
    assert_eq!(client.get("/subjects/orders-value/versions"), json!([1, 2]));
    let both = json!([
        { "subject": "orders-value", "version": 1 },
        { "subject": "others-value", "version": 1 }
    ]);
    assert_eq!(client.get("/schemas/ids/1/versions"), both);
    assert_eq!(client.get("/schemas/ids/1/subjects"), json!(["orders-value", "others-value"]));
    assert_eq!(client.get("/schemas?subjectPrefix=or&latestOnly=true")[0]["version"], 2);
}

#[test]
fn a_schema_is_found_by_id_version_guid_and_text() {
    let mut client = Client::new();
    let text = record(&[a()]);
    client.register("u", &text);
    client.register("u", &record(&[a(), b()]));
    let by_id = client.get("/schemas/ids/1");
    assert_eq!(by_id["schemaType"], "AVRO");
    assert!(by_id.get("subject").is_none() && by_id.get("maxId").is_none(), "{by_id}");
    let stored: Value = serde_json::from_str(by_id["schema"].as_str().unwrap()).unwrap();
    assert_eq!(stored, serde_json::from_str::<Value>(&text).unwrap());
    assert_eq!(client.get("/schemas/ids/1?fetchMaxId=true")["maxId"], 2);
    assert_eq!(client.get("/schemas/ids/1?subject=u")["version"], 1);
    assert_eq!(client.get("/schemas/ids/1/schema"), stored);
    assert_eq!(client.get("/subjects/u/versions/1/schema"), stored);
    let latest = client.get("/subjects/u/versions/latest");
    assert_eq!((&latest["version"], &latest["id"]), (&json!(2), &json!(2)));
    assert_eq!(client.get("/subjects/u/versions/-1"), latest);
    let guid = by_id["guid"].as_str().unwrap();
    assert_eq!(client.get(&format!("/schemas/guids/{guid}")), by_id);
    let ids = client.get(&format!("/schemas/guids/{guid}/ids"));
    assert_eq!(ids, json!([{ "context": ".", "id": 1 }]));
    let (status, found) = client.post("/subjects/u", json!({ "schema": text }));
    assert_eq!((status, &found["version"], &found["subject"]), (200, &json!(1), &json!("u")));
}

#[test]
fn what_is_not_there_has_its_code() {
    let mut client = Client::new();
    client.register("u", &record(&[a()]));
    let unknown = [
        ("/subjects/nosuch/versions", (404, 40401)),
        ("/subjects/nosuch/versions/1", (404, 40401)),
        ("/subjects/u/versions/9", (404, 40402)),
        ("/subjects/u/versions/0", (422, 42202)),
        ("/subjects/u/versions/last", (422, 42202)),
        ("/subjects/u/versions/4294967297", (422, 42202)),
        ("/schemas/ids/9", (404, 40403)),
        ("/schemas/ids/9/versions", (404, 40403)),
        ("/schemas/ids/x", (404, 404)),
        ("/schemas/guids/x", (404, 40403)),
        ("/nothing", (404, 404)),
        ("/subjects/u/versions/1/nothing", (404, 404)),
        ("/compatibility/subjects/u/versions/1", (405, 405)),
    ];
    for (path, code) in unknown {
        assert_eq!(client.get_refused(path), code, "{path}");
    }
    let lookups = [("nosuch", 40401), ("u", 40403)];
    for (subject, code) in lookups {
        let body = Some(json!({ "schema": record(&[c()]) }));
        let path = format!("/subjects/{subject}");
        assert_eq!(client.refused(Method::Post, &path, body), (404, code));
    }
    assert_eq!(client.refused(Method::Delete, "/subjects/nosuch", None), (404, 40401));
}

#[test]
fn what_is_no_schema_is_refused() {
    let mut client = Client::new();
    let bodies = [
        json!({ "schema": "{nope" }),
        json!({ "schema": "" }),
        json!({}),
        json!({ "schema": record(&[json!({ "name": "x", "type": "n.Nope" })]) }),
        json!({ "schema": "{}", "schemaType": "XML" }),
        json!({ "schema": "[1]", "schemaType": "JSON" }),
        json!({ "schema": "\"string\"", "references": [
            { "name": "n.Nope", "subject": "nope", "version": 1 }
        ] }),
    ];
    for body in bodies {
        let path = "/subjects/u/versions";
        assert_eq!(client.refused(Method::Post, path, Some(body.clone())), (422, 42201), "{body}");
    }
    let broken = Request::new(Method::Post, "/subjects/u/versions").body("{\"schema\":");
    assert_eq!(client.0.handle(&broken).status, 400);
    assert_eq!(client.get("/subjects"), json!([]));
    let no_subjects = ["__GLOBAL", "__EMPTY", ":.context:u", "a%00b"];
    for name in no_subjects {
        let body = Some(json!({ "schema": "\"string\"" }));
        let path = format!("/subjects/{name}/versions");
        assert_eq!(client.refused(Method::Post, &path, body), (422, 42208), "{name}");
    }
}

#[test]
fn names_of_subjects_are_decoded() {
    let mut client = Client::new();
    client.register("a%2Fb%20c", "\"string\"");
    assert_eq!(client.get("/subjects"), json!(["a/b c"]));
    assert_eq!(client.get("/subjects/a%2Fb%20c/versions/1")["subject"], "a/b c");
}

#[test]
fn schemas_refer_to_others() {
    let mut client = Client::new();
    let address = json!({ "type": "record", "name": "Addr", "namespace": "n", "fields": [c()] });
    client.register("addr", &address.to_string());
    let person = json!({ "type": "record", "name": "P", "namespace": "n",
        "fields": [{ "name": "x", "type": "n.Addr" }] });
    let references = json!([{ "name": "n.Addr", "subject": "addr", "version": 1 }]);
    let body = json!({ "schema": person.to_string(), "references": references });
    let (status, answer) = client.post("/subjects/person/versions", body.clone());
    assert_eq!(status, 200, "{answer}");
    assert_eq!(client.get("/subjects/person/versions/1")["references"], references);
    assert_eq!(client.get("/subjects/addr/versions/1/referencedby"), json!([answer["id"]]));
    // The latest version of what is referred to may be meant.
    let mut latest = body.clone();
    latest["references"][0]["version"] = json!(-1);
    assert_eq!(client.post("/subjects/person", latest), client.post("/subjects/person", body));
    // A schema that refers to one that refers to others knows their names.
    let group = json!({ "type": "record", "name": "G", "namespace": "n",
        "fields": [{ "name": "p", "type": "P" }, { "name": "home", "type": "n.Addr" }] });
    let references = json!([{ "name": "n.P", "subject": "person", "version": 1 }]);
    let body = json!({ "schema": group.to_string(), "references": references });
    assert_eq!(client.post("/subjects/group/versions", body).0, 200);
}

#[test]
fn json_and_protobuf_are_kept_with_their_references() {
    let mut client = Client::new();
    let number = json!({ "schemaType": "JSON", "schema": "{ \"type\": \"integer\" }" });
    assert_eq!(client.post("/subjects/js/versions", number).0, 200);
    let text = "{\"properties\":{\"o\":{\"$ref\":\"js.json\"}}}";
    let references = json!([{ "name": "js.json", "subject": "js", "version": 1 }]);
    let body = json!({ "schemaType": "JSON", "schema": text, "references": references });
    assert_eq!(client.post("/subjects/js2/versions", body).0, 200);
    let stored = client.get("/subjects/js2/versions/1");
    assert_eq!((&stored["schemaType"], &stored["schema"]), (&json!("JSON"), &json!(text)));
    let text = "syntax = \"proto3\";\nmessage A { int32 a = 1; }";
    let body = json!({ "schemaType": "PROTOBUF", "schema": format!("{text}\n") });
    let (_, first) = client.post("/subjects/pb/versions", body.clone());
    assert_eq!(first["schema"], text);
    assert_eq!(client.post("/subjects/pb/versions", body).1["id"], first["id"]);
    assert_eq!(client.get("/schemas/ids/3/schema"), json!(text));
    let mut types = client.get("/schemas/types").as_array().unwrap().clone();
    types.sort_by_key(Value::to_string);
    assert_eq!(types, [json!("AVRO"), json!("JSON"), json!("PROTOBUF")]);
    // Another language is another schema, whatever its text.
    let body = json!({ "schema": "{ \"type\": \"array\", \"items\": \"int\" }" });
    let avro = client.post("/subjects/t1/versions", body.clone()).1["id"].clone();
    let json = json!({ "schemaType": "JSON", "schema": body["schema"] });
    assert_ne!(client.post("/subjects/t2/versions", json).1["id"], avro);
}

#[test]
fn metadata_is_part_of_a_schema_and_is_searched() {
    let mut client = Client::new();
    let body = |owner: &str| {
        let metadata = json!({ "properties": { "owner": owner } });
        json!({ "schema": "\"string\"", "metadata": metadata })
    };
    let first = client.post("/subjects/m/versions", body("ann")).1;
    let second = client.post("/subjects/m/versions", body("bob")).1;
    assert_ne!(first["id"], second["id"]);
    assert_eq!(client.get("/subjects/m/metadata?key=owner&value=ann")["version"], 1);
    let path = "/subjects/m/metadata?key=owner&value=eve";
    assert_eq!(client.get_refused(path), (404, 40403));
}

#[test]
fn the_root_answers_who_looks_whether_it_is_there() {
    let mut client = Client::new();
    assert_eq!(client.get("/"), json!({}));
    assert_eq!(client.post("/", json!({})), (200, json!({})));
    assert_eq!(client.put("/", json!({})).0, 405);
}

#[test]
fn it_goes_on_from_its_changes_and_from_its_image() {
    let mut client = Client::new();
    client.register("a", &record(&[a()]));
    client.register("a", &record(&[a(), b()]));
    client.register("b", "\"string\"");
    client.register("gone", "\"long\"");
    client.delete("/subjects/a/versions/1");
    client.delete("/subjects/gone");
    client.delete("/subjects/gone?permanent=true");
    client.put("/config/a", json!({ "compatibility": "FULL" }));
    client.put("/mode", json!({ "mode": "READONLY" }));
    let changes: Vec<Change> = client.0.drain_changes().collect();
    // As a line of a file, and back.
    let changes = serde_json::from_str(&serde_json::to_string(&changes).unwrap()).unwrap();
    let image = client.0.image().collect();
    let paths = [
        "/subjects?deleted=true",
        "/schemas?deleted=true",
        "/config/a",
        "/mode",
        "/schemas/ids/1?fetchMaxId=true",
    ];
    let expected = paths.map(|path| client.get(path));
    for changes in [changes, image] {
        let mut again = Client(Registry::restore(RegistryConfig::default(), changes));
        assert_eq!(paths.map(|path| again.get(path)), expected);
        again.put("/mode", json!({ "mode": "READWRITE" }));
        // The id of what is gone is not handed out again.
        assert_eq!(again.register("new", "\"long\""), (5, 1));
    }
}
