//! Avro: schemas, and a codec that reads any version's bytes as one Rust type.
//!
//! apache-avro parses the schemas. Reading is our own: the writer's and the reader's schema are
//! resolved once into a plan, and each record's bytes go along it straight into the Rust type, without
//! a tree of values. Every count, length and depth that bytes can claim has a limit ([`limits`]).
//!
//! What fits what is as the specification says; where it leaves room, as the Java library does:
//!
//! - A union of the reader takes the branch of the same kind and name before one by promotion.
//! - Names match without their namespaces, and by the reader's aliases.
//! - Decimals match if precision and scale do. Other logical types are read as what they annotate:
//!   a reader that takes milliseconds for microseconds is for the check of schemas to find.
//! - A default is of the first branch of a union that it fits.
//! - What does not fit is an error of the data that comes to it, not of the schemas: an array of
//!   something else can still be read while it is empty.

mod check;
mod decode;
mod defaults;
mod encode;
mod failure;
pub(crate) mod graph;
mod input;
pub(crate) mod matching;
pub(crate) mod plan;
#[cfg(feature = "schema-registry")]
mod registry;
mod text;
#[cfg(feature = "schema-registry")]
mod values;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use apache_avro::rabin::Rabin;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::check::{check_reader, check_type, check_value};
use self::decode::Decoder;
use self::encode::Encoder;
use self::graph::Graph;
use self::input::Input;
use self::plan::Plan;
#[cfg(feature = "schema-registry")]
pub use self::{registry::Avro, values::AvroValues};
use crate::error::{Error, ErrorKind, Result};
use crate::serde::{Schema, SchemaFormat, SchemaReference, SerdeError};

/// What schemas and bytes may ask for at most.
pub mod limits {
    pub use super::defaults::DEFAULT_VALUES_MAX;
    pub use super::graph::SCHEMA_NODES_MAX;
    pub use super::input::{DEPTH_MAX, FREE_VALUES_MAX, VALUES_PER_BYTE_MAX};
    pub use super::plan::PLAN_STEPS_MAX;
    pub use super::text::SCHEMA_TEXT_MAX;
}

/// A parsed schema; a clone is the same one.
///
/// # Examples
///
/// ```
/// use kappa::schemas::avro::AvroSchema;
///
/// let schema = AvroSchema::parse(
///     r#"{"type": "record", "name": "flights.Gate", "fields": [{"name": "id", "type": "string"}]}"#,
/// )?;
/// assert_eq!(schema.name(), Some("flights.Gate"));
/// # Ok::<(), kappa::Error>(())
/// ```
#[derive(Clone)]
pub struct AvroSchema {
    parsed: Arc<Parsed>,
    schema: Arc<Schema>,
}

struct Parsed {
    canonical: String,
    fingerprint: u64,
    graph: Graph,
    /// The plan for reading it as itself.
    plan: Arc<Plan>,
    /// Its text as it was parsed, and those it uses.
    prepared: String,
    used: Vec<AvroSchema>,
}

impl AvroSchema {
    /// Parses a schema that uses no other.
    ///
    /// # Errors
    ///
    /// Where the text is no schema, or larger than the [`limits`].
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_with(text, &[])
    }

    /// Parses a schema that uses the types of others by their names.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse); also where it uses a type that none of them has.
    pub fn parse_with(text: &str, references: &[Self]) -> Result<Self> {
        Self::parsed(text, references)
            .map_err(|why| Error::new(ErrorKind::Config, format!("cannot use Avro schema: {why}")))
    }

    fn parsed(text: &str, references: &[Self]) -> Result<Self, String> {
        let prepared = text::prepare(text)?;
        let mut used: Vec<Self> = Vec::new();
        for reference in references {
            reference.add_to(&mut used);
        }
        let texts: Vec<_> = used.iter().map(|other| other.parsed.prepared.as_str()).collect();
        let (parsed, others) = text::parse(&prepared, &texts)?;
        let graph = Graph::new(&parsed, &others)?;
        let canonical = parsed.canonical_form();
        let fingerprint = parsed.fingerprint::<Rabin>().bytes;
        let fingerprint = fingerprint.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let name = graph.kind(graph.root()).named().map(|name| Arc::clone(&name.full));
        let schema =
            Schema { format: SchemaFormat::Avro, name, text: text.into(), references: Vec::new() };
        let plan = Arc::new(Plan::new(&graph, &graph)?);
        let parsed = Parsed { canonical, fingerprint, graph, plan, prepared, used };
        Ok(Self { parsed: Arc::new(parsed), schema: Arc::new(schema) })
    }

    /// Adds this schema and all it uses, each once.
    fn add_to(&self, all: &mut Vec<Self>) {
        for other in self.parsed.used.iter().chain([self]) {
            if all.iter().all(|known| known.parsed.prepared != other.parsed.prepared) {
                all.push(other.clone());
            }
        }
    }

    /// Returns it with the subjects and versions that it uses, for a registry.
    #[must_use]
    pub fn with_references(self, references: Vec<SchemaReference>) -> Self {
        let schema = Schema { references, ..(*self.schema).clone() };
        Self { schema: Arc::new(schema), ..self }
    }

    /// Returns the full name, if it is a record, an enum or a fixed.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.schema.name.as_deref()
    }

    /// Returns the text it was parsed from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.schema.text
    }

    /// Returns the Parsing Canonical Form: without documentation, defaults, aliases, logical types.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.parsed.canonical
    }

    /// Returns the fingerprint of the canonical form, CRC-64-AVRO.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.parsed.fingerprint
    }

    /// Returns the schema as serdes and registries have it.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.parsed.graph
    }

    /// Returns whether it is bytes and nothing else.
    #[cfg(feature = "schema-registry")]
    fn is_bytes(&self) -> bool {
        matches!(self.graph().kind(self.graph().root()), graph::Kind::Bytes)
    }

    fn plan(&self) -> &Plan {
        &self.parsed.plan
    }

    /// Returns whether it was parsed from the same texts, however they are laid out.
    fn says_the_same(&self, other: &Self) -> bool {
        let texts = |schema: &Self| {
            let used = schema.parsed.used.iter().map(|used| used.parsed.prepared.clone());
            used.collect::<Vec<_>>()
        };
        self.parsed.prepared == other.parsed.prepared && texts(self) == texts(other)
    }
}

