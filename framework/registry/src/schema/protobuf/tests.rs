//! Which texts are taken, and how they are compared.

use super::*;
use crate::model::SchemaType;
use crate::schema::Referenced;

fn canonical(text: &str, references: &[Referenced]) -> Result<String, String> {
    super::canonical(Resolved { schema_type: SchemaType::Protobuf, text, references })
}

fn compared(reader: &str, writer: &str) -> Vec<String> {
    let resolved = |text| Resolved { schema_type: SchemaType::Protobuf, text, references: &[] };
    incompatibilities(resolved(reader), resolved(writer))
}

#[test]
fn texts_are_kept_without_white_space_around_them() {
    assert_eq!(canonical("\n message A {} \n", &[]).as_deref(), Ok("message A {}"));
    let error = canonical("syntax = \"proto3\";\n massage A {}", &[]).unwrap_err();
    assert!(error.starts_with("line 2, column 2: "), "{error}");
    let imports = "import \"b.proto\"; message A { optional B b = 1; }";
    assert!(canonical(imports, &[]).is_err());
    let other = Referenced { name: "b.proto".to_owned(), text: "message B {}".to_owned() };
    assert!(canonical(imports, &[other]).is_ok());
}

#[test]
fn editions_are_taken_and_compatible_with_themselves_alone() {
    let (one, other) = ("edition = \"2023\"; message A {}", "edition = \"2023\"; message B {}");
    assert!(canonical(one, &[]).is_ok());
    assert_eq!(compared(one, one), [""; 0]);
    let told = compared(one, other).concat();
    assert!(told.contains("files of an edition are not known here"), "{told}");
}
