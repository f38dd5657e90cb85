//! Avro's resolution, held to fastavro and the specification: `avro/corpus.json`, by `avro/make_corpus.py`.

#[cfg(feature = "evolution")]
mod evolution;
mod hostile;
mod types;

use std::fmt;

use kappa::schemas::avro::{AvroCodec, AvroSchema};
use kappa::serde::SerdeError;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A value as the corpus has it: bytes as letters, one each.
struct Neutral(Value);

impl<'de> Deserialize<'de> for Neutral {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visit).map(Self)
    }
}

struct Visit;

impl<'de> Visitor<'de> for Visit {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_bytes<E: de::Error>(self, value: &[u8]) -> Result<Value, E> {
        Ok(value.iter().map(|byte| char::from(*byte)).collect::<String>().into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Neutral(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some((key, Neutral(value))) = entries.next_entry::<String, _>()? {
            values.insert(key, value);
        }
        Ok(values.into())
    }
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// Resolves and decodes at once.
fn decode<T: serde::de::DeserializeOwned>(
    codec: &AvroCodec<T>,
    writer: &AvroSchema,
    bytes: &[u8],
) -> Result<T, SerdeError> {
    codec.decode(&codec.resolve(writer)?, bytes)
}

fn check(case: &Value) -> Result<(), String> {
    let schema = |key: &str| AvroSchema::parse(&case[key].to_string());
    let writer = schema("writer").map_err(|error| format!("the writer's schema: {error}"))?;
    let reader = schema("reader").map_err(|error| format!("the reader's schema: {error}"))?;
    let codec = AvroCodec::<Neutral>::new(reader);
    let read = decode(&codec, &writer, &bytes_of(case["hex"].as_str().unwrap()));
    match (read, case.get("expected")) {
        (Ok(Neutral(value)), Some(expected)) if value == *expected => Ok(()),
        (Ok(Neutral(value)), Some(expected)) => Err(format!("expected {expected}, read {value}")),
        (Ok(Neutral(value)), None) => Err(format!("expected an error, read {value}")),
        (Err(_), None) => Ok(()),
        (Err(error), Some(expected)) => Err(format!("expected {expected}: {error}")),
    }
}

fn corpus() -> Vec<Value> {
    serde_json::from_str(include_str!("avro/corpus.json")).unwrap()
}

#[test]
fn every_pair_of_schemas_reads_as_the_specification_says() {
    let corpus = corpus();
    assert!(corpus.len() >= 150, "the corpus is there");
    let mut wrong = Vec::new();
    for case in &corpus {
        if let Err(why) = check(case) {
            wrong.push(format!("{}: {why}", case["name"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), corpus.len(), wrong.join("\n"));
}
