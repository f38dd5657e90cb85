//! Registering schemas, and looking them up by their text.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;

use crate::changes::Fact;
use crate::error::{Refusal, Result};
use crate::http::Request;
use crate::model::{Mode, Reference, Schema, SchemaType};
use crate::registry::read::Described;
use crate::registry::{Registry, VersionId, check_subject, to_json};
use crate::schema::{self, Referenced};
use crate::state::Version;

/// A schema as clients send it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sent {
    schema: Option<String>,
    schema_type: Option<String>,
    references: Option<Vec<Reference>>,
    metadata: Option<Value>,
    rule_set: Option<Value>,
    id: Option<i64>,
    version: Option<i64>,
}

/// A schema that may be registered, and what it refers to.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) schema: Schema,
    pub(super) references: Vec<Referenced>,
}

impl Registry {
    pub(super) fn register(&mut self, request: &Request, subject: &str) -> Result<Value> {
        check_subject(subject, &self.config)?;
        let sent: Sent = request.json()?;
        let mode = self.mode_in_scope(subject);
        let given = sent.given(subject, mode)?;
        let checked = self.check(&sent, false)?;
        let known = self.state.id_of(&checked.schema);
        let found = known.and_then(|id| self.state.version_of(subject, id, false));
        match (found, given) {
            (Some((number, version)), None) => {
                return to_json(&Described::of(subject, number, version, &checked.schema));
            }
            (Some((number, version)), Some((id, wanted)))
                if id == version.id && wanted.is_none_or(|wanted| wanted == number) =>
            {
                return to_json(&Described::of(subject, number, version, &checked.schema));
            }
            _ => {}
        }
        if given.is_none() && !request.flag("force") {
            let messages = self.compare_with_earlier(subject, &checked)?;
            if !messages.is_empty() {
                return Err(Refusal::incompatible(subject, &messages));
            }
        }
        let next =
            self.state.versions(subject, true).next_back().map_or(1, |(number, _)| number + 1);
        let version = given.and_then(|(_, version)| version).unwrap_or(next);
        self.refuse_beyond_limits(subject)?;
        let id = match (given, known) {
            (Some((id, _)), _) => self.refuse_other_of_id(id, &checked.schema).map(|()| id)?,
            (None, Some(id)) => id,
            (None, None) => self.state.next_id,
        };
        self.forget_hidden(subject, id, version);
        let described = Version { id, deleted: false };
        let answer = to_json(&Described::of(subject, version, described, &checked.schema));
        let (subject, schema) = (subject.to_owned(), checked.schema);
        self.happen(Fact::Version { subject, version, id, schema, deleted: false });
        answer
    }

    /// Takes away hidden versions that are the same schema as a new one, unless they are referred
    /// to: one subject then has it once.
    fn forget_hidden(&mut self, subject: &str, id: u32, before: u32) {
        let hidden: Vec<u32> = self
            .state
            .versions(subject, true)
            .filter(|(number, version)| version.deleted && version.id == id && *number < before)
            .map(|(number, _)| number)
            .filter(|number| self.state.referrers(subject, *number, true).is_empty())
            .collect();
        for version in hidden {
            // The last use would take the id with it, which is to stay: the new version comes next.
            let next = Fact::NextId { id: self.state.next_id };
            self.happen(next);
            self.happen(Fact::Removed { subject: subject.to_owned(), version });
        }
    }

    fn refuse_other_of_id(&self, id: u32, schema: &Schema) -> Result<()> {
        match self.state.schema(id) {
            Some(other) if other != schema => Err(Refusal::not_permitted(format!(
                "Overwrite new schema with id {id} is not permitted."
            ))),
            _ => Ok(()),
        }
    }

