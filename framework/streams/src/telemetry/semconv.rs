//! The names of OpenTelemetry's conventions for messaging, in one place: they still change.
//!
//! Version 1.45 has other names for some attributes. `OTEL_SEMCONV_STABILITY_OPT_IN` asks for those with
//! `messaging`, or for both with `messaging/dup`, as its specification says.

use opentelemetry::{KeyValue, Value};

use crate::error::ErrorKind;
use crate::trace::Operation;

/// The names that spans have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Names {
    /// Those of the conventions' version 1.42.
    #[default]
    Stable,
    /// Those of version 1.45.
    Renamed,
    /// Both.
    Both,
}

/// An attribute that has two names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Renamed {
    before: &'static str,
    after: &'static str,
}

pub(super) const SYSTEM: Renamed =
    Renamed { before: "messaging.system", after: "messaging.system.name" };
pub(super) const OFFSET: Renamed =
    Renamed { before: "messaging.kafka.offset", after: "kafka.offset" };
pub(super) const KEY: Renamed =
    Renamed { before: "messaging.kafka.message.key", after: "kafka.message.key" };
pub(super) const TOMBSTONE: Renamed =
    Renamed { before: "messaging.kafka.message.tombstone", after: "kafka.message.tombstone" };

pub(super) const OPERATION_NAME: &str = "messaging.operation.name";
pub(super) const OPERATION_TYPE: &str = "messaging.operation.type";
pub(super) const DESTINATION: &str = "messaging.destination.name";
pub(super) const PARTITION: &str = "messaging.destination.partition.id";
pub(super) const GROUP: &str = "messaging.consumer.group.name";
pub(super) const CLIENT: &str = "messaging.client.id";
pub(super) const BODY_SIZE: &str = "messaging.message.body.size";
pub(super) const BATCH_COUNT: &str = "messaging.batch.message_count";
pub(super) const ERROR_TYPE: &str = "error.type";
/// Not in the conventions: the name of the JVM library's metrics for the same thing.
pub(super) const TASK: &str = "kafka.stream.task.id";

/// The value of [`SYSTEM`].
pub(super) const KAFKA: &str = "kafka";

impl Names {
    /// Returns the names that a value of `OTEL_SEMCONV_STABILITY_OPT_IN` asks for.
    pub(super) fn opted(value: Option<&str>) -> Self {
        let words: Vec<&str> = value.unwrap_or_default().split(',').map(str::trim).collect();
        // Who asks for both and for one gets both.
        if words.contains(&"messaging/dup") {
            Self::Both
        } else if words.contains(&"messaging") {
            Self::Renamed
        } else {
            Self::Stable
        }
    }

    /// Returns where the names are written down.
    pub(super) fn schema_url(self) -> &'static str {
        match self {
            Self::Stable => "https://opentelemetry.io/schemas/1.42.0",
            Self::Renamed | Self::Both => "https://opentelemetry.io/schemas/1.45.0",
        }
    }

    /// Adds an attribute under the names that it has.
    pub(super) fn add(self, into: &mut Vec<KeyValue>, name: Renamed, value: impl Into<Value>) {
        let value = value.into();
        if self == Self::Both {
            into.push(KeyValue::new(name.before, value.clone()));
        }
        let name = if self == Self::Stable { name.before } else { name.after };
        into.push(KeyValue::new(name, value));
    }
}

/// Returns an operation's name, which begins the span's, and its type.
pub(super) fn operation(operation: Operation) -> (&'static str, &'static str) {
    match operation {
        Operation::Poll => ("poll", "receive"),
        Operation::Process => ("process", "process"),
        Operation::Send => ("send", "send"),
        Operation::Commit => ("commit", "settle"),
    }
}

/// Returns the value of [`ERROR_TYPE`]: few are known.
pub(super) fn error_type(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Config => "config",
        ErrorKind::Topology => "topology",
        ErrorKind::Deserialization => "deserialization",
        ErrorKind::Serialization => "serialization",
        ErrorKind::Processing => "processing",
        ErrorKind::State => "state",
        ErrorKind::Corrupted => "corrupted",
        ErrorKind::Kafka => "kafka",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::Fenced => "fenced",
        ErrorKind::Interrupted => "interrupted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_were_opted_for() {
        let names = |value| {
            let mut attributes = Vec::new();
            Names::opted(value).add(&mut attributes, OFFSET, 7);
            attributes.into_iter().map(|pair| pair.key.to_string()).collect::<Vec<_>>()
        };
        let (before, after) = ("messaging.kafka.offset", "kafka.offset");
        assert_eq!(names(None), [before]);
        assert_eq!(names(Some("http, database")), [before]);
        assert_eq!(names(Some("http,messaging")), [after]);
        assert_eq!(names(Some("messaging/dup,messaging")), [before, after]);
    }
}
