//! Registering, finding, deleting.

use super::*;

/// Returns a schema's text as JSON, since registries write it as they like.
fn text(answer: &Value) -> Value {
    serde_json::from_str(answer["schema"].as_str().unwrap()).unwrap()
}

#[test]
fn equal_schemas_have_equal_ids() {
    let registry = Registry::start();
    let (first, second) = (Subject::new(&registry), Subject::new(&registry));
    let name = record_name();
    let id = first.register(&record(&name, &[a()]));
    assert_eq!(first.register(&record(&name, &[a()])), id);
    assert_eq!(second.register(&record(&name, &[a()])), id);
    let other = first.register(&record(&name, &[a(), b()]));
    assert_ne!(other, id);
    assert_eq!(first.get("/versions"), (200, json!([1, 2])));
    let (status, uses) = registry.ask(Method::GET, &format!("/schemas/ids/{id}/versions"), None);
    let uses: Vec<&str> =
        uses.as_array().unwrap().iter().map(|u| u["subject"].as_str().unwrap()).collect();
    assert_eq!((status, uses.len()), (200, 2));
    assert!(uses.contains(&&*first.name) && uses.contains(&&*second.name), "{uses:?}");
    let (_, subjects) = registry.ask(Method::GET, "/subjects", None);
    assert!(subjects.as_array().unwrap().contains(&json!(first.name)));
}

#[test]
fn a_schema_is_found_by_its_id_its_version_and_its_text() {
    let registry = Registry::start();
    let subject = Subject::new(&registry);
    let name = record_name();
    let (old, new) = (record(&name, &[a()]), record(&name, &[a(), b()]));
    let (old_id, new_id) = (subject.register(&old), subject.register(&new));
    let (status, found) = registry.ask(Method::GET, &format!("/schemas/ids/{old_id}"), None);
    assert_eq!((status, text(&found)), (200, text(&old)));
    for (version, number, id) in [("1", 1, old_id), ("latest", 2, new_id)] {
        let (status, found) = subject.get(&format!("/versions/{version}"));
        let found = (status, &found["id"], &found["version"], &found["subject"]);
        assert_eq!(found, (200, &json!(id), &json!(number), &json!(subject.name)));
    }
    let (status, schema) = subject.get("/versions/1/schema");
    assert_eq!((status, schema), (200, text(&old)));
    let (status, found) = subject.ask(Method::POST, "", Some(&old));
    assert_eq!((status, &found["version"], &found["id"]), (200, &json!(1), &json!(old_id)));
    let (status, types) = registry.ask(Method::GET, "/schemas/types", None);
    let types = types.as_array().unwrap();
    assert_eq!(status, 200);
    assert!(["AVRO", "JSON", "PROTOBUF"].into_iter().all(|one| types.contains(&one.into())));
}

#[test]
fn what_is_not_there_has_its_code() {
    let registry = Registry::start();
    let (subject, unknown) = (Subject::new(&registry), Subject::new(&registry));
    let name = record_name();
    subject.register(&record(&name, &[a()]));
    assert_refused(&unknown.get("/versions"), 404, &[40401]);
    assert_refused(&unknown.get("/versions/latest"), 404, &[40401]);
    assert_refused(&subject.get("/versions/99"), 404, &[40402]);
    if registry.server().is_some() {
        // Apicurio's registry looks for it.
        assert_refused(&subject.get("/versions/some"), 422, &[42202]);
    }
    let by_id = registry.ask(Method::GET, "/schemas/ids/987654321", None);
    assert_refused(&by_id, 404, &[40403]);
    let other = subject.ask(Method::POST, "", Some(&record(&name, &[c()])));
    assert_refused(&other, 404, &[40403]);
    let nonsense = json!({ "schema": "{nope" });
    assert_refused(&subject.try_register(&nonsense), 422, &[42201]);
}

#[test]
fn what_is_deleted_is_hidden_first_and_then_gone() {
    let registry = Registry::start();
    let subject = Subject::new(&registry);
    let name = record_name();
    let id = subject.register(&record(&name, &[a()]));
    assert_eq!(subject.ask(Method::DELETE, "", None), (200, json!([1])));
    let listed = |query| {
        let (_, subjects) = registry.ask(Method::GET, &format!("/subjects{query}"), None);
        subjects.as_array().unwrap().contains(&json!(subject.name))
    };
    assert!(!listed("") && listed("?deleted=true"));
    if registry.server().is_some() {
        // Records of it can still be read; not so with Apicurio's registry.
        assert_eq!(registry.ask(Method::GET, &format!("/schemas/ids/{id}"), None).0, 200);
    }
    assert_eq!(subject.ask(Method::DELETE, "?permanent=true", None).0, 200);
    assert!(!listed("?deleted=true"));
    assert_refused(&subject.get("/versions"), 404, &[40401]);
}

#[test]
fn one_version_is_deleted_and_others_stay() {
    let registry = Registry::start();
    let subject = Subject::new(&registry);
    let name = record_name();
    subject.register(&record(&name, &[a()]));
    subject.register(&record(&name, &[a(), b()]));
    assert_eq!(subject.ask(Method::DELETE, "/versions/2", None), (200, json!(2)));
    assert_eq!(subject.get("/versions"), (200, json!([1])));
    assert_eq!(subject.get("/versions/latest").1["version"], 1);
    assert_refused(&subject.get("/versions/2"), 404, &[40402]);
}

#[test]
fn json_and_protobuf_are_kept() {
    let registry = Registry::start();
    let name = record_name();
    let schemas = [
        ("JSON", json!({ "$id": name, "type": "object", "properties": {} }).to_string()),
        ("PROTOBUF", format!("syntax = \"proto3\";\nmessage {name} {{\n  int32 a = 1;\n}}\n")),
    ];
    for (schema_type, text) in schemas {
        let subject = Subject::new(&registry);
        let body = json!({ "schemaType": schema_type, "schema": text });
        let id = subject.register(&body);
        assert_eq!(subject.register(&body), id);
        let (_, found) = registry.ask(Method::GET, &format!("/schemas/ids/{id}"), None);
        assert_eq!(found["schemaType"], schema_type);
        let found = found["schema"].as_str().unwrap();
        let without_space = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(without_space(found), without_space(&text));
    }
}
