//! Serdes with schemas: Avro, Protobuf and JSON Schema, and the registry that names them.
//!
//! The codecs are pure; whoever asks the registry is a thread of its own, so that no record waits.

#[cfg(feature = "avro")]
pub mod avro;
#[cfg(feature = "evolution")]
pub mod evolution;
#[cfg(feature = "schema-registry")]
mod formats;
#[cfg(feature = "json-schema")]
pub mod json_schema;
#[cfg(feature = "protobuf")]
pub mod protobuf;
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

#[cfg(feature = "schema-registry")]
pub use formats::{AvroRecord, Formats};
#[cfg(feature = "schema-registry")]
pub use registry::{
    MemoryRegistry, ReferencedSchema, RegisteredSchema, Registry, RegistryError, RegistryErrorKind,
    Transport, WriterSchema,
};
#[cfg(feature = "schema-registry")]
pub use registry_serde::{Codec, RegistrySerde};
