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
        "note: mixed-value/1.proto: was not compared with other versions: only Avro is",
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
