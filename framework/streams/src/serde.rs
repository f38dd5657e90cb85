//! How typed keys and values become bytes and come back.
//!
//! A serde travels with its topic or its store, so that reading a topic with the wrong type is an
//! error of the compiler and not of the night shift. Kafka's nulls are part of the type: a plain serde
//! refuses them, [`Nullable`] (or [`Json`] of an `Option`) reads them as `None`.

mod change;
mod nullable;
mod primitive;
mod schema;
mod windowed;

#[cfg(feature = "json")]
mod json;

use std::fmt;
use std::sync::Arc;

use crate::record::{Header, Headers};

pub(crate) use change::Changed;
#[cfg(feature = "json")]
pub use json::Json;
pub use nullable::Nullable;
pub use primitive::{Bytes, I32, I64, Utf8};
pub(crate) use schema::is_unready;
pub use schema::{Part, Schema, SchemaFormat, SchemaReference, Unready};
pub use windowed::TimeWindowed;

/// What every key and value must be: cloned where a stream forks, moved between threads.
///
/// Implemented for every type that can be; wide values are best wrapped in an `Arc`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key or value of a stream",
    note = "keys and values are `Clone + Send + 'static`: share with `Arc` instead of `Rc`"
)]
pub trait Data: Clone + Send + 'static {}

impl<T: Clone + Send + 'static> Data for T {}

/// Whether encoding produced bytes or Kafka's null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoded {
    /// The appended bytes are the value.
    Bytes,
    /// The value is a null: nothing was appended.
    Null,
}

/// Why bytes could not be read or a value not be written; the engine adds topic, partition and offset.
pub type SerdeError = Box<dyn std::error::Error + Send + Sync>;

/// Turns one type into bytes and back.
///
/// Implementors write [`encode`](Self::encode) and [`decode`](Self::decode); the `_nullable` pair is
/// only for types that have a null. The topic is given because registries name schemas by it; for a
/// store it is the changelog topic (row SD3).
///
/// # Examples
///
/// ```
/// use kappa::serde::{Serde, SerdeError};
///
/// /// A bool as one byte.
/// struct Flag;
///
/// impl Serde<bool> for Flag {
///     fn encode(&self, _topic: &str, flag: &bool, out: &mut Vec<u8>) -> Result<(), SerdeError> {
///         out.push(u8::from(*flag));
///         Ok(())
///     }
///
///     fn decode(&self, _topic: &str, bytes: &[u8]) -> Result<bool, SerdeError> {
///         match bytes {
///             [0] => Ok(false),
///             [1] => Ok(true),
///             _ => Err("expected one byte, 0 or 1".into()),
///         }
///     }
/// }
///
/// let mut bytes = Vec::new();
/// Flag.encode("flags", &true, &mut bytes).unwrap();
/// assert!(Flag.decode("flags", &bytes).unwrap());
/// ```
pub trait Serde<T>: Send + Sync {
    /// Appends a value's bytes to `out`.
    ///
    /// # Errors
    ///
    /// Where the value has no encoding; what was appended is then ignored.
    fn encode(&self, topic: &str, value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError>;

    /// Reads a value.
    ///
    /// # Errors
    ///
    /// Where the bytes are not an encoding of the type; never panics, whatever the bytes.
    fn decode(&self, topic: &str, bytes: &[u8]) -> Result<T, SerdeError>;

    /// Appends a value's bytes, or nothing where the value is a null.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    fn encode_nullable(
        &self,
        topic: &str,
        value: &T,
        out: &mut Vec<u8>,
    ) -> Result<Encoded, SerdeError> {
        self.encode(topic, value, out)?;
        Ok(Encoded::Bytes)
    }

    /// Reads a value that may be Kafka's null.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode); also for a null where the type has none.
    fn decode_nullable(&self, topic: &str, bytes: Option<&[u8]>) -> Result<T, SerdeError> {
        match bytes {
            Some(bytes) => self.decode(topic, bytes),
            None => Err(NULL_REFUSED.into()),
        }
    }

    /// Appends the bytes of the key or value of a record that is sent to a topic, whose
    /// [`header`](Self::header) may say more about them. Rows of stores have no headers: they are written by
    /// [`encode`](Self::encode).
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    fn encode_record(
        &self,
        topic: &str,
        value: &T,
        out: &mut Vec<u8>,
    ) -> Result<Encoded, SerdeError> {
        self.encode_nullable(topic, value, out)
    }

    /// Reads the key or value of a record that was read from a topic, whose headers may say more about
    /// its bytes (row SD3).
    ///
    /// Nothing has been done with the record yet, so this need not wait for what it lacks: an
    /// [`Unready`] error has the record tried again later, while other tasks go on.
    ///
    /// # Errors
    ///
    /// As [`decode_nullable`](Self::decode_nullable); and [`Unready`].
    fn decode_record(
        &self,
        topic: &str,
        _headers: &Headers,
        bytes: Option<&[u8]>,
    ) -> Result<T, SerdeError> {
        self.decode_nullable(topic, bytes)
    }

