//! A registry over HTTP.
//!
//! What is asked with a schema of ours goes through `schema_registry_converter`. Answers whose size others decide
//! are read here, up to a limit that the converter does not have, and so are the words of incompatibilities.

use std::error::Error as _;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::blocking::{Client, ClientBuilder, RequestBuilder, Response};
use schema_registry_converter::blocking::schema_registry::{SrSettings, perform_sr_call};
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::{RawError, RawRegisteredSchema, SrCall};
use serde_json::{Value, json};

use super::references::SCHEMA_BYTES_MAX;
use super::{RegisteredSchema, RegistryError, RegistryErrorKind, Transport};
use crate::config::SchemaRegistrySettings;
use crate::error::{Error, Result};
use crate::schemas::wire_format::SchemaId;
use crate::serde::{Schema, SchemaFormat, SchemaReference};
use crate::time::Clock;

/// The size of an answer: of a schema, and as much again for its quotes.
const ANSWER_BYTES_MAX: usize = 2 * SCHEMA_BYTES_MAX;
/// How much of an error's text is shown.
const MESSAGE_CHARS_MAX: usize = 500;
const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";

type Answer<T> = std::result::Result<T, RegistryError>;

pub(super) struct Http {
    settings: SchemaRegistrySettings,
    clock: Arc<dyn Clock>,
    client: Client,
    /// One per address; made when first something is written.
    converters: Vec<OnceLock<SrSettings>>,
    /// The address that answered last.
    current: AtomicUsize,
    address: String,
}

impl Http {
    /// # Errors
    ///
    /// Where no address is set, or a certificate cannot be read.
    pub(super) fn new(settings: SchemaRegistrySettings, clock: Arc<dyn Clock>) -> Result<Self> {
        if settings.urls.is_empty() {
            return Err(Error::config(
                "setting schema.registry.url is missing: records name their schemas by a registry's ids",
            ));
        }
        // A provider that the program has chosen already stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = builder(&settings)?.build();
        let client = client.map_err(|cause| {
            Error::config("cannot make a client of the schema registry").with_source(cause)
        })?;
        let converters = settings.urls.iter().map(|_| OnceLock::new()).collect();
        let address = settings.urls.join(",");
        Ok(Self { settings, clock, client, converters, current: AtomicUsize::new(0), address })
    }

    /// Asks one address after the other, as long as they do not answer.
    fn each<T>(&self, ask: impl Fn(usize, &str) -> Answer<T>) -> Answer<T> {
        let count = self.settings.urls.len();
        let first = self.current.load(Ordering::Relaxed);
        let mut last = None;
        for at in (0..count).map(|turn| (first + turn) % count) {
            let Some(url) = self.settings.urls.get(at) else { continue };
            match ask(at, url) {
                Err(error) if error.is_transient() => last = Some(error),
                answer => {
                    self.current.store(at, Ordering::Relaxed);
                    return answer
                        .map_err(|error| error.context(format_args!("schema registry {url}")));
                }
            }
        }
        let error = last.unwrap_or_else(|| unexpected("no address"));
        Err(error.context(format_args!("schema registry {}", self.address)))
    }

    fn get(&self, path: &str) -> Answer<RawRegisteredSchema> {
        self.each(|_, url| self.send(self.client.get(format!("{url}{path}"))).and_then(parse))
    }

    /// Sends a request and reads its answer, up to the limits of size and time.
    fn send(&self, request: RequestBuilder) -> Answer<Vec<u8>> {
        let request = match (&self.settings.bearer_token, self.user()) {
            (Some(token), _) => request.bearer_auth(token),
            (None, Some((user, password))) => request.basic_auth(user, Some(password)),
            (None, None) => request,
        };
        let started = self.clock.monotonic();
        let response = request.header("accept", CONTENT_TYPE).send().map_err(unavailable)?;
        let status = response.status().as_u16();
        let body = self.body(response, started)?;
        if (200..300).contains(&status) {
            return Ok(body);
        }
        Err(refusal(status, serde_json::from_slice(&body).ok()))
    }

    fn body(&self, mut response: Response, started: Duration) -> Answer<Vec<u8>> {
        let mut body = Vec::new();
        let mut chunk = [0; 8192];
        loop {
            // The client's time-out begins anew with every piece.
            if self.clock.monotonic().saturating_sub(started) > self.settings.request_timeout {
                let message = "the answer took too long";
                return Err(RegistryError::new(RegistryErrorKind::Unavailable, message));
            }
            let count = response.read(&mut chunk).map_err(|error| {
                let message = format!("the answer broke off: {error}");
                RegistryError::new(RegistryErrorKind::Unavailable, message)
            })?;
            if count == 0 {
                return Ok(body);
            }
            body.extend_from_slice(chunk.get(..count).unwrap_or_default());
            if body.len() > ANSWER_BYTES_MAX {
                let message = format!("the answer is larger than {ANSWER_BYTES_MAX} bytes");
                return Err(RegistryError::new(RegistryErrorKind::TooLarge, message));
            }
        }
    }

