//! The schema registry as serdes see it: ids become schemas, schemas become ids.

mod cache;
mod error;
mod fetcher;
mod http;
mod memory;
mod references;
mod transport;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use cache::Lru;
pub use error::{RegistryError, RegistryErrorKind};
pub use memory::MemoryRegistry;
pub use references::{ReferencedSchema, WriterSchema};
pub use transport::{RegisteredSchema, Transport};

use self::fetcher::{Answer, Fetcher, Patience};
use super::wire_format::SchemaId;
use crate::config::{SchemaRegistrySettings, Settings, SubjectNameStrategy};
use crate::error::Result;
use crate::serde::{Part, Schema, SerdeError, Unready};
use crate::time::{Clock, SystemClock};

/// How often a registry that does not answer is asked by somebody who waits.
const TRIES: u32 = 3;
/// The longest wait of somebody who cannot go on without a schema.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A schema registry: makes serdes, and finds and registers their schemas. Clones share one cache.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "avro")] {
/// use kappa::schemas::Registry;
/// use kappa::schemas::avro::AvroSchema;
/// use kappa::serde::Utf8;
/// use kappa::Topic;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// struct Departed {
///     flight: String,
///     delay: i32,
/// }
///
/// let schema = AvroSchema::parse(
///     r#"{"type": "record", "name": "Departed", "fields": [
///         {"name": "flight", "type": "string"}, {"name": "delay", "type": "int"}]}"#,
/// )
/// .unwrap();
/// // In a program: `Registry::new(&settings)?`.
/// let registry = Registry::in_memory();
/// let departed = registry.avro::<Departed>(schema);
/// let topic: Topic<String, Departed> = Topic::new("departed", Utf8, departed);
/// # }
/// ```
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    transport: Arc<dyn Transport>,
    fetcher: Fetcher,
    clock: Arc<dyn Clock>,
    patience: Patience,
    settings: SchemaRegistrySettings,
}

impl Registry {
    /// Makes a registry of an application's settings; asks it nothing yet.
    ///
    /// # Errors
    ///
    /// Where `schema.registry.url` is not set, or a certificate cannot be read.
    pub fn new(settings: &Settings) -> Result<Self> {
        Self::over_http(&settings.schema_registry)
    }

