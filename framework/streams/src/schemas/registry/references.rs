//! A schema with all the schemas of other subjects that it uses, to a limited depth and number.

use super::{RegistryError, RegistryErrorKind, Transport};
use crate::schemas::wire_format::SchemaId;
use crate::serde::{Schema, SchemaReference};

/// How deep references may go.
const DEPTH_MAX: usize = 16;
/// How many other schemas one may use, those used by others counted once.
const REFERENCES_MAX: usize = 128;
/// How many bytes a schema and all it uses may have.
pub(super) const SCHEMA_BYTES_MAX: usize = 4 << 20;

/// A schema that records were written with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterSchema {
    /// The schema itself.
    pub schema: Schema,
    /// All that it uses, each after what it uses itself.
    pub references: Vec<ReferencedSchema>,
}

/// A schema used by another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferencedSchema {
    /// The name it is used under.
    pub name: String,
    /// The schema.
    pub schema: Schema,
}

/// Asks for the schema of an id, and for what it uses.
pub(super) fn load(transport: &dyn Transport, id: SchemaId) -> Result<WriterSchema, RegistryError> {
    let schema = transport.schema(id)?.schema;
    with_references(transport, schema)
}

/// Asks for what a schema uses.
pub(super) fn with_references(
    transport: &dyn Transport,
    schema: Schema,
) -> Result<WriterSchema, RegistryError> {
    let mut loading =
        Loading { transport, bytes: schema.text.len(), found: Vec::new(), asked: Vec::new() };
    loading.add_all(&schema.references, 0)?;
    Ok(WriterSchema { schema, references: loading.found })
}

struct Loading<'a> {
    transport: &'a dyn Transport,
    bytes: usize,
    found: Vec<ReferencedSchema>,
    /// What was asked for, so that nothing is asked for twice or in a circle.
    asked: Vec<SchemaReference>,
}

impl Loading<'_> {
    fn add_all(
        &mut self,
        references: &[SchemaReference],
        depth: usize,
    ) -> Result<(), RegistryError> {
        for reference in references {
            self.add(reference, depth)?;
        }
        Ok(())
    }

    fn add(&mut self, reference: &SchemaReference, depth: usize) -> Result<(), RegistryError> {
        if self.asked.contains(reference) {
            return Ok(());
        }
        let SchemaReference { name, subject, version } = reference;
        let refused = |limit: &str| {
            let message = format!("reference {name} to {subject} version {version}: {limit}");
            Err(RegistryError::new(RegistryErrorKind::TooLarge, message))
        };
        if depth >= DEPTH_MAX {
            return refused(&format!("references go deeper than {DEPTH_MAX}"));
        }
        if self.asked.len() >= REFERENCES_MAX {
            return refused(&format!("more than {REFERENCES_MAX} references"));
        }
        self.asked.push(reference.clone());
        let registered = self
            .transport
            .version(subject, Some(*version))
            .map_err(|error| error.context(format_args!("reference {name}")))?;
        self.bytes += registered.schema.text.len();
        if self.bytes > SCHEMA_BYTES_MAX {
            return refused(&format!("more than {SCHEMA_BYTES_MAX} bytes of schemas"));
        }
        self.add_all(&registered.schema.references, depth + 1)?;
        self.found.push(ReferencedSchema { name: name.clone(), schema: registered.schema });
        Ok(())
    }
}
