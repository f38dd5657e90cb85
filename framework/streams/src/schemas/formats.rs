//! One topology for several encodings: which one its records have is chosen at its start.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::avro::AvroSchema;
use super::registry::Registry;
use crate::serde::{Json, SerdeRef};

/// A type whose records have an Avro schema; see [`avro_records!`](crate::avro_records).
pub trait AvroRecord: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The schema's text: what the type is written with, and into which older records are resolved.
    const SCHEMA: &'static str;
}

/// The encoding of values: JSON by itself, or Avro by a schema registry.
///
/// # Examples
///
/// ```
/// use kappa::prelude::*;
/// use kappa::schemas::Formats;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Serialize, Deserialize)]
/// struct Order {
///     amount: i64,
/// }
///
/// impl kappa::schemas::AvroRecord for Order {
///     const SCHEMA: &str = r#"{
///         "type": "record", "name": "Order", "fields": [{"name": "amount", "type": "long"}]
///     }"#;
/// }
///
/// fn orders(formats: &Formats) -> Topic<String, Order> {
///     Topic::new("orders", Utf8, formats.values())
/// }
///
/// assert_eq!(&**orders(&Formats::json()).name(), "orders");
/// ```
#[derive(Debug, Clone)]
pub struct Formats(Option<Registry>);

impl Formats {
    /// Encodes values as JSON; no registry is needed.
    #[must_use]
    pub fn json() -> Self {
        Self(None)
    }

    /// Encodes values as Avro, with the ids of a registry.
    #[must_use]
    pub fn avro(registry: Registry) -> Self {
        Self(Some(registry))
    }

    /// Returns the registry, if there is one.
    #[must_use]
    pub fn registry(&self) -> Option<&Registry> {
        self.0.as_ref()
    }

    /// Returns the serde of values of a type.
    ///
    /// # Panics
    ///
    /// Panics if the type's schema is none: a test that [`avro_records!`](crate::avro_records) makes
    /// fails first.
    #[must_use]
    #[expect(clippy::panic, reason = "the schema is a constant of the program")]
    pub fn values<T: AvroRecord>(&self) -> SerdeRef<T> {
        let Some(registry) = &self.0 else { return Json.shared() };
        match AvroSchema::parse(T::SCHEMA) {
            Ok(schema) => std::sync::Arc::new(registry.avro(schema)),
            Err(error) => panic!("{}: {}", std::any::type_name::<T>(), error.report()),
        }
    }
}

/// Gives types their Avro schemas, from files; and a test to each, that the type and its schema agree.
///
/// A field that one has and the other has not, or another type of it, fails the test and is named. A type
/// that only `reads` what others write may leave fields out.
///
/// # Examples
///
/// ```text
/// kappa::avro_records! {
///     OrderTotals => "../schemas/order-totals-value/1.avsc";
///     reads Order => "../schemas/orders-value/2.avsc",
/// }
/// ```
#[macro_export]
macro_rules! avro_records {
    (
        $($type:ident => $file:literal),+ $(,)?
        $(; reads $($reader:ident => $reader_file:literal),+ $(,)?)?
    ) => {
        $($(
            impl $crate::schemas::AvroRecord for $reader {
                const SCHEMA: &'static str = include_str!($reader_file);
            }
        )+)?
        $(
            impl $crate::schemas::AvroRecord for $type {
                const SCHEMA: &'static str = include_str!($file);
            }
        )+

        #[cfg(test)]
        #[allow(non_snake_case)]
        mod avro_records {
            use $crate::schemas::AvroRecord;

            $($(
                #[test]
                fn $reader() {
                    let text = super::$reader::SCHEMA;
                    let checked = $crate::schemas::avro::check_reader::<super::$reader>(text);
                    assert!(checked.is_ok(), "{checked:?}");
                }
            )+)?
            $(
                #[test]
                fn $type() {
                    let text = super::$type::SCHEMA;
                    let checked = $crate::schemas::avro::check_type::<super::$type>(text);
                    assert!(checked.is_ok(), "{checked:?}");
                }
            )+
        }
    };
}
