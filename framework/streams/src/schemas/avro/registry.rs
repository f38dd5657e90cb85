//! Avro over a registry.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{AvroCodec, AvroSchema, AvroWriter};
use crate::schemas::{Codec, Registry, RegistrySerde, WriterSchema};
use crate::serde::{Schema, SchemaFormat, SerdeError};

/// Values in Avro, whose bytes name their schema in a registry.
///
/// Records of older and newer schemas are read as Avro's rules of resolution say.
pub type Avro<T> = RegistrySerde<T, AvroCodec<T>>;

impl<T: Serialize + DeserializeOwned> RegistrySerde<T, AvroCodec<T>> {
    /// Makes a serde for values of a topic that are written with a schema.
    #[must_use]
    pub fn new(registry: &Registry, schema: AvroSchema) -> Self {
        Self::with_codec(registry, AvroCodec::new(schema))
    }
}

impl Registry {
    /// Makes a serde for values in Avro.
    #[must_use]
    pub fn avro<T: Serialize + DeserializeOwned>(&self, schema: AvroSchema) -> Avro<T> {
        RegistrySerde::<T, AvroCodec<T>>::new(self, schema)
    }
}

impl<T: Serialize + DeserializeOwned> Codec<T> for AvroCodec<T> {
    type Writer = AvroWriter;

    const FORMAT: SchemaFormat = SchemaFormat::Avro;

    fn schema(&self) -> &Schema {
        Self::schema(self).schema()
    }

    fn writer(&self, schema: &WriterSchema) -> Result<AvroWriter, SerdeError> {
        self.resolve(&parse(schema)?)
    }

    fn check_writes(&self, other: &WriterSchema) -> Result<(), SerdeError> {
        // What the canonical form leaves out does not change the bytes.
        if parse(other)?.canonical() == Self::schema(self).canonical() {
            return Ok(());
        }
        Err("it has other fields, types or names: write with that version's schema".into())
    }

    fn encode(&self, value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        Self::encode(self, value, out)
    }

    fn decode(&self, writer: &AvroWriter, _: &[u32], bytes: &[u8]) -> Result<T, SerdeError> {
        Self::decode(self, writer, bytes)
    }
}

/// Parses a schema with those that it uses.
pub(super) fn parse(schema: &WriterSchema) -> Result<AvroSchema, SerdeError> {
    let mut references: Vec<AvroSchema> = Vec::with_capacity(schema.references.len());
    for reference in &schema.references {
        // Each comes after what it uses itself.
        let parsed = AvroSchema::parse_with(&reference.schema.text, &references);
        references.push(parsed.map_err(|error| format!("reference {}: {error}", reference.name))?);
    }
    Ok(AvroSchema::parse_with(&schema.schema.text, &references)?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_schema_laid_out_otherwise_is_the_same_one() {
        let own = AvroSchema::parse(
            r#"{
                "type": "record", "name": "R",
                "fields": [{"name": "n", "type": "int", "default": 5}]
            }"#,
        )
        .unwrap();
        let codec = AvroCodec::<serde_json::Value>::new(own.clone());
        let writer = |text: &str| {
            let schema = Schema { text: text.into(), ..own.schema().clone() };
            codec.writer(&WriterSchema { schema, references: Vec::new() }).unwrap()
        };
        let is_own = |text: &str| Arc::ptr_eq(&writer(text).plan, &own.parsed.plan);
        let laid_out =
            r#"{"name":"R","type":"record","fields":[{"name":"n","type":"int","default":5}]}"#;
        assert!(is_own(laid_out));
        assert!(!is_own(&laid_out.replace("int", "long")));
        assert!(!is_own(&laid_out.replace('5', "6")));
    }
}
