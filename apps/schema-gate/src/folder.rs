//! The folder as it is: subjects, their versions, and how compatible they want to be.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kappa::schemas::evolution::Compatibility;
use kappa::serde::SchemaFormat;
use serde::Deserialize;

/// What `compatibility.json` says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Modes {
    default: Option<String>,
    #[serde(default)]
    subjects: BTreeMap<String, String>,
}

/// The folder's contents.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) subjects: Vec<Subject>,
    /// Files that are none of a schema.
    pub(crate) strays: Vec<String>,
}

/// A subject and its files, by version.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) mode: Compatibility,
    pub(crate) files: Vec<File>,
}

/// A version's file.
#[derive(Debug)]
pub(crate) struct File {
    /// Below the folder: `flights-value/1.avsc`.
    pub(crate) path: String,
    pub(crate) version: u32,
    pub(crate) format: SchemaFormat,
    pub(crate) text: String,
    /// What it refers to of other subjects, or why that cannot be read.
    pub(crate) references: Result<Vec<Reference>, String>,
    /// The text of these, as it is released.
    pub(crate) references_text: String,
}

/// A version of another subject that a schema refers to, as registries have it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reference {
    /// How the schema calls it.
    pub(crate) name: String,
    pub(crate) subject: String,
    pub(crate) version: u32,
}

/// Reads a folder.
///
/// # Errors
///
/// Where it cannot be read, or `compatibility.json` is wrong.
pub(crate) fn read(path: &Path) -> Result<Folder, String> {
    let (default, mut modes) = modes(path)?;
    let mut folder = Folder { subjects: Vec::new(), strays: Vec::new() };
    for (name, is_folder) in entries(path)? {
        if !is_folder {
            if !["compatibility.json", "released.json", "README.md"].contains(&name.as_str()) {
                folder.strays.push(name);
            }
            continue;
        }
        let mode = modes.remove(&name).unwrap_or(default);
        let files = files(path, &name, &mut folder.strays)?;
        folder.subjects.push(Subject { name, mode, files });
    }
    match modes.keys().next() {
        Some(name) => Err(format!("compatibility.json: there is no subject `{name}`")),
        None => Ok(folder),
    }
}

fn modes(path: &Path) -> Result<(Compatibility, BTreeMap<String, Compatibility>), String> {
    let file = path.join("compatibility.json");
    let modes = if file.exists() {
        let text = fs::read_to_string(&file).map_err(|error| unreadable(&file, &error))?;
        serde_json::from_str(&text).map_err(|error| format!("compatibility.json: {error}"))?
    } else {
        Modes::default()
    };
    let parse = |name: &str| {
        name.parse::<Compatibility>().map_err(|error| format!("compatibility.json: {error}"))
    };
    let default = modes.default.as_deref().map(parse).transpose()?;
    let subjects = modes.subjects.into_iter().map(|(name, mode)| Ok((name, parse(&mode)?)));
    Ok((
        default.unwrap_or(Compatibility::BackwardTransitive),
        subjects.collect::<Result<_, String>>()?,
    ))
}

fn files(path: &Path, subject: &str, strays: &mut Vec<String>) -> Result<Vec<File>, String> {
    let folder = path.join(subject);
    let (mut files, mut lists): (Vec<File>, Vec<(u32, String)>) = (Vec::new(), Vec::new());
    for (name, is_folder) in entries(&folder)? {
        let path = format!("{subject}/{name}");
        if let Some(version) = references_of(&name).filter(|_| !is_folder) {
            lists.push((version, path));
            continue;
        }
        let Some((version, format)) = parse_name(&name).filter(|_| !is_folder) else {
            strays.push(path);
            continue;
        };
        let file = folder.join(&name);
        let text = fs::read_to_string(&file).map_err(|error| unreadable(&file, &error))?;
        let (references, references_text) = (Ok(Vec::new()), String::new());
        files.push(File { path, version, format, text, references, references_text });
    }
    for (version, list) in lists {
        let file = path.join(&list);
        let text = fs::read_to_string(&file).map_err(|error| unreadable(&file, &error))?;
        let Some(of) = files.iter_mut().find(|file| file.version == version) else {
            strays.push(list);
            continue;
        };
        of.references = serde_json::from_str(&text).map_err(|error| format!("{list}: {error}"));
        of.references_text = text;
    }
    files.sort_by_key(|file| file.version);
    Ok(files)
}

/// Returns the version whose references a file lists.
fn references_of(name: &str) -> Option<u32> {
    number(name.strip_suffix(".references.json")?)
}

fn parse_name(name: &str) -> Option<(u32, SchemaFormat)> {
    let (version, ending) = name.split_once('.')?;
    let format = match ending {
        "avsc" => SchemaFormat::Avro,
        "json" => SchemaFormat::Json,
        "proto" => SchemaFormat::Protobuf,
        _ => return None,
    };
    Some((number(version)?, format))
}

fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number: &u32| number.to_string() == text)
}

/// Returns the names in a folder, in order, and whether each is a folder.
fn entries(path: &Path) -> Result<Vec<(String, bool)>, String> {
    let read = || {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') {
                names.push((name, entry.file_type()?.is_dir()));
            }
        }
        names.sort();
        Ok(names)
    };
    read().map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}
