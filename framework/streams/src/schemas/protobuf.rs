//! Protobuf: types of `prost`, with the text of the file that they are made from.

mod messages;
#[cfg(feature = "schema-registry")]
mod registry;

use std::fmt;
use std::marker::PhantomData;

use prost::Message;

use self::messages::Messages;
#[cfg(feature = "schema-registry")]
pub use self::registry::{Protobuf, ProtobufWriter};
use crate::serde::{Schema, SchemaFormat, SchemaReference, Serde, SerdeError};

/// A `.proto` file and one of its messages.
#[derive(Debug, Clone)]
pub struct ProtobufSchema {
    schema: Schema,
    /// The message's place in the file, outermost first.
    #[cfg_attr(
        not(feature = "schema-registry"),
        expect(dead_code, reason = "names it to a registry")
    )]
    indexes: Vec<u32>,
}

impl ProtobufSchema {
    /// Takes a message, by its full name, of a file's text.
    ///
    /// # Errors
    ///
    /// Where the file has no such message.
    ///
    /// # Examples
    ///
    /// ```
    /// use kappa::schemas::protobuf::ProtobufSchema;
    ///
    /// let file = "syntax = \"proto3\"; package flights; message Departed { string flight = 1; }";
    /// assert!(ProtobufSchema::new(file, "flights.Departed").is_ok());
    /// let error = ProtobufSchema::new(file, "flights.Landed").unwrap_err();
    /// assert!(error.to_string().contains("it has flights.Departed"));
    /// ```
    pub fn new(text: &str, message: &str) -> Result<Self, SerdeError> {
        let messages = Messages::of(text)?;
        let indexes = messages.indexes(message)?.to_vec();
        let schema = Schema {
            format: SchemaFormat::Protobuf,
            name: Some(message.into()),
            text: text.into(),
            references: Vec::new(),
        };
        Ok(Self { schema, indexes })
    }

    /// Adds the files it imports, as they are registered.
    #[must_use]
    pub fn with_references(mut self, references: Vec<SchemaReference>) -> Self {
        self.schema.references = references;
        self
    }

    /// Returns the schema as a registry has it.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }
}

/// Values in Protobuf. By itself a serde without a registry: its bytes are the message, and nothing else.
pub struct ProtobufCodec<T> {
    schema: ProtobufSchema,
    types: PhantomData<fn(T) -> T>,
}

impl<T: Message + Default> ProtobufCodec<T> {
    /// Makes a codec of messages that are declared so.
    #[must_use]
    pub fn new(schema: ProtobufSchema) -> Self {
        Self { schema, types: PhantomData }
    }
}

impl<T: Message + Default> Serde<T> for ProtobufCodec<T> {
    fn encode(&self, _topic: &str, value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        Ok(value.encode(out)?)
    }

    fn decode(&self, _topic: &str, bytes: &[u8]) -> Result<T, SerdeError> {
        Ok(T::decode(bytes)?)
    }

    fn schema(&self) -> Option<&Schema> {
        Some(&self.schema.schema)
    }
}

impl<T> fmt::Debug for ProtobufCodec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProtobufCodec").field(&self.schema.schema.name).finish()
    }
}
