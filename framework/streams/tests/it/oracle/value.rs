//! Values and keys of the neutral format, and their serdes: the library's own underneath.

use std::sync::Arc;
use std::time::Duration;

use kappa::prelude::*;
use kappa::serde::{Data, Encoded, Serde, SerdeError, TimeWindowed};
use serde_json::{Value as Json, json};

/// A value that is not null.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Val {
    Str(String),
    Int(i64),
    /// What the initializer `null` begins with: shown as `null`, counted as 0, and never stored.
    Nothing,
}

/// `show(x)` of the format.
pub(crate) fn show(value: Option<&Val>) -> String {
    match value {
        None | Some(Val::Nothing) => "null".to_owned(),
        Some(Val::Str(text)) => text.clone(),
        Some(Val::Int(number)) => number.to_string(),
    }
}

/// A key as user functions see it.
#[derive(Clone, Copy)]
pub(crate) enum KeyRef<'a> {
    Null,
    Plain(&'a Val),
    Windowed(&'a Windowed<Val>),
}

impl KeyRef<'_> {
    pub(crate) fn show(self) -> String {
        match self {
            Self::Null => show(None),
            Self::Plain(key) => show(Some(key)),
            Self::Windowed(key) => {
                let (start, end) = (key.window.start, key.window.end);
                format!("{}@{start}..{end}", show(Some(&key.key)))
            }
        }
    }

    pub(crate) fn is_null(self) -> bool {
        matches!(self, Self::Null)
    }
}

/// The key types streams of the format have here.
pub(crate) trait Key: Data + Sync {
    const IS_WINDOWED: bool = false;

    fn serde(name: Neutral) -> Shared<Self>;
    fn look(&self) -> KeyRef<'_>;
    /// The stream with plain keys, by dropping null ones; nothing for windowed keys.
    fn plain<V: Data>(stream: &KStream<Self, V>) -> Option<KStream<Val, V>>;
    /// The table as one that streams are joined with.
    fn lookup<V: Value>(table: &KTable<Self, V>) -> Option<TableRef<'_>>;
    /// The stream with keys that might be null; nothing for windowed keys.
    fn optional<V: Data>(stream: &KStream<Self, V>) -> Option<KStream<Option<Val>, V>>;
    /// The stream with keys that can be looked up in a table.
    fn joinable<V: Data>(stream: &KStream<Self, V>) -> Option<Joinable<'_, V>>;
}

pub(crate) enum Joinable<'a, V> {
    Optional(&'a KStream<Option<Val>, V>),
    Plain(&'a KStream<Val, V>),
}

impl Key for Option<Val> {
    fn serde(name: Neutral) -> Shared<Self> {
        Shared(Arc::new(Nullable::of(name)))
    }

    fn look(&self) -> KeyRef<'_> {
        self.as_ref().map_or(KeyRef::Null, KeyRef::Plain)
    }

    fn plain<V: Data>(stream: &KStream<Self, V>) -> Option<KStream<Val, V>> {
        Some(stream.drop_null_keys())
    }

    fn lookup<V: Value>(_: &KTable<Self, V>) -> Option<TableRef<'_>> {
        None
    }

    fn optional<V: Data>(stream: &KStream<Self, V>) -> Option<KStream<Self, V>> {
        Some(stream.clone())
    }

    fn joinable<V: Data>(stream: &KStream<Self, V>) -> Option<Joinable<'_, V>> {
        Some(Joinable::Optional(stream))
    }
}

impl Key for Val {
    fn serde(name: Neutral) -> Shared<Self> {
        Shared(Arc::new(name))
    }

