//! Serdes with schemas: Avro, Protobuf and JSON Schema, and the registry that names them.
//!
//! The codecs are pure; whoever asks the registry is a thread of its own, so that no record waits.

#[cfg(feature = "avro")]
pub mod avro;
#[cfg(feature = "avro")]
pub mod evolution;
