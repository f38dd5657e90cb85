//! The one error type: opaque, one word wide, with predicates and a cause chain.
//!
//! Every message names the topic, partition, offset, setting or store it is about, in lower case and
//! without a full stop: `cannot decode value of orders-3@512: expected object`. Only `runtime` decides
//! what an error means for a task; everything below it only reports.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::ids::{Offset, TaskId, TopicPartition};
use crate::trace::TraceId;

/// The result of everything in this library that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the library, with its kind, its message and its cause.
///
/// # Examples
///
/// ```
/// use kappa::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Config, "unknown setting `comit.interval.ms`");
/// assert!(error.is_config());
/// assert_eq!(error.to_string(), "unknown setting `comit.interval.ms`");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
    /// The task whose state it is about.
    task: Option<TaskId>,
    /// The record that was being processed.
    record: Option<RecordPlace>,
    /// Whether it is in the log already.
    is_logged: bool,
}

/// Which record was being processed when something went wrong, for the log.
#[derive(Debug, Clone)]
pub(crate) struct RecordPlace {
    pub(crate) partition: Arc<TopicPartition>,
    pub(crate) offset: Offset,
    /// Its trace, if it is traced.
    pub(crate) trace: Option<TraceId>,
}

/// What an error is about, and with that what can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is missing, unknown or out of range.
    Config,
    /// The topology, or the topics it finds, do not fit together.
    Topology,
    /// A record from outside cannot be read; it was not processed at all.
    Deserialization,
    /// A value of the program cannot be written as bytes.
    Serialization,
    /// User code failed while a record was being processed.
    Processing,
    /// A state store cannot be read or written, or its directory is in use.
    State,
    /// State and changelog contradict each other; the state must be rebuilt.
    Corrupted,
    /// Kafka refused something; trying again does not help.
    Kafka,
    /// Kafka cannot be reached or is not ready; trying again may help.
    Unavailable,
    /// Another instance owns what this one tried to write.
    Fenced,
    /// The run was told to stop before it was done.
    Interrupted,
}

impl Error {
    /// Creates an error of a kind with a message: lower case, no full stop.
    #[cold]
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            source: None,
            task: None,
            record: None,
            is_logged: false,
        }))
    }

    /// Creates a configuration error.
    #[cold]
    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    /// Creates a topology error.
    #[cold]
    pub(crate) fn topology(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Topology, message)
    }

    /// Creates a state error.
    #[cold]
    pub(crate) fn state(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::State, message)
    }

    /// Adds the cause, to be shown after the message.
    #[cold]
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Puts where it happened before the message: `context: message`.
    #[cold]
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// Notes whose state the error is about.
    #[cold]
    pub(crate) fn in_task(mut self, task: TaskId) -> Self {
        self.0.task = Some(task);
        self
    }

    /// Notes which record was being processed, unless it is known.
    #[cold]
    pub(crate) fn at_record(mut self, place: RecordPlace) -> Self {
        self.0.record.get_or_insert(place);
        self
    }

    /// Returns the task it is about, if that is known.
    pub(crate) fn task(&self) -> Option<TaskId> {
        self.0.task
    }

    /// Returns which record was being processed, if that is known.
    pub(crate) fn record(&self) -> Option<&RecordPlace> {
        self.0.record.as_ref()
    }

    /// Notes that the log has it: whoever is given the error need not say it again.
    pub(crate) fn note_logged(&mut self) {
        self.0.is_logged = true;
    }

    /// Returns whether the log has it already, so that a program need not say it again.
    #[must_use]
    pub fn is_logged(&self) -> bool {
        self.0.is_logged
    }

    /// Returns the task whose state is damaged, if that is what happened and it is known.
    pub(crate) fn corrupted_task(&self) -> Option<TaskId> {
        self.0.task.filter(|_| self.is_corrupted())
    }

    /// Returns what the error is about.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns whether a setting is to blame.
    #[must_use]
    pub fn is_config(&self) -> bool {
        self.0.kind == ErrorKind::Config
    }

    /// Returns whether a record could not be decoded, and so was not processed at all.
    #[must_use]
    pub fn is_deserialization(&self) -> bool {
        self.0.kind == ErrorKind::Deserialization
    }

    /// Returns whether trying the same again may succeed.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        self.0.kind == ErrorKind::Unavailable
    }

    /// Returns whether another instance owns what this one tried to write.
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        self.0.kind == ErrorKind::Fenced
    }

    /// Returns whether local state must be thrown away and rebuilt from its changelog.
    #[must_use]
    pub fn is_corrupted(&self) -> bool {
        self.0.kind == ErrorKind::Corrupted
    }

    /// Returns whether the run was told to stop before it was done.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.0.kind == ErrorKind::Interrupted
    }

    /// Returns the message with all its causes on one line, for a log or a terminal.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = self.0.message.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, self.report())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_word_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn reports_context_and_causes_on_one_line() {
        let error = Error::new(ErrorKind::Deserialization, "expected object")
            .context("cannot decode value of orders-3@512")
            .with_source(std::io::Error::other("line 1 column 4"));
        let expected = "cannot decode value of orders-3@512: expected object: line 1 column 4";
        assert_eq!(error.report(), expected);
        assert!(error.is_deserialization());
    }
}
