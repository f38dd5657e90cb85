//! What a new version must keep to.

use super::*;

#[test]
fn by_default_the_new_version_reads_the_latest() {
    let mut client = Client::new();
    client.register("u", &record(&[a()]));
    let body = Some(json!({ "schema": record(&[a(), c()]) }));
    assert_eq!(client.refused(Method::Post, "/subjects/u/versions", body.clone()), (409, 409));
    let message = client.ask(Method::Post, "/subjects/u/versions", body).1["message"].clone();
    let message = message.as_str().unwrap();
    for told in [
        "Schema being registered is incompatible with an earlier schema for subject \"u\"",
        "errorType:'READER_FIELD_MISSING_DEFAULT_VALUE'",
        "The field 'c' at path '/fields/1' in the new schema has no default value and is missing \
         in the old schema",
        "{oldSchemaVersion: 1}",
        "compatibility: 'BACKWARD'",
    ] {
        assert!(message.contains(told), "no {told} in {message}");
    }
    assert_eq!(client.register("u", &record(&[a(), b()])), (2, 2));
    assert_eq!(client.register("u", &record(&[b()])), (3, 3));
}

#[test]
fn levels_say_who_reads_whom() {
    let (narrow, wide) = (record(&[a()]), record(&[a(), c()]));
    // From the narrow to the wide, and back.
    let expected = [
        ("NONE", true, true),
        ("BACKWARD", false, true),
        ("FORWARD", true, false),
        ("FULL", false, false),
        ("backward_transitive", false, true),
        ("FORWARD_TRANSITIVE", true, false),
        ("FULL_TRANSITIVE", false, false),
    ];
    for (level, widens, narrows) in expected {
        let mut client = Client::new();
        client.put("/config", json!({ "compatibility": level }));
        client.register("n", &narrow);
        client.register("w", &wide);
        let mut test = |subject, schema: &String| {
            let path = format!("/compatibility/subjects/{subject}/versions/latest");
            client.post(&path, json!({ "schema": schema })).1["is_compatible"].clone()
        };
        assert_eq!(test("n", &wide), widens, "{level}");
        assert_eq!(test("w", &narrow), narrows, "{level}");
    }
}

#[test]
fn transitive_levels_look_at_all_versions() {
    let with = |kind: &str| record(&[a(), json!({ "name": "x", "type": kind, "default": 1 })]);
    let mut client = Client::new();
    for schema in [with("long"), record(&[a()])] {
        client.register("u", &schema);
    }
    // It reads the latest, which has no `x`, but not the one before.
    let body = json!({ "schema": with("int") });
    let latest = "/compatibility/subjects/u/versions/latest";
    let all = "/compatibility/subjects/u/versions";
    assert_eq!(client.post(latest, body.clone()), (200, json!({ "is_compatible": true })));
    assert_eq!(client.post(all, body.clone()).1["is_compatible"], true, "the level says how many");
    let first = "/compatibility/subjects/u/versions/1?verbose=true";
    let answer = client.post(first, body.clone()).1;
    assert_eq!(answer["is_compatible"], false);
    let messages = answer["messages"].to_string();
    assert!(
        messages.contains("TYPE_MISMATCH") && messages.contains("/fields/1/type"),
        "{messages}"
    );
    client.put("/config/u", json!({ "compatibility": "BACKWARD_TRANSITIVE" }));
    assert_eq!(client.post(all, body.clone()).1["is_compatible"], false);
    let refused = client.refused(Method::Post, "/subjects/u/versions", Some(body));
    assert_eq!(refused, (409, 409));
}

#[test]
fn what_is_asked_of_nothing_gets_on() {
    let mut client = Client::new();
    let body = json!({ "schema": record(&[a()]) });
    let path = "/compatibility/subjects/new/versions";
    assert_eq!(client.post(path, body.clone()).1["is_compatible"], true);
    assert_eq!(client.post(&format!("{path}/latest"), body.clone()).1["is_compatible"], true);
    let refused = client.refused(Method::Post, &format!("{path}/1"), Some(body));
    assert_eq!(refused, (404, 40402));
    let broken = json!({ "schema": "{nope" });
    let refused = client.refused(Method::Post, path, Some(broken.clone()));
    assert_eq!(refused, (422, 42201));
    let verbose = client.post(&format!("{path}?verbose=true"), broken).1;
    assert_eq!(verbose["is_compatible"], false);
}

#[test]
fn another_language_is_never_compatible() {
    let mut client = Client::new();
    client.register("u", &record(&[a()]));
    let body = Some(json!({ "schemaType": "JSON", "schema": "{}" }));
    assert_eq!(client.refused(Method::Post, "/subjects/u/versions", body.clone()), (409, 409));
    client.put("/config/u", json!({ "compatibility": "NONE" }));
    assert_eq!(client.ask(Method::Post, "/subjects/u/versions", body).0, 200);
}

