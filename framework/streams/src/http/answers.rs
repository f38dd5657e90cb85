//! Answers by their kind.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Answers with a text of some type.
pub(super) fn text(content_type: &'static str, body: String) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))], body).into_response()
}

/// Answers with a page.
pub(super) fn page(body: String) -> Response {
    text("text/html; charset=utf-8", body)
}

/// Answers with a value as JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let body = serde_json::to_string(value).unwrap_or_default() + "\n";
    (status, text("application/json", body)).into_response()
}

/// Answers with what is wrong.
pub(super) fn error(status: StatusCode, message: &str) -> Response {
    (status, text("text/plain; charset=utf-8", format!("{message}\n"))).into_response()
}
