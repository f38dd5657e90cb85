//! Levels and modes.

use super::*;

#[test]
fn levels_are_of_a_subject_or_of_all() {
    let mut client = Client::new();
    assert_eq!(client.get("/config"), json!({ "compatibilityLevel": "BACKWARD" }));
    assert_eq!(client.get_refused("/config/u"), (404, 40408));
    let scoped = "/config/u?defaultToGlobal=true";
    assert_eq!(client.get(scoped), json!({ "compatibilityLevel": "BACKWARD" }));
    let (_, answer) = client.put("/config", json!({ "compatibility": "full" }));
    assert_eq!(answer, json!({ "compatibility": "FULL" }));
    assert_eq!(client.get(scoped), json!({ "compatibilityLevel": "FULL" }));
    client.put("/config/u", json!({ "compatibility": "NONE" }));
    assert_eq!(client.get("/config/u"), json!({ "compatibilityLevel": "NONE" }));
    assert_eq!(client.get("/config"), json!({ "compatibilityLevel": "FULL" }));
    let (status, gone) = client.delete("/config/u");
    assert_eq!((status, gone), (200, json!({ "compatibilityLevel": "NONE" })));
    assert_eq!(client.refused(Method::Delete, "/config/u", None), (404, 40401));
    assert_eq!(client.delete("/config").1, json!({ "compatibilityLevel": "FULL" }));
    assert_eq!(client.get("/config"), json!({ "compatibilityLevel": "BACKWARD" }));
    let wrong = Some(json!({ "compatibility": "SOME" }));
    assert_eq!(client.refused(Method::Put, "/config", wrong.clone()), (422, 42203));
    assert_eq!(client.refused(Method::Put, "/config/u", wrong), (422, 42203));
}

#[test]
fn who_is_read_only_is_not_written_to() {
    let mut client = Client::new();
    client.register("u", "\"int\"");
    assert_eq!(client.get("/mode"), json!({ "mode": "READWRITE" }));
    assert_eq!(client.get_refused("/mode/u"), (404, 40409));
    assert_eq!(client.get("/mode/u?defaultToGlobal=true"), json!({ "mode": "READWRITE" }));
    let read_only = json!({ "mode": "READONLY" });
    assert_eq!(client.put("/mode/u", read_only.clone()), (200, read_only));
    let body = Some(json!({ "schema": "\"int\"" }));
    let refused = (422, 42205);
    assert_eq!(client.refused(Method::Post, "/subjects/u/versions", body.clone()), refused);
    assert_eq!(client.refused(Method::Delete, "/subjects/u", None), refused);
    assert_eq!(client.refused(Method::Delete, "/subjects/u/versions/1", None), refused);
    let level = Some(json!({ "compatibility": "NONE" }));
    assert_eq!(client.refused(Method::Put, "/config/u", level), refused);
    assert_eq!(client.register("others", "\"int\""), (1, 1));
    assert_eq!(client.delete("/mode/u").1, json!({ "mode": "READONLY" }));
    assert_eq!(client.refused(Method::Delete, "/mode/u", None), (404, 40401));
    client.put("/mode/u", json!({ "mode": "READWRITE" }));
    client.put("/mode", json!({ "mode": "READONLY" }));
    assert_eq!(client.refused(Method::Post, "/subjects/others/versions", body.clone()), refused);
    assert_eq!(client.register("u", "\"int\""), (1, 1));
    client.put("/mode", json!({ "mode": "READONLY_OVERRIDE" }));
    assert_eq!(client.refused(Method::Post, "/subjects/u/versions", body), refused);
    let wrong = Some(json!({ "mode": "SOMETIMES" }));
    assert_eq!(client.refused(Method::Put, "/mode", wrong), (422, 42204));
}

#[test]
fn an_import_brings_ids_and_versions() {
    let mut client = Client::new();
    let body = |id: u32, version: u32, schema: &str| {
        let mut body = json!({ "schema": schema, "id": id });
        body["version"] = version.into();
        body
    };
    let path = "/subjects/u/versions";
    let refused = (422, 42205);
    let wanted = Some(body(70, 7, "\"int\""));
    assert_eq!(client.refused(Method::Post, path, wanted.clone()), refused);
    client.put("/mode/u", json!({ "mode": "IMPORT" }));
    assert_eq!(client.ask(Method::Post, path, wanted.clone()).1["id"], 70);
    assert_eq!(client.ask(Method::Post, path, wanted).0, 200, "once more");
    assert_eq!(client.post(path, body(71, 8, "\"string\"")).0, 200, "nothing is compared");
    let taken = Some(body(70, 9, "\"long\""));
    assert_eq!(client.refused(Method::Post, path, taken), refused);
    let no_id = Some(json!({ "schema": "\"int\"" }));
    assert_eq!(client.refused(Method::Post, path, no_id), refused);
    assert_eq!(client.get("/subjects/u/versions"), json!([7, 8]));
    // Others go on behind.
    assert_eq!(client.register("others", "\"long\""), (72, 1));
    let import = Some(json!({ "mode": "IMPORT" }));
    assert_eq!(client.refused(Method::Put, "/mode/others", import.clone()), refused);
    assert_eq!(client.ask(Method::Put, "/mode/others?force=true", import).0, 200);
}
