//! Schemas that were made to be hard.

use super::*;

/// What is hard must come to an end, whatever it is.
fn ends(writer: &str, reader: &str) -> Vec<String> {
    told(&parse(writer), &parse(reader))
}

#[test]
fn chains_of_references_are_cut() {
    let chain = |last: &str| {
        let links: Vec<String> = (0..20_000)
            .map(|at| {
                format!(
                    r##""d{at}": {{"properties": {{"n": {{"$ref": "#/$defs/d{}"}}}}}}"##,
                    at + 1
                )
            })
            .collect();
        format!(
            r##"{{"$ref": "#/$defs/d0", "$defs": {{{}, "d20000": {{"type": "{last}"}}}}}}"##,
            links.join(",")
        )
    };
    assert!(ends(&chain("string"), &chain("string")).is_empty());
    let found = ends(&chain("string"), &chain("number"));
    assert!(found.iter().any(|told| told.contains("was not compared further")), "{found:?}");
}

#[test]
fn choices_of_choices_are_cut() {
    // Each of many schemas has two alternatives, so that there are 2^40 ways through them.
    let all = |last: &str| {
        let choices: Vec<String> = (0..40)
            .map(|at| {
                format!(r#"{{"anyOf": [{{"minProperties": {at}}}, {{"required": ["a{at}"]}}]}}"#)
            })
            .collect();
        format!(r#"{{"allOf": [{}], "{last}": 100000}}"#, choices.join(","))
    };
    let found = ends(&all("maxLength"), &all("maxProperties"));
    assert!(!found.is_empty() && found.len() <= BREACHES_MAX, "{found:?}");
    let nested = |depth: usize, kind: &str| {
        let (mut text, mut at) = (format!(r#"{{"type": "{kind}"}}"#), 0);
        while at < depth {
            text = format!(r#"{{"oneOf": [{text}, {{"maxLength": {at}}}]}}"#);
            at += 1;
        }
        text
    };
    ends(&nested(50, "string"), &nested(50, "number"));
    ends(&nested(50, "number"), &nested(50, "string"));
}

#[test]
fn webs_of_references_are_cut() {
    let web = |kind: &str| {
        let all: Vec<String> = (0..60)
            .map(|at| {
                let to = |by: usize| format!(r##"{{"$ref": "#/$defs/d{}"}}"##, (at * 7 + by) % 60);
                format!(
                    r#""d{at}": {{"anyOf": [{}, {}, {{"type": "{kind}"}}], "properties": {{"x": {}, "y": {}}},
                        "not": {}}}"#,
                    to(1), to(2), to(3), to(5), to(11)
                )
            })
            .collect();
        format!(r##"{{"$ref": "#/$defs/d0", "$defs": {{{}}}}}"##, all.join(","))
    };
    ends(&web("string"), &web("number"));
    ends(&web("number"), &web("string"));
}

#[test]
fn a_megabyte_is_compared() {
    let wide = |kind: &str| {
        let all: Vec<String> = (0..20_000)
            .map(|at| {
                format!(
                    r#""p{at}": {{"type": "{kind}", "maxLength": {at}, "enum": ["a", 1, 2.5]}}"#
                )
            })
            .collect();
        format!(r#"{{"properties": {{{}}}}}"#, all.join(","))
    };
    let (texts, numbers) = (wide("string"), wide("number"));
    assert!(texts.len() > 1 << 20);
    assert!(ends(&texts, &texts.replace("p19", "q19").replace("q19", "p19")).is_empty());
    assert_eq!(ends(&texts, &numbers).len(), BREACHES_MAX);
    let patterns = |to: usize| {
        let all: Vec<String> =
            (0..to).map(|at| format!(r#""^(a|b)*{at}$": {{"minLength": {at}}}"#)).collect();
        let own: Vec<String> = (0..to).map(|at| format!(r#""abab{at}": {{}}"#)).collect();
        format!(
            r#"{{"patternProperties": {{{}}}, "properties": {{{}}}}}"#,
            all.join(","),
            own.join(",")
        )
    };
    assert!(!ends(&patterns(3000), &patterns(3001)).is_empty());
}

#[test]
fn depth_has_an_end_before_the_stack_has() {
    let deep = r#"{"not": "#.repeat(100_000) + "{}" + &"}".repeat(100_000);
    assert!(JsonDocument::parse(&deep, &[]).is_err());
    let allowed = r#"{"properties": {"a": "#.repeat(60) + "{}" + &"}}".repeat(60);
    assert!(ends(&allowed, &allowed.replace("{}", "true")).is_empty());
    let large = format!(r#"{{"title": "{}"}}"#, "x".repeat(crate::SCHEMA_BYTES_MAX));
    assert!(JsonDocument::parse(&large, &[]).is_err());
}
