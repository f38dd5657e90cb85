//! Soft and permanent deletes.

use super::*;

#[test]
fn what_is_deleted_is_hidden_and_its_id_is_known() {
    let mut client = Client::new();
    client.register("u", &record(&[a()]));
    client.register("u", &record(&[a(), b()]));
    assert_eq!(client.delete("/subjects/u/versions/latest"), (200, json!(2)));
    assert_eq!(client.get("/subjects/u/versions"), json!([1]));
    assert_eq!(client.get("/subjects/u/versions?deleted=true"), json!([1, 2]));
    assert_eq!(client.get("/subjects/u/versions?deletedOnly=true"), json!([2]));
    assert_eq!(client.get("/subjects/u/versions/latest")["version"], 1);
    assert_eq!(client.get_refused("/subjects/u/versions/2"), (404, 40402));
    assert_eq!(client.get("/subjects/u/versions/2?deleted=true")["deleted"], true);
    assert_eq!(client.get("/schemas/ids/2")["schemaType"], "AVRO");
    assert_eq!(client.get("/schemas/ids/2/versions"), json!([]));
    assert_eq!(client.get("/schemas/ids/2/versions?deleted=true")[0]["version"], 2);
    let lookup = json!({ "schema": record(&[a(), b()]) });
    assert_eq!(client.refused(Method::Post, "/subjects/u", Some(lookup.clone())), (404, 40403));
    assert_eq!(client.post("/subjects/u?deleted=true", lookup).1["version"], 2);
}

#[test]
fn first_hidden_then_gone() {
    let mut client = Client::new();
    client.register("u", "\"string\"");
    let delete = |client: &mut Client, path| client.refused(Method::Delete, path, None);
    assert_eq!(delete(&mut client, "/subjects/u?permanent=true"), (404, 40405));
    assert_eq!(delete(&mut client, "/subjects/u/versions/1?permanent=true"), (404, 40407));
    assert_eq!(client.delete("/subjects/u"), (200, json!([1])));
    assert_eq!(delete(&mut client, "/subjects/u"), (404, 40404));
    assert_eq!(delete(&mut client, "/subjects/u/versions/1"), (404, 40406));
    assert_eq!(client.get("/subjects"), json!([]));
    assert_eq!(client.get("/subjects?deleted=true"), json!(["u"]));
    assert_eq!(client.get("/subjects?deletedOnly=true"), json!(["u"]));
    client.put("/config/u", json!({ "compatibility": "NONE" }));
    assert_eq!(client.delete("/subjects/u?permanent=true"), (200, json!([1])));
    assert_eq!(client.get("/subjects?deleted=true"), json!([]));
    assert_eq!(client.get_refused("/schemas/ids/1"), (404, 40403));
    // What was configured for it is gone with it.
    assert_eq!(client.get_refused("/config/u"), (404, 40408));
    assert_eq!(client.register("u", "\"string\""), (2, 1));
}

#[test]
fn what_comes_back_has_its_id_and_a_new_version() {
    let mut client = Client::new();
    client.register("u", &record(&[a()]));
    client.register("u", &record(&[a(), b()]));
    client.delete("/subjects/u/versions/1");
    assert_eq!(client.register("u", &record(&[a()])), (1, 3));
    assert_eq!(client.get("/subjects/u/versions?deleted=true"), json!([2, 3]));
    client.delete("/subjects/u");
    // Even where the version that comes back is all that has it.
    assert_eq!(client.register("u", &record(&[a()])), (1, 4));
    assert_eq!(client.get("/subjects/u/versions?deleted=true"), json!([2, 4]));
}

#[test]
fn what_is_referred_to_stays() {
    let mut client = Client::new();
    let address = json!({ "type": "record", "name": "A", "fields": [c()] });
    client.register("addr", &address.to_string());
    let body = json!({ "schema": record(&[json!({ "name": "x", "type": ".A" })]),
        "references": [{ "name": "A", "subject": "addr", "version": 1 }] });
    // A name in no namespace is written so within one that has another.
    let body = match client.post("/subjects/p/versions", body.clone()) {
        (200, _) => body,
        (status, answer) => panic!("{status} {answer}"),
    };
    for path in ["/subjects/addr", "/subjects/addr/versions/1"] {
        assert_eq!(client.refused(Method::Delete, path, None), (422, 42206), "{path}");
    }
    client.delete("/subjects/p");
    // Hidden, it does not hold what is hidden only, but what would be gone.
    assert_eq!(client.get("/subjects/addr/versions/1/referencedby"), json!([]));
    assert_eq!(client.get("/subjects/addr/versions/1/referencedby?deleted=true"), json!([2]));
    assert_eq!(client.delete("/subjects/addr").0, 200);
    let path = "/subjects/addr?permanent=true";
    assert_eq!(client.refused(Method::Delete, path, None), (422, 42206));
    client.delete("/subjects/p?permanent=true");
    assert_eq!(client.delete(path).0, 200);
    let refused = client.refused(Method::Post, "/subjects/p/versions", Some(body));
    assert_eq!(refused, (422, 42201));
}
