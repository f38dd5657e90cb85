//! Requests and responses as the core sees them: without sockets, headers or an encoding.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use crate::error::{Refusal, Result};

/// A request's method; the API has no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`, and `HEAD`.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `DELETE`.
    Delete,
}

/// A request to the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What it wants done.
    pub method: Method,
    /// Its path, percent-encoded, as in `/subjects/orders-value/versions`.
    pub path: String,
    /// What stands behind the `?`, which is not part of it.
    pub query: String,
    /// Its body: JSON, or nothing.
    pub body: Vec<u8>,
}

impl Request {
    /// Makes a request without a body; a query may stand in the path.
    ///
    /// ```
    /// use kappa_registry::{Method, Registry, RegistryConfig, Request};
    ///
    /// let mut registry = Registry::new(RegistryConfig::default());
    /// let response = registry.handle(&Request::new(Method::Get, "/subjects?deleted=true"));
    /// assert_eq!((response.status, &*response.body), (200, &b"[]"[..]));
    /// ```
    #[must_use]
    pub fn new(method: Method, path: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Self { method, path: path.to_owned(), query: query.to_owned(), body: Vec::new() }
    }

    /// Gives it a body.
    #[must_use]
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// Returns the parts of the path, decoded.
    pub(crate) fn segments(&self) -> Result<Vec<Cow<'_, str>>> {
        let path = self.path.trim_matches('/');
        if path.is_empty() {
            return Ok(Vec::new());
        }
        let decoded = path.split('/').map(|segment| percent_decode_str(segment).decode_utf8());
        let decoded: std::result::Result<_, _> = decoded.collect();
        decoded.map_err(|e| Refusal::of_status(400, format!("the path is no UTF-8: {e}")))
    }

    /// Returns what the query says of a name; the first, if it says more.
    pub(crate) fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut all = form_urlencoded::parse(self.query.as_bytes());
        all.find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Returns all that the query says of a name.
    pub(crate) fn parameters(&self, name: &str) -> Vec<Cow<'_, str>> {
        let all = form_urlencoded::parse(self.query.as_bytes());
        all.filter(|(key, _)| key == name).map(|(_, value)| value).collect()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Cuts a list as `offset` and `limit` ask for.
    pub(crate) fn page<T>(&self, items: impl Iterator<Item = T>) -> Result<Vec<T>> {
        let number = |name| match self.parameter(name) {
            None => Ok(None),
            Some(text) => text
                .parse::<i64>()
                .map(Some)
                .map_err(|_| Refusal::of_status(400, format!("`{name}` is no number: {text}"))),
        };
        let offset = usize::try_from(number("offset")?.unwrap_or(0)).unwrap_or(0);
        // Less than zero stands for all.
        let limit = number("limit")?.and_then(|limit| usize::try_from(limit).ok());
        Ok(items.skip(offset).take(limit.unwrap_or(usize::MAX)).collect())
    }

    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|e| Refusal::of_status(400, format!("the body is not what it should be: {e}")))
    }
}

/// An answer to a request; its body is JSON, of the type [`Response::CONTENT_TYPE`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status of HTTP.
    pub status: u16,
    /// JSON.
    pub body: Vec<u8>,
}

impl Response {
    /// The content type of all answers.
    pub const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";
}
