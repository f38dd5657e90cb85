//! The schema registry under test.

use std::env;
use std::time::Duration;

use kappa_registry::{Server, ServerConfig};
use reqwest::Method;
use reqwest::blocking::Client;
use serde_json::Value;

/// The variable that names another registry to run on: its base URL, path and all.
pub const REGISTRY_VARIABLE: &str = "KAPPA_TEST_REGISTRY";

/// A schema registry for the time of a test: started here, or given from outside.
#[derive(Debug)]
pub struct Registry {
    url: String,
    client: Client,
    /// Ends with the test; nothing for a registry from outside.
    server: Option<Server>,
}

impl Registry {
    /// Starts the embedded registry, or takes the one that was given.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[must_use]
    pub fn start() -> Self {
        match env::var(REGISTRY_VARIABLE) {
            Ok(url) if !url.is_empty() => {
                Self { url: url.trim_end_matches('/').to_owned(), client: client(), server: None }
            }
            _ => Self::embedded(ServerConfig::default()),
        }
    }

    /// Starts an embedded registry with these settings, whatever was given from outside.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[must_use]
    pub fn embedded(config: ServerConfig) -> Self {
        let server = Server::start(config).expect("the embedded registry starts");
        Self { url: server.url().to_owned(), client: client(), server: Some(server) }
    }

    /// Returns the `schema.registry.url` for clients.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the embedded registry, if it is that.
    #[must_use]
    pub fn server(&self) -> Option<&Server> {
        self.server.as_ref()
    }

    /// Asks it, and returns the status and the JSON of its answer; what is no JSON is a string.
    ///
    /// # Panics
    ///
    /// If it does not answer.
    #[must_use]
    pub fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            let kind = "application/vnd.schemaregistry.v1+json";
            request = request.header("content-type", kind).body(body.to_string());
        }
        let response = request.send().expect("the registry answers");
        let status = response.status().as_u16();
        let text = response.text().expect("the whole answer");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

fn client() -> Client {
    // An error says that another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().timeout(Duration::from_secs(60)).build().expect("a client")
}
