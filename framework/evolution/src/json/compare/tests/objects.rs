//! Properties: those that are named, and all others.

use super::*;

#[test]
fn properties_of_open_objects_may_only_go() {
    let foo = r#""foo": {"type": "string"}"#;
    let open =
        |properties: &str| format!(r#"{{"type": "object", "properties": {{{properties}}}}}"#);
    check(&open(foo), &open(""), &[]);
    check(
        &open(""),
        &open(foo),
        &[
            "field `foo`: version 1 does not say what it is and lets it be anything, and version 2 only \
           takes some string: was it closed, it could be added",
        ],
    );
    check(&open(""), &open(r#""foo": {}, "bar": true"#), &[]);
    check(
        &open(foo),
        &open(r#""foo": {"type": "integer"}"#),
        &["field `foo`: it may be string in version 1, and version 2 only takes integer"],
    );
}

#[test]
fn properties_of_closed_objects_may_only_come() {
    let closed = |properties: &str| {
        format!(
            r#"{{"type": "object", "properties": {{{properties}}}, "additionalProperties": false}}"#
        )
    };
    let foo = r#""foo": {"type": "string"}"#;
    check(&closed(""), &closed(foo), &[]);
    check(
        &closed(foo),
        &closed(""),
        &["field `foo`: version 1 has it, and version 2 neither has it nor lets others be added"],
    );
    check(&closed(r#""foo": false"#), &closed(""), &[]);
    check(&closed(foo), r#"{"type": "object"}"#, &[]);
    check(
        r#"{"type": "object"}"#,
        &closed(""),
        &[
            "field `*`: version 1 lets any properties be added, and version 2 only takes nothing there",
        ],
    );
}

#[test]
fn partly_open_objects_say_what_is_added() {
    let with = |properties: &str, others: &str| {
        format!(r#"{{"type": "object", "properties": {{{properties}}}, {others}}}"#)
    };
    let texts = r#""additionalProperties": {"type": "string"}"#;
    let patterns =
        r#""patternProperties": {"^i_": {"type": "integer"}}, "additionalProperties": false"#;
    check(&with("", texts), &with(r#""a": {"type": "string"}"#, texts), &[]);
    check(&with(r#""a": {"type": "string"}"#, texts), &with("", texts), &[]);
    check(&with("", patterns), &with(r#""i_1": {"type": "number"}"#, patterns), &[]);
    check(
        &with("", texts),
        &with(r#""a": {"type": "integer"}"#, texts),
        &["field `a`: it may be string in version 1, and version 2 only takes integer"],
    );
    check(
        &with(r#""a": {"type": "integer"}"#, texts),
        &with("", texts),
        &["field `a`: it may be integer in version 1, and version 2 only takes string"],
    );
    check(
        &with("", texts),
        &with("", r#""additionalProperties": {"type": "integer"}"#),
        &["field `*`: it may be string in version 1, and version 2 only takes integer"],
    );
    check(
        &with("", patterns),
        &with("", &patterns.replace("integer", "string")),
        &["field `/^i_/`: it may be integer in version 1, and version 2 only takes string"],
    );
    // A pattern that is not understood may be that of anything.
    let looks = r#""patternProperties": {"^(?=x)": {"type": "string"}}"#;
    check(&with("", looks), &with("", looks).replace("{\"type", "{\"title\": \"x\", \"type"), &[]);
    check(
        &with(r#""a": {"type": "integer"}"#, r#""additionalProperties": false"#),
        &with(r#""a": {"type": "integer"}"#, looks),
        &["field `a`: it may be integer in version 1, and version 2 only takes string"],
    );
}

#[test]
fn required_properties_need_a_default() {
    let with = |required: &str, default: &str| {
        format!(
            r#"{{"type": "object", "properties": {{"a": {{"type": "string"{default}}}}},
                "additionalProperties": false, "required": [{required}]}}"#
        )
    };
    check(&with(r#""a""#, ""), &with("", ""), &[]);
    check(
        &with("", ""),
        &with(r#""a""#, ""),
        &[
            "field `a`: version 2 requires it and gives it no default, and version 1 does not require it",
        ],
    );
    check(&with("", ""), &with(r#""a""#, r#", "default": "x""#), &[]);
    check(
        "{}",
        r#"{"required": ["b"]}"#,
        &[
            "field `b`: version 2 requires it and gives it no default, and version 1 does not require it",
        ],
    );
    let not = |what: &str| format!("version 2 takes {what}, and version 1 does not ask for that");
    wider(r#""minProperties": 1"#, "", &not("no object of less than 1 properties"));
    wider(
        r#""maxProperties": 1"#,
        r#""maxProperties": 2"#,
        &not("no object of more than 1 properties"),
    );
    check(r#"{"required": ["a", "b"]}"#, r#"{"minProperties": 2}"#, &[]);
}

#[test]
fn properties_bring_others_along() {
    let lacks = "field `a`: version 2 requires `c` with it, and version 1 does not";
    wider(r#""dependencies": {"a": ["b", "c"]}"#, r#""dependencies": {"a": ["b"]}"#, lacks);
    wider(r#""dependentRequired": {"a": ["c"]}"#, "", lacks);
    check(r#"{"required": ["c"]}"#, r#"{"dependentRequired": {"a": ["c"]}}"#, &[]);
    wider(
        r#""dependentSchemas": {"a": {"maxProperties": 2}}"#,
        r#""dependentSchemas": {"a": {"maxProperties": 3}}"#,
        "version 2 takes no object of more than 2 properties, and version 1 does not ask for that",
    );
    wider(
        r#""propertyNames": {"maxLength": 2}"#,
        "",
        "field `(name)`: version 2 takes no text longer than 2, and version 1 does not ask for that",
    );
}
