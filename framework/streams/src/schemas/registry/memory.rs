//! A registry in memory, for tests without a server.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{RegisteredSchema, RegistryError, RegistryErrorKind, Transport};
use crate::schemas::wire_format::SchemaId;
use crate::serde::Schema;

/// A registry that lives and ends with the test that made it; it accepts every schema.
///
/// Ids count from 1, as those of a new registry do.
#[derive(Default)]
pub struct MemoryRegistry {
    rows: Mutex<Vec<Row>>,
}

struct Row {
    subject: String,
    id: u32,
    version: i32,
    schema: Schema,
}

impl Row {
    fn registered(&self) -> RegisteredSchema {
        let Self { id, version, schema, .. } = self;
        RegisteredSchema {
            id: Some(*id),
            guid: None,
            version: Some(*version),
            schema: schema.clone(),
        }
    }
}

impl MemoryRegistry {
    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(
        &self,
        what: &str,
        of: impl FnMut(&&Row) -> bool,
    ) -> Result<RegisteredSchema, RegistryError> {
        let rows = self.rows();
        let found = rows.iter().rev().find(of).map(Row::registered);
        found.ok_or_else(|| {
            let message = format!("{what} is not in the registry in memory");
            RegistryError::new(RegistryErrorKind::NotFound, message)
        })
    }
}

/// Names do not tell schemas apart: a registry knows their texts only.
fn is_same(a: &Schema, b: &Schema) -> bool {
    (a.format, &a.text, &a.references) == (b.format, &b.text, &b.references)
}

impl Transport for MemoryRegistry {
    fn address(&self) -> &str {
        "in memory"
    }

    fn is_immediate(&self) -> bool {
        true
    }

    fn schema(&self, id: SchemaId) -> Result<RegisteredSchema, RegistryError> {
        self.find(&format!("schema {id}"), |row| SchemaId::Id(row.id) == id)
    }

    fn version(
        &self,
        subject: &str,
        version: Option<i32>,
    ) -> Result<RegisteredSchema, RegistryError> {
        self.find(&format!("subject {subject}"), |row| {
            row.subject == subject && version.is_none_or(|version| version == row.version)
        })
    }

    fn register(&self, subject: &str, schema: &Schema) -> Result<RegisteredSchema, RegistryError> {
        let mut rows = self.rows();
        let of_subject = |row: &&Row| row.subject == subject;
        if let Some(row) = rows.iter().filter(of_subject).find(|row| is_same(&row.schema, schema)) {
            return Ok(row.registered());
        }
        let same = rows.iter().find(|row| is_same(&row.schema, schema)).map(|row| row.id);
        let id = same.unwrap_or_else(|| rows.iter().map(|row| row.id).max().unwrap_or(0) + 1);
        let version = rows.iter().filter(of_subject).map(|row| row.version).max().unwrap_or(0) + 1;
        let row = Row { subject: subject.to_owned(), id, version, schema: schema.clone() };
        let registered = row.registered();
        rows.push(row);
        Ok(registered)
    }

    fn lookup(&self, subject: &str, schema: &Schema) -> Result<RegisteredSchema, RegistryError> {
        self.find(&format!("the schema of {subject}"), |row| {
            row.subject == subject && is_same(&row.schema, schema)
        })
    }

    fn incompatibilities(&self, _: &str, _: &Schema) -> Result<Vec<String>, RegistryError> {
        Ok(Vec::new())
    }
}

impl fmt::Debug for MemoryRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRegistry").field("schemas", &self.rows().len()).finish()
    }
}
