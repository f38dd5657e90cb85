//! A serde whose bytes name their schema: the same for Avro, Protobuf and JSON.
//!
//! Writing: the topic's id is found once, before its first record. Reading: an id that is new has the registry
//! asked in the background and the record tried again; a row, which cannot be tried again, waits.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::read_mostly::ReadMostly;
use super::registry::{Lru, Registry, RegistryError, RegistryErrorKind, WriterSchema};
use super::wire_format::{self, MessageIndexes, SchemaId};
use crate::record::{Header, Headers};
use crate::serde::{
    Encoded, NULL_REFUSED, Part, Schema, SchemaFormat, Serde, SerdeError, SerdeRef, Unready,
};

/// How many topics one serde writes before it forgets some of them.
const TOPICS_MAX: usize = 1000;
/// How many schemas that cannot be read are remembered.
const REFUSED_MAX: usize = 256;

/// A format of values with schemas, which knows nothing of registries.
pub trait Codec<T>: Send + Sync {
    /// What is made of a writer's schema once, to decode with.
    type Writer: Send + Sync;

    /// The language of its schemas.
    const FORMAT: SchemaFormat;
    /// Whether bytes also say which message of their schema they are.
    const HAS_INDEXES: bool = false;

    /// Returns the schema that values are written with.
    fn schema(&self) -> &Schema;

    /// Makes ready for values of a writer's schema.
    ///
    /// # Errors
    ///
    /// Where they cannot be read as this type, whatever they are.
    fn writer(&self, schema: &WriterSchema) -> Result<Self::Writer, SerdeError>;

    /// Returns what to decode with where that does not depend on the writer's schema, which is then not
    /// asked for.
    fn any_writer(&self) -> Option<Self::Writer> {
        None
    }

    /// Checks that values written with the codec's own schema may be said to be of another one.
    ///
    /// # Errors
    ///
    /// Where the other schema stands for other bytes.
    fn check_writes(&self, other: &WriterSchema) -> Result<(), SerdeError>;

    /// Returns which message of the schema values are: none where there is only one.
    fn indexes(&self) -> &[u32] {
        &[]
    }

    /// Appends a value's bytes.
    ///
    /// # Errors
    ///
    /// Where the value does not fit the schema.
    fn encode(&self, value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError>;

    /// Reads a value; never panics, whatever the bytes.
    ///
    /// # Errors
    ///
    /// Where the bytes are no value of the writer's schema, or it has no place in the type.
    fn decode(&self, writer: &Self::Writer, indexes: &[u32], bytes: &[u8])
    -> Result<T, SerdeError>;
}

/// A codec with a registry, as serde of keys or values; made by [`Registry`], for values.
pub struct RegistrySerde<T, C: Codec<T>> {
    registry: Registry,
    codec: C,
    part: Part,
    id_in_header: bool,
    /// What every writer's values are decoded with, where it is the same for all.
    any_writer: Option<C::Writer>,
    readers: ReadMostly<SchemaId, C::Writer>,
    /// Schemas that cannot be read, and how long that is believed.
    refused: Mutex<Lru<SchemaId, (Arc<str>, Duration)>>,
    writers: ReadMostly<Box<str>, Writing>,
    types: PhantomData<fn(T) -> T>,
}

/// How a topic names the schema of what is written to it.
struct Writing {
    /// What stands before the bytes of rows, and of records that have no header for it.
    prefix: Vec<u8>,
    header: Option<Header>,
}

/// Whether a schema that is not there yet is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    No,
    Yes,
}

impl<T, C: Codec<T>> RegistrySerde<T, C> {
    /// Joins a codec with a registry, for values.
    #[must_use]
    pub fn with_codec(registry: &Registry, codec: C) -> Self {
        Self {
            any_writer: codec.any_writer(),
            readers: ReadMostly::new(registry.settings().cache_max),
            refused: Mutex::new(Lru::new(REFUSED_MAX)),
            writers: ReadMostly::new(TOPICS_MAX),
            registry: registry.clone(),
            codec,
            part: Part::Value,
            id_in_header: false,
            types: PhantomData,
        }
    }

    /// Makes it a serde for keys: their subjects and headers are others.
    #[must_use]
    pub fn for_key(mut self) -> Self {
        self.part = Part::Key;
        self
    }

