//! Protobuf over a registry.

use prost::Message;

use super::messages::Messages;
use super::{ProtobufCodec, ProtobufSchema};
use crate::schemas::{Codec, Registry, RegistrySerde, WriterSchema};
use crate::serde::{Schema, SchemaFormat, SerdeError};

/// Values in Protobuf, whose bytes name their file in a registry, and their message in the file.
pub type Protobuf<T> = RegistrySerde<T, ProtobufCodec<T>>;

impl<T: Message + Default> RegistrySerde<T, ProtobufCodec<T>> {
    /// Makes a serde for values of a topic that are messages declared so.
    #[must_use]
    pub fn new(registry: &Registry, schema: ProtobufSchema) -> Self {
        Self::with_codec(registry, ProtobufCodec::new(schema))
    }
}

impl Registry {
    /// Makes a serde for values in Protobuf.
    #[must_use]
    pub fn protobuf<T: Message + Default>(&self, schema: ProtobufSchema) -> Protobuf<T> {
        RegistrySerde::<T, ProtobufCodec<T>>::new(self, schema)
    }
}

/// Where a writer's file has the message that is read.
#[derive(Debug)]
pub struct ProtobufWriter {
    messages: Messages,
    indexes: Vec<u32>,
}

impl<T: Message + Default> ProtobufCodec<T> {
    fn name(&self) -> &str {
        self.schema.schema.name.as_deref().unwrap_or_default()
    }
}

impl<T: Message + Default> Codec<T> for ProtobufCodec<T> {
    type Writer = ProtobufWriter;

    const FORMAT: SchemaFormat = SchemaFormat::Protobuf;
    const HAS_INDEXES: bool = true;

    fn schema(&self) -> &Schema {
        &self.schema.schema
    }

    fn writer(&self, schema: &WriterSchema) -> Result<ProtobufWriter, SerdeError> {
        let messages = Messages::of(&schema.schema.text)?;
        let indexes = messages.indexes(self.name())?.to_vec();
        Ok(ProtobufWriter { messages, indexes })
    }

    /// Fields have numbers, so that only the message's place must be the same.
    fn check_writes(&self, other: &WriterSchema) -> Result<(), SerdeError> {
        let writer = self.writer(other)?;
        if writer.indexes == self.schema.indexes {
            return Ok(());
        }
        Err(format!("it has message {} in another place", self.name()).into())
    }

    fn indexes(&self) -> &[u32] {
        &self.schema.indexes
    }

    fn encode(&self, value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        Ok(value.encode(out)?)
    }

    fn decode(
        &self,
        writer: &ProtobufWriter,
        indexes: &[u32],
        bytes: &[u8],
    ) -> Result<T, SerdeError> {
        if writer.indexes != indexes {
            let name = writer.messages.name(indexes).unwrap_or("none that its file has");
            return Err(format!("it is message {name}, and {} is read here", self.name()).into());
        }
        Ok(T::decode(bytes)?)
    }
}