    fn refuse_beyond_limits(&self, subject: &str) -> Result<()> {
        let own = self.state.subjects.get(subject).map(|versions| versions.len());
        let config = &self.config;
        let full = |what, max| {
            Err(Refusal::not_permitted(format!("there are {max} {what} already, the most allowed")))
        };
        match own {
            None if self.state.subjects.len() >= config.subjects_max => {
                full("subjects", config.subjects_max)
            }
            Some(own) if own >= config.versions_per_subject_max => {
                full("versions of the subject", config.versions_per_subject_max)
            }
            _ if self.state.version_count() >= config.versions_max => {
                full("versions", config.versions_max)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn look_up(&self, request: &Request, subject: &str) -> Result<Value> {
        let sent: Sent = request.json()?;
        let deleted = request.flag("deleted");
        let schema = self.check(&sent, true)?.schema;
        if let Some(id) = self.state.id_of(&schema)
            && let Some((number, version)) = self.state.version_of(subject, id, deleted)
        {
            return to_json(&Described::of(subject, number, version, &schema));
        }
        match self.state.has(subject, deleted) {
            true => Err(Refusal::schema_not_found()),
            false => Err(Refusal::subject_not_found(subject)),
        }
    }

    /// Takes a schema as it was sent; `deleted` says whether it may refer to hidden versions.
    pub(super) fn check(&self, sent: &Sent, deleted: bool) -> Result<Checked> {
        let schema_type = sent.schema_type()?;
        let text = sent.schema.as_deref().unwrap_or_default();
        if text.trim().is_empty() {
            return Err(Refusal::invalid_schema("Empty schema"));
        }
        if text.len() > self.config.schema_bytes_max {
            return Err(Refusal::schema_too_large(self.config.schema_bytes_max));
        }
        let mut references = sent.references.clone().unwrap_or_default();
        for reference in &mut references {
            if reference.version < 0 {
                let latest = self.find(&reference.subject, VersionId::Latest, deleted);
                reference.version = latest.map_err(|_| dangling(reference))?.0.into();
            }
        }
        let referenced = self.resolve(&references, deleted)?;
        let text = schema::canonical(schema_type, text, &referenced)
            .map_err(|e| Refusal::invalid_schema(format!("Invalid schema, details: {e}")))?;
        let (metadata, rule_set) = (sent.metadata.clone(), sent.rule_set.clone());
        let schema = Schema { schema_type, schema: text, references, metadata, rule_set };
        Ok(Checked { schema, references: referenced })
    }

    /// Returns all that references come to, each behind those that it refers to.
    pub(super) fn resolve(
        &self,
        references: &[Reference],
        deleted: bool,
    ) -> Result<Vec<Referenced>> {
        let mut found = Found { names: HashSet::new(), schemas: Vec::new(), deleted };
        self.resolve_into(references, 0, &mut found)?;
        Ok(found.schemas)
    }

    fn resolve_into(&self, all: &[Reference], depth: usize, found: &mut Found) -> Result<()> {
        if !all.is_empty() && depth >= self.config.references_depth_max {
            let max = self.config.references_depth_max;
            let what = format!("more than {max} schemas refer to each other in a row");
            return Err(Refusal::invalid_schema(what));
        }
        for reference in all {
            // As in Confluent's registry the first of a name is the one.
            if !found.names.insert(reference.name.clone()) {
                continue;
            }
            if found.names.len() > self.config.references_max {
                let max = self.config.references_max;
                let what = format!("it comes to more than {max} references");
                return Err(Refusal::invalid_schema(what));
            }
            let number = u32::try_from(reference.version).map_err(|_| dangling(reference))?;
            let id = VersionId::Number(number);
            let version = self.find(&reference.subject, id, found.deleted);
            let version = version.map_err(|_| dangling(reference))?.1;
            let schema = self.schema(version.id)?;
            self.resolve_into(&schema.references, depth + 1, found)?;
            let (name, text) = (reference.name.clone(), schema.schema.clone());
            found.schemas.push(Referenced { name, text });
        }
        Ok(())
    }
}

/// What references have come to.
#[derive(Debug)]
struct Found {
    names: HashSet<String>,
    schemas: Vec<Referenced>,
    /// Whether hidden versions count.
    deleted: bool,
}

fn dangling(reference: &Reference) -> Refusal {
    let Reference { subject, version, .. } = reference;
    let what = format!("No schema reference found for subject \"{subject}\"");
    Refusal::invalid_schema(format!("Invalid schema, details: {what} and version {version}"))
}

impl Sent {
    fn schema_type(&self) -> Result<SchemaType> {
        match self.schema_type.as_deref() {
            None | Some("" | "AVRO") => Ok(SchemaType::Avro),
            Some("JSON") => Ok(SchemaType::Json),
            Some("PROTOBUF") => Ok(SchemaType::Protobuf),
            Some(other) => Err(Refusal::invalid_schema(format!("Invalid schema type {other}"))),
        }
    }

    /// Returns the id and the version that are given, which they are in the mode `IMPORT` alone.
    fn given(&self, subject: &str, mode: Mode) -> Result<Option<(u32, Option<u32>)>> {
        let refuse =
            |what| Err(Refusal::not_permitted(format!("Subject {subject} in context . is {what}")));
        if mode.is_read_only() {
            return refuse("in read-only mode");
        }
        let id = self.id.filter(|id| *id >= 0);
        match (id, mode) {
            (None, Mode::Import) => refuse("not in read-write mode"),
            (None, _) => Ok(None),
            (Some(_), mode) if mode != Mode::Import => refuse("not in import mode"),
            (Some(id), _) => {
                let id = i32::try_from(id).ok().and_then(|id| u32::try_from(id).ok());
                let id = id.ok_or_else(|| Refusal::not_permitted("the id is too large"))?;
                let version = self.version.filter(|version| *version > 0);
                let version = version.map(|version| {
                    let version = i32::try_from(version).ok().and_then(|v| u32::try_from(v).ok());
                    version.ok_or_else(|| Refusal::not_permitted("the version is too large"))
                });
                Ok(Some((id, version.transpose()?)))
            }
        }
    }
}
