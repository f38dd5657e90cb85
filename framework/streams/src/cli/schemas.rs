//! The schemas of an application's topics: listed, and registered.

use std::process::ExitCode;

use serde::Serialize;

use super::arguments::Arguments;
use super::output::{print, print_json};
use super::{App, configuration, exit};
use crate::error::{Error, ErrorKind, Result};
use crate::schemas::{Formats, RegisteredSchema, Registry, RegistryError};
use crate::topology::{TopicNames, TopicSchema, Usage};

/// A schema as it is shown.
#[derive(Debug, Serialize)]
struct Row {
    subject: String,
    record: Option<String>,
    usage: &'static str,
    registered: bool,
    /// Not every registry tells it when it registers.
    version: Option<i32>,
    id: Option<u32>,
}

/// Lists the schemas of all topics with their places in the registry; registers those that are written.
pub(super) fn schemas(app: &App, arguments: &Arguments, register: bool) -> Result<ExitCode> {
    let settings = configuration::settings(app, arguments)?;
    let registry = Registry::new(&settings)?;
    let topology = app.declaration.with_formats(&Formats::avro(registry.clone()))?;
    let names = TopicNames::live(&settings.application_id);
    let mut rows = Vec::new();
    for found in topology.schemas(&names) {
        rows.push(place(&registry, &found, register).map_err(|cause| unavailable(&cause))?);
    }
    let is_missing = rows.iter().any(|row| row.usage == WRITES && !row.registered);
    if arguments.json {
        for row in &rows {
            print_json(row)?;
        }
    } else {
        print(table(&rows, &registry, is_missing))?;
    }
    Ok(if is_missing { ExitCode::from(exit::DIFFERENT) } else { ExitCode::SUCCESS })
}

const WRITES: &str = "writes";

fn place(registry: &Registry, found: &TopicSchema, register: bool) -> Result<Row, RegistryError> {
    let TopicSchema { topic, part, usage, schema } = found;
    let subject = registry.subject(topic, *part, schema)?;
    let registered: Option<RegisteredSchema> = match usage {
        Usage::Writes if register => Some(registry.register(&subject, schema)?),
        Usage::Writes | Usage::Reads => registry.lookup(&subject, schema)?,
    };
    Ok(Row {
        record: schema.name.as_ref().map(|name| name.as_ref().to_owned()),
        usage: match usage {
            Usage::Writes => WRITES,
            Usage::Reads => "reads",
        },
        registered: registered.is_some(),
        version: registered.as_ref().and_then(|registered| registered.version),
        id: registered.and_then(|registered| registered.id),
        subject,
    })
}

fn table(rows: &[Row], registry: &Registry, is_missing: bool) -> String {
    let width = rows.iter().map(|row| row.subject.len()).max().unwrap_or_default();
    let mut text = format!("{}\n", registry.address());
    for Row { subject, record, usage, registered, version, id } in rows {
        let record = record.as_deref().unwrap_or("-");
        let place = match (version, id) {
            (Some(version), Some(id)) => format!("version {version}, id {id}"),
            (None, Some(id)) => format!("id {id}"),
            (_, None) if *registered => "registered".to_owned(),
            (_, None) => "not registered".to_owned(),
        };
        text.push_str(&format!("  {subject:width$}  {usage:6}  {place:18}  {record}\n"));
    }
    if is_missing {
        text.push_str("What is written must be registered: `schemas --register` does it\n");
    }
    text
}

fn unavailable(cause: &RegistryError) -> Error {
    let kind = if cause.is_transient() { ErrorKind::Unavailable } else { ErrorKind::Config };
    Error::new(kind, cause.to_string())
}
