//! The check: what is wrong with a folder, file by file, in words.

use std::fmt;

use kappa::schemas::evolution::{AnySchema, check};
use serde::Serialize;

use crate::folder::{File, Folder, Subject};
use crate::released::Released;
use crate::schemas::Schemas;

/// What the check found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) subjects: usize,
    pub(crate) schemas: usize,
    pub(crate) problems: Vec<Problem>,
}

/// Something about a file.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    pub(crate) file: String,
    /// The way to the field, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    pub(crate) message: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{}: {}", problem.file, problem.message)?;
        }
        let count = |count: usize, what: &str| {
            let plural = if count == 1 { "" } else { "s" };
            format!("{count} {what}{plural}")
        };
        let (schemas, subjects) = (count(self.schemas, "schema"), count(self.subjects, "subject"));
        match self.problems.len() {
            0 => writeln!(f, "{schemas} of {subjects}: all is well"),
            problems => writeln!(f, "{schemas} of {subjects}: {}", count(problems, "problem")),
        }
    }
}

impl Report {
    fn problem(&mut self, file: &str, message: impl Into<String>) {
        let (file, message) = (file.to_owned(), message.into());
        self.problems.push(Problem { file, field: None, message });
    }
}

/// Checks a folder.
pub(crate) fn report(folder: &Folder, released: &Released) -> Report {
    let mut report = Report { subjects: folder.subjects.len(), ..Report::default() };
    for stray in &folder.strays {
        report.problem(
            stray,
            "is no schema: they are named <subject>/<version>.avsc, .json or .proto, and what they \
             refer to is in <version>.references.json beside them",
        );
    }
    for path in released.gone(folder) {
        report.problem(path, "was released and is gone: put it back, readers may need it");
    }
    let mut schemas = Schemas::new(folder);
    for subject in &folder.subjects {
        report.schemas += subject.files.len();
        numbers(subject, &mut report);
        edits(subject, released, &mut report);
        versions(subject, &mut schemas, &mut report);
    }
    report
}

/// Versions begin at 1 and have no gaps.
fn numbers(subject: &Subject, report: &mut Report) {
    if subject.files.is_empty() {
        report.problem(&subject.name, "has no versions");
    }
    let mut last: Option<&File> = None;
    for file in &subject.files {
        let before = last.map_or(0, |last| last.version);
        if file.version == before {
            let other = last.map_or("", |last| last.path.as_str());
            report.problem(&file.path, format!("is version {before} as {other} is"));
        } else if file.version != before + 1 {
            let missing = before + 1;
            report.problem(&file.path, format!("version {missing} is missing before it"));
        }
        if let Some(last) = last.filter(|last| last.format != file.format) {
            report.problem(&file.path, format!("is of another language than {}", last.path));
        }
        last = Some(file);
    }
}

fn edits(subject: &Subject, released: &Released, report: &mut Report) {
    let newest =
        subject.files.iter().filter(|file| released.has(file)).map(|file| file.version).max();
    for file in &subject.files {
        if released.is_edited(file) {
            report.problem(
                &file.path,
                "was released and has been edited since: undo that, and add a version instead",
            );
        } else if let Some(newest) = newest.filter(|newest| file.version < *newest)
            && !released.has(file)
        {
            let why = format!("is not released, and version {newest} is: new versions come last");
            report.problem(&file.path, why);
        }
    }
}

/// Each version against those before it.
fn versions<'a>(subject: &'a Subject, schemas: &mut Schemas<'a>, report: &mut Report) {
    let mut earlier: Vec<(u32, AnySchema)> = Vec::new();
    let mut last: Vec<&File> = Vec::new();
    for file in &subject.files {
        let schema = match schemas.schema(subject, file) {
            Ok(schema) => schema,
            Err(why) => {
                report.problem(&file.path, why);
                continue;
            }
        };
        if let Some(same) = last.iter().find(|old| say_the_same(old, file)) {
            report.problem(&file.path, format!("says the same as version {}", same.version));
        }
        if let Some((version, old)) = earlier.last()
            && let (Some(before), Some(now)) = (old.name(), schema.name())
            && before != now
        {
            let why = format!("is named {now}, and version {version} is named {before}");
            report.problem(&file.path, why);
        }
        // That it is of another language is told already.
        let alike = earlier.iter().filter(|(_, old)| old.format() == schema.format());
        let alike: Vec<_> = alike.cloned().collect();
        for finding in check(subject.mode, &alike, (file.version, &schema)) {
            let message = format!("{finding} ({})", subject.mode);
            let field = Some(finding.path).filter(|path| !path.is_empty());
            report.problems.push(Problem { file: file.path.clone(), field, message });
        }
        earlier.push((file.version, schema));
        last.push(file);
    }
}

/// Whether two files say the same: spaces do not count, documentation does.
fn say_the_same(a: &File, b: &File) -> bool {
    let json = |file: &File| serde_json::from_str::<serde_json::Value>(&file.text).ok();
    let words = |file: &File| file.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let texts = match (json(a), json(b)) {
        (Some(a), Some(b)) => a == b,
        _ => words(a) == words(b),
    };
    texts && a.format == b.format && a.references == b.references
}