    fn look(&self) -> KeyRef<'_> {
        KeyRef::Plain(self)
    }

    fn plain<V: Data>(stream: &KStream<Self, V>) -> Option<KStream<Val, V>> {
        Some(stream.clone())
    }

    fn lookup<V: Value>(table: &KTable<Self, V>) -> Option<TableRef<'_>> {
        Some(V::lookup(table))
    }

    fn optional<V: Data>(stream: &KStream<Self, V>) -> Option<KStream<Option<Self>, V>> {
        Some(stream.optional_keys())
    }

    fn joinable<V: Data>(stream: &KStream<Self, V>) -> Option<Joinable<'_, V>> {
        Some(Joinable::Plain(stream))
    }
}

impl Key for Windowed<Val> {
    const IS_WINDOWED: bool = true;

    fn serde(name: Neutral) -> Shared<Self> {
        Shared(Arc::new(name))
    }

    fn look(&self) -> KeyRef<'_> {
        KeyRef::Windowed(self)
    }

    fn plain<V: Data>(_: &KStream<Self, V>) -> Option<KStream<Val, V>> {
        None
    }

    fn lookup<V: Value>(_: &KTable<Self, V>) -> Option<TableRef<'_>> {
        None
    }

    fn optional<V: Data>(_: &KStream<Self, V>) -> Option<KStream<Option<Val>, V>> {
        None
    }

    fn joinable<V: Data>(_: &KStream<Self, V>) -> Option<Joinable<'_, V>> {
        None
    }
}

/// The value types: `count` makes plain integers, everything else is a [`Val`].
pub(crate) trait Value: Data + Sync {
    fn serde(name: Neutral) -> Shared<Self>;
    fn to_val(&self) -> Val;
    fn of_val(value: Val) -> Self;
    /// The table as one that streams are joined with.
    fn lookup(table: &KTable<Val, Self>) -> TableRef<'_>;

    fn nullable(name: Neutral) -> Shared<Option<Self>> {
        Shared(Arc::new(Nullable::shared(Self::serde(name).0)))
    }
}

/// A table that streams may be joined with.
pub(crate) enum TableRef<'a> {
    Val(&'a KTable<Val, Val>),
    Int(&'a KTable<Val, i64>),
}

impl Value for Val {
    fn serde(name: Neutral) -> Shared<Self> {
        Shared(Arc::new(name))
    }

    fn to_val(&self) -> Val {
        self.clone()
    }

    fn of_val(value: Val) -> Self {
        value
    }

    fn lookup(table: &KTable<Val, Self>) -> TableRef<'_> {
        TableRef::Val(table)
    }
}

impl Value for i64 {
    fn serde(name: Neutral) -> Shared<Self> {
        Shared(Arc::new(name))
    }

    fn to_val(&self) -> Val {
        Val::Int(*self)
    }

    fn of_val(value: Val) -> Self {
        match value {
            Val::Int(number) => number,
            other => panic!("{other:?} is no integer"),
        }
    }

    fn lookup(table: &KTable<Val, Self>) -> TableRef<'_> {
        TableRef::Int(table)
    }
}

/// A shared serde where one by value is wanted.
pub(crate) struct Shared<T>(SerdeRef<T>);

impl<T> Serde<T> for Shared<T> {
    fn encode(&self, topic: &str, value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        self.0.encode(topic, value, out)
    }

    fn decode(&self, topic: &str, bytes: &[u8]) -> Result<T, SerdeError> {
        self.0.decode(topic, bytes)
    }

    fn encode_nullable(
        &self,
        topic: &str,
        value: &T,
        out: &mut Vec<u8>,
    ) -> Result<Encoded, SerdeError> {
        self.0.encode_nullable(topic, value, out)
    }

    fn decode_nullable(&self, topic: &str, bytes: Option<&[u8]>) -> Result<T, SerdeError> {
        self.0.decode_nullable(topic, bytes)
    }
}

/// A serde of the format by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Neutral {
    Str,
    I64,
    Windowed { size_ms: u64 },
}

