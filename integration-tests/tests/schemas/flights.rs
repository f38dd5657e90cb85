//! One value in three formats.

use kappa::schemas::Registry;
use kappa::schemas::avro::{Avro, AvroSchema};
use kappa::schemas::json_schema::{JsonSchema, JsonWithSchema};
use serde::{Deserialize, Serialize};

/// A departure, for Avro and JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Departed {
    pub(crate) flight: String,
    pub(crate) delay: i32,
}

/// A departure, for Protobuf.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DepartedMessage {
    #[prost(string, tag = "1")]
    pub(crate) flight: String,
    #[prost(int32, tag = "2")]
    pub(crate) delay: i32,
}

pub(crate) const AVRO: &str = r#"{"type": "record", "name": "Departed", "namespace": "flights",
 "fields": [{"name": "flight", "type": "string"}, {"name": "delay", "type": "int"}]}"#;

pub(crate) const JSON: &str = r#"{"$schema": "http://json-schema.org/draft-07/schema#",
 "title": "flights.Departed", "type": "object",
 "properties": {"flight": {"type": "string"}, "delay": {"type": "integer"}},
 "required": ["flight", "delay"]}"#;

pub(crate) const PROTO: &str = "syntax = \"proto3\"; package flights; message Other {} \
    message Departed { string flight = 1; int32 delay = 2; }";

pub(crate) fn departed() -> Departed {
    Departed { flight: "UA 12".to_owned(), delay: 5 }
}

pub(crate) fn message() -> DepartedMessage {
    DepartedMessage { flight: "UA 12".to_owned(), delay: 5 }
}

pub(crate) fn avro(registry: &Registry) -> Avro<Departed> {
    registry.avro(AvroSchema::parse(AVRO).unwrap())
}

pub(crate) fn json(registry: &Registry) -> JsonWithSchema<Departed> {
    registry.json(JsonSchema::parse(JSON).unwrap())
}
