//! Deleting: first what is deleted is hidden, and then it may be taken away for ever.

use serde_json::{Value, json};

use crate::changes::Fact;
use crate::error::{Refusal, Result};
use crate::http::Request;
use crate::registry::{Registry, VersionId, to_json};

impl Registry {
    pub(super) fn delete_subject(&mut self, request: &Request, subject: &str) -> Result<Value> {
        let permanent = request.flag("permanent");
        if !self.state.has(subject, true) {
            return Err(Refusal::subject_not_found(subject));
        }
        if !permanent && !self.state.has(subject, false) {
            return Err(Refusal::subject_soft_deleted(subject));
        }
        self.refuse_if_read_only(subject)?;
        let versions: Vec<_> = self.state.versions(subject, permanent).collect();
        for (number, version) in &versions {
            let referrers = self.state.referrers(subject, *number, permanent);
            if referrers.into_iter().any(|id| self.is_elsewhere(id, subject, permanent)) {
                return Err(Refusal::reference_exists(subject, *number));
            }
            if permanent && !version.deleted {
                return Err(Refusal::subject_not_soft_deleted(subject));
            }
        }
        let numbers: Vec<u32> = versions.into_iter().map(|(number, _)| number).collect();
        for version in numbers.iter().copied() {
            self.delete(subject, version, permanent);
        }
        to_json(&numbers)
    }

    pub(super) fn delete_version(
        &mut self,
        request: &Request,
        subject: &str,
        id: &str,
    ) -> Result<Value> {
        let (permanent, id) = (request.flag("permanent"), VersionId::parse(id)?);
        // The latest of those that are not hidden, even where those count as well.
        let (number, version) = match (id, self.find(subject, id, false)) {
            (VersionId::Latest, Ok(found)) => found,
            _ => self.find(subject, id, true)?,
        };
        if !permanent && version.deleted {
            return Err(Refusal::version_soft_deleted(subject, number));
        }
        self.refuse_if_read_only(subject)?;
        if !self.state.referrers(subject, number, permanent).is_empty() {
            return Err(Refusal::reference_exists(subject, number));
        }
        if permanent && !version.deleted {
            return Err(Refusal::version_not_soft_deleted(subject, number));
        }
        self.delete(subject, number, permanent);
        Ok(json!(number))
    }

    fn delete(&mut self, subject: &str, version: u32, permanent: bool) {
        let name = subject.to_owned();
        if !permanent {
            return self.happen(Fact::Hidden { subject: name, version });
        }
        // An id that is gone is not handed out again: records may still carry it.
        self.happen(Fact::NextId { id: self.state.next_id });
        self.happen(Fact::Removed { subject: name, version });
        if !self.state.has(subject, true) {
            let subject = Some(subject.to_owned());
            if self.state.settings.contains_key(&subject) {
                self.happen(Fact::Settings { subject: subject.clone(), settings: None });
            }
            if self.state.modes.contains_key(&subject) {
                self.happen(Fact::Mode { subject, mode: None });
            }
        }
    }

    /// Returns whether a schema is a version of another subject.
    fn is_elsewhere(&self, id: u32, subject: &str, deleted: bool) -> bool {
        let entry = self.state.schemas.get(&id);
        entry.is_some_and(|entry| {
            self.state.uses(entry, deleted).iter().any(|(other, _)| other != subject)
        })
    }
}
