//! Schemas that refer to others.

use super::*;

#[test]
fn a_schema_refers_to_another_ones_version() {
    let registry = Registry::start();
    let (address, person) = (Subject::new(&registry), Subject::new(&registry));
    let name = record_name();
    address.register(&record(&name, &[c()]));
    let references =
        json!([{ "name": format!("n.{name}"), "subject": address.name, "version": 1 }]);
    let field = json!({ "name": "x", "type": format!("n.{name}") });
    let mut body = record(&record_name(), &[field]);
    body["references"] = references.clone();
    let id = person.register(&body);
    assert_eq!(person.register(&body), id);
    assert_eq!(person.get("/versions/1").1["references"], references);
    let (_, by_id) = registry.ask(Method::GET, &format!("/schemas/ids/{id}"), None);
    assert_eq!(by_id["references"], references);
    assert_eq!(address.get("/versions/1/referencedby"), (200, json!([id])));
    // What is referred to cannot be taken away.
    assert_refused(&address.ask(Method::DELETE, "/versions/1", None), 422, &[42206]);
}

#[test]
fn what_refers_to_nothing_is_refused() {
    let registry = Registry::start();
    let (subject, unknown) = (Subject::new(&registry), Subject::new(&registry));
    let mut body = record(&record_name(), &[json!({ "name": "x", "type": "n.Nope" })]);
    body["references"] = json!([{ "name": "n.Nope", "subject": unknown.name, "version": 1 }]);
    assert_refused(&subject.try_register(&body), 422, &[42201]);
}
