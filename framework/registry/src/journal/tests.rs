//! What a directory holds over restarts, and what it does not take.

use super::*;
use crate::http::{Method, Request};

fn register(registry: &mut Registry, subject: &str) -> Vec<Change> {
    let request = Request::new(Method::Post, &format!("/subjects/{subject}/versions"));
    let response = registry.handle(&request.body(r#"{"schema":"\"int\""}"#));
    assert_eq!(response.status, 200);
    registry.drain_changes().collect()
}

fn subjects(registry: &mut Registry) -> String {
    let response = registry.handle(&Request::new(Method::Get, "/subjects"));
    String::from_utf8(response.body).unwrap()
}

fn open(directory: &Path) -> io::Result<(Journal, Registry)> {
    Journal::open(directory, RegistryConfig::default())
}

#[test]
fn what_was_written_is_there_again_but_a_torn_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("changes.jsonl");
    let (mut journal, mut registry) = open(directory.path()).unwrap();
    for subject in ["a", "b"] {
        let changes = register(&mut registry, subject);
        journal.write(&changes, &registry).unwrap();
    }
    drop(journal);
    let whole = fs::read(&path).unwrap();
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let second = first + whole[first..].iter().position(|byte| *byte == b'\n').unwrap() + 1;
    // However much of the last line is there, it is not half of it that counts.
    for cut in [second + 1, (second + whole.len()) / 2, whole.len() - 1] {
        fs::write(&path, &whole[..cut]).unwrap();
        let (_, mut registry) = open(directory.path()).unwrap();
        assert_eq!(subjects(&mut registry), "[\"a\"]", "{cut} bytes");
    }
    fs::write(&path, &whole).unwrap();
    let (_, mut registry) = open(directory.path()).unwrap();
    assert_eq!(subjects(&mut registry), "[\"a\",\"b\"]");
}

#[test]
fn what_is_malformed_is_told_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    let path = directory.path().join("changes.jsonl");
    fs::write(&path, "[]\n[{\"fact\":\"nonsense\"}]\n[]\n").unwrap();
    let error = open(directory.path()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(error.to_string().contains("changes.jsonl is malformed in line 2"), "{error}");
}

#[test]
fn a_directory_is_of_one_registry() {
    let directory = tempfile::tempdir().unwrap();
    let held = open(directory.path()).unwrap();
    let error = open(directory.path()).unwrap_err();
    assert!(error.to_string().contains("another registry uses the data directory"), "{error}");
    drop(held);
    open(directory.path()).unwrap();
}

#[test]
fn it_is_written_anew_when_it_has_grown() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, mut registry) = open(directory.path()).unwrap();
    let changes = register(&mut registry, "a");
    // Once too large it is small again, whatever was written.
    let line = vec![changes[0].clone(); 50_000];
    journal.write(&line, &registry).unwrap();
    assert!(journal.size < GROWN_BYTES_MIN, "{} bytes", journal.size);
    journal.write(&line, &registry).unwrap();
    assert!(journal.size < 1_000, "{} bytes", journal.size);
    drop(journal);
    let (_, mut registry) = open(directory.path()).unwrap();
    assert_eq!(subjects(&mut registry), "[\"a\"]");
}
