//! Faults for tests: requests that are answered late, wrongly or not at all.

use crate::http::{Method, Request};

/// Which requests suffer, how often, and what.
///
/// ```
/// use kappa_registry::{Fault, FaultRule, Method, Server, ServerConfig};
///
/// let server = Server::start(ServerConfig::default())?;
/// // The next two requests for a schema by its id find the registry overloaded.
/// server.inject(FaultRule::new(Fault::Status(503)).path("/schemas/ids").times(2));
/// // Until further notice nothing can be registered.
/// server.inject(FaultRule::new(Fault::Status(500)).method(Method::Post).always());
/// server.clear_faults();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultRule {
    fault: Fault,
    method: Option<Method>,
    path: Option<String>,
    /// How often it still applies; nothing is always.
    times: Option<u32>,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is looked at only after so many milliseconds.
    Delay(u64),
    /// It is answered with this status, as an error (50001 for a 500), and does nothing.
    Status(u16),
    /// It does nothing, and its connection is closed.
    DropRequest,
    /// It does what it asks, but its connection is closed in place of an answer.
    DropAnswer,
}

impl FaultRule {
    /// Makes a rule for the next request.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self { fault, method: None, path: None, times: Some(1) }
    }

    /// Applies it to requests of this method alone.
    #[must_use]
    pub fn method(self, method: Method) -> Self {
        Self { method: Some(method), ..self }
    }

    /// Applies it to paths that begin so, as they are sent: percent-encoded.
    #[must_use]
    pub fn path(self, prefix: impl Into<String>) -> Self {
        Self { path: Some(prefix.into()), ..self }
    }

    /// Applies it to so many requests.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Applies it until faults are cleared.
    #[must_use]
    pub fn always(self) -> Self {
        Self { times: None, ..self }
    }

    fn matches(&self, request: &Request) -> bool {
        self.times != Some(0)
            && self.method.is_none_or(|method| method == request.method)
            && self.path.as_ref().is_none_or(|prefix| request.path.starts_with(prefix))
    }
}

/// The rules, in the order in which they are looked at.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<FaultRule>,
}

impl Faults {
    pub(crate) fn inject(&mut self, rule: FaultRule) {
        self.rules.push(rule);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Takes out what a request is to suffer: by the first rule for it.
    pub(crate) fn take(&mut self, request: &Request) -> Option<Fault> {
        let rule = self.rules.iter_mut().find(|rule| rule.matches(request))?;
        rule.times = rule.times.map(|times| times.saturating_sub(1));
        let fault = rule.fault;
        self.rules.retain(|rule| rule.times != Some(0));
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_holds_for_its_requests_and_its_times() {
        let mut faults = Faults::default();
        let get = Request::new(Method::Get, "/schemas/ids/1");
        let post = Request::new(Method::Post, "/subjects/a/versions");
        faults.inject(FaultRule::new(Fault::Status(503)).path("/schemas").times(2));
        faults.inject(FaultRule::new(Fault::DropAnswer).method(Method::Post).always());
        let taken = [&get, &post, &get, &get, &post].map(|request| faults.take(request));
        let (refused, dropped) = (Some(Fault::Status(503)), Some(Fault::DropAnswer));
        assert_eq!(taken, [refused, dropped, refused, None, dropped]);
        faults.clear();
        assert_eq!(faults.take(&post), None);
    }
}
