//! Why a cluster does not let a client in, in the words of the settings that decide it.
//!
//! librdkafka tries for ever, whatever the reason, and tells each client's main queue of it. All clients
//! of an application share what is noted here: a reason that trying does not mend ends the run, whichever
//! client looks next, and the same sentence of several clients is logged once.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::error::{Need, denied};
use crate::error::{Error, ErrorKind, Result};
use crate::time::{Clock, SystemClock};

/// What was told to the clients of an application; clones share it.
#[derive(Clone)]
pub(super) struct Refusals(Arc<Inner>);

struct Inner {
    group: String,
    /// Whether there is a refusal: looked at often, and hardly ever so.
    is_refused: AtomicBool,
    clock: SystemClock,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    /// What ends the run.
    refusal: Option<(ErrorKind, String)>,
    /// What may be the reason that nobody answers.
    hint: Option<String>,
    /// When a sentence was logged last.
    logged: BTreeMap<String, Duration>,
}

/// How long the same sentence of another client, or of another try, is not logged again.
const QUIET: Duration = Duration::from_secs(30);
const ALL_DOWN: &str = "all brokers are down";
/// How many sentences are remembered for that.
const LOGGED_MAX: usize = 64;

/// What a sentence of librdkafka's means.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    /// Trying again does not help.
    Refused(String),
    /// It may be a setting, or a broker that is just starting.
    Perhaps(String),
    Unknown,
}

impl Refusals {
    /// Begins without any, for an application whose group has this name.
    pub(super) fn of_group(group: &str) -> Self {
        let (group, clock) = (group.to_owned(), SystemClock::start());
        let is_refused = AtomicBool::new(false);
        Self(Arc::new(Inner { group, is_refused, clock, told: Mutex::default() }))
    }

    /// Takes note of an error that librdkafka told a client, with its words.
    pub(super) fn note(&self, error: &KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        let denied = code.and_then(|code| self.denied(code, reason));
        if let Some(message) = denied {
            self.refuse(ErrorKind::Kafka, message);
            return;
        }
        let mut told = self.told();
        // How many are down changes with every try.
        let mut sentence = if code == Some(Code::AllBrokersDown) { ALL_DOWN } else { reason };
        let meaning = code.map_or(Meaning::Unknown, |code| meaning(code, reason));
        match &meaning {
            Meaning::Refused(why) => {
                // Said once, by the error that ends the run.
                tracing::debug!(target: "librdkafka", "{error}: {reason}");
                drop(told);
                self.refuse(ErrorKind::Config, why.clone());
                return;
            }
            Meaning::Perhaps(why) => {
                told.hint = Some(why.clone());
                // One connection that ends is told in one sentence or in two, as it happens.
                sentence = why;
            }
            Meaning::Unknown => {}
        }
        let is_consequence = sentence == ALL_DOWN && told.refusal.is_some();
        if !is_consequence && told.is_news(sentence, self.0.clock.monotonic()) {
            tracing::warn!(target: "librdkafka", "{error}: {reason}");
        }
    }

    /// Takes note of a line of librdkafka's log: an ended connection that is no error may still be one.
    pub(super) fn note_log(&self, facility: &str, message: &str) {
        if facility != "FAIL" {
            return;
        }
        let words = message.split_once("]: ").map_or(message, |(_thread, words)| words);
        if let Meaning::Perhaps(why) = meaning(Code::BrokerTransportFailure, words) {
            self.told().hint = Some(why);
        }
    }

    /// Fails where a client was refused for good.
    pub(super) fn check(&self) -> Result<()> {
        if !self.0.is_refused.load(Ordering::Acquire) {
            return Ok(());
        }
        match &self.told().refusal {
            None => Ok(()),
            Some((kind, message)) => Err(Error::new(*kind, message.clone())),
        }
    }

    /// Returns what the cluster's silence may be due to.
    pub(super) fn hint(&self) -> Option<String> {
        self.told().hint.clone()
    }

    /// Returns an error, or what explains it better.
    pub(super) fn explain(&self, error: Error) -> Error {
        match self.check() {
            Err(refusal) if error.is_retriable() => refusal,
            _ => error,
        }
    }

    /// The first one stays: others follow from it.
    fn refuse(&self, kind: ErrorKind, message: String) {
        self.told().refusal.get_or_insert((kind, message));
        self.0.is_refused.store(true, Ordering::Release);
    }

