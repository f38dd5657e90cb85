//! Compatibility: what is refused, and what a test beforehand says.

use super::*;

/// Refused because of compatibility; newer registries of Confluent's say 40901.
const INCOMPATIBLE: &[u64] = &[409, 40901];

fn is_compatible(subject: &Subject<'_>, version: &str, body: &Value) -> bool {
    let path = format!("/compatibility/subjects/{}/versions/{version}", subject.name);
    let (status, answer) = subject.registry.ask(Method::POST, &path, Some(body));
    assert_eq!(status, 200, "{answer}");
    answer["is_compatible"].as_bool().unwrap()
}

#[test]
fn a_level_says_which_changes_are_refused() {
    let registry = Registry::start();
    // From a record of one field to one with another field, without and with a default.
    let cases = [
        ("NONE", true, true),
        ("BACKWARD", false, true),
        ("FORWARD", true, true),
        ("FULL", false, true),
    ];
    for (level, without, with) in cases {
        let subject = Subject::new(&registry);
        let name = record_name();
        subject.register(&record(&name, &[a()]));
        subject.set_level(level);
        for (field, expected) in [(c(), without), (b(), with)] {
            let changed = record(&name, &[a(), field]);
            assert_eq!(is_compatible(&subject, "latest", &changed), expected, "{level}");
            let answer = subject.try_register(&changed);
            match expected {
                true => assert_eq!(answer.0, 200, "{level}: {answer:?}"),
                false => assert_refused(&answer, 409, INCOMPATIBLE),
            }
            // The next one is compared with the first again.
            if expected {
                assert_eq!(subject.ask(Method::DELETE, "/versions/latest", None).0, 200);
            }
        }
    }
}

#[test]
fn types_are_compared_by_the_rules_of_avro() {
    let registry = Registry::start();
    let field = |kind: Value| json!({ "name": "f", "type": kind });
    let enums = |symbols: &[&str]| json!({ "type": "enum", "name": "E", "symbols": symbols });
    // What was written, what reads it, and whether it can.
    let cases = [
        (json!("int"), json!("long"), true),
        (json!("long"), json!("int"), false),
        (json!("string"), json!("bytes"), true),
        (json!("int"), json!(["null", "int"]), true),
        (json!(["null", "int"]), json!("int"), false),
        (enums(&["X"]), enums(&["X", "Y"]), true),
        (enums(&["X", "Y"]), enums(&["X"]), false),
        (
            json!({ "type": "array", "items": "int" }),
            json!({ "type": "array", "items": "double" }),
            true,
        ),
        (
            json!({ "type": "map", "values": "int" }),
            json!({ "type": "map", "values": "string" }),
            false,
        ),
    ];
    for (written, read, expected) in cases {
        let subject = Subject::new(&registry);
        let name = record_name();
        subject.register(&record(&name, &[field(written.clone())]));
        subject.set_level("BACKWARD");
        let changed = record(&name, &[field(read.clone())]);
        assert_eq!(is_compatible(&subject, "latest", &changed), expected, "{read} reads {written}");
        assert_eq!(subject.try_register(&changed).0, if expected { 200 } else { 409 });
    }
}

#[test]
fn transitive_levels_look_at_all_versions() {
    let registry = Registry::start();
    let subject = Subject::new(&registry);
    let name = record_name();
    let with = |kind| record(&name, &[a(), json!({ "name": "x", "type": kind, "default": 1 })]);
    subject.register(&with("long"));
    subject.register(&record(&name, &[a()]));
    subject.set_level("BACKWARD_TRANSITIVE");
    assert_refused(&subject.try_register(&with("int")), 409, INCOMPATIBLE);
    subject.set_level("BACKWARD");
    subject.register(&with("int"));
}

#[test]
fn levels_are_set_and_told() {
    let registry = Registry::start();
    let subject = Subject::new(&registry);
    subject.register(&record(&record_name(), &[a()]));
    let path = format!("/config/{}", subject.name);
    // Apicurio's registry tells the level of all where a subject has none.
    let own = |expected| {
        let (status, _) = registry.ask(Method::GET, &path, None);
        assert!(status == expected || registry.server().is_none(), "{status}");
    };
    own(404);
    subject.set_level("FULL_TRANSITIVE");
    let (status, answer) = registry.ask(Method::GET, &path, None);
    assert_eq!((status, &answer["compatibilityLevel"]), (200, &json!("FULL_TRANSITIVE")));
    let wrong = json!({ "compatibility": "SOMEHOW" });
    let refused = registry.ask(Method::PUT, &path, Some(&wrong));
    match registry.server() {
        Some(_) => assert_refused(&refused, 422, &[42203]),
        // Apicurio's registry does not even read it.
        None => assert_eq!(refused.0 / 100, 4, "{refused:?}"),
    }
    assert_eq!(registry.ask(Method::DELETE, &path, None).0, 200);
    own(404);
}
