//! Each rule by a pair of files, as a writer and a reader have them.

use super::*;

fn file(text: &str) -> ProtobufFile {
    let syntax = if text.starts_with("syntax") { "" } else { "syntax = \"proto3\";" };
    match ProtobufFile::parse(&format!("{syntax}{text}"), &[]) {
        Ok(file) => file,
        Err(error) => panic!("{text}: {error}"),
    }
}

fn told(writer: &ProtobufFile, reader: &ProtobufFile) -> Vec<String> {
    let breaches = unreadable(("version 1", writer), ("version 2", reader));
    breaches.iter().map(ToString::to_string).collect()
}

/// Holds what is told of two files.
fn check(writer: &str, reader: &str, expected: &[&str]) {
    assert_eq!(told(&file(writer), &file(reader)), expected, "{writer}\n{reader}");
}

/// Holds what is told of a message with these bodies.
fn bodies(writer: &str, reader: &str, expected: &[&str]) {
    check(&format!("message M {{ {writer} }}"), &format!("message M {{ {reader} }}"), expected);
}

fn proto2(writer: &str, reader: &str, expected: &[&str]) {
    let text = |body: &str| format!("syntax = \"proto2\"; message M {{ {body} }}");
    check(&text(writer), &text(reader), expected);
}

#[test]
fn fields_come_and_go_and_change_their_names() {
    bodies("string a = 1;", "string a = 1; string b = 2;", &[]);
    bodies("string a = 1; string b = 2;", "string a = 1;", &[]);
    bodies("string a = 1;", "string b = 1;", &[]);
    // Under another number it is one that went and one that came.
    bodies("string a = 1;", "string a = 2;", &[]);
    bodies("string a = 1;", "string a = 1; reserved 2;", &[]);
}

#[test]
fn numbers_are_read_as_others_of_their_family() {
    let families: [&[&str]; 7] = [
        &["int32", "int64", "uint32", "uint64", "bool", "E"],
        &["sint32", "sint64"],
        &["string", "bytes"],
        &["fixed32", "sfixed32"],
        &["fixed64", "sfixed64"],
        &["float"],
        &["double"],
    ];
    let body = |kind: &str| format!("enum E {{ ZERO = 0; }} message M {{ {kind} a = 1; }}");
    for (at, family) in families.iter().enumerate() {
        for (other, others) in families.iter().enumerate() {
            for writer in *family {
                for reader in *others {
                    let found = told(&file(&body(writer)), &file(&body(reader)));
                    assert_eq!(found.is_empty(), at == other, "{writer} {reader}: {found:?}");
                }
            }
        }
    }
    bodies(
        "int32 a = 1;",
        "string b = 1;",
        &[
            "field `M.a`: it is int32 in version 1 and string in version 2, there under the name `b`",
        ],
    );
}

#[test]
fn kinds_do_not_change() {
    let inner = "message In { string s = 1; }";
    let changed = |from: &str, to: &str| {
        format!("field `M.a`: it is {from} in version 1 and {to} in version 2")
    };
    for (writer, reader, was, is) in [
        ("int32", "In", "int32", "message M.In"),
        ("In", "string", "message M.In", "string"),
        ("map<string, int32>", "In", "map<string, int32>", "message M.In"),
        ("map<string, int32>", "map<string, string>", "map<string, int32>", "map<string, string>"),
        ("map<int32, int32>", "map<string, int32>", "map<int32, int32>", "map<string, int32>"),
        ("In", "google.protobuf.Timestamp", "message M.In", "message google.protobuf.Timestamp"),
        (
            "google.protobuf.Timestamp",
            "google.protobuf.Duration",
            "message google.protobuf.Timestamp",
            "message google.protobuf.Duration",
        ),
    ] {
        let body = |kind: &str| format!("{inner} {kind} a = 1;");
        bodies(&body(writer), &body(reader), &[&changed(was, is)]);
    }
    bodies("map<string, int32> a = 1;", "map<string, int64> a = 1;", &[]);
    check(
        "message M { A a = 1; } message A {} message B {}",
        "message M { B a = 1; } message A {} message B {}",
        &["field `M.a`: it is message A in version 1 and message B in version 2"],
    );
    // A type is the same one however it is named.
    bodies(&format!("{inner} In a = 1;"), &format!("{inner} .M.In a = 1;"), &[]);
}