    /// Names the schema in a header of the record, and leaves the bytes to the value alone.
    ///
    /// What has no header of its own keeps the prefix: rows of stores, so changelogs, and the changes of grouped
    /// tables. Both are always read.
    #[must_use]
    pub fn id_in_header(mut self) -> Self {
        self.id_in_header = true;
        self
    }

    /// Returns the serde as what topics and stores share.
    #[must_use]
    pub fn shared(self) -> SerdeRef<T>
    where
        T: 'static,
        C: 'static,
    {
        Arc::new(self)
    }

    /// Finds how a topic names the schema; asks the registry once.
    ///
    /// What is read under that id is then known too: the application reads its own repartition topics and
    /// changelogs without asking what it has just been told.
    fn resolve(&self, topic: &str) -> Result<Writing, RegistryError> {
        let (registry, schema) = (&self.registry, self.codec.schema());
        let settings = registry.settings();
        let subject = registry.subject(topic, self.part, schema)?;
        let (registered, writer) = if settings.auto_register {
            (registry.register(&subject, schema)?, self.own())
        } else if settings.use_latest {
            let (latest, writer) = registry.latest(&subject).map_err(|error| {
                error.context(format_args!("cannot find the latest version of `{subject}`"))
            })?;
            self.codec.check_writes(&writer).map_err(|error| {
                let version = latest.version.unwrap_or_default();
                RegistryError::new(
                    RegistryErrorKind::Incompatible,
                    format!(
                        "the latest version of `{subject}`, {version}, is not what the program \
                         writes (use.latest.version=true): {error}"
                    ),
                )
            })?;
            (latest, Some(writer))
        } else {
            let found = registry.lookup(&subject, schema)?;
            (found.ok_or_else(|| self.not_registered(&subject))?, self.own())
        };
        let id = registered.id.map(SchemaId::Id).ok_or_else(|| {
            let message = format!("{} gave no id for `{subject}`", registry.address());
            RegistryError::new(RegistryErrorKind::Unexpected, message)
        })?;
        let guid = registered.guid.filter(|_| self.id_in_header);
        if let Some(writer) = writer {
            self.know(Some(id).into_iter().chain(guid), &writer);
        }
        Ok(self.writing(id, guid))
    }

    /// Has what names a schema read without asking; where it cannot be read, that is said of its records.
    fn know(&self, ids: impl Iterator<Item = SchemaId>, schema: &WriterSchema) {
        for id in ids {
            if self.readers.with(&id, |_| ()).is_none()
                && let Ok(writer) = self.codec.writer(schema)
            {
                self.readers.insert(id, writer);
            }
        }
    }

    /// Returns the codec's own schema as that of a writer, if it is whole: what it uses is the registry's.
    fn own(&self) -> Option<WriterSchema> {
        let schema = self.codec.schema();
        let own = || WriterSchema { schema: schema.clone(), references: Vec::new() };
        schema.references.is_empty().then(own)
    }

    fn writing(&self, id: SchemaId, guid: Option<SchemaId>) -> Writing {
        let named = |id: SchemaId| {
            let mut bytes = Vec::new();
            id.write(&mut bytes);
            if C::HAS_INDEXES {
                wire_format::write_indexes(self.codec.indexes(), &mut bytes);
            }
            bytes
        };
        // A registry that gives no GUIDs has its ids in headers.
        let header = || Header::new(self.part.schema_header(), named(guid.unwrap_or(id)));
        Writing { prefix: named(id), header: self.id_in_header.then(header) }
    }

    fn not_registered(&self, subject: &str) -> RegistryError {
        let address = self.registry.address();
        RegistryError::new(
            RegistryErrorKind::NotFound,
            format!(
                "the schema of `{subject}` is not registered at {address}: register it with `APP \
                 schemas --register`, or set auto.register.schemas=true"
            ),
        )
    }

    /// Writes to a topic; one that was not made ready is asked for first.
    fn write(
        &self,
        topic: &str,
        mut encode: impl FnMut(&Writing) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        if let Some(done) = self.writers.with(topic, &mut encode) {
            return done;
        }
        let writing = self.registry.insist(|| self.resolve(topic))?;
        let done = encode(&writing);
        self.writers.insert(topic.into(), writing);
        done
    }

