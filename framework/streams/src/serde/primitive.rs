//! Strings, integers and plain bytes, encoded as the JVM library's built-in serdes do (row SD1).

use std::sync::Arc;

use super::{DefaultSerde, Serde, SerdeError, SerdeRef};

/// Strings as UTF-8.
#[derive(Debug, Clone, Copy, Default)]
pub struct Utf8;

/// 64-bit integers, big-endian.
#[derive(Debug, Clone, Copy, Default)]
pub struct I64;

/// 32-bit integers, big-endian.
#[derive(Debug, Clone, Copy, Default)]
pub struct I32;

/// Bytes as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bytes;

impl Serde<String> for Utf8 {
    fn encode(&self, _topic: &str, value: &String, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn decode(&self, _topic: &str, bytes: &[u8]) -> Result<String, SerdeError> {
        Ok(std::str::from_utf8(bytes)?.to_owned())
    }
}

impl Serde<Arc<str>> for Utf8 {
    fn encode(&self, _topic: &str, value: &Arc<str>, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn decode(&self, _topic: &str, bytes: &[u8]) -> Result<Arc<str>, SerdeError> {
        Ok(Arc::from(std::str::from_utf8(bytes)?))
    }
}

impl Serde<Vec<u8>> for Bytes {
    fn encode(&self, _topic: &str, value: &Vec<u8>, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        out.extend_from_slice(value);
        Ok(())
    }

    fn decode(&self, _topic: &str, bytes: &[u8]) -> Result<Vec<u8>, SerdeError> {
        Ok(bytes.to_vec())
    }

    fn keeps_bytes(&self) -> bool {
        true
    }
}

impl Serde<i64> for I64 {
    fn encode(&self, _topic: &str, value: &i64, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        out.extend_from_slice(&value.to_be_bytes());
        Ok(())
    }

    fn decode(&self, _topic: &str, bytes: &[u8]) -> Result<i64, SerdeError> {
        Ok(i64::from_be_bytes(exactly(bytes)?))
    }
}

impl Serde<i32> for I32 {
    fn encode(&self, _topic: &str, value: &i32, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        out.extend_from_slice(&value.to_be_bytes());
        Ok(())
    }

    fn decode(&self, _topic: &str, bytes: &[u8]) -> Result<i32, SerdeError> {
        Ok(i32::from_be_bytes(exactly(bytes)?))
    }
}

impl DefaultSerde for String {
    fn default_serde() -> SerdeRef<Self> {
        Arc::new(Utf8)
    }
}

impl DefaultSerde for Arc<str> {
    fn default_serde() -> SerdeRef<Self> {
        Arc::new(Utf8)
    }
}

impl DefaultSerde for Vec<u8> {
    fn default_serde() -> SerdeRef<Self> {
        Arc::new(Bytes)
    }
}

impl DefaultSerde for i64 {
    fn default_serde() -> SerdeRef<Self> {
        Arc::new(I64)
    }
}

impl DefaultSerde for i32 {
    fn default_serde() -> SerdeRef<Self> {
        Arc::new(I32)
    }
}

fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], SerdeError> {
    bytes.try_into().map_err(|_| format!("expected {N} bytes, found {}", bytes.len()).into())
}
