use super::*;

const FILE: &str = r#"
// message Comment {}
syntax = "proto3"; /* message Other { */
package a.b;
import "x.proto";
option java_package = "message Quoted { \" ";
enum Kind { NONE = 0; message_kind = 1; }
message Outer {
  string message = 1;
  enum Inner1 { X = 0; }
  message Deep { message Deeper { int32 group = 1; } oneof o { string s = 1; } }
  map<string, int32> counts = 2;
  oneof choice { string message_text = 3; }
  message Last {}
}
service S { rpc Message (Outer) returns (Outer) { option x = {}; } }
message Second { Outer.Deep deep = 1 [(opt) = { a: 1 }]; optional group Result = 2 { string x = 3; } }
"#;

#[test]
fn messages_have_their_places_and_names() {
    let messages = Messages::of(FILE).unwrap();
    let expected = [
        ("a.b.Outer", &[0][..]),
        ("a.b.Outer.Deep", &[0, 0]),
        ("a.b.Outer.Deep.Deeper", &[0, 0, 0]),
        ("a.b.Outer.Last", &[0, 1]),
        ("a.b.Second", &[1]),
        ("a.b.Second.Result", &[1, 0]),
    ];
    assert_eq!(messages.0, expected.map(|(name, at)| (name.to_owned(), at.to_vec())));
    assert_eq!(messages.name(&[0, 1]), Some("a.b.Outer.Last"));
    assert_eq!(messages.name(&[2]), None);
    let error = messages.indexes("Outer").unwrap_err().to_string();
    assert!(error.starts_with("the file has no message Outer: it has a.b.Outer, "), "{error}");
}

#[test]
fn a_compiled_descriptor_is_read_as_well() {
    let nested = Declared { name: "In".to_owned(), nested: Vec::new() };
    let outer = Declared { name: "Out".to_owned(), nested: vec![nested] };
    let file = File { package: "p".to_owned(), messages: vec![outer] };
    let messages = Messages::of(&BASE64.encode(file.encode_to_vec())).unwrap();
    assert_eq!(messages.indexes("p.Out.In").unwrap(), [0, 0]);
}

#[test]
fn whatever_the_text_there_is_an_end() {
    let deep = "message A {".repeat(10_000);
    assert!(Messages::of(&deep).unwrap_err().to_string().contains("deeper than 64"));
    let many = "message A {} ".repeat(20_000);
    assert!(Messages::of(&many).unwrap_err().to_string().contains("more than 10000"));
    for text in ["", "}", "{", "message", "\"", "/*", "//", "'\\", "message A", "é{", "package"] {
        let _ = Messages::of(text);
    }
    let mut state = 7_u64;
    let pieces =
        ["message", " A", "{", "}", ";", "\"", "'", "//", "/*", "*/", "\n", "é", "\\", "="];
    for _ in 0..2000 {
        let mut text = String::new();
        for _ in 0..30 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            text.push_str(pieces[usize::try_from(state >> 33).unwrap() % pieces.len()]);
        }
        let _ = Messages::of(&text);
    }
}
