//! JSON whose values are held to a JSON Schema as they are written.
//!
//! Reading does not check: the type does, and validation of each record costs more than all else.

#[cfg(feature = "schema-registry")]
mod registry;

use std::fmt;
use std::marker::PhantomData;

use jsonschema::Validator;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

#[cfg(feature = "schema-registry")]
pub use self::registry::JsonWithSchema;
use crate::serde::{Schema, SchemaFormat, Serde, SerdeError};

/// How many faults of a value an error names.
const FAULTS_MAX: usize = 3;

/// A JSON Schema. It fetches nothing: what it refers to must be in it.
#[derive(Clone)]
pub struct JsonSchema {
    schema: Schema,
    validator: Option<Validator>,
}

impl JsonSchema {
    /// Reads a schema, to which values are then held.
    ///
    /// # Errors
    ///
    /// Where the text is no JSON Schema, or refers to others.
    ///
    /// # Examples
    ///
    /// ```
    /// use kappa::schemas::json_schema::{JsonCodec, JsonSchema};
    /// use kappa::serde::Serde;
    ///
    /// let schema = JsonSchema::parse(r#"{"title": "Delay", "type": "integer", "minimum": 0}"#);
    /// let delays = JsonCodec::<i64>::new(schema.unwrap());
    /// let mut bytes = Vec::new();
    /// delays.encode("delays", &5, &mut bytes).unwrap();
    /// assert_eq!(bytes, b"5");
    /// let error = delays.encode("delays", &-5, &mut bytes).unwrap_err();
    /// assert!(error.to_string().contains("less than the minimum of 0"));
    /// ```
    pub fn parse(text: &str) -> Result<Self, SerdeError> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| format!("no JSON Schema: {error}"))?;
        let validator = jsonschema::validator_for(&value)
            .map_err(|error| format!("no JSON Schema, or one that refers to others: {error}"))?;
        // The title is what registries call the record's name.
        let name = value.get("title").and_then(Value::as_str).map(Into::into);
        let schema =
            Schema { format: SchemaFormat::Json, name, text: text.into(), references: Vec::new() };
        Ok(Self { schema, validator: Some(validator) })
    }

    /// Has values written without holding them to the schema.
    #[must_use]
    pub fn unchecked(mut self) -> Self {
        self.validator = None;
        self
    }

    /// Returns the schema as a registry has it.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    fn write<T: Serialize>(&self, value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        let Some(validator) = &self.validator else {
            return Ok(serde_json::to_writer(out, value)?);
        };
        let value = serde_json::to_value(value)?;
        let mut faults = validator.iter_errors(&value).peekable();
        if faults.peek().is_none() {
            return Ok(serde_json::to_writer(out, &value)?);
        }
        let faults: Vec<String> = faults
            .take(FAULTS_MAX)
            .map(|fault| format!("at `{}`: {}", fault.instance_path(), fault.masked()))
            .collect();
        Err(format!("the value does not fit its JSON Schema: {}", faults.join("; ")).into())
    }
}

impl fmt::Debug for JsonSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JsonSchema").field(&self.schema.text).finish()
    }
}

/// Values in JSON with a schema. By itself a serde without a registry: its bytes are the JSON alone.
pub struct JsonCodec<T> {
    schema: JsonSchema,
    types: PhantomData<fn(T) -> T>,
}

impl<T: Serialize + DeserializeOwned> JsonCodec<T> {
    /// Makes a codec of values that fit a schema.
    #[must_use]
    pub fn new(schema: JsonSchema) -> Self {
        Self { schema, types: PhantomData }
    }
}

impl<T: Serialize + DeserializeOwned> Serde<T> for JsonCodec<T> {
    fn encode(&self, _topic: &str, value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        self.schema.write(value, out)
    }

    fn decode(&self, _topic: &str, bytes: &[u8]) -> Result<T, SerdeError> {
        Ok(serde_json::from_slice(bytes)?)
    }

    fn schema(&self) -> Option<&Schema> {
        Some(&self.schema.schema)
    }
}

impl<T> fmt::Debug for JsonCodec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JsonCodec").field(&self.schema).finish()
    }
}
