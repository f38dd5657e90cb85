//! Whether one schema reads all that another one has written, by the Java library's
//! `SchemaCompatibility`, in whose words and types what is wrong is told.
//!
//! `apache_avro` has such a check too, but does not follow names: a type that one schema defines
//! where the other one only names it counts as another type there. As in the Java library, logical
//! types are not looked at.

use std::collections::HashSet;
use std::{mem, ptr};

use serde_json::{Map, Value};

use crate::schema::avro::names::{Names, Type, full_name, own_space, short_name};

/// Differences that are told of one pair of schemas; the rest is not looked for.
const TOLD_MAX: usize = 100;
/// Pairs of types that are looked at: schemas could be made to have each branch of a union compared
/// with each other one, over and over.
const PAIRS_MAX: usize = 100_000;

/// Two types, told by where they are in memory.
type Pair = (*const Value, *const Value);

/// A comparison of two schemas.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    reader: &'a Names<'a>,
    writer: &'a Names<'a>,
    /// Pairs that are being compared, or have been and are taken to be alike.
    seen: HashSet<Pair>,
    /// The same, in the order in which they came.
    trail: Vec<Pair>,
    /// Differences that are looked for.
    wanted: usize,
    /// How many pairs may still be looked at.
    pairs: usize,
    told: Vec<String>,
}

