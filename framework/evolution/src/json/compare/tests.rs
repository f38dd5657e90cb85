//! Each rule by a pair of schemas, as a writer and a reader have them.

mod hostile;
mod objects;
mod random;

use super::*;

fn parse(text: &str) -> JsonDocument {
    match JsonDocument::parse(text, &[]) {
        Ok(document) => document,
        Err(error) => panic!("{text}: {error}"),
    }
}

fn told(writer: &JsonDocument, reader: &JsonDocument) -> Vec<String> {
    let breaches = unreadable(("version 1", writer), ("version 2", reader));
    breaches.iter().map(ToString::to_string).collect()
}

/// Holds what is told of two schemas.
#[track_caller]
fn check(writer: &str, reader: &str, expected: &[&str]) {
    assert_eq!(told(&parse(writer), &parse(reader)), expected, "{writer}\n{reader}");
}

/// Holds that a change of one keyword is well, and its reverse is not.
#[track_caller]
fn wider(narrow: &str, wide: &str, expected: &str) {
    check(&format!("{{{narrow}}}"), &format!("{{{wide}}}"), &[]);
    check(&format!("{{{wide}}}"), &format!("{{{narrow}}}"), &[expected]);
}

#[test]
fn types_are_widened() {
    wider(
        r#""type": "string""#,
        r#""type": ["string", "null"]"#,
        "it may be null or string in version 1, and version 2 only takes string",
    );
    wider(
        r#""type": "integer""#,
        r#""type": "number""#,
        "it may be number in version 1, and version 2 only takes integer",
    );
    wider(
        r#""type": "object""#,
        "",
        "it may be anything in version 1, and version 2 only takes object",
    );
    check(
        r#"{"type": "object"}"#,
        r#"{"type": "array"}"#,
        &["it may be object in version 1, and version 2 only takes array"],
    );
    check(r#"{"type": "number", "multipleOf": 2}"#, r#"{"type": "integer"}"#, &[]);
    check(r#"{"title": "a", "$id": "b"}"#, r#"{"description": "c", "default": 1}"#, &[]);
}

#[test]
fn whole_schemas_may_be_true_and_false() {
    check("true", "{}", &[]);
    check("{}", "true", &[]);
    check("false", r#"{"type": "string"}"#, &[]);
    check(r#"{"type": "string"}"#, "true", &[]);
    check("true", "false", &["it may be anything in version 1, and version 2 takes nothing"]);
}

#[test]
fn numbers_keep_within_bounds() {
    let not = |what: &str| format!("version 2 takes {what}, and version 1 does not ask for that");
    wider(r#""minimum": 10"#, r#""minimum": 9.5"#, &not("no number below 10"));
    wider(r#""maximum": 10"#, r#""maximum": 11"#, &not("no number above 10"));
    wider(r#""minimum": 10"#, "", &not("no number below 10"));
    wider(
        r#""exclusiveMinimum": 10"#,
        r#""minimum": 10"#,
        &not("no number below 10, nor that one"),
    );
    // As draft 4 has it.
    wider(
        r#""maximum": 10, "exclusiveMaximum": true"#,
        r#""maximum": 10"#,
        &not("no number above 10, nor that one"),
    );
    wider(r#""multipleOf": 0.2"#, r#""multipleOf": 0.1"#, &not("only multiples of 0.2"));
    wider(r#""multipleOf": 6"#, "", &not("only multiples of 6"));
    check(r#"{"type": "string"}"#, r#"{"type": "string", "minimum": 3}"#, &[]);
    check(
        r#"{"minimum": 9007199254740992}"#,
        r#"{"minimum": 9007199254740993}"#,
        &[&not("no number below 9007199254740993")],
    );
}

#[test]
fn strings_keep_their_lengths_and_patterns() {
    let not = |what: &str| format!("version 2 takes {what}, and version 1 does not ask for that");
    wider(r#""maxLength": 3"#, r#""maxLength": 4"#, &not("no text longer than 3"));
    wider(r#""minLength": 3"#, r#""minLength": 2"#, &not("no text shorter than 3"));
    wider(r#""pattern": "^A""#, "", &not("only text like `^A`"));
    check(r#"{"pattern": "^A"}"#, r#"{"pattern": "^AB"}"#, &[&not("only text like `^AB`")]);
    check(
        r#"{"type": "string", "format": "date"}"#,
        r#"{"type": "string", "format": "uuid"}"#,
        &[],
    );
}

#[test]
fn listed_values_become_more() {
    wider(
        r#""enum": ["Late", "Gone"]"#,
        r#""enum": ["Gone", "Late", "Boarding"]"#,
        "it may be `\"Boarding\"` in version 1, which version 2 does not take",
    );
    check(
        r#"{"const": "Late"}"#,
        r#"{"const": "Gone"}"#,
        &["it may be `\"Late\"` in version 1, which version 2 does not take"],
    );
    wider(
        r#""type": "string", "enum": ["Late"]"#,
        r#""type": "string""#,
        "it may be any string in version 1, and version 2 only takes `\"Late\"`",
    );
    check(r#"{"enum": ["a"]}"#, r#"{"type": "string", "maxLength": 1}"#, &[]);
    check(r#"{"enum": [1, 2.0]}"#, r#"{"enum": [1.0, 2, 3]}"#, &[]);
    check(r#"{"type": "boolean"}"#, r#"{"enum": [true, false]}"#, &[]);
}

#[test]
fn items_are_like_properties() {
    let not = |what: &str| format!("version 2 takes {what}, and version 1 does not ask for that");
    wider(
        r#""items": {"type": "string"}"#,
        "",
        "field `[]`: it may be anything in version 1, and version 2 only takes string",
    );
    for (prefix, rest) in [("items", "additionalItems"), ("prefixItems", "items")] {
        let with = |first: &str, others: &str| {
            format!(r#"{{"type": "array", "{prefix}": [{first}], "{rest}": {others}}}"#)
        };
        let (text, number) = (r#"{"type": "string"}"#, r#"{"type": "number"}"#);
        let both = format!("{text}, {number}");
        check(&with(&both, "true"), &with(text, "true"), &[]);
        check(&with(text, "false"), &with(&both, "false"), &[]);
        check(&with(&both, "false"), &with(text, number), &[]);
        check(
            &with(text, "true"),
            &with(&both, "true"),
            &["field `[1]`: it may be anything in version 1, and version 2 only takes number"],
        );
        check(
            &with(&both, "false"),
            &with(text, "false"),
            &["field `[1]`: it may be number in version 1, and version 2 takes nothing"],
        );
        check(
            &with(text, text),
            &with(text, number),
            &["field `[]`: it may be string in version 1, and version 2 only takes number"],
        );
        check(&with(text, "false"), r#"{"maxItems": 1}"#, &[]);
    }
    wider(r#""minItems": 2"#, r#""minItems": 1"#, &not("no array of less than 2 items"));
    wider(r#""maxItems": 2"#, r#""maxItems": 3"#, &not("no array of more than 2 items"));
    wider(r#""uniqueItems": true"#, r#""uniqueItems": false"#, &not("no item twice"));
    let some = |min: &str| not(&format!("only arrays with at least {min} items of a kind"));
    wider(r#""contains": {"type": "integer"}"#, r#""contains": {"type": "number"}"#, &some("1"));
    wider(
        r#""contains": {"type": "number"}, "minContains": 2"#,
        r#""contains": {"type": "number"}"#,
        &some("2"),
    );
    wider(
        r#""contains": {"type": "number"}, "maxContains": 2"#,
        r#""contains": {"type": "number"}, "maxContains": 3"#,
        &some("1 and at most 2"),
    );
}

#[test]
fn of_alternatives_there_may_be_more() {
    for keyword in ["anyOf", "oneOf"] {
        let of = |branches: &str| format!(r#"{{"{keyword}": [{branches}]}}"#);
        let (text, number) = (r#"{"type": "string", "maxLength": 3}"#, r#"{"type": "number"}"#);
        check(text, &of(&format!("{number}, {text}")), &[]);
        check(&of(text), &of(&format!("{number}, {text}")), &[]);
        check(&of(&format!("{number}, {text}")), &of(&format!("{text}, {number}")), &[]);
        check(
            &of(&format!("{number}, {text}")),
            &of(text),
            &["it may be number in version 1, and version 2 only takes string"],
        );
        // What is of one type goes to its branch, and its words are told.
        check(
            r#"{"type": ["string", "number"]}"#,
            &of(&format!("{number}, {text}")),
            &["version 2 takes no text longer than 3, and version 1 does not ask for that"],
        );
        check(
            r#"{"type": ["string", "null"]}"#,
            &of(r#"{"type": "null"}, {"type": "string"}"#),
            &[],
        );
        check(
            r#"{"type": "string"}"#,
            &of(r#"{"maxLength": 3}, {"minLength": 5}"#),
            &[
                "it may be string in version 1, and of the 2 alternatives of version 2 none takes all \
               of these",
            ],
        );
    }
}

#[test]
fn of_what_must_fit_all_there_may_be_less() {
    let all = |of: &str| format!(r#"{{"allOf": [{of}]}}"#);
    let (text, short) = (r#"{"type": "string"}"#, r#"{"maxLength": 3}"#);
    check(&all(&format!("{text}, {short}")), &all(short), &[]);
    check(&all(&format!("{text}, {short}")), r#"{"type": "string", "maxLength": 4}"#, &[]);
    check(
        &all(text),
        &all(&format!("{short}, {text}")),
        &["version 2 takes no text longer than 3, and version 1 does not ask for that"],
    );
    // Two that cannot be at once are nothing.
    check(&all(&format!(r#"{text}, {{"type": "null"}}"#)), r#"{"type": "array"}"#, &[]);
}

#[test]
fn what_is_excluded_may_become_less() {
    wider(
        r#""not": {"type": "number"}"#,
        r#""not": {"type": "integer"}"#,
        "version 2 excludes by `not` what may be there in version 1",
    );
    check(r#"{"type": "string"}"#, r#"{"not": {"type": "number"}}"#, &[]);
}

#[test]
fn references_are_what_they_refer_to() {
    let direct = r#"{"properties": {"a": {"type": "string"}}}"#;
    for keyword in ["definitions", "$defs"] {
        let with = |kind: &str| {
            format!(
                r##"{{"properties": {{"a": {{"$ref": "#/{keyword}/x~1y%25"}}}},
                    "{keyword}": {{"x/y%": {{"type": "{kind}"}}}}}}"##
            )
        };
        check(direct, &with("string"), &[]);
        check(&with("string"), direct, &[]);
        check(
            &with("string"),
            &with("number"),
            &["field `a`: it may be string in version 1, and version 2 only takes number"],
        );
    }
    let anchor = r##"{"properties": {"a": {"$ref": "#x"}}, "$defs": {"x": {"$anchor": "x", "type": "string"}}}"##;
    check(direct, anchor, &[]);
    check(anchor, direct, &[]);
    // Up to draft 7 nothing counts beside a reference.
    let beside = r##"{"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"x": {}},
        "properties": {"a": {"$ref": "#/definitions/x", "type": "string"}}}"##;
    check(
        beside,
        direct,
        &["field `a`: it may be anything in version 1, and version 2 only takes string"],
    );
}

#[test]
fn schemas_that_contain_themselves_come_to_an_end() {
    let node = |kind: &str, more: &str| {
        format!(
            r##"{{"type": "object", "additionalProperties": false, "properties": {{
                "is": {{"type": "{kind}"}}, "next": {{"anyOf": [{{"type": "null"}}, {{"$ref": "#"}}]}},
                "others": {{"type": "array", "items": {{"$ref": "#"}}}} {more}}}}}"##
        )
    };
    check(&node("integer", ""), &node("number", r#", "more": {}"#), &[]);
    let found = told(&parse(&node("number", "")), &parse(&node("integer", "")));
    assert_eq!(
        found.first().map(String::as_str),
        Some("field `is`: it may be number in version 1, and version 2 only takes integer"),
    );
    check(
        r##"{"$ref": "#"}"##,
        r#"{"type": "string"}"#,
        &["it may be anything in version 1, and version 2 only takes string"],
    );
    check(r##"{"allOf": [{"$ref": "#"}], "type": "string"}"##, r#"{"type": "string"}"#, &[]);
}

#[test]
fn what_is_not_understood_must_stay_the_same() {
    let with =
        |then: &str| format!(r#"{{"if": {{"required": ["a"]}}, "then": {then}, "title": "x"}}"#);
    let changed = |keyword: &str| {
        format!(
            "`{keyword}` is not the same in version 1 and version 2: what follows from it cannot \
                 be told"
        )
    };
    check(&with("{}"), &with("{}").replace('x', "y"), &[]);
    check(
        &with("{}"),
        r#"{"type": ["object", "array", "string", "number", "boolean", "null"]}"#,
        &[],
    );
    check(&with("{}"), &with("false"), &[&changed("if")]);
    check("{}", r#"{"type": "strange"}"#, &[&changed("type")]);
    check(r#"{"minLength": -1}"#, r#"{"minLength": -2}"#, &[&changed("minLength")]);
    // What it refers to may have changed without it.
    let refers = |of: &str| {
        format!(r##"{{"if": {{"$ref": "#/$defs/x"}}, "then": false, "$defs": {{"x": {of}}}}}"##)
    };
    check(&refers("true"), &refers("true").replace("false", "false, \"title\": \"y\""), &[]);
    check(&refers("true"), &refers("false"), &[&changed("if")]);
    check(
        r#"{"unevaluatedProperties": {}, "properties": {"a": {}}}"#,
        r#"{"unevaluatedProperties": false, "properties": {"a": {}}}"#,
        &["field `*`: it may be anything in version 1, and version 2 takes nothing"],
    );
    check(
        r#"{"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": false}"#,
        r#"{"allOf": [{"properties": {"b": {}}}], "unevaluatedProperties": false}"#,
        &[&changed("unevaluatedProperties")],
    );
}

#[test]
fn references_to_others_are_read_if_they_are_given() {
    let leg = r#"{"properties": {"from": {"$ref": "airport.json#/$defs/code"}}}"#;
    let code = |kind: &str| parse(&format!(r#"{{"$defs": {{"code": {{"type": "{kind}"}}}}}}"#));
    let with = |kind: &str| JsonDocument::parse(leg, &[("airport.json", &code(kind))]).unwrap();
    assert!(with("string").missing().is_empty());
    assert_eq!(told(&with("string"), &with("string")), [""; 0]);
    assert_eq!(
        told(&with("string"), &with("number")),
        ["field `from`: it may be string in version 1, and version 2 only takes number"],
    );
    let alone = parse(leg);
    assert_eq!(alone.missing(), ["airport.json#/$defs/code"]);
    assert_eq!(
        told(&with("string"), &alone),
        ["field `from`: `$ref` is not the same in version 1 and version 2: what follows from it \
          cannot be told"],
    );
    // The same name is the same schema as far as anyone knows, unless others are given.
    assert_eq!(told(&alone, &parse(&leg.replace("{\"prop", "{\"title\": \"x\", \"prop"))), [""; 0]);
}

#[test]
fn texts_that_are_no_schemas_are_told_with_their_place() {
    let error = JsonDocument::parse("{\n  \"type\": nothing}", &[]).unwrap_err().to_string();
    assert!(error.starts_with("line 2, column "), "{error}");
    assert!(!error.contains(" at line "), "{error}");
    let error = JsonDocument::parse("[1]", &[]).unwrap_err().to_string();
    assert_eq!(error, "a JSON Schema is an object, `true` or `false`");
}
