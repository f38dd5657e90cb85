//! Limits, at the limit.

use super::*;

fn limited(config: RegistryConfig) -> Client {
    Client(Registry::new(config))
}

fn refused(client: &mut Client, subject: &str, body: Value) -> (u16, u64) {
    client.refused(Method::Post, &format!("/subjects/{subject}/versions"), Some(body))
}

#[test]
fn subjects_and_versions_are_counted() {
    let config = RegistryConfig {
        subjects_max: 2,
        versions_per_subject_max: 2,
        versions_max: 3,
        ..RegistryConfig::default()
    };
    let mut client = limited(config);
    client.put("/config", json!({ "compatibility": "NONE" }));
    let text = |name: &str| json!({ "schema": format!("\"{name}\"") });
    client.register("a", "\"int\"");
    client.register("a", "\"long\"");
    assert_eq!(refused(&mut client, "a", text("string")), (422, 42205));
    client.register("b", "\"int\"");
    assert_eq!(refused(&mut client, "b", text("string")), (422, 42205));
    assert_eq!(refused(&mut client, "c", text("int")), (422, 42205));
    // What is there already needs no room, and what is gone leaves some.
    assert_eq!(client.register("a", "\"int\""), (1, 1));
    client.delete("/subjects/a");
    assert_eq!(refused(&mut client, "c", text("int")), (422, 42205));
    client.delete("/subjects/a?permanent=true");
    assert_eq!(client.register("c", "\"int\""), (1, 1));
}

#[test]
fn texts_and_names_have_a_length() {
    let config =
        RegistryConfig { schema_bytes_max: 8, subject_bytes_max: 4, ..RegistryConfig::default() };
    let mut client = limited(config);
    client.register("abcd", "\"string\"");
    let longer = json!({ "schema": "\"string\" " });
    assert_eq!(refused(&mut client, "abcd", longer), (422, 42209));
    let body = json!({ "schema": "\"string\"" });
    assert_eq!(refused(&mut client, "abcde", body), (422, 42208));
}

#[test]
fn references_have_a_number_and_a_depth() {
    let config =
        RegistryConfig { references_max: 3, references_depth_max: 2, ..RegistryConfig::default() };
    let mut client = limited(config);
    let named = |i: usize, references: &[usize]| {
        let text = json!({ "type": "fixed", "name": format!("F{i}"), "size": 1 }).to_string();
        let reference =
            |i| json!({ "name": format!("F{i}"), "subject": format!("f{i}"), "version": 1 });
        let references: Vec<Value> = references.iter().map(reference).collect();
        json!({ "schema": text, "references": references })
    };
    let mut register = |i: usize, references: &[usize]| {
        client.post(&format!("/subjects/f{i}/versions"), named(i, references)).0
    };
    assert_eq!([register(1, &[]), register(2, &[1]), register(3, &[2])], [200, 200, 200]);
    assert_eq!(register(4, &[3]), 422, "three in a row");
    assert_eq!([register(5, &[]), register(6, &[])], [200, 200]);
    assert_eq!(register(7, &[1, 5, 6]), 200);
    assert_eq!(register(8, &[2, 5, 6]), 422, "the third brings a fourth");
}

#[test]
fn subjects_with_settings_are_counted() {
    let mut client = limited(RegistryConfig { subjects_max: 1, ..RegistryConfig::default() });
    let level = json!({ "compatibility": "NONE" });
    assert_eq!(client.put("/config", level.clone()).0, 200);
    assert_eq!(client.put("/config/a", level.clone()).0, 200);
    assert_eq!(client.refused(Method::Put, "/config/b", Some(level.clone())), (422, 42205));
    assert_eq!(client.put("/config/a", level).0, 200);
}

#[test]
fn deep_and_intricate_schemas_are_refused_in_time() {
    let mut client = limited(RegistryConfig::default());
    let deep =
        format!("{}\"int\"{}", "{\"type\":\"array\",\"items\":".repeat(500), "}".repeat(500));
    assert_eq!(refused(&mut client, "deep", json!({ "schema": deep })), (422, 42201));
    // Unions of records that hold unions: every branch is tried on every other one.
    let mut fields = json!("int");
    for depth in 0..12 {
        let branch = |i: usize| {
            let field = json!({ "name": "f", "type": if i == 0 { fields.clone() } else {
                json!(format!("R{}_0", depth.max(1) - 1)) } });
            let kind = if depth == 0 { json!({ "name": "f", "type": "int" }) } else { field };
            json!({ "type": "record", "name": format!("R{depth}_{i}"), "fields": [kind] })
        };
        fields = json!([branch(0), branch(1), branch(2)]);
    }
    client.put("/config/u", json!({ "compatibility": "FULL_TRANSITIVE" }));
    client.register("u", &fields.to_string());
    let changed = fields.to_string().replace("\"int\"", "\"string\"");
    assert_eq!(refused(&mut client, "u", json!({ "schema": changed })), (409, 409));
}
