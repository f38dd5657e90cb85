//! From librdkafka's codes to what can be done about them.

use std::fmt::Display;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::error::{Error, ErrorKind};

/// Makes an error of the library from one of the client's: `cannot <doing>: <cause>`.
#[cold]
pub(super) fn failed(doing: impl Display, cause: KafkaError) -> Error {
    let kind = match &cause {
        KafkaError::AdminOp(code) => kind(*code),
        // A client that cannot be made: a file that is missing, settings that exclude one another.
        KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) => ErrorKind::Config,
        KafkaError::Canceled => ErrorKind::Unavailable,
        other => other.rdkafka_error_code().map_or(ErrorKind::Kafka, kind),
    };
    if let KafkaError::ClientConfig(_, description, name, value) = &cause {
        // Neither the value nor the cause, which has it: it may be a secret.
        let tells = !value.is_empty() && description.contains(value.as_str());
        let why = if tells { "its value is not one of those allowed" } else { description };
        let message = format!("setting `{name}` is refused by the Kafka client: {why}");
        return Error::new(kind, message);
    }
    Error::new(kind, format!("cannot {doing}")).with_source(cause)
}

/// Makes an error of a client that cannot be made; librdkafka names the setting of a file, but not the file.
#[cold]
pub(super) fn uncreated(doing: impl Display, config: &ClientConfig, cause: KafkaError) -> Error {
    const FILES: [&str; 5] = [
        "ssl.ca.location",
        "ssl.certificate.location",
        "ssl.crl.location",
        "ssl.key.location",
        "ssl.keystore.location",
    ];
    let said = cause.to_string();
    let file = FILES.iter().find(|name| said.contains(**name));
    let Some((name, path)) = file.and_then(|name| Some((name, config.get(name)?))) else {
        return failed(doing, cause);
    };
    failed(format!("{doing} with `{name}` {path}"), cause)
}

/// Makes an error of one that ended a consumer for good; only the client can say why.
#[cold]
pub(super) fn fatal<C: ConsumerContext>(consumer: &BaseConsumer<C>, cause: KafkaError) -> Error {
    let Some((code, reason)) = consumer.client().fatal_error() else {
        return failed("go on reading", cause);
    };
    let why = match code {
        Code::FencedInstanceId | Code::UnreleasedInstanceId => {
            "another instance has the same group.instance.id: each needs one of its own"
        }
        Code::UnsupportedVersion | Code::UnsupportedFeature => {
            "the brokers do not serve group.protocol=consumer (KIP-848): use `classic`, or upgrade \
             them to Kafka 4.0"
        }
        _ => return Error::new(kind(code), format!("cannot go on reading: {reason}")),
    };
    Error::new(kind(code), format!("cannot go on reading: {why}")).with_source(cause)
}

/// A right that an ACL must give.
#[derive(Debug)]
pub(super) struct Need<'a> {
    operation: &'static str,
    resource: &'static str,
    name: &'a str,
    refused_with: Code,
}

impl<'a> Need<'a> {
    pub(super) fn topic(operation: &'static str, name: &'a str) -> Self {
        Self { operation, resource: "topic", name, refused_with: Code::TopicAuthorizationFailed }
    }

    pub(super) fn group(operation: &'static str, name: &'a str) -> Self {
        Self { operation, resource: "group", name, refused_with: Code::GroupAuthorizationFailed }
    }
}

/// Returns which of these rights a refusal says to be missing, in words; nothing for other codes.
pub(super) fn denied(code: Code, needs: &[Need<'_>]) -> Option<String> {
    let need = needs.iter().find(|need| need.refused_with == code)?;
    let Need { operation, resource, name, .. } = need;
    let on = format!("{resource} {name}");
    Some(format!("Kafka's rules (ACLs) do not give the user `{operation}` on {}", on.trim_end()))
}

/// As [`refused`], naming the right that is missing where that is why.
#[cold]
pub(super) fn refused_without(doing: impl Display, code: Code, needs: &[Need<'_>]) -> Error {
    match denied(code, needs) {
        Some(lacking) => Error::new(kind(code), format!("cannot {doing}: {lacking}")),
        None => refused(doing, code),
    }
}

/// As [`failed`], naming the right that is missing where that is why.
#[cold]
pub(super) fn failed_without(doing: impl Display, cause: KafkaError, needs: &[Need<'_>]) -> Error {
    match cause.rdkafka_error_code().and_then(|code| denied(code, needs)) {
        Some(lacking) => Error::new(ErrorKind::Kafka, format!("cannot {doing}: {lacking}")),
        None => failed(doing, cause),
    }
}

/// Makes an error of a bare code.
#[cold]
pub(super) fn refused(doing: impl Display, code: Code) -> Error {
    Error::new(kind(code), format!("cannot {doing}: {code}"))
}

/// Returns what a code means for the caller.
pub(super) fn kind(code: Code) -> ErrorKind {
    match code {
        Code::BrokerTransportFailure
        | Code::AllBrokersDown
        | Code::Resolve
        | Code::OperationTimedOut
        | Code::MessageTimedOut
        | Code::TimedOutQueue
        | Code::RequestTimedOut
        | Code::NetworkException
        | Code::WaitingForCoordinator
        | Code::CoordinatorLoadInProgress
        | Code::CoordinatorNotAvailable
        | Code::NotCoordinator
        | Code::LeaderNotAvailable
        | Code::NotLeaderForPartition
        | Code::BrokerNotAvailable
        | Code::ReplicaNotAvailable
        | Code::OffsetNotAvailable
        | Code::NotController
        // What a member did not hear yet: a new generation, or that it was removed. The group's next event
        // tells which, and whether its partitions are lost.
        | Code::RebalanceInProgress
        | Code::IllegalGeneration
        | Code::StaleMemberEpoch
        | Code::FencedMemberEpoch
        | Code::UnknownMemberId
        | Code::NotEnoughReplicas
        | Code::NotEnoughReplicasAfterAppend
        | Code::KafkaStorageError
        | Code::ThrottlingQuotaExceeded
        | Code::UnknownLeaderEpoch
        | Code::FencedLeaderEpoch => ErrorKind::Unavailable,
        Code::FencedInstanceId
        | Code::UnreleasedInstanceId
        | Code::Fenced
        | Code::ProducerFenced
        | Code::InvalidProducerEpoch
        | Code::AssignmentLost => ErrorKind::Fenced,
        Code::OffsetOutOfRange | Code::AutoOffsetReset | Code::LogTruncation => {
            ErrorKind::Corrupted
        }
        _ => ErrorKind::Kafka,
    }
}
