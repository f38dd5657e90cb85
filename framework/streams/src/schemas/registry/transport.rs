//! What is asked of a registry, whatever carries it there.

use super::RegistryError;
use crate::schemas::wire_format::SchemaId;
use crate::serde::Schema;

/// A schema as a registry knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredSchema {
    /// Its number in this registry; none where it was asked for by GUID.
    pub id: Option<u32>,
    /// Its name in all registries, where this one gives such names.
    pub guid: Option<SchemaId>,
    /// Its version in the subject that was asked for.
    pub version: Option<i32>,
    /// The schema.
    pub schema: Schema,
}

/// The questions asked of a registry: over HTTP, or in memory for tests.
///
/// Each call may wait, and is made once: whoever calls decides whether to try again.
pub trait Transport: Send + Sync {
    /// Returns where the registry is, to be shown: without credentials.
    fn address(&self) -> &str;

    /// Returns whether answers come at once, so that nothing need be tried again for them.
    fn is_immediate(&self) -> bool {
        false
    }

    /// Returns the schema of an id.
    ///
    /// # Errors
    ///
    /// Where it is not known or not to be had.
    fn schema(&self, id: SchemaId) -> Result<RegisteredSchema, RegistryError>;

    /// Returns a version of a subject, the latest one where none is given.
    ///
    /// # Errors
    ///
    /// Where it is not known or not to be had.
    fn version(
        &self,
        subject: &str,
        version: Option<i32>,
    ) -> Result<RegisteredSchema, RegistryError>;

    /// Registers a schema, or finds it registered already.
    ///
    /// # Errors
    ///
    /// Where it is refused, or the registry is not to be had.
    fn register(&self, subject: &str, schema: &Schema) -> Result<RegisteredSchema, RegistryError>;

    /// Finds a schema that is registered.
    ///
    /// # Errors
    ///
    /// Where it is not, or the registry is not to be had.
    fn lookup(&self, subject: &str, schema: &Schema) -> Result<RegisteredSchema, RegistryError>;

    /// Says in which ways a schema breaks the compatibility of a subject; in none, where nothing is
    /// registered yet.
    ///
    /// # Errors
    ///
    /// Where the registry is not to be had.
    fn incompatibilities(
        &self,
        subject: &str,
        schema: &Schema,
    ) -> Result<Vec<String>, RegistryError>;
}