    fn user(&self) -> Option<(&str, &str)> {
        let info = self.settings.basic_auth.as_deref()?;
        Some(info.split_once(':').unwrap_or((info, "")))
    }

    fn post(&self, call: SrCall<'_>) -> Answer<RawRegisteredSchema> {
        self.each(|at, url| {
            let converter = self.converter(at, url)?;
            perform_sr_call(converter, call).map_err(from_converter)
        })
    }

    fn converter(&self, at: usize, url: &str) -> Answer<&SrSettings> {
        let Some(made) = self.converters.get(at) else { return Err(unexpected("no address")) };
        if let Some(converter) = made.get() {
            return Ok(converter);
        }
        let mut converter = SrSettings::new_builder(url.to_owned());
        converter.no_proxy().set_timeout(self.settings.request_timeout);
        if let Some(token) = &self.settings.bearer_token {
            converter.set_token_authorization(token);
        } else if let Some((user, password)) = self.user() {
            converter.set_basic_authorization(user, Some(password));
        }
        let client = builder(&self.settings).map_err(|error| unexpected(&error.report()))?;
        let converter = converter.build_with(client).map_err(from_converter)?;
        Ok(made.get_or_init(|| converter))
    }
}

/// What all clients have in common.
fn builder(settings: &SchemaRegistrySettings) -> Result<ClientBuilder> {
    let read = |path: &std::path::Path| {
        std::fs::read(path).map_err(|cause| {
            let message = format!("cannot read {}, for the schema registry", path.display());
            Error::config(message).with_source(cause)
        })
    };
    let wrong = |path: &std::path::Path, cause: reqwest::Error| {
        let message = format!("{} has no certificate or key in PEM", path.display());
        Error::config(message).with_source(cause)
    };
    let timeout = settings.request_timeout;
    // Without proxies: what is set for others in the environment is not meant for a registry.
    let mut builder = Client::builder().timeout(timeout).connect_timeout(timeout).no_proxy();
    if let Some(path) = &settings.ca {
        let certificates = reqwest::Certificate::from_pem_bundle(&read(path)?);
        builder = builder.tls_certs_only(certificates.map_err(|cause| wrong(path, cause))?);
    } else if settings.urls.iter().all(|url| url.starts_with("http://")) {
        // The system's certificates are not looked for where there may be none, as in small images.
        builder = builder.tls_certs_only([]);
    }
    if let Some((certificate, key)) = &settings.identity {
        let mut pem = read(certificate)?;
        pem.push(b'\n');
        pem.extend(read(key)?);
        let identity = reqwest::Identity::from_pem(&pem).map_err(|cause| wrong(key, cause))?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}

impl Transport for Http {
    fn address(&self) -> &str {
        &self.address
    }

    fn schema(&self, id: SchemaId) -> Answer<RegisteredSchema> {
        // Records outlive the deletion of their schema's subject.
        let (path, number) = match id {
            SchemaId::Id(number) => (format!("/schemas/ids/{number}?deleted=true"), Some(number)),
            SchemaId::Guid(_) => (format!("/schemas/guids/{id}?deleted=true"), None),
        };
        let mut registered = registered(self.get(&path)?, None)?;
        registered.id = number;
        Ok(registered)
    }

    fn version(&self, subject: &str, version: Option<i32>) -> Answer<RegisteredSchema> {
        let subject = escape(subject);
        let path = match version {
            Some(version) => format!("/subjects/{subject}/versions/{version}?deleted=true"),
            None => format!("/subjects/{subject}/versions/latest"),
        };
        registered(self.get(&path)?, None)
    }

    fn register(&self, subject: &str, schema: &Schema) -> Answer<RegisteredSchema> {
        let body = body_of(schema).to_string();
        registered(self.post(SrCall::PostNew(&escape(subject), &body))?, Some(schema))
    }

    fn lookup(&self, subject: &str, schema: &Schema) -> Answer<RegisteredSchema> {
        let body = body_of(schema).to_string();
        registered(self.post(SrCall::PostForVersion(&escape(subject), &body))?, Some(schema))
    }

    fn incompatibilities(&self, subject: &str, schema: &Schema) -> Answer<Vec<String>> {
        #[derive(serde::Deserialize)]
        struct Verdict {
            is_compatible: bool,
            #[serde(default)]
            messages: Vec<String>,
            /// What Apicurio's registry says instead.
            reason: Option<String>,
        }
        let subject = escape(subject);
        let body = body_of(schema).to_string();
        let verdict = self.each(|_, url| {
            let url = format!("{url}/compatibility/subjects/{subject}/versions?verbose=true");
            let request = self.client.post(url).header("content-type", CONTENT_TYPE);
            self.send(request.body(body.clone())).and_then(parse::<Verdict>)
        });
        match verdict {
            Ok(verdict) if verdict.is_compatible => Ok(Vec::new()),
            Ok(verdict) if verdict.messages.is_empty() => {
                let unsaid = || "the registry does not say why".to_owned();
                Ok(vec![verdict.reason.unwrap_or_else(unsaid)])
            }
            Ok(verdict) => Ok(verdict.messages),
            Err(error) if error.kind() == RegistryErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

fn parse<T: serde::de::DeserializeOwned>(body: impl AsRef<[u8]>) -> Answer<T> {
    serde_json::from_slice(body.as_ref())
        .map_err(|error| unexpected(&format!("the answer is not a registry's: {error}")))
}

fn registered(raw: RawRegisteredSchema, ours: Option<&Schema>) -> Answer<RegisteredSchema> {
    let schema = match (ours, raw.schema) {
        (Some(ours), _) => ours.clone(),
        (None, Some(text)) => Schema {
            format: match raw.schema_type.as_deref() {
                None | Some("AVRO") => SchemaFormat::Avro,
                Some("PROTOBUF") => SchemaFormat::Protobuf,
                Some("JSON") => SchemaFormat::Json,
                Some(other) => {
                    let message = format!("schemas of type {other} are not understood");
                    return Err(RegistryError::invalid(message));
                }
            },
            name: None,
            text: text.into(),
            references: raw.references.unwrap_or_default().into_iter().map(reference).collect(),
        },
        (None, None) => return Err(unexpected("the answer has no schema")),
    };
    Ok(RegisteredSchema {
        id: raw.id,
        guid: raw.guid.as_deref().and_then(SchemaId::parse_guid),
        version: raw.version.and_then(|version| i32::try_from(version).ok()),
        schema,
    })
}

fn reference(
    raw: schema_registry_converter::schema_registry_common::RegisteredReference,
) -> SchemaReference {
    let version = i32::try_from(raw.version).unwrap_or(i32::MAX);
    SchemaReference { name: raw.name, subject: raw.subject, version }
}

fn body_of(schema: &Schema) -> Value {
    let references = schema.references.iter().map(|reference| {
        let SchemaReference { name, subject, version } = reference;
        json!({ "name": name, "subject": subject, "version": version })
    });
    json!({
        "schema": &*schema.text,
        "schemaType": schema.format.to_string(),
        "references": references.collect::<Vec<_>>(),
    })
}

/// Returns a subject as it stands in a path.
fn escape(subject: &str) -> String {
    let mut escaped = String::with_capacity(subject.len());
    for byte in subject.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// What a status other than success means.
fn refusal(status: u16, raw: Option<RawError>) -> RegistryError {
    use RegistryErrorKind::{Denied, Incompatible, Invalid, NotFound, Unavailable, Unexpected};
    let code = raw.as_ref().map_or(0, |raw| raw.error_code);
    let kind = match status {
        401 | 403 => Denied,
        // Anything may answer 404; only a registry says of what.
        404 if (40401..=40499).contains(&code) => NotFound,
        409 => Incompatible,
        422 => Invalid,
        408 | 429 | 500.. => Unavailable,
        _ => Unexpected,
    };
    let text = raw.map(|raw| raw.message).filter(|_| code != 0).unwrap_or_default();
    let text: String = text.chars().take(MESSAGE_CHARS_MAX).collect();
    let text = if text.is_empty() { String::new() } else { format!(": {text}") };
    let number = if code > 999 { code } else { status.into() };
    let hint = match kind {
        Denied => {
            "it does not accept the credentials (settings schema.registry.basic.auth.user.info, \
                   schema.registry.bearer.auth.token)"
        }
        Unexpected if status == 404 => "no registry there: is schema.registry.url right?",
        _ => "",
    };
    let hint = if hint.is_empty() { String::new() } else { format!(": {hint}") };
    RegistryError::new(kind, format!("it answers {number}{text}{hint}"))
}

fn unavailable(error: reqwest::Error) -> RegistryError {
    let what = if error.is_timeout() { "no answer in time" } else { "cannot be reached" };
    // The innermost cause says most: a refused connection, an unknown host, a certificate.
    let mut inner: &dyn std::error::Error = &error;
    while let Some(cause) = inner.source() {
        inner = cause;
    }
    let cause = if error.is_timeout() { String::new() } else { format!(": {inner}") };
    RegistryError::new(RegistryErrorKind::Unavailable, format!("{what}{cause}"))
}

fn unexpected(message: &str) -> RegistryError {
    RegistryError::new(RegistryErrorKind::Unexpected, message)
}

/// The converter has the status in its text only, and calls most of them final.
fn from_converter(error: SRCError) -> RegistryError {
    let mut cause = error.source();
    let status = error.error.split_once("with status ").and_then(|(_, text)| text.get(..3));
    if let Some(status) = status.and_then(|status| status.parse().ok()) {
        let raw = cause.and_then(|cause| cause.downcast_ref::<RawError>());
        return refusal(status, raw.cloned());
    }
    let mut text = error.error.clone();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    if error.retriable {
        let message = format!("cannot be reached: {text}");
        return RegistryError::new(RegistryErrorKind::Unavailable, message);
    }
    unexpected(&format!("the answer is not a registry's: {text}"))
}

#[cfg(test)]
mod tests;
