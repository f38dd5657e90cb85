//! Texts and readings, by the Java library.

use super::*;
use crate::model::SchemaType;

#[test]
fn a_schema_is_written_as_the_java_library_writes_it() {
    let cases = [
        ("string", "\"string\""),
        (" {\"type\": \"string\"} ", "\"string\""),
        (
            r#"{"logicalType":"decimal","type":"bytes","scale":2,"precision":4}"#,
            r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}"#,
        ),
        (
            r#"{"namespace":"a.b","name":"R","type":"record","fields":[
                {"type":{"type":"array","items":"a.b.R"},"name":"f","aliases":["g"],
                 "order":"ascending"},
                {"name":"e","type":{"type":"enum","name":"a.b.E","symbols":["X","Y"],
                 "default":"X"},"doc":"d"},
                {"name":"o","type":{"type":"fixed","name":"c.F","size":2,
                 "aliases":["c.Old","x.F"]}},
                {"name":"n","type":["null",{"type":"record","namespace":"","name":"N",
                 "fields":[]}],"default":null,"note":1}
              ],"doc":"a \"record\""}"#,
            concat!(
                r#"{"type":"record","name":"R","namespace":"a.b","doc":"a \"record\"","fields":["#,
                r#"{"name":"f","type":{"type":"array","items":"R"},"aliases":["g"]},"#,
                r#"{"name":"e","type":{"type":"enum","name":"E","symbols":["X","Y"],"#,
                r#""default":"X"},"doc":"d"},"#,
                r#"{"name":"o","type":{"type":"fixed","name":"F","namespace":"c","size":2,"#,
                r#""aliases":["Old","x.F"]}},"#,
                r#"{"name":"n","type":["null",{"type":"record","name":"N","namespace":"","#,
                r#""fields":[]}],"default":null,"note":1}]}"#
            ),
        ),
    ];
    for (text, expected) in cases {
        let written = canonical(text, &[]).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(written, expected);
        assert_eq!(canonical(&written, &[]).as_deref(), Ok(expected), "once more");
    }
}

