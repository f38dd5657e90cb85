//! What is only asked for.

use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Refusal, Result};
use crate::http::Request;
use crate::model::Schema;
use crate::registry::{Registry, VersionId, to_json};
use crate::state::Version;

/// A version as it is answered.
#[derive(Debug, Serialize)]
pub(super) struct Described<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<u32>,
    pub(super) guid: String,
    #[serde(flatten)]
    pub(super) schema: &'a Schema,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deleted: Option<bool>,
    #[serde(rename = "maxId", skip_serializing_if = "Option::is_none")]
    pub(super) max_id: Option<u32>,
}

impl<'a> Described<'a> {
    /// Describes a schema that is looked at apart from subjects.
    fn alone(schema: &'a Schema) -> Self {
        let guid = schema.guid();
        Self { subject: None, version: None, id: None, guid, schema, deleted: None, max_id: None }
    }

    pub(super) fn of(subject: &'a str, number: u32, version: Version, schema: &'a Schema) -> Self {
        Self {
            subject: Some(subject),
            version: Some(number),
            id: Some(version.id),
            deleted: version.deleted.then_some(true),
            ..Self::alone(schema)
        }
    }
}

impl Registry {
    pub(super) fn subjects(&self, request: &Request) -> Result<Value> {
        let (deleted, only) = (request.flag("deleted"), request.flag("deletedOnly"));
        let prefix = request.parameter("subjectPrefix").unwrap_or_default();
        // All contexts, of which there is one.
        let prefix = prefix.strip_prefix(":*:").unwrap_or(&prefix);
        let wanted = self.state.subjects.iter().filter(|(name, versions)| {
            let is_live = versions.values().any(|version| !version.deleted);
            name.starts_with(prefix) && if only { !is_live } else { deleted || is_live }
        });
        to_json(&request.page(wanted.map(|(name, _)| name))?)
    }

    pub(super) fn versions(&self, request: &Request, subject: &str) -> Result<Value> {
        let (deleted, only) = (request.flag("deleted"), request.flag("deletedOnly"));
        if !self.state.has(subject, deleted || only) {
            return Err(Refusal::subject_not_found(subject));
        }
        let versions = self.state.versions(subject, deleted || only);
        let wanted = versions.filter(|(_, version)| !only || version.deleted);
        to_json(&request.page(wanted.map(|(number, _)| number))?)
    }

    pub(super) fn version(&self, request: &Request, subject: &str, id: &str) -> Result<Value> {
        let id = VersionId::parse(id)?;
        let (number, version) = self.find(subject, id, request.flag("deleted"))?;
        to_json(&Described::of(subject, number, version, self.schema(version.id)?))
    }

    pub(super) fn version_schema(
        &self,
        request: &Request,
        subject: &str,
        id: &str,
    ) -> Result<Value> {
        let id = VersionId::parse(id)?;
        let (_, version) = self.find(subject, id, request.flag("deleted"))?;
        raw(self.schema(version.id)?)
    }

    pub(super) fn referenced_by(
        &self,
        request: &Request,
        subject: &str,
        id: &str,
    ) -> Result<Value> {
        let (number, _) = self.find(subject, VersionId::parse(id)?, true)?;
        let ids = self.state.referrers(subject, number, request.flag("deleted"));
        to_json(&request.page(ids.into_iter())?)
    }

    /// Answers the latest version whose metadata has all the properties that are asked for.
    pub(super) fn latest_with_metadata(&self, request: &Request, subject: &str) -> Result<Value> {
        let (keys, values) = (request.parameters("key"), request.parameters("value"));
        let deleted = request.flag("deleted");
        let has_all = |schema: &Schema| {
            let properties = schema.metadata.as_ref().and_then(|data| data.get("properties"));
            keys.iter().zip(&values).all(|(key, value)| {
                let found = properties.and_then(|properties| properties.get(&**key));
                found.and_then(Value::as_str) == Some(value)
            })
        };
        for (number, version) in self.state.versions(subject, deleted).rev() {
            let schema = self.schema(version.id)?;
            if has_all(schema) {
                return to_json(&Described::of(subject, number, version, schema));
            }
        }
        match self.state.has(subject, deleted) {
            true => Err(Refusal::schema_not_found()),
            false => Err(Refusal::subject_not_found(subject)),
        }
    }