    /// Makes ready for writing to a topic, before the first record: the place to ask others and to
    /// wait. Called again after an [`Unready`] error.
    ///
    /// # Errors
    ///
    /// Where the topic cannot be written so.
    fn prepare(&self, _topic: &str) -> Result<(), SerdeError> {
        Ok(())
    }

    /// Returns the header that records of a topic carry for this part, where it names their schema; asked of
    /// serdes that have a [`schema`](Self::schema), after [`encode_record`](Self::encode_record).
    fn header(&self, _topic: &str) -> Option<Header> {
        None
    }

    /// Returns the schema that values are written with, where the encoding has one.
    fn schema(&self) -> Option<&Schema> {
        None
    }

    /// Returns whether values are the bytes themselves, written as they were read: a header that names their
    /// schema then stays true of them, and is passed on. Serdes around others answer as those do.
    fn keeps_bytes(&self) -> bool {
        false
    }

    /// Returns the part of an encoded key that chooses its partition: all of it, but for a windowed
    /// key only the inner key (row W11).
    fn partitioning_part<'a>(&self, encoded: &'a [u8]) -> &'a [u8] {
        encoded
    }
}

/// What a null is answered with where the type has none.
pub(crate) const NULL_REFUSED: &str = "it is null, and the topic's type has no null";

/// A shared serde: topics, stores and options hold this.
pub type SerdeRef<T> = Arc<dyn Serde<T>>;

/// A shared serde is one, so that it can be handed to whatever takes a serde.
impl<T> Serde<T> for SerdeRef<T> {
    fn encode(&self, topic: &str, value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        (**self).encode(topic, value, out)
    }

    fn decode(&self, topic: &str, bytes: &[u8]) -> Result<T, SerdeError> {
        (**self).decode(topic, bytes)
    }

    fn encode_nullable(
        &self,
        topic: &str,
        value: &T,
        out: &mut Vec<u8>,
    ) -> Result<Encoded, SerdeError> {
        (**self).encode_nullable(topic, value, out)
    }

    fn decode_nullable(&self, topic: &str, bytes: Option<&[u8]>) -> Result<T, SerdeError> {
        (**self).decode_nullable(topic, bytes)
    }

    fn encode_record(
        &self,
        topic: &str,
        value: &T,
        out: &mut Vec<u8>,
    ) -> Result<Encoded, SerdeError> {
        (**self).encode_record(topic, value, out)
    }

    fn decode_record(
        &self,
        topic: &str,
        headers: &Headers,
        bytes: Option<&[u8]>,
    ) -> Result<T, SerdeError> {
        (**self).decode_record(topic, headers, bytes)
    }

    fn prepare(&self, topic: &str) -> Result<(), SerdeError> {
        (**self).prepare(topic)
    }

    fn header(&self, topic: &str) -> Option<Header> {
        (**self).header(topic)
    }

    fn schema(&self) -> Option<&Schema> {
        (**self).schema()
    }

    fn keeps_bytes(&self) -> bool {
        (**self).keeps_bytes()
    }

    fn partitioning_part<'a>(&self, encoded: &'a [u8]) -> &'a [u8] {
        (**self).partitioning_part(encoded)
    }
}

impl<T> fmt::Debug for dyn Serde<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serde<{}>", std::any::type_name::<T>())
    }
}

/// A type that has a serde of its own, used wherever none is given.
///
/// # Examples
///
/// ```
/// use kappa::serde::{DefaultSerde, Json, SerdeRef};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Serialize, Deserialize)]
/// struct Order {
///     amount: u64,
/// }
///
/// impl DefaultSerde for Order {
///     fn default_serde() -> SerdeRef<Self> {
///         Json.shared()
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no serde here",
    note = "implement `DefaultSerde` for it (for JSON: `kappa::json_serde!({Self});`) \
            or pass a serde, as in `Materialized::with(Utf8, Json)` or `Grouped::with(Utf8, Json)`",
    note = "an `Option` has none on purpose: nulls are dropped before grouping, by \
            `drop_null_keys()` and `drop_null_values()`"
)]
pub trait DefaultSerde: Sized {
    /// Returns the type's own serde.
    fn default_serde() -> SerdeRef<Self>;
}

/// Appends the key or value of a record, and returns where its bytes went, if there are any.
pub(crate) fn encode_into<T>(
    serde: &dyn Serde<T>,
    topic: &str,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<Option<std::ops::Range<usize>>, SerdeError> {
    let start = out.len();
    match serde.encode_record(topic, value, out) {
        Ok(Encoded::Bytes) => Ok(Some(start..out.len())),
        Ok(Encoded::Null) => {
            out.truncate(start);
            Ok(None)
        }
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests;
