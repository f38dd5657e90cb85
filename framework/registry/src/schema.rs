//! Schemas as texts: what is one, and in which form it is kept, so that equal ones are equal.

mod avro;
mod json;

use crate::model::SchemaType;

/// Returns the form in which a schema is kept, or why it is none. `references` are the texts of
/// what it refers to, each behind those that it refers to itself.
///
/// - Avro: parsed, with its references; written as the Java library writes it.
/// - JSON: parsed as JSON, and without white space between its tokens. Whether it is a JSON Schema
///   is not looked at.
/// - Protobuf: not looked at, and kept as it is but for white space around it; clients send the
///   text of a `.proto` file or, in Base64, a descriptor.
pub(crate) fn canonical(
    schema_type: SchemaType,
    text: &str,
    references: &[String],
) -> Result<String, String> {
    match schema_type {
        SchemaType::Avro => avro::canonical(text, references),
        SchemaType::Json => json::canonical(text),
        SchemaType::Protobuf => Ok(text.trim().to_owned()),
    }
}

/// A schema's text with the texts of what it refers to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resolved<'a> {
    pub(crate) schema_type: SchemaType,
    pub(crate) text: &'a str,
    pub(crate) references: &'a [String],
}

/// Returns why `reader` cannot read all that `writer` has written; nothing if it can. Schemas of
/// JSON and Protobuf can always: nobody looks.
pub(crate) fn incompatibilities(reader: Resolved<'_>, writer: Resolved<'_>) -> Vec<String> {
    if reader.schema_type != writer.schema_type {
        return vec!["Incompatible because of different schema type".to_owned()];
    }
    match reader.schema_type {
        SchemaType::Avro => avro::incompatibilities(reader, writer),
        SchemaType::Json | SchemaType::Protobuf => Vec::new(),
    }
}