#[test]
fn one_or_many_is_for_numbers_to_keep() {
    let inner = "message In {}";
    for kind in ["string", "bytes", "In"] {
        let (one, many) =
            (format!("{inner} {kind} a = 1;"), format!("{inner} repeated {kind} a = 1;"));
        bodies(&one, &many, &[]);
        bodies(&many, &one, &[]);
    }
    // Whether or not `optional` is written, which it need not be in proto3.
    for one in ["", "optional "] {
        bodies(
            &format!("{one}int32 a = 1;"),
            "repeated int32 a = 1;",
            &["field `M.a`: it is int32 in version 1 and repeated int32 in version 2"],
        );
        bodies(
            "repeated bool a = 1;",
            &format!("{one}bool a = 1;"),
            &["field `M.a`: it is repeated bool in version 1 and bool in version 2"],
        );
    }
    bodies("int32 a = 1;", "optional int32 a = 1;", &[]);
}

#[test]
fn what_is_required_stays() {
    proto2(
        "optional string a = 1;",
        "optional string a = 1; required string b = 2;",
        &["field `M.b`: version 2 requires it as field 2, and messages of version 1 have no such \
           field"],
    );
    proto2(
        "required string b = 2;",
        "",
        &["field `M.b`: it is required in version 1, and version 2 has no such field"],
    );
    proto2(
        "optional string a = 1;",
        "required string a = 1;",
        &["field `M.a`: it is string in version 1 and required string in version 2"],
    );
    proto2("required string a = 1;", "optional string a = 1;", &[]);
    proto2(
        "required int32 a = 1;",
        "optional int32 a = 1;",
        &["field `M.a`: it is required int32 in version 1 and int32 in version 2"],
    );
}

#[test]
fn groups_are_no_messages_and_their_fields_count() {
    let group = "optional group Leg = 1 { optional string a = 2; }";
    proto2(group, group, &[]);
    proto2(group, "", &[]);
    proto2(
        group,
        "message Leg { optional string a = 2; } optional Leg leg = 1;",
        &["field `M.leg`: it is group M.Leg in version 1 and message M.Leg in version 2"],
    );
    proto2(
        group,
        "optional group Leg = 1 { optional int32 a = 2; }",
        &["field `M.Leg.a`: it is string in version 1 and int32 in version 2"],
    );
}

#[test]
fn extensions_are_fields_of_what_they_extend() {
    let with = |kind: &str| {
        let body = "extensions 100 to 199;";
        format!(
            "syntax = \"proto2\"; package p; message M {{ {body} }} \
                 extend M {{ optional {kind} more = 100; }}"
        )
    };
    check(&with("string"), &with("bytes"), &[]);
    check(
        &with("string"),
        &with("int32"),
        &["field `M.[p.more]`: it is string in version 1 and int32 in version 2"],
    );
}

#[test]
fn messages_stay_and_move_within_their_file() {
    check("message A {}", "message A {} message B {}", &[]);
    check("message A {} message B {}", "message B {} message A {}", &[]);
    check(
        "message A { message In {} } message B {}",
        "message B {}",
        &["version 1 has the message A, and version 2 has not"],
    );
    check(
        "message A { message In {} }",
        "message A {} message In {}",
        &["version 1 has the message A.In, and version 2 has not"],
    );
    check(
        "package a; message A {}",
        "package b; message A { .b.A a = 1; }",
        &["it is in the package a in version 1 and in the package b in version 2"],
    );
    // The entries of a map have no name that anyone knows.
    bodies("map<string, int32> a = 1;", "", &[]);
}

#[test]
fn enums_change_as_they_like() {
    let text = |body: &str| format!("message M {{ E e = 1; }} enum E {{ {body} }}");
    check(&text("A = 0; B = 1;"), &text("A = 0;"), &[]);
    check(&text("A = 0;"), &text("A = 0; B = 1;"), &[]);
    check(&text("A = 0; B = 1;"), &text("A = 0; C = 1;"), &[]);
    check(&text("A = 0;"), "message M { int32 e = 1; }", &[]);
}

