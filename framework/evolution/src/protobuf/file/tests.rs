//! What is a file, and what is said where it is none.

use super::*;
use crate::protobuf::unreadable;

fn refused(text: &str) -> String {
    match ProtobufFile::parse(text, &[]) {
        Ok(_) => panic!("taken: {text}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let begin = |text: &str| refused(&format!("syntax = \"proto3\";\n{text}"));
    for (text, told) in [
        ("message A {\n  é\n}", "line 3, column 3: invalid token"),
        ("message A { string a = 1", "line 2, column 25: "),
        ("message A { Gone a = 1; }", "line 2, column 13: there is no type `Gone`"),
        ("message A {}\nmessage A {}", "line 3, column 1: there are two types `A`"),
        ("message A {}\nenum A { X = 0; }", "there are two types `A`"),
        (
            "message A { string a = 1;\n string b = 1; }",
            "line 3, column 2: field `b` has the number 1 of `a`",
        ),
        ("import \"gone.proto\";", "line 2, column 1: it imports `gone.proto`, which is not given"),
        ("message A { required string a = 1; }", "line 2, column 13: "),
    ] {
        let error = begin(text);
        assert!(error.contains(told), "{text}: {error}\n has no\n{told}");
    }
}

#[test]
fn editions_may_be_right_and_are_not_known() {
    let text =
        "// A comment.\n/* And\n another. */\nedition = \"2023\";\nmessage A { string a = 1; }";
    let error = ProtobufFile::parse(text, &[]).unwrap_err();
    assert!(error.is_beyond());
    assert!(error.to_string().starts_with("line 4, column 1: files of an edition"), "{error}");
    assert!(!ProtobufFile::parse("message A {", &[]).unwrap_err().is_beyond());
}

#[test]
fn files_of_every_compiler_need_not_be_given() {
    let text = "syntax = \"proto3\"; import \"google/protobuf/timestamp.proto\";
        import public \"google/protobuf/struct.proto\";
        message A { google.protobuf.Timestamp at = 1; google.protobuf.NullValue none = 2; }";
    assert!(ProtobufFile::parse(text, &[]).is_ok());
}

#[test]
fn imports_bring_their_own_along() {
    let file = |text: &str, imports: &[(&str, &ProtobufFile)]| {
        ProtobufFile::parse(&format!("syntax = \"proto3\"; {text}"), imports).expect("a file")
    };
    let base = file("package b; message Base {}", &[]);
    let middle =
        file("import \"b.proto\"; message Middle { b.Base b = 1; }", &[("b.proto", &base)]);
    let top = "import \"m.proto\"; message Top { Middle m = 1; b.Base b = 2; }";
    file(top, &[("m.proto", &middle)]);
    // The same file by two ways is one.
    file(top, &[("b.proto", &base), ("m.proto", &middle), ("b.proto", &base)]);
}

#[test]
fn a_compiled_descriptor_is_read_as_well() {
    let text = "syntax = \"proto3\"; package p; message A { map<string, B> b = 1; message B {} }";
    let descriptor = protox_parse::parse("a.proto", text).expect("a file");
    let compiled = BASE64.encode(descriptor.encode_to_vec());
    let (own, compiled) =
        (ProtobufFile::parse(text, &[]).unwrap(), ProtobufFile::parse(&compiled, &[]).unwrap());
    assert!(unreadable(("old", &own), ("new", &compiled)).is_empty());
    assert!(unreadable(("new", &compiled), ("old", &own)).is_empty());
}

#[test]
fn whatever_the_text_there_is_an_end() {
    for text in [
        "message A {".repeat(100_000),
        "message A { option a = {".to_owned() + &"a {".repeat(100_000),
        "message A { option a = ".to_owned() + &"[".repeat(100_000),
        "/*".repeat(100_000),
        format!("message A {{ {} }}", "oneof o { string a = 1; }".repeat(20_000)),
        format!("syntax = \"proto2\"; message A {{ {} }}", "optional A a = 1;".repeat(20_000)),
        "a".repeat(SCHEMA_BYTES_MAX + 1),
        format!("syntax = \"proto3\"; message A {{ a{} a = 1; }}", ".a".repeat(100_000)),
    ] {
        assert!(ProtobufFile::parse(&text, &[]).is_err());
    }
    let chain: String =
        (0..20_000).map(|at| format!("message M{at} {{ M{} m = 1; }}", at + 1)).collect();
    let chain = format!("syntax = \"proto3\"; {chain} message M20000 {{}}");
    let chain = ProtobufFile::parse(&chain, &[]).expect("a file");
    assert!(unreadable(("old", &chain), ("new", &chain)).is_empty());
}

const MUTATED: &str = "syntax = \"proto2\"; package p; import \"google/protobuf/any.proto\";
message M { required string a = 1; repeated int32 b = 2 [packed = true]; optional int64 i = 14 [default = 3];
  oneof o { M c = 3; E d = 4; } map<int32, M> e = 5; optional group G = 6 { optional bytes f = 7; }
  extensions 100 to max; reserved 8, 10 to 12; reserved \"x\"; optional E h = 13 [default = A]; }
enum E { option allow_alias = true; A = 0; B = 0x1; } extend M { optional double g = 100; }
service S { rpc R (M) returns (stream M) { option (o) = { a: [1, 2] b < c: \"d\" > }; } }";

#[test]
fn random_changes_never_panic_and_files_are_readable_as_themselves() {
    let words: Vec<&str> = MUTATED.split_inclusive(|c: char| !c.is_alphanumeric()).collect();
    let mut state = 11_u64;
    let mut next = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    let mut taken = vec![ProtobufFile::parse(MUTATED, &[]).unwrap()];
    for _ in 0..20_000 {
        let mut mutated = words.clone();
        for _ in 0..=next(3) {
            let at = next(mutated.len());
            match next(3) {
                0 => _ = mutated.remove(at),
                1 => mutated.insert(at, words[next(words.len())]),
                _ => mutated[at] = words[next(words.len())],
            }
        }
        if let Ok(file) = ProtobufFile::parse(&mutated.concat(), &[]) {
            assert!(unreadable(("old", &file), ("new", &file)).is_empty(), "{}", mutated.concat());
            let other = &taken[next(taken.len())];
            let _ = unreadable(("old", &file), ("new", other));
            let _ = unreadable(("old", other), ("new", &file));
            taken.push(file);
        }
    }
    assert!(taken.len() > 100, "{}", taken.len());
}