impl Neutral {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match (name, name.split_once(':')) {
            ("str", _) => Some(Self::Str),
            ("i64", _) => Some(Self::I64),
            (_, Some(("tw", size))) => Some(Self::Windowed { size_ms: size.parse().ok()? }),
            _ => None,
        }
    }

    pub(crate) fn is_windowed(self) -> bool {
        matches!(self, Self::Windowed { .. })
    }

    /// Encodes a value of the format, as a test pipes it.
    pub(crate) fn bytes(self, value: &Json) -> Option<Vec<u8>> {
        let value = val_of(value)?;
        let mut out = Vec::new();
        Serde::<Val>::encode(&self, "t", &value, &mut out).expect("the case names the right serde");
        Some(out)
    }

    /// Decodes what a topology wrote.
    pub(crate) fn json(self, bytes: Option<&[u8]>) -> Result<Json, SerdeError> {
        let Some(bytes) = bytes else { return Ok(Json::Null) };
        if self.is_windowed() {
            let key: Windowed<Val> = self.decode("t", bytes)?;
            return Ok(windowed_json(&key));
        }
        let value: Val = self.decode("t", bytes)?;
        Ok(json_of(Some(&value)))
    }
}

pub(crate) fn windowed_json(key: &Windowed<Val>) -> Json {
    let (start, end) = (key.window.start.as_millis(), key.window.end.as_millis());
    json!({"key": json_of(Some(&key.key)), "start": start, "end": end})
}

pub(crate) fn val_of(value: &Json) -> Option<Val> {
    match value {
        Json::String(text) => Some(Val::Str(text.clone())),
        Json::Number(number) => number.as_i64().map(Val::Int),
        _ => None,
    }
}

pub(crate) fn json_of(value: Option<&Val>) -> Json {
    match value {
        None | Some(Val::Nothing) => Json::Null,
        Some(Val::Str(text)) => json!(text),
        Some(Val::Int(number)) => json!(number),
    }
}

impl Serde<Val> for Neutral {
    fn encode(&self, topic: &str, value: &Val, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        match (self, value) {
            (Self::Str, Val::Str(text)) => Utf8.encode(topic, text, out),
            (Self::I64, Val::Int(number)) => I64.encode(topic, number, out),
            _ => Err(format!("{value:?} is not of serde {self:?}").into()),
        }
    }

    fn decode(&self, topic: &str, bytes: &[u8]) -> Result<Val, SerdeError> {
        match self {
            // As Java does it: what is no UTF-8 becomes replacement characters.
            Self::Str => Ok(Val::Str(String::from_utf8_lossy(bytes).into_owned())),
            Self::I64 => I64.decode(topic, bytes).map(Val::Int),
            Self::Windowed { .. } => Err("a windowed key is no plain value".into()),
        }
    }
}

impl Serde<i64> for Neutral {
    fn encode(&self, topic: &str, value: &i64, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        self.encode(topic, &Val::Int(*value), out)
    }

    fn decode(&self, topic: &str, bytes: &[u8]) -> Result<i64, SerdeError> {
        match self.decode(topic, bytes)? {
            Val::Int(number) => Ok(number),
            other => Err(format!("{other:?} is no integer").into()),
        }
    }
}

impl Serde<Windowed<Val>> for Neutral {
    fn encode(
        &self,
        topic: &str,
        value: &Windowed<Val>,
        out: &mut Vec<u8>,
    ) -> Result<(), SerdeError> {
        self.windows()?.encode(topic, value, out)
    }

    fn decode(&self, topic: &str, bytes: &[u8]) -> Result<Windowed<Val>, SerdeError> {
        self.windows()?.decode(topic, bytes)
    }
}

impl Neutral {
    fn windows(self) -> Result<TimeWindowed<Val>, SerdeError> {
        match self {
            Self::Windowed { size_ms } => {
                Ok(TimeWindowed::new(Arc::new(Self::Str), Duration::from_millis(size_ms)))
            }
            _ => Err(format!("a windowed key is not of serde {self:?}").into()),
        }
    }
}
