//! What every request passes: no body, the token, the rate; and what every answer says to browsers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::answers;
use crate::config::{HttpSettings, Secret};
use crate::time::{Clock, SystemClock};

/// What a request is held against.
#[derive(Debug)]
pub(super) struct Guard {
    token: Option<Secret>,
    rate: Rate,
    /// Requests without the token are counted apart: they must not use up what is for those that have it.
    strangers: Rate,
    clock: SystemClock,
}

impl Guard {
    pub(super) fn new(settings: &HttpSettings) -> Self {
        Self {
            token: settings.bearer_token.clone(),
            rate: Rate::new(settings.requests_per_second_max),
            strangers: Rate::new(settings.requests_per_second_max),
            clock: SystemClock::start(),
        }
    }

    /// Returns why a request is refused, if it is.
    fn refusal(&self, path: &str, headers: &HeaderMap) -> Option<Response> {
        if brings_a_body(headers) {
            let mut refused = answers::error(StatusCode::PAYLOAD_TOO_LARGE, "no body is read here");
            refused.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            return Some(refused);
        }
        // A platform's probes bring no token, and must not be crowded out.
        if path.starts_with("/health/") {
            return None;
        }
        let is_known = self.token.as_ref().is_none_or(|token| {
            let given = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
            given.and_then(bearer).is_some_and(|given| token.is(given))
        });
        let rate = if is_known { &self.rate } else { &self.strangers };
        if !rate.allows(self.clock.monotonic()) {
            return Some(too_many());
        }
        (!is_known).then(unauthorized)
    }
}

fn too_many() -> Response {
    let status = StatusCode::TOO_MANY_REQUESTS;
    let mut refused = answers::error(status, "too many requests in this second");
    refused.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    refused
}

fn unauthorized() -> Response {
    let message = "send `Authorization: Bearer` with the token of http.bearer.token";
    let mut refused = answers::error(StatusCode::UNAUTHORIZED, message);
    let challenge = HeaderValue::from_static("Bearer realm=\"kappa\"");
    refused.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    refused
}

/// Lets a request through, or answers it.
pub(super) async fn check(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    let refused = guard.refusal(request.uri().path(), request.headers());
    let mut response = match refused {
        Some(refused) => refused,
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Nothing is guessed, kept, run, framed or told to other places.
const ALWAYS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
    ),
];

fn brings_a_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH);
    headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length != "0")
}

/// Returns the token of an authorization; the scheme's name may be in any case.
fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = authorization.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

/// So many requests in each second.
#[derive(Debug)]
struct Rate {
    max: usize,
    /// The second, and how many there were in it.
    counted: Mutex<(u64, usize)>,
}

impl Rate {
    fn new(max: usize) -> Self {
        Self { max, counted: Mutex::default() }
    }

    fn allows(&self, now: Duration) -> bool {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.0 != now.as_secs() {
            *counted = (now.as_secs(), 0);
        }
        counted.1 += 1;
        counted.1 <= self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_room_for_so_many() {
        let rate = Rate::new(2);
        let at = |millis| rate.allows(Duration::from_millis(millis));
        assert!(at(1_000) && at(1_500) && !at(1_999));
        assert!(at(2_000) && at(2_001) && !at(2_002));
    }

    fn guard(settings: &[(&str, &str)]) -> Guard {
        let config = settings
            .iter()
            .try_fold(crate::config::StreamsConfig::new("app"), |config, (name, value)| {
                config.with_argument(name, value)
            });
        Guard::new(&config.unwrap().resolve().unwrap().http)
    }

    #[test]
    fn whoever_has_no_token_uses_up_no_requests_of_those_who_have_it() {
        let guard = guard(&[
            ("http.bearer.token", "0123456789abcdef"),
            ("http.requests.per.second.max", "5"),
        ]);
        let known = HeaderMap::from_iter([(
            header::AUTHORIZATION,
            HeaderValue::from_static("Bearer 0123456789abcdef"),
        )]);
        let ask = |headers: &HeaderMap| guard.refusal("/metrics", headers).map(|it| it.status());
        let refused: Vec<_> = (0..100).map(|_| ask(&HeaderMap::new())).collect();
        assert_eq!(refused[0], Some(StatusCode::UNAUTHORIZED));
        let limited = refused.iter().filter(|it| **it == Some(StatusCode::TOO_MANY_REQUESTS));
        assert!(limited.count() > 50, "they are limited themselves: {refused:?}");
        assert_eq!(ask(&known), None);
    }

    #[test]
    fn the_schemes_name_may_be_in_any_case() {
        assert_eq!(bearer(b"Bearer abc"), Some(&b"abc"[..]));
        assert_eq!(bearer(b"bearer  abc "), Some(&b"abc"[..]));
        for wrong in [&b"Basic abc"[..], b"Bearer", b"", b"\xff\xfe"] {
            assert_eq!(bearer(wrong), None);
        }
    }
}