impl<'a> Reading<'a> {
    /// Returns why the one cannot read all of the other; nothing if it can.
    pub(super) fn compare(
        (reader, readers): (&'a Value, &'a Names<'a>),
        (writer, writers): (&'a Value, &'a Names<'a>),
    ) -> Vec<String> {
        let mut reading = Self {
            reader: readers,
            writer: writers,
            seen: HashSet::new(),
            trail: Vec::new(),
            wanted: TOLD_MAX,
            pairs: PAIRS_MAX,
            told: Vec::new(),
        };
        let whole = |schema| Type { schema, space: None };
        reading.types(whole(reader), whole(writer), "");
        reading.told
    }

    fn types(&mut self, reader: Type<'a>, writer: Type<'a>, path: &str) {
        let (reader, writer) = (self.reader.resolve(reader), self.writer.resolve(writer));
        // What is compared already is not compared again: types may contain themselves.
        let pair = (ptr::from_ref(reader.schema), ptr::from_ref(writer.schema));
        if self.told.len() >= self.wanted || !self.seen.insert(pair) {
            return;
        }
        self.trail.push(pair);
        match self.pairs.checked_sub(1) {
            Some(pairs) => {
                self.pairs = pairs;
                self.resolved(reader, writer, path);
            }
            None => self.told.push("the schemas are too intricate to be compared".to_owned()),
        }
    }

    fn resolved(&mut self, reader: Type<'a>, writer: Type<'a>, path: &str) {
        if let Value::Array(branches) = writer.schema {
            return self.union_writer(reader, branches, writer, path);
        }
        if let Value::Array(branches) = reader.schema {
            return self.union_reader(branches, reader, writer, path);
        }
        let (Some(new), Some(old)) = (kind(reader.schema), kind(writer.schema)) else {
            return self.mismatch(reader, writer, path);
        };
        match (new, old) {
            ("array", "array") => self.nested("items", reader, writer, path),
            ("map", "map") => self.nested("values", reader, writer, path),
            ("record", "record") => self.records(reader, writer, path),
            ("enum", "enum") => self.enums(reader, writer, path),
            ("fixed", "fixed") => self.fixed(reader, writer, path),
            _ if new == old || promotes(old, new) => {}
            _ => self.mismatch(reader, writer, path),
        }
    }

    fn nested(&mut self, key: &str, reader: Type<'a>, writer: Type<'a>, path: &str) {
        let inner = |of: Type<'a>| Some(Type { schema: of.schema.get(key)?, ..of });
        if let (Some(reader), Some(writer)) = (inner(reader), inner(writer)) {
            self.types(reader, writer, &format!("{path}/{key}"));
        }
    }

    /// Every branch of the writer must be readable.
    fn union_writer(
        &mut self,
        reader: Type<'a>,
        branches: &'a [Value],
        writer: Type<'a>,
        path: &str,
    ) {
        for (i, branch) in branches.iter().enumerate() {
            let branch = Type { schema: branch, ..writer };
            if !self.is_readable(reader, branch) {
                let what = "is missing a type inside a union field at path";
                let more = format!("reader union lacking writer type: {}", type_name(branch));
                let path = format!("{path}/{i}");
                let text = format!("The %r schema {what} '{path}' in the %w schema");
                self.tell("MISSING_UNION_BRANCH", &text, &more);
            }
        }
    }

    /// One branch of the reader must read it.
    fn union_reader(
        &mut self,
        branches: &'a [Value],
        reader: Type<'a>,
        writer: Type<'a>,
        path: &str,
    ) {
        let mut reads = |branch| self.is_readable(Type { schema: branch, ..reader }, writer);
        if !branches.iter().any(&mut reads) {
            let what = "is missing a type inside a union field at path";
            let more = format!("reader union lacking writer type: {}", type_name(writer));
            let text = format!("The %r schema {what} '{}' in the %w schema", at(path));
            self.tell("MISSING_UNION_BRANCH", &text, &more);
        }
    }

    /// Tries it: nothing is told, and if it fails, nothing that it took to be alike holds.
    fn is_readable(&mut self, reader: Type<'a>, writer: Type<'a>) -> bool {
        let told = mem::take(&mut self.told);
        let (wanted, trail) = (mem::replace(&mut self.wanted, 1), self.trail.len());
        self.types(reader, writer, "");
        self.wanted = wanted;
        let is_readable = mem::replace(&mut self.told, told).is_empty();
        if !is_readable {
            for pair in self.trail.drain(trail..) {
                self.seen.remove(&pair);
            }
        }
        is_readable
    }

    fn records(&mut self, reader: Type<'a>, writer: Type<'a>, path: &str) {
        self.names(reader, writer, path);
        let (Some(new), Some(old)) = (reader.schema.as_object(), writer.schema.as_object()) else {
            return;
        };
        let (new_space, old_space) = (own_space(new, reader.space), own_space(old, writer.space));
        for (i, field) in fields(new).iter().enumerate() {
            let name = field.get("name").and_then(Value::as_str).unwrap_or_default();
            let path = format!("{path}/fields/{i}");
            let aliases = field.get("aliases").and_then(Value::as_array).into_iter().flatten();
            let mut called = std::iter::once(name).chain(aliases.filter_map(Value::as_str));
            let named =
                |name: &str| fields(old).iter().find(|f| f.get("name") == Some(&name.into()));
            let found = called.find_map(named).and_then(|field| field.get("type"));
            match (field.get("type"), found) {
                (Some(new), Some(old)) => self.types(
                    Type { schema: new, space: new_space },
                    Type { schema: old, space: old_space },
                    &format!("{path}/type"),
                ),
                (_, None) if field.get("default").is_none() => {
                    let what = "has no default value and is missing in the %w schema";
                    let text =
                        format!("The field '{name}' at path '{path}' in the %r schema {what}");
                    self.tell("READER_FIELD_MISSING_DEFAULT_VALUE", &text, name);
                }
                _ => {}
            }
        }
    }

    fn enums(&mut self, reader: Type<'a>, writer: Type<'a>, path: &str) {
        self.names(reader, writer, path);
        if reader.schema.get("default").is_some() {
            return;
        }
        let symbols = |of: Type<'a>| of.schema.get("symbols").and_then(Value::as_array);
        let known = symbols(reader).map_or(&[][..], Vec::as_slice);
        let missing =
            symbols(writer).into_iter().flatten().filter(|symbol| !known.contains(symbol));
        let missing: Vec<&str> = missing.filter_map(Value::as_str).collect();
        if !missing.is_empty() {
            let missing = format!("[{}]", missing.join(", "));
            let what = format!("is missing enum symbols '{missing}' at path '{path}/symbols'");
            let text = format!("The %r schema {what} in the %w schema");
            self.tell("MISSING_ENUM_SYMBOLS", &text, &missing);
        }
    }

    fn fixed(&mut self, reader: Type<'a>, writer: Type<'a>, path: &str) {
        self.names(reader, writer, path);
        let size = |of: Type<'a>| of.schema.get("size").and_then(Value::as_u64).unwrap_or(0);
        let (new, old) = (size(reader), size(writer));
        if new != old {
            let what = "does not match with the %w schema";
            let text = format!(
                "The size of FIXED type field at path '{path}/size' in the %r schema {what}"
            );
            self.tell("FIXED_SIZE_MISMATCH", &text, &format!("expected: {old}, found: {new}"));
        }
    }

    /// Names must be alike without their namespaces, or the reader has the writer's as an alias.
    fn names(&mut self, reader: Type<'a>, writer: Type<'a>, path: &str) {
        let (Some(new), Some(old)) = (reader.schema.as_object(), writer.schema.as_object()) else {
            return;
        };
        let old_name = full_name(short_name(old), own_space(old, writer.space));
        let new_space = own_space(new, reader.space);
        let mut aliases = new.get("aliases").and_then(Value::as_array).into_iter().flatten();
        let is_old = |alias: &Value| {
            alias.as_str().is_some_and(|alias| full_name(alias, new_space) == old_name)
        };
        if short_name(new) != short_name(old) && !aliases.any(is_old) {
            let text = format!("The name of the schema has changed (path '{path}/name')");
            self.tell("NAME_MISMATCH", &text, &format!("expected: {old_name}"));
        }
    }

    fn mismatch(&mut self, reader: Type<'a>, writer: Type<'a>, path: &str) {
        let what = "of a field in the %r schema does not match with the %w schema";
        let text = format!("The type (path '{}') {what}", at(path));
        let (new, old) = (type_name(reader), type_name(writer));
        let more = format!("reader type: {new} not compatible with writer type: {old}");
        self.tell("TYPE_MISMATCH", &text, &more);
    }

    fn tell(&mut self, difference: &str, text: &str, more: &str) {
        self.told.push(format!(
            "{{errorType:'{difference}', description:'{text}', additionalInfo:'{more}'}}"
        ));
    }
}

fn at(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

fn fields(record: &Map<String, Value>) -> &[Value] {
    record.get("fields").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns what a schema is that is neither a name nor a union.
fn kind(schema: &Value) -> Option<&str> {
    let kind = match schema {
        Value::String(kind) => kind,
        Value::Object(object) => object.get("type")?.as_str()?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return None,
    };
    Some(if kind == "error" { "record" } else { kind })
}

fn type_name(of: Type<'_>) -> String {
    match of.schema {
        Value::Array(_) => "UNION".to_owned(),
        other => kind(other).unwrap_or_default().to_uppercase(),
    }
}

fn promotes(from: &str, to: &str) -> bool {
    match to {
        "long" => from == "int",
        "float" => matches!(from, "int" | "long"),
        "double" => matches!(from, "int" | "long" | "float"),
        "bytes" => from == "string",
        "string" => from == "bytes",
        _ => false,
    }
}
