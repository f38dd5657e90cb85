//! The schemas of a folder, each parsed once with those of other subjects that it refers to.

use std::collections::HashMap;

use kappa::schemas::evolution::AnySchema;

use crate::folder::{File, Folder, Reference, Subject};

/// How deep references may go.
const DEPTH_MAX: usize = 16;

/// A version of a subject.
type Place<'a> = (&'a str, u32);

/// The schemas of a folder, as far as they were asked for.
pub(crate) struct Schemas<'a> {
    folder: &'a Folder,
    known: HashMap<&'a str, Result<AnySchema, String>>,
    /// What is being parsed: each refers to the next.
    open: Vec<Place<'a>>,
}

impl<'a> Schemas<'a> {
    pub(crate) fn new(folder: &'a Folder) -> Self {
        Self { folder, known: HashMap::new(), open: Vec::new() }
    }

    /// Returns a version's schema.
    ///
    /// # Errors
    ///
    /// Where it is none, or refers to what is not there, or to itself.
    pub(crate) fn schema(&mut self, of: &'a Subject, file: &'a File) -> Result<AnySchema, String> {
        if let Some(known) = self.known.get(file.path.as_str()) {
            return known.clone();
        }
        self.open.push((&of.name, file.version));
        let schema = self.parse(file);
        self.open.pop();
        self.known.insert(&file.path, schema.clone());
        schema
    }

    fn parse(&mut self, file: &'a File) -> Result<AnySchema, String> {
        let references = file.references.as_ref().map_err(Clone::clone)?;
        let mut others = Vec::with_capacity(references.len());
        for reference in references {
            others.push((reference.name.as_str(), self.referred(reference)?));
        }
        let others: Vec<_> = others.iter().map(|(name, schema)| (*name, schema)).collect();
        AnySchema::parse(file.format, &file.text, &others).map_err(|error| error.to_string())
    }

    fn referred(&mut self, reference: &'a Reference) -> Result<AnySchema, String> {
        let Reference { name, subject, version } = reference;
        let what = format!("refers to version {version} of {subject} as `{name}`");
        let place = (subject.as_str(), *version);
        if let Some(at) = self.open.iter().position(|open| *open == place) {
            let circle = self.open.iter().skip(at).chain([&place]);
            let circle: Vec<_> =
                circle.map(|(subject, version)| format!("{subject} {version}")).collect();
            return Err(format!("{what}, which refers back to it: {}", circle.join(" -> ")));
        }
        if self.open.len() > DEPTH_MAX {
            return Err(format!("{what}: references go deeper than {DEPTH_MAX}"));
        }
        let folder = self.folder;
        let found = folder.subjects.iter().find(|other| other.name == *subject);
        let Some(other) = found else {
            return Err(format!("{what}, and there is no such subject"));
        };
        let Some(file) = other.files.iter().find(|file| file.version == *version) else {
            return Err(format!("{what}, and there is no such version"));
        };
        self.schema(other, file).map_err(|why| match why.contains(" -> ") {
            true => format!("{what}, which is part of a circle"),
            false => format!("{what}, which cannot be used itself"),
        })
    }
}
