//! Rust types held to their schemas: drift fails a test, and the field is named.
//!
//! Values are made up from the schema (every symbol of every enum and every branch of every union at
//! least once), read as the Rust type and written back, which must give the same bytes. So no value
//! need be thought of, and a field that only one of the two has is found.

mod fields;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::decode::Decoder;
use super::defaults::{put_bytes, put_length, put_long};
use super::encode::Encoder;
use super::failure::Failure;
use super::graph::{Graph, Kind, Logical, NodeId};
use super::input::Input;
use super::{AvroCodec, AvroSchema};
use crate::error::{Error, ErrorKind, Result};

/// How many made-up values a type is tried with at most.
const SAMPLES_MAX: usize = 256;

/// How deep made-up values of recursive types go.
const SAMPLE_DEPTH: usize = 8;

/// Checks that a Rust type has the shape of a schema.
///
/// Made-up numbers are the largest of their type and made-up strings are words, so a type that takes
/// only some strings fails here: check such a type by a value of it, with [`check_value`].
///
/// # Errors
///
/// Where the text is no schema; where a field is in only one of the two, or its types do not fit.
///
/// # Examples
///
/// ```
/// use kappa::schemas::avro::check_type;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Departure {
///     flight: String,
///     dep_delay: Option<i32>,
/// }
///
/// // In a test: `check_type::<Departure>(include_str!("../schemas/flights.Departure/1.avsc"))`.
/// let schema = r#"{"type": "record", "name": "flights.Departure", "fields": [
///     {"name": "flight", "type": "string"}]}"#;
/// let error = check_type::<Departure>(schema).unwrap_err().to_string();
/// assert_eq!(
///     error,
///     "`Departure` does not fit schema flights.Departure: \
///      the Rust type has a field `dep_delay`, and flights.Departure has none",
/// );
/// ```
pub fn check_type<T: Serialize + DeserializeOwned>(schema: &str) -> Result<()> {
    check_schema::<T>(&AvroSchema::parse(schema)?)
}

/// Checks that a Rust type can be read from what a schema writes: it may leave fields of the schema out,
/// but have none that the schema has not.
///
/// # Errors
///
/// Where the text is no schema; where a field is in the type alone, or its types do not fit.
///
/// # Examples
///
/// ```
/// use kappa::schemas::avro::check_reader;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Gate {
///     gate: Option<String>,
/// }
///
/// let schema = r#"{"type": "record", "name": "flights.Departure", "fields": [
///     {"name": "flight", "type": "string"}]}"#;
/// assert_eq!(
///     check_reader::<Gate>(schema).unwrap_err().to_string(),
///     "`Gate` does not fit schema flights.Departure: \
///      the Rust type has a field `gate`, and the schema has none",
/// );
/// ```
pub fn check_reader<T: DeserializeOwned>(schema: &str) -> Result<()> {
    let schema = AvroSchema::parse(schema)?;
    let graph = schema.graph();
    if let Kind::Record(record) = &graph.node(graph.root()).kind {
        let is_known = |name: &str| {
            record.fields.iter().any(|field| {
                &*field.name == name || field.aliases.iter().any(|alias| alias == name)
            })
        };
        if let Some(unknown) = fields::of::<T>().iter().find(|name| !is_known(name)) {
            let why = format!("the Rust type has a field `{unknown}`, and the schema has none");
            return Err(unfit::<T>(&schema, &why));
        }
    }
    for turn in 0..samples(graph) {
        let mut bytes = Vec::new();
        let made = Sample { graph, turn }.put(graph.root(), &mut bytes, 0);
        made.map_err(|why| unfit::<T>(&schema, &why))?;
        let mut input = Input::new(&bytes);
        let read = T::deserialize(Decoder::new(schema.plan(), &mut input));
        read.map_err(|failure| unfit::<T>(&schema, &failure))?;
    }
    Ok(())
}

/// Returns how many made-up values show every branch and every symbol.
fn samples(graph: &Graph) -> usize {
    let samples = graph.nodes().iter().map(|node| match &node.kind {
        Kind::Union(branches) => branches.len(),
        Kind::Enum(symbols) => symbols.symbols.len(),
        _ => 1,
    });
    // An even number, so that lists are tried empty and not.
    (samples.max().unwrap_or(1) * 2).min(SAMPLES_MAX)
}

