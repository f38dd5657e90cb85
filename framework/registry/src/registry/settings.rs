//! What is configured: compatibility and modes, of subjects and of all.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::changes::Fact;
use crate::error::{Refusal, Result};
use crate::http::{Method, Request};
use crate::model::{Level, Mode, Settings};
use crate::registry::{Registry, check_subject, not_allowed, not_found};

/// What clients want configured. Of the rest that Confluent's registry can configure nothing is
/// known here, and it is not looked at.
#[derive(Debug, Deserialize)]
struct Wanted {
    compatibility: Option<String>,
    normalize: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct WantedMode {
    mode: Option<String>,
}

impl Registry {
    pub(super) fn route_config(&mut self, request: &Request, rest: &[&str]) -> Result<Value> {
        let subject = subject_of(rest)?;
        let own = self.state.settings.get(&subject).copied();
        match request.method {
            Method::Get => match (&subject, own) {
                (Some(name), None) if !request.flag("defaultToGlobal") => {
                    Err(Refusal::no_subject_level(name))
                }
                _ => Ok(self.settings_in_scope(subject).described()),
            },
            Method::Put => {
                self.check_configurable(subject.as_deref())?;
                let wanted: Wanted = request.json()?;
                let level = wanted
                    .compatibility
                    .as_deref()
                    .map(|name| Level::parse(name).ok_or_else(Refusal::invalid_level));
                let own = own.unwrap_or_default();
                let settings = Settings {
                    compatibility: level.transpose()?.or(own.compatibility),
                    normalize: wanted.normalize.or(own.normalize),
                };
                self.happen(Fact::Settings { subject, settings: Some(settings) });
                let mut answer = Map::new();
                if let Some(level) = settings.compatibility {
                    answer.insert("compatibility".to_owned(), level.name().into());
                }
                if let Some(normalize) = settings.normalize {
                    answer.insert("normalize".to_owned(), normalize.into());
                }
                Ok(answer.into())
            }
            Method::Delete => {
                if let (Some(name), None) = (&subject, own) {
                    return Err(Refusal::subject_not_found(name));
                }
                self.refuse_if_read_only(subject.as_deref().unwrap_or_default())?;
                let before = match &subject {
                    Some(_) => own.unwrap_or_default(),
                    None => self.settings_in_scope(None),
                };
                self.happen(Fact::Settings { subject, settings: None });
                Ok(before.described())
            }
            Method::Post => not_allowed(),
        }
    }

    pub(super) fn route_mode(&mut self, request: &Request, rest: &[&str]) -> Result<Value> {
        let subject = subject_of(rest)?;
        let own = self.state.modes.get(&subject).copied();
        match request.method {
            Method::Get => match (&subject, own) {
                (_, Some(mode)) => Ok(json!({ "mode": mode.name() })),
                (Some(name), None) if !request.flag("defaultToGlobal") => {
                    Err(Refusal::no_subject_mode(name))
                }
                (name, None) => {
                    let mode = self.mode_in_scope(name.as_deref().unwrap_or_default());
                    Ok(json!({ "mode": mode.name() }))
                }
            },
            Method::Put => {
                self.check_configurable_name(subject.as_deref())?;
                let wanted: WantedMode = request.json()?;
                let mode = wanted.mode.as_deref().and_then(Mode::parse);
                let mode = mode.ok_or_else(Refusal::invalid_mode)?;
                let has_versions = match &subject {
                    Some(name) => self.state.has(name, false),
                    None => !self.state.subjects.is_empty(),
                };
                if mode == Mode::Import && has_versions && !request.flag("force") {
                    let what = "Cannot import since found existing subjects";
                    return Err(Refusal::not_permitted(what));
                }
                self.happen(Fact::Mode { subject, mode: Some(mode) });
                Ok(json!({ "mode": mode.name() }))
            }
            Method::Delete => {
                let mode = match (&subject, own) {
                    (Some(name), None) => return Err(Refusal::subject_not_found(name)),
                    (_, own) => own.unwrap_or(Mode::ReadWrite),
                };
                self.happen(Fact::Mode { subject, mode: None });
                Ok(json!({ "mode": mode.name() }))
            }
            Method::Post => not_allowed(),
        }
    }

    fn check_configurable(&self, subject: Option<&str>) -> Result<()> {
        self.check_configurable_name(subject)?;
        self.refuse_if_read_only(subject.unwrap_or_default())
    }

    fn check_configurable_name(&self, subject: Option<&str>) -> Result<()> {
        let Some(name) = subject else { return Ok(()) };
        check_subject(name, &self.config)?;
        let key = Some(name.to_owned());
        let known = self.state.settings.contains_key(&key) || self.state.modes.contains_key(&key);
        let max = self.config.subjects_max;
        let count = self.state.settings.len().max(self.state.modes.len());
        if !known && count > max {
            let what = format!("{max} subjects have settings already, the most allowed");
            return Err(Refusal::not_permitted(what));
        }
        Ok(())
    }

    pub(super) fn refuse_if_read_only(&self, subject: &str) -> Result<()> {
        if self.mode_in_scope(subject).is_read_only() {
            let what = format!("Subject {subject} in context . is in read-only mode");
            return Err(Refusal::not_permitted(what));
        }
        Ok(())
    }

    /// Returns what holds for a subject: its own, or that of all.
    pub(super) fn mode_in_scope(&self, subject: &str) -> Mode {
        let all = self.state.modes.get(&None).copied();
        if all == Some(Mode::ReadOnlyOverride) {
            return Mode::ReadOnlyOverride;
        }
        let own = self.state.modes.get(&Some(subject.to_owned())).copied();
        own.or(all).unwrap_or(Mode::ReadWrite)
    }

    pub(super) fn level_in_scope(&self, subject: &str) -> Level {
        let settings = self.settings_in_scope(Some(subject.to_owned()));
        settings.compatibility.unwrap_or(self.config.compatibility)
    }

    fn settings_in_scope(&self, subject: Option<String>) -> Settings {
        let get = |key| self.state.settings.get(&key).copied().unwrap_or_default();
        let (own, all) = (get(subject), get(None));
        let level = own.compatibility.or(all.compatibility).unwrap_or(self.config.compatibility);
        Settings { compatibility: Some(level), normalize: own.normalize.or(all.normalize) }
    }
}

impl Settings {
    fn described(&self) -> Value {
        let mut answer = Map::new();
        if let Some(level) = self.compatibility {
            answer.insert("compatibilityLevel".to_owned(), level.name().into());
        }
        if let Some(normalize) = self.normalize {
            answer.insert("normalize".to_owned(), normalize.into());
        }
        answer.into()
    }
}

/// Returns the subject that is meant, or all of them.
fn subject_of(rest: &[&str]) -> Result<Option<String>> {
    match rest {
        [] => Ok(None),
        [subject] => Ok(Some((*subject).to_owned())),
        _ => not_found(),
    }
}
