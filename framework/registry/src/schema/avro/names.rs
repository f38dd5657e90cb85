//! Names in a schema: what is defined, and which definition a name means.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// The namespace that unqualified names are in.
pub(super) type Space<'a> = Option<&'a str>;

pub(super) fn is_primitive(name: &str) -> bool {
    let names = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
    names.contains(&name)
}

pub(super) fn is_named(kind: &str) -> bool {
    matches!(kind, "record" | "error" | "enum" | "fixed")
}

/// Returns the namespace of what an object defines.
pub(super) fn own_space<'a>(object: &'a Map<String, Value>, space: Space<'a>) -> Space<'a> {
    let text = |key| object.get(key).and_then(Value::as_str);
    let own = match text("name").and_then(|name| name.rsplit_once('.')) {
        Some((own, _)) => Some(own),
        None => text("namespace").or(space),
    };
    own.filter(|own| !own.is_empty())
}

/// Returns the name of what an object defines, without its namespace.
pub(super) fn short_name(object: &Map<String, Value>) -> &str {
    let name = object.get("name").and_then(Value::as_str).unwrap_or_default();
    name.rsplit_once('.').map_or(name, |(_, short)| short)
}

pub(super) fn full_name(name: &str, space: Space<'_>) -> String {
    match space {
        Some(space) if !name.contains('.') => format!("{space}.{name}"),
        _ => name.trim_start_matches('.').to_owned(),
    }
}

/// The definitions of a schema and of those that it refers to, each with the namespace around it.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    definitions: HashMap<String, Type<'a>>,
}

/// A schema, or a part of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Type<'a> {
    pub(super) schema: &'a Value,
    pub(super) space: Space<'a>,
}

impl<'a> Names<'a> {
    /// Notes all that is defined within a schema.
    pub(super) fn add(&mut self, schema: &'a Value, space: Space<'a>) {
        match schema {
            Value::Array(branches) => branches.iter().for_each(|branch| self.add(branch, space)),
            Value::Object(object) => {
                let mut inner = space;
                if object.get("type").and_then(Value::as_str).is_some_and(is_named) {
                    inner = own_space(object, space);
                    let name = full_name(short_name(object), inner);
                    self.definitions.entry(name).or_insert(Type { schema, space });
                }
                let fields = object.get("fields").and_then(Value::as_array);
                let fields = fields.into_iter().flatten().filter_map(|field| field.get("type"));
                let nested = ["items", "values", "type"].into_iter().filter_map(|k| object.get(k));
                fields.chain(nested).for_each(|part| self.add(part, inner));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Returns what a schema is, if it is a name or wrapped.
    pub(super) fn resolve(&self, of: Type<'a>) -> Type<'a> {
        let name = match of.schema {
            Value::String(name) => name,
            Value::Object(object) => match object.get("type") {
                Some(Value::String(kind)) if is_complex(kind) || is_primitive(kind) => return of,
                Some(Value::String(name)) => name,
                Some(nested) => return self.resolve(Type { schema: nested, ..of }),
                None => return of,
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return of,
        };
        // As in the Java library: a name without a namespace may also be in none.
        let found = self.definitions.get(&full_name(name, of.space));
        found.or_else(|| self.definitions.get(name)).copied().unwrap_or(of)
    }
}

fn is_complex(kind: &str) -> bool {
    is_named(kind) || matches!(kind, "array" | "map")
}