impl fmt::Debug for AvroSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AvroSchema").field(&self.text()).finish()
    }
}

impl fmt::Display for AvroSchema {
    /// Writes the full name, or the canonical form of what has none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or(self.canonical()))
    }
}

/// Writes one Rust type with its schema, and reads it from any schema that fits.
///
/// The bytes are bare: whoever frames them knows the writer's schema.
///
/// # Examples
///
/// ```
/// use kappa::schemas::avro::{AvroCodec, AvroSchema};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Departure {
///     flight: String,
///     gate: Option<String>,
/// }
///
/// let old = AvroSchema::parse(
///     r#"{"type": "record", "name": "Departure", "fields": [{"name": "flight", "type": "string"}]}"#,
/// )?;
/// let new = AvroSchema::parse(
///     r#"{"type": "record", "name": "Departure", "fields": [
///         {"name": "flight", "type": "string"},
///         {"name": "gate", "type": ["null", "string"], "default": null}]}"#,
/// )?;
/// let codec = AvroCodec::<Departure>::new(new.clone());
/// let from_old = codec.resolve(&old)?;
/// let read = codec.decode(&from_old, b"\x0aUA 12")?;
/// assert_eq!(read, Departure { flight: "UA 12".to_owned(), gate: None });
///
/// let mut bytes = Vec::new();
/// codec.encode(&read, &mut bytes)?;
/// assert_eq!(codec.decode(&codec.resolve(&new)?, &bytes)?, read);
/// # Ok::<(), kappa::serde::SerdeError>(())
/// ```
pub struct AvroCodec<T> {
    schema: AvroSchema,
    of: PhantomData<fn() -> T>,
}

/// The schema that values were written with, resolved to that of a codec; made by [`AvroCodec::resolve`].
#[derive(Clone)]
pub struct AvroWriter {
    schema: AvroSchema,
    plan: Arc<Plan>,
}

impl fmt::Debug for AvroWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AvroWriter").field(&self.schema).finish()
    }
}

impl<T> AvroCodec<T> {
    /// Creates a codec of a schema.
    #[must_use]
    pub fn new(schema: AvroSchema) -> Self {
        Self { schema, of: PhantomData }
    }

    /// Returns the schema that values are written with and read as.
    #[must_use]
    pub fn schema(&self) -> &AvroSchema {
        &self.schema
    }

    /// Resolves the schema that values were written with to this one, once for all of them.
    ///
    /// # Errors
    ///
    /// Where that takes more steps than the [`limits`] allow; what does not fit is an error of the data that
    /// comes to it.
    pub fn resolve(&self, writer: &AvroSchema) -> Result<AvroWriter, SerdeError> {
        let (schema, own) = (writer.clone(), &self.schema);
        if writer.says_the_same(own) {
            return Ok(AvroWriter { schema, plan: own.parsed.plan.clone() });
        }
        Ok(AvroWriter { schema, plan: Arc::new(self.plan_for(writer)?) })
    }

    fn plan_for(&self, writer: &AvroSchema) -> Result<Plan, SerdeError> {
        let own = &self.schema;
        let plan = Plan::new(writer.graph(), own.graph());
        plan.map_err(|why| format!("{writer} cannot be read as {own}: {why}").into())
    }
}

impl<T: Serialize> AvroCodec<T> {
    /// Appends a value's bytes.
    ///
    /// # Errors
    ///
    /// Where the value does not fit the schema: the field is named. What was appended is then of no
    /// use.
    pub fn encode(&self, value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        value.serialize(Encoder::new(self.schema.graph(), out)).map_err(|failure| {
            let schema = &self.schema;
            format!("cannot be written as {schema}: {failure}").into()
        })
    }
}

impl<T: DeserializeOwned> AvroCodec<T> {
    /// Reads a value of a schema that was resolved by this codec.
    ///
    /// # Errors
    ///
    /// Where the bytes are none of the writer's schema, or do not fit the reader's: the field is named.
    pub fn decode(&self, writer: &AvroWriter, bytes: &[u8]) -> Result<T, SerdeError> {
        let mut input = Input::new(bytes);
        let value = T::deserialize(Decoder::new(&writer.plan, &mut input));
        let value = value.map_err(|failure| self.unreadable(&writer.schema, &failure))?;
        match input.left() {
            0 => Ok(value),
            left => Err(self.unreadable(&writer.schema, &format!("{left} bytes are left over"))),
        }
    }

    #[cold]
    fn unreadable(&self, writer: &AvroSchema, why: &dyn fmt::Display) -> SerdeError {
        let reader = &self.schema;
        if writer.name() == reader.name() {
            return format!("cannot be read as {reader}: {why}").into();
        }
        format!("written as {writer}, cannot be read as {reader}: {why}").into()
    }
}

impl<T> fmt::Debug for AvroCodec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AvroCodec").field("schema", &self.schema).finish_non_exhaustive()
    }
}
