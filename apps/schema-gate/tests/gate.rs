//! The program as its user runs it.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs the program on a folder with these files and returns its exit code and output.
fn gate(folder: &Path, files: &[(&str, &str)], args: &[&str]) -> (i32, String) {
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_schema-gate"));
    let output = command.arg(folder).args(args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

fn fresh(files: &[(&str, &str)]) -> (i32, String) {
    gate(tempfile::tempdir().unwrap().path(), files, &[])
}

const V1: &str = r#"{"type": "record", "name": "flights.Departure", "fields": [
    {"name": "flight", "type": "string"}, {"name": "dep_delay", "type": ["null", "int"]}]}"#;
const V2: &str = r#"{"type": "record", "name": "flights.Departure", "fields": [
    {"name": "flight", "type": "string"}, {"name": "dep_delay", "type": ["null", "long"]},
    {"name": "gate", "type": ["null", "string"], "default": null}]}"#;
const NO_DEFAULT: &str = r#"{"type": "record", "name": "flights.Departure", "fields": [
    {"name": "flight", "type": "string"}, {"name": "gate", "type": "string"}]}"#;

#[test]
fn versions_that_read_each_other_are_well() {
    let (code, output) = fresh(&[("departures-value/1.avsc", V1), ("departures-value/2.avsc", V2)]);
    assert_eq!((code, output.as_str()), (0, "2 schemas of 1 subject: all is well\n"));
}