#[test]
fn changes_within_what_is_referred_to_are_seen() {
    let mut client = Client::new();
    let address = |fields: &[Value]| {
        json!({ "type": "record", "name": "A", "namespace": "n", "fields": fields }).to_string()
    };
    client.put("/config/addr", json!({ "compatibility": "NONE" }));
    client.register("addr", &address(&[a()]));
    client.register("addr", &address(&[a(), b()]));
    client.register("addr", &address(&[a(), c()]));
    let person = |version: u32| {
        json!({ "schema": record(&[json!({ "name": "x", "type": "A" })]),
            "references": [{ "name": "n.A", "subject": "addr", "version": version }] })
    };
    assert_eq!(client.post("/subjects/p/versions", person(1)).0, 200);
    assert_eq!(client.post("/subjects/p/versions", person(2)).0, 200);
    assert_eq!(client.post("/subjects/p/versions", person(3)).0, 409);
}

/// Registers a schema of a language and returns the answer's status and text.
fn post(client: &mut Client, subject: &str, schema_type: &str, schema: &str) -> (u16, String) {
    let body = json!({ "schemaType": schema_type, "schema": schema });
    let (status, answer) = client.post(&format!("/subjects/{subject}/versions"), body);
    (status, answer.to_string())
}

#[test]
fn protobuf_and_json_are_compared_by_the_level() {
    let proto = |fields: &str| format!("syntax = \"proto3\"; message M {{ {fields} }}");
    let object =
        |fields: &str| format!("{{\"additionalProperties\":false,\"properties\":{{{fields}}}}}");
    let cases = [
        (
            "PROTOBUF",
            [proto("int32 a = 1;"), proto("int64 a = 1; string b = 2;"), proto("string a = 1;")],
            "field `M.a`: it is int64 in the old schema and string in the new schema",
        ),
        (
            "JSON",
            [
                object(r#""a":{"type":"integer"}"#),
                object(r#""a":{"type":"number"},"b":{}"#),
                object(r#""a":{"type":"integer"},"b":{}"#),
            ],
            "field `a`: it may be number in the old schema, and the new schema only takes integer",
        ),
    ];
    for (language, [first, second, third], told) in cases {
        let mut client = Client::new();
        assert_eq!(post(&mut client, "u", language, &first).0, 200);
        assert_eq!(post(&mut client, "u", language, &second).0, 200);
        let (status, answer) = post(&mut client, "u", language, &third);
        assert_eq!(status, 409, "{answer}");
        assert!(answer.contains(told) && answer.contains("oldSchemaVersion: 2"), "{answer}");
        let body = json!({ "schemaType": language, "schema": third });
        let path = "/compatibility/subjects/u/versions/latest?verbose=true";
        let answer = client.post(path, body.clone()).1;
        assert_eq!(answer["is_compatible"], false);
        assert_eq!(answer["messages"][0], told);
        client.put("/config/u", json!({ "compatibility": "FORWARD" }));
        let forward = client.post(path, body).1["is_compatible"].clone();
        assert_eq!(forward, language == "JSON");
        client.put("/config/u", json!({ "compatibility": "NONE" }));
        assert_eq!(post(&mut client, "u", language, &third).0, 200);
    }
}

#[test]
fn protobuf_and_json_that_are_none_are_refused() {
    let mut client = Client::new();
    let (status, answer) = post(&mut client, "u", "PROTOBUF", "syntax = \"proto3\";\nmassage A {}");
    assert_eq!(status, 422);
    assert!(answer.contains("line 2, column 1: "), "{answer}");
    let (status, answer) = post(&mut client, "u", "JSON", "{\"type\":\n nothing}");
    assert_eq!(status, 422);
    assert!(answer.contains("line 2, column "), "{answer}");
}

#[test]
fn changes_within_imports_are_seen() {
    let mut client = Client::new();
    client.put("/config/b", json!({ "compatibility": "NONE" }));
    for kind in ["string", "bytes", "int32"] {
        let text = format!("syntax = \"proto3\"; message B {{ {kind} b = 1; }}");
        assert_eq!(post(&mut client, "b", "PROTOBUF", &text).0, 200);
    }
    let text = "syntax = \"proto3\"; import \"b.proto\"; message A { B b = 1; }";
    let importing = |version: u32| {
        json!({ "schemaType": "PROTOBUF", "schema": text,
            "references": [{ "name": "b.proto", "subject": "b", "version": version }] })
    };
    let mut statuses =
        [1, 2, 3].map(|version| client.post("/subjects/a/versions", importing(version)).0);
    assert_eq!(statuses, [200, 200, 409]);
    statuses[0] = post(&mut client, "other", "PROTOBUF", text).0;
    assert_eq!(statuses[0], 422, "what it imports is not given");
}
