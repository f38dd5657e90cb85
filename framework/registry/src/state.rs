//! All that a registry knows. It changes by facts alone, so that what was written down makes the
//! same state again.

use std::collections::{BTreeMap, BTreeSet};

use crate::changes::Fact;
use crate::model::{Identity, Mode, Schema, Settings};

/// A version of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) id: u32,
    /// Hidden, that is: it can be asked for, and its id goes on being known.
    pub(crate) deleted: bool,
}

/// A schema and the versions that it is.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) schema: Schema,
    pub(crate) uses: BTreeSet<(String, u32)>,
}

#[derive(Debug)]
pub(crate) struct State {
    /// No subject is without versions.
    pub(crate) subjects: BTreeMap<String, BTreeMap<u32, Version>>,
    /// By id; none is without uses.
    pub(crate) schemas: BTreeMap<u32, Entry>,
    ids: BTreeMap<Identity, u32>,
    /// The ids of the schemas that refer to a version.
    referrers: BTreeMap<(String, u32), BTreeSet<u32>>,
    versions: usize,
    pub(crate) next_id: u32,
    /// By subject; nothing is all of them.
    pub(crate) settings: BTreeMap<Option<String>, Settings>,
    pub(crate) modes: BTreeMap<Option<String>, Mode>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            subjects: BTreeMap::new(),
            schemas: BTreeMap::new(),
            ids: BTreeMap::new(),
            referrers: BTreeMap::new(),
            versions: 0,
            next_id: 1,
            settings: BTreeMap::new(),
            modes: BTreeMap::new(),
        }
    }
}

impl State {
    pub(crate) fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::Version { subject, version, id, schema, deleted } => {
                self.remove(subject, *version);
                let entry = self.schemas.entry(*id).or_insert_with(|| {
                    self.ids.insert(schema.identity(), *id);
                    for key in targets(schema) {
                        self.referrers.entry(key).or_default().insert(*id);
                    }
                    Entry { schema: schema.clone(), uses: BTreeSet::new() }
                });
                entry.uses.insert((subject.clone(), *version));
                let versions = self.subjects.entry(subject.clone()).or_default();
                versions.insert(*version, Version { id: *id, deleted: *deleted });
                self.versions += 1;
                self.next_id = self.next_id.max(id.saturating_add(1));
            }
            Fact::Hidden { subject, version } => {
                let versions = self.subjects.get_mut(subject);
                if let Some(found) = versions.and_then(|versions| versions.get_mut(version)) {
                    found.deleted = true;
                }
            }
            Fact::Removed { subject, version } => self.remove(subject, *version),
            Fact::Settings { subject, settings } => {
                set(&mut self.settings, subject.as_ref(), *settings);
            }
            Fact::Mode { subject, mode } => set(&mut self.modes, subject.as_ref(), *mode),
            Fact::NextId { id } => self.next_id = self.next_id.max(*id),
        }
    }

    fn remove(&mut self, subject: &str, version: u32) {
        let Some(versions) = self.subjects.get_mut(subject) else { return };
        let Some(removed) = versions.remove(&version) else { return };
        if versions.is_empty() {
            self.subjects.remove(subject);
        }
        self.versions -= 1;
        let Some(entry) = self.schemas.get_mut(&removed.id) else { return };
        entry.uses.remove(&(subject.to_owned(), version));
        if !entry.uses.is_empty() {
            return;
        }
        if let Some(entry) = self.schemas.remove(&removed.id) {
            self.ids.remove(&entry.schema.identity());
            for key in targets(&entry.schema) {
                if let Some(ids) = self.referrers.get_mut(&key) {
                    ids.remove(&removed.id);
                    if ids.is_empty() {
                        self.referrers.remove(&key);
                    }
                }
            }
        }
    }

    /// Returns the facts that make this state from nothing.
    pub(crate) fn facts(&self) -> impl Iterator<Item = Fact> + '_ {
        let versions = self.subjects.iter().flat_map(move |(subject, versions)| {
            versions.iter().filter_map(move |(version, found)| {
                let schema = self.schemas.get(&found.id)?.schema.clone();
                let (id, deleted) = (found.id, found.deleted);
                let (subject, version) = (subject.clone(), *version);
                Some(Fact::Version { subject, version, id, schema, deleted })
            })
        });
        let settings = self.settings.iter().map(|(subject, settings)| Fact::Settings {
            subject: subject.clone(),
            settings: Some(*settings),
        });
        let modes = self
            .modes
            .iter()
            .map(|(subject, mode)| Fact::Mode { subject: subject.clone(), mode: Some(*mode) });
        std::iter::once(Fact::NextId { id: self.next_id })
            .chain(versions)
            .chain(settings)
            .chain(modes)
    }

    /// Returns the versions of a subject: those that are not hidden, or all.
    pub(crate) fn versions(
        &self,
        subject: &str,
        deleted: bool,
    ) -> impl DoubleEndedIterator<Item = (u32, Version)> + '_ {
        let all = self.subjects.get(subject).into_iter().flatten();
        all.map(|(number, version)| (*number, *version))
            .filter(move |(_, version)| deleted || !version.deleted)
    }

    /// Returns the latest version of a subject that is this schema.
    pub(crate) fn version_of(
        &self,
        subject: &str,
        id: u32,
        deleted: bool,
    ) -> Option<(u32, Version)> {
        self.versions(subject, deleted).rfind(|(_, version)| version.id == id)
    }

    pub(crate) fn has(&self, subject: &str, deleted: bool) -> bool {
        self.versions(subject, deleted).next().is_some()
    }

    pub(crate) fn schema(&self, id: u32) -> Option<&Schema> {
        self.schemas.get(&id).map(|entry| &entry.schema)
    }

    pub(crate) fn id_of(&self, schema: &Schema) -> Option<u32> {
        self.ids.get(&schema.identity()).copied()
    }

    /// Returns the ids of schemas that refer to a version: of those in use, or of all.
    pub(crate) fn referrers(&self, subject: &str, version: u32, deleted: bool) -> Vec<u32> {
        let ids = self.referrers.get(&(subject.to_owned(), version));
        let ids = ids.into_iter().flatten().copied();
        ids.filter(|id| self.schemas.get(id).is_some_and(|entry| deleted || self.is_live(entry)))
            .collect()
    }

    /// Returns the versions that schema `id` is, with those that are hidden or without.
    pub(crate) fn uses(&self, entry: &Entry, deleted: bool) -> Vec<(String, u32)> {
        let live = |(subject, version): &&(String, u32)| {
            let versions = self.subjects.get(subject);
            let found = versions.and_then(|versions| versions.get(version));
            found.is_some_and(|found| deleted || !found.deleted)
        };
        entry.uses.iter().filter(live).cloned().collect()
    }

    fn is_live(&self, entry: &Entry) -> bool {
        !self.uses(entry, false).is_empty()
    }

    /// Returns how many versions there are, the hidden ones included.
    pub(crate) fn version_count(&self) -> usize {
        self.versions
    }
}

fn set<T>(map: &mut BTreeMap<Option<String>, T>, subject: Option<&String>, value: Option<T>) {
    match value {
        Some(value) => map.insert(subject.cloned(), value),
        None => map.remove(&subject.cloned()),
    };
}

/// Returns the versions that a schema refers to.
fn targets(schema: &Schema) -> impl Iterator<Item = (String, u32)> + '_ {
    schema.references.iter().filter_map(|reference| {
        Some((reference.subject.clone(), u32::try_from(reference.version).ok()?))
    })
}
