//! Avro over a registry.
//!
//! As Confluent's serializers write it: a schema that is bytes and nothing else has its bytes alone behind the
//! id, without the length that Avro puts before them. Within a union, and strings, have their lengths.

use std::sync::Arc;

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
        let schema = parse(schema)?;
        if schema.is_bytes() {
            let plan = Arc::new(self.plan_for(&schema)?.without_length());
            return Ok(AvroWriter { schema, plan });
        }
        self.resolve(&schema)
    }

    fn check_writes(&self, other: &WriterSchema) -> Result<(), SerdeError> {
        // What the canonical form leaves out does not change the bytes.
        if parse(other)?.canonical() == Self::schema(self).canonical() {
            return Ok(());
        }
        Err("it has other fields, types or names: write with that version's schema".into())
    }

    fn encode(&self, value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        let start = out.len();
        Self::encode(self, value, out)?;
        if Self::schema(self).is_bytes() {
            remove_length(out, start);
        }
        Ok(())
    }

    fn decode(&self, writer: &AvroWriter, _: &[u32], bytes: &[u8]) -> Result<T, SerdeError> {
        Self::decode(self, writer, bytes)
    }
}

/// Takes away the length that bytes begin with: its last byte is the first one below 0x80.
fn remove_length(out: &mut Vec<u8>, start: usize) {
    let written = out.get(start..).unwrap_or_default();
    let length = written.iter().position(|byte| *byte < 0x80).map_or(0, |last| last + 1);
    out.drain(start..start + length);
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
    use std::fmt;

    use serde::de::{Deserialize, Deserializer, Visitor};
    use serde::ser::Serializer;

    use super::*;
    use crate::serde::Serde;

    /// Bytes as Avro has them, which `serde` takes for a list of numbers.
    #[derive(Clone, Debug, PartialEq)]
    struct Raw(Vec<u8>);

    impl Serialize for Raw {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(&self.0)
        }
    }

    impl<'de> Deserialize<'de> for Raw {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Bytes;

            impl Visitor<'_> for Bytes {
                type Value = Raw;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("bytes")
                }

                fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Raw, E> {
                    Ok(Raw(bytes.to_vec()))
                }
            }

            deserializer.deserialize_bytes(Bytes)
        }
    }

    fn encoded<T>(serde: &impl Serde<T>, value: &T) -> Vec<u8> {
        let mut bytes = b"before".to_vec();
        serde.encode("t", value, &mut bytes).unwrap();
        bytes.split_off(6)
    }

    /// The bytes are what Confluent's `KafkaAvroSerializer` writes.
    #[test]
    fn bytes_alone_have_no_length_behind_the_id() {
        let registry = Registry::in_memory();
        let schema = |text| AvroSchema::parse(text).unwrap();
        let decimal = r#"{"type": "bytes", "logicalType": "decimal", "precision": 4}"#;
        for (id, text) in [(1, r#""bytes""#), (2, decimal)] {
            let serde = registry.avro::<Raw>(schema(text));
            for value in [vec![], vec![1, 2, 200], vec![7; 300]] {
                let bytes = encoded(&serde, &Raw(value.clone()));
                assert_eq!(bytes, [&[0, 0, 0, 0, id][..], &value].concat());
                assert_eq!(serde.decode("t", &bytes).unwrap(), Raw(value));
            }
        }
        let optional = registry.avro::<Option<Raw>>(schema(r#"["null", "bytes"]"#));
        let value = Some(Raw(b"ab".to_vec()));
        assert_eq!(encoded(&optional, &value), b"\x00\x00\x00\x00\x03\x02\x04ab");
        assert_eq!(optional.decode("t", b"\x00\x00\x00\x00\x03\x02\x04ab").unwrap(), value);
        let text = registry.avro::<String>(schema(r#""string""#));
        assert_eq!(encoded(&text, &"ab".to_owned()), b"\x00\x00\x00\x00\x04\x04ab");

        // What was written as bytes alone, read as something else; and the other way round.
        let bytes = b"\x00\x00\x00\x00\x01ab";
        assert_eq!(optional.decode("t", bytes).unwrap(), value);
        assert_eq!(text.decode("t", bytes).unwrap(), "ab");
        assert!(text.decode("t", b"\x00\x00\x00\x00\x01\xff").is_err());
        let plain = registry.avro::<Raw>(schema(r#""bytes""#));
        let read = plain.decode("t", b"\x00\x00\x00\x00\x04\x04ab").unwrap();
        assert_eq!(read, Raw(b"ab".to_vec()));
        let number = registry.avro::<i64>(schema(r#""long""#));
        let error = number.decode("t", bytes).unwrap_err().to_string();
        assert!(error.contains("it was written as bytes and is read as long"), "{error}");
    }

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
