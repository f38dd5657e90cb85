//! JSON with a schema over a registry.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{JsonCodec, JsonSchema};
use crate::schemas::{Codec, Registry, RegistrySerde, WriterSchema};
use crate::serde::{Schema, SchemaFormat, SerdeError};

/// Values in JSON, whose bytes name their JSON Schema in a registry.
pub type JsonWithSchema<T> = RegistrySerde<T, JsonCodec<T>>;

impl<T: Serialize + DeserializeOwned> RegistrySerde<T, JsonCodec<T>> {
    /// Makes a serde for values of a topic that fit a schema.
    #[must_use]
    pub fn new(registry: &Registry, schema: JsonSchema) -> Self {
        Self::with_codec(registry, JsonCodec::new(schema))
    }
}

impl Registry {
    /// Makes a serde for values in JSON with a schema.
    #[must_use]
    pub fn json<T: Serialize + DeserializeOwned>(&self, schema: JsonSchema) -> JsonWithSchema<T> {
        RegistrySerde::<T, JsonCodec<T>>::new(self, schema)
    }
}

impl<T: Serialize + DeserializeOwned> Codec<T> for JsonCodec<T> {
    type Writer = ();

    const FORMAT: SchemaFormat = SchemaFormat::Json;

    fn schema(&self) -> &Schema {
        &self.schema.schema
    }

    fn writer(&self, _: &WriterSchema) -> Result<(), SerdeError> {
        Ok(())
    }

    /// JSON says what it is; the registry need not be asked to read it.
    fn any_writer(&self) -> Option<()> {
        Some(())
    }

    /// The type's JSON is the same whatever schema it is said to be of.
    fn check_writes(&self, _: &WriterSchema) -> Result<(), SerdeError> {
        Ok(())
    }

    fn encode(&self, value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        self.schema.write(value, out)
    }

    fn decode(&self, (): &(), _: &[u32], bytes: &[u8]) -> Result<T, SerdeError> {
        Ok(serde_json::from_slice(bytes)?)
    }
}