    /// Makes a registry of its own settings; asks it nothing yet.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn over_http(settings: &SchemaRegistrySettings) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let transport = Arc::new(http::Http::new(settings.clone(), clock.clone())?);
        Ok(Self::with_parts(transport, clock, Patience::default(), settings.clone()))
    }

    /// Makes a registry in memory, for tests without a server: whatever is written is registered.
    #[must_use]
    pub fn in_memory() -> Self {
        let settings =
            SchemaRegistrySettings { auto_register: true, ..SchemaRegistrySettings::default() };
        Self::with_transport(Arc::new(MemoryRegistry::default()), settings)
    }

    /// Makes a registry that is asked in another way than over HTTP.
    #[must_use]
    pub fn with_transport(transport: Arc<dyn Transport>, settings: SchemaRegistrySettings) -> Self {
        let clock = Arc::new(SystemClock::start());
        Self::with_parts(transport, clock, Patience::default(), settings)
    }

    fn with_parts(
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        patience: Patience,
        settings: SchemaRegistrySettings,
    ) -> Self {
        let fetcher =
            Fetcher::new(transport.clone(), clock.clone(), patience.clone(), settings.cache_max);
        Self(Arc::new(Inner { transport, fetcher, clock, patience, settings }))
    }

    /// Returns where the registry is, without credentials.
    #[must_use]
    pub fn address(&self) -> &str {
        self.0.transport.address()
    }

    /// Returns the settings the registry was made of.
    #[must_use]
    pub fn settings(&self) -> &SchemaRegistrySettings {
        &self.0.settings
    }

    /// Returns the subject that a topic's keys or values are registered under.
    ///
    /// # Errors
    ///
    /// Where it goes by the name of the record and the schema has none.
    pub fn subject(
        &self,
        topic: &str,
        part: Part,
        schema: &Schema,
    ) -> std::result::Result<String, RegistryError> {
        self.strategy(part).subject(topic, part, schema)
    }

    /// Registers a schema, or finds it registered.
    ///
    /// # Errors
    ///
    /// Where the registry refuses it or is not to be had.
    pub fn register(
        &self,
        subject: &str,
        schema: &Schema,
    ) -> std::result::Result<RegisteredSchema, RegistryError> {
        let about = format_args!("cannot register the schema of `{subject}`");
        self.0.transport.register(subject, schema).map_err(|error| error.context(about))
    }

    /// Finds a schema among the versions of a subject; nothing where it is not registered.
    ///
    /// # Errors
    ///
    /// Where the registry is not to be had.
    pub fn lookup(
        &self,
        subject: &str,
        schema: &Schema,
    ) -> std::result::Result<Option<RegisteredSchema>, RegistryError> {
        match self.0.transport.lookup(subject, schema) {
            Ok(registered) => Ok(Some(registered)),
            Err(error) if error.kind() == RegistryErrorKind::NotFound => Ok(None),
            Err(error) => {
                let about = format_args!("cannot look up the schema of `{subject}`");
                Err(error.context(about))
            }
        }
    }

    /// Says in which ways a schema breaks the compatibility that its subject is set to; in none where it
    /// may be registered.
    ///
    /// # Errors
    ///
    /// Where the registry is not to be had.
    pub fn incompatibilities(
        &self,
        subject: &str,
        schema: &Schema,
    ) -> std::result::Result<Vec<String>, RegistryError> {
        let about = format_args!("cannot check the schema of `{subject}`");
        self.0.transport.incompatibilities(subject, schema).map_err(|error| error.context(about))
    }

    /// Returns the latest version of a subject, with what it uses.
    pub(super) fn latest(
        &self,
        subject: &str,
    ) -> std::result::Result<(RegisteredSchema, WriterSchema), RegistryError> {
        let transport = &*self.0.transport;
        let latest = transport.version(subject, None)?;
        let writer = references::with_references(transport, latest.schema.clone())?;
        Ok((latest, writer))
    }

    /// Returns the schema of an id without waiting; has it asked for, where it is not known.
    ///
    /// # Errors
    ///
    /// [`Unready`] until the registry has answered; else where it has no such schema.
    pub(super) fn schema(
        &self,
        id: SchemaId,
    ) -> std::result::Result<Arc<WriterSchema>, SerdeError> {
        if self.0.transport.is_immediate() {
            return self.schema_blocking(id);
        }
        match self.0.fetcher.ask(id) {
            Answer::Known(schema) => Ok(schema),
            Answer::Refused(error) => Err(self.unusable(id, &error)),
            Answer::Pending(error) => {
                let error = error.map(|error| format!(": {error}")).unwrap_or_default();
                let address = self.address();
                let message = format!("schema {id} is being asked for at {address}{error}");
                Err(Box::new(Unready(message)))
            }
        }
    }

    /// Returns the schema of an id, after waiting for it as long as the registry's time-out and the tries
    /// allow.
    ///
    /// # Errors
    ///
    /// Where it has no such schema, or has not answered.
    pub(super) fn schema_blocking(
        &self,
        id: SchemaId,
    ) -> std::result::Result<Arc<WriterSchema>, SerdeError> {
        let limit = self.0.settings.request_timeout.saturating_mul(TRIES).min(WAIT_MAX);
        match self.0.fetcher.wait(id, limit) {
            Answer::Known(schema) => Ok(schema),
            Answer::Refused(error) => Err(self.unusable(id, &error)),
            Answer::Pending(error) => {
                let error = error.unwrap_or_else(|| "no answer".to_owned());
                Err(format!(
                    "schema {id} was not to be had within {} ms, and a row cannot wait longer: {error}",
                    limit.as_millis()
                )
                .into())
            }
        }
    }

    fn unusable(&self, id: SchemaId, error: &RegistryError) -> SerdeError {
        let hint = match error.kind() {
            RegistryErrorKind::NotFound => {
                ": was the record written with another registry, or is it damaged?"
            }
            _ => "",
        };
        format!("schema {id} cannot be used: {error}{hint}").into()
    }

    /// Does something that asks the registry, again if it does not answer: as long as a row would wait, and
    /// then no further time.
    pub(super) fn insist<T>(
        &self,
        mut ask: impl FnMut() -> std::result::Result<T, RegistryError>,
    ) -> std::result::Result<T, RegistryError> {
        let (begun, mut tries) = (self.now(), 0);
        loop {
            let has_time = |tries| tries + 1 < TRIES && self.now().saturating_sub(begun) < WAIT_MAX;
            match ask() {
                Err(error) if error.is_transient() && has_time(tries) => {
                    self.0.clock.pause(fetcher::pause(&self.0.patience, tries));
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.0.clock.monotonic()
    }

    /// Returns how long a refusal is believed.
    pub(super) fn refusal(&self) -> Duration {
        self.0.patience.refusal
    }

    fn strategy(&self, part: Part) -> SubjectNameStrategy {
        match part {
            Part::Key => self.0.settings.key_strategy,
            Part::Value => self.0.settings.value_strategy,
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registry").field(&self.address()).finish()
    }
}