#[test]
fn names_within_what_is_referred_to_are_known() {
    let outer = r#"{"type":"record","name":"n.Outer","fields":[
        {"name":"i","type":{"type":"fixed","name":"Inner","size":1}}]}"#;
    let user = r#"{"type":"record","name":"n.User","fields":[{"name":"x","type":"Inner"}]}"#;
    let outer = [Referenced { name: "n.Outer".to_owned(), text: outer.to_owned() }];
    assert!(canonical(user, &outer).is_ok());
    assert!(canonical(user, &[]).is_err());
    assert!(canonical(r#"["n.Outer","n.Inner"]"#, &outer).is_ok());
}

/// Returns the kinds of what keeps `reader` from reading `writer`.
fn differences(reader: &str, writer: &str) -> Vec<String> {
    let schema = |text| Resolved { schema_type: SchemaType::Avro, text, references: &[] };
    let kind =
        |told: String| told.split('\'').nth(1).unwrap_or_else(|| panic!("{told}")).to_owned();
    incompatibilities(schema(reader), schema(writer)).into_iter().map(kind).collect()
}

#[test]
fn types_are_promoted_and_no_others_read() {
    let all = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
    let allowed = [
        ("int", "long"),
        ("int", "float"),
        ("int", "double"),
        ("long", "float"),
        ("long", "double"),
        ("float", "double"),
        ("bytes", "string"),
        ("string", "bytes"),
    ];
    for (writer, reader) in all.into_iter().flat_map(|w| all.map(|r| (w, r))) {
        let reads = differences(&format!("\"{reader}\""), &format!("\"{writer}\"")).is_empty();
        assert_eq!(
            reads,
            reader == writer || allowed.contains(&(writer, reader)),
            "{writer} {reader}"
        );
    }
}

#[test]
fn differences_have_their_kinds() {
    let record = |name: &str, fields: &str| {
        format!(r#"{{"type":"record","name":"{name}","fields":[{fields}]}}"#)
    };
    let a = r#"{"name":"a","type":"int"}"#;
    let enums = |symbols: &str, more: &str| {
        format!(r#"{{"type":"enum","name":"E","symbols":[{symbols}]{more}}}"#)
    };
    let fixed = |size: u8| format!(r#"{{"type":"fixed","name":"F","size":{size}}}"#);
    let text = |text: &str| text.to_owned();
    let cases = [
        (record("R", a), record("R", ""), "READER_FIELD_MISSING_DEFAULT_VALUE"),
        (record("R", ""), record("R", a), ""),
        (record("R", a), record("S", a), "NAME_MISMATCH"),
        (record("x.R", a), record("y.R", a), ""),
        (enums("\"A\"", ""), enums("\"A\",\"B\"", ""), "MISSING_ENUM_SYMBOLS"),
        (enums("\"A\"", ",\"default\":\"A\""), enums("\"A\",\"B\"", ""), ""),
        (fixed(1), fixed(2), "FIXED_SIZE_MISMATCH"),
        (text("[\"null\",\"int\"]"), text("\"int\""), ""),
        (text("[\"null\",\"long\"]"), text("[\"int\",\"null\"]"), ""),
        (text("\"int\""), text("[\"null\",\"int\"]"), "MISSING_UNION_BRANCH"),
        (text("[\"null\",\"int\"]"), text("\"string\""), "MISSING_UNION_BRANCH"),
        (text("\"int\""), text("[\"int\"]"), ""),
        (
            text(r#"{"type":"array","items":"int"}"#),
            text(r#"{"type":"map","values":"int"}"#),
            "TYPE_MISMATCH",
        ),
        (
            text(r#"{"type":"array","items":"int"}"#),
            text(r#"{"type":"array","items":"long"}"#),
            "TYPE_MISMATCH",
        ),
        (text(r#"{"type":"long","logicalType":"timestamp-millis"}"#), text("\"int\""), ""),
    ];
    for (reader, writer, expected) in cases {
        let expected: &[&str] = if expected.is_empty() { &[] } else { &[expected] };
        assert_eq!(differences(&reader, &writer), expected, "{reader} reads {writer}");
    }
}

#[test]
fn aliases_of_the_reader_count() {
    let writer = r#"{"type":"record","name":"n.Old","fields":[{"name":"before","type":"int"}]}"#;
    let reader = r#"{"type":"record","name":"n.New","aliases":["Old"],"fields":[
        {"name":"after","type":"int","aliases":["before"]}]}"#;
    assert_eq!(differences(reader, writer), [""; 0]);
    assert_eq!(differences(writer, reader).len(), 2, "those of the writer do not");
}

#[test]
fn types_that_contain_themselves_are_compared_once() {
    let list = |value: &str| {
        format!(
            r#"{{"type":"record","name":"L","fields":[{{"name":"v","type":"{value}"}},
              {{"name":"next","type":["null","L"]}}]}}"#
        )
    };
    assert_eq!(differences(&list("long"), &list("int")), [""; 0]);
    assert_eq!(differences(&list("int"), &list("long")), ["TYPE_MISMATCH"]);
}

#[test]
fn a_name_means_the_same_wherever_it_is_defined() {
    let inner = r#"{"type":"record","name":"I","fields":[{"name":"x","type":"int"}]}"#;
    let both = format!(
        r#"{{"type":"record","name":"R","fields":[{{"name":"a","type":{inner}}},
          {{"name":"b","type":"I"}}]}}"#
    );
    let second =
        format!(r#"{{"type":"record","name":"R","fields":[{{"name":"b","type":{inner}}}]}}"#);
    assert_eq!(differences(&second, &both), [""; 0]);
    let changed = second.replace("\"int\"", "\"string\"");
    assert_eq!(differences(&changed, &both), ["TYPE_MISMATCH"]);
}