    fn denied(&self, code: Code, reason: &str) -> Option<String> {
        // librdkafka's own words name the topic: `Subscribed topic not available: orders: Broker: ...`.
        let topic = reason.strip_prefix("Subscribed topic not available: ");
        let topic = topic.and_then(|rest| rest.split(": ").next()).unwrap_or("that it reads");
        if code == Code::ClusterAuthorizationFailed {
            // An idempotent producer is let begin by the right to write any topic.
            return Some(
                "cannot go on: Kafka's rules (ACLs) give the user `Write` on no topic".to_owned(),
            );
        }
        let needs = [Need::group("Read", &self.0.group), Need::topic("Read", topic)];
        let lacking = denied(code, &needs)?;
        Some(format!("cannot go on: {lacking}"))
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    /// Returns whether nobody has logged a sentence for a while, and takes it for logged now.
    fn is_news(&mut self, reason: &str, now: Duration) -> bool {
        // The rest counts times and tries.
        let sentence = reason.rsplit_once(" (after ").map_or(reason, |(sentence, _)| sentence);
        if self.logged.get(sentence).is_some_and(|last| now.saturating_sub(*last) < QUIET) {
            return false;
        }
        if self.logged.len() >= LOGGED_MAX {
            self.logged.clear();
        }
        self.logged.insert(sentence.to_owned(), now);
        true
    }
}

impl fmt::Debug for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Refusals").field(&self.told().refusal).finish()
    }
}

/// Returns which settings an error of a connection is about.
fn meaning(code: Code, reason: &str) -> Meaning {
    let (at, detail) = split(reason);
    let says = |text: &str| detail.contains(text);
    match code {
        // The connection ended in the middle: that is no answer, and it is tried again.
        Code::Authentication if NO_ANSWER.iter().any(|text| says(text)) => Meaning::Unknown,
        Code::Authentication if says("mechanism handshake failed") => Meaning::Refused(format!(
            "Kafka at {at} does not serve the `sasl.mechanism` that is set: {detail}"
        )),
        Code::Authentication => Meaning::Refused(format!(
            "Kafka at {at} does not accept `sasl.username` and `sasl.password`: {detail}"
        )),
        Code::SSL if says("certificate verify failed") => Meaning::Refused(format!(
            "the certificate of Kafka at {at} cannot be verified: it is not signed by what \
             `ssl.ca.location` names, has expired, or is made out to another host"
        )),
        Code::SSL if TLS_WITH_NO_TLS.iter().any(|text| says(text)) => Meaning::Refused(format!(
            "Kafka at {at} does not speak TLS on this port: `security.protocol` or the port in \
             `bootstrap.servers` is wrong"
        )),
        Code::SSL if says(" alert ") => Meaning::Refused(format!(
            "Kafka at {at} refuses the client's certificate (`ssl.certificate.location`, \
             `ssl.key.location`): {detail}"
        )),
        _ if answered_with_tls(detail) => Meaning::Refused(format!(
            "Kafka at {at} speaks TLS on this port: set `security.protocol` to SSL or SASL_SSL"
        )),
        Code::BrokerTransportFailure if ended_while_beginning(reason) => Meaning::Perhaps(format!(
            "Kafka at {at} ends the connection: it may ask for another `security.protocol`"
        )),
        _ => Meaning::Unknown,
    }
}

/// What librdkafka says where nobody has answered.
const NO_ANSWER: [&str; 2] = ["Local: Broker transport failure", "Local: Timed out"];

/// What OpenSSL says of an answer that is none of TLS.
const TLS_WITH_NO_TLS: [&str; 4] =
    ["wrong version number", "packet length too long", "unknown protocol", "record layer failure"];
/// Returns whether the other side ended a connection before either knew the other: a port with TLS does so
/// with who has none, and the reverse.
fn ended_while_beginning(reason: &str) -> bool {
    const BEGINNING: [&str; 3] =
        ["in state APIVERSION_QUERY", "in state SSL_HANDSHAKE", "require SASL authentication"];
    reason.contains("Disconnected") && BEGINNING.iter().any(|state| reason.contains(state))
}

/// Returns whether the answer to a request without TLS was an alert of TLS, taken for a length: the bytes
/// 21, 3, and the version's minor part.
fn answered_with_tls(detail: &str) -> bool {
    const ALERT: std::ops::RangeInclusive<u64> = 0x15_03_00_00..=0x15_03_04_ff;
    let size = detail.split_once("Invalid response size ").map(|(_, rest)| rest);
    let size = size.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    size.is_some_and(|size: u64| ALERT.contains(&size))
}

