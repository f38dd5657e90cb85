//! From a schema's text to what apache-avro makes of it, with limits.
//!
//! apache-avro refuses some defaults that the specification allows (those of logical types, some of
//! unions), so defaults are set aside before it parses, and checked by ourselves (`defaults`).

use apache_avro::Schema;
use serde_json::Value;

/// How long the text of a schema may be, in bytes.
pub const SCHEMA_TEXT_MAX: usize = 1 << 20;

/// Where a field's default is kept while apache-avro parses.
pub(super) const DEFAULT_KEPT: &str = "kappa.default";

/// Returns the text with the defaults of fields set aside.
///
/// JSON nested deeper than 128 levels is refused here, by `serde_json`.
pub(super) fn prepare(text: &str) -> Result<String, String> {
    if text.len() > SCHEMA_TEXT_MAX {
        return Err(format!("it has {} bytes, and the limit is {SCHEMA_TEXT_MAX}", text.len()));
    }
    let json = match serde_json::from_str(text) {
        Ok(json) => json,
        // A bare name, as registries may give for primitive types.
        Err(_) if is_word(text) => Value::String(text.trim().to_owned()),
        Err(error) => return Err(format!("it is no JSON: {error}")),
    };
    Ok(without_defaults(json).to_string())
}

fn is_word(text: &str) -> bool {
    const PRIMITIVES: [&str; 8] =
        ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
    PRIMITIVES.contains(&text.trim())
}

fn without_defaults(schema: Value) -> Value {
    match schema {
        Value::Array(branches) => branches.into_iter().map(without_defaults).collect(),
        Value::Object(object) => {
            let is_record = matches!(object.get("type").and_then(Value::as_str), Some("record"));
            let entries = object.into_iter().map(|(key, value)| match (key.as_str(), value) {
                ("fields", Value::Array(fields)) if is_record => {
                    (key, fields.into_iter().map(field_without_default).collect())
                }
                ("type" | "items" | "values", value) => (key, without_defaults(value)),
                (_, value) => (key, value),
            });
            Value::Object(entries.collect())
        }
        other => other,
    }
}

fn field_without_default(field: Value) -> Value {
    let Value::Object(field) = field else { return field };
    let entries = field.into_iter().map(|(key, value)| match key.as_str() {
        "default" => (DEFAULT_KEPT.to_owned(), value),
        "type" => (key, without_defaults(value)),
        _ => (key, value),
    });
    Value::Object(entries.collect())
}

/// Parses prepared texts: a schema, and those it uses.
pub(super) fn parse(text: &str, used: &[&str]) -> Result<(Schema, Vec<Schema>), String> {
    let parsed = if used.is_empty() {
        Schema::parse_str(text).map(|schema| (schema, Vec::new()))
    } else {
        Schema::parse_str_with_list(text, used)
    };
    parsed.map_err(|error| error.to_string())
}
