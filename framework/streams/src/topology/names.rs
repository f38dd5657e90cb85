//! Real names of topics, groups and directories, live or of a version.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::ids::TopicRef;

/// Where a run's names come from: the application's id, and the version of a rerun.
///
/// A version has a group, state and internal topics of its own, and writes to `<topic>--<version>`.
///
/// # Examples
///
/// ```
/// use kappa::TopicNames;
///
/// let rerun = TopicNames::versioned("orders-app", "v2");
/// assert_eq!(rerun.application_id(), "orders-app--v2");
/// assert_eq!(&*rerun.sink("totals"), "totals--v2");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicNames {
    application_id: Arc<str>,
    /// The live application's.
    live_id: Arc<str>,
    suffix: Option<Arc<str>>,
}

/// How long a name may be, as Kafka has it for topics.
const LEN_MAX: usize = 249;

/// Refuses a name of a store, a group or a topic that no topic can have: topics are named after it.
pub(super) fn check(what: &str, name: &str) -> Result<()> {
    let is_legal = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    let wrong = match name {
        "" => "it is empty".to_owned(),
        "." | ".." => "a folder has it".to_owned(),
        _ if name.len() > LEN_MAX => format!("it has more than {LEN_MAX} characters"),
        _ if !name.bytes().all(is_legal) => {
            "it has other characters than letters, digits, `.`, `_` and `-`".to_owned()
        }
        _ => return Ok(()),
    };
    Err(Error::topology(format!("no {what} can have the name `{name}`: {wrong}")))
}

/// What stands between a name and its version.
pub(super) const VERSION_SEPARATOR: &str = "--";

impl TopicNames {
    /// Names as they are for the live application.
    #[must_use]
    pub fn live(application_id: &str) -> Self {
        let application_id: Arc<str> = application_id.into();
        Self { live_id: application_id.clone(), application_id, suffix: None }
    }

    /// Names for a version of the application.
    #[must_use]
    pub fn versioned(application_id: &str, version: &str) -> Self {
        let suffix = format!("{VERSION_SEPARATOR}{version}");
        let live_id = application_id.into();
        let application_id = format!("{application_id}{suffix}").into();
        Self { application_id, live_id, suffix: Some(suffix.into()) }
    }

    /// Returns the group's name, which is also the prefix of internal topics and the state directory.
    #[must_use]
    pub fn application_id(&self) -> &str {
        &self.application_id
    }

    /// Returns the real name of a topic that is read.
    #[must_use]
    pub fn source(&self, topic: &TopicRef) -> Arc<str> {
        match topic {
            TopicRef::External(name) => name.clone(),
            TopicRef::Internal(name) => self.internal(name),
        }
    }

    /// Returns the real name of a topic of the user's that is written.
    #[must_use]
    pub fn sink(&self, topic: &str) -> Arc<str> {
        match &self.suffix {
            Some(suffix) => format!("{topic}{suffix}").into(),
            None => topic.into(),
        }
    }

    /// Returns the real name of a topic that is written, the user's or our own.
    #[must_use]
    pub fn output(&self, topic: &TopicRef) -> Arc<str> {
        match topic {
            TopicRef::External(name) => self.sink(name),
            TopicRef::Internal(name) => self.internal(name),
        }
    }

    /// Returns the real name of a store's changelog topic (row ST10).
    #[must_use]
    pub fn changelog(&self, store: &str) -> Arc<str> {
        self.internal(&format!("{store}-changelog"))
    }

    /// Returns the name of a topic that serdes are told: the live one in a rerun as well, so that it
    /// writes the same bytes, by the same schemas.
    #[must_use]
    pub fn serde_topic(&self, topic: &TopicRef) -> Arc<str> {
        match topic {
            TopicRef::External(name) => name.clone(),
            TopicRef::Internal(name) => format!("{}-{name}", self.live_id).into(),
        }
    }

    /// Returns the name of a store's changelog that serdes are told (row SD3).
    #[must_use]
    pub fn serde_changelog(&self, store: &str) -> Arc<str> {
        format!("{}-{store}-changelog", self.live_id).into()
    }

    fn internal(&self, name: &str) -> Arc<str> {
        format!("{}-{name}", self.application_id).into()
    }
}