/// Splits `sasl_ssl://host:port/bootstrap: words` into the address and the words.
fn split(reason: &str) -> (&str, &str) {
    let Some((broker, detail)) = reason.split_once(": ") else { return ("?", reason) };
    let address = broker.rsplit_once("://").map_or(broker, |(_, rest)| rest);
    let address = address.split_once('/').map_or(address, |(address, _)| address);
    (address, detail.rsplit_once(" (after ").map_or(detail, |(detail, _)| detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_names_the_settings_that_decide_it() {
        for (code, reason, expected) in [
            (
                Code::Authentication,
                "sasl_ssl://127.0.0.1:9093/bootstrap: SASL authentication error: Authentication failed \
                 during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512 \
                 (after 301ms in state AUTH_REQ)",
                "Kafka at 127.0.0.1:9093 does not accept `sasl.username` and `sasl.password`: SASL \
                 authentication error: Authentication failed during authentication due to invalid \
                 credentials with SASL mechanism SCRAM-SHA-512",
            ),
            (
                Code::SSL,
                "ssl://kafka:9093/bootstrap: SSL handshake failed: error:0A000086:SSL \
                 routines::certificate verify failed: broker certificate could not be verified (after \
                 6ms in state SSL_HANDSHAKE)",
                "the certificate of Kafka at kafka:9093 cannot be verified: it is not signed by what \
                 `ssl.ca.location` names, has expired, or is made out to another host",
            ),
            (
                Code::SSL,
                "ssl://kafka:9092/bootstrap: SSL handshake failed: error:0A00010B:SSL \
                 routines::wrong version number",
                "Kafka at kafka:9092 does not speak TLS on this port: `security.protocol` or the port \
                 in `bootstrap.servers` is wrong",
            ),
            (
                Code::BadMessage,
                "kafka:9093/bootstrap: Receive failed: Invalid response size 352518912 (0..100000000): \
                 increase receive.message.max.bytes",
                "Kafka at kafka:9093 speaks TLS on this port: set `security.protocol` to SSL or SASL_SSL",
            ),
        ] {
            assert_eq!(meaning(code, reason), Meaning::Refused(expected.to_owned()));
        }
        let down = "kafka:9092/bootstrap: Connect to ipv4#10.0.0.1:9092 failed: Connection refused";
        assert_eq!(meaning(Code::BrokerTransportFailure, down), Meaning::Unknown);
        let cut_off = "sasl_ssl://127.0.0.1:9093/bootstrap: SASL SCRAM-SHA-512 mechanism handshake \
                       failed: Local: Broker transport failure: broker's supported mechanisms: (n/a)";
        assert_eq!(meaning(Code::Authentication, cut_off), Meaning::Unknown);
    }

    #[test]
    fn the_first_refusal_ends_the_run_and_a_right_that_is_missing_is_named() {
        let refusals = Refusals::of_group("app");
        refusals.note(&KafkaError::Global(Code::AllBrokersDown), "1/1 brokers are down");
        assert!(refusals.check().is_ok());
        let reason = "JoinGroup failed: Broker: Group authorization failed";
        refusals.note(&KafkaError::Global(Code::GroupAuthorizationFailed), reason);
        let error = refusals.clone().check().unwrap_err();
        assert_eq!(
            error.report(),
            "cannot go on: Kafka's rules (ACLs) do not give the user `Read` on group app"
        );
        let refusals = Refusals::of_group("app");
        let reason = "Subscribed topic not available: orders: Broker: Topic authorization failed";
        refusals.note(&KafkaError::Global(Code::TopicAuthorizationFailed), reason);
        let report = refusals.check().unwrap_err().report();
        assert!(report.ends_with("`Read` on topic orders"), "{report}");
    }

    #[test]
    fn a_guess_of_librdkafkas_log_is_kept_for_whoever_asks() {
        let refusals = Refusals::of_group("app");
        let line = "[thrd:kafka:9093/bootstrap]: kafka:9093/bootstrap: Disconnected: connection \
                    closed by peer: receive 0 after POLLIN (after 3ms in state APIVERSION_QUERY)";
        refusals.note_log("CONNECT", line);
        assert_eq!(refusals.hint(), None);
        refusals.note_log("FAIL", line);
        let expected = "Kafka at kafka:9093 ends the connection: it may ask for another \
                        `security.protocol`";
        assert_eq!(refusals.hint().as_deref(), Some(expected));
        assert!(refusals.check().is_ok(), "it may be a broker that is just starting");
    }

    #[test]
    fn a_connection_that_ends_is_news_once_however_it_is_said() {
        let refusals = Refusals::of_group("app");
        let error = KafkaError::Global(Code::BrokerTransportFailure);
        for words in [
            "Disconnected: SSL connection closed by peer (after 1ms in state SSL_HANDSHAKE)",
            "SSL handshake failed: Disconnected: SSL connection closed by peer: connecting to a \
             PLAINTEXT broker listener? (after 2ms in state SSL_HANDSHAKE)",
        ] {
            refusals.note(&error, &format!("sasl_ssl://127.0.0.1:9092/bootstrap: {words}"));
        }
        assert_eq!(refusals.told().logged.len(), 1);
    }

    #[test]
    fn a_sentence_of_several_clients_is_news_once() {
        let mut told = Told::default();
        let say = |told: &mut Told, reason: &str, second| {
            told.is_news(reason, Duration::from_secs(second))
        };
        assert!(say(&mut told, "a: Disconnected (after 3ms in state UP)", 0));
        assert!(!say(&mut told, "a: Disconnected (after 5ms in state UP)", 29));
        assert!(say(&mut told, "b: Disconnected (after 5ms in state UP)", 29));
        assert!(say(&mut told, "a: Disconnected (after 5ms in state UP)", 31));
        for number in 0..LOGGED_MAX {
            say(&mut told, &number.to_string(), 32);
        }
        assert!(told.logged.len() <= LOGGED_MAX);
    }
}
