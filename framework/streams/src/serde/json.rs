//! JSON through `serde`.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Encoded, NULL_REFUSED, Serde, SerdeError, SerdeRef};

/// Any type that `serde` can read and write, as compact JSON.
///
/// `None` and Kafka's null are the same thing, so a tombstone of a `Topic<K, Option<V>>` is a real
/// null and not the four letters `null`.
///
/// # Examples
///
/// ```
/// use kappa::Topic;
/// use kappa::serde::{Json, Utf8};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Serialize, Deserialize)]
/// struct Order {
///     amount: u64,
/// }
///
/// let orders: Topic<String, Order> = Topic::new("orders", Utf8, Json);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Json;

impl Json {
    /// Returns this serde as the shared form that [`DefaultSerde`](super::DefaultSerde) wants.
    #[must_use]
    pub fn shared<T: Serialize + DeserializeOwned>(self) -> SerdeRef<T> {
        Arc::new(self)
    }
}

const NULL: &[u8] = b"null";

impl<T: Serialize + DeserializeOwned> Serde<T> for Json {
    fn encode(&self, _topic: &str, value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        Ok(serde_json::to_writer(out, value)?)
    }

    fn decode(&self, _topic: &str, bytes: &[u8]) -> Result<T, SerdeError> {
        Ok(serde_json::from_slice(bytes)?)
    }

    fn encode_nullable(
        &self,
        topic: &str,
        value: &T,
        out: &mut Vec<u8>,
    ) -> Result<Encoded, SerdeError> {
        let start = out.len();
        self.encode(topic, value, out)?;
        let null = out.get(start..) == Some(NULL);
        Ok(if null { Encoded::Null } else { Encoded::Bytes })
    }

    fn decode_nullable(&self, topic: &str, bytes: Option<&[u8]>) -> Result<T, SerdeError> {
        match bytes {
            Some(bytes) => self.decode(topic, bytes),
            // A type that reads `null` has a null; one that does not says so.
            None => serde_json::from_slice(NULL).map_err(|_| NULL_REFUSED.into()),
        }
    }
}

/// Makes JSON the default serde of types, so that stores and repartition topics find it by themselves.
///
/// # Examples
///
/// ```
/// # #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// # struct Order {}
/// # #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// # struct Total {}
/// kappa::json_serde!(Order, Total);
/// ```
#[macro_export]
macro_rules! json_serde {
    ($($type:ty),+ $(,)?) => {$(
        impl $crate::serde::DefaultSerde for $type {
            fn default_serde() -> $crate::serde::SerdeRef<Self> {
                $crate::serde::Json.shared()
            }
        }
    )+};
}
