//! Whether a new version gets on with the earlier ones.

use serde_json::{Value, json};

use crate::error::{Refusal, Result};
use crate::http::Request;
use crate::registry::register::{Checked, Sent};
use crate::registry::{Registry, VersionId};
use crate::schema::{Resolved, incompatibilities};
use crate::state::Version;

/// Bytes of an earlier schema that are told with what is wrong.
const TOLD_BYTES_MAX: usize = 10 << 10;

impl Registry {
    pub(super) fn test_one(&self, request: &Request, subject: &str, id: &str) -> Result<Value> {
        let id = VersionId::parse(id)?;
        let earlier = match (self.find(subject, id, false), id) {
            (Ok(found), _) => vec![found],
            // With nothing, everything gets on.
            (Err(_), VersionId::Latest) => Vec::new(),
            (Err(_), VersionId::Number(_)) => return Err(Refusal::version_not_found(id)),
        };
        self.test(request, subject, earlier)
    }

    pub(super) fn test_all(&self, request: &Request, subject: &str) -> Result<Value> {
        self.test(request, subject, self.state.versions(subject, false).collect())
    }

    fn test(&self, request: &Request, subject: &str, all: Vec<(u32, Version)>) -> Result<Value> {
        let sent: Sent = request.json()?;
        let verbose = request.flag("verbose");
        let messages = match self.check(&sent, false) {
            Ok(checked) => self.compare(subject, &checked, all)?,
            Err(refusal) if verbose => vec![refusal.message().to_owned()],
            Err(refusal) => return Err(refusal),
        };
        Ok(match verbose {
            true => json!({ "is_compatible": messages.is_empty(), "messages": messages }),
            false => json!({ "is_compatible": messages.is_empty() }),
        })
    }

    /// Returns what is wrong with a new version of a subject; nothing if it may be one.
    pub(super) fn compare_with_earlier(&self, subject: &str, new: &Checked) -> Result<Vec<String>> {
        self.compare(subject, new, self.state.versions(subject, false).collect())
    }

    fn compare(
        &self,
        subject: &str,
        new: &Checked,
        earlier: Vec<(u32, Version)>,
    ) -> Result<Vec<String>> {
        let level = self.level_in_scope(subject);
        let count = if level.is_transitive() { usize::MAX } else { 1 };
        for (number, version) in earlier.into_iter().rev().take(count) {
            let old = self.schema(version.id)?;
            let references = self.resolve(&old.references, true)?;
            let (schema_type, text) = (old.schema_type, &*old.schema);
            let old = Resolved { schema_type, text, references: &references };
            let (schema_type, text) = (new.schema.schema_type, &*new.schema.schema);
            let new = Resolved { schema_type, text, references: &new.references };
            let mut messages = Vec::new();
            if level.is_forward() {
                messages.extend(told(incompatibilities(old, new), "old", "new"));
            }
            if level.is_backward() {
                messages.extend(told(incompatibilities(new, old), "new", "old"));
            }
            if !messages.is_empty() {
                messages.push(format!("{{oldSchemaVersion: {number}}}"));
                messages.push(match old.text.get(..TOLD_BYTES_MAX) {
                    Some(start) => format!("{{oldSchema: <truncated> '{start}...'}}"),
                    None => format!("{{oldSchema: '{}'}}", old.text),
                });
                messages.push(format!("{{validateFields: 'false', compatibility: '{level}'}}"));
                return Ok(messages);
            }
        }
        Ok(Vec::new())
    }
}

/// Says which schema is meant by reader and writer.
fn told(
    messages: Vec<String>,
    reader: &'static str,
    writer: &'static str,
) -> impl Iterator<Item = String> {
    messages.into_iter().map(move |text| text.replace("%r", reader).replace("%w", writer))
}
