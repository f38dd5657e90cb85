//! The text of a schema as the Java library writes it, so that schemas that differ in white space,
//! the order of keys or the length of names are one.
//!
//! Attributes that Avro does not know are written in the order of their names: the Java library
//! keeps theirs, and takes two orders for two schemas.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::schema::avro::names::{Space, is_primitive, own_space, short_name};

/// Returns the text of a schema, which must be one.
pub(super) fn write(schema: &Value) -> String {
    let mut out = String::new();
    type_of(schema, None, &mut out);
    out
}

fn type_of(schema: &Value, space: Space<'_>, out: &mut String) {
    match schema {
        Value::String(name) => string(qualified(name, space), out),
        Value::Array(branches) => {
            list(branches, out, |branch, out| type_of(branch, space, out));
        }
        Value::Object(object) => match object.get("type") {
            Some(Value::String(kind)) => complex(kind, object, space, out),
            Some(nested) => type_of(nested, space, out),
            None => json(schema, out),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => json(schema, out),
    }
}

fn complex(kind: &str, object: &Map<String, Value>, space: Space<'_>, out: &mut String) {
    match kind {
        "record" | "error" | "enum" | "fixed" => named(kind, object, space, out),
        "array" | "map" => {
            let inner = if kind == "array" { "items" } else { "values" };
            let _ = write!(out, "{{\"type\":\"{kind}\",\"{inner}\":");
            type_of(object.get(inner).unwrap_or(&Value::Null), space, out);
            attributes(object, &["type", inner], out);
            out.push('}');
        }
        _ if is_primitive(kind) && object.len() > 1 => {
            let _ = write!(out, "{{\"type\":\"{kind}\"");
            attributes(object, &["type"], out);
            out.push('}');
        }
        name => string(qualified(name, space), out),
    }
}

fn named(kind: &str, object: &Map<String, Value>, space: Space<'_>, out: &mut String) {
    let own = own_space(object, space);
    let _ = write!(out, "{{\"type\":\"{kind}\",\"name\":");
    string(short_name(object), out);
    if own != space {
        out.push_str(",\"namespace\":");
        string(own.unwrap_or_default(), out);
    }
    entry("doc", object, out);
    let known: &[&str] = match kind {
        "enum" => {
            entry("symbols", object, out);
            entry("default", object, out);
            &["type", "name", "namespace", "doc", "symbols", "default", "aliases"]
        }
        "fixed" => {
            entry("size", object, out);
            &["type", "name", "namespace", "doc", "size", "aliases"]
        }
        _ => {
            out.push_str(",\"fields\":");
            let fields = object.get("fields").and_then(Value::as_array);
            list(fields.map_or(&[][..], Vec::as_slice), out, |item, out| field(item, own, out));
            &["type", "name", "namespace", "doc", "fields", "aliases"]
        }
    };
    attributes(object, known, out);
    if let Some(Value::Array(aliases)) = object.get("aliases")
        && !aliases.is_empty()
    {
        out.push_str(",\"aliases\":");
        list(aliases, out, |alias, out| match alias.as_str() {
            Some(alias) => string(qualified(alias, own), out),
            None => json(alias, out),
        });
    }
    out.push('}');
}

fn field(field: &Value, space: Space<'_>, out: &mut String) {
    let Value::Object(object) = field else { return json(field, out) };
    out.push_str("{\"name\":");
    json(object.get("name").unwrap_or(&Value::Null), out);
    out.push_str(",\"type\":");
    type_of(object.get("type").unwrap_or(&Value::Null), space, out);
    entry("doc", object, out);
    entry("default", object, out);
    if object.get("order").is_some_and(|order| order != "ascending") {
        entry("order", object, out);
    }
    if object.get("aliases").and_then(Value::as_array).is_some_and(|all| !all.is_empty()) {
        entry("aliases", object, out);
    }
    attributes(object, &["name", "type", "doc", "default", "order", "aliases"], out);
    out.push('}');
}

/// Returns a name as it is written within a namespace: in full only outside of its own.
fn qualified<'a>(name: &'a str, space: Space<'_>) -> &'a str {
    match name.rsplit_once('.') {
        Some((own, short)) if Some(own) == space && !is_primitive(short) => short,
        Some(("", short)) => short,
        _ => name,
    }
}

fn entry(key: &str, object: &Map<String, Value>, out: &mut String) {
    if let Some(value) = object.get(key) {
        let _ = write!(out, ",\"{key}\":");
        json(value, out);
    }
}

fn attributes(object: &Map<String, Value>, known: &[&str], out: &mut String) {
    let mut others: Vec<_> =
        object.iter().filter(|(key, _)| !known.contains(&key.as_str())).collect();
    others.sort_by_key(|(key, _)| *key);
    for (key, value) in others {
        out.push(',');
        string(key, out);
        out.push(':');
        json(value, out);
    }
}

fn list(items: &[Value], out: &mut String, mut each: impl FnMut(&Value, &mut String)) {
    out.push('[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        each(item, out);
    }
    out.push(']');
}

fn string(text: &str, out: &mut String) {
    json(&Value::String(text.to_owned()), out);
}

fn json(value: &Value, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}
