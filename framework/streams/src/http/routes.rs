//! What is answered where.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::get;

use super::guard::{self, Guard};
use super::{Surface, answers, pages};
use crate::config::HttpSettings;
use crate::runtime::health::Probe;

/// What the handlers share.
#[derive(Debug)]
struct Shared {
    surface: Surface,
    request_timeout: Duration,
}

type App = State<Arc<Shared>>;

/// Makes the routes; `GET` also answers `HEAD`, and other methods are refused.
pub(super) fn router(surface: Surface, settings: &HttpSettings) -> Router {
    let shared = Shared { surface, request_timeout: settings.request_timeout };
    Router::new()
        .route("/", get(index))
        .route(
            "/health/startup",
            get(|State(shared): App| async move { probe(&shared, Probe::Startup) }),
        )
        .route(
            "/health/ready",
            get(|State(shared): App| async move { probe(&shared, Probe::Ready) }),
        )
        .route("/health/live", get(|State(shared): App| async move { probe(&shared, Probe::Live) }))
        .route("/metrics", get(metrics))
        .route("/topology", get(topology))
        .route("/style.css", get(style))
        .fallback(not_found)
        .method_not_allowed_fallback(read_only)
        .layer(from_fn_with_state(Arc::new(Guard::new(settings)), guard::check))
        .with_state(Arc::new(shared))
}

fn probe(shared: &Shared, probe: Probe) -> Response {
    let answer = (shared.surface.vitals)().answer(probe, &shared.surface.limits);
    let status = if answer.is_yes { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answers::json(status, &answer)
}

/// The format is written on a thread of its own: whatever holds it up holds up no probe.
async fn metrics(State(shared): App) -> Response {
    let write = shared.surface.metrics.clone();
    let written = tokio::task::spawn_blocking(move || write());
    match tokio::time::timeout(shared.request_timeout, written).await {
        Ok(Ok(text)) => answers::text("text/plain; version=0.0.4; charset=utf-8", text),
        Ok(Err(_)) | Err(_) => answers::error(
            StatusCode::SERVICE_UNAVAILABLE,
            "the metrics could not be written in time",
        ),
    }
}

async fn topology(State(shared): App, uri: Uri, headers: HeaderMap) -> Response {
    let asked = uri.query().unwrap_or_default().split('&');
    let asked = asked.filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == "format");
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let format =
        asked.map_or_else(|| preferred(accepted.unwrap_or_default()), |(_, format)| format);
    let views = &shared.surface.topology;
    let plain = |text: &str| answers::text("text/plain; charset=utf-8", text.to_owned());
    match format {
        "text" => plain(&views.text),
        "mermaid" => plain(&views.mermaid),
        "json" => answers::text("application/json", views.json.clone()),
        "html" => answers::page(pages::topology(&shared.surface)),
        _ => answers::error(StatusCode::BAD_REQUEST, "format is none of text, mermaid, json, html"),
    }
}

/// Returns the format that a client asks for first, of those there are.
fn preferred(accept: &str) -> &'static str {
    let types = accept.split(',').map(|accepted| accepted.split(';').next().unwrap_or_default());
    let known = types.filter_map(|accepted| match accepted.trim() {
        "text/html" | "application/xhtml+xml" => Some("html"),
        "application/json" => Some("json"),
        "text/plain" | "text/*" | "*/*" => Some("text"),
        _ => None,
    });
    { known }.next().unwrap_or("text")
}

async fn index(State(shared): App) -> Response {
    answers::page(pages::index(&shared.surface))
}

async fn style() -> Response {
    answers::text("text/css; charset=utf-8", pages::STYLE.to_owned())
}

async fn not_found() -> Response {
    answers::error(StatusCode::NOT_FOUND, "nothing is here: / lists what there is")
}

async fn read_only() -> Response {
    answers::error(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD: nothing can be changed here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_a_page_and_others_what_they_ask_for() {
        assert_eq!(preferred("text/html,application/xhtml+xml,*/*;q=0.8"), "html");
        assert_eq!(preferred("application/json"), "json");
        assert_eq!(preferred("image/png, application/json;q=0.5"), "json");
        for other in ["", "*/*", "text/plain", "image/png"] {
            assert_eq!(preferred(other), "text", "{other}");
        }
    }
}