#[test]
fn a_field_without_default_is_named() {
    let files = [("departures-value/1.avsc", V1), ("departures-value/2.avsc", NO_DEFAULT)];
    let (code, output) = fresh(&files);
    assert_eq!(code, 1);
    assert_eq!(
        output,
        "departures-value/2.avsc: version 2 cannot read version 1: field `gate`: records of version 1 \
         have no such field, and version 2 gives it no default (BACKWARD_TRANSITIVE)\n\
         2 schemas of 1 subject: 1 problem\n",
    );
    let folder = tempfile::tempdir().unwrap();
    let (code, output) = gate(folder.path(), &files, &["--json"]);
    assert_eq!(code, 1);
    assert!(output.contains(r#""field": "gate""#), "{output}");
}

#[test]
fn modes_are_by_subject() {
    let modes = r#"{"default": "FULL", "subjects": {"departures-value": "NONE"}}"#;
    let files = [
        ("compatibility.json", modes),
        ("departures-value/1.avsc", V1),
        ("departures-value/2.avsc", NO_DEFAULT),
        ("other-value/1.avsc", V1),
        ("other-value/2.avsc", V2),
    ];
    let (code, output) = fresh(&files);
    assert_eq!(code, 1);
    assert!(
        output.contains(
            "other-value/2.avsc: version 1 cannot read version 2: field `dep_delay`: it may be long \
             in version 2, and version 1 only takes union of null, int (FULL)"
        ),
        "{output}"
    );
    assert!(!output.contains("departures-value/"), "{output}");
}

#[test]
fn files_that_cannot_be_are_told() {
    let renamed = V1.replace("flights.Departure", "flights.Arrival");
    let files = [
        ("gap-value/1.avsc", V1),
        ("gap-value/3.avsc", V2),
        ("twice-value/1.avsc", V1),
        ("twice-value/2.avsc", V1),
        ("renamed-value/1.avsc", V1),
        ("renamed-value/2.avsc", renamed.as_str()),
        ("broken-value/1.avsc", r#"{"type": "record"}"#),
        ("mixed-value/1.avsc", V1),
        ("mixed-value/1.proto", ""),
        ("strange-value/one.avsc", V1),
    ];
    let (code, output) = fresh(&files);
    assert_eq!(code, 1);
    for told in [
        "gap-value/3.avsc: version 2 is missing before it",
        "twice-value/2.avsc: says the same as version 1",
        "renamed-value/2.avsc: is named flights.Arrival, and version 1 is named flights.Departure",
        "broken-value/1.avsc: cannot use Avro schema: ",
        "mixed-value/1.proto: is version 1 as mixed-value/1.avsc is",
        "mixed-value/1.proto: is of another language than mixed-value/1.avsc",
        "strange-value/one.avsc: is no schema",
    ] {
        assert!(output.contains(told), "{told}\nis not in\n{output}");
    }
}

#[test]
fn what_is_released_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let first = ("departures-value/1.avsc", V1);
    assert_eq!(gate(folder.path(), &[first], &["--release"]).0, 0);
    assert_eq!(gate(folder.path(), &[("departures-value/2.avsc", V2)], &[]).0, 0);

    let (code, output) = gate(folder.path(), &[(first.0, V2)], &[]);
    assert_eq!(code, 1);
    assert!(
        output.contains("departures-value/1.avsc: was released and has been edited"),
        "{output}"
    );

    fs::remove_file(folder.path().join(first.0)).unwrap();
    let (code, output) = gate(folder.path(), &[], &[]);
    assert_eq!(code, 1);
    assert!(output.contains("departures-value/1.avsc: was released and is gone"), "{output}");
}

#[test]
fn what_cannot_be_checked_is_64() {
    let folder = tempfile::tempdir().unwrap();
    let (code, output) = gate(&folder.path().join("nowhere"), &[], &[]);
    assert_eq!(code, 64);
    assert!(output.contains("cannot read"), "{output}");
    let (code, output) =
        gate(folder.path(), &[("compatibility.json", r#"{"default": "ALL"}"#)], &[]);
    assert_eq!(code, 64);
    assert!(output.contains("unknown compatibility `ALL`; there are BACKWARD, "), "{output}");
    assert_eq!(gate(folder.path(), &[], &["--wrong"]).0, 64);
    assert_eq!(gate(folder.path(), &[], &["--help"]).0, 0);
}

#[test]
fn json_schemas_are_compared() {
    let object = |properties: &str| {
        format!(
            r#"{{"type": "object", "additionalProperties": false, "properties": {{{properties}}}}}"#
        )
    };
    let (flight, gate) = (r#""flight": {"type": "string"}"#, r#""gate": {"type": "string"}"#);
    let both = format!("{flight}, {gate}");
    let (first, second) = (object(flight), object(&both));
    let files = [("a-value/1.json", first.as_str()), ("a-value/2.json", second.as_str())];
    assert_eq!(fresh(&files), (0, "2 schemas of 1 subject: all is well\n".to_owned()));
    let numbered = object(r#""flight": {"type": "integer"}"#);
    let spaced = second.replace(": ", " :\n");
    let files = [
        ("a-value/1.json", first.as_str()),
        ("a-value/2.json", second.as_str()),
        ("a-value/3.json", numbered.as_str()),
        ("b-value/1.json", second.as_str()),
        ("b-value/2.json", spaced.as_str()),
        ("broken-value/1.json", "{\n  \"type\": nothing}"),
        ("gone-value/1.json", r#"{"$ref": "airport.json"}"#),
    ];
    let (code, output) = fresh(&files);
    assert_eq!(code, 1);
    for told in [
        "a-value/3.json: version 3 cannot read version 1: field `flight`: it may be string in version \
         1, and version 3 only takes integer (BACKWARD_TRANSITIVE)",
        "a-value/3.json: version 3 cannot read version 2: field `gate`: version 2 has it, and version \
         3 neither has it nor lets others be added (BACKWARD_TRANSITIVE)",
        "b-value/2.json: says the same as version 1",
        "broken-value/1.json: cannot use JSON Schema: line 2, column ",
        "gone-value/1.json: cannot use JSON Schema: it refers to `airport.json`, which is neither in \
         it nor given",
    ] {
        assert!(output.contains(told), "{told}\nis not in\n{output}");
    }
}

#[test]
fn protobuf_files_are_compared() {
    let file = |body: &str| format!("syntax = \"proto3\";\nmessage Leg {{ {body} }}\n");
    let (first, second, third) = (
        file("string flight = 1; int32 delay = 2;"),
        file("string flight = 1; int64 delay = 2; string gate = 3;"),
        file("string flight = 1; string delay = 2;"),
    );
    let files = [("a-value/1.proto", first.as_str()), ("a-value/2.proto", second.as_str())];
    assert_eq!(fresh(&files), (0, "2 schemas of 1 subject: all is well\n".to_owned()));
    let spaced = first.replace(' ', "  ");
    let files = [
        ("compatibility.json", r#"{"subjects": {"b-value": "FORWARD"}}"#),
        ("a-value/1.proto", first.as_str()),
        ("a-value/2.proto", second.as_str()),
        ("a-value/3.proto", third.as_str()),
        ("b-value/1.proto", first.as_str()),
        ("b-value/2.proto", spaced.as_str()),
        ("b-value/3.proto", third.as_str()),
        ("broken-value/1.proto", "syntax = \"proto3\";\nmessage Leg { string }"),
    ];
    let (code, output) = fresh(&files);
    assert_eq!(code, 1);
    for told in [
        "a-value/3.proto: version 3 cannot read version 1: field `Leg.delay`: it is int32 in version \
         1 and string in version 3 (BACKWARD_TRANSITIVE)",
        "a-value/3.proto: version 3 cannot read version 2: field `Leg.delay`: it is int64 in version \
         2 and string in version 3 (BACKWARD_TRANSITIVE)",
        "b-value/2.proto: says the same as version 1",
        "b-value/3.proto: version 2 cannot read version 3: field `Leg.delay`: it is string in version \
         3 and int32 in version 2 (FORWARD)",
        "broken-value/1.proto: cannot use Protobuf file: line 2, column ",
    ] {
        assert!(output.contains(told), "{told}\nis not in\n{output}");
    }
    assert!(!output.contains("version 1 cannot read"), "{output}");
}

#[test]
fn schemas_of_other_subjects_are_referred_to() {
    let list = |name: &str, subject: &str, version: u32| {
        format!(r#"[{{"name": "{name}", "subject": "{subject}", "version": {version}}}]"#)
    };
    let airport = r#"{"type": "record", "name": "flights.Airport", "fields": [{"name": "faa", "type": "string"}]}"#;
    let leg = r#"{"type": "record", "name": "flights.Leg", "fields": [{"name": "from", "type": "flights.Airport"}]}"#;
    let proto = "syntax = \"proto3\"; import \"airport.proto\"; message Leg { Airport from = 1; }";
    let proto_airport =
        |kind: &str| format!("syntax = \"proto3\"; message Airport {{ {kind} faa = 1; }}");
    let (texts, numbers) = (proto_airport("string"), proto_airport("int32"));
    let (first, second) =
        (list("airport.proto", "p-value", 1), list("airport.proto", "p-value", 2));
    let avro = list("flights.Airport", "airports-value", 1);
    let json = list("airport.json", "j-value", 1);
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("compatibility.json", r#"{"subjects": {"p-value": "NONE"}}"#),
        ("airports-value/1.avsc", airport),
        ("legs-value/1.avsc", leg),
        ("legs-value/1.references.json", avro.as_str()),
        ("p-value/1.proto", texts.as_str()),
        ("p-value/2.proto", numbers.as_str()),
        ("pl-value/1.proto", proto),
        ("pl-value/1.references.json", first.as_str()),
        ("j-value/1.json", r#"{"type": "string"}"#),
        ("jl-value/1.json", r#"{"properties": {"from": {"$ref": "airport.json"}}}"#),
        ("jl-value/1.references.json", json.as_str()),
    ];
    let (code, output) = gate(folder.path(), &files, &["--release"]);
    assert_eq!((code, output.as_str()), (0, "7 schemas of 6 subjects: all is well\n"));

    // The same text with another reference is another version, whose fields are compared.
    let more = [("pl-value/2.proto", proto), ("pl-value/2.references.json", second.as_str())];
    let (code, output) = gate(folder.path(), &more, &[]);
    assert_eq!(code, 1);
    assert_eq!(
        output,
        "pl-value/2.proto: version 2 cannot read version 1: field `Airport.faa`: it is string in \
         version 1 and int32 in version 2 (BACKWARD_TRANSITIVE)\n\
         8 schemas of 6 subjects: 1 problem\n",
    );

    // What was released refers to what it did.
    let (_, output) = gate(folder.path(), &[("pl-value/1.references.json", second.as_str())], &[]);
    assert!(output.contains("pl-value/1.proto: was released and has been edited"), "{output}");
}

#[test]
fn references_that_lead_nowhere_are_told() {
    let to = |subject: &str, version: u32| {
        format!(r#"[{{"name": "x.json", "subject": "{subject}", "version": {version}}}]"#)
    };
    let (a, b, own, later) =
        (to("a-value", 1), to("b-value", 1), to("own-value", 1), to("a-value", 7));
    let (nobody, broken, avro) = (to("nobody", 1), to("broken-value", 1), to("avro-value", 1));
    let schema = r#"{"$ref": "x.json"}"#;
    let (code, output) = fresh(&[
        ("a-value/1.json", schema),
        ("a-value/1.references.json", b.as_str()),
        ("b-value/1.json", schema),
        ("b-value/1.references.json", a.as_str()),
        ("own-value/1.json", schema),
        ("own-value/1.references.json", own.as_str()),
        ("later-value/1.json", schema),
        ("later-value/1.references.json", later.as_str()),
        ("lost-value/1.json", schema),
        ("lost-value/1.references.json", nobody.as_str()),
        ("broken-value/1.json", "[]"),
        ("of-broken-value/1.json", schema),
        ("of-broken-value/1.references.json", broken.as_str()),
        ("avro-value/1.avsc", V1),
        ("of-avro-value/1.json", schema),
        ("of-avro-value/1.references.json", avro.as_str()),
        ("list-value/1.json", schema),
        ("list-value/1.references.json", "[{}]"),
        ("list-value/2.references.json", "[]"),
    ]);
    assert_eq!(code, 1);
    for told in [
        "a-value/1.json: refers to version 1 of b-value as `x.json`, which is part of a circle",
        "b-value/1.json: refers to version 1 of a-value as `x.json`, which refers back to it: \
         a-value 1 -> b-value 1 -> a-value 1",
        "own-value/1.json: refers to version 1 of own-value as `x.json`, which refers back to it: \
         own-value 1 -> own-value 1",
        "later-value/1.json: refers to version 7 of a-value as `x.json`, and there is no such version",
        "lost-value/1.json: refers to version 1 of nobody as `x.json`, and there is no such subject",
        "of-broken-value/1.json: refers to version 1 of broken-value as `x.json`, which cannot be used \
         itself",
        "of-avro-value/1.json: cannot use JSON Schema: what it refers to as `x.json` is of another \
         language",
        "list-value/1.json: list-value/1.references.json: missing field `name`",
        "list-value/2.references.json: is no schema",
    ] {
        assert!(output.contains(told), "{told}\nis not in\n{output}");
    }
}