fn check_schema<T: Serialize + DeserializeOwned>(schema: &AvroSchema) -> Result<()> {
    let graph = schema.graph();
    for turn in 0..samples(graph) {
        let mut bytes = Vec::new();
        let made = Sample { graph, turn }.put(graph.root(), &mut bytes, 0);
        made.map_err(|why| unfit::<T>(schema, &why))?;
        there_and_back::<T>(schema, &bytes).map_err(|failure| unfit::<T>(schema, &failure))?;
    }
    Ok(())
}

/// Checks that a value can be written with a schema, every field of it, and read back.
///
/// # Errors
///
/// As [`check_type`].
pub fn check_value<T: Serialize + DeserializeOwned>(schema: &str, value: &T) -> Result<()> {
    let schema = AvroSchema::parse(schema)?;
    let mut bytes = Vec::new();
    value
        .serialize(Encoder::whole(schema.graph(), &mut bytes))
        .and_then(|()| there_and_back::<T>(&schema, &bytes))
        .map_err(|failure| unfit::<T>(&schema, &failure))
}

fn there_and_back<T: Serialize + DeserializeOwned>(
    schema: &AvroSchema,
    bytes: &[u8],
) -> Result<(), Failure> {
    let mut input = Input::new(bytes);
    let value = T::deserialize(Decoder::new(schema.plan(), &mut input))?;
    let mut again = Vec::new();
    value.serialize(Encoder::whole(schema.graph(), &mut again))?;
    if again == bytes {
        return Ok(());
    }
    Err(Failure::new("what the Rust type reads, it writes as something else".to_owned()))
}

fn unfit<T>(schema: &AvroSchema, why: &dyn std::fmt::Display) -> Error {
    let name = std::any::type_name::<T>();
    let short = name.rsplit("::").next().unwrap_or(name);
    let message = format!("`{short}` does not fit schema {schema}: {why}");
    Error::new(ErrorKind::Serialization, message)
}

impl<T: Serialize + DeserializeOwned> AvroCodec<T> {
    /// Checks that the Rust type has the shape of the codec's schema: see [`check_type`].
    ///
    /// # Errors
    ///
    /// As [`check_type`].
    pub fn check(&self) -> Result<()> {
        check_schema::<T>(self.schema())
    }
}

/// Makes values up.
struct Sample<'g> {
    graph: &'g Graph,
    /// Which of them: it chooses branches and symbols.
    turn: usize,
}

impl Sample<'_> {
    fn put(&self, id: NodeId, out: &mut Vec<u8>, depth: usize) -> Result<(), String> {
        let node = self.graph.node(id);
        if depth > SAMPLE_DEPTH * 4 {
            return Err("it contains itself without end".to_owned());
        }
        match &node.kind {
            Kind::Null => {}
            Kind::Boolean => out.push(u8::from(self.turn.is_multiple_of(2))),
            Kind::Int => put_long(i32::MAX.into(), out),
            Kind::Long => put_long(i64::MAX, out),
            Kind::Float => out.extend(1.5f32.to_le_bytes()),
            Kind::Double => out.extend(0.1f64.to_le_bytes()),
            Kind::Bytes => put_bytes(&[1, 2], out),
            Kind::String if node.logical == Some(Logical::Uuid) => {
                put_bytes(b"9f3f6e2a-5b0c-4f4e-8a5d-0d7ad5a6a0f1", out);
            }
            Kind::String => put_bytes(b"word", out),
            Kind::Fixed(fixed) => out.extend(std::iter::repeat_n(1, fixed.size)),
            Kind::Enum(symbols) => put_length(self.turn % symbols.symbols.len().max(1), out),
            Kind::Array(item) => {
                if self.has_items(depth) {
                    put_length(1, out);
                    self.put(*item, out, depth + 1)?;
                }
                out.push(0);
            }
            Kind::Map(value) => {
                if self.has_items(depth) {
                    put_length(1, out);
                    put_bytes(b"key", out);
                    self.put(*value, out, depth + 1)?;
                }
                out.push(0);
            }
            Kind::Union(branches) => {
                let is_null = |id: &NodeId| matches!(self.graph.kind(*id), Kind::Null);
                let null = branches.iter().position(is_null).filter(|_| depth > SAMPLE_DEPTH);
                let index = null.unwrap_or(self.turn % branches.len().max(1));
                let branch = branches.get(index).ok_or("a union is empty")?;
                put_length(index, out);
                self.put(*branch, out, depth + 1)?;
            }
            Kind::Record(record) => {
                for field in &record.fields {
                    self.put(field.node, out, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    fn has_items(&self, depth: usize) -> bool {
        depth <= SAMPLE_DEPTH && self.turn.is_multiple_of(2)
    }
}
