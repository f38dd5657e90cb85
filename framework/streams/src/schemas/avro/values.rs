//! Values whose type nobody knows here: shown by the schemas that they name.

use std::collections::HashMap;

use serde_json::Value;

use super::registry::parse;
use super::{AvroCodec, AvroWriter};
use crate::record::Headers;
use crate::schemas::wire_format::SchemaId;
use crate::schemas::{Codec, Registry};
use crate::serde::{Part, SerdeError};

/// Reads values in Avro as JSON, each by the schema it was written with; for tools, since it waits for
/// the registry.
///
/// # Examples
///
/// ```
/// use kappa::Headers;
/// use kappa::schemas::Registry;
/// use kappa::schemas::avro::{AvroSchema, AvroValues};
/// use kappa::serde::Serde;
///
/// let registry = Registry::in_memory();
/// let numbers = registry.avro::<i64>(AvroSchema::parse(r#""long""#)?);
/// let mut bytes = Vec::new();
/// numbers.encode("numbers", &42, &mut bytes)?;
/// assert_eq!(AvroValues::new(&registry).json(&Headers::default(), &bytes)?, 42);
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

    /// Reads the value of a record with these headers, which name its schema where its bytes do not.
    ///
    /// # Errors
    ///
    /// Where it names no schema, or one that the registry has not or that is not Avro, or is damaged.
    pub fn json(&mut self, headers: &Headers, bytes: &[u8]) -> Result<Value, SerdeError> {
        let header = headers.last(Part::Value.schema_header());
        let (id, payload) = match header.and_then(|header| header.value.as_deref()) {
            Some(header) => (SchemaId::read(header)?.0, bytes),
            None => SchemaId::read(bytes)?,
        };
        let (codec, writer) = match self.codecs.get(&id) {
            Some(known) => known,
            None => {
                let schema = self.registry.schema_blocking(id)?;
                let codec = AvroCodec::new(parse(&schema)?);
                let writer = codec.writer(&schema)?;
                self.codecs.entry(id).or_insert((codec, writer))
            }
        };
        codec.decode(writer, payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schemas::avro::AvroSchema;
    use crate::serde::Serde;

    #[test]
    fn values_are_shown_by_their_headers_too() {
        let registry = Registry::in_memory();
        let schema = AvroSchema::parse(r#""long""#).unwrap();
        let numbers = registry.avro::<i64>(schema).id_in_header();
        let mut bytes = Vec::new();
        numbers.encode_record("numbers", &42, &mut bytes).unwrap();
        let headers: Headers = numbers.header("numbers").into_iter().collect();
        let mut values = AvroValues::new(&registry);
        assert_eq!(values.json(&headers, &bytes).unwrap(), 42);
        let error = values.json(&Headers::default(), &bytes).unwrap_err().to_string();
        assert!(error.contains("does not start with the magic byte 0"), "{error}");
    }
}