    pub(super) fn schemas(&self, request: &Request) -> Result<Value> {
        let (deleted, latest) = (request.flag("deleted"), request.flag("latestOnly"));
        let prefix = request.parameter("subjectPrefix").unwrap_or_default();
        let subjects = self.state.subjects.keys().filter(|name| name.starts_with(&*prefix));
        let all = subjects.flat_map(|subject| {
            let skipped = match latest {
                true => self.state.versions(subject, deleted).count().saturating_sub(1),
                false => 0,
            };
            let versions = self.state.versions(subject, deleted).skip(skipped);
            versions.filter_map(move |(number, version)| {
                let schema = self.state.schema(version.id)?;
                Some(Described::of(subject, number, version, schema))
            })
        });
        to_json(&request.page(all)?)
    }

    pub(super) fn schema_of_id(&self, request: &Request, id: &str) -> Result<Value> {
        let number = parse_id(id)?;
        let entry = self.state.schemas.get(&number);
        let entry = entry.ok_or_else(|| Refusal::schema_of_id_not_found(id))?;
        let mut described = Described::alone(&entry.schema);
        if let Some(subject) = request.parameter("subject") {
            let found = entry.uses.iter().find(|(name, _)| *name == *subject);
            // As in Confluent's registry, an id is an id in whatever subject it is looked for.
            if let Some((name, version)) = found.or_else(|| entry.uses.first()) {
                (described.subject, described.version) = (Some(&**name), Some(*version));
            }
        }
        if request.flag("fetchMaxId") {
            described.max_id = Some(self.state.next_id - 1);
        }
        to_json(&described)
    }

    pub(super) fn schema_text_of_id(&self, id: &str) -> Result<Value> {
        let schema = self.state.schema(parse_id(id)?);
        raw(schema.ok_or_else(|| Refusal::schema_of_id_not_found(id))?)
    }

    pub(super) fn versions_of_id(&self, request: &Request, id: &str) -> Result<Value> {
        let uses = self.uses_of_id(request, id)?.into_iter();
        let uses = uses.map(|(subject, version)| json!({ "subject": subject, "version": version }));
        to_json(&request.page(uses)?)
    }

    pub(super) fn subjects_of_id(&self, request: &Request, id: &str) -> Result<Value> {
        let mut subjects: Vec<String> =
            self.uses_of_id(request, id)?.into_iter().map(|(subject, _)| subject).collect();
        subjects.dedup();
        to_json(&request.page(subjects.into_iter())?)
    }

    fn uses_of_id(&self, request: &Request, id: &str) -> Result<Vec<(String, u32)>> {
        let entry = self.state.schemas.get(&parse_id(id)?);
        let entry = entry.ok_or_else(Refusal::schema_not_found)?;
        Ok(self.state.uses(entry, request.flag("deleted")))
    }

    pub(super) fn schema_of_guid(&self, guid: &str) -> Result<Value> {
        let found = self.of_guid(guid).next();
        let (_, schema) = found.ok_or_else(|| Refusal::schema_of_id_not_found(guid))?;
        to_json(&Described::alone(schema))
    }

    pub(super) fn ids_of_guid(&self, guid: &str) -> Result<Value> {
        let ids = self.of_guid(guid).map(|(id, _)| json!({ "context": ".", "id": id }));
        Ok(ids.collect())
    }

    fn of_guid(&self, guid: &str) -> impl Iterator<Item = (u32, &Schema)> {
        let wanted = guid.to_ascii_lowercase();
        let all = self.state.schemas.iter();
        all.filter(move |(_, entry)| entry.schema.guid() == wanted)
            .map(|(id, entry)| (*id, &entry.schema))
    }

    /// Returns a version of a subject, hidden ones too if wanted.
    pub(super) fn find(
        &self,
        subject: &str,
        id: VersionId,
        deleted: bool,
    ) -> Result<(u32, Version)> {
        let found = match id {
            VersionId::Latest => self.state.versions(subject, deleted).next_back(),
            VersionId::Number(wanted) => {
                self.state.versions(subject, deleted).find(|(number, _)| *number == wanted)
            }
        };
        found.ok_or_else(|| match self.state.has(subject, deleted) {
            true => Refusal::version_not_found(id),
            false => Refusal::subject_not_found(subject),
        })
    }

    pub(super) fn schema(&self, id: u32) -> Result<&Schema> {
        self.state.schema(id).ok_or_else(|| Refusal::schema_of_id_not_found(id))
    }
}

fn parse_id(id: &str) -> Result<u32> {
    // What is no number is no path there, so it is not found.
    id.parse().map_err(|_| Refusal::of_status(404, "HTTP 404 Not Found"))
}

/// Answers the schema alone: as the JSON that it is, or as a string of JSON.
fn raw(schema: &Schema) -> Result<Value> {
    Ok(serde_json::from_str(&schema.schema).unwrap_or_else(|_| schema.schema.clone().into()))
}
