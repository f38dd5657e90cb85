//! What versions cannot read of each other, in words.

use kappa::schemas::evolution::{AnySchema, Compatibility, check as check_versions};
use kappa::serde::SchemaFormat;

fn record(fields: &str) -> AnySchema {
    let text = format!(r#"{{"type":"record","name":"flights.Leg","fields":[{fields}]}}"#);
    AnySchema::parse(SchemaFormat::Avro, &text, &[]).unwrap()
}

/// Returns what is found of a new version, given the fields of the released ones and of it.
fn check(mode: Compatibility, released: &[&str], new: &str) -> Vec<String> {
    let released: Vec<_> = (1..).zip(released.iter().map(|fields| record(fields))).collect();
    let version = u32::try_from(released.len()).unwrap() + 1;
    let findings = check_versions(mode, &released, (version, &record(new)));
    findings.iter().map(ToString::to_string).collect()
}

fn backward(old: &str, new: &str) -> Vec<String> {
    check(Compatibility::Backward, &[old], new)
}

#[test]
fn what_resolution_takes_is_well() {
    let id = r#"{"name":"id","type":"int"}"#;
    let added = format!(r#"{id},{{"name":"gate","type":["null","string"],"default":null}}"#);
    assert_eq!(backward(id, &added), [""; 0]);
    assert_eq!(backward(&added, id), [""; 0]);
    assert_eq!(backward(id, r#"{"name":"id","type":"double"}"#), [""; 0]);
    assert_eq!(backward(id, r#"{"name":"key","type":"long","aliases":["id"]}"#), [""; 0]);
    assert_eq!(backward(id, r#"{"name":"id","type":["null","int"]}"#), [""; 0]);
}

#[test]
fn what_it_does_not_take_is_told() {
    let field = |kind: &str| format!(r#"{{"name":"x","type":{kind}}}"#);
    let told = |old: &str, new: &str| {
        let findings = backward(&field(old), &field(new));
        assert_eq!(findings.len(), 1, "{findings:?}");
        findings[0].strip_prefix("version 2 cannot read version 1: ").unwrap().to_owned()
    };
    assert_eq!(
        told(r#""string""#, r#""int""#),
        "field `x`: it is string in version 1 and int in version 2",
    );
    assert_eq!(
        told(r#"["null","int"]"#, r#""int""#),
        "field `x`: it is null in version 1 and int in version 2",
    );
    assert_eq!(
        told(r#"["null","int","string"]"#, r#"["null","int"]"#),
        "field `x`: it may be string in version 1, and version 2 only takes union of null, int",
    );
    let symbols =
        |list: &str| format!(r#"{{"type":"enum","name":"flights.Status","symbols":[{list}]}}"#);
    assert_eq!(
        told(&symbols(r#""Late","Gone""#), &symbols(r#""Late""#)),
        "field `x`: version 1 has the symbols `Gone` of flights.Status, \
         version 2 has not and gives no default",
    );
    let time = |unit: &str| format!(r#"{{"type":"long","logicalType":"timestamp-{unit}"}}"#);
    assert_eq!(
        told(&time("millis"), &time("micros")),
        "field `x`: it is timestamp-millis in version 1 and timestamp-micros in version 2: \
         the same number would mean something else",
    );
    let decimal = |scale: u8| {
        format!(r#"{{"type":"bytes","logicalType":"decimal","precision":9,"scale":{scale}}}"#)
    };
    assert_eq!(
        told(&decimal(2), &decimal(3)),
        "field `x`: it is bytes (decimal(9, 2)) in version 1 and bytes (decimal(9, 3)) in version 2",
    );
    let list = |fields: &str| {
        format!(
            r#"{{"type":"array","items":{{"type":"record","name":"Stop","fields":[{fields}]}}}}"#
        )
    };
    assert_eq!(
        told(&list(""), &list(r#"{"name":"gate","type":"string"}"#)),
        "field `x[].gate`: records of version 1 have no such field, \
         and version 2 gives it no default",
    );
}

#[test]
fn modes_choose_the_versions_and_the_direction() {
    let (none, plain) = ("", r#"{"name":"a","type":"int"}"#);
    let default = r#"{"name":"a","type":"int","default":1}"#;
    // Version 2 gave it a default, version 3 takes that away: only version 1 is hurt.
    let released = [none, default];
    use Compatibility as C;
    for (mode, count) in [
        (C::Backward, 0),
        (C::BackwardTransitive, 1),
        (C::Forward, 0),
        (C::ForwardTransitive, 0),
        (C::Full, 0),
        (C::FullTransitive, 1),
        (C::None, 0),
    ] {
        assert_eq!(check(mode, &released, plain).len(), count, "{mode}");
        assert_eq!(mode.to_string().parse::<Compatibility>().unwrap(), mode);
    }
    // Taking a field away hurts those who read it: only forward sees that.
    let findings = check(C::Forward, &[plain], none);
    assert_eq!(
        findings,
        ["version 1 cannot read version 2: field `a`: records of version 2 have no such field, \
          and version 1 gives it no default"],
    );
    assert!(check(C::Backward, &[plain], none).is_empty());
}

#[test]
fn types_that_contain_themselves_are_compared_once() {
    let node = r#"{"name":"next","type":["null","flights.Leg"]},{"name":"v","type":"int"}"#;
    assert!(backward(node, &node.replace("int", "long")).is_empty());
    let findings = backward(node, &node.replace("int", "string"));
    assert_eq!(findings.len(), 1, "{findings:?}");
}
