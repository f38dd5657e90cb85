//! The core: a request goes in, an answer comes out, and changes that are to be written down.

mod compatibility;
mod delete;
mod read;
mod register;
mod settings;

use serde::Serialize;
use serde_json::{Value, json};

use crate::changes::{Change, Fact};
use crate::config::RegistryConfig;
use crate::error::{Refusal, Result};
use crate::http::{Method, Request, Response};
use crate::state::State;

/// A schema registry without sockets: requests go in, answers come out.
///
/// ```
/// use kappa_registry::{Method, Registry, RegistryConfig, Request};
///
/// let mut registry = Registry::new(RegistryConfig::default());
/// let request = Request::new(Method::Post, "/subjects/names/versions");
/// let response = registry.handle(&request.body(r#"{"schema": "\"string\""}"#));
/// assert_eq!(response.status, 200);
/// // Whoever keeps the changes can go on from them.
/// let changes = registry.drain_changes().collect();
/// let mut again = Registry::restore(RegistryConfig::default(), changes);
/// let subjects = again.handle(&Request::new(Method::Get, "/subjects"));
/// assert_eq!(subjects.body, br#"["names"]"#);
/// ```
#[derive(Debug)]
pub struct Registry {
    config: RegistryConfig,
    state: State,
    /// What has happened and was not drained yet.
    changes: Vec<Change>,
}

/// Which version of a subject is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum VersionId {
    Latest,
    Number(u32),
}

impl VersionId {
    fn parse(text: &str) -> Result<Self> {
        let number = match text.trim() {
            latest if latest.eq_ignore_ascii_case("latest") => return Ok(Self::Latest),
            // Confluent's registry takes it too.
            "-1" => return Ok(Self::Latest),
            number => number.parse::<i32>().ok().and_then(|number| u32::try_from(number).ok()),
        };
        match number {
            None | Some(0) => Err(Refusal::invalid_version(text)),
            Some(number) => Ok(Self::Number(number)),
        }
    }
}

impl std::fmt::Display for VersionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Latest => f.write_str("-1"),
            Self::Number(number) => number.fmt(f),
        }
    }
}

impl Registry {
    /// Makes an empty registry.
    #[must_use]
    pub fn new(config: RegistryConfig) -> Self {
        Self { config, state: State::default(), changes: Vec::new() }
    }

    /// Makes the registry to which all this has happened, whatever its limits are.
    #[must_use]
    pub fn restore(config: RegistryConfig, changes: Vec<Change>) -> Self {
        let mut registry = Self::new(config);
        for Change(fact) in changes {
            registry.state.apply(&fact);
        }
        registry
    }

    /// Returns the changes that make this registry from an empty one: fewer than have happened.
    pub fn image(&self) -> impl Iterator<Item = Change> + '_ {
        self.state.facts().map(Change)
    }

    /// Takes out what has happened since it was last asked. It holds when it is written down; all
    /// that one request has changed belongs together.
    pub fn drain_changes(&mut self) -> impl Iterator<Item = Change> + '_ {
        self.changes.drain(..)
    }

    /// Answers a request.
    pub fn handle(&mut self, request: &Request) -> Response {
        match self.route(request) {
            Ok(body) => Response { status: 200, body: body.to_string().into_bytes() },
            Err(refusal) => refusal.into_response(),
        }
    }

    fn route(&mut self, request: &Request) -> Result<Value> {
        use Method::{Get, Post};
        let segments = request.segments()?;
        let segments: Vec<&str> = segments.iter().map(|segment| &**segment).collect();
        match (request.method, segments.as_slice()) {
            (Get | Post, []) => Ok(json!({})),
            (_, ["subjects", rest @ ..]) => self.route_subjects(request, rest),
            (_, ["schemas", rest @ ..]) => self.route_schemas(request, rest),
            (_, ["config", rest @ ..]) => self.route_config(request, rest),
            (_, ["mode", rest @ ..]) => self.route_mode(request, rest),
            (Post, ["compatibility", "subjects", subject, "versions"]) => {
                self.test_all(request, subject)
            }
            (Post, ["compatibility", "subjects", subject, "versions", version]) => {
                self.test_one(request, subject, version)
            }
            (_, ["compatibility", "subjects", _, "versions"] | [])
            | (_, ["compatibility", "subjects", _, "versions", _]) => not_allowed(),
            (Get, ["contexts"]) => Ok(json!(["."])),
            _ => not_found(),
        }
    }

    fn route_subjects(&mut self, request: &Request, segments: &[&str]) -> Result<Value> {
        use Method::{Delete, Get, Post};
        match (request.method, segments) {
            (Get, []) => self.subjects(request),
            (Post, [subject]) => self.look_up(request, subject),
            (Delete, [subject]) => self.delete_subject(request, subject),
            (Get, [subject, "versions"]) => self.versions(request, subject),
            (Post, [subject, "versions"]) => self.register(request, subject),
            (Get, [subject, "versions", version]) => self.version(request, subject, version),
            (Delete, [subject, "versions", version]) => {
                self.delete_version(request, subject, version)
            }
            (Get, [subject, "versions", version, "schema"]) => {
                self.version_schema(request, subject, version)
            }
            (Get, [subject, "versions", version, "referencedby"]) => {
                self.referenced_by(request, subject, version)
            }
            (Get, [subject, "metadata"]) => self.latest_with_metadata(request, subject),
            (_, [] | [_] | [_, "versions" | "metadata"] | [_, "versions", _])
            | (_, [_, "versions", _, "schema" | "referencedby"]) => not_allowed(),
            _ => not_found(),
        }
    }

    fn route_schemas(&self, request: &Request, segments: &[&str]) -> Result<Value> {
        match segments {
            [] | ["types"] | ["ids" | "guids", _] => {}
            ["ids", _, "schema" | "versions" | "subjects"] | ["guids", _, "ids"] => {}
            _ => return not_found(),
        }
        if request.method != Method::Get {
            return not_allowed();
        }
        match segments {
            [] => self.schemas(request),
            ["ids", id] => self.schema_of_id(request, id),
            ["ids", id, "schema"] => self.schema_text_of_id(id),
            ["ids", id, "versions"] => self.versions_of_id(request, id),
            ["ids", id, _] => self.subjects_of_id(request, id),
            ["guids", guid] => self.schema_of_guid(guid),
            ["guids", guid, _] => self.ids_of_guid(guid),
            _ => Ok(json!(["JSON", "PROTOBUF", "AVRO"])),
        }
    }

    /// Lets something happen.
    fn happen(&mut self, fact: Fact) {
        self.state.apply(&fact);
        self.changes.push(Change(fact));
    }
}

fn not_found<T>() -> Result<T> {
    Err(Refusal::of_status(404, "HTTP 404 Not Found"))
}

fn not_allowed<T>() -> Result<T> {
    Err(Refusal::of_status(405, "HTTP 405 Method Not Allowed"))
}

fn to_json(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value)
        .map_err(|e| Refusal::of_status(500, format!("the answer cannot be written: {e}")))
}

/// Refuses what is no name of a subject. Contexts (`:.context:subject`) are not known here.
fn check_subject(subject: &str, config: &RegistryConfig) -> Result<()> {
    let is_reserved = matches!(subject, "" | "__GLOBAL" | "__EMPTY") || subject.starts_with(":.");
    let is_long = subject.len() > config.subject_bytes_max;
    if is_reserved || is_long || subject.chars().any(char::is_control) {
        return Err(Refusal::invalid_subject(subject));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
