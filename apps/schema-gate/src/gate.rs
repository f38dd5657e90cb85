//! The check: what is wrong with a folder, file by file, in words.

use std::fmt;

use kappa::schemas::avro::AvroSchema;
use kappa::schemas::evolution::{Checked, check_avro};
use serde::Serialize;

use crate::folder::{File, Folder, Language, Subject};
use crate::released::Released;

/// What the check found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) subjects: usize,
    pub(crate) schemas: usize,
    pub(crate) problems: Vec<Problem>,
    /// What was not checked.
    pub(crate) notes: Vec<Problem>,
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
        for note in &self.notes {
            writeln!(f, "note: {}: {}", note.file, note.message)?;
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
pub(crate) fn check(folder: &Folder, released: &Released) -> Report {
    let mut report = Report { subjects: folder.subjects.len(), ..Report::default() };
    for stray in &folder.strays {
        report.problem(
            stray,
            "is no schema: they are named <subject>/<version>.avsc, .json or .proto",
        );
    }
    for path in released.gone(folder) {
        report.problem(path, "was released and is gone: put it back, readers may need it");
    }
    for subject in &folder.subjects {
        report.schemas += subject.files.len();
        numbers(subject, &mut report);
        edits(subject, released, &mut report);
        versions(subject, &mut report);
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
        if let Some(last) = last.filter(|last| last.language != file.language) {
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
fn versions(subject: &Subject, report: &mut Report) {
    let mut earlier: Vec<(u32, AvroSchema)> = Vec::new();
    for file in &subject.files {
        if file.language != Language::Avro {
            not_compared(file, report);
            continue;
        }
        let schema = match AvroSchema::parse(&file.text) {
            Ok(schema) => schema,
            Err(error) => {
                report.problem(&file.path, error.to_string());
                continue;
            }
        };
        if let Some((version, _)) = earlier.iter().find(|(_, old)| says_the_same(old, &schema)) {
            report.problem(&file.path, format!("says the same as version {version}"));
        }
        if let Some((version, old)) = earlier.last()
            && old.name() != schema.name()
        {
            let why = format!("is named {schema}, and version {version} is named {old}");
            report.problem(&file.path, why);
        }
        match check_avro(subject.mode, &earlier, (file.version, &schema)) {
            Checked::Whole(findings) => {
                for finding in findings {
                    let message = format!("{finding} ({})", subject.mode);
                    let field = Some(finding.path).filter(|path| !path.is_empty());
                    report.problems.push(Problem { file: file.path.clone(), field, message });
                }
            }
            Checked::Not(_) => not_compared(file, report),
        }
        earlier.push((file.version, schema));
    }
}

fn not_compared(file: &File, report: &mut Report) {
    if file.language == Language::Json
        && let Err(error) = serde_json::from_str::<serde_json::Value>(&file.text)
    {
        report.problem(&file.path, format!("is no JSON: {error}"));
    }
    let message = "was not compared with other versions: only Avro is".to_owned();
    report.notes.push(Problem { file: file.path.clone(), field: None, message });
}

/// Whether two texts are the same JSON: spaces do not count, documentation does.
fn says_the_same(a: &AvroSchema, b: &AvroSchema) -> bool {
    let json = |schema: &AvroSchema| serde_json::from_str::<serde_json::Value>(schema.text()).ok();
    json(a) == json(b)
}