    /// Decodes what names its schema by its first bytes, or by a header.
    fn read(&self, header: Option<&[u8]>, bytes: &[u8], wait: Wait) -> Result<T, SerdeError> {
        let (id, rest) = SchemaId::read(header.unwrap_or(bytes))?;
        let (indexes, rest) = if C::HAS_INDEXES {
            wire_format::read_indexes(rest)?
        } else {
            (MessageIndexes::new(), rest)
        };
        let payload = if header.is_some() { bytes } else { rest };
        let decode = |writer: &C::Writer| self.codec.decode(writer, &indexes, payload);
        if let Some(writer) = &self.any_writer {
            return decode(writer);
        }
        let value = match self.readers.with(&id, decode) {
            Some(value) => value,
            None => {
                let writer = self.writer(id, wait)?;
                let value = decode(&writer);
                self.readers.insert(id, writer);
                value
            }
        };
        value.map_err(|error| format!("written with schema {id}: {error}").into())
    }

    /// Makes what values of a schema are decoded with.
    fn writer(&self, id: SchemaId, wait: Wait) -> Result<C::Writer, SerdeError> {
        let now = self.registry.now();
        let lock = || self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((error, until)) = lock().get(&id)
            && now < *until
        {
            return Err((**error).into());
        }
        let schema = match wait {
            Wait::No => self.registry.schema(id)?,
            Wait::Yes => self.registry.schema_blocking(id)?,
        };
        let made = match schema.schema.format {
            format if format == C::FORMAT => self.codec.writer(&schema),
            format => Err(format!("it is {format}, and {} is read here", C::FORMAT).into()),
        };
        made.map_err(|error| {
            let address = self.registry.address();
            let error = format!("schema {id} of {address} cannot be used: {error}");
            // Reading a large schema for each of its records in vain would take long.
            lock().insert(id, (error.as_str().into(), now + self.registry.refusal()));
            error.into()
        })
    }
}

impl<T, C: Codec<T>> Serde<T> for RegistrySerde<T, C> {
    fn encode(&self, topic: &str, value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        self.write(topic, |writing| {
            out.extend_from_slice(&writing.prefix);
            self.codec.encode(value, out)
        })
    }

    fn encode_record(
        &self,
        topic: &str,
        value: &T,
        out: &mut Vec<u8>,
    ) -> Result<Encoded, SerdeError> {
        let written = self.write(topic, |writing| {
            if writing.header.is_none() {
                out.extend_from_slice(&writing.prefix);
            }
            self.codec.encode(value, out)
        });
        written.map(|()| Encoded::Bytes)
    }

    fn decode(&self, _topic: &str, bytes: &[u8]) -> Result<T, SerdeError> {
        self.read(None, bytes, Wait::Yes)
    }

    fn decode_record(
        &self,
        _topic: &str,
        headers: &Headers,
        bytes: Option<&[u8]>,
    ) -> Result<T, SerdeError> {
        let Some(bytes) = bytes else { return Err(NULL_REFUSED.into()) };
        let header =
            headers.last(self.part.schema_header()).and_then(|header| header.value.as_deref());
        self.read(header, bytes, Wait::No)
    }

    fn prepare(&self, topic: &str) -> Result<(), SerdeError> {
        if self.writers.with(topic, |_| ()).is_some() {
            return Ok(());
        }
        match self.resolve(topic) {
            Ok(writing) => {
                self.writers.insert(topic.into(), writing);
                Ok(())
            }
            Err(error) if error.is_transient() => Err(Box::new(Unready(error.to_string()))),
            Err(error) => Err(Box::new(error)),
        }
    }

    fn header(&self, topic: &str) -> Option<Header> {
        if !self.id_in_header {
            return None;
        }
        self.writers.with(topic, |writing| writing.header.clone()).flatten()
    }

    fn schema(&self) -> Option<&Schema> {
        Some(self.codec.schema())
    }
}

impl<T, C: Codec<T>> fmt::Debug for RegistrySerde<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistrySerde")
            .field("registry", &self.registry)
            .field("format", &C::FORMAT)
            .field("schema", &self.codec.schema().name)
            .field("part", &self.part)
            .field("id_in_header", &self.id_in_header)
            .finish()
    }
}

#[cfg(test)]
mod tests;