#[test]
fn fields_of_a_oneof_could_not_be_set_together_before() {
    bodies("int32 a = 1; int32 b = 2;", "int32 a = 1; oneof o { int32 b = 2; int32 c = 3; }", &[]);
    bodies("oneof o { int32 a = 1; }", "oneof o { int32 a = 1; int32 b = 2; }", &[]);
    bodies("oneof o { int32 a = 1; int32 b = 2; }", "oneof p { int32 a = 1; int32 b = 2; }", &[]);
    bodies("oneof o { int32 a = 1; int32 b = 2; }", "oneof o { int32 a = 1; } int32 b = 2;", &[]);
    bodies("oneof o { int32 a = 1; int32 b = 2; }", "int32 a = 1; int32 b = 2;", &[]);
    bodies(
        "oneof o { int32 a = 1; int32 b = 2; }",
        "oneof o { int32 b = 2; } oneof p { int32 a = 1; }",
        &[],
    );
    let together = |field: &str, names: &str, oneof: &str| {
        format!(
            "field `M.{field}`: version 2 has {names} in the oneof `{oneof}`, and messages of \
             version 1 may have more than one of them"
        )
    };
    bodies(
        "int32 a = 1; int32 b = 2;",
        "oneof o { int32 a = 1; int32 b = 2; }",
        &[&together("a", "`a`, `b`", "o")],
    );
    bodies(
        "int32 a = 1; oneof o { int32 b = 2; }",
        "oneof o { int32 a = 1; int32 b = 2; }",
        &[&together("a", "`a`, `b`", "o")],
    );
    bodies(
        "oneof o { int32 a = 1; int32 b = 2; } oneof p { int32 c = 3; }",
        "oneof o { int32 a = 1; } oneof p { int32 c = 3; int32 b = 2; }",
        &[&together("b", "`b`, `c`", "p")],
    );
    // The type counts wherever the field moves.
    bodies(
        "oneof o { int32 a = 1; }",
        "string a = 1;",
        &["field `M.a`: it is int32 in version 1 and string in version 2"],
    );
}

#[test]
fn a_oneof_goes_whole_or_not_at_all() {
    let lost =
        "field `M.b`: it is one of the oneof `o` in version 1, and version 2 has no such field";
    bodies("oneof o { int32 a = 1; int32 b = 2; }", "oneof o { int32 a = 1; }", &[lost]);
    bodies("oneof o { int32 a = 1; int32 b = 2; }", "oneof p { int32 a = 1; }", &[lost]);
    bodies("oneof o { int32 a = 1; int32 b = 2; }", "", &[]);
}

#[test]
fn what_is_imported_is_compared_where_it_is_used() {
    let airport = |kind: &str, package: &str| {
        file(&format!(
            "package {package}; message Airport {{ {kind} faa = 1; }} message Unused {{}}"
        ))
    };
    let leg = |import: &ProtobufFile, package: &str| {
        let text = "import \"airport.proto\"; message Leg";
        let text = format!("syntax = \"proto3\"; {text} {{ {package}.Airport from = 1; }}");
        ProtobufFile::parse(&text, &[("airport.proto", import)]).expect("a file")
    };
    let old = leg(&airport("string", "a"), "a");
    assert_eq!(told(&old, &leg(&airport("bytes", "a"), "a")), [""; 0]);
    // Its package may change, as it is no part of what is written.
    assert_eq!(told(&old, &leg(&airport("string", "b"), "b")), [""; 0]);
    assert_eq!(
        told(&old, &leg(&airport("int32", "a"), "a")),
        ["field `Airport.faa`: it is string in version 1 and int32 in version 2"],
    );
    // What others look for in this file must stay in it.
    let own = file("message Leg { Airport from = 1; } message Airport { string faa = 1; }");
    assert_eq!(told(&old, &own), [""; 0]);
    assert_eq!(told(&own, &old), ["version 1 has the message Airport, and version 2 has not"]);
}

#[test]
fn messages_that_contain_themselves_are_compared_once() {
    let node = |kind: &str| {
        format!("message Node {{ Node next = 1; map<string, Node> all = 2; {kind} v = 3; }}")
    };
    check(&node("int32"), &node("int64"), &[]);
    check(
        &node("int32"),
        &node("string"),
        &["field `Node.v`: it is int32 in version 1 and string in version 2"],
    );
}

#[test]
fn much_that_is_wrong_is_told_in_part() {
    let many = |kind: &str| {
        let fields: String = (1..=500).map(|at| format!("{kind} f{at} = {at};")).collect();
        file(&format!("message M {{ {fields} }}"))
    };
    assert_eq!(told(&many("int32"), &many("string")).len(), BREACHES_MAX);
}
