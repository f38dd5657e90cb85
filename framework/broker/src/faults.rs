//! Faults for tests: requests that are answered late, wrongly or not at all, and sudden ends.
//!
//! Rules are looked at in front of the dispatch; without any there is nothing to look at. They are
//! gone when the broker starts again.

mod refusals;
mod topics;

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::ApiKey;

use crate::broker::Broker;
use crate::broker::dispatch::Request;
use crate::reply::{ConnectionId, Replies};
use crate::time::Millis;

/// Which requests suffer, how often, and what.
///
/// ```
/// use kappa_broker::{ApiKey, Fault, FaultRule, ResponseError, Server, ServerConfig};
///
/// let server = Server::start(ServerConfig::default())?;
/// // The next two records for `orders` are stored, but their producer does not hear of it.
/// server.inject(FaultRule::new(ApiKey::Produce, Fault::DropAnswer).topic("orders").times(2));
/// // Until further notice nobody can commit offsets.
/// let fault = Fault::Error(ResponseError::CoordinatorLoadInProgress);
/// server.inject(FaultRule::new(ApiKey::OffsetCommit, fault).always());
/// server.clear_faults();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultRule {
    api: ApiKey,
    fault: Fault,
    client_id: Option<String>,
    topic: Option<String>,
    /// How often it still applies; nothing is always.
    times: Option<u32>,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is looked at only after so many milliseconds.
    Delay(i64),
    /// It is answered with this error, for all that it asks, and does nothing.
    Error(ResponseError),
    /// It does nothing, and its connection is closed.
    DropRequest,
    /// It does what it asks, but its connection is closed in place of an answer.
    DropAnswer,
    /// It is the last: the broker ends at this point, as if killed.
    Crash(CrashPoint),
}

/// Where within a request the broker ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashPoint {
    /// Nothing of what it does is written down.
    BeforeWriting,
    /// So many of its changes are written down, if there are more.
    AfterChanges(usize),
    /// All is written down, and nobody is answered.
    BeforeAnswering,
}

impl FaultRule {
    /// Makes a rule for the next request of a kind.
    #[must_use]
    pub fn new(api: ApiKey, fault: Fault) -> Self {
        Self { api, fault, client_id: None, topic: None, times: Some(1) }
    }

    /// Applies it to requests of this client alone, by its `client.id`.
    #[must_use]
    pub fn client_id(self, id: impl Into<String>) -> Self {
        Self { client_id: Some(id.into()), ..self }
    }

    /// Applies it to requests that name this topic alone, beside others or not.
    #[must_use]
    pub fn topic(self, name: impl Into<String>) -> Self {
        Self { topic: Some(name.into()), ..self }
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
        self.api == request.call.key
            && self.times != Some(0)
            && self.client_id.as_ref().is_none_or(|id| request.client_id.as_str() == id)
            && self.topic.as_ref().is_none_or(|name| topics::names(request, name))
    }
}

/// The rules, and the requests that suffer from them.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<FaultRule>,
    /// Requests to be looked at later, in order of time and arrival.
    delayed: BTreeMap<(Millis, u64), Request>,
    delays: u64,
    /// The connections whose next answer is dropped.
    muted: BTreeSet<ConnectionId>,
}

impl Faults {
    pub(crate) fn next_deadline(&self) -> Option<Millis> {
        self.delayed.keys().next().map(|(at, _)| *at)
    }

    /// Takes out what a request is to suffer: by the first rule for it.
    pub(crate) fn take(&mut self, request: &Request) -> Option<Fault> {
        let rule = self.rules.iter_mut().find(|rule| rule.matches(request))?;
        rule.times = rule.times.map(|times| times.saturating_sub(1));
        let fault = rule.fault;
        self.rules.retain(|rule| rule.times != Some(0));
        Some(fault)
    }

    pub(crate) fn forget(&mut self, connection: ConnectionId) {
        self.muted.remove(&connection);
        self.delayed.retain(|_, request| request.call.connection != connection);
    }

    /// Takes away the answers that nobody is to get.
    pub(crate) fn drop_answers(&mut self, replies: &mut Replies) {
        if !self.muted.is_empty() {
            replies.drop_for(&mut self.muted);
        }
    }
}

impl Broker {
    /// Adds a rule behind those there are.
    pub fn inject(&mut self, rule: FaultRule) {
        self.faults.rules.push(rule);
    }

    /// Forgets all rules. Requests that are being delayed stay so.
    pub fn clear_faults(&mut self) {
        self.faults.rules.clear();
    }

    /// Lets a request suffer.
    pub(crate) fn suffer(
        &mut self,
        now: Millis,
        request: Request,
        fault: Fault,
        replies: &mut Replies,
    ) -> Result<(), String> {
        match fault {
            Fault::Delay(millis) => {
                self.faults.delays += 1;
                self.faults.delayed.insert((now.after(millis), self.faults.delays), request);
                Ok(())
            }
            Fault::Error(error) => refusals::refuse(&request, error, replies),
            Fault::DropRequest => Err("a fault drops its request".to_owned()),
            Fault::DropAnswer => {
                self.faults.muted.insert(request.call.connection);
                self.route(now, request, replies)
            }
            Fault::Crash(point) => {
                replies.crash = Some(point);
                self.route(now, request, replies)
            }
        }
    }

    /// Looks at the requests whose delay is over.
    pub(crate) fn end_delays(&mut self, now: Millis, replies: &mut Replies) {
        while let Some(first) = self.faults.delayed.first_entry() {
            if first.key().0 > now {
                return;
            }
            let request = first.remove();
            let connection = request.call.connection;
            if let Err(reason) = self.route(now, request, replies) {
                replies.close(connection, reason);
            }
            // Each is a step of its own: what one changes comes before what the next one does.
            self.hand_over_changes(replies);
        }
    }
}

#[cfg(test)]
mod tests;
