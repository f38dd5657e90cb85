//! Values whose type nobody knows here: shown by the schemas that they name.

use std::collections::HashMap;

use serde_json::Value;

use super::{AvroCodec, AvroWriter};
use super::registry::parse;
use crate::schemas::{Codec, Registry};
use crate::schemas::wire_format::SchemaId;
use crate::serde::SerdeError;

/// Reads values in Avro as JSON, each by the schema it was written with; for tools, since it waits for
/// the registry.
///
/// # Examples
///
/// ```
/// use kappa::schemas::avro::AvroSchema;
/// use kappa::schemas::{AvroValues, Registry};
/// use kappa::serde::Serde;
///
/// let registry = Registry::in_memory();
/// let numbers = registry.avro::<i64>(AvroSchema::parse(r#""long""#)?);
/// let mut bytes = Vec::new();
/// numbers.encode("numbers", &42, &mut bytes)?;
/// assert_eq!(AvroValues::new(&registry).json(&bytes)?, 42);
/// # Ok::<(), kappa::serde::SerdeError>(())
/// ```
#[derive(Debug)]
pub struct AvroValues {
    registry: Registry,
    codecs: HashMap<SchemaId, (AvroCodec<Value>, AvroWriter)>,
}

impl AvroValues {
    /// Reads values that name schemas of a registry.
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        Self { registry: registry.clone(), codecs: HashMap::new() }
    }

    /// Reads a value.
    ///
    /// # Errors
    ///
    /// Where it names no schema, or one that the registry has not or that is not Avro, or is damaged.
    pub fn json(&mut self, bytes: &[u8]) -> Result<Value, SerdeError> {
        let (id, rest) = SchemaId::read(bytes)?;
        let (codec, writer) = match self.codecs.get(&id) {
            Some(known) => known,
            None => {
                let schema = self.registry.schema_blocking(id)?;
                let codec = AvroCodec::new(parse(&schema)?);
                let writer = codec.writer(&schema)?;
                self.codecs.entry(id).or_insert((codec, writer))
            }
        };
        codec.decode(writer, rest)
    }
}
