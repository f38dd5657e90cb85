//! What a request is refused with: a status, Confluent's code, and a message.

use std::fmt::Display;

use serde_json::json;

use crate::http::Response;

/// A refusal, as clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: u16,
    code: u32,
    message: String,
}

pub(crate) type Result<T> = std::result::Result<T, Refusal>;

impl Refusal {
    fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// Makes a refusal whose code is its status, as of those that the HTTP server itself answers.
    pub(crate) fn of_status(status: u16, message: impl Into<String>) -> Self {
        Self::new(status, status.into(), message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, 40101, "Unauthorized")
    }

    pub(crate) fn subject_not_found(subject: &str) -> Self {
        Self::new(404, 40401, format!("Subject '{subject}' not found."))
    }

    pub(crate) fn version_not_found(version: impl Display) -> Self {
        Self::new(404, 40402, format!("Version {version} not found."))
    }

    pub(crate) fn schema_not_found() -> Self {
        Self::new(404, 40403, "Schema not found")
    }

    pub(crate) fn schema_of_id_not_found(id: impl Display) -> Self {
        Self::new(404, 40403, format!("Schema {id} not found"))
    }

    pub(crate) fn subject_soft_deleted(subject: &str) -> Self {
        let what = format!("Subject '{subject}' was soft deleted.");
        Self::new(404, 40404, format!("{what} Set permanent=true to delete permanently"))
    }

    pub(crate) fn subject_not_soft_deleted(subject: &str) -> Self {
        let what = format!("Subject '{subject}' was not deleted first");
        Self::new(404, 40405, format!("{what} before being permanently deleted"))
    }

    pub(crate) fn version_soft_deleted(subject: &str, version: u32) -> Self {
        let what = format!("Subject '{subject}' Version {version} was soft deleted.");
        Self::new(404, 40406, format!("{what} Set permanent=true to delete permanently"))
    }

    pub(crate) fn version_not_soft_deleted(subject: &str, version: u32) -> Self {
        let what = format!("Subject '{subject}' Version {version} was not deleted first");
        Self::new(404, 40407, format!("{what} before being permanently deleted"))
    }

    pub(crate) fn no_subject_level(subject: &str) -> Self {
        let what = "does not have subject-level compatibility configured";
        Self::new(404, 40408, format!("Subject '{subject}' {what}"))
    }

    pub(crate) fn no_subject_mode(subject: &str) -> Self {
        let what = "does not have subject-level mode configured";
        Self::new(404, 40409, format!("Subject '{subject}' {what}"))
    }

    pub(crate) fn incompatible(subject: &str, messages: &[String]) -> Self {
        let what = "Schema being registered is incompatible with an earlier schema for subject";
        let details = messages.join(", ");
        Self::new(409, 409, format!("{what} \"{subject}\", details: [{details}]"))
    }

    pub(crate) fn invalid_schema(why: impl Display) -> Self {
        Self::new(422, 42201, why.to_string())
    }

    pub(crate) fn invalid_version(version: &str) -> Self {
        let what = format!("The specified version '{version}' is not a valid version id.");
        let allowed = "Allowed values are between [1, 2^31-1] and the string \"latest\"";
        Self::new(422, 42202, format!("{what} {allowed}"))
    }

    pub(crate) fn invalid_level() -> Self {
        let valid = "none, backward, forward, full, backward_transitive, forward_transitive, \
                     and full_transitive";
        Self::new(422, 42203, format!("Invalid compatibility level. Valid values are {valid}"))
    }

    pub(crate) fn invalid_mode() -> Self {
        let valid = "READWRITE, READONLY, READONLY_OVERRIDE and IMPORT";
        Self::new(422, 42204, format!("Invalid mode. Valid values are {valid}."))
    }

    pub(crate) fn not_permitted(why: impl Display) -> Self {
        Self::new(422, 42205, why.to_string())
    }

    pub(crate) fn reference_exists(subject: &str, version: u32) -> Self {
        let what = "One or more references exist to the schema";
        Self::new(422, 42206, format!("{what} {{subject={subject},version={version}}}."))
    }

    pub(crate) fn invalid_subject(subject: &str) -> Self {
        Self::new(422, 42208, format!("The specified subject '{subject}' is not a valid."))
    }

    pub(crate) fn schema_too_large(bytes_max: usize) -> Self {
        let what = "Register operation failed because schema is too large";
        Self::new(422, 42209, format!("{what}: more than {bytes_max} bytes"))
    }

    /// Makes what a test has asked for: an error of this status.
    pub(crate) fn injected(status: u16) -> Self {
        let code = if status == 500 { 50001 } else { status.into() };
        Self::new(status, code, "a fault that a test has injected")
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn into_response(self) -> Response {
        let body = json!({ "error_code": self.code, "message": self.message });
        Response { status: self.status, body: body.to_string().into_bytes() }
    }
}
