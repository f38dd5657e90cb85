//! Serdes with schemas: Avro, Protobuf and JSON Schema, and the registry that names them.
//!
//! The codecs are pure; whoever asks the registry is a thread of its own, so that no record waits.

#[cfg(feature = "avro")]
mod avro;
#[cfg(feature = "json-schema")]
mod json_schema;
#[cfg(feature = "protobuf")]
mod protobuf;
#[cfg(feature = "schema-registry")]
mod read_mostly;
#[cfg(feature = "schema-registry")]
mod registry;
#[cfg(feature = "schema-registry")]
mod registry_serde;
#[cfg(feature = "schema-registry")]
mod subjects;
#[cfg(feature = "schema-registry")]
pub mod wire_format;

#[cfg(all(feature = "avro", feature = "schema-registry"))]
pub use avro::Avro;
#[cfg(feature = "avro")]
pub use avro::{AvroCodec, AvroSchema};
#[cfg(all(feature = "json-schema", feature = "schema-registry"))]
pub use json_schema::JsonWithSchema;
#[cfg(feature = "json-schema")]
pub use json_schema::{JsonCodec, JsonSchema};
#[cfg(all(feature = "protobuf", feature = "schema-registry"))]
pub use protobuf::Protobuf;
#[cfg(feature = "protobuf")]
pub use protobuf::{ProtobufCodec, ProtobufSchema};
#[cfg(feature = "schema-registry")]
pub use registry::{
    MemoryRegistry, ReferencedSchema, RegisteredSchema, Registry, RegistryError, RegistryErrorKind,
    Transport, WriterSchema,
};
#[cfg(feature = "schema-registry")]
pub use registry_serde::{Codec, RegistrySerde};
#[cfg(feature = "schema-registry")]
pub use subjects::Part;
